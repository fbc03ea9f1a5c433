//! Matrices as layers.

use nvpico::Flow;

use super::super::assemble::Assembly;
use super::super::matrix::Matrix;
use super::Dict;

#[test]
fn layers_multiply_by_the_matrix() {
    for dim in 2..12 {
        let mut dict = Dict::default();
        let matrix = Matrix::new(dim, dict.random("matrix", &[dim, dim]));
        let mut assembly = Assembly::new(dim);
        assembly.matrix("matrix", &matrix).unwrap();
        let model = assembly.model();
        let layers = model.header.spec.layers();
        let flow = Flow::new(model.header.spec.flow_spec(&layers), &model.params).unwrap();
        let mut scratch = vec![0.0; flow.spec().scratch_len()];
        for column in 0..dim {
            let mut x = vec![0.0; dim];
            x[column] = 1.0;
            flow.forward(&mut x, &mut scratch).unwrap();
            for (row, &found) in x.iter().enumerate() {
                let expected = matrix.at(row, column);
                let error = (f64::from(found) - expected).abs();
                assert!(
                    error < 1e-5,
                    "{dim}: {row}, {column}: {found}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn a_permutation_stays_one_and_a_singular_matrix_is_refused() {
    let mut assembly = Assembly::new(3);
    let turned = Matrix::new(3, vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assembly.matrix("turned", &turned).unwrap();
    assert_eq!(assembly.model().header.spec.layers.len(), 1);
    let mut assembly = Assembly::new(3);
    let said = assembly.matrix("flat", &Matrix::new(3, vec![1.0; 9]));
    assert!(said.unwrap_err().contains("`flat` has no inverse"));
}
