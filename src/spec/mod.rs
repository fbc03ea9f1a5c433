//! What a model is: the single source of truth for shapes and lengths.
//!
//! A [`FlowSpec`] holds no weights. It says in which order the layers stand and how one flat
//! `&[f32]` of parameters is cut into them; every length is a `const fn`, so buffers have exactly
//! the right size at compile time.
//!
//! ```
//! use nvpico::spec::{Activation, CouplingSpec, DenseSpec, Mask, Nets, ScaleMap, Transform};
//! use nvpico::{FlowSpec, LayerSpec, Math};
//!
//! const COUPLING: CouplingSpec<'static> = CouplingSpec {
//!     mask: Mask::Even,
//!     transform: Transform::Affine(ScaleMap::RescaledTanh),
//!     conditioner: DenseSpec { hidden: &[16, 16], activation: Activation::Relu, nets: Nets::One },
//! };
//! const SPEC: FlowSpec<'static> = FlowSpec {
//!     dim: 6,
//!     math: Math::Libm,
//!     layers: &[LayerSpec::Standardize, LayerSpec::Coupling(COUPLING)],
//! };
//! assert_eq!(SPEC.workspace_len(), 6 + 16 + 6);
//! assert!(SPEC.validate().is_ok());
//! ```
//!
//! # Order of the parameters
//!
//! Layers in the order of `forward`, each as its own documentation says. Weights of a dense layer lie
//! in panels of 16 outputs (then 8, 4, 2, 1 for the remainder): the biases of the panel, then for each
//! input one row with the panel's weights. It is the order in which the kernel reads them, the same
//! on desktop and chip.

mod coupling;
mod error;
mod mask;

pub use coupling::{Activation, CouplingSpec, DenseSpec, Nets, ScaleMap, Transform};
pub use error::SpecError;
pub use mask::{Features, Mask};

use crate::math::Math;

/// A model's structure: dimension, layers in the order of `forward` (x to z), elementary functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowSpec<'a> {
    /// Features of a sample, at least 2.
    pub dim: usize,
    /// Back end of elementary functions.
    pub math: Math,
    /// The layers, first the one that reads `x`.
    pub layers: &'a [LayerSpec<'a>],
}

/// One layer of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerSpec<'a> {
    /// `y = (x - mean) * scale`: the input in the user's units to zero mean and unit variance.
    /// Parameters: `mean[dim]`, `scale[dim]`, `log_det`.
    Standardize,
    /// `y = x * scale + shift`: what a batch norm is after folding.
    /// Parameters: `scale[dim]`, `shift[dim]`, `log_det`.
    Affine,
    /// Batch norm on its running statistics (paper section 3.7).
    BatchNorm(BatchNormSpec),
    /// Affine or additive coupling (paper section 3.2).
    Coupling(CouplingSpec<'a>),
    /// `y[i] = x[permutation[i]]`. No parameters.
    Permutation(&'a [usize]),
}

/// Batch norm: `y = (x - mean) / sqrt(var + eps)`, then `y * exp(log_scale) + shift` if `affine`.
/// Parameters: `running_mean[dim]`, `running_var[dim]`, and if `affine` `log_scale[dim]`, `shift[dim]`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BatchNormSpec {
    /// Added to the variance; positive.
    pub eps: f32,
    /// Whether a learned scale and shift follow.
    pub affine: bool,
}

impl LayerSpec<'_> {
    /// Parameters of this layer in a flow of `dim` features.
    #[must_use]
    pub const fn param_len(&self, dim: usize) -> usize {
        match self {
            LayerSpec::Standardize | LayerSpec::Affine => dim.saturating_mul(2).saturating_add(1),
            LayerSpec::BatchNorm(spec) => dim.saturating_mul(if spec.affine { 4 } else { 2 }),
            LayerSpec::Coupling(spec) => spec.param_len(dim),
            LayerSpec::Permutation(_) => 0,
        }
    }

    /// Values of scratch beside the sample itself.
    #[must_use]
    pub const fn scratch_len(&self, dim: usize) -> usize {
        match self {
            LayerSpec::Coupling(spec) => spec.scratch_len(dim),
            LayerSpec::Permutation(_) => dim,
            _ => 0,
        }
    }

    const fn validate(&self, dim: usize, layer: usize) -> Result<(), SpecError> {
        match self {
            LayerSpec::Standardize | LayerSpec::Affine => Ok(()),
            LayerSpec::BatchNorm(spec) => {
                if !(spec.eps > 0.0 && spec.eps.is_finite()) {
                    Err(SpecError::Constant { layer })
                } else if cfg!(feature = "batch-norm") {
                    Ok(())
                } else {
                    Err(SpecError::BatchNormNotCompiled { layer })
                }
            }
            LayerSpec::Coupling(spec) => spec.validate(dim, layer),
            LayerSpec::Permutation(permutation) => {
                if permutation.len() == dim && is_bijection(permutation) {
                    Ok(())
                } else {
                    Err(SpecError::Permutation { layer })
                }
            }
        }
    }
}

impl FlowSpec<'_> {
    /// Parameters of the whole flow; `usize::MAX` where that would overflow.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let mut total: usize = 0;
        let mut layers = self.layers;
        while let [layer, rest @ ..] = layers {
            total = total.saturating_add(layer.param_len(self.dim));
            layers = rest;
        }
        total
    }

    /// Values of workspace for one sample: the sample, and the most scratch that any layer asks for.
    #[must_use]
    pub const fn workspace_len(&self) -> usize {
        self.dim.saturating_add(self.scratch_len())
    }

    /// The most scratch that any layer asks for.
    #[must_use]
    pub const fn scratch_len(&self) -> usize {
        let mut most = 0;
        let mut layers = self.layers;
        while let [layer, rest @ ..] = layers {
            most = max(most, layer.scratch_len(self.dim));
            layers = rest;
        }
        most
    }

    /// Multiply-accumulates of all conditioners for one sample.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        let mut total: usize = 0;
        let mut layers = self.layers;
        while let [layer, rest @ ..] = layers {
            if let LayerSpec::Coupling(spec) = layer {
                total = total.saturating_add(spec.multiply_accumulates(self.dim));
            }
            layers = rest;
        }
        total
    }

    /// Checks everything that can be checked without the parameters.
    ///
    /// # Errors
    /// The first [`SpecError`] found, in the order of the layers.
    pub const fn validate(&self) -> Result<(), SpecError> {
        if self.dim < 2 {
            return Err(SpecError::Dimension { dim: self.dim });
        }
        if !self.math.is_compiled() {
            return Err(SpecError::MathNotCompiled { math: self.math });
        }
        let mut layers = self.layers;
        let mut index = 0;
        while let [layer, rest @ ..] = layers {
            if let Err(error) = layer.validate(self.dim, index) {
                return Err(error);
            }
            if let LayerSpec::Coupling(spec) = layer
                && let Some(map) = spec.transform.scale_map()
                && map.is_extra()
                && !(cfg!(feature = "extra-scales") && matches!(self.math, Math::Libm))
            {
                return Err(SpecError::ScaleMapNotCompiled { layer: index });
            }
            index += 1;
            layers = rest;
        }
        // Lengths count f32 values; a slice of them holds at most isize::MAX bytes.
        let longest = isize::MAX as usize / size_of::<f32>();
        if self.param_len() > longest || self.workspace_len() > longest {
            return Err(SpecError::Overflow);
        }
        Ok(())
    }

    /// The first input feature that no coupling transforms, if there is one: such a feature keeps
    /// its (standardised) value and is modelled as a plain Gaussian.
    #[must_use]
    pub const fn untransformed_feature(&self) -> Option<usize> {
        let mut feature = 0;
        while feature < self.dim {
            // Follow the feature's place through the permutations.
            let mut place = feature;
            let mut transformed = false;
            let mut layers = self.layers;
            while let [layer, rest @ ..] = layers {
                match layer {
                    LayerSpec::Coupling(spec) => {
                        transformed = transformed || !spec.mask.keeps(place, self.dim);
                    }
                    LayerSpec::Permutation(permutation) => place = position(permutation, place),
                    _ => {}
                }
                layers = rest;
            }
            if !transformed {
                return Some(feature);
            }
            feature += 1;
        }
        None
    }
}

/// Where in `permutation` the value stands; its length if nowhere.
const fn position(permutation: &[usize], value: usize) -> usize {
    let mut rest = permutation;
    let mut at = 0;
    while let [first, tail @ ..] = rest {
        if *first == value {
            return at;
        }
        at += 1;
        rest = tail;
    }
    at
}

const fn is_bijection(permutation: &[usize]) -> bool {
    let mut value = 0;
    while value < permutation.len() {
        // Each value below the length is found: with that many entries, each exactly once.
        if position(permutation, value) == permutation.len() {
            return false;
        }
        value += 1;
    }
    true
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coupling(mask: Mask<'_>) -> LayerSpec<'_> {
        LayerSpec::Coupling(CouplingSpec {
            mask,
            transform: Transform::Affine(ScaleMap::Unbounded),
            conditioner: DenseSpec {
                hidden: &[3],
                activation: Activation::Relu,
                nets: Nets::One,
            },
        })
    }

    fn flow<'a>(layers: &'a [LayerSpec<'a>]) -> FlowSpec<'a> {
        FlowSpec {
            dim: 4,
            math: Math::Libm,
            layers,
        }
    }

    #[test]
    fn permutations_are_bijections() {
        for (permutation, good) in [
            (&[3, 1, 0, 2][..], true),
            (&[0, 1, 2, 2], false),
            (&[0, 1, 2, 4], false),
            (&[0, 1, 2], false),
        ] {
            let layers = [LayerSpec::Permutation(permutation)];
            assert_eq!(flow(&layers).validate().is_ok(), good, "{permutation:?}");
        }
    }

    #[test]
    fn lengths_that_overflow_are_refused() {
        let hidden = [usize::MAX / 2, 3];
        let layers = [LayerSpec::Coupling(CouplingSpec {
            mask: Mask::Even,
            transform: Transform::Additive,
            conditioner: DenseSpec {
                hidden: &hidden,
                activation: Activation::Relu,
                nets: Nets::One,
            },
        })];
        assert_eq!(flow(&layers).validate(), Err(SpecError::Overflow));
    }

    #[test]
    fn finds_the_feature_that_never_changes() {
        let once = [coupling(Mask::FirstHalf)];
        assert_eq!(flow(&once).untransformed_feature(), Some(0));
        let twice = [coupling(Mask::FirstHalf), coupling(Mask::SecondHalf)];
        assert_eq!(flow(&twice).untransformed_feature(), None);
        let swapped = [
            coupling(Mask::FirstHalf),
            LayerSpec::Permutation(&[2, 3, 0, 1]),
            coupling(Mask::FirstHalf),
        ];
        assert_eq!(flow(&swapped).untransformed_feature(), None);
    }

    #[test]
    fn constants_are_checked() {
        for (transform, activation) in [
            (
                Transform::Affine(ScaleMap::ClampedTanh { clamp: 0.0 }),
                Activation::Relu,
            ),
            (
                Transform::Affine(ScaleMap::ClampedTanh { clamp: f32::NAN }),
                Activation::Relu,
            ),
            (Transform::Additive, Activation::LeakyRelu { slope: 1.0 }),
        ] {
            let layers = [LayerSpec::Coupling(CouplingSpec {
                mask: Mask::Odd,
                transform,
                conditioner: DenseSpec {
                    hidden: &[],
                    activation,
                    nets: Nets::Two,
                },
            })];
            assert_eq!(
                flow(&layers).validate(),
                Err(SpecError::Constant { layer: 0 })
            );
        }
    }
}
