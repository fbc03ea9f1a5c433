//! A mixture of normal densities over z; [`MixtureSpec`] has the formulas and the order of the parameters.
//!
//! ```
//! use nvpico::Math;
//! use nvpico::base::mixture;
//! use nvpico::spec::{MixtureSpec, Spread};
//!
//! // Two components of one value, at -1 and 1, with h = 1: g = 1/2, b = ln(1/2) - 1/2 - ln(2 pi) / 2, w = -1, 1.
//! let b = -0.693_147_2 - 0.5 - 0.918_938_5;
//! let params = [0.5, b, b, -1.0, 1.0];
//! let spec = MixtureSpec::new(2, Spread::Shared);
//! let mut scratch = [0.0_f32; 2];
//! let log_prob = mixture::log_prob(spec, Math::Libm, &params, &[0.0], &mut scratch, 0.0, 0.0);
//! // Both add half of N(0; 1, 1).
//! assert!((log_prob + 0.5 + 0.918_938_5).abs() < 1e-6);
//! ```

use super::impossible_if_beyond;
use crate::arithmetic::elementary::{ln, sqrt};
use crate::arithmetic::{Lanes, Math, select};
use crate::kernel::{Kernels, dense};
use crate::spec::{MixtureSpec, Spread, triangle_len};

/// `log p(z) + log_det` in nats. `params` are those of the mixture, `scratch` has at least
/// [`BaseSpec::scratch_len`](crate::spec::BaseSpec::scratch_len) values, `z_norm_sq` is `|z|^2`. `-inf` where a value
/// overflowed, or where parameters are missing.
#[inline(always)]
pub fn log_prob<V: Kernels>(
    spec: MixtureSpec,
    math: Math,
    params: &[f32],
    z: &[V],
    scratch: &mut [V],
    z_norm_sq: V,
    log_det: V,
) -> V {
    match sum_of_terms(spec, math, params, z, scratch, z_norm_sq) {
        Some((sum, scale)) => impossible_if_beyond(log_det + (scale + sum.map(|sum| math.ln(sum)))),
        None => V::splat(f32::NEG_INFINITY),
    }
}

/// `p(z)` as a sum over the components, which are left in `scratch`, and the logarithm of what the sum is to be
/// multiplied with.
#[inline(always)]
fn sum_of_terms<V: Kernels>(
    spec: MixtureSpec,
    math: Math,
    params: &[f32],
    z: &[V],
    scratch: &mut [V],
    z_norm_sq: V,
) -> Option<(V, V)> {
    let (terms, less) = match spec.spread {
        Spread::Shared => shared(params, z, scratch.get_mut(..spec.components)?, z_norm_sq)?,
        Spread::Full => full(spec, params, z, scratch)?,
    };
    let largest = largest(terms);
    Some((sum_of_exp(math, terms, largest), largest - less))
}

/// The logarithms of all terms, and what is to be taken from that of their sum.
#[inline(always)]
fn shared<'s, V: Kernels>(
    params: &[f32],
    z: &[V],
    terms: &'s mut [V],
    z_norm_sq: V,
) -> Option<(&'s mut [V], V)> {
    let (&g, params) = params.split_first()?;
    if params.len() < dense::param_len(z.len(), terms.len()) {
        return None;
    }
    dense::forward(params, z, terms, None);
    Some((terms, z_norm_sq * V::splat(g)))
}

/// The logarithms of all terms; nothing is to be taken from that of their sum.
#[inline(always)]
fn full<'s, V: Kernels>(
    spec: MixtureSpec,
    params: &[f32],
    z: &[V],
    scratch: &'s mut [V],
) -> Option<(&'s mut [V], V)> {
    let (terms, rest) = scratch.split_at_mut_checked(spec.components)?;
    let apart = rest.get_mut(..z.len())?;
    let mut params = params;
    for term in terms.iter_mut() {
        let (own, others) = Component::split(params, z.len())?;
        params = others;
        own.apart(z, apart);
        *term = V::splat(own.constant) - own.distance_sq(apart) * V::splat(0.5);
    }
    Some((terms, V::splat(0.0)))
}

/// A component of [`Spread::Full`].
#[derive(Clone, Copy)]
pub(super) struct Component<'p> {
    pub(super) constant: f32,
    pub(super) centre: &'p [f32],
    /// The triangle, row by row.
    pub(super) triangle: &'p [f32],
}

/// The rows of a triangle behind the first `before` ones: the first row of all has one value.
#[inline(always)]
pub(super) fn rows(triangle: &[f32], before: usize) -> impl Iterator<Item = &[f32]> {
    let (mut rest, mut len) = (triangle, before);
    core::iter::from_fn(move || {
        len = len.wrapping_add(1);
        let (row, others) = rest.split_at_checked(len)?;
        rest = others;
        Some(row)
    })
}

impl<'p> Component<'p> {
    /// The first component, and the parameters of the others.
    #[inline(always)]
    pub(super) fn split(params: &'p [f32], dim: usize) -> Option<(Self, &'p [f32])> {
        let (&constant, rest) = params.split_first()?;
        let (centre, rest) = rest.split_at_checked(dim)?;
        let (triangle, rest) = rest.split_at_checked(triangle_len(dim))?;
        let own = Self {
            constant,
            centre,
            triangle,
        };
        Some((own, rest))
    }

    /// `z - m`.
    #[inline(always)]
    pub(super) fn apart<V: Lanes>(&self, z: &[V], apart: &mut [V]) {
        for ((apart, &z), &centre) in apart.iter_mut().zip(z).zip(self.centre) {
            *apart = z - V::splat(centre);
        }
    }

    /// Makes values of the component of standard normal ones, where the first `given` ones are known already.
    pub(super) fn place_normal(&self, z: &mut [f32], given: usize) -> Option<()> {
        let (known, _) = z.split_at_mut_checked(given)?;
        for (z, &centre) in known.iter_mut().zip(self.centre) {
            *z -= centre;
        }
        // W (z - m) is normal: by substitution.
        for (at, row) in rows(self.triangle, 0).enumerate().skip(given) {
            let (&diagonal, before) = row.split_last()?;
            let (done, rest) = z.split_at_mut_checked(at)?;
            let value = rest.first_mut()?;
            *value = (*value - product(before, done)) / diagonal;
        }
        for (z, &centre) in z.iter_mut().zip(self.centre) {
            *z += centre;
        }
        Some(())
    }

    /// `|W (z - m)|^2`, from `z - m`.
    #[inline(always)]
    fn distance_sq<V: Lanes>(&self, apart: &[V]) -> V {
        let mut sum = V::splat(0.0);
        for row in rows(self.triangle, 0) {
            let value = product(row, apart);
            sum = sum + value * value;
        }
        sum
    }
}

/// `sum of weights[j] * x[j]`.
#[inline(always)]
pub(super) fn product<V: Lanes>(weights: &[f32], x: &[V]) -> V {
    let mut sum = V::splat(0.0);
    for (&weight, &x) in weights.iter().zip(x) {
        sum = sum + x * V::splat(weight);
    }
    sum
}

/// The largest term; NaN if the first one is, which then makes the sum NaN.
#[inline(always)]
pub(super) fn largest<V: Lanes>(terms: &[V]) -> V {
    let mut largest = V::splat(f32::NEG_INFINITY);
    for (at, &term) in terms.iter().enumerate() {
        largest = if at == 0 {
            term
        } else {
            largest.zip(term, |a, b| select(b > a, b, a))
        };
    }
    largest
}

/// `sum of exp(term - largest)`, from the first term to the last, without those that are more than
/// [`MixtureSpec::NATS`] below the largest; `terms` become the summands. NaN where a term is, or where the largest is
/// infinite, so an overflow is never taken for a density.
#[inline(always)]
pub(super) fn sum_of_exp<V: Lanes>(math: Math, terms: &mut [V], largest: V) -> V {
    let least = -f32::from(MixtureSpec::NATS);
    let mut sum = V::splat(0.0);
    for term in terms {
        let below = *term - largest;
        let is_left_out = below.as_lanes().iter().all(|&below| below < least);
        *term = if is_left_out {
            V::splat(0.0)
        } else {
            let exp = below.exp(math);
            below.zip(exp, |below, exp| select(below < least, 0.0, exp))
        };
        sum = sum + *term;
    }
    sum
}

/// The gradient `d log p(z) / d z`; lengths as for [`log_prob`]. Not a number where a value
/// overflowed; `None` where parameters are missing.
#[inline(always)]
pub(crate) fn gradient<V: Kernels>(
    spec: MixtureSpec,
    math: Math,
    params: &[f32],
    z: &[V],
    scratch: &mut [V],
    gradient: &mut [V],
) -> Option<()> {
    let (sum, _) = sum_of_terms(spec, math, params, z, scratch, super::norm_sq(z))?;
    let (shares, rest) = scratch.split_at_mut_checked(spec.components)?;
    for share in shares.iter_mut() {
        *share = *share / sum;
    }
    match spec.spread {
        Spread::Shared => {
            let (&g, params) = params.split_first()?;
            dense::backward(params, z, shares, None, gradient);
            for (gradient, &z) in gradient.iter_mut().zip(z) {
                *gradient = *gradient - z * V::splat(2.0 * g);
            }
        }
        Spread::Full => {
            let apart = rest.get_mut(..z.len())?;
            for gradient in gradient.iter_mut() {
                *gradient = V::splat(0.0);
            }
            let mut params = params;
            for &share in shares.iter() {
                let (own, others) = Component::split(params, z.len())?;
                params = others;
                own.apart(z, apart);
                for row in rows(own.triangle, 0) {
                    let value = product(row, apart) * share;
                    for (gradient, &weight) in gradient.iter_mut().zip(row) {
                        *gradient = *gradient - value * V::splat(weight);
                    }
                }
            }
        }
    }
    Some(())
}

/// Draws z into `z`: a component by its weight, then a value of it, at `temperature` times its deviations.
pub(crate) fn sample(
    spec: MixtureSpec,
    params: &[f32],
    random: &mut impl rand_core::Rng,
    temperature: f32,
    z: &mut [f32],
) -> Option<()> {
    // 24 bits: below 1 after rounding.
    let share = (random.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0);
    let component = pick(spec, params, z.len(), share)?;
    for z in z.iter_mut() {
        *z = temperature * super::standard_normal(random.next_u32());
    }
    match spec.spread {
        Spread::Shared => {
            let (&g, params) = params.split_first()?;
            let deviation = sqrt(0.5 / g);
            let (_, weights) = unit(params, z.len(), spec.components, component)?;
            for (z, weight) in z.iter_mut().zip(weights) {
                *z = *z * deviation + weight * (0.5 / g);
            }
        }
        Spread::Full => {
            let len = MixtureSpec::component_len(z.len(), 0);
            let (own, _) = Component::split(params.get(component.checked_mul(len)?..)?, z.len())?;
            own.place_normal(z, 0)?;
        }
    }
    Some(())
}

/// The component at `share` of the sum of all weights.
fn pick(spec: MixtureSpec, params: &[f32], dim: usize, share: f32) -> Option<usize> {
    let mut largest = f32::NEG_INFINITY;
    for component in 0..spec.components {
        let weight = log_weight(spec, params, dim, component)?;
        largest = if weight > largest { weight } else { largest };
    }
    let weight =
        |component| Some(Math::Libm.exp(log_weight(spec, params, dim, component)? - largest));
    let mut sum = 0.0;
    for component in 0..spec.components {
        sum += weight(component)?;
    }
    let mut left = share * sum;
    let mut picked = 0;
    for component in 0..spec.components {
        let weight = weight(component)?;
        // The last one with a weight, where rounding leaves something.
        if weight > 0.0 {
            picked = component;
        }
        if left < weight {
            break;
        }
        left -= weight;
    }
    Some(picked)
}

/// The logarithm of a component's weight, but for a constant.
fn log_weight(spec: MixtureSpec, params: &[f32], dim: usize, component: usize) -> Option<f32> {
    match spec.spread {
        Spread::Shared => {
            let (&g, params) = params.split_first()?;
            let (bias, weights) = unit(params, dim, spec.components, component)?;
            // |m|^2 g, of m = w / (2 g).
            let norm_sq: f32 = weights.map(|weight| weight * weight).sum();
            Some(bias + norm_sq * (0.25 / g))
        }
        Spread::Full => {
            let len = MixtureSpec::component_len(dim, 0);
            let (own, _) = Component::split(params.get(component.checked_mul(len)?..)?, dim)?;
            let mut log_weight = own.constant;
            for row in rows(own.triangle, 0) {
                log_weight -= ln(*row.last()?);
            }
            Some(log_weight)
        }
    }
}

/// Bias and weights of one output of a dense layer.
pub(super) fn unit(
    params: &[f32],
    inputs: usize,
    outputs: usize,
    output: usize,
) -> Option<(f32, impl Iterator<Item = f32>)> {
    let (mut params, mut left, mut at) = (params, outputs, output);
    loop {
        let width = dense::panel_width(left);
        let (panel, rest) = params.split_at_checked(dense::param_len(inputs, width))?;
        if at < width {
            let mut own = panel.get(at..)?.iter().step_by(width).copied();
            return Some((own.next()?, own));
        }
        if width == 0 {
            return None;
        }
        (params, left, at) = (rest, left.wrapping_sub(width), at.wrapping_sub(width));
    }
}
