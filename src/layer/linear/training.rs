//! The factors of a matrix in training: the first ones, the log-determinant, and diagonals that learn by their logarithm.

use std::vec::Vec;

use crate::arithmetic::{Math, elementary::double};
use crate::spec::{FlowSpec, LayerSpec, Shape};

/// The log-determinant of such factors on `pixels` places.
#[must_use]
pub fn log_det(factors: &[f32], channels: usize, pixels: usize) -> f32 {
    let diagonal = factors.iter().step_by(channels + 1).take(channels);
    let sum: f64 = diagonal.map(|&u| double::ln(f64::from(u).abs())).sum();
    (sum * pixels as f64) as f32
}

/// Parameters of the layer that does nothing.
pub(crate) fn identity(channels: usize) -> Vec<f32> {
    let mut params = std::vec![0.0; channels * channels + channels + 1];
    let diagonal = params.iter_mut().step_by(channels + 1).take(channels);
    diagonal.for_each(|u| *u = 1.0);
    params
}

/// The diagonals of a flow's linear layers. They learn by their logarithms, as in Glow: a step moves `ln |u|`, so a sign
/// stays and none becomes zero.
pub(crate) struct Diagonals(Vec<(usize, Shape)>);

impl Diagonals {
    pub(crate) fn of(spec: &FlowSpec<'_>) -> Self {
        let (mut all, mut at) = (Vec::new(), 0);
        let mut walk = spec.walk();
        while let Some((layer, shape)) = walk.next() {
            if let LayerSpec::Linear = layer {
                all.push((at, shape));
            }
            at += layer.param_len(shape);
        }
        Self(all)
    }

    /// Where the diagonals stand among the parameters.
    fn places(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|&(at, shape)| {
            let step = shape.channels + 1;
            (0..shape.channels).map(move |row| at + row * step)
        })
    }

    /// Gradients with respect to `u` to those with respect to `ln |u|`.
    pub(crate) fn pull_back(&self, params: &[f32], gradient: &mut [f32]) {
        for at in self.places() {
            if let (Some(gradient), Some(u)) = (gradient.get_mut(at), params.get(at)) {
                *gradient *= u;
            }
        }
    }

    /// Takes the diagonals out, which leaves zeros for a step to move.
    pub(crate) fn take(&self, params: &mut [f32]) -> Vec<f32> {
        let mut take = |at| params.get_mut(at).map(core::mem::take);
        self.places()
            .map(|at| take(at).unwrap_or_default())
            .collect()
    }

    /// Puts them back times the exponential of what the step left, with the log-determinants that they have now.
    pub(crate) fn put_back(&self, taken: &[f32], params: &mut [f32]) {
        for (at, &u) in self.places().zip(taken) {
            if let Some(moved) = params.get_mut(at) {
                let next = u * Math::Libm.exp(*moved);
                *moved = if next.is_normal() { next } else { u };
            }
        }
        for &(at, shape) in &self.0 {
            let end = at + shape.channels * (shape.channels + 1);
            let sum = params
                .get(at..end)
                .map(|own| log_det(own, shape.channels, shape.pixels()));
            if let (Some(sum), Some(slot)) = (sum, params.get_mut(end)) {
                *slot = sum;
            }
        }
    }
}
