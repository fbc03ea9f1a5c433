//! The model file: one `.safetensors` with the parameters, and all else as JSON in its header.
//!
//! | tensor | shape | holds |
//! | --- | --- | --- |
//! | `params` | `[param_len]` | parameters in the spec's order, batch norms unfolded |
//! | `calibration` | `[rows]` | log-densities of the held-out rows, ascending; absent without calibration |
//! | `ranges` | `[n]` | the largest values in the networks, on the training rows before any fine-tuning; absent where integers cannot be |
//! | `calibration_i16`, `calibration_i8` | `[rows]` | as `calibration`, in integers |
//!
//! The header's `nvpico` entry is a [`Header`]. A format version this program does not know is
//! refused, and so is a field it does not know: a model must not be half understood.
//!
//! ```no_run
//! use nvpico_codegen::model::Model;
//!
//! let model = Model::load("pump.safetensors".as_ref())?;
//! let deployed = model.deploy();
//! let scores = deployed.score(&[0.0; 8]);
//! # Ok::<(), nvpico_codegen::model::ModelError>(())
//! ```

mod file;
mod names;
mod ready;
mod spec;

use std::convert::Infallible;

use nvpico::integer::UNITS;
use nvpico::{Flow, FlowSpec, LayerSpec, Score, ScoreError};
use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use crate::data;
use crate::precision::Precision;
use crate::quantize::Ranges;
pub use file::ModelError;
pub use names::{
    ActivationName, ConditionerName, MaskName, MathName, NetsName, ScaleName, SqueezeName,
    TransformName,
};
pub use ready::{Engine, IntegerParts, Ready};
pub use spec::{Layer, ModelSpec, ShapeName};

/// Version of the file format and of the arithmetic: a change of either is a new number.
pub const FORMAT: u32 = 1;

/// The header's `nvpico` entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The structure.
    pub spec: ModelSpec,
    /// Names of the features, in order.
    pub columns: Vec<String>,
    /// The precision that it is meant for.
    #[serde(default)]
    pub precision: Precision,
    /// The units of its samples in integers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integer: Option<ready::IntegerHeader>,
    /// The decision, where the model was calibrated.
    pub calibration: Option<Calibration>,
    /// Where the model comes from.
    pub provenance: Provenance,
}

/// How the threshold was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// A log-density below it is anomalous, in nats.
    pub threshold: f32,
    /// The false-alarm rate asked for.
    pub false_alarm_rate: f64,
    /// Held-out rows it was chosen on.
    pub rows: usize,
}

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Program and version.
    pub made_by: String,
    /// Files read, with their SHA-256.
    pub sources: Vec<Source>,
    /// Training options, as a TOML text that `train --config` takes; empty for an imported model.
    pub config: String,
    /// Rows trained on.
    pub train_rows: usize,
    /// Rows held out.
    pub held_out_rows: usize,
    /// Epoch the parameters come from.
    pub best_epoch: usize,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: Option<f64>,
    /// The same of a full-covariance Gaussian.
    pub gaussian_log_prob: Option<f64>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// File name without folders.
    pub file: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A model: header, parameters, calibration rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// All that is not a tensor.
    pub header: Header,
    /// Parameters in the spec's order.
    pub params: Vec<f32>,
    /// Log-densities of the calibration rows, ascending; empty without calibration.
    pub calibration: Vec<f32>,
    /// What makes integers of it.
    pub integer: Option<IntegerParts>,
}

/// A model as the chip runs it: batch norms folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// The folded structure.
    pub spec: ModelSpec,
    /// Its parameters.
    pub params: Vec<f32>,
}

impl Deployed {
    /// The structure with its batch norms folded, and the parameters that folding gave.
    #[must_use]
    pub fn folded(spec: &ModelSpec, params: Vec<f32>) -> Self {
        let layers = spec.layers.iter().map(Layer::deployed).collect();
        Self {
            spec: ModelSpec {
                layers,
                ..spec.clone()
            },
            params,
        }
    }

    /// Runs `use_flow` with the validated flow.
    ///
    /// # Panics
    /// Never for a model that was loaded or built by this crate: those are validated.
    pub fn with_flow<R>(&self, use_flow: impl FnOnce(&Flow<'_>) -> R) -> R {
        let layers = self.spec.layers();
        let flow = Flow::new(self.spec.flow_spec(&layers), &self.params)
            .expect("a model is validated where it enters");
        use_flow(&flow)
    }

    /// Scores rows (row-major) as the chip would.
    #[must_use]
    pub fn score(&self, rows: &[f32]) -> Vec<Result<Score, ScoreError>> {
        self.with_flow(|flow| nvpico::batch::score(flow, rows))
    }

    /// Log-density of each row; -inf for an invalid one.
    #[must_use]
    pub fn log_probs(&self, rows: &[f32]) -> Vec<f32> {
        log_probs(&self.score(rows))
    }

    /// Draws a row at each temperature (the latent's standard deviation) and hands it on, `None` where it
    /// overflowed. The same seed draws the same rows.
    ///
    /// # Errors
    /// Those of `each`, which end it.
    pub fn draw<E>(
        &self,
        seed: u64,
        temperatures: impl IntoIterator<Item = f32>,
        mut each: impl FnMut(Option<&[f32]>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.with_flow(|flow| {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut scratch = vec![0.0; flow.spec().scratch_len()];
            let mut x = vec![0.0; flow.dim()];
            for temperature in temperatures {
                let drawn = flow.sample(&mut random, temperature, &mut x, &mut scratch);
                let is_good = drawn.is_ok() && x.iter().all(|x| x.is_finite());
                each(is_good.then_some(&x))?;
            }
            Ok(())
        })
    }

    /// At most `count` rows at temperature 1; those that overflow are left out.
    #[must_use]
    pub fn drawn(&self, seed: u64, count: usize) -> Vec<f32> {
        let mut rows = Vec::new();
        let temperatures = std::iter::repeat_n(1.0, count);
        let Ok(()) = self.draw::<Infallible>(seed, temperatures, |row| {
            rows.extend_from_slice(row.unwrap_or_default());
            Ok(())
        });
        rows
    }
}

/// Log-densities of scores; -inf where there is none.
fn log_probs(scores: &[Result<Score, ScoreError>]) -> Vec<f32> {
    let log_prob = |score: &Result<Score, ScoreError>| match score {
        Ok(score) => score.log_prob,
        Err(_) => f32::NEG_INFINITY,
    };
    scores.iter().map(log_prob).collect()
}

impl Model {
    /// A model without a threshold, whose features are named by their place.
    #[must_use]
    pub fn new(spec: ModelSpec, params: Vec<f32>) -> Self {
        Self {
            header: Header {
                format: FORMAT,
                columns: spec.shape.value_names(),
                spec,
                precision: Precision::F32,
                integer: None,
                calibration: None,
                provenance: Provenance::default(),
            },
            params,
            calibration: Vec::new(),
            integer: None,
        }
    }

    /// The model as the chip runs it.
    #[must_use]
    pub fn deploy(&self) -> Deployed {
        let layers = self.header.spec.layers();
        let folded = nvpico::train::fold(&self.header.spec.flow_spec(&layers), &self.params);
        Deployed::folded(&self.header.spec, folded.params)
    }

    /// A log-density in bits per dimension, for a model of counts (paper section 4.1): the density of a
    /// count is the probability of its cell. `None` for measured values, whose density has a unit.
    #[must_use]
    pub fn bits_per_dimension(&self, log_prob: f64) -> Option<f64> {
        let dim = self.header.spec.dim() as f64;
        self.levels()
            .map(|_| -log_prob / (dim * std::f64::consts::LN_2))
    }

    /// How many levels the counts have, for a model of counts: they go from 0 to one less.
    #[must_use]
    pub fn levels(&self) -> Option<f32> {
        match self.header.spec.layers.first() {
            Some(Layer::Logit { levels, .. }) => Some(*levels),
            _ => None,
        }
    }

    /// Channels, height and width of a sample, for a model whose rows are maps.
    #[must_use]
    pub fn map_shape(&self) -> Option<[usize; 3]> {
        data::map_shape(&self.header.columns)
    }

    /// The threshold, where the model has one.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        self.header.calibration.map(|c| c.threshold)
    }

    /// Sets threshold and calibration rows from held-out log-densities.
    pub fn calibrate(&mut self, log_probs: &[f32], false_alarm_rate: f64) {
        let mut sorted = log_probs.to_vec();
        sorted.sort_by(f32::total_cmp);
        let threshold = ready::threshold(&sorted, false_alarm_rate).unwrap_or(f32::MIN);
        self.header.calibration = Some(Calibration {
            threshold,
            false_alarm_rate,
            rows: sorted.len(),
        });
        self.calibration = sorted;
    }

    /// Checks everything a loaded or imported model must hold.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let header = &self.header;
        if header.format != FORMAT {
            return Err(format!(
                "the model has format {}, this program knows format {FORMAT}",
                header.format
            ));
        }
        if header.columns.len() != header.spec.dim() {
            return Err(format!(
                "{} column names for {} features",
                header.columns.len(),
                header.spec.dim()
            ));
        }
        let layers = header.spec.layers();
        Flow::new(header.spec.flow_spec(&layers), &self.params).map_err(|e| e.to_string())?;
        if let Some(at) = self.params.iter().position(|p| !p.is_finite()) {
            return Err(format!("parameter {at} is {}", self.params[at]));
        }
        check_scales(&header.spec.flow_spec(&layers), &self.params)?;
        if self.calibration.iter().any(|c| c.is_nan()) || !self.calibration.is_sorted() {
            return Err("the calibration rows are not ascending numbers".into());
        }
        if let Some(parts) = &self.integer {
            let spec = self.deploy().spec;
            let layers = spec.layers();
            let ranges = Ranges::from_values(&spec.flow_spec(&layers), parts.ranges.clone());
            if ranges.is_none() || parts.units.len() != header.spec.dim() {
                return Err("the ranges are not those of its networks".into());
            }
            if let Some(unit) = parts.units.iter().find(|unit| !UNITS.contains(unit)) {
                return Err(format!(
                    "a unit of 2^{unit}: a count takes one of 2^{} to 2^{}",
                    UNITS.start(),
                    UNITS.end()
                ));
            }
        }
        if header.calibration.is_some_and(|c| !c.threshold.is_finite()) {
            return Err("the threshold is not a finite number".into());
        }
        Ok(())
    }
}

/// Scales must be invertible: finite, not zero, variances positive.
fn check_scales(spec: &FlowSpec<'_>, params: &[f32]) -> Result<(), String> {
    let mut params = params;
    for (index, layer) in spec.layers.iter().enumerate() {
        let shape = spec.shape_at(index);
        let (own, rest) = params.split_at(layer.param_len(shape));
        params = rest;
        let channels = shape.channels;
        let (values, what) = match layer {
            LayerSpec::Standardize => (&own[channels..2 * channels], "scale"),
            LayerSpec::Affine => (&own[..channels], "scale"),
            LayerSpec::BatchNorm(_) => (&own[channels..2 * channels], "running variance"),
            _ => continue,
        };
        let norm = matches!(layer, LayerSpec::BatchNorm(_));
        for (feature, &value) in values.iter().enumerate() {
            if value.abs() < f32::MIN_POSITIVE && !norm || norm && value < 0.0 {
                return Err(format!(
                    "layer {index}: the {what} of feature {feature} is {value:?}"
                ));
            }
        }
    }
    Ok(())
}

/// Bytes as lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    pub(crate) fn model() -> Model {
        let spec = ModelSpec {
            shape: ShapeName::vector(2),
            math: MathName::Libm,
            layers: vec![
                Layer::Coupling {
                    mask: MaskName::Indices(vec![1]),
                    transform: TransformName::Affine(ScaleName::ClampedTanh(1.9)),
                    conditioner: ConditionerName::Dense {
                        hidden: vec![],
                        activation: ActivationName::LeakyRelu(0.1),
                        nets: NetsName::One,
                    },
                },
                Layer::BatchNorm {
                    eps: 1e-5,
                    affine: false,
                },
            ],
        };
        let mut model = Model::new(spec, vec![0.1, 0.2, 0.3, 0.4, 0.0, 0.0, 1.0, 2.0]);
        model.header.columns = vec!["a".into(), "b".into()];
        model
    }

    #[test]
    fn the_hash_is_that_of_the_file() {
        let mut model = model();
        // A number that reads back differently unless JSON is parsed to the last digit.
        model.header.provenance.gaussian_log_prob = Some(-14.149_256_540_995_033);
        let bytes = model.to_bytes();
        let reread = Model::from_bytes(&bytes).unwrap();
        assert_eq!(reread.hash(), hex(&Sha256::digest(&bytes)));
    }

    #[test]
    fn bytes_read_back_exactly() {
        let mut model = model();
        model.calibrate(&[-3.0, -1.0, -2.0, f32::NEG_INFINITY], 0.3);
        assert_eq!(model.threshold(), Some(-3.0));
        let bytes = model.to_bytes();
        let back = Model::from_bytes(&bytes).unwrap();
        assert_eq!(back, model);
        assert_eq!(back.to_bytes(), bytes);
    }

    #[test]
    fn other_versions_and_fields_are_refused() {
        let good = model();
        let mut newer = good.clone();
        newer.header.format = 2;
        let error = Model::from_bytes(&newer.to_bytes()).unwrap_err();
        assert!(error.contains("format 2"), "{error}");
        let text = String::from_utf8_lossy(&good.to_bytes()).into_owned();
        assert!(text.contains("provenance"));
        let field = r#"{"format":1,"surprise":0}"#;
        assert!(serde_json::from_str::<Header>(field).is_err());
    }

    #[test]
    fn damaged_models_are_refused() {
        for damage in [f32::NAN, f32::INFINITY] {
            let mut bad = model();
            bad.params[1] = damage;
            assert!(
                Model::from_bytes(&bad.to_bytes())
                    .unwrap_err()
                    .contains("parameter 1")
            );
        }
        let mut negative = model();
        negative.params[6] = -1.0;
        assert!(
            negative
                .validate()
                .unwrap_err()
                .contains("running variance")
        );
        let mut short = model();
        short.params.pop();
        assert!(short.validate().unwrap_err().contains("8 parameters"));
        assert!(Model::from_bytes(b"no model").is_err());
    }

    #[test]
    fn deployed_models_have_no_batch_norm_and_the_same_bits() {
        let model = model();
        let deployed = model.deploy();
        assert!(matches!(deployed.spec.layers[1], Layer::Affine));
        let layers = model.header.spec.layers();
        let flow = Flow::new(model.header.spec.flow_spec(&layers), &model.params).unwrap();
        let rows = [0.3, -0.7, 2.0, 1.0];
        assert_eq!(deployed.score(&rows), nvpico::batch::score(&flow, &rows));
    }
}
