//! A model's structure as data: the owned, serialisable twin of [`nvpico::FlowSpec`].
//!
//! ```
//! use nvpico_codegen::model::{Layer, ModelSpec};
//!
//! let spec = ModelSpec { dim: 3, math: nvpico_codegen::model::MathName::Libm,
//!     layers: vec![Layer::Standardize, Layer::Permutation { order: vec![2, 0, 1] }] };
//! let layers = spec.layers();
//! assert_eq!(spec.flow_spec(&layers).param_len(), 7);
//! ```

use nvpico::spec::{
    Activation, BatchNormSpec, CouplingSpec, DenseSpec, Mask, Nets, ScaleMap, Transform,
};
use nvpico::{FlowSpec, LayerSpec, Math};
use serde::{Deserialize, Serialize};

/// Structure of a flow; see [`nvpico::FlowSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Features of a sample.
    pub dim: usize,
    /// Back end of elementary functions.
    pub math: MathName,
    /// Layers in the order of `forward`.
    pub layers: Vec<Layer>,
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
        /// Widths of the conditioner's hidden layers.
        hidden: Vec<usize>,
        /// Activation of hidden layers.
        activation: ActivationName,
        /// Networks of the conditioner, 1 or 2.
        nets: NetsName,
    },
    /// `y[i] = x[order[i]]`.
    Permutation {
        /// The permutation.
        order: Vec<usize>,
    },
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
                hidden,
                activation,
                nets,
            } => LayerSpec::Coupling(CouplingSpec {
                mask: match mask {
                    MaskName::FirstHalf => Mask::FirstHalf,
                    MaskName::SecondHalf => Mask::SecondHalf,
                    MaskName::Even => Mask::Even,
                    MaskName::Odd => Mask::Odd,
                    MaskName::Indices(indices) => Mask::Indices(indices),
                },
                transform: match *transform {
                    TransformName::Additive => Transform::Additive,
                    TransformName::Affine(map) => Transform::Affine(map.into()),
                    TransformName::ShiftFirst(map) => Transform::ShiftFirst(map.into()),
                },
                conditioner: DenseSpec {
                    hidden,
                    activation: match *activation {
                        ActivationName::Relu => Activation::Relu,
                        ActivationName::LeakyRelu(slope) => Activation::LeakyRelu { slope },
                    },
                    nets: match nets {
                        NetsName::One => Nets::One,
                        NetsName::Two => Nets::Two,
                        NetsName::Residual { norm } => Nets::Residual { norm: *norm },
                    },
                },
            }),
            Layer::Permutation { order } => LayerSpec::Permutation(order),
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
        let any = |wanted: &dyn Fn(&TransformName, &NetsName) -> bool| {
            self.layers.iter().any(|layer| match layer {
                Layer::Coupling {
                    transform, nets, ..
                } => wanted(transform, nets),
                _ => false,
            })
        };
        let mut features = Vec::new();
        if self.math == MathName::Micromath {
            features.push("micromath");
        }
        if any(&|transform, _| is_extra(transform)) {
            features.push("extra-scales");
        }
        if any(&|_, nets| matches!(nets, NetsName::Residual { .. })) {
            features.push("residual");
        }
        features
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
            dim: self.dim,
            math: self.math.into(),
            layers,
        }
    }
}
