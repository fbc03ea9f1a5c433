//! The density of z: standard normal, or a mixture of normal densities.

use super::error::{Feature, SpecError};
use super::{add, mul};

/// The density of z.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BaseSpec {
    /// `N(0, I)`: standard normal, independent in every value of z. No parameters.
    Normal,
    /// A mixture of normal densities with fixed centres. Needs feature `extra-layers`.
    Mixture(MixtureSpec),
}

/// A mixture `p(z) = sum over k of weight_k N(z; m_k, S_k)`, of values in the order that the layers leave them.
///
/// [`Spread::Shared`]: `S_k = h^2 I` for all components. With `g = 1 / (2 h^2)`, `w_k = m_k / h^2` and
/// `b_k = ln weight_k - |m_k|^2 g - dim / 2 ln(2 pi h^2)`,
///
/// `ln p(z) = logsumexp_k(b_k + w_k . z) - g |z|^2`.
///
/// Parameters: `g`, then a dense layer of `dim` inputs and `components` outputs with biases `b` and weights `w`, in
/// [panels](super#order-of-the-parameters). So a component costs the multiply-accumulates of an output of a dense
/// layer, and one exponential.
///
/// [`Spread::Full`]: with `W_k` the lower triangle of `W_k^T W_k = S_k^-1` (the inverse of a Cholesky factor of
/// `S_k`) and `c_k = ln weight_k + sum of ln diag W_k - dim / 2 ln(2 pi)`,
///
/// `ln p(z) = logsumexp_k(c_k - |W_k (z - m_k)|^2 / 2)`.
///
/// Parameters, component by component: `c`, `m[dim]`, `W` row by row up to its diagonal, `dim (dim + 1) / 2` values.
///
/// With [given values](super::FlowSpec::with_given) `u`, the first ones of z, and the others `v`, it is the density of `v` where
/// `u` is known, `p(v | u) = p(u, v) / p(u)`: each component has a weight that depends on `u`,
///
/// `ln p(v | u) = logsumexp_k(a_k(u) + ln N_k(v | u)) - logsumexp_k(a_k(u))`, `a_k(u) = ln(weight_k N_k(u))` but for what
/// all components have in common.
///
/// [`Spread::Shared`]: `a_k(u) = ln weight_k - |m_k|^2 g + w_k . u` with the given part of `m_k` and `w_k`; the other part
/// has `b_k = -|m_k|^2 g - values / 2 ln(2 pi h^2)`. Parameters: `g`, a dense layer of the given values with biases
/// `ln weight_k - |m_k|^2 g`, a dense layer of the others with biases `b_k`.
///
/// [`Spread::Full`]: the first rows of `W` are those of the given values alone. Parameters, component by component: `a =
/// ln weight + sum of ln diag W` over these rows, `c = sum of ln diag W - values / 2 ln(2 pi)` over the others, `m`, `W`.
///
/// A term that is more than [`MixtureSpec::NATS`] below the largest adds less than the rounding of the sum and is left
/// out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct MixtureSpec {
    /// Number of components, at least 1.
    // Without the feature a mixture is refused. It takes no room then, so that a spec is as small as it was without a
    // base, and a chip pays nothing.
    #[cfg(feature = "extra-layers")]
    pub components: usize,
    /// How the covariances are given.
    #[cfg(feature = "extra-layers")]
    pub spread: Spread,
}

/// The covariances of a mixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Spread {
    /// One bandwidth for all components and features.
    Shared,
    /// A lower triangle a component.
    Full,
}

impl BaseSpec {
    /// Number of parameters, on `dim` values of z of which the first `given` are given.
    #[must_use]
    #[inline]
    pub const fn param_len(self, dim: usize, given: usize) -> usize {
        match self {
            BaseSpec::Normal => 0,
            BaseSpec::Mixture(spec) => match spec.spread() {
                Spread::Shared => {
                    let own = add(dim, MixtureSpec::constants(given));
                    add(mul(spec.components(), own), 1)
                }
                Spread::Full => mul(spec.components(), MixtureSpec::component_len(dim, given)),
            },
        }
    }

    /// Length of the scratch: a value for each component, with given values two, and for [`Spread::Full`] the distance from
    /// a centre.
    #[must_use]
    pub const fn scratch_len(self, dim: usize, given: usize) -> usize {
        match self {
            BaseSpec::Normal => 0,
            BaseSpec::Mixture(spec) => {
                let terms = mul(spec.components(), MixtureSpec::constants(given));
                match spec.spread() {
                    Spread::Shared => terms,
                    Spread::Full => add(terms, dim),
                }
            }
        }
    }

    /// Multiply-accumulates for one sample.
    #[must_use]
    pub const fn multiply_accumulates(self, dim: usize) -> usize {
        match self {
            BaseSpec::Normal => 0,
            BaseSpec::Mixture(spec) => match spec.spread() {
                Spread::Shared => mul(spec.components(), dim),
                Spread::Full => mul(spec.components(), triangle_len(dim)),
            },
        }
    }

    pub(super) const fn validate(self) -> Result<(), SpecError> {
        match self {
            BaseSpec::Mixture(_) if !cfg!(feature = "extra-layers") => {
                Err(SpecError::FeatureMissing {
                    layer: None,
                    feature: Feature::ExtraLayers,
                })
            }
            BaseSpec::Mixture(spec) if spec.components() == 0 => Err(SpecError::Components),
            BaseSpec::Normal | BaseSpec::Mixture(_) => Ok(()),
        }
    }
}

impl MixtureSpec {
    /// Terms this many nats below the largest are left out of the sum over the components: even all of a thousand add
    /// less than 2.1e-6 nats.
    pub const NATS: u8 = 20;

    /// A mixture of so many components.
    #[must_use]
    pub const fn new(components: usize, spread: Spread) -> Self {
        #[cfg(not(feature = "extra-layers"))]
        let _ = (components, spread);
        Self {
            #[cfg(feature = "extra-layers")]
            components,
            #[cfg(feature = "extra-layers")]
            spread,
        }
    }

    #[cfg(feature = "extra-layers")]
    pub(crate) const fn components(self) -> usize {
        self.components
    }

    #[cfg(not(feature = "extra-layers"))]
    #[allow(clippy::unused_self, reason = "a number of the spec where it has one")]
    pub(crate) const fn components(self) -> usize {
        0
    }

    #[cfg(feature = "extra-layers")]
    pub(crate) const fn spread(self) -> Spread {
        self.spread
    }

    #[cfg(not(feature = "extra-layers"))]
    #[allow(clippy::unused_self, reason = "a part of the spec where it has one")]
    pub(crate) const fn spread(self) -> Spread {
        Spread::Shared
    }

    /// Constants of a component: one, with given values two.
    pub(crate) const fn constants(given: usize) -> usize {
        if given > 0 { 2 } else { 1 }
    }

    /// Parameters of a component of [`Spread::Full`].
    pub(crate) const fn component_len(dim: usize, given: usize) -> usize {
        add(add(dim, Self::constants(given)), triangle_len(dim))
    }
}

/// Entries of a lower triangle with its diagonal.
pub(crate) const fn triangle_len(dim: usize) -> usize {
    // One of the two factors is even.
    if dim.is_multiple_of(2) {
        mul(dim / 2, add(dim, 1))
    } else {
        mul(dim, add(dim, 1) / 2)
    }
}

#[cfg(all(test, feature = "extra-layers"))]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_parts() {
        let shared = BaseSpec::Mixture(MixtureSpec::new(5, Spread::Shared));
        assert_eq!(shared.param_len(3, 0), 1 + 5 * 4);
        assert_eq!(shared.scratch_len(3, 0), 5);
        assert_eq!(shared.multiply_accumulates(3), 15);
        let full = BaseSpec::Mixture(MixtureSpec::new(5, Spread::Full));
        assert_eq!(full.param_len(3, 0), 5 * (1 + 3 + 6));
        assert_eq!(full.param_len(4, 0), 5 * (1 + 4 + 10));
        assert_eq!(full.scratch_len(3, 0), 8);
        assert_eq!(shared.param_len(3, 1), 1 + 5 * 5);
        assert_eq!(full.param_len(3, 2), 5 * (2 + 3 + 6));
        assert_eq!([shared, full].map(|base| base.scratch_len(3, 1)), [10, 13]);
        assert_eq!(full.multiply_accumulates(3), 30);
        for spread in [Spread::Shared, Spread::Full] {
            let huge = BaseSpec::Mixture(MixtureSpec::new(usize::MAX, spread));
            assert_eq!(huge.param_len(3, 1), usize::MAX);
            assert_eq!(huge.scratch_len(3, 1), usize::MAX);
        }
        assert_eq!(BaseSpec::Normal.param_len(3, 1), 0);
    }
}
