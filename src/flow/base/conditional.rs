//! A mixture of normal densities over the values of z behind the given ones; [`MixtureSpec`] has the formulas and the order of
//! the parameters.
//!
//! A component's weight depends on the given values. All weights are divided by the largest one before anything is added, so far
//! given values take those of the nearest component, and no difference of two large numbers is left.

use super::mixture::{Component, largest, rows, sum_of_exp};
use super::{impossible_if_beyond, norm_sq};
use crate::arithmetic::Math;
use crate::kernel::{Kernels, dense};
use crate::spec::{MixtureSpec, Spread, triangle_len};

/// `log p(v | u) + log_det` in nats, of z with its first `given` values given; arguments otherwise as for
/// [`mixture::log_prob`](super::mixture::log_prob).
#[inline(always)]
pub(crate) fn log_prob<V: Kernels>(
    spec: MixtureSpec,
    given: usize,
    math: Math,
    params: &[f32],
    z: &[V],
    scratch: &mut [V],
    log_det: V,
) -> V {
    match sums(spec, given, math, params, z, scratch) {
        Some(Sums {
            terms,
            weights,
            scale,
        }) => {
            let ratio = terms.map(|sum| math.ln(sum)) - weights.map(|sum| math.ln(sum));
            impossible_if_beyond(log_det + (scale + ratio))
        }
        None => V::splat(f32::NEG_INFINITY),
    }
}

/// The density as `exp(scale) terms / weights`.
struct Sums<V> {
    /// Sum over the components, whose shares are left at the front of the scratch.
    terms: V,
    /// Sum of their weights, which are left behind the shares.
    weights: V,
    scale: V,
}

#[inline(always)]
fn sums<V: Kernels>(
    spec: MixtureSpec,
    given: usize,
    math: Math,
    params: &[f32],
    z: &[V],
    scratch: &mut [V],
) -> Option<Sums<V>> {
    let (terms, rest) = scratch.split_at_mut_checked(spec.components)?;
    let (weights, rest) = rest.split_at_mut_checked(spec.components)?;
    let less = match spec.spread {
        Spread::Shared => shared(params, given, z, terms, weights)?,
        Spread::Full => {
            full(params, given, z, terms, weights, rest.get_mut(..z.len())?)?;
            V::splat(0.0)
        }
    };
    let most = largest(weights);
    for (term, weight) in terms.iter_mut().zip(weights.iter()) {
        *term = *term + (*weight - most);
    }
    let scale = largest(terms);
    Some(Sums {
        weights: sum_of_exp(math, weights, most),
        terms: sum_of_exp(math, terms, scale),
        scale: scale - less,
    })
}

/// The logarithms of the components' weights and of their densities; what is to be taken from the latter.
#[inline(always)]
fn shared<V: Kernels>(
    params: &[f32],
    given: usize,
    z: &[V],
    terms: &mut [V],
    weights: &mut [V],
) -> Option<V> {
    let parts = Parts::split(params, given, z.len(), terms.len())?;
    let (known, others) = z.split_at_checked(given)?;
    dense::forward(parts.weights, known, weights, None);
    dense::forward(parts.terms, others, terms, None);
    Some(norm_sq(others) * V::splat(parts.g))
}

/// The parameters of [`Spread::Shared`].
struct Parts<'p> {
    g: f32,
    weights: &'p [f32],
    terms: &'p [f32],
}

impl<'p> Parts<'p> {
    #[inline(always)]
    fn split(params: &'p [f32], given: usize, dim: usize, components: usize) -> Option<Self> {
        let (&g, params) = params.split_first()?;
        let (weights, terms) = params.split_at_checked(dense::param_len(given, components))?;
        let len = dense::param_len(dim.checked_sub(given)?, components);
        let terms = terms.get(..len)?;
        Some(Self { g, weights, terms })
    }
}

/// The logarithms of the components' weights and of their densities.
#[inline(always)]
fn full<V: Kernels>(
    params: &[f32],
    given: usize,
    z: &[V],
    terms: &mut [V],
    weights: &mut [V],
    apart: &mut [V],
) -> Option<()> {
    let mut params = params;
    for (term, weight) in terms.iter_mut().zip(weights) {
        let (&constant, rest) = params.split_first()?;
        let (own, others) = Component::split(rest, z.len())?;
        params = others;
        own.apart(z, apart);
        let (known, unknown) = own.triangle.split_at_checked(triangle_len(given))?;
        *weight = term_of(constant, distance_sq(known, 0, apart));
        *term = term_of(own.constant, distance_sq(unknown, given, apart));
    }
    Some(())
}

#[inline(always)]
fn term_of<V: Kernels>(constant: f32, distance_sq: V) -> V {
    V::splat(constant) - distance_sq * V::splat(0.5)
}

/// The sum of squares that some rows of a triangle give, which stand behind `before` rows.
#[inline(always)]
fn distance_sq<V: Kernels>(triangle: &[f32], before: usize, apart: &[V]) -> V {
    let mut sum = V::splat(0.0);
    for row in rows(triangle, before) {
        let value = super::mixture::product(row, apart);
        sum = sum + value * value;
    }
    sum
}

/// The gradient `d log p(v | u) / d z`; lengths as for [`log_prob`]. Not a number where a value overflowed; `None` where
/// parameters are missing.
#[inline(always)]
pub(crate) fn gradient<V: Kernels>(
    spec: MixtureSpec,
    given: usize,
    math: Math,
    params: &[f32],
    z: &[V],
    scratch: &mut [V],
    gradient: &mut [V],
) -> Option<()> {
    let sums = sums(spec, given, math, params, z, scratch)?;
    let (shares, rest) = scratch.split_at_mut_checked(spec.components)?;
    let (differences, rest) = rest.split_at_mut_checked(spec.components)?;
    // What a component's weight gains or loses by the values that are judged.
    for (share, difference) in shares.iter_mut().zip(differences.iter_mut()) {
        *share = *share / sums.terms;
        *difference = *share - *difference / sums.weights;
    }
    match spec.spread {
        Spread::Shared => {
            let parts = Parts::split(params, given, z.len(), spec.components)?;
            let (known, others) = z.split_at_checked(given)?;
            let (of_known, of_others) = gradient.split_at_mut_checked(given)?;
            dense::backward(parts.weights, known, differences, None, of_known);
            dense::backward(parts.terms, others, shares, None, of_others);
            for (gradient, &z) in of_others.iter_mut().zip(others) {
                *gradient = *gradient - z * V::splat(2.0 * parts.g);
            }
        }
        Spread::Full => {
            let apart = rest.get_mut(..z.len())?;
            for gradient in gradient.iter_mut() {
                *gradient = V::splat(0.0);
            }
            let mut params = params;
            for (&share, &difference) in shares.iter().zip(differences.iter()) {
                let (own, others) = Component::split(params.get(1..)?, z.len())?;
                params = others;
                own.apart(z, apart);
                for (at, row) in rows(own.triangle, 0).enumerate() {
                    let share = if at < given { difference } else { share };
                    let value = super::mixture::product(row, apart) * share;
                    for (gradient, &weight) in gradient.iter_mut().zip(row) {
                        *gradient = *gradient - value * V::splat(weight);
                    }
                }
            }
        }
    }
    Some(())
}

/// Draws the values behind the given ones, which `z` holds in front: a component by its weight there, then a value of it, at
/// `temperature` times its deviations. `scratch` has the length that a score takes.
pub(crate) fn sample(
    spec: MixtureSpec,
    given: usize,
    params: &[f32],
    random: &mut impl rand_core::Rng,
    temperature: f32,
    z: &mut [f32],
    scratch: &mut [f32],
) -> Option<()> {
    // 24 bits: below 1 after rounding.
    let share = (random.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0);
    let sums = sums(spec, given, Math::Libm, params, z, scratch)?;
    let weights = scratch.get(spec.components..)?.get(..spec.components)?;
    let picked = pick(weights, share * sums.weights);
    for z in z.get_mut(given..)? {
        *z = temperature * super::standard_normal(random.next_u32());
    }
    match spec.spread {
        Spread::Shared => {
            let parts = Parts::split(params, given, z.len(), spec.components)?;
            let inputs = z.len().checked_sub(given)?;
            let deviation = crate::arithmetic::elementary::sqrt(0.5 / parts.g);
            let (_, weights) = super::mixture::unit(parts.terms, inputs, spec.components, picked)?;
            for (z, weight) in z.get_mut(given..)?.iter_mut().zip(weights) {
                *z = *z * deviation + weight * (0.5 / parts.g);
            }
        }
        Spread::Full => {
            let len = MixtureSpec::component_len(z.len(), given);
            let own = params.get(picked.checked_mul(len)?.checked_add(1)?..)?;
            let (own, _) = Component::split(own, z.len())?;
            own.place_normal(z, given)?;
        }
    }
    Some(())
}

/// The component at `left` of the sum of all weights; the last one with a weight, where rounding leaves something.
fn pick(weights: &[f32], left: f32) -> usize {
    let (mut picked, mut left) = (0, left);
    for (at, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            picked = at;
        }
        if left < weight {
            break;
        }
        left -= weight;
    }
    picked
}
