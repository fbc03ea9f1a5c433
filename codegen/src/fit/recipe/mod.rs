//! How a model is trained: architecture and options, from the command line or a TOML file.
//!
//! Every field is optional in both places; the command line wins, then the file, then the default.
//! The resolved recipe is kept in the model file, as a TOML text that `--config` takes again.

mod check;
mod choice;

use clap::Args;
use nvpico::train::{BatchNormTraining, TrainOptions};
use serde::{Deserialize, Serialize};

use crate::fit::architecture::{self, Networks, Parts};
use crate::limits::{self, argument};
use crate::model::{
    ActivationName, Layer, MaskName, MathName, ModelSpec, NetsName, ScaleName, ShapeName,
    TransformName,
};
use crate::precision::Precision;
pub use choice::{Architecture, MaskChoice, NormChoice, ScaleChoice, SplitChoice};

/// Epochs of fine-tuning, at the most.
pub const FINE_TUNING: usize = 40;

/// Architecture and training options. `None` is the default, see [`Recipe::resolved`].
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// Kind of model [default: vector for tables, image or window for maps]
    #[arg(long, value_enum, value_name = "KIND")]
    pub architecture: Option<Architecture>,
    /// Coupling layers [default: 6; of maps, in a row: 2, paper 3]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub couplings: Option<usize>,
    /// Scales of a model for maps: after each but the last half of the values is done [default: 2 if the map can be squeezed]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub scales: Option<usize>,
    /// Residual blocks in each network of the paper's architecture [default: 2]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub blocks: Option<usize>,
    /// Channels inside the networks of a model for maps [default: 16, paper 8]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub filters: Option<usize>,
    /// The values are counts of so many levels, as 256 of an 8-bit camera: models their logit, with
    /// dequantisation, and tells bits per dimension
    #[arg(long, value_name = "LEVELS", value_parser = argument(limits::levels))]
    pub levels: Option<u32>,
    /// Keeps the logit of the lowest count finite [default: 0.05]
    #[arg(long, value_name = "ALPHA", value_parser = argument(limits::alpha))]
    pub alpha: Option<f32>,
    /// Widths of a vector model's hidden layers, such as 32,32 [default: 32,32]
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', value_parser = argument(limits::parts))]
    pub hidden: Option<Vec<usize>>,
    /// Which features a coupling keeps [default: mixed]
    #[arg(long, value_enum, value_name = "MASK")]
    pub mask: Option<MaskChoice>,
    /// Log-scale map [default: clamped]
    #[arg(long, value_enum, value_name = "MAP")]
    pub scale: Option<ScaleChoice>,
    /// Bound of the clamped log-scale [default: 2]
    #[arg(long, value_name = "C", value_parser = argument(limits::above_zero))]
    pub clamp: Option<f32>,
    /// Slope of leaky ReLU below zero; 0 is ReLU [default: 0]
    #[arg(long, value_name = "SLOPE", value_parser = argument(limits::slope))]
    pub leaky: Option<f32>,
    /// Networks per coupling, 1 (log-scale and shift share one) or 2 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub nets: Option<u8>,
    /// Batch norm between couplings [default: none]
    #[arg(long, value_enum, value_name = "KIND")]
    pub batch_norm: Option<NormChoice>,
    /// Weight of the old running statistics of batch norm [default: 0.9]
    #[arg(long, value_name = "M", value_parser = argument(limits::share_or_none))]
    pub batch_norm_momentum: Option<f64>,
    /// Elementary functions on chip and desktop [default: libm]
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub math: Option<MathName>,
    /// The most passes over the rows [default: 200]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub epochs: Option<usize>,
    /// Rows of a batch [default: 256, less for few rows]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub batch: Option<usize>,
    /// Adam's learning rate [default: 0.001]
    #[arg(long, value_name = "RATE", value_parser = argument(limits::above_zero))]
    pub learning_rate: Option<f32>,
    /// L2 decay of weights [default: 0.00005]
    #[arg(long, value_name = "DECAY", value_parser = argument(limits::not_negative))]
    pub l2: Option<f32>,
    /// The gradient's norm is clipped to this [default: 10]
    #[arg(long, value_name = "NORM", value_parser = argument(limits::above_zero))]
    pub clip: Option<f32>,
    /// Gaussian noise on the input, in standard deviations of each feature [default: 0.05]
    #[arg(long, value_name = "SIGMA", value_parser = argument(limits::not_negative))]
    pub noise: Option<f32>,
    /// Epochs without a better held-out log-density before training stops [default: 20]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub patience: Option<usize>,
    /// Decides first weights, shuffles and noise [default: 0]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Share of the rows held out for early stopping and calibration [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = argument(limits::share))]
    pub held_out: Option<f64>,
    /// Which rows are held out: the last ones in time, or evenly spread blocks [default: blocks]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub split: Option<SplitChoice>,
    /// Arithmetic that the model is meant for; every verb takes another one, too [default: f32]
    #[arg(long, value_enum, value_name = "PRECISION")]
    pub precision: Option<Precision>,
    /// The most passes over the rows once more, through the rounding of an integer precision, where that loses
    /// log-density; 0 for none [default: 40]
    #[arg(long, value_name = "N")]
    pub fine_tune: Option<usize>,
    /// Share of normal rows that may raise the alarm [default: 0.01]
    #[arg(long, value_name = "SHARE", value_parser = argument(limits::share_or_none))]
    pub false_alarm_rate: Option<f64>,
}

macro_rules! take_first {
    ($first:expr, $second:expr, $($field:ident),*) => {
        Recipe { $($field: $first.$field.or($second.$field)),* }
    };
}

impl Recipe {
    /// This recipe where it says something, the other elsewhere.
    #[must_use]
    pub fn or(self, other: Recipe) -> Recipe {
        take_first!(
            self,
            other,
            architecture,
            couplings,
            scales,
            blocks,
            filters,
            levels,
            alpha,
            hidden,
            mask,
            scale,
            clamp,
            leaky,
            nets,
            batch_norm,
            batch_norm_momentum,
            math,
            epochs,
            batch,
            learning_rate,
            l2,
            clip,
            noise,
            patience,
            seed,
            held_out,
            split,
            precision,
            fine_tune,
            false_alarm_rate
        )
    }

    /// Every field set that the architecture knows. `rows` decides the default batch size: few rows make
    /// small batches. `shape` is that of a sample.
    #[must_use]
    pub fn resolved(self, rows: usize, shape: ShapeName) -> Recipe {
        let options = TrainOptions::default();
        let [_, height, width] = shape.0;
        let kind = self.architecture.unwrap_or(match (height, width) {
            (1, 1) => Architecture::Vector,
            (1, _) => Architecture::Window,
            _ => Architecture::Image,
        });
        let is_vector = kind == Architecture::Vector;
        let is_paper = kind == Architecture::Paper;
        let most = if is_vector { options.batch } else { 64 };
        let batch = (rows / 20).next_power_of_two().clamp(16, most);
        let map = |value: usize| (!is_vector).then_some(value);
        self.or(Recipe {
            architecture: Some(kind),
            couplings: Some(match kind {
                Architecture::Vector => 6,
                Architecture::Paper => 3,
                _ => 2,
            }),
            scales: map(architecture::default_scales(shape)),
            blocks: is_paper.then_some(2),
            filters: map(if is_paper { 8 } else { 16 }),
            levels: None,
            alpha: None,
            hidden: is_vector.then(|| vec![32, 32]),
            mask: is_vector.then_some(MaskChoice::Mixed),
            scale: Some(if is_paper {
                ScaleChoice::Rescaled
            } else {
                ScaleChoice::Clamped
            }),
            clamp: Some(2.0),
            leaky: Some(0.0),
            nets: is_vector.then_some(1),
            batch_norm: Some(if is_paper {
                NormChoice::Running
            } else {
                NormChoice::None
            }),
            batch_norm_momentum: Some(0.9),
            math: Some(MathName::Libm),
            epochs: Some(options.epochs),
            batch: Some(batch),
            learning_rate: Some(options.learning_rate),
            l2: Some(options.l2),
            clip: Some(options.clip),
            noise: Some(options.noise),
            patience: Some(options.patience),
            seed: Some(0),
            held_out: Some(0.2),
            split: Some(SplitChoice::Blocks),
            precision: Some(Precision::F32),
            fine_tune: Some(FINE_TUNING),
            false_alarm_rate: Some(0.01),
        })
    }

    /// The structure for samples of this shape. Call on a resolved recipe.
    ///
    /// # Errors
    /// A sentence, where settings and shape do not go together.
    pub fn spec(&self, shape: ShapeName) -> Result<ModelSpec, String> {
        let kind = self.architecture.unwrap_or(Architecture::Vector);
        let transform = match self.scale {
            Some(ScaleChoice::Rescaled) => TransformName::Affine(ScaleName::RescaledTanh),
            Some(ScaleChoice::Unbounded) => TransformName::Affine(ScaleName::Unbounded),
            Some(ScaleChoice::Additive) => TransformName::Additive,
            _ => TransformName::Affine(ScaleName::ClampedTanh(self.clamp.unwrap_or(2.0))),
        };
        let slope = self.leaky.unwrap_or(0.0);
        let norm = !matches!(self.batch_norm, None | Some(NormChoice::None));
        let parts = Parts {
            input: match self.levels {
                None => Layer::Standardize,
                Some(levels) => Layer::Logit {
                    alpha: self.alpha.unwrap_or(0.05),
                    levels: levels as f32,
                },
            },
            transform,
            activation: if slope == 0.0 {
                ActivationName::Relu
            } else {
                ActivationName::LeakyRelu(slope)
            },
            norm: norm.then_some(Layer::BatchNorm {
                eps: 1e-5,
                affine: true,
            }),
            couplings: self.couplings.unwrap_or(0),
        };
        let filters = self.filters.unwrap_or(16);
        let scales = self.scales.unwrap_or(1);
        let [channels, height, width] = shape.0;
        let mut own_shape = shape;
        let layers = match kind {
            Architecture::Vector => {
                own_shape = ShapeName::vector(channels * height * width);
                let nets = if self.nets == Some(2) {
                    NetsName::Two
                } else {
                    NetsName::One
                };
                let hidden = self.hidden.clone().unwrap_or_default();
                architecture::vector(&parts, self.masks(), &hidden, nets)
            }
            Architecture::Window if height != 1 => {
                return Err(format!(
                    "samples of {shape} are no windows of a time series: save them as N x channels x 1 x samples"
                ));
            }
            Architecture::Window | Architecture::Image => {
                architecture::map(&parts, Networks::Plain { filters }, shape, scales)?
            }
            Architecture::Paper => {
                let blocks = self.blocks.unwrap_or(2);
                architecture::map(
                    &parts,
                    Networks::Residual { filters, blocks },
                    shape,
                    scales,
                )?
            }
        };
        Ok(ModelSpec {
            shape: own_shape,
            math: self.math.unwrap_or(MathName::Libm),
            layers,
        })
    }

    /// Settings that were made and that the architecture does not know. Call on a recipe as given,
    /// with the resolved architecture.
    #[must_use]
    pub fn unknown_to(&self, kind: Architecture) -> Option<&'static str> {
        let vector = [
            (self.hidden.is_some(), "hidden"),
            (self.mask.is_some(), "mask"),
            (self.nets.is_some(), "nets"),
        ];
        let map = [
            (self.scales.is_some(), "scales"),
            (self.filters.is_some(), "filters"),
        ];
        let blocks = [(self.blocks.is_some(), "blocks")];
        let mut all = match kind {
            Architecture::Vector => map.iter().chain(&blocks),
            Architecture::Paper => vector.iter().chain(&[]),
            _ => vector.iter().chain(&blocks),
        };
        all.find(|(given, _)| *given).map(|(_, name)| *name)
    }

    fn masks(&self) -> &'static [MaskName] {
        match self.mask {
            Some(MaskChoice::Halves) => &[MaskName::FirstHalf, MaskName::SecondHalf],
            Some(MaskChoice::Alternating) => &[MaskName::Even, MaskName::Odd],
            _ => &[
                MaskName::FirstHalf,
                MaskName::SecondHalf,
                MaskName::Even,
                MaskName::Odd,
            ],
        }
    }

    /// The engine's options. Call on a resolved recipe.
    #[must_use]
    pub fn train_options(&self) -> TrainOptions {
        let default = TrainOptions::default();
        let momentum = self.batch_norm_momentum.unwrap_or(0.9);
        TrainOptions {
            epochs: self.epochs.unwrap_or(default.epochs),
            batch: self.batch.unwrap_or(default.batch),
            learning_rate: self.learning_rate.unwrap_or(default.learning_rate),
            l2: self.l2.unwrap_or(default.l2),
            clip: self.clip.unwrap_or(default.clip),
            noise: self.noise.unwrap_or(default.noise),
            patience: self.patience.unwrap_or(default.patience),
            batch_norm: match self.batch_norm {
                Some(NormChoice::Batch) => BatchNormTraining::Batch { momentum },
                _ => BatchNormTraining::Running { momentum },
            },
            seed: self.seed.unwrap_or(default.seed),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_wins_over_file_over_default() {
        let file: Recipe =
            toml::from_str("couplings = 4\nhidden = [8]\nlearning-rate = 0.01").unwrap();
        let line = Recipe {
            couplings: Some(2),
            ..Recipe::default()
        };
        let recipe = line.or(file).resolved(1_000, ShapeName::vector(4));
        assert_eq!(recipe.couplings, Some(2));
        assert_eq!(recipe.hidden, Some(vec![8]));
        assert_eq!(recipe.learning_rate, Some(0.01));
        assert_eq!(recipe.batch, Some(64));
        let text = toml::to_string(&recipe).unwrap();
        assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe);
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(toml::from_str::<Recipe>("coupling = 4").is_err());
    }
}
