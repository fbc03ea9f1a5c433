//! The form in which a residual convolutional network is trained: weight normalisation
//! ([arXiv:1602.07868](https://arxiv.org/abs/1602.07868)) of every convolution, batch norms inside; and
//! its way to the deployed form.

use core::ops::Range;
use std::vec;
use std::vec::Vec;

use crate::arithmetic::elementary::double;
use crate::kernel::dense;
use crate::spec::{Kernel, ResidualConvolutionSpec, ResidualForm};

/// A part of the network, in the order of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `running_mean`, `running_var`, `scale`, `shift`; an inner one becomes part of the convolution
    /// before it when the network is deployed.
    Norm { channels: usize, inner: bool },
    /// `g[outputs]`, then panels with `v`.
    Convolution {
        kernel: Kernel,
        inputs: usize,
        outputs: usize,
    },
}

impl Part {
    pub(crate) fn len(self) -> usize {
        match self {
            Part::Norm { channels, .. } => 4 * channels,
            Part::Convolution {
                kernel,
                inputs,
                outputs,
            } => outputs + kernel.param_len(inputs, outputs),
        }
    }
}

/// The network's parts in its trained form.
pub(crate) fn parts(spec: &ResidualConvolutionSpec, inputs: usize, outputs: usize) -> Vec<Part> {
    let width = spec.filters;
    let norm = |channels, inner| Part::Norm { channels, inner };
    let convolution = |kernel, inputs, outputs| Part::Convolution {
        kernel,
        inputs,
        outputs,
    };
    let mut parts = vec![
        norm(inputs, false),
        convolution(spec.kernel, 2 * inputs, width),
        convolution(Kernel::POINT, width, width),
    ];
    for _ in 0..spec.blocks {
        parts.extend([
            norm(width, false),
            convolution(spec.kernel, width, width),
            norm(width, true),
            convolution(spec.kernel, width, width),
            convolution(Kernel::POINT, width, width),
        ]);
    }
    parts.extend([
        norm(width, false),
        convolution(Kernel::POINT, width, outputs),
    ]);
    parts
}

/// The parts with their places in the network's parameters.
pub(crate) fn places(
    spec: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
) -> impl Iterator<Item = (Part, Range<usize>)> {
    let mut at = 0;
    parts(spec, inputs, outputs).into_iter().map(move |part| {
        let from = at;
        at += part.len();
        (part, from..at)
    })
}

/// A convolution among the parameters: its place, rows of weights and outputs.
struct Normalised {
    place: Range<usize>,
    rows: usize,
    outputs: usize,
}

/// The network's convolutions.
fn convolutions(
    spec: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
) -> impl Iterator<Item = Normalised> {
    places(spec, inputs, outputs).filter_map(|(part, place)| match part {
        Part::Norm { .. } => None,
        Part::Convolution {
            kernel,
            inputs,
            outputs,
        } => Some(Normalised {
            place,
            rows: kernel.taps() * inputs,
            outputs,
        }),
    })
}

/// For each output of panels with so many rows of weights, where its bias stands and the step from
/// there to its weights, one after the other.
fn strides(rows: usize, outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    dense::panels(outputs).flat_map(move |width| {
        let from = start;
        start += width * (rows + 1);
        (0..width).map(move |at| (from + at, width))
    })
}

/// Places of an output's weights.
fn weights_of(rows: usize, (bias, step): (usize, usize)) -> impl Iterator<Item = usize> {
    (1..=rows).map(move |row| bias + row * step)
}

/// Length of an output's `v`.
fn norm(panels: &[f32], rows: usize, place: (usize, usize)) -> f64 {
    let squares = weights_of(rows, place)
        .filter_map(|at| panels.get(at))
        .map(|&v| f64::from(v) * f64::from(v));
    double::sqrt(squares.sum())
}

/// Sets every output's gain to the length of its weights.
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

/// Writes the weights `w = g v / |v|` in place of every `v`; a `v` of length 0 gives weights 0.
pub(crate) fn resolve(
    spec: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
    params: &mut [f32],
) {
    for own in convolutions(spec, inputs, outputs) {
        let Normalised {
            place,
            rows,
            outputs,
        } = own;
        let Some((gains, panels)) = params
            .get_mut(place)
            .and_then(|own| own.split_at_mut_checked(outputs))
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

/// From gradients with respect to weights, which stand in the places of `v`, to those with respect to
/// `g` and `v`: `dg = dw . v / |v|`, `dv = g / |v| (dw - (dg / |v|) v)`.
pub(crate) fn pull_back(
    spec: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
    params: &[f32],
    gradient: &mut [f32],
) {
    for own in convolutions(spec, inputs, outputs) {
        let Normalised {
            place,
            rows,
            outputs,
        } = own;
        let (Some((gains, panels)), Some((gain_gradients, gradients))) = (
            params
                .get(place.clone())
                .and_then(|own| own.split_at_checked(outputs)),
            gradient
                .get_mut(place)
                .and_then(|own| own.split_at_mut_checked(outputs)),
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

/// The deployed form's parameters, from those of the trained form.
pub(crate) fn deploy(
    spec: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
    params: &[f32],
) -> Vec<f32> {
    let ResidualForm::Trained { eps } = spec.form else {
        return params.to_vec();
    };
    let mut resolved = params.to_vec();
    resolve(spec, inputs, outputs, &mut resolved);
    let mut deployed: Vec<f32> = Vec::new();
    // Where the last convolution stands, and its rows of weights.
    let mut last = (0, 0);
    for (part, place) in places(spec, inputs, outputs) {
        let own = resolved.get(place).unwrap_or(&[]);
        match part {
            Part::Norm {
                channels,
                inner: false,
            } => {
                let maps = norm_maps(own, channels, eps);
                deployed.extend(maps.iter().map(|map| map.0 as f32));
                deployed.extend(maps.iter().map(|map| map.1 as f32));
            }
            Part::Norm {
                channels,
                inner: true,
            } => {
                let (start, rows) = last;
                let panels = deployed.get_mut(start..).unwrap_or(&mut []);
                let maps = norm_maps(own, channels, eps);
                for (output, (scale, shift)) in strides(rows, channels).zip(maps) {
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
            Part::Convolution {
                kernel,
                inputs,
                outputs,
            } => {
                last = (deployed.len(), kernel.taps() * inputs);
                deployed.extend(own.get(outputs..).unwrap_or(&[]));
            }
        }
    }
    deployed
}

/// `scale / sqrt(var + eps)` and `shift - mean` times that, for every channel of a norm.
fn norm_maps(params: &[f32], channels: usize, eps: f32) -> Vec<(f64, f64)> {
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
