//! An invertible matrix: `y = L U x + b` at each place, L lower triangular with ones on its diagonal, U upper
//! triangular. On a vector it mixes all features, on a map the channels of each place: with a permutation behind it the
//! invertible 1x1 convolution `W = P L U` of Glow (arXiv:1807.03039, section 3.2).
//!
//! The factors are what is kept, not their product: they take as many multiply-accumulates as the product would, work in
//! place, and the inverse is two substitutions, exact to rounding, with nothing else stored.
//!
//! Parameters: `factors[channels][channels]`, `bias[channels]`, `log_det`. Row `i` of the factors has L before its
//! diagonal, and U on and behind it. `log_det` is the sum of `ln |u_ii|` over all places, computed once in f64.
//!
//! ```
//! use nvpico::layer::linear;
//! use nvpico::spec::Shape;
//!
//! // L = [1 0; 0.5 1], U = [2 1; 0 1].
//! let params = [2.0, 1.0, 0.5, 1.0, 0.0, 10.0, core::f32::consts::LN_2];
//! let (mut x, mut log_det) = ([3.0_f32, 4.0], 0.0);
//! assert_eq!(linear::forward(Shape::vector(2), &params, &mut x, &mut log_det), Some(&[][..]));
//! // U x = [10, 4]
//! assert_eq!((x, log_det), ([10.0, 19.0], core::f32::consts::LN_2));
//! linear::inverse(Shape::vector(2), &params, &mut x, &mut log_det);
//! assert_eq!((x, log_det), ([3.0, 4.0], 0.0));
//! ```

mod backward;
pub(crate) mod fixed;
#[cfg(test)]
mod tests;
#[cfg(feature = "std")]
mod training;

use crate::arithmetic::Lanes;
use crate::spec::Shape;
pub use backward::pull_back;
#[cfg(any(feature = "std", test))]
pub(crate) use backward::{backward, forward_saving};
#[cfg(feature = "std")]
pub use training::log_det;
#[cfg(feature = "std")]
pub(crate) use training::{Diagonals, identity};

/// A layer's parameters.
#[derive(Clone, Copy, Debug)]
struct Params<'p> {
    factors: &'p [f32],
    bias: &'p [f32],
    log_det: f32,
}

impl<'p> Params<'p> {
    /// The parameters, and those behind them.
    #[inline(always)]
    fn split(params: &'p [f32], channels: usize) -> Option<(Self, &'p [f32])> {
        let (factors, rest) = params.split_at_checked(channels.saturating_mul(channels))?;
        let (bias, rest) = rest.split_at_checked(channels)?;
        let (&log_det, rest) = rest.split_first()?;
        let own = Self {
            factors,
            bias,
            log_det,
        };
        Some((own, rest))
    }

    /// The rows of the factors, each with its number and its bias.
    #[inline(always)]
    fn rows(&self) -> impl DoubleEndedIterator<Item = (usize, &'p [f32], f32)> {
        let rows = self.factors.chunks_exact(self.bias.len().max(1));
        let rows = rows.zip(self.bias).enumerate();
        rows.map(|(at, (row, &bias))| (at, row, bias))
    }
}

/// `sum of weights[j] * x[at + j * stride]`.
#[inline(always)]
fn product<V: Lanes>(weights: &[f32], x: &[V], at: usize, stride: usize) -> V {
    let mut sum = V::splat(0.0);
    let mut at = at;
    for &weight in weights {
        let Some(&x) = x.get(at) else {
            return sum;
        };
        sum = sum + x * V::splat(weight);
        at = at.wrapping_add(stride);
    }
    sum
}

/// x to y. Returns the parameters behind its own; `None` where they are too few.
#[inline(always)]
pub fn forward<'p, V: Lanes>(
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    log_det: &mut V,
) -> Option<&'p [f32]> {
    let (own, rest) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    for place in 0..pixels {
        upper(own, x, place, pixels)?;
        lower(own, x, place, pixels)?;
    }
    *log_det = *log_det + V::splat(own.log_det);
    Some(rest)
}

/// U x at a place: a row reads values that no earlier row wrote.
#[inline(always)]
fn upper<V: Lanes>(own: Params<'_>, x: &mut [V], place: usize, pixels: usize) -> Option<()> {
    for (row, weights, _) in own.rows() {
        let at = row.wrapping_mul(pixels).wrapping_add(place);
        let sum = product(weights.get(row..)?, x, at, pixels);
        *x.get_mut(at)? = sum;
    }
    Some(())
}

/// L x + b at a place, from the last row to the first.
#[inline(always)]
fn lower<V: Lanes>(own: Params<'_>, x: &mut [V], place: usize, pixels: usize) -> Option<()> {
    for (row, weights, bias) in own.rows().rev() {
        let at = row.wrapping_mul(pixels).wrapping_add(place);
        let sum = product(weights.get(..row)?, x, place, pixels);
        let x = x.get_mut(at)?;
        *x = *x + sum + V::splat(bias);
    }
    Some(())
}

/// y to x by substitution, forwards through L and backwards through U; `None` where parameters are missing.
#[inline(always)]
pub fn inverse<V: Lanes>(shape: Shape, params: &[f32], y: &mut [V], log_det: &mut V) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    for place in 0..pixels {
        for (row, weights, bias) in own.rows() {
            let at = row.wrapping_mul(pixels).wrapping_add(place);
            let sum = product(weights.get(..row)?, y, place, pixels);
            let y = y.get_mut(at)?;
            *y = *y - V::splat(bias) - sum;
        }
        for (row, weights, _) in own.rows().rev() {
            let at = row.wrapping_mul(pixels).wrapping_add(place);
            let (&scale, weights) = weights.get(row..)?.split_first()?;
            let sum = product(weights, y, at.wrapping_add(pixels), pixels);
            let y = y.get_mut(at)?;
            *y = (*y - sum) / V::splat(scale);
        }
    }
    *log_det = *log_det - V::splat(own.log_det);
    Some(())
}
