//! The settings of a training, all resolved: what was asked for, and the architecture's defaults elsewhere.
//!
//! ```
//! use nvpico_codegen::fit::recipe::Recipe;
//! use nvpico_codegen::fit::settings::Settings;
//! use nvpico_codegen::model::ShapeName;
//!
//! let asked = Recipe { couplings: Some(2), ..Recipe::default() };
//! let settings = Settings::new(&asked, 1_000, ShapeName::vector(8))?;
//! assert_eq!((settings.couplings, settings.batch), (2, 64));
//! # Ok::<(), String>(())
//! ```

use nvpico::train::{BatchNormTraining, TrainOptions};
use serde::Serialize;

use super::architecture::{self, Networks, Parts};
use super::given::Given;
use super::recipe::{
    Architecture, BaseChoice, MaskChoice, MixChoice, NormChoice, Recipe, ScaleChoice, SplitChoice,
};
use crate::calibration::Budget;
use crate::model::{
    ActivationName, Layer, MathName, ModelSpec, NetsName, ScaleName, ShapeName, TransformName,
};
use crate::precision::Precision;

/// Kernels of the second density.
const KERNELS: usize = 256;
/// Couplings of a model of vectors, and of one with many features, whose networks are wide.
const COUPLINGS: (usize, usize) = (6, 4);
const MANY_FEATURES: usize = 24;
/// Added to variances in batch norm.
const BATCH_NORM_EPS: f32 = 1e-5;
/// Training rows per batch where there are few rows.
const ROWS_PER_BATCH: usize = 20;
/// The smallest default batch, and the largest one for maps.
const BATCHES: (usize, usize) = (16, 64);

/// All settings of a training. Serialised, they are a config that `train --config` takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The given features; a table has them, not a config.
    #[serde(skip)]
    pub given: Given,
    /// The kind of model, with the settings that it alone has.
    #[serde(flatten)]
    pub kind: Kind,
    /// Coupling layers; of maps, in a row.
    pub couplings: usize,
    /// Of a model of counts.
    #[serde(flatten)]
    pub counts: Option<Counts>,
    /// Log-scale map of the couplings.
    pub scale: ScaleChoice,
    /// Bound of the clamped log-scale.
    pub clamp: f32,
    /// Slope of leaky ReLU below zero; 0 is ReLU.
    pub leaky: f32,
    /// What mixes the features between couplings.
    pub mix: MixChoice,
    /// Whether a matrix that makes the training rows uncorrelated stands first.
    pub whiten: bool,
    /// Density of the latent values.
    pub base: BaseChoice,
    /// Kernels of the second density, at the most; 0 for none.
    pub kernels: usize,
    /// Batch norm between couplings.
    pub batch_norm: NormChoice,
    /// Weight of the old running statistics of batch norm.
    pub batch_norm_momentum: f64,
    /// Elementary functions on chip and desktop.
    pub math: MathName,
    /// The most passes over the rows.
    pub epochs: usize,
    /// Rows in a batch.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// L2 decay of weights.
    pub l2: f32,
    /// The gradient's norm is clipped to this.
    pub clip: f32,
    /// Gaussian noise on the input, in standard deviations of each feature.
    pub noise: f32,
    /// Epochs without a better held-out log-density before training stops.
    pub patience: usize,
    /// Seed of first weights, shuffles and noise.
    pub seed: u64,
    /// Share of the rows held out for early stopping and calibration.
    pub held_out: f64,
    /// Which rows are held out.
    pub split: SplitChoice,
    /// Arithmetic that the model is meant for.
    pub precision: Precision,
    /// The most epochs of fine-tuning.
    pub fine_tune: usize,
    /// Share of normal rows that may raise the alarm.
    pub false_alarm_rate: f64,
    /// How often the alarm may be false; `None` for once a week, or as rarely as the record can promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarms: Option<Budget>,
    /// Folds that calibrate, 0 for held-out rows; `None` where the rows decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
}

/// The kind of model, with the settings that it alone has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
pub enum Kind {
    /// Fully connected networks.
    Vector {
        /// Widths of the hidden layers.
        hidden: Vec<usize>,
        /// Which features a coupling keeps.
        mask: MaskChoice,
        /// Networks per coupling, 1 or 2.
        nets: u8,
    },
    /// Convolutions over windows of time series.
    Window(Convolutions),
    /// Convolutions over small arrays.
    Image(Convolutions),
    /// The paper's residual networks.
    Paper {
        /// Scales and filters.
        #[serde(flatten)]
        convolutions: Convolutions,
        /// Residual blocks in each network.
        blocks: usize,
    },
}

/// What all models for maps have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Convolutions {
    /// Scales: half of the values is factored out after each but the last.
    pub scales: usize,
    /// Channels inside the networks.
    pub filters: usize,
}

/// What a model of counts has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// Levels of a count.
    pub levels: u32,
    /// Keeps the logit of the lowest count finite.
    pub alpha: f32,
}

impl Settings {
    /// What was asked for, and the defaults elsewhere. `rows` decides the default batch size: few rows make small
    /// batches. `shape` is that of a sample.
    ///
    /// # Errors
    /// A sentence that names the setting that is out of its range, or that the architecture does not have.
    pub fn new(asked: &Recipe, rows: usize, shape: ShapeName) -> Result<Self, String> {
        asked.check()?;
        let [channels, height, width] = shape.0;
        let architecture = asked.architecture.unwrap_or(match (height, width) {
            (1, 1) => Architecture::Vector,
            (1, _) => Architecture::Window,
            _ => Architecture::Image,
        });
        if let Some(setting) = asked.unknown_to(architecture) {
            return Err(format!(
                "--{setting} does not apply to this architecture: leave it out, or choose another --architecture"
            ));
        }
        check_counts(asked)?;
        let options = TrainOptions::default();
        let is_paper = architecture == Architecture::Paper;
        let is_vector = architecture == Architecture::Vector;
        let measured = is_vector && asked.levels.is_none();
        let convolutions = Convolutions {
            scales: (asked.scales).unwrap_or_else(|| architecture::default_scales(shape)),
            filters: asked.filters.unwrap_or(if is_paper { 8 } else { 16 }),
        };
        let (smallest, most_of_maps) = BATCHES;
        let most = if is_vector {
            options.batch
        } else {
            most_of_maps
        };
        let batch = (rows / ROWS_PER_BATCH).next_power_of_two();
        Ok(Self {
            given: Given::default(),
            kind: match architecture {
                Architecture::Vector => Kind::Vector {
                    hidden: asked.hidden.clone().unwrap_or_else(|| vec![32, 32]),
                    mask: asked.mask.unwrap_or(MaskChoice::Mixed),
                    nets: asked.nets.unwrap_or(1),
                },
                Architecture::Window => Kind::Window(convolutions),
                Architecture::Image => Kind::Image(convolutions),
                Architecture::Paper => Kind::Paper {
                    convolutions,
                    blocks: asked.blocks.unwrap_or(2),
                },
            },
            couplings: asked.couplings.unwrap_or(match architecture {
                Architecture::Vector if channels * height * width < MANY_FEATURES => COUPLINGS.0,
                Architecture::Vector => COUPLINGS.1,
                Architecture::Window | Architecture::Image => 2,
                Architecture::Paper => 3,
            }),
            counts: asked.levels.map(|levels| Counts {
                levels,
                alpha: asked.alpha.unwrap_or(0.05),
            }),
            scale: asked.scale.unwrap_or(if is_paper {
                ScaleChoice::Rescaled
            } else {
                ScaleChoice::Clamped
            }),
            clamp: asked.clamp.unwrap_or(2.0),
            leaky: asked.leaky.unwrap_or(0.0),
            mix: asked.mix.unwrap_or(MixChoice::None),
            whiten: asked.whiten.unwrap_or(false),
            base: (asked.base).unwrap_or(if measured {
                BaseChoice::Auto
            } else {
                BaseChoice::Normal
            }),
            kernels: asked.kernels.unwrap_or(if measured { KERNELS } else { 0 }),
            batch_norm: asked.batch_norm.unwrap_or(if is_paper {
                NormChoice::Running
            } else {
                NormChoice::None
            }),
            batch_norm_momentum: asked.batch_norm_momentum.unwrap_or(0.9),
            math: asked.math.unwrap_or(MathName::Libm),
            epochs: asked.epochs.unwrap_or(options.epochs),
            batch: asked.batch.unwrap_or(batch.clamp(smallest, most)),
            learning_rate: asked.learning_rate.unwrap_or(options.learning_rate),
            l2: asked.l2.unwrap_or(options.l2),
            clip: asked.clip.unwrap_or(options.clip),
            noise: asked.noise.unwrap_or(options.noise),
            patience: asked.patience.unwrap_or(options.patience),
            seed: asked.seed.unwrap_or(0),
            held_out: asked.held_out.unwrap_or(0.2),
            split: asked.split.unwrap_or(SplitChoice::Blocks),
            precision: asked.precision.unwrap_or_default(),
            fine_tune: asked.fine_tune.unwrap_or(40),
            false_alarm_rate: asked.false_alarm_rate.unwrap_or(0.01),
            false_alarms: asked.false_alarms,
            folds: asked.folds,
        })
    }

    /// The structure for samples of this shape.
    ///
    /// # Errors
    /// A sentence, where settings and shape do not go together.
    pub fn spec(&self, shape: ShapeName) -> Result<ModelSpec, String> {
        let parts = self.parts();
        let [channels, height, width] = shape.0;
        let plain = |convolutions: &Convolutions| {
            let filters = convolutions.filters;
            architecture::map(
                &parts,
                Networks::Plain { filters },
                shape,
                convolutions.scales,
            )
        };
        let (shape, layers) = match &self.kind {
            Kind::Vector { hidden, mask, nets } => {
                let nets = if *nets == 2 {
                    NetsName::Two
                } else {
                    NetsName::One
                };
                let dim = channels * height * width;
                let masks = mask.masks();
                let layers = if self.given.columns > 0 {
                    let masks = architecture::masks_with_given([dim, self.given.columns], masks);
                    let rest = Parts {
                        couplings: parts.couplings - 1,
                        ..parts
                    };
                    let mut layers = architecture::vector(&rest, &masks, hidden, nets);
                    layers.insert(1, self.given.layer());
                    layers
                } else {
                    architecture::vector(&parts, masks, hidden, nets)
                };
                (ShapeName::vector(dim), layers)
            }
            Kind::Window(_) if height != 1 => {
                return Err(format!(
                    "samples of {shape} are not windows of a time series: save them as N x channels x 1 x samples"
                ));
            }
            Kind::Window(convolutions) | Kind::Image(convolutions) => (shape, plain(convolutions)?),
            Kind::Paper {
                convolutions: Convolutions { scales, filters },
                blocks,
            } => {
                let (filters, blocks) = (*filters, *blocks);
                let networks = Networks::Residual { filters, blocks };
                (shape, architecture::map(&parts, networks, shape, *scales)?)
            }
        };
        Ok(ModelSpec {
            shape,
            math: self.math,
            layers,
            base: crate::model::BaseName::Normal,
            kernels: None,
            given: self.given.columns,
        })
    }

    fn parts(&self) -> Parts {
        Parts {
            input: match self.counts {
                None => Layer::Standardize,
                Some(Counts { levels, alpha }) => Layer::Logit {
                    alpha,
                    levels: levels as f32,
                },
            },
            transform: match self.scale {
                ScaleChoice::Clamped => TransformName::Affine(ScaleName::ClampedTanh(self.clamp)),
                ScaleChoice::Rescaled => TransformName::Affine(ScaleName::RescaledTanh),
                ScaleChoice::Unbounded => TransformName::Affine(ScaleName::Unbounded),
                ScaleChoice::Additive => TransformName::Additive,
            },
            activation: if self.leaky == 0.0 {
                ActivationName::Relu
            } else {
                ActivationName::LeakyRelu(self.leaky)
            },
            mix: self.mix == MixChoice::Linear,
            whiten: self.whiten,
            norm: match self.batch_norm {
                NormChoice::None => None,
                NormChoice::Running | NormChoice::Batch => Some(Layer::BatchNorm {
                    eps: BATCH_NORM_EPS,
                    affine: true,
                }),
            },
            couplings: self.couplings,
        }
    }

    /// The engine's options for training.
    #[must_use]
    pub fn train_options(&self) -> TrainOptions {
        let momentum = self.batch_norm_momentum;
        TrainOptions {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            l2: self.l2,
            clip: self.clip,
            noise: self.noise,
            patience: self.patience,
            batch_norm: match self.batch_norm {
                NormChoice::Batch => BatchNormTraining::Batch { momentum },
                NormChoice::None | NormChoice::Running => BatchNormTraining::Running { momentum },
            },
            seed: self.seed,
            ..TrainOptions::default()
        }
    }
}

/// Settings that counts do not take.
fn check_counts(asked: &Recipe) -> Result<(), String> {
    if asked.levels.is_none() {
        return Ok(());
    }
    if asked.whiten == Some(true) {
        return Err("--whiten has no meaning for counts: leave out --levels or --whiten".into());
    }
    let has_base = asked.base.is_some_and(|base| base != BaseChoice::Normal);
    if has_base || asked.kernels.is_some_and(|kernels| kernels > 0) {
        return Err(
            "--base and --kernels are for measured values: leave them out, or --levels".into(),
        );
    }
    Ok(())
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
        let settings = Settings::new(&line.or(&file), 1_000, ShapeName::vector(4)).unwrap();
        assert_eq!(settings.couplings, 2);
        assert!(matches!(&settings.kind, Kind::Vector { hidden, .. } if *hidden == [8]));
        assert_eq!(settings.learning_rate.to_bits(), 0.01f32.to_bits());
        assert_eq!(settings.batch, 64);
    }

    #[test]
    fn settings_are_a_config_that_gives_them_again() {
        let shapes = [
            (Architecture::Vector, ShapeName::vector(4)),
            (Architecture::Window, ShapeName([2, 1, 16])),
            (Architecture::Image, ShapeName([1, 8, 8])),
            (Architecture::Paper, ShapeName([1, 8, 8])),
        ];
        for (architecture, shape) in shapes {
            for levels in [None, Some(256)] {
                let asked = Recipe {
                    architecture: Some(architecture),
                    levels,
                    seed: Some(i64::MAX as u64),
                    ..Recipe::default()
                };
                let settings = Settings::new(&asked, 1_000, shape).unwrap();
                let text = toml::to_string(&settings).unwrap();
                let again: Recipe = toml::from_str(&text).unwrap();
                assert_eq!(
                    Settings::new(&again, 7, shape).as_ref(),
                    Ok(&settings),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn settings_of_another_architecture_are_refused() {
        let asked = Recipe {
            blocks: Some(2),
            ..Recipe::default()
        };
        let error = Settings::new(&asked, 1_000, ShapeName::vector(4)).unwrap_err();
        assert!(error.contains("--blocks"), "{error}");
    }
}
