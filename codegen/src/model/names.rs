//! The parts of a layer as data: masks, transforms, networks and their maps by name, and what they are to
//! the engine.

use std::fmt;

use nvpico::Math;
use nvpico::spec::{
    Activation, BaseSpec, Conditioner, ConvolutionLayer, ConvolutionSpec, DenseSpec, Kernel, Mask,
    MixtureSpec, Nets, ResidualConvolutionSpec, ResidualDenseSpec, ResidualForm, ScaleMap, Spread,
    Squeeze, Transform,
};
use serde::{Deserialize, Serialize};

/// Name of a back end of elementary functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum MathName {
    /// The `libm` crate.
    Libm,
    /// The `micromath` crate: smaller code, errors in the third digit.
    Micromath,
}

impl From<MathName> for Math {
    fn from(name: MathName) -> Self {
        match name {
            MathName::Libm => Math::Libm,
            MathName::Micromath => Math::Micromath,
        }
    }
}

/// See [`BaseSpec`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BaseName {
    /// Standard normal.
    #[default]
    Normal,
    /// A mixture of Gaussians.
    Mixture {
        /// Number of Gaussians.
        components: usize,
        /// What their covariances have in common.
        spread: SpreadName,
    },
}

impl BaseName {
    /// Whether it is the standard normal density.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, BaseName::Normal)
    }
}

impl fmt::Display for BaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BaseName::Normal => write!(f, "standard normal"),
            BaseName::Mixture {
                components: 1,
                spread: SpreadName::Full,
            } => write!(f, "a Gaussian"),
            BaseName::Mixture {
                components,
                spread: SpreadName::Full,
            } => write!(f, "mixture of {components} Gaussians"),
            BaseName::Mixture {
                components,
                spread: SpreadName::Shared,
            } => write!(f, "{components} kernels of one bandwidth"),
        }
    }
}

/// See [`Spread`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpreadName {
    /// One bandwidth for all.
    Shared,
    /// A full covariance each.
    Full,
}

impl From<BaseName> for BaseSpec {
    fn from(name: BaseName) -> Self {
        match name {
            BaseName::Normal => BaseSpec::Normal,
            BaseName::Mixture { components, spread } => {
                let spread = match spread {
                    SpreadName::Shared => Spread::Shared,
                    SpreadName::Full => Spread::Full,
                };
                BaseSpec::Mixture(MixtureSpec::new(components, spread))
            }
        }
    }
}

/// See [`Conditioner`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ConditionerName {
    /// Fully connected layers.
    Dense {
        /// Widths of the hidden layers.
        hidden: Vec<usize>,
        /// Activation of hidden layers.
        activation: ActivationName,
        /// One network or two.
        nets: NetsName,
    },
    /// Residual blocks of fully connected layers.
    ResidualDense {
        /// Values inside.
        width: usize,
        /// Residual blocks.
        blocks: usize,
        /// Activation inside the blocks.
        activation: ActivationName,
        /// Whether blocks start by a scale and shift.
        norm: bool,
    },
    /// A stack of convolutions.
    Convolution {
        /// Hidden layers.
        #[serde(with = "layers_as_data")]
        hidden: Vec<ConvolutionLayer>,
        /// Height and width of the last layer's window.
        last: [usize; 2],
        /// Activation of hidden layers.
        activation: ActivationName,
    },
    /// The paper's residual network.
    ResidualConvolution {
        /// Channels inside.
        filters: usize,
        /// Residual blocks.
        blocks: usize,
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Added to variances of a network as it is trained; absent once it is deployed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        eps: Option<f32>,
    },
}

/// Hidden layers as `{"filters": 16, "kernel": [3, 3]}`.
mod layers_as_data {
    use nvpico::spec::{ConvolutionLayer, Kernel};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        filters: usize,
        kernel: [usize; 2],
    }

    pub fn serialize<S: Serializer>(
        layers: &[ConvolutionLayer],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let entry = |layer: &ConvolutionLayer| Entry {
            filters: layer.filters,
            kernel: [layer.kernel.height, layer.kernel.width],
        };
        serializer.collect_seq(layers.iter().map(entry))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<ConvolutionLayer>, D::Error> {
        let entries = Vec::<Entry>::deserialize(deserializer)?;
        let layer = |entry: Entry| {
            ConvolutionLayer::new(
                entry.filters,
                Kernel {
                    height: entry.kernel[0],
                    width: entry.kernel[1],
                },
            )
        };
        Ok(entries.into_iter().map(layer).collect())
    }
}

/// See [`Squeeze`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqueezeName {
    /// Cells of 2 x 2.
    Cells,
    /// Cells of 2 x 2 in the alternate order.
    CellsAlternate,
    /// Pairs of samples.
    Pairs,
}

impl From<SqueezeName> for Squeeze {
    fn from(name: SqueezeName) -> Self {
        match name {
            SqueezeName::Cells => Squeeze::Cells,
            SqueezeName::CellsAlternate => Squeeze::CellsAlternate,
            SqueezeName::Pairs => Squeeze::Pairs,
        }
    }
}

/// See [`Mask`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskName {
    /// Keeps features `0 .. dim / 2`.
    FirstHalf,
    /// Keeps features `dim / 2 .. dim`.
    SecondHalf,
    /// Keeps even features.
    Even,
    /// Keeps odd features.
    Odd,
    /// Keeps the listed features.
    Indices(Vec<usize>),
    /// Keeps places with odd `y + x`.
    CheckerboardOdd,
    /// Keeps places with even `y + x`.
    CheckerboardEven,
}

/// See [`Transform`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformName {
    /// `y = x + t`.
    Additive,
    /// `y = x * exp(s) + t`.
    Affine(ScaleName),
    /// `y = (x + t) * exp(s)`.
    ShiftFirst(ScaleName),
}

/// See [`ScaleMap`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScaleName {
    /// `s = r * tanh(raw)`.
    RescaledTanh,
    /// `s = clamp * tanh(raw / clamp)`.
    ClampedTanh(f32),
    /// `s = raw`.
    Unbounded,
    /// `s = scale * atan(raw)`.
    Atan(f32),
    /// `s = ln(sigmoid(raw + offset) + floor)`, or minus that.
    Sigmoid {
        /// Added to the raw output.
        offset: f32,
        /// Added to the sigmoid.
        floor: f32,
        /// Whether `s` is negated.
        inverse: bool,
    },
}

impl From<ScaleName> for ScaleMap {
    fn from(name: ScaleName) -> Self {
        match name {
            ScaleName::RescaledTanh => ScaleMap::RescaledTanh,
            ScaleName::ClampedTanh(clamp) => ScaleMap::ClampedTanh { clamp },
            ScaleName::Unbounded => ScaleMap::Unbounded,
            ScaleName::Atan(scale) => ScaleMap::Atan { scale },
            ScaleName::Sigmoid {
                offset,
                floor,
                inverse,
            } => ScaleMap::Sigmoid {
                offset,
                floor,
                inverse,
            },
        }
    }
}

/// See [`Activation`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationName {
    /// `max(x, 0)`.
    Relu,
    /// `slope * x` below zero.
    LeakyRelu(f32),
}

/// See [`Nets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetsName {
    /// One network for log-scale and shift.
    One,
    /// A network each.
    Two,
}

impl From<ActivationName> for Activation {
    fn from(name: ActivationName) -> Self {
        match name {
            ActivationName::Relu => Activation::Relu,
            ActivationName::LeakyRelu(slope) => Activation::LeakyRelu { slope },
        }
    }
}

impl ConditionerName {
    /// The engine's view of this network.
    #[must_use]
    pub fn spec(&self) -> Conditioner<'_> {
        let window = |[height, width]: [usize; 2]| Kernel { height, width };
        match self {
            ConditionerName::Dense {
                hidden,
                activation,
                nets,
            } => Conditioner::Dense(DenseSpec::new(hidden, (*activation).into()).with_nets(
                match nets {
                    NetsName::One => Nets::One,
                    NetsName::Two => Nets::Two,
                },
            )),
            ConditionerName::ResidualDense {
                width,
                blocks,
                activation,
                norm,
            } => {
                let net = ResidualDenseSpec::new(*width, *blocks, (*activation).into());
                Conditioner::ResidualDense(net.with_norm(*norm))
            }
            ConditionerName::Convolution {
                hidden,
                last,
                activation,
            } => Conditioner::Convolution(ConvolutionSpec::new(
                hidden,
                window(*last),
                (*activation).into(),
            )),
            ConditionerName::ResidualConvolution {
                filters,
                blocks,
                kernel,
                eps,
            } => Conditioner::ResidualConvolution(
                ResidualConvolutionSpec::new(*filters, *blocks, window(*kernel)).with_form(
                    match *eps {
                        None => ResidualForm::Deployed,
                        Some(eps) => ResidualForm::Trained { eps },
                    },
                ),
            ),
        }
    }
}

impl MaskName {
    /// The engine's view of this mask.
    #[must_use]
    pub fn spec(&self) -> Mask<'_> {
        match self {
            MaskName::FirstHalf => Mask::FirstHalf,
            MaskName::SecondHalf => Mask::SecondHalf,
            MaskName::Even => Mask::Even,
            MaskName::Odd => Mask::Odd,
            MaskName::Indices(indices) => Mask::Indices(indices),
            MaskName::CheckerboardOdd => Mask::CheckerboardOdd,
            MaskName::CheckerboardEven => Mask::CheckerboardEven,
        }
    }
}

impl From<TransformName> for Transform {
    fn from(name: TransformName) -> Self {
        match name {
            TransformName::Additive => Transform::Additive,
            TransformName::Affine(map) => Transform::Affine(map.into()),
            TransformName::ShiftFirst(map) => Transform::ShiftFirst(map.into()),
        }
    }
}
