//! Gradients of the matrix, and the forward pass that keeps what they need.

use super::Params;
#[cfg(any(feature = "std", test))]
use super::{lower, upper};
use crate::arithmetic::Lanes;
use crate::spec::Shape;

/// [`forward`](super::forward) with x and U x kept, one behind the other.
#[cfg(any(feature = "std", test))]
#[inline(always)]
pub(crate) fn forward_saving<V: Lanes>(
    shape: Shape,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    let (input, between) = saved.split_at_mut_checked(shape.len())?;
    input.copy_from_slice(x);
    for place in 0..pixels {
        upper(own, x, place, pixels)?;
    }
    between.copy_from_slice(x);
    for place in 0..pixels {
        lower(own, x, place, pixels)?;
    }
    *log_det = *log_det + V::splat(own.log_det);
    Some(())
}

/// Gradients; `gradient` goes from y to x in place, `saved` is what [`forward_saving`] kept, and every lane has its
/// `weight` in the loss, from which the log-determinant is taken. That one's parameter gets none: it follows the
/// diagonal.
#[cfg(any(feature = "std", test))]
#[inline(always)]
pub(crate) fn backward<V: Lanes>(
    shape: Shape,
    params: &[f32],
    saved: &[V],
    gradient: &mut [V],
    weight: V,
    param_gradient: &mut [f32],
) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let (channels, pixels) = (shape.channels, shape.pixels());
    let (input, between) = saved.split_at_checked(shape.len())?;
    let (factors, rest) = param_gradient.split_at_mut_checked(own.factors.len())?;
    for ((row, _, _), factors) in own.rows().zip(factors.chunks_exact_mut(channels)) {
        for place in 0..pixels {
            let gradient = *gradient.get(row * pixels + place)?;
            add_lanes(rest.get_mut(row)?, gradient);
            let between = between.iter().skip(place).step_by(pixels);
            for (sum, &value) in factors.iter_mut().take(row).zip(between) {
                add_lanes(sum, value * gradient);
            }
        }
    }
    back_through_lower(own, gradient, pixels)?;
    for ((row, weights, _), factors) in own.rows().zip(factors.chunks_exact_mut(channels)) {
        for place in 0..pixels {
            let gradient = *gradient.get(row * pixels + place)?;
            let input = input.iter().skip(row * pixels + place).step_by(pixels);
            // The logarithm of the diagonal is counted with its first term: a lane is one addition, so the number of
            // lanes changes no bit.
            let mut less = if place == 0 {
                weight * V::splat(pixels as f32) / V::splat(*weights.get(row)?)
            } else {
                V::splat(0.0)
            };
            for (sum, &value) in factors.iter_mut().skip(row).zip(input) {
                add_lanes(sum, value * gradient - less);
                less = V::splat(0.0);
            }
        }
    }
    back_through_upper(own, gradient, pixels)
}

/// The gradient from that with respect to y to that with respect to x, in place.
#[inline(always)]
pub fn pull_back<V: Lanes>(shape: Shape, params: &[f32], gradient: &mut [V]) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    back_through_lower(own, gradient, pixels)?;
    back_through_upper(own, gradient, pixels)
}

/// By L transposed: a column reads gradients of later rows, which are still those of y.
#[inline(always)]
fn back_through_lower<V: Lanes>(own: Params<'_>, gradient: &mut [V], pixels: usize) -> Option<()> {
    for place in 0..pixels {
        for (column, _, _) in own.rows() {
            let at = column.wrapping_mul(pixels).wrapping_add(place);
            let mut sum = *gradient.get(at)?;
            for (row, weights, _) in own.rows().skip(column.wrapping_add(1)) {
                let of_row = *gradient.get(row.wrapping_mul(pixels).wrapping_add(place))?;
                sum = sum + of_row * V::splat(*weights.get(column)?);
            }
            *gradient.get_mut(at)? = sum;
        }
    }
    Some(())
}

/// By U transposed: a column reads gradients of earlier rows.
#[inline(always)]
fn back_through_upper<V: Lanes>(own: Params<'_>, gradient: &mut [V], pixels: usize) -> Option<()> {
    for place in 0..pixels {
        for (column, _, _) in own.rows().rev() {
            let mut sum = V::splat(0.0);
            for (row, weights, _) in own.rows().take(column.wrapping_add(1)) {
                let of_row = *gradient.get(row.wrapping_mul(pixels).wrapping_add(place))?;
                sum = sum + of_row * V::splat(*weights.get(column)?);
            }
            *gradient.get_mut(column.wrapping_mul(pixels).wrapping_add(place))? = sum;
        }
    }
    Some(())
}

/// Adds one lane after the other.
#[cfg(any(feature = "std", test))]
#[inline(always)]
fn add_lanes<V: Lanes>(sum: &mut f32, terms: V) {
    for &term in terms.as_lanes() {
        *sum += term;
    }
}
