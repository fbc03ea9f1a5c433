//! A fixed affine map per feature: `y = x * scale + shift`. What a batch norm is after folding.
//!
//! Parameters: `scale[dim]`, `shift[dim]`, `log_det` (the sum of `ln |scale|`). Inference needs
//! neither `ln` nor `sqrt`.

use crate::lanes::Lanes;

fn split(params: &[f32], dim: usize) -> Option<(&[f32], &[f32], f32)> {
    let (scale, rest) = params.split_at_checked(dim)?;
    let (shift, rest) = rest.split_at_checked(dim)?;
    Some((scale, shift, *rest.first()?))
}

/// x to y.
#[inline(always)]
pub fn forward<V: Lanes>(params: &[f32], x: &mut [V], log_det: &mut V) {
    let Some((scale, shift, own)) = split(params, x.len()) else {
        return;
    };
    for ((x, &scale), &shift) in x.iter_mut().zip(scale).zip(shift) {
        *x = *x * V::splat(scale) + V::splat(shift);
    }
    *log_det = *log_det + V::splat(own);
}

/// y to x.
#[inline(always)]
pub fn inverse<V: Lanes>(params: &[f32], y: &mut [V], log_det: &mut V) {
    let Some((scale, shift, own)) = split(params, y.len()) else {
        return;
    };
    for ((y, &scale), &shift) in y.iter_mut().zip(scale).zip(shift) {
        *y = (*y - V::splat(shift)) / V::splat(scale);
    }
    *log_det = *log_det - V::splat(own);
}

/// Gradient with respect to x from the gradient with respect to y, in place.
#[inline(always)]
pub fn backward<V: Lanes>(params: &[f32], gradient: &mut [V]) {
    let Some((scale, _, _)) = split(params, gradient.len()) else {
        return;
    };
    for (gradient, &scale) in gradient.iter_mut().zip(scale) {
        *gradient = *gradient * V::splat(scale);
    }
}
