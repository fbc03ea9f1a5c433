//! How a model is trained: architecture and options, from the command line or a TOML file.
//!
//! Every field is optional in both places; the command line wins, then the file, then the default.
//! The resolved recipe is kept in the model file, as a TOML text that `--config` takes again.

use clap::{Args, ValueEnum};
use nvpico::train::{BatchNormTraining, TrainOptions};
use serde::{Deserialize, Serialize};

use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, MathName, ModelSpec, NetsName, ScaleName,
    ShapeName, TransformName,
};

/// Architecture and training options. `None` is the default, see [`Recipe::resolved`].
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// Coupling layers [default: 6]
    #[arg(long, value_name = "N")]
    pub couplings: Option<usize>,
    /// Widths of the conditioners' hidden layers, such as 32,32 [default: 32,32]
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',')]
    pub hidden: Option<Vec<usize>>,
    /// Which features a coupling keeps [default: mixed]
    #[arg(long, value_enum, value_name = "MASK")]
    pub mask: Option<MaskChoice>,
    /// Log-scale map [default: clamped]
    #[arg(long, value_enum, value_name = "MAP")]
    pub scale: Option<ScaleChoice>,
    /// Bound of the clamped log-scale [default: 2]
    #[arg(long, value_name = "C")]
    pub clamp: Option<f32>,
    /// Slope of leaky ReLU below zero; 0 is ReLU [default: 0]
    #[arg(long, value_name = "SLOPE")]
    pub leaky: Option<f32>,
    /// Networks per coupling, 1 (log-scale and shift share one) or 2 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub nets: Option<u8>,
    /// Batch norm between couplings [default: none]
    #[arg(long, value_enum, value_name = "KIND")]
    pub batch_norm: Option<NormChoice>,
    /// Weight of the old running statistics of batch norm [default: 0.9]
    #[arg(long, value_name = "M")]
    pub batch_norm_momentum: Option<f64>,
    /// Elementary functions on chip and desktop [default: libm]
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub math: Option<MathName>,
    /// The most passes over the rows [default: 200]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Rows of a batch [default: 256, less for few rows]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// Adam's learning rate [default: 0.001]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f32>,
    /// L2 decay of weights [default: 0.00005]
    #[arg(long, value_name = "DECAY")]
    pub l2: Option<f32>,
    /// The gradient's norm is clipped to this [default: 10]
    #[arg(long, value_name = "NORM")]
    pub clip: Option<f32>,
    /// Gaussian noise on the input, in standard deviations of each feature [default: 0.05]
    #[arg(long, value_name = "SIGMA")]
    pub noise: Option<f32>,
    /// Epochs without a better held-out log-density before training stops [default: 20]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// Decides first weights, shuffles and noise [default: 0]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Share of the rows held out for early stopping and calibration [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    pub held_out: Option<f64>,
    /// Which rows are held out: the last ones in time, or evenly spread blocks [default: blocks]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub split: Option<SplitChoice>,
    /// Share of normal rows that may raise the alarm [default: 0.01]
    #[arg(long, value_name = "SHARE")]
    pub false_alarm_rate: Option<f64>,
}

/// Masks of the couplings, in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskChoice {
    /// First half, second half, even, odd features
    Mixed,
    /// First half, second half
    Halves,
    /// Even, odd
    Alternating,
}

/// Log-scale map of the couplings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleChoice {
    /// c * tanh(s / c): bounded, the safe choice
    Clamped,
    /// r * tanh(s) with a learned r (the paper's)
    Rescaled,
    /// s itself: overflows on far outliers
    Unbounded,
    /// No scale: additive coupling (NICE)
    Additive,
}

/// Batch norm between couplings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormChoice {
    /// No batch norm
    None,
    /// Normalises by running statistics that take in each batch (the paper's appendix E)
    Running,
    /// Normalises by the batch's own statistics
    Batch,
}

/// Which rows are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitChoice {
    /// The last rows: tells how the model fares on what comes after its training
    Last,
    /// Ten blocks spread evenly over all rows: sees every operating condition of the record
    Blocks,
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
            couplings,
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
            false_alarm_rate
        )
    }

    /// Every field set. `rows` decides the default batch size: few rows make small batches.
    #[must_use]
    pub fn resolved(self, rows: usize) -> Recipe {
        let options = TrainOptions::default();
        let batch = (rows / 20).next_power_of_two().clamp(16, options.batch);
        self.or(Recipe {
            couplings: Some(6),
            hidden: Some(vec![32, 32]),
            mask: Some(MaskChoice::Mixed),
            scale: Some(ScaleChoice::Clamped),
            clamp: Some(2.0),
            leaky: Some(0.0),
            nets: Some(1),
            batch_norm: Some(NormChoice::None),
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
            false_alarm_rate: Some(0.01),
        })
    }

    /// The structure for `dim` features. Call on a resolved recipe.
    #[must_use]
    pub fn spec(&self, dim: usize) -> ModelSpec {
        let masks: &[MaskName] = match self.mask {
            Some(MaskChoice::Halves) => &[MaskName::FirstHalf, MaskName::SecondHalf],
            Some(MaskChoice::Alternating) => &[MaskName::Even, MaskName::Odd],
            _ => &[
                MaskName::FirstHalf,
                MaskName::SecondHalf,
                MaskName::Even,
                MaskName::Odd,
            ],
        };
        let transform = match self.scale {
            Some(ScaleChoice::Rescaled) => TransformName::Affine(ScaleName::RescaledTanh),
            Some(ScaleChoice::Unbounded) => TransformName::Affine(ScaleName::Unbounded),
            Some(ScaleChoice::Additive) => TransformName::Additive,
            _ => TransformName::Affine(ScaleName::ClampedTanh(self.clamp.unwrap_or(2.0))),
        };
        let slope = self.leaky.unwrap_or(0.0);
        let activation = if slope == 0.0 {
            ActivationName::Relu
        } else {
            ActivationName::LeakyRelu(slope)
        };
        let count = self.couplings.unwrap_or(0);
        let mut layers = vec![Layer::Standardize];
        for (index, mask) in masks.iter().cycle().take(count).enumerate() {
            layers.push(Layer::Coupling {
                mask: mask.clone(),
                transform,
                conditioner: ConditionerName::Dense {
                    hidden: self.hidden.clone().unwrap_or_default(),
                    activation,
                    nets: if self.nets == Some(2) {
                        NetsName::Two
                    } else {
                        NetsName::One
                    },
                },
            });
            let norm = !matches!(self.batch_norm, None | Some(NormChoice::None));
            if norm && index + 1 < count {
                layers.push(Layer::BatchNorm {
                    eps: 1e-5,
                    affine: true,
                });
            }
        }
        ModelSpec {
            shape: ShapeName::vector(dim),
            math: self.math.unwrap_or(MathName::Libm),
            layers,
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
        let recipe = line.or(file).resolved(1_000);
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
