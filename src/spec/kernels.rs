//! A second density, of kernels around representative rows.

use super::base::{BaseSpec, MixtureSpec, Spread};
use super::error::{Feature, SpecError};
use super::{add, max};

/// A kernel density of the values behind the first layer, beside the flow's density; in a flow with given values of those behind the
/// first two: the second layer is a coupling that moves and scales the others by what is given.
///
/// A flow's density is smooth; what nearest neighbours have, local structure, it has not. With kernels a sample is as unlikely as the
/// less favourable of the two densities says:
///
/// `log_prob = min(log p_flow(x), slope * log p_kernels(x) + offset)`
///
/// Both log-densities are exact and normalised, in the unit of x; `slope > 0` and `offset` bring the second to the scale
/// of the first, so `log_prob` is the flow's log-density unless the kernels find the sample rarer than the flow does.
///
/// Parameters, behind those of the base: `slope`, `offset`, then those of a mixture with
/// [`Spread::Shared`] of `count` components. Needs feature `extra-layers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct KernelsSpec {
    /// Number of kernels, at least 1.
    pub count: usize,
}

impl KernelsSpec {
    /// Parameters before those of the mixture: slope and offset.
    pub(crate) const HEAD: usize = 2;

    /// So many kernels.
    #[must_use]
    pub const fn new(count: usize) -> Self {
        Self { count }
    }

    /// The kernels as a mixture.
    #[must_use]
    pub const fn mixture(self) -> MixtureSpec {
        MixtureSpec::new(self.count, Spread::Shared)
    }

    pub(crate) const fn base(self) -> BaseSpec {
        BaseSpec::Mixture(self.mixture())
    }

    /// Number of parameters, on `dim` values of which the first `given` are given.
    #[must_use]
    pub const fn param_len(self, dim: usize, given: usize) -> usize {
        add(Self::HEAD, self.base().param_len(dim, given))
    }

    /// Length of the scratch.
    #[must_use]
    pub const fn scratch_len(self, dim: usize, given: usize) -> usize {
        self.base().scratch_len(dim, given)
    }

    /// Multiply-accumulates for one sample.
    #[must_use]
    pub const fn multiply_accumulates(self, dim: usize) -> usize {
        self.base().multiply_accumulates(dim)
    }

    /// The larger of two lengths, one of them of kernels that a model need not have.
    pub(super) const fn scratch_of(
        kernels: Option<Self>,
        dim: usize,
        given: usize,
        other: usize,
    ) -> usize {
        match kernels {
            Some(kernels) => max(kernels.scratch_len(dim, given), other),
            None => other,
        }
    }

    /// Layers in front of the kernels.
    pub(crate) const fn behind(given: usize) -> usize {
        if given > 0 { 2 } else { 1 }
    }

    pub(super) const fn validate(self, layers: usize, given: usize) -> Result<(), SpecError> {
        if !cfg!(feature = "extra-layers") {
            return Err(SpecError::FeatureMissing {
                layer: None,
                feature: Feature::ExtraLayers,
            });
        }
        if self.count == 0 || layers < Self::behind(given) {
            return Err(SpecError::Components);
        }
        Ok(())
    }
}
