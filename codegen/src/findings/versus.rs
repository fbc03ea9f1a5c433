//! The figures by which two models are compared.

use serde::Serialize;

use super::{AlarmPromise, Densities, Separation};
use crate::data::Table;
use crate::deploy::Ready;
use crate::deploy::cost::{self, Cost};
use crate::deployed::log_probs;
use crate::evaluation::{Alarms, alarms};
use crate::harness::Core;
use crate::output;
use crate::precision::Precision;

/// A model in the figures that matter for a choice; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFigures {
    /// Name of its file.
    pub file: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Values of a row.
    pub values: usize,
    /// The density in words.
    pub density: String,
    /// The arithmetic of its scores.
    pub precision: Precision,
    /// Rows trained on.
    pub train_rows: usize,
    /// Mean log-density of its held-out rows, in nats.
    pub held_out_log_prob: Option<f64>,
    /// The same of a Gaussian on the same rows.
    pub gaussian_log_prob: Option<f64>,
    /// A log-density below it is anomalous, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub threshold: Option<f32>,
    /// What the threshold promises.
    pub false_alarm_rate: Option<f64>,
    /// What the alarm promises; `null` for a model without one.
    pub alarm: Option<AlarmPromise>,
    /// Bytes of flash for the parameters.
    pub parameter_bytes: usize,
    /// Bytes of RAM for the workspace.
    pub workspace_bytes: usize,
    /// What a score costs on a Cortex-M4F; `null` where nothing was measured.
    pub m4f: Option<Cost>,
    /// What it finds in the data; `null` without data.
    pub on_data: Option<OnData>,
}

/// What a model finds in data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnData {
    /// How the log-densities are spread.
    pub densities: Densities,
    /// What the alarm made of the rows; `null` for a model without one.
    pub alarms: Option<Alarms>,
    /// How well anomalous rows are told from normal ones; `null` without labels of both kinds.
    pub separation: Option<Separation>,
}

impl ModelFigures {
    /// Of a model whose file has this name.
    #[must_use]
    pub fn of(ready: &Ready<'_>, file: &str) -> Self {
        let model = ready.model;
        let header = &model.header;
        let deployed = model.deploy();
        let precision = ready.precision();
        let [parameter_bytes, workspace_bytes] = cost::exact(&deployed, precision);
        let couplings = deployed.spec.couplings();
        Self {
            file: file.to_owned(),
            sha256: model.hash(),
            values: header.spec.dim(),
            density: density_words(
                couplings,
                &header.spec.base.to_string(),
                header.spec.kernels,
            ),
            precision,
            train_rows: header.provenance.train_rows,
            held_out_log_prob: header.provenance.held_out_log_prob,
            gaussian_log_prob: header.provenance.gaussian_log_prob,
            threshold: ready.threshold(),
            false_alarm_rate: header.calibration.map(|own| own.false_alarm_rate),
            alarm: header.alarm.as_ref().map(AlarmPromise::of),
            parameter_bytes,
            workspace_bytes,
            m4f: cost::estimate(&deployed, precision, Core::M4f).ok(),
            on_data: None,
        }
    }

    /// The same with what it finds in data.
    ///
    /// # Errors
    /// Those of an evaluation.
    pub fn with_data(self, ready: &Ready<'_>, table: &Table) -> anyhow::Result<Self> {
        let scored = ready.scored(table);
        let log_probs = log_probs(&scored.scores);
        let labels = table.labels.as_deref();
        Ok(Self {
            on_data: Some(OnData {
                densities: Densities::of(&log_probs, labels, ready.threshold()),
                alarms: alarms(ready, table, &scored, &[]),
                separation: Separation::of(ready, table, &scored)?,
            }),
            ..self
        })
    }
}

/// A density in words.
#[must_use]
pub fn density_words(couplings: usize, base: &str, kernels: Option<usize>) -> String {
    let flow = match couplings {
        0 => format!("{base}, no couplings"),
        1 => format!("1 coupling onto a {base}"),
        more => format!("{more} couplings onto a {base}"),
    };
    match kernels {
        Some(kernels) => format!("{flow}; {kernels} kernels beside it"),
        None => flow,
    }
}
