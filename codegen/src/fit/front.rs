//! The layers in front of the densities of a model of vectors: the standardisation, and with given features the coupling that moves
//! and scales the others by these.

use super::given::{Conditional, Given};
use crate::model::ModelSpec;

/// The standardisation, and the coupling of given features.
pub(super) struct Front {
    mean: Vec<f32>,
    scale: Vec<f32>,
    conditional: Option<Conditional>,
    /// Sum of the logarithms of the judged features' scales.
    log_det: f64,
}

impl Front {
    /// `params` are those of the standardisation of `dim` features: means, scales, log-determinant. `None` where the rows do not
    /// tell how features depend on given ones.
    pub(super) fn new(rows: &[f32], dim: usize, given: &Given, params: &[f32]) -> Option<Self> {
        let (mean, scale) = (&params[..dim], &params[dim..2 * dim]);
        let known = given.columns;
        let conditional = if known > 0 {
            let rows = standardize(rows, mean, scale);
            Some(given.fit(&rows, dim, [&mean[..known], &scale[..known]])?)
        } else {
            None
        };
        let judged = scale.iter().skip(known);
        Some(Self {
            mean: mean.to_vec(),
            scale: scale.to_vec(),
            log_det: judged.map(|&scale| f64::from(scale).ln()).sum(),
            conditional,
        })
    }

    /// The parameters of the coupling of given features; none without any.
    pub(super) fn conditional_params(&self) -> Vec<f32> {
        let own = self.conditional.as_ref();
        own.map_or_else(Vec::new, Conditional::params)
    }

    /// All rows behind it, and the log-determinant of each.
    pub(super) fn rows(&self, rows: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let mut rows = standardize(rows, &self.mean, &self.scale);
        let own = self.conditional.as_ref();
        let log_dets = rows
            .chunks_exact_mut(self.mean.len())
            .map(|row| self.log_det + own.map_or(0.0, |own| own.forward(row)));
        let log_dets = log_dets.collect();
        (rows, log_dets)
    }

    /// A row before it.
    pub(super) fn back(&self, row: &mut [f64]) -> Vec<f32> {
        if let Some(conditional) = &self.conditional {
            conditional.inverse(row);
        }
        let features = self.mean.iter().zip(&self.scale);
        let values = row.iter().zip(features);
        values
            .map(|(x, (mean, scale))| (x / f64::from(*scale)) as f32 + mean)
            .collect()
    }
}

/// Rows as the first layer leaves them.
fn standardize(rows: &[f32], mean: &[f32], scale: &[f32]) -> Vec<f64> {
    let features = mean.iter().zip(scale).cycle();
    let values = rows.iter().zip(features);
    values
        .map(|(x, (mean, scale))| f64::from((x - mean) * scale))
        .collect()
}

/// Layers in front of the densities: the standardisation, and the coupling of given features.
pub(super) fn front_len(spec: &ModelSpec) -> usize {
    if spec.given > 0 { 2 } else { 1 }
}

/// Parameters of the layers in front.
pub(super) fn params_of_front(spec: &ModelSpec) -> usize {
    let layers = spec.layers();
    let front = &layers[..front_len(spec)];
    let shape = spec.shape.into();
    front.iter().map(|layer| layer.param_len(shape)).sum()
}
