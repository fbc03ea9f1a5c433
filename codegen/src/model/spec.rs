//! A model's structure as data: the owned, serialisable twin of [`nvpico::FlowSpec`].
//!
//! ```
//! use nvpico_codegen::model::{Layer, ModelSpec, ShapeName};
//!
//! let spec = ModelSpec { shape: ShapeName([3, 1, 1]), math: nvpico_codegen::model::MathName::Libm,
//!     layers: vec![Layer::Standardize, Layer::Permutation { order: vec![2, 0, 1] }] };
//! let layers = spec.layers();
//! assert_eq!(spec.flow_spec(&layers).param_len(), 7);
//! ```

use std::fmt;

use nvpico::spec::{
    Activation, BatchNormSpec, Conditioner, ConvolutionLayer, ConvolutionSpec, CouplingSpec,
    DenseSpec, Kernel, LogitSpec, Mask, Nets, ResidualConvolutionSpec, ResidualForm, ScaleMap,
    Shape, Squeeze, Transform,
};
use nvpico::{FlowSpec, LayerSpec, Math};
use serde::{Deserialize, Serialize};

use crate::data::map_columns;

/// Structure of a flow; see [`nvpico::FlowSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Shape of a sample.
    pub shape: ShapeName,
    /// Back end of elementary functions.
    pub math: MathName,
    /// Layers in the order of `forward`.
    pub layers: Vec<Layer>,
}

/// Channels, height and width; see [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeName(pub [usize; 3]);

impl ShapeName {
    /// A vector of so many features.
    #[must_use]
    pub const fn vector(features: usize) -> Self {
        Self([features, 1, 1])
    }

    /// A name for every value: `x0`, `x1`, ... of a vector, `c0.y1.x2` of a map.
    #[must_use]
    pub fn value_names(self) -> Vec<String> {
        let [channels, height, width] = self.0;
        if height == 1 && width == 1 {
            return (0..channels).map(|i| format!("x{i}")).collect();
        }
        map_columns(self.0)
    }
}

impl From<ShapeName> for Shape {
    fn from(ShapeName([channels, height, width]): ShapeName) -> Self {
        Shape {
            channels,
            height,
            width,
        }
    }
}

impl fmt::Display for ShapeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [channels, height, width] = self.0;
        write!(f, "{channels} x {height} x {width}")
    }
}

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

/// A layer; see [`nvpico::LayerSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// `y = (x - mean) * scale`.
    Standardize,
    /// `y = x * scale + shift`.
    Affine,
    /// Batch norm on running statistics.
    BatchNorm {
        /// Added to the variance.
        eps: f32,
        /// Whether a learned scale and shift follow.
        affine: bool,
    },
    /// Affine or additive coupling.
    Coupling {
        /// Features kept.
        mask: MaskName,
        /// How the others change.
        transform: TransformName,
        /// The network between.
        conditioner: ConditionerName,
    },
    /// Channel `i` of y is channel `order[i]` of x.
    Permutation {
        /// The permutation.
        order: Vec<usize>,
    },
    /// Counts to the real line.
    Logit {
        /// Keeps the lowest count away from minus infinity.
        alpha: f32,
        /// Levels of the counts.
        levels: f32,
    },
    /// Places to channels.
    Squeeze(SqueezeName),
    /// Channels back to places.
    Unsqueeze(SqueezeName),
    /// Half of the channels goes to the base density.
    FactorOut,
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
        /// One network or two, plain or residual.
        nets: NetsName,
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
        let layer = |entry: Entry| ConvolutionLayer {
            filters: entry.filters,
            kernel: Kernel {
                height: entry.kernel[0],
                width: entry.kernel[1],
            },
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
    /// One network of residual blocks.
    Residual {
        /// Whether blocks start by a scale and shift.
        norm: bool,
    },
}

impl Layer {
    /// The engine's view of this layer.
    #[must_use]
    pub fn spec(&self) -> LayerSpec<'_> {
        match self {
            Layer::Standardize => LayerSpec::Standardize,
            Layer::Affine => LayerSpec::Affine,
            Layer::BatchNorm { eps, affine } => LayerSpec::BatchNorm(BatchNormSpec {
                eps: *eps,
                affine: *affine,
            }),
            Layer::Coupling {
                mask,
                transform,
                conditioner,
            } => LayerSpec::Coupling(CouplingSpec {
                mask: match mask {
                    MaskName::FirstHalf => Mask::FirstHalf,
                    MaskName::SecondHalf => Mask::SecondHalf,
                    MaskName::Even => Mask::Even,
                    MaskName::Odd => Mask::Odd,
                    MaskName::Indices(indices) => Mask::Indices(indices),
                    MaskName::CheckerboardOdd => Mask::CheckerboardOdd,
                    MaskName::CheckerboardEven => Mask::CheckerboardEven,
                },
                transform: match *transform {
                    TransformName::Additive => Transform::Additive,
                    TransformName::Affine(map) => Transform::Affine(map.into()),
                    TransformName::ShiftFirst(map) => Transform::ShiftFirst(map.into()),
                },
                conditioner: conditioner.spec(),
            }),
            Layer::Permutation { order } => LayerSpec::Permutation(order),
            Layer::Logit { alpha, levels } => LayerSpec::Logit(LogitSpec {
                alpha: *alpha,
                levels: *levels,
            }),
            Layer::Squeeze(squeeze) => LayerSpec::Squeeze((*squeeze).into()),
            Layer::Unsqueeze(squeeze) => LayerSpec::Unsqueeze((*squeeze).into()),
            Layer::FactorOut => LayerSpec::FactorOut,
        }
    }

    /// The layer as the chip runs it.
    #[must_use]
    pub fn deployed(&self) -> Self {
        let mut deployed = self.clone();
        match &mut deployed {
            Layer::BatchNorm { .. } => deployed = Layer::Affine,
            Layer::Coupling {
                conditioner: ConditionerName::ResidualConvolution { eps, .. },
                ..
            } => *eps = None,
            _ => {}
        }
        deployed
    }
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
            } => Conditioner::Dense(DenseSpec {
                hidden,
                activation: (*activation).into(),
                nets: match nets {
                    NetsName::One => Nets::One,
                    NetsName::Two => Nets::Two,
                    NetsName::Residual { norm } => Nets::Residual { norm: *norm },
                },
            }),
            ConditionerName::Convolution {
                hidden,
                last,
                activation,
            } => Conditioner::Convolution(ConvolutionSpec {
                hidden,
                last: window(*last),
                activation: (*activation).into(),
            }),
            ConditionerName::ResidualConvolution {
                filters,
                blocks,
                kernel,
                eps,
            } => Conditioner::ResidualConvolution(ResidualConvolutionSpec {
                filters: *filters,
                blocks: *blocks,
                kernel: window(*kernel),
                form: match *eps {
                    None => ResidualForm::Deployed,
                    Some(eps) => ResidualForm::Trained { eps },
                },
            }),
        }
    }
}

impl ModelSpec {
    /// Features of `nvpico`, beside the default ones, that a firmware with this model enables.
    #[must_use]
    pub fn engine_features(&self) -> Vec<&'static str> {
        let is_extra = |transform: &TransformName| match transform {
            TransformName::Affine(map) | TransformName::ShiftFirst(map) => {
                matches!(map, ScaleName::Atan(_) | ScaleName::Sigmoid { .. })
            }
            TransformName::Additive => false,
        };
        let any = |wanted: &dyn Fn(&Layer) -> bool| self.layers.iter().any(wanted);
        let mut features = Vec::new();
        if self.math == MathName::Micromath {
            features.push("micromath");
        }
        if any(&|layer| matches!(layer, Layer::Coupling { transform, .. } if is_extra(transform))) {
            features.push("extra-scales");
        }
        let is_residual = |layer: &Layer| {
            matches!(
                layer,
                Layer::Coupling {
                    conditioner: ConditionerName::Dense {
                        nets: NetsName::Residual { .. },
                        ..
                    },
                    ..
                }
            )
        };
        if any(&is_residual) {
            features.push("residual");
        }
        let takes_maps = |layer: &Layer| match layer {
            Layer::Coupling { conditioner, .. } => {
                !matches!(conditioner, ConditionerName::Dense { .. })
            }
            Layer::Logit { .. } | Layer::Squeeze(_) | Layer::Unsqueeze(_) | Layer::FactorOut => {
                true
            }
            _ => false,
        };
        if self.is_map() || any(&takes_maps) {
            features.push("feature-maps");
        }
        features
    }

    /// Values of a sample.
    #[must_use]
    pub fn dim(&self) -> usize {
        Shape::from(self.shape).len()
    }

    /// Whether a sample is more than a vector.
    #[must_use]
    pub fn is_map(&self) -> bool {
        let [_, height, width] = self.shape.0;
        height != 1 || width != 1
    }

    /// The engine's view of all layers; hand it to [`ModelSpec::flow_spec`].
    #[must_use]
    pub fn layers(&self) -> Vec<LayerSpec<'_>> {
        self.layers.iter().map(Layer::spec).collect()
    }

    /// The engine's view of the model.
    #[must_use]
    pub fn flow_spec<'a>(&self, layers: &'a [LayerSpec<'a>]) -> FlowSpec<'a> {
        FlowSpec {
            shape: self.shape.into(),
            math: self.math.into(),
            layers,
        }
    }
}
