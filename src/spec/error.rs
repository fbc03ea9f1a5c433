//! Errors of creating a model.

use core::fmt;

use super::Shape;

/// A cargo feature of `nvpico` that enables a part of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Feature {
    /// `feature-maps`: images and time windows, and their layers.
    FeatureMaps,
    /// `extra-layers`: mixtures as base density, invertible matrices, and what models of other libraries have beyond ours.
    ExtraLayers,
    /// `micromath`: the elementary functions of the `micromath` crate.
    Micromath,
}

impl Feature {
    /// Its name in `Cargo.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Feature::FeatureMaps => "feature-maps",
            Feature::ExtraLayers => "extra-layers",
            Feature::Micromath => "micromath",
        }
    }
}

/// Why [`Flow::new`](crate::Flow::new) rejected a model. `layer` counts from 0 in the order of `forward`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpecError {
    /// The model needs a part of the engine that is not compiled in.
    FeatureMissing {
        /// The layer; `None` if the model as a whole is concerned.
        layer: Option<usize>,
        /// The cargo feature to enable.
        feature: Feature,
    },
    /// A log-scale by arc tangent or sigmoid needs `Math::Libm`.
    ScaleMapMath {
        /// Layer concerned.
        layer: usize,
    },
    /// Fewer than two features: a coupling needs one to keep and one to transform.
    Dimension {
        /// The dimension given.
        dim: usize,
    },
    /// Given values in a map, or without another one that is judged.
    Given {
        /// Number of given values.
        given: usize,
    },
    /// A layer that transforms or moves a given value: a coupling that does not keep it, a permutation, or a layer that
    /// takes no given values.
    GivenChanged {
        /// Layer concerned.
        layer: usize,
        /// The first given value that is changed.
        value: usize,
    },
    /// Given values in the integer engine, which takes none.
    GivenIntegers,
    /// A length does not fit in `usize`.
    Overflow,
    /// A mixture without components.
    Components,
    /// The parameter slice does not have the length that the spec requires.
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
        /// Number of features.
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
    /// A layer that the integer engine does not support: a batch norm that is not folded, a residual network in
    /// its trained form, or a sigmoid with a floor of 0.9 or more.
    NoIntegers {
        /// Layer concerned.
        layer: usize,
    },
    /// The words of an integer model do not match the layer.
    Words {
        /// Layer concerned; the number of layers for the base.
        layer: usize,
    },
    /// A layer cannot take the map that reaches it: a squeeze of a map that is not a whole number of cells, or
    /// factor-out of an odd number of channels.
    LayerShape {
        /// Layer concerned.
        layer: usize,
        /// The shape that reaches it.
        shape: Shape,
    },
    /// A fully connected network on a map; it takes vectors, `C x 1 x 1`.
    DenseOnMap {
        /// Layer concerned.
        layer: usize,
    },
    /// A convolution without filters or with an even window.
    Convolution {
        /// Layer concerned.
        layer: usize,
    },
    /// A residual convolutional network in its trained form needs feature `std`; exported models have the
    /// deployed form.
    TrainedFormNotCompiled {
        /// Layer concerned.
        layer: usize,
    },
    /// A constant of the spec (clamp, slope, eps) is out of range.
    Constant {
        /// Layer concerned.
        layer: usize,
    },
}

impl SpecError {
    /// An error about a feature that a layer needs.
    pub(crate) const fn missing(layer: usize, feature: Feature) -> Self {
        SpecError::FeatureMissing {
            layer: Some(layer),
            feature,
        }
    }

    /// The layer concerned, if any.
    #[must_use]
    pub const fn layer(&self) -> Option<usize> {
        match *self {
            SpecError::Dimension { .. }
            | SpecError::Given { .. }
            | SpecError::GivenIntegers
            | SpecError::Overflow
            | SpecError::Components
            | SpecError::ParamLength { .. } => None,
            SpecError::FeatureMissing { layer, .. } => layer,
            SpecError::GivenChanged { layer, .. }
            | SpecError::ScaleMapMath { layer }
            | SpecError::MaskIndex { layer, .. }
            | SpecError::MaskCoverage { layer, .. }
            | SpecError::Permutation { layer }
            | SpecError::HiddenWidth { layer }
            | SpecError::NoIntegers { layer }
            | SpecError::Words { layer }
            | SpecError::LayerShape { layer, .. }
            | SpecError::DenseOnMap { layer }
            | SpecError::Convolution { layer }
            | SpecError::TrainedFormNotCompiled { layer }
            | SpecError::Constant { layer } => Some(layer),
        }
    }

    /// The error and its remedy, without layer and numbers, for a `panic!` at compile time, which can only take
    /// a string. [`Display`](fmt::Display) gives the details.
    ///
    /// ```
    /// use nvpico::{Flow, FlowSpec, Math, spec::Shape};
    ///
    /// static FLOW: Flow<'static> = match Flow::new(FlowSpec::new(Shape::vector(2), &[]), &[]) {
    ///     Ok(flow) => flow,
    ///     Err(error) => panic!("{}", error.message()),
    /// };
    /// ```
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match *self {
            SpecError::FeatureMissing { feature, .. } => match feature {
                Feature::FeatureMaps => {
                    "the model has feature maps: enable feature \"feature-maps\" of nvpico"
                }
                Feature::ExtraLayers => {
                    "the model has a mixture as its base density, given values, an invertible matrix, a residual network, a log-scale by arc tangent or sigmoid, or a batch norm that is not folded: enable feature \"extra-layers\" of nvpico"
                }
                Feature::Micromath => {
                    "the model was trained with the elementary functions of micromath: enable feature \"micromath\" of nvpico"
                }
            },
            SpecError::ScaleMapMath { .. } => {
                "a log-scale by arc tangent or sigmoid needs the elementary functions of libm: set the model's math to Libm"
            }
            SpecError::Dimension { .. } => "a flow needs at least 2 features",
            SpecError::Given { .. } => {
                "given values are the first ones of a vector, and at least one other value is judged"
            }
            SpecError::GivenChanged { .. } => {
                "a given value is transformed or moved: every coupling must keep it and every permutation leave it in place; a batch norm, a matrix and layers for maps take no given values"
            }
            SpecError::GivenIntegers => "the integer engine takes no given values: use floats",
            SpecError::Overflow => "the model's size overflows usize",
            SpecError::Components => "a mixture needs at least 1 component",
            SpecError::ParamLength { .. } => {
                "the number of parameters is not the one that the spec asks for: export the model again"
            }
            SpecError::MaskIndex { .. } => "a mask index is out of range, repeated or out of order",
            SpecError::MaskCoverage { .. } => {
                "a mask must keep at least one feature and leave at least one to transform"
            }
            SpecError::Permutation { .. } => "the permutation must name each channel exactly once",
            SpecError::HiddenWidth { .. } => "a hidden layer has width 0",
            SpecError::LayerShape { .. } => {
                "the map cannot be cut that way: squeezing halves height and width, factoring out the channels"
            }
            SpecError::DenseOnMap { .. } => {
                "a fully connected network takes vectors; a map needs a convolution"
            }
            SpecError::Convolution { .. } => {
                "a convolution needs at least one filter and a window of odd height and width"
            }
            SpecError::NoIntegers { .. } => {
                "the integer engine does not have this layer (batch norms must be folded): use floats"
            }
            SpecError::Words { .. } => {
                "the words are not those of the structure: export the model again"
            }
            SpecError::TrainedFormNotCompiled { .. } => {
                "a network in the form it is trained in needs feature \"std\" of nvpico; exported models have the form that a chip runs"
            }
            SpecError::Constant { .. } => {
                "clamp, eps and levels must be positive, a leaky slope and alpha within 0 .. 1, all constants finite"
            }
        }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer() {
            write!(f, "layer {layer}: ")?;
        }
        f.write_str(self.message())?;
        match *self {
            SpecError::Dimension { dim } => write!(f, "; the dimension is {dim}"),
            SpecError::Given { given } => write!(f, " ({given} are given)"),
            SpecError::GivenChanged { value, .. } => write!(f, " (value {value})"),
            SpecError::ParamLength { expected, found } => {
                write!(f, " ({expected} are needed, {found} were given)")
            }
            SpecError::MaskIndex { index, .. } => write!(f, " (index {index})"),
            SpecError::MaskCoverage { kept, dim, .. } => {
                write!(f, " (it keeps {kept} of {dim} features)")
            }
            SpecError::LayerShape { shape, .. } => write!(
                f,
                " ({} x {} x {} channels, rows and columns reach it)",
                shape.channels, shape.height, shape.width
            ),
            SpecError::FeatureMissing { .. }
            | SpecError::ScaleMapMath { .. }
            | SpecError::GivenIntegers
            | SpecError::Overflow
            | SpecError::Components
            | SpecError::Permutation { .. }
            | SpecError::HiddenWidth { .. }
            | SpecError::NoIntegers { .. }
            | SpecError::Words { .. }
            | SpecError::DenseOnMap { .. }
            | SpecError::Convolution { .. }
            | SpecError::TrainedFormNotCompiled { .. }
            | SpecError::Constant { .. } => Ok(()),
        }
    }
}

impl core::error::Error for SpecError {}
