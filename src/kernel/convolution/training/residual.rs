//! Training of the paper's residual network, on whole maps, with batch statistics in its norms.
//!
//! The rows of a packet form the batch of the inner norms (ghost batches of 16 rows times the map's places), so
//! packets are independent. Running statistics are mixed in as everywhere (the paper's appendix E). A norm's
//! batch statistics are returned in its slots of the parameters' gradient, weighted by the number of rows, to
//! update the running ones.

use std::vec::Vec;

use super::norm::{ChannelNorm, GhostBatch};
use crate::kernel::Kernels;
use crate::kernel::convolution::map::Map;
use crate::kernel::convolution::residual::add;
use crate::kernel::convolution::{Layer, NetDims};
use crate::kernel::dense;
use crate::spec::network::{Network, Op, Stage};
use crate::spec::{Activation, Conditioner, ResidualConvolutionSpec, ResidualForm};

fn network<'a>(spec: &ResidualConvolutionSpec, dims: NetDims) -> Network<'a> {
    Network {
        conditioner: Conditioner::ResidualConvolution(*spec),
        inputs: dims.inputs,
        outputs: dims.outputs,
    }
}

/// The stages that have parameters.
fn stages(spec: &ResidualConvolutionSpec, dims: NetDims) -> std::vec::IntoIter<Stage> {
    let stages: Vec<_> = (network(spec, dims).stages())
        .filter(|stage| stage.param_len() > 0)
        .collect();
    stages.into_iter()
}

/// Number of kept values per place: see [`forward`].
fn kept_channels(spec: &ResidualConvolutionSpec, dims: NetDims) -> usize {
    let width = spec.filters;
    dims.inputs + 2 * dims.inputs + width + spec.blocks * 4 * width + 2 * width + dims.outputs
}

/// Number of kept statistics: mean and variance of the batch, for all norms.
fn kept_statistics(spec: &ResidualConvolutionSpec, dims: NetDims) -> usize {
    network(spec, dims)
        .stages()
        .map(|stage| match stage.op {
            Op::Norm(norm) => 2 * norm.channels,
            Op::Convolution(_) | Op::Activation(..) | Op::BothSigns(_) => 0,
        })
        .sum()
}

pub(crate) fn saved_len(spec: &ResidualConvolutionSpec, dims: NetDims) -> usize {
    kept_statistics(spec, dims) + kept_channels(spec, dims) * dims.shape.pixels()
}

/// Position of the input among the kept values.
pub(crate) fn input_at(spec: &ResidualConvolutionSpec, dims: NetDims) -> usize {
    kept_statistics(spec, dims)
}

/// Length of the gradients of `h`, `skip` and two maps inside a block, plus the largest patch.
pub(crate) fn scratch_len(spec: &ResidualConvolutionSpec, dims: NetDims) -> usize {
    let widest = spec.filters.max(2 * dims.inputs);
    // A window and its gradient.
    let patch = 2 * (spec.kernel.taps() * widest).max(spec.filters);
    (2 * spec.filters + 2 * widest) * dims.shape.pixels() + patch
}

/// The remaining parameters and kept values during the forward walk.
struct Front<'s, V> {
    stages: std::vec::IntoIter<Stage>,
    params: &'s [f32],
    statistics: &'s mut [V],
    maps: &'s mut [V],
}

impl<'s, V: Kernels> Front<'s, V> {
    fn map(&mut self, len: usize) -> Option<&'s mut [V]> {
        let (map, rest) = core::mem::take(&mut self.maps).split_at_mut_checked(len)?;
        self.maps = rest;
        Some(map)
    }

    /// The next stage and its parameters.
    fn stage(&mut self) -> Option<(Stage, &'s [f32])> {
        let stage = self.stages.next()?;
        let (params, rest) = self.params.split_at_checked(stage.param_len())?;
        self.params = rest;
        Some((stage, params))
    }

    /// Runs the next stage, a norm, from `input` to `output`.
    fn norm(
        &mut self,
        eps: f32,
        statistics: GhostBatch,
        input: &[V],
        output: &mut [V],
    ) -> Option<()> {
        let (stage, params) = self.stage()?;
        let channels = channels_of_norm(stage)?;
        let (kept, rest) =
            core::mem::take(&mut self.statistics).split_at_mut_checked(2 * channels)?;
        self.statistics = rest;
        let (means, vars) = kept.split_at_mut_checked(channels)?;
        for (channel, (mean, var)) in means.iter_mut().zip(vars).enumerate() {
            let norm = ChannelNorm::of(params, channels, channel)?;
            let batch = norm.forward(eps, statistics, input, output);
            (*mean, *var) = (V::splat(batch.0), V::splat(batch.1));
        }
        Some(())
    }

    /// Takes the next stage, a convolution.
    fn convolution(&mut self) -> Option<Layer<'s>> {
        let (stage, params) = self.stage()?;
        layer(stage, params)
    }
}

/// A convolution, after its gains.
fn layer(stage: Stage, params: &[f32]) -> Option<Layer<'_>> {
    let Op::Convolution(convolution) = stage.op else {
        return None;
    };
    Some(Layer {
        params: params.get(convolution.outputs..)?,
        kernel: convolution.kernel,
        inputs: convolution.inputs,
        outputs: convolution.outputs,
    })
}

const fn channels_of_norm(stage: Stage) -> Option<usize> {
    match stage.op {
        Op::Norm(norm) => Some(norm.channels),
        Op::Convolution(_) | Op::Activation(..) | Op::BothSigns(_) => None,
    }
}

fn eps(spec: &ResidualConvolutionSpec) -> f32 {
    match spec.form {
        ResidualForm::Trained { eps } => eps,
        ResidualForm::Deployed => 0.0,
    }
}

/// Runs the network on the input map, the first of the kept maps. Kept, in order: input; `a = relu(concat(n,
/// -n))`; `h`; per block `relu(norm(h))`, the first convolution's result, that result normalised and activated,
/// `h`; finally `skip`, `skip` normalised and activated, the outputs.
pub(crate) fn forward<V: Kernels>(
    spec: &ResidualConvolutionSpec,
    dims: NetDims,
    statistics: GhostBatch,
    params: &[f32],
    saved: &mut [V],
) -> Option<()> {
    let (pixels, eps) = (dims.shape.pixels(), eps(spec));
    let map_len = pixels * spec.filters;
    let (kept, maps) = saved.split_at_mut_checked(kept_statistics(spec, dims))?;
    let mut front = Front {
        stages: stages(spec, dims),
        params,
        statistics: kept,
        maps,
    };
    let input = front.map(pixels * dims.inputs)?;
    let active = front.map(2 * pixels * dims.inputs)?;
    let mut normed: Vec<V> = input.to_vec();
    front.norm(eps, statistics, input, &mut normed)?;
    let (places, normed_places) = (
        active.chunks_exact_mut(2 * dims.inputs),
        normed.chunks_exact(dims.inputs),
    );
    for (active, normed) in places.zip(normed_places) {
        let (plus, minus) = active.split_at_mut_checked(dims.inputs)?;
        for ((plus, minus), &n) in plus.iter_mut().zip(minus).zip(normed) {
            (*plus, *minus) = (n, -n);
        }
    }
    dense::activate(active, Activation::Relu);
    let mut hidden = front.map(map_len)?;
    Map::inner(front.convolution()?, dims).forward(active, hidden, None);
    let mut skip = std::vec![V::splat(0.0); map_len];
    Map::inner(front.convolution()?, dims).forward(hidden, &mut skip, None);
    let mut made = std::vec![V::splat(0.0); map_len];
    for _ in 0..spec.blocks {
        let active = front.map(map_len)?;
        front.norm(eps, statistics, hidden, active)?;
        dense::activate(active, Activation::Relu);
        let inner = front.map(map_len)?;
        Map::inner(front.convolution()?, dims).forward(active, inner, None);
        let inner_active = front.map(map_len)?;
        front.norm(eps, statistics, inner, inner_active)?;
        dense::activate(inner_active, Activation::Relu);
        let result = front.map(map_len)?;
        Map::inner(front.convolution()?, dims).forward(inner_active, result, None);
        add(result, hidden);
        Map::inner(front.convolution()?, dims).forward(result, &mut made, None);
        add(&mut skip, &made);
        hidden = result;
    }
    let kept_skip = front.map(map_len)?;
    kept_skip.copy_from_slice(&skip);
    let active = front.map(map_len)?;
    front.norm(eps, statistics, kept_skip, active)?;
    dense::activate(active, Activation::Relu);
    let outputs = front.map(pixels * dims.outputs)?;
    Map::last(front.convolution()?, dims).forward(active, outputs, None);
    Some(())
}

/// The remaining parameters and kept values during the backward walk.
struct Back<'s, V> {
    stages: std::vec::IntoIter<Stage>,
    params: &'s [f32],
    param_gradient: &'s mut [f32],
    statistics: &'s [V],
    maps: &'s [V],
    patch: &'s mut [V],
}

impl<'s, V: Kernels> Back<'s, V> {
    /// Takes the last map.
    fn map(&mut self, len: usize) -> Option<&'s [V]> {
        let (rest, map) = self
            .maps
            .split_at_checked(self.maps.len().checked_sub(len)?)?;
        self.maps = rest;
        Some(map)
    }

    /// Takes the last stage, its parameters and their gradient.
    fn stage(&mut self) -> Option<(Stage, &'s [f32], &'s mut [f32])> {
        let stage = self.stages.next_back()?;
        let at = self.params.len().checked_sub(stage.param_len())?;
        let (rest, params) = self.params.split_at_checked(at)?;
        let (rest_gradient, param_gradient) =
            core::mem::take(&mut self.param_gradient).split_at_mut_checked(at)?;
        (self.params, self.param_gradient) = (rest, rest_gradient);
        Some((stage, params, param_gradient))
    }

    /// Runs the last stage backwards, a convolution; adds to `input_gradient`.
    fn convolution(
        &mut self,
        dims: NetDims,
        is_last: bool,
        input: &[V],
        gradient: &[V],
        input_gradient: &mut [V],
    ) -> Option<()> {
        let (stage, params, param_gradient) = self.stage()?;
        let layer = layer(stage, params)?;
        let map = if is_last {
            Map::last(layer, dims)
        } else {
            Map::inner(layer, dims)
        };
        map.backward(
            input,
            gradient,
            Some(param_gradient.get_mut(layer.outputs..)?),
            input_gradient,
            self.patch,
        )
    }

    /// Runs the last stage backwards, a norm of `input`: `gradient` becomes that of the input.
    fn norm(
        &mut self,
        eps: f32,
        statistics: GhostBatch,
        input: &[V],
        gradient: &mut [V],
    ) -> Option<()> {
        let (stage, params, param_gradient) = self.stage()?;
        let channels = channels_of_norm(stage)?;
        let at = self.statistics.len().checked_sub(2 * channels)?;
        let (rest, kept) = self.statistics.split_at_checked(at)?;
        self.statistics = rest;
        let lane = |at: usize| kept.get(at)?.as_lanes().first().copied();
        for channel in 0..channels {
            let norm = ChannelNorm::of(params, channels, channel)?;
            let batch = (lane(channel)?, lane(channels + channel)?);
            let shares = norm.backward(eps, statistics, batch, input, gradient);
            for (part, share) in shares.into_iter().enumerate() {
                *param_gradient.get_mut(part * channels + channel)? += share as f32;
            }
        }
        Some(())
    }
}

/// Computes the gradients. Returns the slice that holds the gradient of the input map.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
pub(crate) fn backward<'w, V: Kernels>(
    spec: &ResidualConvolutionSpec,
    dims: NetDims,
    statistics: GhostBatch,
    params: &[f32],
    saved: &[V],
    gradient: &[V],
    param_gradient: &mut [f32],
    scratch: &'w mut [V],
) -> Option<&'w [V]> {
    let (pixels, eps) = (dims.shape.pixels(), eps(spec));
    let map_len = pixels * spec.filters;
    let widest = pixels * spec.filters.max(2 * dims.inputs);
    let zero = V::splat(0.0);
    let (hidden_gradient, scratch) = scratch.split_at_mut_checked(map_len)?;
    let (skip_gradient, scratch) = scratch.split_at_mut_checked(map_len)?;
    let (first, scratch) = scratch.split_at_mut_checked(widest)?;
    let (second, patch) = scratch.split_at_mut_checked(widest)?;
    let (kept, maps) = saved.split_at_checked(kept_statistics(spec, dims))?;
    let mut back = Back {
        stages: stages(spec, dims),
        params,
        param_gradient,
        statistics: kept,
        maps,
        patch,
    };
    back.map(pixels * dims.outputs)?;
    let active = back.map(map_len)?;
    let skip = back.map(map_len)?;
    skip_gradient.fill(zero);
    back.convolution(dims, true, active, gradient, skip_gradient)?;
    dense::backward_activation(active, skip_gradient, Activation::Relu);
    back.norm(eps, statistics, skip, skip_gradient)?;
    hidden_gradient.fill(zero);
    for _ in 0..spec.blocks {
        let result = back.map(map_len)?;
        let inner_active = back.map(map_len)?;
        let inner = back.map(map_len)?;
        let active = back.map(map_len)?;
        let hidden = back.maps.get(back.maps.len().checked_sub(map_len)?..)?;
        let (first, second) = (first.get_mut(..map_len)?, second.get_mut(..map_len)?);
        back.convolution(dims, false, result, skip_gradient, hidden_gradient)?;
        first.fill(zero);
        back.convolution(dims, false, inner_active, hidden_gradient, first)?;
        dense::backward_activation(inner_active, first, Activation::Relu);
        back.norm(eps, statistics, inner, first)?;
        second.fill(zero);
        back.convolution(dims, false, active, first, second)?;
        dense::backward_activation(active, second, Activation::Relu);
        back.norm(eps, statistics, hidden, second)?;
        add(hidden_gradient, second);
    }
    let hidden = back.map(map_len)?;
    back.convolution(dims, false, hidden, skip_gradient, hidden_gradient)?;
    let active = back.map(2 * pixels * dims.inputs)?;
    let input = back.map(pixels * dims.inputs)?;
    let both = first.get_mut(..active.len())?;
    both.fill(zero);
    back.convolution(dims, false, active, hidden_gradient, both)?;
    dense::backward_activation(active, both, Activation::Relu);
    let input_gradient = second.get_mut(..input.len())?;
    let places = input_gradient.chunks_exact_mut(dims.inputs);
    for (sum, both) in places.zip(both.chunks_exact(2 * dims.inputs)) {
        let (plus, minus) = both.split_at_checked(dims.inputs)?;
        for ((sum, &plus), &minus) in sum.iter_mut().zip(plus).zip(minus) {
            *sum = plus - minus;
        }
    }
    back.norm(eps, statistics, input, input_gradient)?;
    Some(input_gradient)
}
