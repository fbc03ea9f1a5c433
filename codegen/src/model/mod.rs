//! The model file: one `.safetensors` with the parameters as tensors and everything else as JSON in its header.
//!
//! | tensor | shape | holds |
//! | --- | --- | --- |
//! | `params` | `[param_len]` | parameters in the spec's order, batch norms unfolded |
//! | `calibration` | `[rows]` | log-densities of the rows that the threshold was chosen on, ascending; absent without calibration |
//! | `ranges` | `[n]` | the largest magnitudes inside the networks, on the training rows before any fine-tuning; absent without an integer form |
//! | `calibration_i16`, `calibration_i8` | `[rows]` | as `calibration`, in integers |
//! | `windows` | `[n]` | some normal windows of samples, which exported modules are tested with; absent for a model of rows of features |
//!
//! The header's `nvpico` entry is a [`Header`]. A format version this program does not know is
//! refused, and so is a field it does not know. A checksum covers every byte of the file: a damaged one is refused.
//!
//! ```no_run
//! use nvpico_codegen::model::Model;
//!
//! let model = Model::load("pump.safetensors".as_ref())?;
//! println!("{} features, threshold {:?}", model.header.spec.dim(), model.threshold());
//! # Ok::<(), nvpico_codegen::model::ModelError>(())
//! ```

mod adapt;
mod check;
mod checksum;
mod file;
mod header;
mod layer;
mod names;
mod ranges;
mod spec;

use crate::calibration::{
    AlarmSettings, Budget, Calibration, GuardLimits, Method, Record, allow_dwell, ascending,
};
use crate::data::{Features, Table, Windows};
use crate::precision::Precision;
use crate::samples::SampleSpec;
pub use adapt::{Adaptation, Limits};
pub use file::ModelError;
pub use header::{EpochLoss, Header, IntegerHeader, Provenance, SeenValues, Source, Typical};
pub use layer::Layer;
pub use names::{
    ActivationName, BaseName, ConditionerName, MaskName, MathName, NetsName, ScaleName, SpreadName,
    SqueezeName, TransformName,
};
pub(crate) use ranges::first_outside;
pub use spec::{ModelSpec, ShapeName};

/// Version of the file format and of the arithmetic: a change of either is a new number.
pub const FORMAT: u32 = 6;

/// A model: header, parameters, calibration rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// All that is not a tensor.
    pub header: Header,
    /// Parameters in the spec's order.
    pub params: Vec<f32>,
    /// Log-densities of the calibration rows, ascending; empty without calibration.
    pub calibration: Vec<f32>,
    /// What its integer form is made from; `None` where it has none.
    pub integer: Option<IntegerParts>,
    /// Some normal windows of samples, one after the other; empty for a model of rows of features.
    pub windows: Vec<f32>,
}

/// What the integer form of a model is made from: found on normal rows, kept in the model file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntegerParts {
    /// A sample counts value `i` in steps of `2^units[i]`.
    pub units: Vec<i32>,
    /// The largest magnitude of every value inside the networks, in the order of the layers.
    pub ranges: Vec<f32>,
    /// Log-densities of the calibration rows with weights of 16 and of 8 bits, ascending; empty without
    /// calibration.
    pub calibrations: [Vec<f32>; 2],
}

impl IntegerParts {
    /// Log-densities of the calibration rows in an integer precision.
    #[must_use]
    pub fn calibration(&self, precision: Precision) -> &[f32] {
        let [i16, i8] = &self.calibrations;
        if precision == Precision::I8 { i8 } else { i16 }
    }
}

impl Model {
    /// Windows of samples that a model keeps.
    pub const KEPT_WINDOWS: usize = 4;

    /// A model without a threshold, its features named by position.
    #[must_use]
    pub fn new(spec: ModelSpec, params: Vec<f32>) -> Self {
        Self {
            header: Header {
                format: FORMAT,
                checksum: String::new(),
                columns: spec.shape.value_names(),
                sample_shape: spec.is_map().then_some(spec.shape.0),
                samples: None,
                spec,
                precision: Precision::F32,
                integer: None,
                seen: None,
                typical: None,
                adaptation: None,
                calibration: None,
                alarm: None,
                provenance: Provenance::default(),
            },
            params,
            calibration: Vec::new(),
            integer: None,
            windows: Vec::new(),
        }
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
        self.header.sample_shape
    }

    /// The features of a sample, as data files have them.
    #[must_use]
    pub fn features(&self) -> Features {
        Features {
            columns: self.header.columns.clone(),
            shape: self.header.sample_shape,
        }
    }

    /// Takes over the features of a table; they are as many as the model has.
    pub fn set_features(&mut self, features: Features) {
        self.header.columns = features.columns;
        self.header.sample_shape = features.shape;
    }

    /// Makes it a model of raw samples: the features are those of the spec, and some of the windows are kept to test
    /// exported modules with.
    pub fn set_samples(&mut self, spec: SampleSpec, windows: &Windows) {
        let all = windows.starts.len();
        let count = all.min(Self::KEPT_WINDOWS);
        let spread = (0..count).flat_map(|index| windows.get(index * all / count));
        self.windows = spread.copied().collect();
        self.header.samples = Some(spec);
    }

    /// The threshold, where the model has one.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        self.header.calibration.map(|c| c.threshold)
    }

    /// Sets the alarm from log-densities of normal rows that it did not see, in the order in which they were recorded; `rows` are the
    /// normal rows that tell how its values behave. A model that was not calibrated has none.
    ///
    /// Guards allow what they allowed before too.
    pub fn set_alarm(&mut self, log_probs: &[f32], rows: &Table, budget: Option<Budget>) {
        let mut guards = if self.header.spec.is_map() || self.map_shape().is_some() {
            Vec::new()
        } else {
            GuardLimits::of_table(rows)
        };
        let dwell = self.header.alarm.as_ref().map(|alarm| &alarm.dwell);
        let before_dwell = dwell.cloned().unwrap_or_default();
        let before = self.header.alarm.iter().flat_map(|alarm| &alarm.guards);
        for (guard, before) in guards.iter_mut().zip(before) {
            *guard = guard.or(before);
        }
        self.header.alarm = self.header.calibration.as_ref().and_then(|calibration| {
            let record = Record {
                log_probs,
                effective: calibration.effective_rows,
                rate: rows.rate,
                own: matches!(calibration.method, Method::HeldOut | Method::GivenRows),
            };
            AlarmSettings::of(&record, budget, guards)
        });
        self.set_dwell(rows, &before_dwell);
    }

    /// Sets how long a machine may stay in each state, by normal rows; what limits from `before` allow is allowed too.
    pub fn set_dwell(&mut self, rows: &Table, before: &[u16]) {
        let BaseName::Mixture { components, .. } = self.header.spec.base else {
            return;
        };
        if self.header.spec.is_map() || self.header.spec.given > 0 || self.header.alarm.is_none() {
            return;
        }
        let scores = self.deploy().score(&rows.values);
        let found: Vec<Option<u8>> = (scores.iter())
            .map(|score| score.as_ref().ok().and_then(|score| score.component))
            .collect();
        if let Some(alarm) = &mut self.header.alarm {
            alarm.dwell = allow_dwell(before, &found, &rows.stretches, components);
        }
    }

    /// Sets threshold and calibration rows from log-densities of normal rows that it did not see, in the order in which
    /// they were recorded. Without rows it has no threshold.
    pub fn calibrate(&mut self, log_probs: &[f32], false_alarm_rate: f64, method: Method) {
        self.header.calibration = Calibration::of(log_probs, false_alarm_rate, method);
        self.calibration = ascending(log_probs);
    }
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

/// A small model for tests.
#[cfg(test)]
pub(crate) fn small_model() -> Model {
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
        base: crate::model::BaseName::Normal,
        kernels: None,
        given: 0,
    };
    let mut model = Model::new(spec, vec![0.1, 0.2, 0.3, 0.4, 0.0, 0.0, 1.0, 2.0]);
    model.header.columns = vec!["a".into(), "b".into()];
    model
}

#[cfg(test)]
mod tests {
    use super::small_model as model;
    use super::*;
    use sha2::{Digest, Sha256};

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
        let log_probs = [-3.0, -1.0, -2.0, f32::NEG_INFINITY];
        model.calibrate(&log_probs, 0.4, Method::GivenRows);
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
        newer.header.format = FORMAT + 1;
        let error = Model::from_bytes(&newer.to_bytes()).unwrap_err();
        assert!(error.contains(&format!("format {}", FORMAT + 1)), "{error}");
        let text = String::from_utf8_lossy(&good.to_bytes()).into_owned();
        assert!(text.contains("provenance"));
        let field = r#"{"format":6,"surprise":0}"#;
        assert!(serde_json::from_str::<Header>(field).is_err());
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let mut model = model();
        model.calibrate(&[-3.0, -1.0, -2.0], 0.3, Method::GivenRows);
        // The pattern that the checksum is found by, in a name.
        model.header.columns[0] = "checksum\":\"0".into();
        let bytes = model.to_bytes();
        assert_eq!(Model::from_bytes(&bytes), Ok(model));
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let read = Model::from_bytes(&damaged);
            assert!(read.is_err(), "bit {} of byte {}", bit % 8, bit / 8);
        }
        for cut in [0, 7, 100, bytes.len() - 1] {
            assert!(Model::from_bytes(&bytes[..cut]).is_err());
        }
        assert!(Model::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        let mut damaged = bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let error = Model::from_bytes(&damaged).unwrap_err();
        assert!(error.contains("damaged"), "{error}");
    }

    #[test]
    fn a_decision_that_cannot_be_is_refused() {
        let with = |change: &dyn Fn(&mut Calibration)| {
            let mut model = model();
            model.calibrate(&[-3.0, -1.0, -2.0, -4.0], 0.25, Method::GivenRows);
            change(model.header.calibration.as_mut().unwrap());
            Model::from_bytes(&model.to_bytes())
        };
        assert!(with(&|_| {}).is_ok());
        for rate in [5.0, 1.5, -0.1] {
            let error = with(&|own| own.false_alarm_rate = rate).unwrap_err();
            assert!(error.contains("alarm"), "{error}");
        }
        let error = with(&|own| own.threshold = -0.5).unwrap_err();
        assert!(error.contains("contradicts"), "{error}");
        let error = with(&|own| own.rows = 7).unwrap_err();
        assert!(error.contains("7 calibration rows"), "{error}");
        assert!(with(&|own| own.threshold = f32::NAN).is_err());
        assert!(with(&|own| own.false_alarm_rate = f64::NAN).is_err());
    }

    #[test]
    fn kernels_that_make_far_rows_likely_are_refused() {
        let mut model = model();
        model.header.spec.kernels = Some(1);
        // Slope, offset, 1 / (2 h^2), then a kernel at 0.
        model.params.extend([0.5, -1.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!(model.validate(), Ok(()));
        for at in [8, 10] {
            for number in [0.0, -0.5] {
                let mut bad = model.clone();
                bad.params[at] = number;
                assert!(bad.validate().unwrap_err().contains("above 0"));
            }
        }
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
}
