//! Conversion from the trained to the deployed model: batch norms become fixed affine layers, and residual
//! convolutional networks take their deployed form.
//!
//! A folded batch norm is bit-identical to the unfolded one (both use
//! [`batch_norm::fold`](crate::layer::batch_norm::fold)), needs neither `ln` nor `sqrt` per score, and has
//! fewer parameters.

use std::vec::Vec;

use crate::kernel::convolution::training::weight_norm;
use crate::layer::batch_norm;
use crate::spec::{
    Conditioner, CouplingSpec, FlowSpec, LayerSpec, ResidualConvolutionSpec, ResidualForm, Shape,
};

/// Layers and parameters of a folded model.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded<'a> {
    /// The layers as deployed.
    pub layers: Vec<LayerSpec<'a>>,
    /// Their parameters.
    pub params: Vec<f32>,
}

impl<'a> Folded<'a> {
    /// The spec of the folded model.
    #[must_use]
    pub fn spec(&'a self, spec: &FlowSpec<'_>) -> FlowSpec<'a> {
        spec.with_layers(&self.layers)
    }
}

/// The deployed form of a valid model.
#[must_use]
pub fn fold<'a>(spec: &FlowSpec<'a>, params: &[f32]) -> Folded<'a> {
    let mut folded = Folded {
        layers: Vec::with_capacity(spec.layers.len()),
        params: Vec::with_capacity(params.len()),
    };
    let mut params = params;
    let mut walk = spec.walk();
    while let Some((layer, shape)) = walk.next() {
        let Some((layer_params, rest)) = params.split_at_checked(layer.param_len(shape)) else {
            return folded;
        };
        params = rest;
        match layer {
            LayerSpec::BatchNorm(norm) => {
                let maps: Vec<_> = batch_norm::features(*norm, layer_params, shape.channels)
                    .map(|feature| batch_norm::fold(feature, norm.eps))
                    .collect();
                folded.layers.push(LayerSpec::Affine);
                folded.params.extend(maps.iter().map(|map| map.scale));
                folded.params.extend(maps.iter().map(|map| map.shift));
                let mut log_det = 0.0;
                for map in &maps {
                    log_det += map.log_det;
                }
                folded.params.push(log_det * shape.pixels() as f32);
            }
            LayerSpec::Coupling(coupling) => {
                folded.layers.push(LayerSpec::Coupling(deployed(coupling)));
                folded
                    .params
                    .extend(deployed_params(coupling, shape, layer_params));
            }
            // Deployed as they are trained.
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::Permutation(_)
            | LayerSpec::Squeeze(_)
            | LayerSpec::Unsqueeze(_)
            | LayerSpec::FactorOut => {
                folded.layers.push(*layer);
                folded.params.extend_from_slice(layer_params);
            }
        }
    }
    // What is left is the base's.
    folded.params.extend_from_slice(params);
    folded
}

/// The deployed form of a coupling.
#[must_use]
pub fn deployed<'a>(coupling: &CouplingSpec<'a>) -> CouplingSpec<'a> {
    let mut deployed = *coupling;
    if let Conditioner::ResidualConvolution(net) = &mut deployed.conditioner {
        net.form = ResidualForm::Deployed;
    }
    deployed
}

fn deployed_params(coupling: &CouplingSpec<'_>, shape: Shape, params: &[f32]) -> Vec<f32> {
    let Conditioner::ResidualConvolution(ResidualConvolutionSpec {
        form: ResidualForm::Trained { .. },
        ..
    }) = coupling.conditioner
    else {
        return params.to_vec();
    };
    let (rescale, net) = params
        .split_at_checked(coupling.rescale_len(shape))
        .unwrap_or((&[], &[]));
    let mut deployed = rescale.to_vec();
    deployed.extend(weight_norm::deploy(coupling.network(shape), net));
    deployed
}
