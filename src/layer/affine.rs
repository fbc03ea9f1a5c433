//! A fixed affine map per feature: `y = x * scale + shift`. What a batch norm is after folding.
//!
//! Parameters: `scale[channels]`, `shift[channels]`, `log_det` (the sum of `ln |scale|`). Inference needs
//! neither `ln` nor `sqrt`.

use super::by_channel;
use crate::lanes::Lanes;
use crate::spec::Shape;

fn split(params: &[f32], channels: usize) -> Option<(&[f32], &[f32], f32)> {
    let (scale, rest) = params.split_at_checked(channels)?;
    let (shift, rest) = rest.split_at_checked(channels)?;
    Some((scale, shift, *rest.first()?))
}

/// x to y.
#[inline(always)]
pub fn forward<V: Lanes>(shape: Shape, params: &[f32], x: &mut [V], log_det: &mut V) {
    let Some((scale, shift, own)) = split(params, shape.channels) else {
        return;
    };
    by_channel(shape, x, scale.iter().zip(shift), |x, (&scale, &shift)| {
        *x = *x * V::splat(scale) + V::splat(shift);
    });
    *log_det = *log_det + V::splat(own);
}

/// y to x.
#[inline(always)]
pub fn inverse<V: Lanes>(shape: Shape, params: &[f32], y: &mut [V], log_det: &mut V) {
    let Some((scale, shift, own)) = split(params, shape.channels) else {
        return;
    };
    by_channel(shape, y, scale.iter().zip(shift), |y, (&scale, &shift)| {
        *y = (*y - V::splat(shift)) / V::splat(scale);
    });
    *log_det = *log_det - V::splat(own);
}

/// Gradient with respect to x from the gradient with respect to y, in place.
#[inline(always)]
pub fn backward<V: Lanes>(shape: Shape, params: &[f32], gradient: &mut [V]) {
    let Some((scale, _, _)) = split(params, shape.channels) else {
        return;
    };
    by_channel(shape, gradient, scale.iter(), |gradient, &scale| {
        *gradient = *gradient * V::splat(scale);
    });
}
