//! A model's structure as data: the owned, serialisable twin of [`nvpico::FlowSpec`].
//!
//! ```
//! use nvpico_codegen::model::{Layer, ModelSpec, ShapeName};
//!
//! let spec = ModelSpec { shape: ShapeName([3, 1, 1]), math: nvpico_codegen::model::MathName::Libm,
//!     layers: vec![Layer::Standardize, Layer::Permutation { order: vec![2, 0, 1] }],
//!     base: nvpico_codegen::model::BaseName::Normal, kernels: None, given: 0 };
//! let layers = spec.layers();
//! assert_eq!(spec.flow_spec(&layers).param_len(), 7);
//! ```

use std::fmt;

use nvpico::spec::{KernelsSpec, Shape};
use nvpico::{FlowSpec, LayerSpec};
use serde::{Deserialize, Serialize};

use super::layer::Layer;
use super::names::{BaseName, ConditionerName, MathName, ScaleName, TransformName};
use crate::data::map_columns;
use crate::precision::Precision;

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
    /// Density of z.
    #[serde(default, skip_serializing_if = "BaseName::is_normal")]
    pub base: BaseName,
    /// Kernels of a second density, of the values behind the first layer; see [`nvpico::spec::KernelsSpec`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<usize>,
    /// How many values of a sample are given, its first ones; see [`nvpico::FlowSpec::with_given`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given: usize,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out a reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Channels, height and width; see [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeName(pub [usize; 3]);

impl ShapeName {
    /// A vector of `features` values.
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

impl ModelSpec {
    /// Layers onto a standard normal, without kernels and given values.
    #[must_use]
    pub const fn onto_normal(shape: ShapeName, math: MathName, layers: Vec<Layer>) -> Self {
        Self {
            shape,
            math,
            layers,
            base: BaseName::Normal,
            kernels: None,
            given: 0,
        }
    }

    /// Features of `nvpico`, beside the default ones, that a firmware with this model enables. In floats the
    /// paper's networks come with all that is for maps; in integers they come with other residual networks.
    #[must_use]
    pub fn engine_features(&self, precision: Precision) -> Vec<&'static str> {
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
        let is_residual = |layer: &Layer| {
            let Layer::Coupling { conditioner, .. } = layer else {
                return false;
            };
            match conditioner {
                ConditionerName::Dense { .. } | ConditionerName::Convolution { .. } => false,
                ConditionerName::ResidualDense { .. } => true,
                ConditionerName::ResidualConvolution { .. } => precision != Precision::F32,
            }
        };
        let is_extra_layer = |layer: &Layer| matches!(layer, Layer::Coupling { transform, .. } if is_extra(transform));
        let is_linear = |layer: &Layer| matches!(layer, Layer::Linear);
        let is_mixture = !self.base.is_normal() || self.kernels.is_some();
        let has_given = self.given > 0;
        if any(&is_residual) || any(&is_extra_layer) || any(&is_linear) || is_mixture || has_given {
            features.push("extra-layers");
        }
        let takes_maps = |layer: &Layer| match layer {
            Layer::Coupling { conditioner, .. } => match conditioner {
                ConditionerName::Dense { .. } | ConditionerName::ResidualDense { .. } => false,
                ConditionerName::Convolution { .. }
                | ConditionerName::ResidualConvolution { .. } => true,
            },
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

    /// Values of a sample, given ones among them.
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

    /// How many couplings there are.
    #[must_use]
    pub fn couplings(&self) -> usize {
        let is_coupling = |layer: &&Layer| matches!(layer.spec(), LayerSpec::Coupling(_));
        self.layers.iter().filter(is_coupling).count()
    }

    /// The engine's view of all layers; hand it to [`ModelSpec::flow_spec`].
    #[must_use]
    pub fn layers(&self) -> Vec<LayerSpec<'_>> {
        self.layers.iter().map(Layer::spec).collect()
    }

    /// The engine's view of the model.
    #[must_use]
    pub fn flow_spec<'a>(&self, layers: &'a [LayerSpec<'a>]) -> FlowSpec<'a> {
        let spec = FlowSpec::new(self.shape.into(), layers)
            .with_math(self.math.into())
            .with_base(self.base.into())
            .with_given(self.given);
        match self.kernels {
            Some(count) => spec.with_kernels(KernelsSpec::new(count)),
            None => spec,
        }
    }
}
