//! Gradients of couplings on vectors: fully connected networks.
//!
//! The input is kept, and per network its hidden layers and its output.

use super::{Context, Elementwise, Saved, Tensors, Way, pick};
#[cfg(feature = "extra-layers")]
use crate::kernel::residual_dense;
use crate::kernel::{Kernels, dense, perceptron};
use crate::layer::coupling::{gather, split_params};
use crate::spec::{Conditioner, CouplingSpec, Shape};

/// One network's part of a length divided equally among the networks.
#[inline(always)]
fn share(spec: &CouplingSpec<'_>, len: usize) -> usize {
    if spec.net_count() == 2 { len / 2 } else { len }
}

#[inline(always)]
pub(super) fn saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    way: Way,
    params: &[f32],
    x: &mut [V],
    saved: Saved<'_, V>,
) -> Option<V> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, params, shape);
    let (input, nets) = saved
        .networks
        .split_at_mut_checked(spec.net_inputs(shape))?;
    gather(spec, x, input);
    run(spec, params, input, nets)?;
    let (raw, shift) = net_outputs(spec, nets, shape)?;
    let features = spec.mask.transformed_features(shape.channels);
    let changed = pick(features, x).zip(shift);
    let mut sum = V::splat(0.0);
    let Some(map) = Elementwise::of(spec.transform, context.math) else {
        for (x, &t) in changed {
            way.shift(x, t);
        }
        return Some(sum);
    };
    let mut rescale = rescale.iter();
    for (((x, &t), &raw), kept) in changed.zip(raw).zip(saved.elementwise) {
        sum = sum + map.change(way, x, raw, t, rescale.next(), kept);
    }
    Some(sum)
}

/// Runs the networks on their `input`, keeping their layers in `nets`.
#[inline(always)]
fn run<V: Kernels>(
    spec: &CouplingSpec<'_>,
    params: &[f32],
    input: &[V],
    nets: &mut [V],
) -> Option<()> {
    let (params_len, saved_len) = (share(spec, params.len()), share(spec, nets.len()));
    let (mut params, mut nets) = (params, nets);
    for _ in 0..spec.net_count() {
        let (own, other_params) = params.split_at_checked(params_len)?;
        let (saved, others) = nets.split_at_mut_checked(saved_len)?;
        match &spec.conditioner {
            Conditioner::Dense(net) => perceptron::forward_saving(net, own, input, saved)?,
            #[cfg(feature = "extra-layers")]
            Conditioner::ResidualDense(net) => {
                residual_dense::forward_saving(net, own, input, saved)?;
            }
            #[cfg(not(feature = "extra-layers"))]
            Conditioner::ResidualDense(_) => return None,
            Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => return None,
        }
        (params, nets) = (other_params, others);
    }
    Some(())
}

/// Raw log-scales and shifts, from the saved values of the networks.
#[inline(always)]
fn net_outputs<'s, V>(
    spec: &CouplingSpec<'_>,
    nets: &'s [V],
    shape: Shape,
) -> Option<(&'s [V], &'s [V])> {
    let outputs = spec.net_outputs(shape);
    if spec.net_count() == 2 {
        let (first, second) = nets.split_at_checked(nets.len() / 2)?;
        let from = first.len().checked_sub(outputs)?;
        return Some((first.get(from..)?, second.get(from..)?));
    }
    let raws = match spec.transform.scale_map() {
        Some(_) => outputs / 2,
        None => 0,
    };
    nets.get(nets.len().checked_sub(outputs)?..)?
        .split_at_checked(raws)
}

#[inline(always)]
pub(super) fn backward<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    tensors: Tensors<'_, V>,
    gradient: &mut [V],
    param_gradient: Option<&mut [f32]>,
    scratch: &mut [V],
) -> Option<()> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, tensors.params, shape);
    let (rescale_gradient, param_gradient) =
        dense::split_at(param_gradient, spec.rescale_len(shape))?;
    let (input, saved) = tensors.networks.split_at_checked(spec.net_inputs(shape))?;
    let (output_gradient, scratch) = scratch.split_at_mut_checked(spec.outputs_len(shape))?;
    let raws = match spec.transform.scale_map() {
        Some(_) => spec.mask.transformed(shape.channels),
        None => 0,
    };
    let (raw_gradient, shift_gradient) = output_gradient.split_at_mut_checked(raws)?;
    let features = spec.mask.transformed_features(shape.channels);
    let changed = pick(features, gradient).zip(shift_gradient);
    if let Some(map) = Elementwise::of(spec.transform, context.math) {
        let mut rescale = rescale.iter();
        let mut rescale_gradient = rescale_gradient.unwrap_or(&mut []).iter_mut();
        for (((g, shift_slot), raw_slot), kept) in
            changed.zip(raw_gradient).zip(tensors.elementwise)
        {
            (*raw_slot, *shift_slot) = map.backward(
                g,
                kept,
                tensors.log_det_gradient,
                rescale.next(),
                rescale_gradient.next(),
            );
        }
    } else {
        for (g, slot) in changed {
            *slot = *g;
        }
    }
    let (params_len, saved_len) = (share(spec, params.len()), share(spec, saved.len()));
    let outputs = spec.net_outputs(shape);
    let (mut params, mut param_gradient, mut saved) = (params, param_gradient, saved);
    let mut output_gradient: &[V] = output_gradient;
    for _ in 0..spec.net_count() {
        let (own_params, other_params) = params.split_at_checked(params_len)?;
        let (own_gradient, others) = dense::split_at(param_gradient, params_len)?;
        let (own_saved, other_saved) = saved.split_at_checked(saved_len)?;
        let (own_outputs, other_outputs) = output_gradient.split_at_checked(outputs)?;
        (params, param_gradient, saved) = (other_params, others, other_saved);
        output_gradient = other_outputs;
        let tensors = perceptron::Tensors {
            params: own_params,
            input,
            saved: own_saved,
        };
        let input_gradient = match &spec.conditioner {
            Conditioner::Dense(net) => {
                perceptron::backward(net, tensors, own_outputs, own_gradient, scratch)?
            }
            #[cfg(feature = "extra-layers")]
            Conditioner::ResidualDense(net) => {
                residual_dense::backward(net, tensors, own_outputs, own_gradient, scratch)?
            }
            #[cfg(not(feature = "extra-layers"))]
            Conditioner::ResidualDense(_) => return None,
            Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => return None,
        };
        let kept = pick(spec.mask.kept_features(shape.channels), gradient);
        for (g, &through) in kept.zip(input_gradient) {
            *g = *g + through;
        }
    }
    Some(())
}
