//! Training of couplings on vectors: fully connected networks.
//!
//! Kept of a forward pass: the net's input; per network its hidden layers and its output; then what
//! [`Elementwise`] keeps of each transformed feature.

use core::mem;

use super::{Context, Elementwise, NetTensors, Tensors, pick, residual_dense, split_end};
use crate::kernel::Kernels;
use crate::kernel::dense;
use crate::layer::coupling::{gather, split_params};
use crate::spec::{Conditioner, CouplingSpec, DenseSpec, Shape};

pub(super) fn saved_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let elementwise = match spec.transform.scale_map() {
        None => 0,
        Some(_) => Elementwise::KEPT * spec.mask.transformed(shape.channels),
    };
    spec.net_inputs(shape) + saved_nets_len(spec, shape) + elementwise
}

pub(super) fn scratch_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let network = spec.network(shape);
    let widths = match spec.conditioner {
        Conditioner::ResidualDense(_) => residual_dense::SCRATCH_WIDTHS,
        Conditioner::Dense(_)
        | Conditioner::Convolution(_)
        | Conditioner::ResidualConvolution(_) => 2,
    };
    spec.net_count() * network.outputs + widths * network.widest()
}

fn saved_nets_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let hidden = match &spec.conditioner {
        Conditioner::Dense(net) => net.hidden.iter().sum(),
        Conditioner::ResidualDense(net) => residual_dense::saved_hidden_len(net),
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => 0,
    };
    spec.net_count() * (hidden + spec.net_outputs(shape))
}

#[inline(always)]
pub(super) fn forward_saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, params, shape);
    let count = spec.net_count();
    let nets_len = saved_nets_len(spec, shape);
    let (input, rest) = saved.split_at_mut_checked(spec.net_inputs(shape))?;
    let (nets, elementwise) = rest.split_at_mut_checked(nets_len)?;
    gather(spec, x, input);
    let per_net = params.len() / count;
    for (params, saved) in params
        .chunks_exact(per_net)
        .zip(nets.chunks_exact_mut(nets_len / count))
    {
        match &spec.conditioner {
            Conditioner::Dense(net) => run_net_saving(net, params, input, saved)?,
            Conditioner::ResidualDense(net) => {
                residual_dense::forward_saving(net, params, input, saved)?;
            }
            Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => return None,
        }
    }
    let (raw, shift) = net_outputs(spec, nets, shape)?;
    let features = spec.mask.transformed_features(shape.channels);
    let changed = pick(features, x).zip(shift);
    let Some(map) = Elementwise::of(spec.transform, context.math) else {
        for (x, &t) in changed {
            *x = *x + t;
        }
        return Some(());
    };
    let (kept, _) = elementwise.as_chunks_mut::<{ Elementwise::KEPT }>();
    let mut rescale = rescale.iter();
    let mut sum = V::splat(0.0);
    for (((x, &t), &raw), kept) in changed.zip(raw).zip(kept) {
        sum = sum + map.forward(x, raw, t, rescale.next(), kept);
    }
    *log_det = *log_det + sum;
    Some(())
}

/// Hidden layers and output of one network, one after the other in `saved`.
#[inline(always)]
fn run_net_saving<V: Kernels>(
    net: &DenseSpec<'_>,
    params: &[f32],
    input: &[V],
    saved: &mut [V],
) -> Option<()> {
    let mut params = params;
    let mut input: &[V] = input;
    let mut saved = saved;
    for &width in net.hidden {
        let (layer_params, rest) = params.split_at_checked(dense::param_len(input.len(), width))?;
        let (output, after) = saved.split_at_mut_checked(width)?;
        dense::forward(layer_params, input, output, Some(net.activation));
        params = rest;
        input = output;
        saved = after;
    }
    dense::forward(params, input, saved, None);
    Some(())
}

/// Raw log-scales and shifts among the saved values of the networks.
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
    param_gradient: &mut [f32],
    scratch: &mut [V],
) -> Option<()> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, tensors.params, shape);
    let (rescale_gradient, param_gradient) =
        param_gradient.split_at_mut_checked(spec.rescale_len(shape))?;
    let (count, outputs) = (spec.net_count(), spec.net_outputs(shape));
    let inputs = spec.net_inputs(shape);
    let nets_len = saved_nets_len(spec, shape);
    let (input, rest) = tensors.saved.split_at_checked(inputs)?;
    let (saved_nets, elementwise) = rest.split_at_checked(nets_len)?;
    let (output_gradient, scratch) = scratch.split_at_mut_checked(count * outputs)?;
    let raws = match spec.transform.scale_map() {
        Some(_) => spec.mask.transformed(shape.channels),
        None => 0,
    };
    let (raw_gradient, shift_gradient) = output_gradient.split_at_mut_checked(raws)?;
    let features = spec.mask.transformed_features(shape.channels);
    let changed = pick(features, gradient).zip(shift_gradient);
    if let Some(map) = Elementwise::of(spec.transform, context.math) {
        let (kept, _) = elementwise.as_chunks::<{ Elementwise::KEPT }>();
        let mut rescale = rescale.iter().zip(rescale_gradient);
        for (((g, shift_slot), raw_slot), kept) in changed.zip(raw_gradient).zip(kept) {
            (*raw_slot, *shift_slot) =
                map.backward(g, kept, tensors.log_det_gradient, rescale.next());
        }
    } else {
        for (g, slot) in changed {
            *slot = *g;
        }
    }
    let per_net = params.len() / count;
    let nets = params
        .chunks_exact(per_net)
        .zip(param_gradient.chunks_exact_mut(per_net))
        .zip(saved_nets.chunks_exact(nets_len / count))
        .zip(output_gradient.chunks_exact(outputs));
    for (((params, param_gradient), activations), output_gradient) in nets {
        let tensors = NetTensors {
            params,
            input,
            activations,
        };
        let input_gradient = match &spec.conditioner {
            Conditioner::Dense(net) => {
                let widest = spec.network(shape).widest();
                let (first, second) = scratch.split_at_mut_checked(widest)?;
                for (slot, &g) in first.iter_mut().zip(output_gradient) {
                    *slot = g;
                }
                backward_net(net, outputs, tensors, param_gradient, first, second)?
            }
            Conditioner::ResidualDense(net) => {
                residual_dense::backward(net, tensors, output_gradient, param_gradient, scratch)?
            }
            Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => return None,
        };
        let kept = pick(spec.mask.kept_features(shape.channels), gradient);
        for (g, &through) in kept.zip(input_gradient) {
            *g = *g + through;
        }
    }
    Some(())
}

/// Backward through one network, last layer first. The gradient of the outputs stands in `source`;
/// that of the inputs ends in the slice returned.
#[inline(always)]
fn backward_net<'w, V: Kernels>(
    net: &DenseSpec<'_>,
    outputs: usize,
    tensors: NetTensors<'_, V>,
    param_gradient: &mut [f32],
    source: &'w mut [V],
    target: &'w mut [V],
) -> Option<&'w [V]> {
    let (mut source, mut target) = (source, target);
    let (mut params, mut param_gradient) = (tensors.params, param_gradient);
    let hidden = tensors.activations.len().checked_sub(outputs)?;
    let mut activations = tensors.activations.get(..hidden)?;
    let mut width = outputs;
    for &below in net.hidden.iter().rev() {
        let len = dense::param_len(below, width);
        let (rest, layer_params) = params.split_at_checked(params.len().checked_sub(len)?)?;
        let (rest_gradient, own_gradient) = split_end(param_gradient, len)?;
        let (before, input) =
            activations.split_at_checked(activations.len().checked_sub(below)?)?;
        let (output_gradient, input_gradient) = (source.get(..width)?, target.get_mut(..below)?);
        dense::backward(
            layer_params,
            input,
            output_gradient,
            own_gradient,
            input_gradient,
        );
        dense::backward_activation(input, input_gradient, net.activation);
        (params, param_gradient, activations, width) = (rest, rest_gradient, before, below);
        mem::swap(&mut source, &mut target);
    }
    let (output_gradient, input_gradient) =
        (source.get(..width)?, target.get_mut(..tensors.input.len())?);
    dense::backward(
        params,
        tensors.input,
        output_gradient,
        param_gradient,
        input_gradient,
    );
    Some(input_gradient)
}
