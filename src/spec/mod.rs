//! The structure of a model: the single source of truth for shapes and lengths.
//!
//! A [`FlowSpec`] contains no weights. It describes the sequence of layers and how one flat `&[f32]` of
//! parameters is divided among them. Every length is a `const fn`, so buffers have exactly the right size at
//! compile time.
//!
//! ```
//! use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform};
//! use nvpico::{FlowSpec, LayerSpec};
//!
//! const COUPLING: CouplingSpec<'static> = CouplingSpec::new(
//!     Mask::Even,
//!     Transform::Affine(ScaleMap::RescaledTanh),
//!     Conditioner::Dense(DenseSpec::new(&[16, 16], Activation::Relu)),
//! );
//! const SPEC: FlowSpec<'static> =
//!     FlowSpec::new(Shape::vector(6), &[LayerSpec::Standardize, LayerSpec::Coupling(COUPLING)]);
//! assert_eq!(SPEC.workspace_len(), 6 + 16 + 6);
//! assert!(SPEC.validate().is_ok());
//! ```
//!
//! Specs are built with `const fn`s instead of struct literals, so later versions can add fields.
//!
//! # Order of the parameters
//!
//! Parameters are stored in the order of the layers in `forward`, in the format documented for each layer; those of
//! the base ([`MixtureSpec`]) follow the last layer.
//! Weights of a dense layer are stored in panels of 16 outputs (then 8, 4, 2, 1 for the remainder): the biases
//! of the panel, then one row with the panel's weights per input. The kernels read them in this order, both on
//! the desktop and on the chip.

mod activation;
mod base;
mod conditioner;
mod convolution;
mod coupling;
mod dense;
mod error;
pub mod features;
mod flow;
mod given;
mod gradient;
mod kernels;
mod mask;
#[doc(hidden)]
pub mod network;
mod shape;

pub use activation::Activation;
pub(crate) use base::triangle_len;
pub use base::{BaseSpec, MixtureSpec, Spread};
pub use conditioner::Conditioner;
pub use convolution::{
    ConvolutionLayer, ConvolutionSpec, Kernel, ResidualConvolutionSpec, ResidualForm,
};
pub use coupling::{CouplingSpec, ScaleMap, Transform};
pub use dense::{DenseSpec, Nets, ResidualDenseSpec};
pub use error::{Feature, SpecError};
pub use flow::FlowSpec;
pub(crate) use flow::Walk;
pub use kernels::KernelsSpec;
#[doc(hidden)]
pub use mask::Features;
pub use mask::Mask;
pub use shape::{Shape, Squeeze};

/// One layer of a flow. `channels` is the number of channels of its input; for a vector, of features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerSpec<'a> {
    /// `y = (x - mean) * scale`: standardises the input, in the user's units, to zero mean and unit variance.
    /// Parameters: `mean[channels]`, `scale[channels]`, `log_det`.
    Standardize,
    /// Maps counts of an ADC or a camera to the real line (paper section 4.1).
    Logit(LogitSpec),
    /// `y = x * scale + shift`: the folded form of a batch norm.
    /// Parameters: `scale[channels]`, `shift[channels]`, `log_det`.
    Affine,
    /// Batch norm with its running statistics (paper section 3.7).
    BatchNorm(BatchNormSpec),
    /// Affine or additive coupling (paper section 3.2).
    Coupling(CouplingSpec<'a>),
    /// `y = L U x + b` at each place: an invertible matrix, with a permutation behind it Glow's 1x1 convolution
    /// (arXiv:1807.03039, section 3.2). Parameters: `factors[channels][channels]` with L before the diagonal and U on
    /// and behind it, `bias[channels]`, `log_det`.
    Linear,
    /// Channel `i` of y is channel `permutation[i]` of x. No parameters.
    Permutation(&'a [usize]),
    /// Squeeze: places to channels (paper section 3.6). No parameters.
    Squeeze(Squeeze),
    /// Inverse of a squeeze: channels to places. No parameters.
    Unsqueeze(Squeeze),
    /// Factor-out: the first half of the channels continues, the second half goes to the base density as it is
    /// (paper section 3.6, equation 14). No parameters.
    FactorOut,
}

/// Batch norm: `y = (x - mean) / sqrt(var + eps)`, then `y * exp(log_scale) + shift` if `affine`.
/// Parameters: `running_mean[channels]`, `running_var[channels]` and, if `affine`, `log_scale[channels]`,
/// `shift[channels]`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct BatchNormSpec {
    /// Added to the variance; positive.
    pub eps: f32,
    /// Whether a learned scale and shift follow.
    pub affine: bool,
}

/// `y = logit(alpha + (1 - alpha) (x + 0.5) / levels)` for counts `x` in `0 .. levels`; the 0.5 maps a count to
/// the middle of its cell. Values out of range score `-inf`. No parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct LogitSpec {
    /// Keeps the logit of count 0 finite; within `0 .. 1` (the paper: 0.05).
    pub alpha: f32,
    /// Number of levels, such as 256; positive.
    pub levels: f32,
}

impl BatchNormSpec {
    /// A norm that adds `eps` to variances, followed by a learned scale and shift if `affine`.
    #[must_use]
    pub const fn new(eps: f32, affine: bool) -> Self {
        Self { eps, affine }
    }
}

impl LogitSpec {
    /// A logit of counts in `0 .. levels`.
    #[must_use]
    pub const fn new(alpha: f32, levels: f32) -> Self {
        Self { alpha, levels }
    }
}

impl LayerSpec<'_> {
    /// Shape of the layer's output; `None` if the layer cannot take `shape`.
    #[must_use]
    #[inline(always)]
    pub const fn output_shape(&self, shape: Shape) -> Option<Shape> {
        // Without maps no layer changes the shape.
        if !cfg!(feature = "feature-maps") {
            return Some(shape);
        }
        match self {
            LayerSpec::Squeeze(squeeze) => squeeze.output_shape(shape),
            LayerSpec::Unsqueeze(squeeze) => squeeze.input_shape(shape),
            LayerSpec::FactorOut if shape.channels.is_multiple_of(2) => {
                Some(shape.with_channels(shape.channels / 2))
            }
            LayerSpec::FactorOut => None,
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::BatchNorm(_)
            | LayerSpec::Coupling(_)
            | LayerSpec::Permutation(_) => Some(shape),
        }
    }

    /// Shape of the layer's input, given that of its output.
    #[must_use]
    #[inline(always)]
    pub const fn input_shape(&self, shape: Shape) -> Option<Shape> {
        if !cfg!(feature = "feature-maps") {
            return Some(shape);
        }
        match self {
            LayerSpec::Squeeze(squeeze) => squeeze.input_shape(shape),
            LayerSpec::Unsqueeze(squeeze) => squeeze.output_shape(shape),
            LayerSpec::FactorOut => Some(shape.with_channels(mul(shape.channels, 2))),
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::BatchNorm(_)
            | LayerSpec::Coupling(_)
            | LayerSpec::Permutation(_) => Some(shape),
        }
    }

    /// Number of parameters of this layer on a map of this shape.
    #[must_use]
    #[inline]
    pub const fn param_len(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Standardize | LayerSpec::Affine => add(mul(shape.channels, 2), 1),
            LayerSpec::Linear => {
                let channels = shape.channels;
                add(mul(channels, channels), add(channels, 1))
            }
            LayerSpec::BatchNorm(spec) => mul(shape.channels, if spec.affine { 4 } else { 2 }),
            LayerSpec::Coupling(spec) => spec.param_len(shape),
            LayerSpec::Logit(_)
            | LayerSpec::Permutation(_)
            | LayerSpec::Squeeze(_)
            | LayerSpec::Unsqueeze(_)
            | LayerSpec::FactorOut => 0,
        }
    }

    /// Length of the layer's scratch, without the sample.
    #[must_use]
    pub const fn scratch_len(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Coupling(spec) => spec.scratch_len(shape),
            LayerSpec::Permutation(_) | LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => {
                shape.len()
            }
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::BatchNorm(_)
            | LayerSpec::FactorOut => 0,
        }
    }

    /// Multiply-accumulates of the layer's networks or matrix for one sample.
    #[must_use]
    pub const fn multiply_accumulates(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Coupling(spec) => spec.multiply_accumulates(shape),
            LayerSpec::Linear => mul(shape.len(), shape.channels),
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::BatchNorm(_)
            | LayerSpec::Permutation(_)
            | LayerSpec::Squeeze(_)
            | LayerSpec::Unsqueeze(_)
            | LayerSpec::FactorOut => 0,
        }
    }

    /// Where a value of the input goes on from a place of it, and whether the layer changes it by others;
    /// `after` is the shape of what goes on.
    const fn follow(&self, place: usize, shape: Shape, after: Shape) -> (usize, bool) {
        match self {
            LayerSpec::Coupling(spec) => (place, !spec.mask.keeps_value(place, shape)),
            // A matrix mixes it with all others of its place.
            LayerSpec::Linear => (place, shape.channels > 1),
            LayerSpec::Permutation(permutation) => {
                let pixels = shape.pixels();
                let channel = position(permutation, place / pixels);
                (channel * pixels + place % pixels, false)
            }
            LayerSpec::Squeeze(squeeze) => {
                let mut to = 0;
                while squeeze.source(shape, to) != place {
                    to += 1;
                }
                (to, false)
            }
            LayerSpec::Unsqueeze(squeeze) => (squeeze.source(after, place), false),
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::BatchNorm(_)
            | LayerSpec::FactorOut => (place, false),
        }
    }

    const fn validate(&self, shape: Shape, layer: usize) -> Result<(), SpecError> {
        match self {
            LayerSpec::Standardize | LayerSpec::Affine => Ok(()),
            LayerSpec::Linear if cfg!(feature = "extra-layers") => Ok(()),
            LayerSpec::Linear => Err(SpecError::missing(layer, Feature::ExtraLayers)),
            LayerSpec::BatchNorm(spec) => {
                if !(spec.eps > 0.0 && spec.eps.is_finite()) {
                    Err(SpecError::Constant { layer })
                } else if cfg!(feature = "extra-layers") {
                    Ok(())
                } else {
                    Err(SpecError::missing(layer, Feature::ExtraLayers))
                }
            }
            LayerSpec::Coupling(spec) => spec.validate(shape, layer),
            LayerSpec::Permutation(permutation) => {
                if permutation.len() == shape.channels && is_bijection(permutation) {
                    Ok(())
                } else {
                    Err(SpecError::Permutation { layer })
                }
            }
            LayerSpec::Logit(spec) => {
                let valid = spec.alpha > 0.0
                    && spec.alpha < 1.0
                    && spec.levels > 0.0
                    && spec.levels.is_finite();
                if !cfg!(feature = "feature-maps") {
                    Err(SpecError::missing(layer, Feature::FeatureMaps))
                } else if valid {
                    Ok(())
                } else {
                    Err(SpecError::Constant { layer })
                }
            }
            LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) | LayerSpec::FactorOut => {
                if !cfg!(feature = "feature-maps") {
                    Err(SpecError::missing(layer, Feature::FeatureMaps))
                } else if self.output_shape(shape).is_some() {
                    Ok(())
                } else {
                    Err(SpecError::LayerShape { layer, shape })
                }
            }
        }
    }
}

/// Index of `value` in `permutation`; its length if absent.
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
        // With that many entries, finding each value below the length means that each occurs exactly once.
        if position(permutation, value) == permutation.len() {
            return false;
        }
        value += 1;
    }
    true
}

pub(crate) const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

pub(crate) const fn add(a: usize, b: usize) -> usize {
    a.saturating_add(b)
}

pub(crate) const fn mul(a: usize, b: usize) -> usize {
    a.saturating_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coupling(mask: Mask<'_>) -> LayerSpec<'_> {
        LayerSpec::Coupling(CouplingSpec {
            mask,
            transform: Transform::Affine(ScaleMap::Unbounded),
            conditioner: Conditioner::Dense(DenseSpec {
                hidden: &[3],
                activation: Activation::Relu,
                nets: Nets::One,
            }),
        })
    }

    fn flow<'a>(layers: &'a [LayerSpec<'a>]) -> FlowSpec<'a> {
        FlowSpec::new(Shape::vector(4), layers)
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
            conditioner: Conditioner::Dense(DenseSpec {
                hidden: &hidden,
                activation: Activation::Relu,
                nets: Nets::One,
            }),
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
        let mixed = [LayerSpec::Linear, coupling(Mask::FirstHalf)];
        assert_eq!(flow(&mixed).untransformed_feature(), None);
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
                conditioner: Conditioner::Dense(DenseSpec {
                    hidden: &[],
                    activation,
                    nets: Nets::Two,
                }),
            })];
            assert_eq!(
                flow(&layers).validate(),
                Err(SpecError::Constant { layer: 0 })
            );
        }
    }
}
