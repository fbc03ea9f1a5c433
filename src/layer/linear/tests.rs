//! The matrix by hand, in fixed point, and its gradients.

use super::*;
use crate::arithmetic::fixed::Progress;
use crate::image::{I8, Program, op};
use crate::integer::IntegerFlow;
use crate::{FlowSpec, LayerSpec};
use std::vec::Vec;

const PARAMS: [f32; 13] = [
    2.0,
    -1.0,
    0.5, //
    0.25,
    -0.5,
    1.5, //
    -0.75,
    1.25,
    4.0, //
    1.0,
    -2.0,
    0.125, //
    1.386_294_4,
];

/// The words of [`PARAMS`]: exact, as all its numbers are multiples of an eighth.
fn words(places: i32) -> Vec<i32> {
    let eighths = |value: f32| (value * 8.0) as i32;
    let mut words = std::vec![op::LINEAR, 3, places, 90_852 * places];
    for row in 0..3 {
        let own = &PARAMS[3 * row..3 * row + 3];
        let offset = (PARAMS[9 + row] * 65_536.0) as i32;
        words.extend([eighths(own[row]), 3, offset]);
        words.extend((0..3).filter(|&at| at != row).map(|at| eighths(own[at])));
    }
    words
}

#[test]
fn the_product_is_that_of_the_factors() {
    // L U, written out.
    let matrix = [[2.0, -1.0, 0.5], [0.5, -0.75, 1.625], [-1.5, 0.125, 5.5]];
    let x = [1.5, -2.0, 3.0];
    let mut y = x;
    let mut log_det = 0.0;
    assert!(forward(Shape::vector(3), &PARAMS, &mut y, &mut log_det).is_some());
    for (row, (entries, bias)) in matrix.iter().zip([1.0, -2.0, 0.125]).enumerate() {
        let expected: f32 = entries.iter().zip(x).map(|(w, x)| w * x).sum();
        assert_eq!(y[row], expected + bias);
    }
    assert!(inverse(Shape::vector(3), &PARAMS, &mut y, &mut log_det).is_some());
    assert_eq!((y, log_det), (x, 0.0));
}

#[test]
fn too_few_parameters_are_no_layer() {
    let (mut x, mut log_det) = ([0.0_f32; 3], 0.0);
    for len in 0..PARAMS.len() {
        let shape = Shape::vector(3);
        assert!(forward(shape, &PARAMS[..len], &mut x, &mut log_det).is_none());
        assert!(inverse(shape, &PARAMS[..len], &mut x, &mut log_det).is_none());
    }
}

#[test]
fn fixed_point_multiplies_by_the_same_matrix() {
    let shape = Shape::vector(3);
    let words = words(1);
    let x = [98_304, -131_072, 65_536];
    let mut counts = x;
    let mut progress = Progress::new();
    let mut program = Program::new(&words[1..]);
    assert!(fixed::forward(&mut program, &mut counts, &mut progress).is_some());
    let mut y = x.map(|x| x as f32 / 65_536.0);
    let mut log_det = 0.0;
    assert!(forward(shape, &PARAMS, &mut y, &mut log_det).is_some());
    assert_eq!(counts.map(|y| y as f32 / 65_536.0), y);
    assert!(!progress.beyond);
    let layers = [LayerSpec::Linear];
    let spec = FlowSpec::new(shape, &layers);
    assert!(IntegerFlow::<I8>::new(spec, &words).is_ok());
}

#[test]
fn what_leaves_32_bits_is_impossible() {
    let words = words(1);
    for x in [[i32::MAX; 3], [i32::MIN; 3], [i32::MAX, i32::MIN, i32::MAX]] {
        let mut x = x;
        let mut progress = Progress::new();
        let mut program = Program::new(&words[1..]);
        assert!(fixed::forward(&mut program, &mut x, &mut progress).is_some());
        assert!(progress.beyond);
    }
}

#[cfg(feature = "feature-maps")]
#[test]
fn every_place_of_a_map_is_a_vector() {
    let shape = Shape::series(3, 2);
    let mut map = [1.5_f32, -2.0, 0.5, 3.0, -1.0, 2.5];
    let mut counts = map.map(|x| (x * 65_536.0) as i32);
    let (mut first, mut second) = ([map[0], map[2], map[4]], [map[1], map[3], map[5]]);
    let mut log_det = 0.0;
    assert!(forward(shape, &PARAMS, &mut map, &mut log_det).is_some());
    for x in [&mut first, &mut second] {
        assert!(forward(Shape::vector(3), &PARAMS, x, &mut log_det).is_some());
    }
    assert_eq!([map[0], map[2], map[4]], first);
    assert_eq!([map[1], map[3], map[5]], second);
    let words = words(2);
    let mut program = Program::new(&words[1..]);
    assert!(fixed::forward(&mut program, &mut counts, &mut Progress::new()).is_some());
    assert_eq!(counts.map(|y| y as f32 / 65_536.0), map);
}

/// `-0.3 log_det + sum of w y` of a sample, in double precision.
fn loss(shape: Shape, params: &[f64], x: &[f64], w: &[f64]) -> f64 {
    let (channels, pixels) = (shape.channels, shape.pixels());
    let at = |row: usize, column: usize| params[row * channels + column];
    let mut loss = 0.0;
    for place in 0..pixels {
        let u: Vec<f64> = (0..channels)
            .map(|row| {
                (row..channels)
                    .map(|k| at(row, k) * x[k * pixels + place])
                    .sum()
            })
            .collect();
        for row in 0..channels {
            let lower: f64 = (0..row).map(|k| at(row, k) * u[k]).sum();
            let y = u[row] + lower + params[channels * channels + row];
            loss += w[row * pixels + place] * y - 0.3 * at(row, row).abs().ln();
        }
    }
    loss
}

fn check_gradients(shape: Shape) {
    let len = shape.len();
    let x: Vec<f32> = (0..len).map(|i| (i * 37 % 11) as f32 * 0.3 - 1.4).collect();
    let w: Vec<f32> = (0..len).map(|i| (i * 23 % 7) as f32 * 0.2 - 0.5).collect();
    let (mut y, mut saved, mut log_det) = (x.clone(), std::vec![0.0; 2 * len], 0.0);
    let (mut gradient, mut found) = (w.clone(), std::vec![0.0; PARAMS.len()]);
    assert!(forward_saving(shape, &PARAMS, &mut y, &mut saved, &mut log_det).is_some());
    let mut plain = x.clone();
    assert!(forward(shape, &PARAMS, &mut plain, &mut log_det).is_some());
    assert_eq!(y, plain);
    let done = backward(shape, &PARAMS, &saved, &mut gradient, 0.3, &mut found);
    assert!(done.is_some());
    let mut alone = w.clone();
    assert!(pull_back(shape, &PARAMS, &mut alone).is_some());
    assert_eq!(alone, gradient);
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let (params, x, w) = (wide(&PARAMS), wide(&x), wide(&w));
    let slope = |values: &[f64], at: usize, loss: &dyn Fn(&[f64]) -> f64| {
        let moved = |by: f64| {
            let mut values = values.to_vec();
            values[at] += by;
            loss(&values)
        };
        (moved(1e-5) - moved(-1e-5)) / 2e-5
    };
    for (at, &found) in found.iter().enumerate() {
        let expected = slope(&params, at, &|params| loss(shape, params, &x, &w));
        assert!(
            (f64::from(found) - expected).abs() < 1e-4,
            "{at}: {found}, {expected}"
        );
    }
    for (at, &found) in gradient.iter().enumerate() {
        let expected = slope(&x, at, &|x| loss(shape, &params, x, &w));
        assert!(
            (f64::from(found) - expected).abs() < 1e-4,
            "{at}: {found}, {expected}"
        );
    }
}

#[test]
fn gradients_are_those_of_differences() {
    check_gradients(Shape::vector(3));
    #[cfg(feature = "feature-maps")]
    check_gradients(Shape::map(3, 2, 2));
}

#[cfg(feature = "std")]
#[test]
fn diagonals_learn_by_their_logarithm_and_keep_their_sign() {
    let layers = [LayerSpec::Affine, LayerSpec::Linear];
    let spec = FlowSpec::new(Shape::vector(3), &layers);
    let diagonals = Diagonals::of(&spec);
    let mut params = [&[0.0; 7][..], &PARAMS].concat();
    let mut gradient = std::vec![1.0; params.len()];
    diagonals.pull_back(&params, &mut gradient);
    assert_eq!([gradient[7], gradient[8], gradient[11]], [2.0, 1.0, -0.5]);
    let taken = diagonals.take(&mut params);
    assert_eq!(taken, [2.0, -0.5, 4.0]);
    (params[7], params[11], params[15]) = (0.5, -0.5, -3e9);
    diagonals.put_back(&taken, &mut params);
    let e = 0.5_f32.exp();
    assert!((params[7] - 2.0 * e).abs() < 1e-6 && (params[11] + 0.5 / e).abs() < 1e-6);
    // A step that would end at zero is not taken.
    assert_eq!(params[15], 4.0);
    assert!((params[19] - 4.0_f32.ln()).abs() < 1e-6);
}
