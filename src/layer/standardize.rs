//! Standardisation of the input: `y = (x - mean) * scale`, `scale = 1 / standard deviation`.
//!
//! The first layer of a trained model, so that densities are in the user's units. The mean is subtracted first,
//! so a pressure of 101,325 +- 10 Pa loses no digits.
//!
//! Parameters: `mean[channels]`, `scale[channels]`, `log_det` (the sum of `ln scale`, computed once in f64).
//! They are computed from the training rows, not learned.

use super::by_channel;
use crate::arithmetic::Lanes;
use crate::spec::Shape;

/// Splits the layer's parameters from the following ones.
#[allow(clippy::type_complexity, reason = "parts of one slice")]
fn split(params: &[f32], channels: usize) -> Option<(&[f32], &[f32], f32, &[f32])> {
    let (mean, rest) = params.split_at_checked(channels)?;
    let (scale, rest) = rest.split_at_checked(channels)?;
    let (&log_det, rest) = rest.split_first()?;
    Some((mean, scale, log_det, rest))
}

/// Maps x to y. Returns the parameters after the layer's; `None` if there are too few.
#[inline(always)]
pub fn forward<'p, V: Lanes>(
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    log_det: &mut V,
) -> Option<&'p [f32]> {
    let (mean, scale, constant, rest) = split(params, shape.channels)?;
    by_channel(shape, x, mean.iter().zip(scale), |x, (&mean, &scale)| {
        *x = (*x - V::splat(mean)) * V::splat(scale);
    });
    *log_det = *log_det + V::splat(constant);
    Some(rest)
}

/// Maps y to x; `None` if there are too few parameters.
#[inline(always)]
pub fn inverse<V: Lanes>(shape: Shape, params: &[f32], y: &mut [V], log_det: &mut V) -> Option<()> {
    let (mean, scale, constant, _) = split(params, shape.channels)?;
    by_channel(shape, y, mean.iter().zip(scale), |y, (&mean, &scale)| {
        *y = *y / V::splat(scale) + V::splat(mean);
    });
    *log_det = *log_det - V::splat(constant);
    Some(())
}

/// Converts the gradient with respect to y to that with respect to x, in place.
#[inline(always)]
pub fn backward<V: Lanes>(shape: Shape, params: &[f32], gradient: &mut [V]) {
    let Some((_, scale, _, _)) = split(params, shape.channels) else {
        return;
    };
    by_channel(shape, gradient, scale.iter(), |gradient, &scale| {
        *gradient = *gradient * V::splat(scale);
    });
}
