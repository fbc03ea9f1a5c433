//! A layer as data: what a model file, a report and an exported module know of it.

use nvpico::LayerSpec;
use nvpico::spec::{BatchNormSpec, CouplingSpec, LogitSpec};
use serde::{Deserialize, Serialize};

use super::names::{ConditionerName, MaskName, SqueezeName, TransformName};

/// A layer; see [`nvpico::LayerSpec`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// `y = (x - mean) * scale`.
    Standardize,
    /// `y = x * scale + shift`.
    Affine,
    /// `y = L U x + b` at each place.
    Linear,
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

impl Layer {
    /// The engine's view of this layer.
    #[must_use]
    pub fn spec(&self) -> LayerSpec<'_> {
        match self {
            Layer::Standardize => LayerSpec::Standardize,
            Layer::Affine => LayerSpec::Affine,
            Layer::Linear => LayerSpec::Linear,
            Layer::BatchNorm { eps, affine } => {
                LayerSpec::BatchNorm(BatchNormSpec::new(*eps, *affine))
            }
            Layer::Coupling {
                mask,
                transform,
                conditioner,
            } => LayerSpec::Coupling(CouplingSpec::new(
                mask.spec(),
                (*transform).into(),
                conditioner.spec(),
            )),
            Layer::Permutation { order } => LayerSpec::Permutation(order),
            Layer::Logit { alpha, levels } => LayerSpec::Logit(LogitSpec::new(*alpha, *levels)),
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

    /// In a line, for a reader.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Layer::Standardize => "standardize".to_owned(),
            Layer::Affine => "affine".to_owned(),
            Layer::Linear => "invertible matrix".to_owned(),
            Layer::BatchNorm { .. } => "batch norm".to_owned(),
            Layer::Permutation { .. } => "permutation".to_owned(),
            Layer::Logit { alpha, levels } => format!("logit, alpha {alpha}, {levels} levels"),
            Layer::Squeeze(kind) => format!("squeeze {kind:?}"),
            Layer::Unsqueeze(kind) => format!("unsqueeze {kind:?}"),
            Layer::FactorOut => "factor out half of the channels".to_owned(),
            Layer::Coupling {
                mask,
                transform,
                conditioner,
            } => {
                let net = match conditioner {
                    ConditionerName::Dense {
                        hidden,
                        activation,
                        nets,
                    } => format!("hidden {hidden:?} {activation:?}, nets {nets:?}"),
                    ConditionerName::ResidualDense {
                        width,
                        blocks,
                        activation,
                        norm,
                    } => {
                        let norms = if *norm { " with norms" } else { "" };
                        format!("{blocks} residual blocks{norms} of width {width} {activation:?}")
                    }
                    ConditionerName::Convolution {
                        hidden,
                        last,
                        activation,
                    } => {
                        let windows: Vec<String> = (hidden.iter())
                            .map(|l| {
                                format!("{}x{} to {}", l.kernel.height, l.kernel.width, l.filters)
                            })
                            .chain([format!("{}x{}", last[0], last[1])])
                            .collect();
                        format!("convolutions {} {activation:?}", windows.join(", "))
                    }
                    ConditionerName::ResidualConvolution {
                        filters,
                        blocks,
                        kernel: [height, width],
                        ..
                    } => format!("{blocks} residual blocks of {height}x{width}, {filters} filters"),
                };
                format!("coupling, keeps {mask:?}, {transform:?}, {net}")
            }
        }
    }

    /// In Rust, as a variant of `LayerSpec`; `None` for a coupling, which is more than a line.
    #[must_use]
    pub fn in_rust(&self) -> Option<String> {
        Some(match self {
            Layer::Standardize => "Standardize".to_owned(),
            Layer::Affine => "Affine".to_owned(),
            Layer::Linear => "Linear".to_owned(),
            Layer::BatchNorm { eps, affine } => {
                format!("BatchNorm(nvpico::spec::BatchNormSpec::new({eps:?}, {affine}))")
            }
            Layer::Permutation { order } => format!("Permutation(&{order:?})"),
            Layer::Logit { alpha, levels } => {
                format!("Logit(nvpico::spec::LogitSpec::new({alpha:?}, {levels:?}))")
            }
            Layer::Squeeze(kind) => {
                format!("Squeeze(nvpico::spec::Squeeze::{})", squeeze_name(*kind))
            }
            Layer::Unsqueeze(kind) => {
                format!("Unsqueeze(nvpico::spec::Squeeze::{})", squeeze_name(*kind))
            }
            Layer::FactorOut => "FactorOut".to_owned(),
            Layer::Coupling { .. } => return None,
        })
    }

    /// What must not be zero among the layer's parameters, as many as there are channels, and what it is: without it
    /// the layer has no inverse.
    #[must_use]
    pub(super) fn scales(
        &self,
        channels: usize,
        params: &[f32],
    ) -> Option<(Vec<f32>, &'static str)> {
        let behind = |skip: usize| params.iter().skip(skip).take(channels).copied().collect();
        Some(match self {
            Layer::Standardize => (behind(channels), "scale"),
            Layer::Affine => (behind(0), "scale"),
            Layer::Linear => {
                let diagonal = params.iter().step_by(channels + 1).take(channels);
                (diagonal.copied().collect(), "diagonal")
            }
            Layer::BatchNorm { .. } => (behind(channels), "running variance"),
            Layer::Coupling { .. }
            | Layer::Permutation { .. }
            | Layer::Logit { .. }
            | Layer::Squeeze(_)
            | Layer::Unsqueeze(_)
            | Layer::FactorOut => return None,
        })
    }
}

fn squeeze_name(squeeze: SqueezeName) -> &'static str {
    match squeeze {
        SqueezeName::Cells => "Cells",
        SqueezeName::CellsAlternate => "CellsAlternate",
        SqueezeName::Pairs => "Pairs",
    }
}
