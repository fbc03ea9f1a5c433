//! A fixed affine map per channel: `y = x * scale + shift`. The folded form of a batch norm.
//!
//! Parameters: `scale[channels]`, `shift[channels]`, `log_det` (the sum of `ln |scale|`). Needs neither `ln`
//! nor `sqrt` at inference.

pub(crate) mod fixed;

use super::by_channel;
use crate::arithmetic::Lanes;
use crate::spec::Shape;

/// Splits the layer's parameters from the following ones.
#[allow(clippy::type_complexity, reason = "parts of one slice")]
fn split(params: &[f32], channels: usize) -> Option<(&[f32], &[f32], f32, &[f32])> {
    let (scale, rest) = params.split_at_checked(channels)?;
    let (shift, rest) = rest.split_at_checked(channels)?;
    let (&log_det, rest) = rest.split_first()?;
    Some((scale, shift, log_det, rest))
}

/// Maps x to y. Returns the parameters after the layer's; `None` if there are too few.
#[inline(always)]
pub fn forward<'p, V: Lanes>(
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    log_det: &mut V,
) -> Option<&'p [f32]> {
    let (scale, shift, constant, rest) = split(params, shape.channels)?;
    by_channel(shape, x, scale.iter().zip(shift), |x, (&scale, &shift)| {
        *x = *x * V::splat(scale) + V::splat(shift);
    });
    *log_det = *log_det + V::splat(constant);
    Some(rest)
}

/// Maps y to x; `None` if there are too few parameters.
#[inline(always)]
pub fn inverse<V: Lanes>(shape: Shape, params: &[f32], y: &mut [V], log_det: &mut V) -> Option<()> {
    let (scale, shift, constant, _) = split(params, shape.channels)?;
    by_channel(shape, y, scale.iter().zip(shift), |y, (&scale, &shift)| {
        *y = (*y - V::splat(shift)) / V::splat(scale);
    });
    *log_det = *log_det - V::splat(constant);
    Some(())
}

/// Converts the gradient with respect to y to that with respect to x, in place.
#[inline(always)]
pub fn backward<V: Lanes>(shape: Shape, params: &[f32], gradient: &mut [V]) {
    let Some((scale, _, _, _)) = split(params, shape.channels) else {
        return;
    };
    by_channel(shape, gradient, scale.iter(), |gradient, &scale| {
        *gradient = *gradient * V::splat(scale);
    });
}
