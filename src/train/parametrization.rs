//! Conversion between trained parameters and those that kernels take: weight normalisation of residual
//! convolutional networks, and running statistics of the norms inside them.

use core::ops::Range;

use crate::kernel::convolution::training::weight_norm::{self, places};
use crate::spec::network::{Network, Op};
use crate::spec::{Conditioner, FlowSpec, LayerSpec, ResidualForm};

/// A network in its trained form, and the range of its parameters.
struct TrainedNetwork<'a> {
    network: Network<'a>,
    place: Range<usize>,
}

/// The networks in their trained form, with the ranges of their parameters.
fn networks<'a>(spec: &FlowSpec<'a>) -> impl Iterator<Item = TrainedNetwork<'a>> {
    let mut walk = spec.walk();
    let mut at = 0;
    core::iter::from_fn(move || {
        loop {
            let (layer, shape) = walk.next()?;
            let from = at;
            at += layer.param_len(shape);
            if let LayerSpec::Coupling(coupling) = layer
                && let Conditioner::ResidualConvolution(spec) = &coupling.conditioner
                && let ResidualForm::Trained { .. } = spec.form
            {
                return Some(TrainedNetwork {
                    network: coupling.network(shape),
                    place: from + coupling.rescale_len(shape)..at,
                });
            }
        }
    })
}

/// Whether the lane count affects the order of summation: on maps a packet's rows are summed place by place,
/// and norms inside networks in their trained form use the rows of a packet as their batch. Such a flow is
/// always trained with sixteen lanes.
pub(super) fn needs_sixteen_lanes(spec: &FlowSpec<'_>) -> bool {
    let mut walk = spec.walk();
    let mut has_maps = spec.shape.pixels() != 1;
    while walk.next().is_some() {
        has_maps |= walk.shape.pixels() != 1;
    }
    has_maps || networks(spec).next().is_some()
}

/// Copies the parameters, with directions `v` replaced by weights.
pub(super) fn resolve(spec: &FlowSpec<'_>, params: &[f32], effective: &mut [f32]) {
    effective.copy_from_slice(params);
    for TrainedNetwork { network, place } in networks(spec) {
        if let Some(params) = effective.get_mut(place) {
            weight_norm::resolve(network, params);
        }
    }
}

/// Converts gradients with respect to weights to those with respect to gains and directions.
pub(super) fn pull_back(spec: &FlowSpec<'_>, params: &[f32], gradient: &mut [f32]) {
    for TrainedNetwork { network, place } in networks(spec) {
        if let (Some(params), Some(gradient)) = (params.get(place.clone()), gradient.get_mut(place))
        {
            weight_norm::pull_back(network, params, gradient);
        }
    }
}

/// Mixes the batch's statistics, stored in the gradient as sums over `rows`, into the running ones.
pub(super) fn take_statistics(
    spec: &FlowSpec<'_>,
    rows: usize,
    momentum: f64,
    params: &mut [f32],
    gradient: &mut [f32],
) {
    for TrainedNetwork { network, place } in networks(spec) {
        for (stage, within) in places(network) {
            let Op::Norm(norm) = stage.op else {
                continue;
            };
            let from = place.start + within.start;
            let statistics = from..from + 2 * norm.channels;
            if let (Some(running), Some(sums)) = (
                params.get_mut(statistics.clone()),
                gradient.get_mut(statistics),
            ) {
                for (running, sum) in running.iter_mut().zip(sums) {
                    let batch = f64::from(core::mem::take(sum)) / rows as f64;
                    let mixed = (momentum * f64::from(*running) + (1.0 - momentum) * batch) as f32;
                    // An overflowing batch is skipped and must not affect the running statistics.
                    if mixed.is_finite() {
                        *running = mixed;
                    }
                }
            }
        }
    }
}
