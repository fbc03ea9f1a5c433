//! Maps counts to the real line: `y = logit(alpha + (1 - alpha) (x + 0.5) / levels)` (paper section 4.1).
//!
//! A bounded value cannot have Gaussian tails, but its logit can. `alpha` keeps the logit of count 0 finite.
//! With `p` the argument of the logit, `dy/dx = (1 - alpha) / levels / (p (1 - p))`. A value out of range has
//! no logit: its log-density is `-inf`.
//!
//! Scoring maps a count to the middle of its cell. Training adds noise uniform within the cell
//! (dequantisation), so the density of a count is also its probability.

pub(crate) mod fixed;

use crate::arithmetic::Lanes;
use crate::arithmetic::elementary::{Math, ln};
use crate::spec::LogitSpec;

/// `p` and `1 - p`. The latter is computed directly, because near the highest count `1 - p` would lose digits
/// to rounding.
#[inline(always)]
fn shares<V: Lanes>(spec: LogitSpec, x: V) -> (V, V) {
    let slope = V::splat((1.0 - spec.alpha) / spec.levels);
    (
        (x + V::splat(0.5)) * slope + V::splat(spec.alpha),
        (V::splat(spec.levels - 0.5) - x) * slope,
    )
}

/// Maps x to y.
#[inline(always)]
pub fn forward<V: Lanes>(spec: LogitSpec, x: &mut [V], log_det: &mut V) {
    let constant = V::splat(ln((1.0 - spec.alpha) / spec.levels));
    for x in x {
        let (p, rest) = shares(spec, *x);
        let (low, high) = (p.map(ln), rest.map(ln));
        *x = low - high;
        *log_det = *log_det + (constant - low - high);
    }
}

/// Maps y to x.
#[inline(always)]
pub fn inverse<V: Lanes>(spec: LogitSpec, math: Math, y: &mut [V], log_det: &mut V) {
    let one = V::splat(1.0);
    let constant = V::splat(ln((1.0 - spec.alpha) / spec.levels));
    for y in y {
        // p = 1 / (1 + e^-y), and 1 - p without cancellation.
        let p = one / (one + (-*y).exp(math));
        let rest = one / (one + y.exp(math));
        *log_det = *log_det - (constant - p.map(ln) - rest.map(ln));
        *y =
            (p - V::splat(spec.alpha)) * V::splat(spec.levels / (1.0 - spec.alpha)) - V::splat(0.5);
    }
}

/// Converts the gradient with respect to y to that with respect to x, in place. `x` is the input of
/// [`forward`], `log_det_gradient` the gradient of the loss with respect to the log-determinant.
#[inline(always)]
pub fn backward<V: Lanes>(spec: LogitSpec, x: &[V], gradient: &mut [V], log_det_gradient: V) {
    let slope = V::splat((1.0 - spec.alpha) / spec.levels);
    for (gradient, &x) in gradient.iter_mut().zip(x) {
        let (p, rest) = shares(spec, x);
        // d log_det / dp = -1/p + 1/(1 - p)
        let through = *gradient + log_det_gradient * (p - rest);
        *gradient = through * slope / (p * rest);
    }
}
