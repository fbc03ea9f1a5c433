//! A network of residual blocks: a linear layer, then `h + W2 a(W1 a(h) + b1) + b2` per block, then a linear
//! output layer. `a` is the activation; with norms it is applied to `h * scale + shift`, a batch norm with its
//! running statistics.
//!
//! The parameters are those of the layers in order, with each block's scale and shift before its layers.

pub(crate) mod fixed;

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
        for (active, &hidden) in active.iter_mut().zip(hidden.iter()) {
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
        params = V::dense_pair(params, active, width, result, net.activation);
        for (hidden, &result) in hidden.iter_mut().zip(result.iter()) {
            *hidden = *hidden + result;
        }
    }
    values.step(outputs, |hidden, output| {
        dense::forward(params, hidden, output, None)
    })
}
