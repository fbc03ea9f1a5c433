//! What was asked for: settings from the command line or a TOML file, each of them optional.
//!
//! The command line wins over the file; [`Settings`](super::settings::Settings) fills in the defaults.

mod check;
mod choice;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::calibration::Budget;
use crate::limits::{self, argument};
use crate::model::MathName;
use crate::precision::Precision;
pub use choice::{
    Architecture, BaseChoice, MaskChoice, MixChoice, NormChoice, ScaleChoice, SplitChoice,
};

/// Architecture and training options; `None` is the default.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// Kind of model [default: vector for tables, image or window for maps]
    #[arg(long, value_enum, value_name = "KIND")]
    pub architecture: Option<Architecture>,
    /// Number of coupling layers; for maps per group of equal masks [default: 6; maps 2, paper 3]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub couplings: Option<usize>,
    /// Scales of a model for maps; half of the values is factored out after each but the last [default: 2 if the map
    /// can be squeezed, else 1]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub scales: Option<usize>,
    /// Residual blocks in each network of the paper's architecture [default: 2]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub blocks: Option<usize>,
    /// Hidden channels of the networks of a model for maps [default: 16, paper 8]
    #[arg(long, value_name = "N", value_parser = argument(limits::parts))]
    pub filters: Option<usize>,
    /// The values are counts with this many levels, such as 256 for an 8-bit camera: models their logit with
    /// dequantisation and reports bits per dimension
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
    /// What mixes the features between couplings [default: none]
    #[arg(long, value_enum, value_name = "KIND")]
    pub mix: Option<MixChoice>,
    /// Starts with an invertible matrix that makes the training rows uncorrelated, of maps over their channels
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub whiten: Option<bool>,
    /// Density of the latent values [default: auto for tables, normal for maps and counts]
    #[arg(long, value_enum, value_name = "DENSITY")]
    pub base: Option<BaseChoice>,
    /// Kernels of a second, local density: a row is as unlikely as the less favourable of the two says; 0 for none
    /// [default: 256 for tables, fewer where flash is short; maps and counts 0]
    #[arg(long, value_name = "N", value_parser = argument(limits::kernels))]
    pub kernels: Option<usize>,
    /// Batch norm between couplings [default: none]
    #[arg(long, value_enum, value_name = "KIND")]
    pub batch_norm: Option<NormChoice>,
    /// Momentum of batch norm's running statistics: the weight of the old ones [default: 0.9]
    #[arg(long, value_name = "M", value_parser = argument(limits::share_or_none))]
    pub batch_norm_momentum: Option<f64>,
    /// Elementary functions on chip and desktop [default: libm]
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub math: Option<MathName>,
    /// Maximum number of epochs [default: 200]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub epochs: Option<usize>,
    /// Batch size [default: 256, maps 64; smaller for few rows]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub batch: Option<usize>,
    /// Adam's learning rate [default: 0.001]
    #[arg(long, value_name = "RATE", value_parser = argument(limits::above_zero))]
    pub learning_rate: Option<f32>,
    /// L2 penalty on weights [default: 0.00005]
    #[arg(long, value_name = "DECAY", value_parser = argument(limits::not_negative))]
    pub l2: Option<f32>,
    /// Maximum norm of the gradient [default: 10]
    #[arg(long, value_name = "NORM", value_parser = argument(limits::above_zero))]
    pub clip: Option<f32>,
    /// Gaussian noise on the input, in standard deviations of each feature [default: 0.05]
    #[arg(long, value_name = "SIGMA", value_parser = argument(limits::not_negative))]
    pub noise: Option<f32>,
    /// Epochs without a better held-out log-density before training stops [default: 20]
    #[arg(long, value_name = "N", value_parser = argument(limits::at_least_one))]
    pub patience: Option<usize>,
    /// Seed of initial weights, shuffling and noise [default: 0]
    #[arg(long, value_name = "SEED", value_parser = argument(limits::seed))]
    pub seed: Option<u64>,
    /// Share of the rows held out for early stopping and calibration [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = argument(limits::share))]
    pub held_out: Option<f64>,
    /// Which rows are held out: the last ones in time, or evenly spread blocks [default: blocks]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub split: Option<SplitChoice>,
    /// Arithmetic that the model is meant for; other commands can still choose another one [default: f32]
    #[arg(long, value_enum, value_name = "PRECISION")]
    pub precision: Option<Precision>,
    /// Maximum number of epochs of fine-tuning through the rounding of an integer precision, where rounding costs
    /// log-density; 0 for none [default: 40]
    #[arg(long, value_name = "N")]
    pub fine_tune: Option<usize>,
    /// Models that are trained without a part of the rows each, so that every row calibrates; 0 for none: held-out rows
    /// calibrate [default: 5, of many rows 3, where held-out rows are too few for the false-alarm rate, or with --group from
    /// five machines on; else 0]
    #[arg(long, value_name = "N", value_parser = argument(limits::folds))]
    pub folds: Option<usize>,
    /// Share of normal rows that may be called anomalous, each by itself [default: 0.01]
    #[arg(long, value_name = "SHARE", value_parser = argument(limits::share_or_none))]
    pub false_alarm_rate: Option<f64>,
    /// How often the alarm may be false, such as "1 per week" or "1 per 100000 readings" [default: 1 per week, or as rarely as
    /// the record can promise]
    #[arg(long, value_name = "BUDGET")]
    pub false_alarms: Option<Budget>,
}

impl Recipe {
    /// This recipe where it says something, the other one elsewhere.
    ///
    /// # Panics
    /// Never: both have the same fields.
    #[must_use]
    pub fn or(&self, other: &Recipe) -> Recipe {
        let said = |recipe: &Recipe| {
            let value = serde_json::to_value(recipe).expect("plain data");
            let serde_json::Value::Object(fields) = value else {
                unreachable!("a struct is an object")
            };
            fields.into_iter().filter(|(_, value)| !value.is_null())
        };
        let fields = said(other).chain(said(self)).collect();
        serde_json::from_value(serde_json::Value::Object(fields)).expect("the same fields")
    }

    /// The first setting that the architecture does not have.
    #[must_use]
    pub fn unknown_to(&self, kind: Architecture) -> Option<&'static str> {
        let vector = [
            (self.hidden.is_some(), "hidden"),
            (self.mask.is_some(), "mask"),
            (self.nets.is_some(), "nets"),
            (
                self.base.is_some_and(|base| base != BaseChoice::Normal),
                "base",
            ),
            (self.kernels.is_some_and(|kernels| kernels > 0), "kernels"),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_says_wins() {
        let first: Recipe = toml::from_str("couplings = 2\nnoise = 0.1").unwrap();
        let second: Recipe =
            toml::from_str("couplings = 4\nhidden = [8]\nl2 = 0.00003\nmath = \"micromath\"")
                .unwrap();
        let both = first.or(&second);
        assert_eq!(both.couplings, Some(2));
        assert_eq!(both.noise, Some(0.1));
        assert_eq!(both.l2, Some(0.00003));
        assert_eq!(both.hidden, Some(vec![8]));
        assert_eq!(both.math, Some(MathName::Micromath));
        assert_eq!(both.scale, None);
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(toml::from_str::<Recipe>("coupling = 4").is_err());
    }
}
