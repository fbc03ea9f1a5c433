//! The exact flow of `nvpico_reference`, and what tests do with it: differences and numerical
//! Jacobians.

use nvpico::FlowSpec;
pub use nvpico_reference::*;

/// Mean negative log-likelihood of row-major `x`: the loss of training.
pub fn loss(spec: &FlowSpec<'_>, params: &[f64], x: &[f64], norm: Norm) -> f64 {
    let mut rows: Vec<Vec<f64>> = x.chunks_exact(spec.dim()).map(<[f64]>::to_vec).collect();
    let log_dets = forward_batch(spec, params, &mut rows, norm);
    let sum: f64 = rows
        .iter()
        .zip(log_dets)
        .map(|(z, log_det)| log_prob(spec, params, z, log_det))
        .sum();
    -sum / rows.len() as f64
}

/// Distance of differences: its square and the rounding of `f64` both vanish beside `f32`'s.
const STEP: f64 = 1e-6;

/// Gradient of `function` at `point` by central differences. Where the slopes of the two sides tell
/// of a kink (ReLU's) between the points, they move closer until it is outside.
pub fn central_differences(point: &[f64], mut function: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    const KINK: f64 = 1e-4;
    let middle = function(point);
    let mut moved = point.to_vec();
    let mut gradient = Vec::with_capacity(point.len());
    for (index, &from) in point.iter().enumerate() {
        let mut step = STEP;
        loop {
            moved[index] = from + step;
            let above = (function(&moved) - middle) / step;
            moved[index] = from - step;
            let below = (middle - function(&moved)) / step;
            moved[index] = from;
            if (above - below).abs() < KINK || step < STEP / 100.0 {
                gradient.push(f64::midpoint(above, below));
                break;
            }
            step /= 4.0;
        }
    }
    gradient
}

/// `ln |det dz/dx|` from a numerical Jacobian, with no use of any layer's own log-determinant; of the values behind the given
/// ones.
pub fn numerical_log_det(spec: &FlowSpec<'_>, params: &[f64], x: &[f64]) -> f64 {
    let moved = |index: usize, step: f64| {
        let mut x = x.to_vec();
        x[index] += step;
        forward(spec, params, &x).z
    };
    let derivatives = |index| {
        let (above, below) = (moved(index, STEP), moved(index, -STEP));
        let pairs = above.iter().zip(below);
        let all = pairs.map(|(a, b)| (a - b) / (2.0 * STEP));
        all.skip(spec.given()).collect()
    };
    // A row per input: the transpose has the same determinant.
    ln_abs_det((spec.given()..spec.dim()).map(derivatives).collect())
}

/// `ln |det|` by Gaussian elimination with row pivots.
pub fn ln_abs_det(mut rows: Vec<Vec<f64>>) -> f64 {
    let mut sum = 0.0;
    while !rows.is_empty() {
        let largest = |a: &usize, b: &usize| rows[*a][0].abs().total_cmp(&rows[*b][0].abs());
        let Some(pivot) = (0..rows.len()).max_by(largest) else {
            break;
        };
        let pivot = rows.swap_remove(pivot);
        sum += pivot[0].abs().ln();
        for row in &mut rows {
            let factor = row[0] / pivot[0];
            *row = row[1..]
                .iter()
                .zip(&pivot[1..])
                .map(|(a, b)| a - factor * b)
                .collect();
        }
    }
    sum
}
