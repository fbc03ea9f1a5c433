//! What the JSON of a model file's header holds.

use serde::{Deserialize, Serialize};

use super::adapt::Adaptation;
use super::spec::ModelSpec;
use crate::calibration::{AlarmSettings, Calibration};
use crate::precision::Precision;
use crate::samples::SampleSpec;

/// The header's `nvpico` entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`](super::FORMAT).
    pub format: u32,
    /// SHA-256 of the file with zeros in this place, in hex. Empty in memory: saving makes it, loading checks it.
    pub checksum: String,
    /// The structure.
    pub spec: ModelSpec,
    /// Names of the features, in order.
    pub columns: Vec<String>,
    /// Channels, height and width of a sample, where samples are maps; a model may still take them value by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_shape: Option<[usize; 3]>,
    /// The samples that the features are made of; `None` for a model of rows of features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleSpec>,
    /// The precision that it is meant for.
    #[serde(default)]
    pub precision: Precision,
    /// The units of its samples in integers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integer: Option<IntegerHeader>,
    /// The normal rows that were seen; `None` for an imported model that was not calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenValues>,
    /// Readings to compare others with that are not normal; `None` for maps, and for an imported model that was not calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical: Option<Typical>,
    /// What recalibration may do, found on the training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
    /// The decision, where the model was calibrated.
    pub calibration: Option<Calibration>,
    /// The alarm, where the rows it was calibrated on carry one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<AlarmSettings>,
    /// Where the model comes from.
    pub provenance: Provenance,
}

/// The values of the normal rows that a model was trained and calibrated on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenValues {
    /// Number of rows.
    pub rows: usize,
    /// Lowest and highest value of each channel.
    pub ranges: Vec<[f32; 2]>,
}

/// Typical readings among the normal rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typical {
    /// Some tens of readings.
    pub readings: Vec<Vec<f32>>,
    /// Standard deviation of each value.
    pub scales: Vec<f32>,
}

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Program and version.
    pub made_by: String,
    /// Files trained on, with their SHA-256.
    pub sources: Vec<Source>,
    /// Files that `nvpico calibrate` read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration_sources: Vec<Source>,
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
    /// How the training went; empty for an imported model. Of a long training some of the epochs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<EpochLoss>,
}

/// Mean log-densities after an epoch, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochLoss {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Of the training rows, with the noise that they are trained with.
    pub train: f32,
    /// Of the held-out rows.
    pub held_out: f32,
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

/// The part of [`IntegerParts`](super::IntegerParts) that is in the header; the rest is tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegerHeader {
    /// A sample counts value `i` in steps of `2^units[i]`.
    pub units: Vec<i32>,
}
