//! Matrices as layers.

use nvpico::Flow;

use super::super::assemble::Assembly;
use super::super::matrix::Matrix;
use super::Dict;
use crate::import::ImportError;

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

/// `P L U` with `U`'s diagonal apart, as normflows has it; the entries that do not count are there all the same.
fn factors(dict: &mut Dict, name: &str) -> (Matrix, f64) {
    let lower = Matrix::new(3, dict.random(&format!("{name}.L"), &[3, 3]));
    let upper = Matrix::new(3, dict.random(&format!("{name}.U"), &[3, 3]));
    let turned = Matrix::new(3, vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    dict.set(&format!("{name}.P"), &[3, 3], &turned.values);
    let sign = [1.0, -1.0, -1.0];
    dict.set(&format!("{name}.sign_S"), &[3], &sign);
    let log = dict.random(&format!("{name}.log_S"), &[3]);
    let eye = Matrix::of(3, |row, column| f64::from(u8::from(row == column)));
    dict.set(&format!("{name}.eye"), &[3, 3], &eye.values);
    let lower = Matrix::of(3, |row, column| {
        if row > column {
            lower.at(row, column)
        } else {
            eye.at(row, column)
        }
    });
    let upper = Matrix::of(3, |row, column| {
        if row < column {
            upper.at(row, column)
        } else {
            eye.at(row, column) * sign[row] * log[row].exp()
        }
    });
    (turned.times(&lower).times(&upper), log.iter().sum())
}

fn apply(matrix: &Matrix, x: &[f64]) -> Vec<f64> {
    let row = |row: usize| (0..3).map(|at| matrix.at(row, at) * x[at]).sum();
    (0..3).map(row).collect()
}

/// One flow of normflows, with the standard base.
fn normflows(
    class: &str,
    dict: &mut Dict,
    library: impl Fn(&[f64]) -> (Vec<f64>, f64),
) -> Result<(), ImportError> {
    dict.set("q0.loc", &[1, 3], &[0.0; 3]);
    dict.set("q0.log_scale", &[1, 3], &[0.0; 3]);
    let architecture = format!(
        r#"{{"library": "normflows", "features": 3, "flows": ["{class}"], "base": "DiagGaussian"}}"#
    );
    dict.agrees(&architecture, 3, library)
}

#[test]
fn matrices_of_normflows_are_what_the_library_multiplies_by() {
    for class in ["Invertible1x1Conv", "InvertibleAffine"] {
        let mut dict = Dict::default();
        let (matrix, log_det) = factors(&mut dict, "flows.0");
        let matrix = if class == "InvertibleAffine" {
            matrix.transposed()
        } else {
            matrix
        };
        normflows(class, &mut dict, |x| (apply(&matrix, x), log_det)).unwrap();
        let mut dict = Dict::default();
        let matrix = Matrix::new(3, vec![0.5, 2.0, 0.0, -1.0, 0.5, 0.0, 3.0, 1.0, -2.0]);
        dict.set("flows.0.W", &[3, 3], &matrix.values);
        let matrix = if class == "InvertibleAffine" {
            matrix.transposed()
        } else {
            matrix
        };
        // (0.25 + 2) * 2
        normflows(class, &mut dict, |x| (apply(&matrix, x), 4.5_f64.ln())).unwrap();
    }
}

/// `LULinear`'s tensors; what it does.
pub(super) fn lu_linear(dict: &mut Dict, name: &str) -> impl Fn(&[f64]) -> (Vec<f64>, f64) + use<> {
    let lower = dict.random(&format!("{name}.lower_entries"), &[3]);
    let upper = dict.random(&format!("{name}.upper_entries"), &[3]);
    let raw = dict.random(&format!("{name}.unconstrained_upper_diag"), &[3]);
    let bias = dict.random(&format!("{name}.bias"), &[3]);
    move |x| {
        let scale: Vec<f64> = raw.iter().map(|r| r.exp().ln_1p() + 1e-3).collect();
        let u = [
            scale[0] * x[0] + upper[0] * x[1] + upper[1] * x[2],
            scale[1] * x[1] + upper[2] * x[2],
            scale[2] * x[2],
        ];
        let z = vec![
            u[0] + bias[0],
            lower[0] * u[0] + u[1] + bias[1],
            lower[1] * u[0] + lower[2] * u[1] + u[2] + bias[2],
        ];
        (z, scale.iter().map(|s| s.ln()).sum())
    }
}

#[test]
fn a_linear_layer_behind_a_permutation() {
    let mut dict = Dict::default();
    let linear = lu_linear(&mut dict, "flows.0.linear");
    dict.orders
        .insert("flows.0.permutation._permutation".to_owned(), vec![1, 2, 0]);
    normflows("LULinearPermute", &mut dict, |x| {
        linear(&[x[1], x[2], x[0]])
    })
    .unwrap();
}
