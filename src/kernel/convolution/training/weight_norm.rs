//! The form in which a residual convolutional network is trained: weight normalisation
//! ([arXiv:1602.07868](https://arxiv.org/abs/1602.07868)) of every convolution, with batch norms inside; and
//! its conversion to the deployed form.

use core::ops::Range;
use std::vec::Vec;

use crate::arithmetic::elementary::double;
use crate::kernel::dense;
use crate::spec::network::{Network, Norm, Op, Slot, Stage};

/// The stages that have parameters, with the ranges of their parameters.
pub(crate) fn places(network: Network<'_>) -> impl Iterator<Item = (Stage, Range<usize>)> {
    let mut at = 0;
    network.stages().filter_map(move |stage| {
        let from = at;
        at += stage.param_len();
        (at > from).then_some((stage, from..at))
    })
}

/// A convolution: the range of its parameters, rows of weights and outputs.
struct Normalised {
    place: Range<usize>,
    rows: usize,
    outputs: usize,
}

/// The network's convolutions.
fn convolutions(network: Network<'_>) -> impl Iterator<Item = Normalised> {
    places(network).filter_map(|(stage, place)| match stage.op {
        Op::Convolution(convolution) => Some(Normalised {
            place,
            rows: convolution.rows(),
            outputs: convolution.outputs,
        }),
        Op::Norm(_) | Op::Activation(..) | Op::BothSigns(_) => None,
    })
}

/// For each output of panels with `rows` rows of weights: the index of its bias, and the step from there to
/// each of its weights.
fn strides(rows: usize, outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    dense::panels(outputs).flat_map(move |width| {
        let from = start;
        start += width * (rows + 1);
        (0..width).map(move |at| (from + at, width))
    })
}

/// Indices of an output's weights.
fn weights_of(rows: usize, (bias, step): (usize, usize)) -> impl Iterator<Item = usize> {
    (1..=rows).map(move |row| bias + row * step)
}

/// Euclidean norm of an output's `v`.
fn norm(panels: &[f32], rows: usize, place: (usize, usize)) -> f64 {
    let squares = weights_of(rows, place)
        .filter_map(|at| panels.get(at))
        .map(|&v| f64::from(v) * f64::from(v));
    double::sqrt(squares.sum())
}

/// Sets every output's gain to the norm of its weights.
pub(crate) fn set_gains(rows: usize, panels: &[f32], gains: &mut [f32]) {
    for (output, gain) in strides(rows, gains.len()).zip(gains) {
        *gain = norm(panels, rows, output) as f32;
    }
}

/// Sets every output's bias to 0.
pub(crate) fn clear_biases(rows: usize, outputs: usize, panels: &mut [f32]) {
    for (bias, _) in strides(rows, outputs) {
        if let Some(bias) = panels.get_mut(bias) {
            *bias = 0.0;
        }
    }
}

/// Replaces every `v` by the weights `w = g v / |v|`; a `v` of norm 0 gives weights of 0.
pub(crate) fn resolve(network: Network<'_>, params: &mut [f32]) {
    for convolution in convolutions(network) {
        let Normalised {
            place,
            rows,
            outputs,
        } = convolution;
        let Some((gains, panels)) = params
            .get_mut(place)
            .and_then(|params| params.split_at_mut_checked(outputs))
        else {
            return;
        };
        for (output, &gain) in strides(rows, outputs).zip(&*gains) {
            let norm = norm(panels, rows, output);
            let factor = if norm > 0.0 {
                f64::from(gain) / norm
            } else {
                0.0
            };
            for at in weights_of(rows, output) {
                if let Some(v) = panels.get_mut(at) {
                    *v = (f64::from(*v) * factor) as f32;
                }
            }
        }
    }
}

/// Converts gradients with respect to weights, stored in place of `v`, to those with respect to `g` and `v`:
/// `dg = dw . v / |v|`, `dv = g / |v| (dw - (dg / |v|) v)`.
pub(crate) fn pull_back(network: Network<'_>, params: &[f32], gradient: &mut [f32]) {
    for convolution in convolutions(network) {
        let Normalised {
            place,
            rows,
            outputs,
        } = convolution;
        let (Some((gains, panels)), Some((gain_gradients, gradients))) = (
            params
                .get(place.clone())
                .and_then(|params| params.split_at_checked(outputs)),
            gradient
                .get_mut(place)
                .and_then(|params| params.split_at_mut_checked(outputs)),
        ) else {
            return;
        };
        for ((output, &gain), gain_gradient) in
            strides(rows, outputs).zip(gains).zip(gain_gradients)
        {
            let norm = norm(panels, rows, output);
            if norm <= 0.0 {
                continue;
            }
            let pairs = || weights_of(rows, output).filter_map(|at| Some((at, *panels.get(at)?)));
            let mut dot = 0.0;
            for (at, v) in pairs() {
                dot += f64::from(gradients.get(at).copied().unwrap_or(0.0)) * f64::from(v);
            }
            let along = dot / norm;
            *gain_gradient = along as f32;
            for (at, v) in pairs() {
                if let Some(g) = gradients.get_mut(at) {
                    let across = f64::from(*g) - along / norm * f64::from(v);
                    *g = (f64::from(gain) / norm * across) as f32;
                }
            }
        }
    }
}

/// Converts the parameters of the trained form to the deployed form.
pub(crate) fn deploy(network: Network<'_>, params: &[f32]) -> Vec<f32> {
    let mut resolved = params.to_vec();
    resolve(network, &mut resolved);
    let mut deployed: Vec<f32> = Vec::new();
    // Index of the last convolution, and its rows of weights.
    let mut last = (0, 0);
    for (stage, place) in places(network) {
        let trained = resolved.get(place).unwrap_or(&[]);
        match stage.op {
            // The norm of a convolution's result is folded into the convolution.
            Op::Norm(norm) if stage.from == Slot::Work => {
                let (start, rows) = last;
                let panels = deployed.get_mut(start..).unwrap_or(&mut []);
                let maps = norm_maps(trained, norm);
                for (output, (scale, shift)) in strides(rows, norm.channels).zip(maps) {
                    for at in weights_of(rows, output) {
                        if let Some(weight) = panels.get_mut(at) {
                            *weight = (f64::from(*weight) * scale) as f32;
                        }
                    }
                    if let Some(bias) = panels.get_mut(output.0) {
                        *bias = (f64::from(*bias) * scale + shift) as f32;
                    }
                }
            }
            Op::Norm(norm) => {
                let maps = norm_maps(trained, norm);
                deployed.extend(maps.iter().map(|map| map.0 as f32));
                deployed.extend(maps.iter().map(|map| map.1 as f32));
            }
            Op::Convolution(convolution) => {
                last = (deployed.len(), convolution.rows());
                deployed.extend(trained.get(convolution.outputs..).unwrap_or(&[]));
            }
            Op::Activation(..) | Op::BothSigns(_) => {}
        }
    }
    deployed
}

/// Scale `scale / sqrt(var + eps)` and offset `shift - mean * scale / sqrt(var + eps)` for every channel of a
/// norm.
fn norm_maps(params: &[f32], norm: Norm) -> Vec<(f64, f64)> {
    let (channels, eps) = (norm.channels, norm.eps.unwrap_or(0.0));
    let value = |part: usize, channel: usize| {
        let at = part * channels + channel;
        params.get(at).map_or(0.0, |&value| f64::from(value))
    };
    (0..channels)
        .map(|channel| {
            let scale = value(2, channel) / double::sqrt(value(1, channel) + f64::from(eps));
            (scale, value(3, channel) - value(0, channel) * scale)
        })
        .collect()
}
