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

mod error;
mod mask;

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

/// A coupling: the kept features feed a conditioner, whose outputs transform the others.
/// Parameters: `rescale[transformed]` for [`ScaleMap::RescaledTanh`], then the conditioner's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CouplingSpec<'a> {
    /// Features that are kept.
    pub mask: Mask<'a>,
    /// How the others change.
    pub transform: Transform,
    /// The network from kept features to log-scale and shift.
    pub conditioner: DenseSpec<'a>,
}

/// How a coupling changes the features that it does not keep.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transform {
    /// NICE: `y = x + t`; log-det 0.
    Additive,
    /// Real NVP: `y = x * exp(s) + t`; log-det `sum(s)` (paper equations 4 to 6).
    Affine(ScaleMap),
    /// The shift first: `y = (x + t) * exp(s)`; log-det `sum(s)`. The inverse of an affine coupling.
    ShiftFirst(ScaleMap),
}

impl Transform {
    /// The map to the log-scale, where there is one.
    #[must_use]
    pub const fn scale_map(self) -> Option<ScaleMap> {
        match self {
            Transform::Additive => None,
            Transform::Affine(map) | Transform::ShiftFirst(map) => Some(map),
        }
    }
}

/// From the conditioner's raw output to the log-scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ScaleMap {
    /// `s = r * tanh(raw)` with a learned `r` per transformed feature (the paper's).
    RescaledTanh,
    /// `s = clamp * tanh(raw / clamp)`.
    ClampedTanh {
        /// Bound of `|s|`; positive and finite, and so is its reciprocal.
        clamp: f32,
    },
    /// `s = raw`. Overflows on far outliers; they score `-inf`.
    Unbounded,
    /// `s = scale * atan(raw)`. Needs feature `extra-scales` and `Math::Libm`.
    Atan {
        /// Bound of `|s|`, divided by half pi; finite.
        scale: f32,
    },
    /// `s = ln(sigmoid(raw + offset) + floor)`, or minus that. Needs feature `extra-scales` and
    /// `Math::Libm`.
    Sigmoid {
        /// Added to the raw output; finite.
        offset: f32,
        /// Added to the sigmoid; finite and not negative.
        floor: f32,
        /// Whether `s` is negated.
        inverse: bool,
    },
}

impl ScaleMap {
    /// Whether it takes more than `exp` and `tanh`.
    const fn is_extra(self) -> bool {
        matches!(self, ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. })
    }

    const fn is_valid(self) -> bool {
        match self {
            ScaleMap::RescaledTanh | ScaleMap::Unbounded => true,
            ScaleMap::ClampedTanh { clamp } => {
                clamp > 0.0 && clamp.is_finite() && (1.0 / clamp).is_finite()
            }
            ScaleMap::Atan { scale } => scale.is_finite(),
            ScaleMap::Sigmoid { offset, floor, .. } => {
                offset.is_finite() && floor >= 0.0 && floor.is_finite()
            }
        }
    }
}

/// A multi-layer perceptron from the kept features to the transform's inputs.
/// One net gives `[s..., t...]`; two nets stand one after the other, `s` first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenseSpec<'a> {
    /// Widths of the hidden layers; may be empty.
    pub hidden: &'a [usize],
    /// Between layers; the last layer is linear.
    pub activation: Activation,
    /// Whether `s` and `t` share a net. An additive coupling has one net in either case.
    pub nets: Nets,
}

/// Activation of hidden layers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Activation {
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
    /// `x` if positive, else `slope * x`.
    LeakyRelu {
        /// Within `0 .. 1`.
        slope: f32,
    },
}

/// One network for `s` and `t`, or one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Nets {
    /// One network with both outputs.
    One,
    /// A network for `s` and a network for `t`.
    Two,
    /// One network of residual blocks with both outputs. Hidden layers are all as wide: the first is
    /// linear, then two at a time make a block `h + W2 a(W1 a(h) + b1) + b2`, `a` being the activation.
    /// Runs and inverts, but cannot be trained yet. Needs feature `residual`.
    Residual {
        /// Whether every block starts by `h * scale + shift`: a batch norm on its running statistics.
        /// Parameters: `scale[width]`, `shift[width]` before the block's.
        norm: bool,
    },
}

impl DenseSpec<'_> {
    /// Parameters of one network with `inputs` inputs and `outputs` outputs.
    #[must_use]
    pub const fn net_len(&self, inputs: usize, outputs: usize) -> usize {
        let mut total: usize = match (self.nets, self.hidden) {
            // Two values for each unit of every block, a block being two layers.
            (Nets::Residual { norm: true }, [width, blocks @ ..]) => {
                width.saturating_mul(blocks.len())
            }
            _ => 0,
        };
        let mut from = inputs;
        let mut hidden = self.hidden;
        while let [width, rest @ ..] = hidden {
            total = total.saturating_add(from.saturating_add(1).saturating_mul(*width));
            from = *width;
            hidden = rest;
        }
        total.saturating_add(from.saturating_add(1).saturating_mul(outputs))
    }

    const fn widest_hidden(&self) -> usize {
        let mut widest = 0;
        let mut hidden = self.hidden;
        while let [width, rest @ ..] = hidden {
            widest = max(widest, *width);
            hidden = rest;
        }
        widest
    }
}

impl CouplingSpec<'_> {
    /// Networks of the conditioner.
    #[must_use]
    pub const fn net_count(&self) -> usize {
        match (self.transform.scale_map(), self.conditioner.nets) {
            (Some(_), Nets::Two) => 2,
            _ => 1,
        }
    }

    /// Outputs of each network: `s` and `t`, or one of them.
    #[must_use]
    pub const fn net_outputs(&self, dim: usize) -> usize {
        let transformed = self.mask.transformed(dim);
        match (self.transform.scale_map(), self.conditioner.nets) {
            (Some(_), Nets::One | Nets::Residual { .. }) => transformed.saturating_mul(2),
            _ => transformed,
        }
    }

    /// Learned factors `r` of [`ScaleMap::RescaledTanh`].
    #[must_use]
    pub const fn rescale_len(&self, dim: usize) -> usize {
        match self.transform.scale_map() {
            Some(ScaleMap::RescaledTanh) => self.mask.transformed(dim),
            _ => 0,
        }
    }

    /// Parameters of the coupling.
    #[must_use]
    pub const fn param_len(&self, dim: usize) -> usize {
        let net = self
            .conditioner
            .net_len(self.mask.kept(dim), self.net_outputs(dim));
        net.saturating_mul(self.net_count())
            .saturating_add(self.rescale_len(dim))
    }

    /// Values of scratch: what one network needs, and `s` if `t` has its own.
    #[must_use]
    pub const fn scratch_len(&self, dim: usize) -> usize {
        let own = if self.net_count() == 2 {
            self.mask.transformed(dim)
        } else {
            0
        };
        self.net_scratch_len(dim).saturating_add(own)
    }

    /// Values of scratch that one network needs: the most that a layer's input and output take
    /// together. The last hidden layer is never stored.
    #[must_use]
    pub const fn net_scratch_len(&self, dim: usize) -> usize {
        let ends = max(self.mask.kept(dim), self.net_outputs(dim));
        if let (Nets::Residual { .. }, [width, blocks @ ..]) =
            (self.conditioner.nets, self.conditioner.hidden)
        {
            // A block works on its input, the activated input, and its own result.
            let block = if blocks.is_empty() {
                0
            } else {
                width.saturating_mul(2)
            };
            return width.saturating_add(max(ends, block));
        }
        let mut most = 0;
        let mut from = self.mask.kept(dim);
        let mut hidden = self.conditioner.hidden;
        while let [width, _, ..] = hidden {
            most = max(most, from.saturating_add(*width));
            from = *width;
            hidden = hidden.split_at(1).1;
        }
        max(most, from.saturating_add(self.net_outputs(dim)))
    }

    /// The widest of inputs, hidden layers and outputs.
    #[must_use]
    pub const fn widest(&self, dim: usize) -> usize {
        let ends = max(self.mask.kept(dim), self.net_outputs(dim));
        max(ends, self.conditioner.widest_hidden())
    }

    /// Multiply-accumulates of the conditioner for one sample.
    #[must_use]
    pub const fn multiply_accumulates(&self, dim: usize) -> usize {
        let outputs = self.net_outputs(dim);
        let mut total: usize = 0;
        let mut from = self.mask.kept(dim);
        let mut hidden = self.conditioner.hidden;
        while let [width, rest @ ..] = hidden {
            total = total.saturating_add(from.saturating_mul(*width));
            from = *width;
            hidden = rest;
        }
        total
            .saturating_add(from.saturating_mul(outputs))
            .saturating_mul(self.net_count())
    }

    const fn validate(&self, dim: usize, layer: usize) -> Result<(), SpecError> {
        if let Err(error) = self.mask.validate(dim, layer) {
            return Err(error);
        }
        if let Some(map) = self.transform.scale_map()
            && !map.is_valid()
        {
            return Err(SpecError::Constant { layer });
        }
        if let Activation::LeakyRelu { slope } = self.conditioner.activation
            && !(slope >= 0.0 && slope < 1.0)
        {
            return Err(SpecError::Constant { layer });
        }
        if let Nets::Residual { .. } = self.conditioner.nets {
            if !cfg!(feature = "residual") {
                return Err(SpecError::ResidualNotCompiled { layer });
            }
            if !is_residual(self.conditioner.hidden) {
                return Err(SpecError::ResidualWidths { layer });
            }
        }
        let mut hidden = self.conditioner.hidden;
        while let [width, rest @ ..] = hidden {
            if *width == 0 {
                return Err(SpecError::HiddenWidth { layer });
            }
            hidden = rest;
        }
        Ok(())
    }
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

/// An odd number of layers, all as wide.
const fn is_residual(hidden: &[usize]) -> bool {
    let mut rest = hidden;
    while let [first, tail @ ..] = rest {
        if let [second, ..] = tail
            && *second != *first
        {
            return false;
        }
        rest = tail;
    }
    hidden.len() % 2 == 1
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
