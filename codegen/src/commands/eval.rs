//! `nvpico eval`: how well a model tells anomalous rows from normal ones.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{DataArgs, PrecisionArgs, load_model, print_json};
use crate::data::Table;
use crate::limits::{self, argument};
use crate::metrics;
use crate::model::Ready;
use crate::precision::Precision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico eval --model pump.safetensors --data faults.csv --label anomaly
  nvpico eval --model m.safetensors --data valve1/*.csv other/*.csv --label anomaly --exclude changepoint --json")]
/// Arguments of `nvpico eval`.
pub struct EvalArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Log-density below which a row counts as anomalous; the model's own by default
    #[arg(long, value_name = "NATS", allow_hyphen_values = true, value_parser = argument(limits::number))]
    threshold: Option<f32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// More false alarms than asked for by this factor are worth a word.
const UNLIKE: f64 = 5.0;

/// What an evaluation found; the names are those of `--json`. A figure that is not defined, such as
/// AUROC with rows of one class only, is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Arithmetic of the scores.
    pub precision: Precision,
    /// Rows.
    pub rows: usize,
    /// Anomalous rows among them.
    pub anomalous_rows: usize,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
    /// Average precision.
    pub auprc: Option<f64>,
    /// F1 of "anomalous" at the threshold.
    pub f1: Option<f64>,
    /// Share of normal rows called anomalous.
    pub false_alarm_rate: Option<f64>,
    /// The share that the model's own threshold was set for; `null` at another threshold.
    pub calibrated_false_alarm_rate: Option<f64>,
    /// Share of anomalous rows called normal.
    pub missed_alarm_rate: Option<f64>,
    /// The threshold, in nats.
    pub threshold: Option<f32>,
    /// Mean log-density of all rows with a finite one, in nats.
    pub mean_log_prob: Option<f64>,
    /// The same in bits per dimension, for a model of counts; absent for any other.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    threshold: Option<f32>,
) -> anyhow::Result<Evaluation> {
    let labels = table
        .labels
        .as_deref()
        .context("the data has no labels: name their column with --label")?;
    let log_probs = ready.log_probs(&table.values);
    let anomaly_scores = metrics::scores(&log_probs);
    let calibrated = ready
        .model
        .header
        .calibration
        .filter(|_| threshold.is_none());
    let threshold = threshold.or(ready.threshold());
    let confusion =
        threshold.map(|t| metrics::Confusion::at(&anomaly_scores, labels, -f64::from(t)));
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
        anomalous_rows: labels.iter().filter(|l| **l).count(),
        auroc: metrics::auroc(&anomaly_scores, labels),
        auprc: metrics::average_precision(&anomaly_scores, labels),
        f1: confusion.and_then(|c| c.f1()),
        false_alarm_rate: confusion.and_then(|c| c.false_alarm_rate()),
        calibrated_false_alarm_rate: calibrated.map(|c| c.false_alarm_rate),
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

/// Log-densities as the captions of pictures.
pub(super) fn in_nats(log_probs: &[f32]) -> Vec<String> {
    let caption = |l: &f32| match l.abs() {
        // So many digits say nothing, and are wider than a small picture.
        1e5.. => format!("{l:.1e} nats"),
        _ => format!("{l:.0} nats"),
    };
    log_probs.iter().map(caption).collect()
}

/// # Errors
/// Whatever keeps the data from being read, or missing labels.
pub fn run(args: &EvalArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.observe(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let evaluation = evaluate(&ready, &table, args.threshold)?;
    if args.json {
        print_json(&evaluation)?;
    } else {
        print!("{}", report(&evaluation));
    }
    Ok(true)
}

/// The evaluation as a person reads it.
#[must_use]
pub fn report(e: &Evaluation) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    let percent = |value: Option<f64>| {
        value.map_or_else(|| "-".to_owned(), |v| format!("{:.2} %", 100.0 * v))
    };
    let _ = writeln!(
        out,
        "rows               {} ({} anomalous)",
        e.rows, e.anomalous_rows
    );
    let _ = writeln!(out, "AUROC              {}", number(e.auroc));
    let _ = writeln!(out, "AUPRC              {}", number(e.auprc));
    let _ = writeln!(out, "mean log-density   {} nats", number(e.mean_log_prob));
    if let Some(bits) = e.bits_per_dimension {
        let _ = writeln!(out, "                   {bits:.4} bits per dimension");
    }
    if e.overflowed_rows > 0 {
        let _ = writeln!(out, "log-density -inf   {} rows", e.overflowed_rows);
    }
    let (Some(threshold), Some(tp), Some(fp), Some(tn), Some(fneg)) = (
        e.threshold,
        e.true_positives,
        e.false_positives,
        e.true_negatives,
        e.false_negatives,
    ) else {
        out.push_str("no threshold: the model is not calibrated, give one with --threshold\n");
        return out;
    };
    let _ = writeln!(out, "\nat the threshold of {threshold:.3} nats");
    let _ = writeln!(out, "F1                 {}", number(e.f1));
    let _ = writeln!(out, "false alarms       {}", percent(e.false_alarm_rate));
    let _ = writeln!(out, "missed alarms      {}", percent(e.missed_alarm_rate));
    let width = [tp, fp, tn, fneg]
        .iter()
        .map(|n| n.to_string().len())
        .max()
        .unwrap_or(0)
        .max(9);
    let _ = writeln!(
        out,
        "\n                   {:>width$}  {:>width$}",
        "called", "called"
    );
    let _ = writeln!(
        out,
        "                   {:>width$}  {:>width$}",
        "normal", "anomalous"
    );
    let _ = writeln!(out, "  normal rows      {tn:>width$}  {fp:>width$}");
    let _ = writeln!(out, "  anomalous rows   {fneg:>width$}  {tp:>width$}");
    if let (Some(found), Some(asked)) = (e.false_alarm_rate, e.calibrated_false_alarm_rate)
        && found > UNLIKE * asked.max(0.01)
    {
        let _ = writeln!(
            out,
            "\nThe threshold was set for {} false alarms: these normal rows are unlike the rows the model was\n\
             trained on. Has the machine's normal state changed? Then train on rows of the new one.",
            percent(Some(asked))
        );
    }
    out
}
