//! How well a model tells anomalous rows from normal ones, as plain data.
//!
//! [`evaluate`] compares decisions with labels, [`score_rows`] scores row by row, [`blame_rows`] says which columns are to blame
//! and [`Summary`] sums it up, [`by_fault`] compares the model with a Gaussian, fault by fault, and [`Foreign`] says when rows cannot be the model's.

mod adapt;
mod alarms;
mod blame;
mod comparison;
mod foreign;
mod record;
mod rows;
mod stray;
mod summary;

use anyhow::Context as _;
use nvpico::detector::Decision;
use serde::Serialize;

use crate::calibration::{Interval, Resemblance};
use crate::data::Table;
use crate::deploy::{Ready, ScoredTable};
use crate::deployed::log_probs;
use crate::metrics;
use crate::output;
use crate::precision::Precision;
pub use adapt::{AdaptSummary, RowAlarms, Stretch, is_alarm};
pub use alarms::{
    Alarms, Change, Episodes, alarms, alarms_of, by_single_readings, change, episodes, replayed,
};
pub use blame::{Blame, BlamedColumn};
pub use comparison::{ByFault, Comparison, RowGroup, by_fault, gaussian_scores};
pub use foreign::Foreign;
pub use record::{RecordFile, ReplayedReading};
pub use rows::{NOT_JUDGED, RowScore, blame_rows, score_rows};
pub use stray::Stray;
pub use summary::Summary;

/// What an evaluation found; the names are those of `--json`. A figure that is not defined, such as
/// AUROC with rows of one class only, is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Arithmetic of the scores.
    pub precision: Precision,
    /// Rows.
    pub rows: usize,
    /// Rows that are not judged, for a given value outside what was seen; the figures are of the others.
    pub given_out_of_range: usize,
    /// Anomalous rows among those that are judged.
    pub anomalous_rows: usize,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
    /// Average precision.
    pub auprc: Option<f64>,
    /// F1 of "anomalous" at the threshold.
    pub f1: Option<f64>,
    /// Share of normal rows called anomalous.
    pub false_alarm_rate: Option<f64>,
    /// The share that the model's threshold promises; `null` at another threshold.
    pub calibrated_false_alarm_rate: Option<f64>,
    /// The range of shares in which recordings lie; `null` at another threshold.
    pub calibrated_interval: Option<Interval>,
    /// How the normal rows compare with those that the threshold was chosen on; `null` at another threshold.
    pub resemblance: Option<Resemblance>,
    /// Share of anomalous rows called normal.
    pub missed_alarm_rate: Option<f64>,
    /// The threshold, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub threshold: Option<f32>,
    /// Mean log-density of all rows with a finite one, in nats.
    #[serde(serialize_with = "output::serialize_option")]
    pub mean_log_prob: Option<f64>,
    /// The same in bits per dimension, for a model of counts; absent for any other.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "output::serialize_option"
    )]
    pub bits_per_dimension: Option<f64>,
    /// Rows whose log-density is -inf.
    pub overflowed_rows: usize,
    /// Anomalous rows called anomalous.
    pub true_positives: Option<usize>,
    /// Normal rows called anomalous.
    pub false_positives: Option<usize>,
    /// Normal rows called normal.
    pub true_negatives: Option<usize>,
    /// Anomalous rows called normal.
    pub false_negatives: Option<usize>,
}

/// Evaluates labelled rows.
///
/// # Errors
/// Where the table has no labels.
pub fn evaluate(
    ready: &Ready<'_>,
    table: &Table,
    scored: &ScoredTable,
    threshold: Option<f32>,
) -> anyhow::Result<Evaluation> {
    let labels = table
        .labels
        .as_deref()
        .context("the data has no labels: name their column with --label")?;
    let scores = &scored.scores;
    let judge = ready.judge();
    let judged = |row: &usize| !judge.is_given_out_of_range(table.row(*row));
    let judged: Vec<usize> = (0..table.rows).filter(judged).collect();
    let scores: Vec<_> = judged.iter().map(|&row| scores[row]).collect();
    let labels: Vec<bool> = judged.iter().map(|&row| labels[row]).collect();
    let labels = labels.as_slice();
    let log_probs = log_probs(&scores);
    let anomaly_scores = metrics::scores(&log_probs);
    let calibrated = ready
        .model
        .header
        .calibration
        .filter(|_| threshold.is_none());
    let threshold = threshold.or(ready.threshold());
    let judge = judge.with_threshold(threshold);
    let rows = judged.iter().map(|&row| table.row(row)).zip(&scores);
    let alarms: Vec<bool> = rows
        .map(|(row, score)| judge.decide(row, score) != Some(Decision::Normal))
        .collect();
    let confusion = threshold.map(|_| metrics::Confusion::count(&alarms, labels));
    let rows = log_probs.iter().zip(labels);
    let normal: Vec<f32> = rows
        .filter_map(|(log_prob, anomalous)| (!anomalous).then_some(*log_prob))
        .collect();
    let finite: Vec<f64> = log_probs
        .iter()
        .filter(|l| l.is_finite())
        .map(|&l| f64::from(l))
        .collect();
    let mean_log_prob =
        (!finite.is_empty()).then(|| finite.iter().sum::<f64>() / finite.len() as f64);
    Ok(Evaluation {
        precision: ready.precision(),
        rows: table.rows,
        given_out_of_range: table.rows - judged.len(),
        anomalous_rows: labels.iter().filter(|l| **l).count(),
        auroc: metrics::auroc(&anomaly_scores, labels),
        auprc: metrics::average_precision(&anomaly_scores, labels),
        f1: confusion.and_then(|c| c.f1()),
        false_alarm_rate: confusion.and_then(|c| c.false_alarm_rate()),
        calibrated_false_alarm_rate: calibrated.map(|c| c.false_alarm_rate),
        calibrated_interval: calibrated.map(|c| c.interval),
        resemblance: calibrated.and_then(|_| ready.resemblance(&normal)),
        missed_alarm_rate: confusion.and_then(|c| c.missed_alarm_rate()),
        threshold,
        mean_log_prob,
        bits_per_dimension: mean_log_prob.and_then(|mean| ready.model.bits_per_dimension(mean)),
        overflowed_rows: log_probs.len() - finite.len(),
        true_positives: confusion.map(|c| c.true_positive),
        false_positives: confusion.map(|c| c.false_positive),
        true_negatives: confusion.map(|c| c.true_negative),
        false_negatives: confusion.map(|c| c.false_negative),
    })
}
