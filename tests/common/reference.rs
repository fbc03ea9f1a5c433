//! An independent implementation of the flow in `f64`, straight from the formulas in the documents
//! of `spec`: no kernels, no panels in parallel, no saved log-determinants, no folding.
//!
//! It takes a whole batch through the layers, so that batch norm can be tried on the statistics of
//! the batch; a single sample is a batch of one on running statistics.

use std::vec;
use std::vec::Vec;

use super::nvpico::spec::{
    Activation, BatchNormSpec, CouplingSpec, DenseSpec, Nets, ScaleMap, Transform,
};
use super::nvpico::{FlowSpec, LayerSpec};

/// What batch norm normalises by.
#[derive(Clone, Copy, Debug)]
pub enum Norm {
    /// The running statistics: inference.
    Running,
    /// `keep` times the running statistics and the rest from the batch: training (appendix E).
    Batch { keep: f64 },
}

/// Where a sample ends up.
#[derive(Clone, Debug)]
pub struct Pass {
    pub z: Vec<f64>,
    /// `ln |det dz/dx|`
    pub log_det: f64,
    pub log_prob: f64,
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// One sample on running statistics.
pub fn forward(spec: &FlowSpec<'_>, params: &[f64], x: &[f64]) -> Pass {
    let mut rows = vec![x.to_vec()];
    let log_det = forward_batch(spec, params, &mut rows, Norm::Running)[0];
    let z = rows.remove(0);
    let log_prob = log_prob(&z, log_det);
    Pass {
        z,
        log_det,
        log_prob,
    }
}

/// `log N(z; 0, I) + log_det` (paper equation 3).
pub fn log_prob(z: &[f64], log_det: f64) -> f64 {
    let constant = (2.0 * std::f64::consts::PI).ln();
    let terms = z.iter().map(|z| -0.5 * (z * z + constant));
    terms.sum::<f64>() + log_det
}

/// Mean negative log-likelihood of row-major `x`: the loss of training.
pub fn loss(spec: &FlowSpec<'_>, params: &[f64], x: &[f64], norm: Norm) -> f64 {
    let mut rows: Vec<Vec<f64>> = x.chunks_exact(spec.dim()).map(<[f64]>::to_vec).collect();
    let log_dets = forward_batch(spec, params, &mut rows, norm);
    let sum: f64 = rows
        .iter()
        .zip(log_dets)
        .map(|(z, log_det)| log_prob(z, log_det))
        .sum();
    -sum / rows.len() as f64
}

/// All rows through all layers in place; their log-determinants.
pub fn forward_batch(
    spec: &FlowSpec<'_>,
    params: &[f64],
    rows: &mut [Vec<f64>],
    norm: Norm,
) -> Vec<f64> {
    let dim = spec.dim();
    let mut log_dets = vec![0.0; rows.len()];
    let mut params = params;
    for layer in spec.layers {
        let (own, rest) = params.split_at(layer.param_len(dim));
        params = rest;
        if let LayerSpec::BatchNorm(spec) = layer {
            batch_norm(*spec, own, rows, &mut log_dets, norm);
            continue;
        }
        for (x, log_det) in rows.iter_mut().zip(&mut log_dets) {
            match layer {
                LayerSpec::Standardize => {
                    for (index, x) in x.iter_mut().enumerate() {
                        let (mean, scale) = (own[index], own[dim + index]);
                        *x = (*x - mean) * scale;
                        *log_det += scale.ln();
                    }
                }
                LayerSpec::Affine => {
                    for (index, x) in x.iter_mut().enumerate() {
                        let (scale, shift) = (own[index], own[dim + index]);
                        *x = *x * scale + shift;
                        *log_det += scale.abs().ln();
                    }
                }
                LayerSpec::Coupling(spec) => couple(spec, own, x, log_det),
                LayerSpec::Permutation(order) => {
                    *x = order.iter().map(|&from| x[from]).collect();
                }
                LayerSpec::BatchNorm(_) => unreachable!(),
            }
        }
    }
    assert!(params.is_empty(), "every parameter has a layer");
    log_dets
}

/// `y = (x - mean) / sqrt(var + eps)`, then `y * exp(log_scale) + shift`.
fn batch_norm(
    spec: BatchNormSpec,
    params: &[f64],
    rows: &mut [Vec<f64>],
    log_dets: &mut [f64],
    norm: Norm,
) {
    let (count, dim) = (rows.len() as f64, rows[0].len());
    let keep = match norm {
        Norm::Running => 1.0,
        Norm::Batch { keep } => keep,
    };
    for index in 0..dim {
        let column = || rows.iter().map(|row| row[index]);
        let batch_mean = column().sum::<f64>() / count;
        let batch_var = column().map(|x| (x - batch_mean).powi(2)).sum::<f64>() / count;
        let mean = keep * params[index] + (1.0 - keep) * batch_mean;
        let var = keep * params[dim + index] + (1.0 - keep) * batch_var + f64::from(spec.eps);
        let (log_scale, shift) = if spec.affine {
            (params[2 * dim + index], params[3 * dim + index])
        } else {
            (0.0, 0.0)
        };
        for (row, log_det) in rows.iter_mut().zip(&mut *log_dets) {
            row[index] = (row[index] - mean) / var.sqrt() * log_scale.exp() + shift;
            *log_det += log_scale - 0.5 * var.ln();
        }
    }
}

/// `y = x * exp(s) + t` or `(x + t) * exp(s)` for the features that the mask does not keep.
fn couple(spec: &CouplingSpec<'_>, params: &[f64], x: &mut [f64], log_det: &mut f64) {
    let dim = x.len();
    let kept: Vec<f64> = (0..dim)
        .filter(|&index| spec.mask.keeps(index, dim))
        .map(|index| x[index])
        .collect();
    let changed: Vec<usize> = (0..dim)
        .filter(|&index| !spec.mask.keeps(index, dim))
        .collect();
    let count = changed.len();
    let map = match spec.transform {
        Transform::Additive => {
            let shifts = network(&spec.conditioner, params, &kept, count);
            for (index, t) in changed.into_iter().zip(shifts) {
                x[index] += t;
            }
            return;
        }
        Transform::Affine(map) | Transform::ShiftFirst(map) => map,
    };
    let (rescale, nets) = match map {
        ScaleMap::RescaledTanh => params.split_at(count),
        _ => (&[][..], params),
    };
    let (raws, shifts) = match spec.conditioner.nets {
        Nets::One | Nets::Residual { .. } => {
            let mut raws = network(&spec.conditioner, nets, &kept, 2 * count);
            let shifts = raws.split_off(count);
            (raws, shifts)
        }
        Nets::Two => {
            let (first, second) = nets.split_at(nets.len() / 2);
            let run = |params| network(&spec.conditioner, params, &kept, count);
            (run(first), run(second))
        }
    };
    for (at, index) in changed.into_iter().enumerate() {
        let raw = raws[at];
        let s = match map {
            ScaleMap::RescaledTanh => rescale[at] * raw.tanh(),
            ScaleMap::ClampedTanh { clamp } => f64::from(clamp) * (raw / f64::from(clamp)).tanh(),
            ScaleMap::Unbounded => raw,
            ScaleMap::Atan { scale } => f64::from(scale) * raw.atan(),
            ScaleMap::Sigmoid {
                offset,
                floor,
                inverse,
            } => {
                let sigmoid = 1.0 / (1.0 + (-raw - f64::from(offset)).exp());
                let s = (sigmoid + f64::from(floor)).ln();
                if inverse { -s } else { s }
            }
        };
        x[index] = if let Transform::ShiftFirst(_) = spec.transform {
            (x[index] + shifts[at]) * s.exp()
        } else {
            x[index] * s.exp() + shifts[at]
        };
        *log_det += s;
    }
}

/// A linear layer, blocks `h + W2 a(W1 a(h) + b1) + b2`, a linear layer.
fn residual(
    spec: &DenseSpec<'_>,
    norm: bool,
    params: &[f64],
    input: &[f64],
    outputs: usize,
) -> Vec<f64> {
    let mut rest = params;
    let mut take = |count: usize| {
        let (own, after) = rest.split_at(count);
        rest = after;
        own
    };
    let width = spec.hidden[0];
    let mut hidden = dense(take((input.len() + 1) * width), input, width);
    for _ in 0..spec.hidden.len() / 2 {
        let mut active = hidden.clone();
        if norm {
            let (scale, shift) = (take(width), take(width));
            for (at, value) in active.iter_mut().enumerate() {
                *value = *value * scale[at] + shift[at];
            }
        }
        for value in &mut active {
            *value = activated(spec.activation, *value);
        }
        let mut inner = dense(take((width + 1) * width), &active, width);
        for value in &mut inner {
            *value = activated(spec.activation, *value);
        }
        let result = dense(take((width + 1) * width), &inner, width);
        for (hidden, result) in hidden.iter_mut().zip(result) {
            *hidden += result;
        }
    }
    dense(rest, &hidden, outputs)
}

fn activated(activation: Activation, value: f64) -> f64 {
    match activation {
        Activation::Relu => value.max(0.0),
        Activation::LeakyRelu { slope } if value < 0.0 => value * f64::from(slope),
        Activation::LeakyRelu { .. } => value,
    }
}

/// A multi-layer perceptron with a linear last layer, or a residual one.
fn network(spec: &DenseSpec<'_>, params: &[f64], input: &[f64], outputs: usize) -> Vec<f64> {
    if let Nets::Residual { norm } = spec.nets {
        return residual(spec, norm, params, input, outputs);
    }
    let mut params = params;
    let mut values = input.to_vec();
    for &width in spec.hidden {
        let (own, rest) = params.split_at((values.len() + 1) * width);
        params = rest;
        values = dense(own, &values, width);
        for value in &mut values {
            *value = activated(spec.activation, *value);
        }
    }
    dense(params, &values, outputs)
}

/// `W x + b`, by the documented order of the parameters: panels of 16 outputs, then 8, 4, 2, 1; in each
/// the biases, then a row of weights for every input.
pub fn dense(params: &[f64], input: &[f64], outputs: usize) -> Vec<f64> {
    assert_eq!(params.len(), (input.len() + 1) * outputs);
    let mut params = params;
    let mut all = Vec::new();
    while all.len() < outputs {
        let left = outputs - all.len();
        let width = [16, 8, 4, 2, 1]
            .into_iter()
            .find(|&w| w <= left)
            .unwrap_or(1);
        let (panel, rest) = params.split_at((input.len() + 1) * width);
        params = rest;
        for output in 0..width {
            let bias = panel[output];
            let products = input
                .iter()
                .enumerate()
                .map(|(index, x)| panel[(index + 1) * width + output] * x);
            all.push(bias + products.sum::<f64>());
        }
    }
    all
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

/// `ln |det dz/dx|` from a numerical Jacobian, with no use of any layer's own log-determinant.
pub fn numerical_log_det(spec: &FlowSpec<'_>, params: &[f64], x: &[f64]) -> f64 {
    let moved = |index: usize, step: f64| {
        let mut x = x.to_vec();
        x[index] += step;
        forward(spec, params, &x).z
    };
    let derivatives = |index| {
        let (above, below) = (moved(index, STEP), moved(index, -STEP));
        let pairs = above.iter().zip(below);
        pairs.map(|(a, b)| (a - b) / (2.0 * STEP)).collect()
    };
    // A row per input: the transpose has the same determinant.
    ln_abs_det((0..spec.dim()).map(derivatives).collect())
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
