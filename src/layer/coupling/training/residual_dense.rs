//! Training of residual fully connected networks: `h + W2 a(W1 a(n) + b1) + b2` block by block,
//! `n = h * scale + shift` with norms, else `h`.
//!
//! Kept of a forward pass: `h` as the first layer gives it; per block `a(n)`, the hidden layer, and the
//! `h` that it gives; then the outputs.

use super::{NetTensors, split_end};
use crate::kernel::Kernels;
use crate::kernel::dense;
use crate::spec::ResidualDenseSpec;

/// Buffers as wide as the widest layer that [`backward`] takes.
pub(super) const SCRATCH_WIDTHS: usize = 4;

/// Kept values but for the outputs.
pub(super) fn saved_hidden_len(net: &ResidualDenseSpec) -> usize {
    let (width, blocks) = (net.width, net.blocks);
    width * (1 + 3 * blocks)
}

#[inline(always)]
pub(super) fn forward_saving<V: Kernels>(
    net: &ResidualDenseSpec,
    params: &[f32],
    input: &[V],
    saved: &mut [V],
) -> Option<()> {
    let (width, blocks) = (net.width, net.blocks);
    let window = dense::param_len(width, width);
    let (first, mut params) = params.split_at_checked(dense::param_len(input.len(), width))?;
    let (mut hidden, mut saved) = saved.split_at_mut_checked(width)?;
    dense::forward(first, input, hidden, None);
    for _ in 0..blocks {
        let (active, rest) = saved.split_at_mut_checked(width)?;
        let (inner, rest) = rest.split_at_mut_checked(width)?;
        let (result, rest) = rest.split_at_mut_checked(width)?;
        for (active, &hidden) in active.iter_mut().zip(hidden.iter()) {
            *active = hidden;
        }
        if net.norm {
            let (scale, after) = params.split_at_checked(width)?;
            let (shift, after) = after.split_at_checked(width)?;
            for ((active, &scale), &shift) in active.iter_mut().zip(scale).zip(shift) {
                *active = *active * V::splat(scale) + V::splat(shift);
            }
            params = after;
        }
        dense::activate(active, net.activation);
        let (first, after) = params.split_at_checked(window)?;
        let (second, after) = after.split_at_checked(window)?;
        dense::forward(first, active, inner, Some(net.activation));
        dense::forward(second, inner, result, None);
        for (result, &hidden) in result.iter_mut().zip(hidden.iter()) {
            *result = hidden + *result;
        }
        (params, hidden, saved) = (after, result, rest);
    }
    dense::forward(params, hidden, saved, None);
    Some(())
}

/// Backward through the network; the gradient of its inputs stands in the slice returned. `scratch`
/// holds [`SCRATCH_WIDTHS`] times the widest layer.
#[inline(always)]
pub(super) fn backward<'w, V: Kernels>(
    net: &ResidualDenseSpec,
    tensors: NetTensors<'_, V>,
    output_gradient: &[V],
    param_gradient: &mut [f32],
    scratch: &'w mut [V],
) -> Option<&'w [V]> {
    let (width, blocks) = (net.width, net.blocks);
    let outputs = output_gradient.len();
    let (hidden_gradient, scratch) = scratch.split_at_mut_checked(width)?;
    let (block_gradient, scratch) = scratch.split_at_mut_checked(width)?;
    let (active_gradient, input_gradient) = scratch.split_at_mut_checked(width)?;
    let window = dense::param_len(width, width);
    let hidden_len = tensors.activations.len().checked_sub(outputs)?;
    let mut saved = tensors.activations.get(..hidden_len)?;

    let last = dense::param_len(width, outputs);
    let (mut params, last_params) =
        (tensors.params).split_at_checked(tensors.params.len().checked_sub(last)?)?;
    let (mut param_gradient, own_gradient) = split_end(param_gradient, last)?;
    let hidden = saved.get(saved.len().checked_sub(width)?..)?;
    dense::backward(
        last_params,
        hidden,
        output_gradient,
        own_gradient,
        hidden_gradient,
    );
    for _ in 0..blocks {
        let (before, block) = saved.split_at_checked(saved.len().checked_sub(3 * width)?)?;
        let (active, rest) = block.split_at_checked(width)?;
        let (inner, _) = rest.split_at_checked(width)?;
        let hidden = before.get(before.len().checked_sub(width)?..)?;

        let (rest, second) = params.split_at_checked(params.len().checked_sub(window)?)?;
        let (rest_gradient, second_gradient) = split_end(param_gradient, window)?;
        dense::backward(
            second,
            inner,
            hidden_gradient,
            second_gradient,
            block_gradient,
        );
        dense::backward_activation(inner, block_gradient, net.activation);

        let (rest, first) = rest.split_at_checked(rest.len().checked_sub(window)?)?;
        let (rest_gradient, first_gradient) = split_end(rest_gradient, window)?;
        dense::backward(
            first,
            active,
            block_gradient,
            first_gradient,
            active_gradient,
        );
        dense::backward_activation(active, active_gradient, net.activation);
        (params, param_gradient) = (rest, rest_gradient);

        if net.norm {
            let (rest, maps) = params.split_at_checked(params.len().checked_sub(2 * width)?)?;
            let (rest_gradient, norm_gradient) = split_end(param_gradient, 2 * width)?;
            let (scale, _) = maps.split_at_checked(width)?;
            let (scale_gradient, shift_gradient) = norm_gradient.split_at_mut_checked(width)?;
            let sums = scale_gradient.iter_mut().zip(shift_gradient);
            for (((g, &hidden), &scale), (scale_sum, shift_sum)) in
                active_gradient.iter_mut().zip(hidden).zip(scale).zip(sums)
            {
                for (&product, &lane) in (*g * hidden).as_lanes().iter().zip(g.as_lanes()) {
                    *scale_sum += product;
                    *shift_sum += lane;
                }
                *g = *g * V::splat(scale);
            }
            (params, param_gradient) = (rest, rest_gradient);
        }
        for (g, &through) in hidden_gradient.iter_mut().zip(active_gradient.iter()) {
            *g = *g + through;
        }
        saved = before;
    }
    let input_gradient = input_gradient.get_mut(..tensors.input.len())?;
    dense::backward(
        params,
        tensors.input,
        hidden_gradient,
        param_gradient,
        input_gradient,
    );
    Some(input_gradient)
}
