//! Standardisation of the input: `y = (x - mean) * scale`, `scale = 1 / standard deviation`.
//!
//! The first layer of a trained model, so that densities are in the user's units. The mean is
//! subtracted first: a pressure of 101,325 +- 10 Pa keeps its digits.
//!
//! Parameters: `mean[dim]`, `scale[dim]`, `log_det` (the sum of `ln scale`, computed once in f64).
//! They come from the training rows and are not learned.

use crate::lanes::Lanes;

fn split(params: &[f32], dim: usize) -> Option<(&[f32], &[f32], f32)> {
    let (mean, rest) = params.split_at_checked(dim)?;
    let (scale, rest) = rest.split_at_checked(dim)?;
    Some((mean, scale, *rest.first()?))
}

/// x to y.
#[inline(always)]
pub fn forward<V: Lanes>(params: &[f32], x: &mut [V], log_det: &mut V) {
    let Some((mean, scale, own)) = split(params, x.len()) else {
        return;
    };
    for ((x, &mean), &scale) in x.iter_mut().zip(mean).zip(scale) {
        *x = (*x - V::splat(mean)) * V::splat(scale);
    }
    *log_det = *log_det + V::splat(own);
}

/// y to x.
#[inline(always)]
pub fn inverse<V: Lanes>(params: &[f32], y: &mut [V], log_det: &mut V) {
    let Some((mean, scale, own)) = split(params, y.len()) else {
        return;
    };
    for ((y, &mean), &scale) in y.iter_mut().zip(mean).zip(scale) {
        *y = *y / V::splat(scale) + V::splat(mean);
    }
    *log_det = *log_det - V::splat(own);
}

/// Gradient with respect to x from the gradient with respect to y, in place.
#[inline(always)]
pub fn backward<V: Lanes>(params: &[f32], gradient: &mut [V]) {
    let Some((_, scale, _)) = split(params, gradient.len()) else {
        return;
    };
    for (gradient, &scale) in gradient.iter_mut().zip(scale) {
        *gradient = *gradient * V::splat(scale);
    }
}
