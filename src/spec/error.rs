//! Why a model was refused.

use core::fmt;

use super::Shape;
use crate::math::Math;

/// What [`Flow::new`](crate::Flow::new) found wrong. `layer` counts from 0 in the order of `forward`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpecError {
    /// Fewer than two features: a coupling needs one to keep and one to transform.
    Dimension {
        /// The dimension given.
        dim: usize,
    },
    /// A length does not fit in `usize`.
    Overflow,
    /// The parameter slice has not the length that the spec asks for.
    ParamLength {
        /// `FlowSpec::param_len()`.
        expected: usize,
        /// Length of the slice given.
        found: usize,
    },
    /// A mask index is out of range, repeated or out of order.
    MaskIndex {
        /// Layer concerned.
        layer: usize,
        /// The first offending index.
        index: usize,
    },
    /// A mask keeps no feature or all of them.
    MaskCoverage {
        /// Layer concerned.
        layer: usize,
        /// Features kept.
        kept: usize,
        /// Features in all.
        dim: usize,
    },
    /// A permutation is not a bijection on `0 .. dim`.
    Permutation {
        /// Layer concerned.
        layer: usize,
    },
    /// A hidden layer of width 0.
    HiddenWidth {
        /// Layer concerned.
        layer: usize,
    },
    /// The integer engine has no such layer: a batch norm that is not folded, a residual network in its trained form, or
    /// a sigmoid with a floor of 0.9 or more.
    NoIntegers {
        /// Layer concerned.
        layer: usize,
    },
    /// The words of an integer model are not those of the layer.
    Words {
        /// Layer concerned.
        layer: usize,
    },
    /// A residual network needs feature `foreign`.
    ResidualNotCompiled {
        /// Layer concerned.
        layer: usize,
    },
    /// The hidden layers of a residual network are not an odd number, all as wide.
    ResidualWidths {
        /// Layer concerned.
        layer: usize,
    },
    /// A layer cannot take the map that reaches it: a squeeze of a map that is no whole number of cells,
    /// or factoring out of an odd number of channels.
    LayerShape {
        /// Layer concerned.
        layer: usize,
        /// What reaches it.
        shape: Shape,
    },
    /// A fully connected network on a map: it takes vectors, `C x 1 x 1`.
    DenseOnMap {
        /// Layer concerned.
        layer: usize,
    },
    /// A convolution without filters or with an even window.
    Convolution {
        /// Layer concerned.
        layer: usize,
    },
    /// Feature maps (height or width above 1, squeeze, factor-out, checkerboards, convolutions, logit)
    /// need feature `feature-maps`.
    FeatureMapsNotCompiled,
    /// A residual convolutional network in the form it is trained in needs feature `std`; exported
    /// models have the deployed form.
    TrainedFormNotCompiled {
        /// Layer concerned.
        layer: usize,
    },
    /// A constant of the spec (clamp, slope, eps) is out of its range.
    Constant {
        /// Layer concerned.
        layer: usize,
    },
    /// The model's back end of elementary functions is not compiled in: enable the cargo feature.
    MathNotCompiled {
        /// The back end the model names.
        math: Math,
    },
    /// A log-scale by arc tangent or sigmoid needs feature `foreign` and the back end `Libm`.
    ScaleMapNotCompiled {
        /// Layer concerned.
        layer: usize,
    },
    /// An unfolded batch norm needs feature `foreign`; exported models are folded.
    BatchNormNotCompiled {
        /// Layer concerned.
        layer: usize,
    },
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SpecError::Dimension { dim } => {
                write!(
                    f,
                    "the dimension is {dim}, a flow needs at least 2 features"
                )
            }
            SpecError::Overflow => f.write_str("the model's size overflows usize"),
            SpecError::ParamLength { expected, found } => {
                write!(
                    f,
                    "the spec asks for {expected} parameters, {found} were given"
                )
            }
            SpecError::MaskIndex { layer, index } => write!(
                f,
                "layer {layer}: mask index {index} is out of range, repeated or out of order"
            ),
            SpecError::MaskCoverage { layer, kept, dim } => write!(
                f,
                "layer {layer}: the mask keeps {kept} of {dim} features; at least one must be kept and one transformed"
            ),
            SpecError::Permutation { layer } => {
                write!(
                    f,
                    "layer {layer}: the permutation must name each feature exactly once"
                )
            }
            SpecError::HiddenWidth { layer } => {
                write!(f, "layer {layer}: a hidden layer has width 0")
            }
            SpecError::ResidualNotCompiled { layer } => write!(
                f,
                "layer {layer}: a residual network needs feature foreign of nvpico"
            ),
            SpecError::ResidualWidths { layer } => write!(
                f,
                "layer {layer}: a residual network takes an odd number of hidden layers, all as wide"
            ),
            SpecError::LayerShape { layer, shape } => write!(
                f,
                "layer {layer}: a map of {} x {} x {} (channels, height, width) cannot be cut that way: squeezing halves height and width, factoring out the channels",
                shape.channels, shape.height, shape.width
            ),
            SpecError::DenseOnMap { layer } => write!(
                f,
                "layer {layer}: a fully connected network takes vectors; a map needs a convolution"
            ),
            SpecError::Convolution { layer } => write!(
                f,
                "layer {layer}: a convolution needs at least one filter and a window of odd height and width"
            ),
            SpecError::FeatureMapsNotCompiled => {
                f.write_str("the model has feature maps: enable feature feature-maps of nvpico")
            }
            SpecError::NoIntegers { layer } => write!(
                f,
                "layer {layer}: the integer engine has no such layer (norms must be folded), use floats"
            ),
            SpecError::Words { layer } => write!(
                f,
                "layer {layer}: its words are not those of the structure, export the model again"
            ),
            SpecError::TrainedFormNotCompiled { layer } => write!(
                f,
                "layer {layer}: a network in the form it is trained in needs feature std of nvpico; exported models have the deployed form"
            ),
            SpecError::Constant { layer } => write!(
                f,
                "layer {layer}: clamp, eps and levels must be positive, a leaky slope and alpha within 0 .. 1, all constants finite"
            ),
            SpecError::MathNotCompiled { math } => write!(
                f,
                "the model uses {math:?}, which is not compiled in: enable that feature of nvpico"
            ),
            SpecError::ScaleMapNotCompiled { layer } => write!(
                f,
                "layer {layer}: log-scales by arc tangent or sigmoid need feature foreign of nvpico and the back end libm"
            ),
            SpecError::BatchNormNotCompiled { layer } => write!(
                f,
                "layer {layer}: an unfolded batch norm needs feature foreign of nvpico; exported models are folded"
            ),
        }
    }
}

impl core::error::Error for SpecError {}
