//! A network of residual blocks: a linear layer, then `h + W2 a(W1 a(h) + b1) + b2` per block, then a linear
//! output layer. `a` is the activation; with norms it is applied to `h * scale + shift`, a batch norm with its
//! running statistics.
//!
//! The parameters are those of the layers in order, with each block's scale and shift before its layers.
//!
//! [`forward_saving`] keeps what [`backward`] reads: `h` after the first layer; per block the input of its first layer,
//! its hidden layer, and `h` after it; then the outputs.

pub(crate) mod fixed;

use super::perceptron::Tensors;
use super::ping_pong::PingPong;
use super::{Kernels, dense};
use crate::spec::ResidualDenseSpec;

/// Runs the network on the current `values`, replacing them with the outputs; returns the parameters after the
/// network's. `None` if a slice is too short, which a valid spec rules out.
#[inline(always)]
pub(crate) fn forward<'p, V: Kernels>(
    net: &ResidualDenseSpec,
    outputs: usize,
    params: &'p [f32],
    values: &mut PingPong<'_, V>,
) -> Option<&'p [f32]> {
    let width = net.width;
    let mut params = values.step(width, |input, hidden| {
        dense::forward(params, input, hidden, None)
    })?;
    for _ in 0..net.blocks {
        let (hidden, free) = values.split()?;
        let (active, free) = free.split_at_mut_checked(width)?;
        let result = free.get_mut(..width)?;
        params = activated(net, params, hidden, active)?;
        params = V::dense_pair(params, active, width, result, net.activation);
        for (hidden, &result) in hidden.iter_mut().zip(result.iter()) {
            *hidden = *hidden + result;
        }
    }
    values.step(outputs, |hidden, output| {
        dense::forward(params, hidden, output, None)
    })
}

/// Computes the input of a block's first layer, `a(n)`, from `h` to `active`. Returns the parameters after the
/// norm's.
#[inline(always)]
fn activated<'p, V: Kernels>(
    net: &ResidualDenseSpec,
    params: &'p [f32],
    hidden: &[V],
    active: &mut [V],
) -> Option<&'p [f32]> {
    let (mut params, width) = (params, net.width);
    for (active, &hidden) in active.iter_mut().zip(hidden) {
        *active = hidden;
    }
    if net.norm {
        let (scale, after) = params.split_at_checked(width)?;
        let (shift, after) = after.split_at_checked(width)?;
        params = after;
        for ((active, &scale), &shift) in active.iter_mut().zip(scale).zip(shift) {
            *active = *active * V::splat(scale) + V::splat(shift);
        }
    }
    dense::activate(active, net.activation);
    Some(params)
}

/// Like [`forward`] on `input`, but keeps what [`backward`] reads in `saved`.
#[inline(always)]
pub(crate) fn forward_saving<V: Kernels>(
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
        params = activated(net, params, hidden, active)?;
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

/// Backward pass. Adds to `param_gradient`, if given; returns the slice that holds the gradient of the inputs.
/// `scratch` holds four times the widest layer.
#[inline(always)]
pub(crate) fn backward<'w, V: Kernels>(
    net: &ResidualDenseSpec,
    tensors: Tensors<'_, V>,
    output_gradient: &[V],
    param_gradient: Option<&mut [f32]>,
    scratch: &'w mut [V],
) -> Option<&'w [V]> {
    let (width, blocks) = (net.width, net.blocks);
    let outputs = output_gradient.len();
    let (hidden_gradient, scratch) = scratch.split_at_mut_checked(width)?;
    let (block_gradient, scratch) = scratch.split_at_mut_checked(width)?;
    let (active_gradient, input_gradient) = scratch.split_at_mut_checked(width)?;
    let window = dense::param_len(width, width);
    let hidden_len = tensors.saved.len().checked_sub(outputs)?;
    let mut saved = tensors.saved.get(..hidden_len)?;

    let last = dense::param_len(width, outputs);
    let (mut params, last_params) =
        (tensors.params).split_at_checked(tensors.params.len().checked_sub(last)?)?;
    let (mut param_gradient, own_gradient) = dense::split_end(param_gradient, last)?;
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
        let (rest_gradient, second_gradient) = dense::split_end(param_gradient, window)?;
        dense::backward(
            second,
            inner,
            hidden_gradient,
            second_gradient,
            block_gradient,
        );
        dense::backward_activation(inner, block_gradient, net.activation);

        let (rest, first) = rest.split_at_checked(rest.len().checked_sub(window)?)?;
        let (rest_gradient, first_gradient) = dense::split_end(rest_gradient, window)?;
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
            let (rest_gradient, norm_gradient) = dense::split_end(param_gradient, 2 * width)?;
            let (scale, _) = maps.split_at_checked(width)?;
            if let Some(norm_gradient) = norm_gradient {
                let (scale_gradient, shift_gradient) = norm_gradient.split_at_mut_checked(width)?;
                let sums = scale_gradient.iter_mut().zip(shift_gradient);
                for ((&g, &hidden), (scale_sum, shift_sum)) in
                    active_gradient.iter().zip(hidden).zip(sums)
                {
                    for (&product, &lane) in (g * hidden).as_lanes().iter().zip(g.as_lanes()) {
                        *scale_sum += product;
                        *shift_sum += lane;
                    }
                }
            }
            for (g, &scale) in active_gradient.iter_mut().zip(scale) {
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
