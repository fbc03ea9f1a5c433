//! What was trained on what, and which rows a report is about.

use serde::Serialize;

use super::density::{is_anomalous, quantile};
use crate::calibration::{Calibration, ascending};
use crate::data::{LeftOut, SourceFile, Table};
use crate::deploy::Ready;
use crate::deploy::cost;
use crate::model::{EpochLoss, Model, Source};
use crate::output;
use crate::precision::Precision;
use crate::samples::SampleSpec;

/// Columns that are described.
const MOST_COLUMNS: usize = 64;

/// What a model takes in a precision; both are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The precision.
    pub precision: Precision,
    /// Bytes of flash for the parameters.
    pub parameter_bytes: usize,
    /// Bytes of RAM for the workspace.
    pub workspace_bytes: usize,
}

impl Size {
    fn all(model: &Model) -> Vec<Self> {
        let deployed = model.deploy();
        let precisions = Precision::ALL.into_iter();
        // Without ranges there is no form in integers.
        let own = precisions.filter(|own| *own == Precision::F32 || model.integer.is_some());
        own.map(|precision| {
            let [parameter_bytes, workspace_bytes] = cost::exact(&deployed, precision);
            Self {
                precision,
                parameter_bytes,
                workspace_bytes,
            }
        })
        .collect()
    }
}

/// A model and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFacts {
    /// Name of its file.
    pub file: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Program and version.
    pub made_by: String,
    /// Files trained on.
    pub sources: Vec<Source>,
    /// Files that the threshold was set by later.
    pub calibration_sources: Vec<Source>,
    /// Training options, as a TOML text that `train --config` takes.
    pub config: String,
    /// The raw samples that the features are of; `null` where rows of features are taken.
    pub samples: Option<SampleSpec>,
    /// Channels, height and width, where rows are maps.
    pub map_shape: Option<[usize; 3]>,
    /// Names of the features; none for maps.
    pub columns: Vec<String>,
    /// How many of them are given, the first ones.
    pub given: usize,
    /// Values of a row.
    pub values: usize,
    /// Layers with couplings or residual networks.
    pub couplings: usize,
    /// Density of z, in words.
    pub base: String,
    /// Kernels of the second density.
    pub kernels: Option<usize>,
    /// The arithmetic of the scores in this report.
    pub precision: Precision,
    /// Parameters as deployed.
    pub parameters: usize,
    /// What parameters and workspace take, in each precision that it has.
    pub sizes: Vec<Size>,
    /// Rows trained on.
    pub train_rows: usize,
    /// Rows held out.
    pub held_out_rows: usize,
    /// The epoch that the parameters come from; 0 where no epoch improved on the start.
    pub best_epoch: usize,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: Option<f64>,
    /// The same of a full-covariance Gaussian.
    pub gaussian_log_prob: Option<f64>,
    /// Mean log-densities epoch by epoch; empty where the model file does not keep them.
    pub history: Vec<EpochLoss>,
    /// How the threshold was chosen, and what it promises; `null` without calibration.
    pub calibration: Option<Calibration>,
}

impl ModelFacts {
    /// Of a model whose file has this name.
    #[must_use]
    pub fn of(ready: &Ready<'_>, file: &str) -> Self {
        let model = ready.model;
        let header = &model.header;
        let provenance = &header.provenance;
        let deployed = model.deploy();
        let layers = deployed.spec.layers();
        Self {
            file: file.to_owned(),
            sha256: model.hash(),
            made_by: provenance.made_by.clone(),
            sources: provenance.sources.clone(),
            calibration_sources: provenance.calibration_sources.clone(),
            config: provenance.config.clone(),
            samples: header.samples.clone(),
            map_shape: model.map_shape(),
            columns: match model.map_shape() {
                Some(_) => Vec::new(),
                None => header.columns.clone(),
            },
            given: header.spec.given,
            values: header.spec.dim(),
            couplings: deployed.spec.couplings(),
            base: header.spec.base.to_string(),
            kernels: header.spec.kernels,
            precision: ready.precision(),
            parameters: deployed.spec.flow_spec(&layers).param_len(),
            sizes: Size::all(model),
            train_rows: provenance.train_rows,
            held_out_rows: provenance.held_out_rows,
            best_epoch: provenance.best_epoch,
            held_out_log_prob: provenance.held_out_log_prob,
            gaussian_log_prob: provenance.gaussian_log_prob,
            history: provenance.history.clone(),
            calibration: header.calibration,
        }
    }
}

/// A column of the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Lowest value of the rows that are not labelled anomalous.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub lowest: Option<f32>,
    /// The value in their middle.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub median: Option<f32>,
    /// Highest value.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub highest: Option<f32>,
    /// Lowest and highest value of the normal rows that the model has seen.
    pub seen: Option<[f32; 2]>,
}

/// The rows that a report is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataFacts {
    /// The files.
    pub files: Vec<SourceFile>,
    /// Rows.
    pub rows: usize,
    /// Rows labelled anomalous; `null` without labels.
    pub anomalous_rows: Option<usize>,
    /// Rows a second, where known.
    pub rate: Option<f64>,
    /// What the files hold and was not scored.
    pub left_out: Vec<LeftOut>,
    /// What was read otherwise than it stands.
    pub said: Vec<String>,
    /// The columns, the first 64 of them; none for maps.
    pub columns: Vec<Column>,
}

impl DataFacts {
    /// Of a table.
    #[must_use]
    pub fn of(ready: &Ready<'_>, table: &Table) -> Self {
        let labels = table.labels.as_deref();
        let normal: Vec<usize> = (0..table.rows)
            .filter(|row| !is_anomalous(labels, *row))
            .collect();
        let seen = ready.model.header.seen.as_ref();
        let column = |(at, name): (usize, &String)| {
            let values: Vec<f32> = normal.iter().map(|row| table.row(*row)[at]).collect();
            let sorted = ascending(&values);
            Column {
                name: name.clone(),
                lowest: quantile(&sorted, 0.0),
                median: quantile(&sorted, 0.5),
                highest: quantile(&sorted, 1.0),
                seen: seen.and_then(|seen| seen.ranges.get(at)).copied(),
            }
        };
        let columns = table.columns.iter().enumerate().take(MOST_COLUMNS);
        Self {
            files: table.source.clone(),
            rows: table.rows,
            anomalous_rows: labels.map(|own| own.iter().filter(|label| **label).count()),
            rate: table.rate,
            left_out: table.left_out.clone(),
            said: table.said.clone(),
            columns: match ready.model.map_shape() {
                Some(_) => Vec::new(),
                None => columns.map(column).collect(),
            },
        }
    }
}
