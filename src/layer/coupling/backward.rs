//! The coupling in training: the forward pass that keeps its activations, and the gradients.
//!
//! `g` is the loss's gradient with respect to `y = x * exp(s) + t`. Then `dt = g`,
//! `ds = g * x * exp(s) + d log_det`, `dx = g * exp(s)`; where the shift is first, `x + t` stands for
//! `x`, and `dt = dx`. The conditioner's gradient comes on top for the kept features.

use core::mem;

use super::{gather, inner_of, log_scale, scale_factor, split_params};
use crate::conditioner::dense;
use crate::lanes::Lanes;
use crate::math::Math;
use crate::spec::{CouplingSpec, ScaleMap, Transform};

/// Values that [`forward_saving`] keeps for [`backward`]: the net's input; per network its hidden
/// layers and its output; for a coupling with scales what `exp(s)` multiplied, `exp(s)`, and what the
/// slope of `s` is computed from.
#[must_use]
pub fn saved_len(spec: &CouplingSpec<'_>, dim: usize) -> usize {
    let elementwise = match spec.transform {
        Transform::Additive => 0,
        _ => 3 * spec.mask.transformed(dim),
    };
    spec.mask.kept(dim) + saved_nets_len(spec, dim) + elementwise
}

/// What [`forward_saving`] kept, cut into its parts.
struct Saved<S> {
    input: S,
    nets: S,
    elementwise: S,
}

/// [`forward`](super::forward) with the same kernels, that keeps what [`backward`](fn@backward) needs in `saved`
/// ([`saved_len`] values).
#[inline(always)]
pub fn forward_saving<V: Lanes>(
    spec: &CouplingSpec<'_>,
    math: Math,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) {
    let dim = x.len();
    let (rescale, params) = split_params(spec, params, dim);
    let count = spec.net_count();
    let nets_len = saved_nets_len(spec, dim);
    let Some((input, rest)) = saved.split_at_mut_checked(spec.mask.kept(dim)) else {
        return;
    };
    let Some((nets, elementwise)) = rest.split_at_mut_checked(nets_len) else {
        return;
    };
    gather(spec, x, input);
    let per_net = params.len() / count;
    for (params, saved) in params
        .chunks_exact(per_net)
        .zip(nets.chunks_exact_mut(nets_len / count))
    {
        run_net_saving(spec, params, input, saved);
    }
    let (raw, shift) = net_outputs(spec, nets, dim);
    let changed = transformed(spec, x).zip(shift);
    let Some(map) = spec.transform.scale_map() else {
        for (x, &t) in changed {
            *x = *x + t;
        }
        return;
    };
    let shift_first = matches!(spec.transform, Transform::ShiftFirst(_));
    let (kept, _) = elementwise.as_chunks_mut::<3>();
    let mut rescale = rescale.iter();
    for (((x, &t), &raw), [old, factor, inner]) in changed.zip(raw).zip(kept) {
        *inner = inner_of(map, math, raw);
        let s = log_scale(map, math, *inner, rescale.next());
        *factor = scale_factor(map, math, *inner, s);
        *old = if shift_first { *x + t } else { *x };
        *x = *old * *factor;
        if !shift_first {
            *x = *x + t;
        }
        *log_det = *log_det + s;
    }
}

/// `d s / d raw` from what [`inner_of`] gave; without the learned factor of a rescaled tanh.
#[inline(always)]
fn slope<V: Lanes>(map: ScaleMap, math: Math, inner: V) -> V {
    let one = V::splat(1.0);
    match map {
        ScaleMap::Unbounded => one,
        ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. } => one - inner * inner,
        ScaleMap::Atan { scale } => V::splat(scale) / (one + inner * inner),
        ScaleMap::Sigmoid {
            offset,
            floor,
            inverse,
        } => {
            let sigmoid = one / (one + (-(inner + V::splat(offset))).exp(math));
            // Without a floor the sigmoid cancels, and may be 0.
            let share = if floor > 0.0 {
                sigmoid / (sigmoid + V::splat(floor))
            } else {
                one
            };
            let slope = (one - sigmoid) * share;
            if inverse { -slope } else { slope }
        }
    }
}

/// The transformed features of `x`, in order.
#[inline(always)]
fn transformed<'x, V>(spec: &CouplingSpec<'x>, x: &'x mut [V]) -> impl Iterator<Item = &'x mut V> {
    pick(spec.mask.transformed_features(x.len()), x)
}

/// The values at rising indices.
#[inline(always)]
fn pick<V>(features: impl Iterator<Item = usize>, x: &mut [V]) -> impl Iterator<Item = &mut V> {
    let mut values = x.iter_mut();
    let mut passed = 0;
    features.map_while(move |index| {
        let value = values.nth(index - passed);
        passed = index + 1;
        value
    })
}

fn saved_nets_len(spec: &CouplingSpec<'_>, dim: usize) -> usize {
    let hidden: usize = spec.conditioner.hidden.iter().sum();
    spec.net_count() * (hidden + spec.net_outputs(dim))
}

/// Hidden layers and output of one network, one after the other in `saved`.
#[inline(always)]
fn run_net_saving<V: Lanes>(spec: &CouplingSpec<'_>, params: &[f32], input: &[V], saved: &mut [V]) {
    let mut params = params;
    let mut input: &[V] = input;
    let mut saved = saved;
    for &width in spec.conditioner.hidden {
        let (Some((own, rest)), Some((output, after))) = (
            params.split_at_checked(dense::param_len(input.len(), width)),
            saved.split_at_mut_checked(width),
        ) else {
            return;
        };
        dense::forward(own, input, output, Some(spec.conditioner.activation));
        params = rest;
        input = output;
        saved = after;
    }
    dense::forward(params, input, saved, None);
}

/// Raw log-scales and shifts among the saved values of the networks.
#[inline(always)]
fn net_outputs<'s, V>(spec: &CouplingSpec<'_>, nets: &'s [V], dim: usize) -> (&'s [V], &'s [V]) {
    let outputs = spec.net_outputs(dim);
    let nothing: (&[V], &[V]) = (&[], &[]);
    if spec.net_count() == 2 {
        let Some((first, second)) = nets.split_at_checked(nets.len() / 2) else {
            return nothing;
        };
        let from = first.len().saturating_sub(outputs);
        return (
            first.get(from..).unwrap_or(&[]),
            second.get(from..).unwrap_or(&[]),
        );
    }
    let raws = match spec.transform.scale_map() {
        Some(_) => outputs / 2,
        None => 0,
    };
    nets.get(nets.len().saturating_sub(outputs)..)
        .and_then(|result| result.split_at_checked(raws))
        .unwrap_or(nothing)
}

/// Gradients of the coupling. `gradient` goes from y to x in place; `log_det_gradient` is the loss's
/// with respect to the log-determinant, per lane. Adds to `param_gradient`. `scratch` holds at least
/// [`backward_scratch_len`] values.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
pub fn backward<V: Lanes>(
    spec: &CouplingSpec<'_>,
    math: Math,
    params: &[f32],
    saved: &[V],
    gradient: &mut [V],
    log_det_gradient: V,
    param_gradient: &mut [f32],
    scratch: &mut [V],
) {
    let dim = gradient.len();
    let (rescale, params) = split_params(spec, params, dim);
    let Some((rescale_gradient, param_gradient)) =
        param_gradient.split_at_mut_checked(spec.rescale_len(dim))
    else {
        return;
    };
    let (count, widest) = (spec.net_count(), spec.widest(dim));
    let outputs = spec.net_outputs(dim);
    let nets_len = saved_nets_len(spec, dim);
    let Some(saved) = cut_saved(saved, spec.mask.kept(dim), nets_len) else {
        return;
    };
    let Some((output_gradient, scratch)) = scratch.split_at_mut_checked(count * outputs) else {
        return;
    };
    let raws = match spec.transform.scale_map() {
        Some(_) => spec.mask.transformed(dim),
        None => 0,
    };
    let Some((raw_gradient, shift_gradient)) = output_gradient.split_at_mut_checked(raws) else {
        return;
    };
    let changed = transformed(spec, gradient).zip(shift_gradient);
    if let Some(map) = spec.transform.scale_map() {
        let shift_first = matches!(spec.transform, Transform::ShiftFirst(_));
        let (kept, _) = saved.elementwise.as_chunks::<3>();
        let mut rescale = rescale.iter().zip(rescale_gradient);
        for (((g, shift_slot), raw_slot), [old, factor, inner]) in
            changed.zip(raw_gradient).zip(kept)
        {
            let s_gradient = *g * *old * *factor + log_det_gradient;
            *raw_slot = s_gradient * slope(map, math, *inner);
            if let Some((&r, sum)) = rescale.next() {
                for &lane in (s_gradient * *inner).as_lanes() {
                    *sum += lane;
                }
                *raw_slot = *raw_slot * V::splat(r);
            }
            let through = *g * *factor;
            *shift_slot = if shift_first { through } else { *g };
            *g = through;
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
        .zip(saved.nets.chunks_exact(nets_len / count))
        .zip(output_gradient.chunks_exact(outputs));
    for (((params, param_gradient), activations), output_gradient) in nets {
        let Some((first, second)) = scratch.split_at_mut_checked(widest) else {
            return;
        };
        for (slot, &g) in first.iter_mut().zip(output_gradient) {
            *slot = g;
        }
        let input_gradient = backward_net(
            spec,
            outputs,
            NetTensors {
                params,
                input: saved.input,
                activations,
            },
            param_gradient,
            first,
            second,
        );
        let kept = pick(spec.mask.kept_features(dim), gradient);
        for (g, &own) in kept.zip(input_gradient) {
            *g = *g + own;
        }
    }
}

/// Values of scratch for [`backward`].
#[must_use]
pub fn backward_scratch_len(spec: &CouplingSpec<'_>, dim: usize) -> usize {
    spec.net_count() * spec.net_outputs(dim) + 2 * spec.widest(dim)
}

fn cut_saved<V>(saved: &[V], inputs: usize, nets_len: usize) -> Option<Saved<&[V]>> {
    let (input, rest) = saved.split_at_checked(inputs)?;
    let (nets, elementwise) = rest.split_at_checked(nets_len)?;
    Some(Saved {
        input,
        nets,
        elementwise,
    })
}

/// What a network's backward pass reads.
#[derive(Clone, Copy)]
struct NetTensors<'s, V> {
    params: &'s [f32],
    input: &'s [V],
    activations: &'s [V],
}

/// Backward through one network, last layer first. The gradient of the outputs stands in `source`;
/// that of the inputs ends in the slice returned.
#[inline(always)]
fn backward_net<'w, V: Lanes>(
    spec: &CouplingSpec<'_>,
    outputs: usize,
    net: NetTensors<'_, V>,
    param_gradient: &mut [f32],
    source: &'w mut [V],
    target: &'w mut [V],
) -> &'w [V] {
    let (mut source, mut target) = (source, target);
    let (mut params, mut param_gradient) = (net.params, param_gradient);
    let mut activations = net
        .activations
        .get(..net.activations.len().saturating_sub(outputs))
        .unwrap_or(&[]);
    let mut width = outputs;
    for &below in spec.conditioner.hidden.iter().rev() {
        let (Some((rest, own)), Some((rest_gradient, own_gradient))) = (
            params.split_at_checked(params.len() - dense::param_len(below, width)),
            split_end(param_gradient, dense::param_len(below, width)),
        ) else {
            return &[];
        };
        let (Some((before, input)), Some(output_gradient), Some(input_gradient)) = (
            activations.split_at_checked(activations.len().saturating_sub(below)),
            source.get(..width),
            target.get_mut(..below),
        ) else {
            return &[];
        };
        dense::backward(own, input, output_gradient, own_gradient, input_gradient);
        dense::backward_activation(input, input_gradient, spec.conditioner.activation);
        (params, param_gradient, activations, width) = (rest, rest_gradient, before, below);
        mem::swap(&mut source, &mut target);
    }
    let (Some(output_gradient), Some(input_gradient)) =
        (source.get(..width), target.get_mut(..net.input.len()))
    else {
        return &[];
    };
    dense::backward(
        params,
        net.input,
        output_gradient,
        param_gradient,
        input_gradient,
    );
    input_gradient
}

/// Cuts `len` values off the end.
fn split_end(values: &mut [f32], len: usize) -> Option<(&mut [f32], &mut [f32])> {
    let at = values.len().checked_sub(len)?;
    values.split_at_mut_checked(at)
}
