//! From the model as trained to the model as deployed: batch norms become fixed affine maps.
//!
//! The folded model has the bits of the unfolded one (both go through
//! [`batch_norm::fold`](crate::layer::batch_norm::fold)), needs neither `ln` nor `sqrt` per score,
//! and fewer parameters.

use std::vec::Vec;

use crate::layer::batch_norm;
use crate::spec::{FlowSpec, LayerSpec};

/// Layers and parameters of a folded model.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded<'a> {
    /// The layers; every batch norm is an affine layer now.
    pub layers: Vec<LayerSpec<'a>>,
    /// Their parameters.
    pub params: Vec<f32>,
}

impl<'a> Folded<'a> {
    /// The spec of the folded model.
    #[must_use]
    pub fn spec(&'a self, spec: &FlowSpec<'_>) -> FlowSpec<'a> {
        FlowSpec {
            dim: spec.dim,
            math: spec.math,
            layers: &self.layers,
        }
    }
}

/// Replaces every batch norm of a valid model by its affine map on the running statistics.
#[must_use]
pub fn fold<'a>(spec: &FlowSpec<'a>, params: &[f32]) -> Folded<'a> {
    let mut folded = Folded {
        layers: Vec::with_capacity(spec.layers.len()),
        params: Vec::with_capacity(params.len()),
    };
    let mut params = params;
    for layer in spec.layers {
        let Some((own, rest)) = params.split_at_checked(layer.param_len(spec.dim)) else {
            break;
        };
        params = rest;
        let LayerSpec::BatchNorm(norm) = layer else {
            folded.layers.push(*layer);
            folded.params.extend_from_slice(own);
            continue;
        };
        let maps: Vec<_> = batch_norm::features(*norm, own, spec.dim)
            .map(|feature| batch_norm::fold(feature, norm.eps))
            .collect();
        folded.layers.push(LayerSpec::Affine);
        folded.params.extend(maps.iter().map(|map| map.scale));
        folded.params.extend(maps.iter().map(|map| map.shift));
        let mut log_det = 0.0;
        for map in &maps {
            log_det += map.log_det;
        }
        folded.params.push(log_det);
    }
    folded
}
