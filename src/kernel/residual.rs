//! A network of residual blocks: a linear layer, then `h + W2 a(W1 a(h) + b1) + b2` block by block,
//! then a linear layer to the outputs. `a` is the activation; with norms it is taken of
//! `h * scale + shift`, a batch norm on its running statistics.
//!
//! The parameters are those of the layers in order, each block's scale and shift before its own.

use super::dense;
use crate::kernel::Kernels;
use crate::spec::DenseSpec;

/// What [`forward`] runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Values at the end of the scratch that the network reads.
    pub inputs: usize,
    /// Values at the end of the scratch where its result stands afterwards.
    pub outputs: usize,
    /// Whether blocks have norms.
    pub norm: bool,
}

/// Runs the network within `scratch`; returns the parameters behind its own. `None` where a slice is too short, which a valid spec rules out.
#[inline(always)]
pub(crate) fn forward<'p, V: Kernels>(
    spec: &DenseSpec<'_>,
    shape: Shape,
    params: &'p [f32],
    scratch: &mut [V],
) -> Option<&'p [f32]> {
    let (&width, rest) = spec.hidden.split_first()?;
    let (front, input) = split_end(scratch, shape.inputs)?;
    let mut params = dense::forward(params, input, front.get_mut(..width)?, None);
    for _ in 0..rest.len() / 2 {
        let (hidden, others) = scratch.split_at_mut_checked(width)?;
        let (active, others) = others.split_at_mut_checked(width)?;
        let result = others.get_mut(..width)?;
        for (active, &hidden) in active.iter_mut().zip(hidden.iter()) {
            *active = hidden;
        }
        if shape.norm {
            let (scale, after) = params.split_at_checked(width)?;
            let (shift, after) = after.split_at_checked(width)?;
            params = after;
            for ((active, &scale), &shift) in active.iter_mut().zip(scale).zip(shift) {
                *active = *active * V::splat(scale) + V::splat(shift);
            }
        }
        dense::activate(active, spec.activation);
        params = V::dense_pair(params, active, width, result, spec.activation);
        for (hidden, &result) in hidden.iter_mut().zip(result.iter()) {
            *hidden = *hidden + result;
        }
    }
    let (front, output) = split_end(scratch, shape.outputs)?;
    Some(dense::forward(params, front.get(..width)?, output, None))
}

/// Cuts `len` values off the end.
#[inline(always)]
fn split_end<V>(values: &mut [V], len: usize) -> Option<(&mut [V], &mut [V])> {
    values.split_at_mut_checked(values.len().checked_sub(len)?)
}
