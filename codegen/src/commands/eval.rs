//! `nvpico eval`: how well a model tells anomalous rows from normal ones.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{DataArgs, PrecisionArgs, load_model, promise};
use crate::calibration::{rate_words, time_words};
use crate::data::{LeftOut, Table};
use crate::deploy::{Ready, ScoredTable};
use crate::deployed::log_probs;
use crate::evaluation::{Alarms, Episodes, Evaluation, alarms, evaluate};
use crate::findings::{AlarmFindings, Timeline};
use crate::limits::{self, argument};
use crate::output::{self, print_json, say, show};
use crate::report::plot::density_over_time;

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
    /// File to draw the log-density in time to, with the alarms (SVG)
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Data that cannot be read or has no labels.
pub fn run(args: &EvalArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.prepare(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let scored = ready.scored(&table);
    let evaluation = evaluate(&ready, &table, &scored, args.threshold)?;
    let alarms = alarms(&ready, &table, &scored, &[]);
    if let Some(path) = &args.picture {
        picture(&ready, &table, &scored, path)?;
    }
    let mut said = table.said.clone();
    if let Some(text) = inverted(&evaluation) {
        say!("{text}");
        said.push(text);
    }
    if args.json {
        print_json(&Printed {
            evaluation: &evaluation,
            alarms: alarms.as_ref(),
            left_out: &table.left_out,
            said: &said,
        })?;
    } else {
        show!(
            "{}{}",
            report(&evaluation),
            alarms.as_ref().map(alarm_report).unwrap_or_default()
        );
    }
    Ok(true)
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    /// The alarm over the rows in time; `null` for a model without one.
    alarms: Option<&'a Alarms>,
    /// What the files hold and was not scored.
    left_out: &'a [LeftOut],
    /// What was read otherwise than it stands, and what is odd.
    said: &'a [String],
}

/// Draws the log-density in time, labelled rows shaded, with the alarms below.
fn picture(
    ready: &Ready<'_>,
    table: &Table,
    scored: &ScoredTable,
    path: &Path,
) -> anyhow::Result<()> {
    let labels = table.labels.as_deref();
    let found = AlarmFindings::of(ready, table, scored, &[]).context(
        "the model has no alarm to draw: nvpico calibrate sets one by a longer record of normal rows",
    )?;
    let log_probs = log_probs(&scored.scores);
    let timeline = Timeline::of(&log_probs, labels, ready.threshold(), table.rate);
    let svg = density_over_time(&timeline, &found.marks(), ready.threshold())?;
    output::write_atomic(path, svg.as_bytes())
        .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    say!("wrote {}", path.display());
    Ok(())
}

/// The alarm over a record as text.
pub(crate) fn alarm_report(alarms: &Alarms) -> String {
    use std::fmt::Write as _;
    let rate = alarms.rate;
    let mut out = format!(
        "\nalarm in time\nfalse alarms       {} ({} by guards) in {} of normal rows; promised, without guards: at most {}\n",
        alarms.raised,
        alarms.by_guards,
        time_words(alarms.normal_rows as f64, rate),
        rate_words(alarms.promised, rate)
    );
    if let Some(Episodes {
        episodes,
        found,
        median_delay,
        already_on,
    }) = &alarms.episodes
        && *episodes > 0
    {
        let delay = median_delay.map_or_else(String::new, |delay| {
            format!(", median delay {}", time_words(delay, rate))
        });
        let _ = writeln!(out, "episodes found     {found} of {episodes}{delay}");
        if *already_on > 0 {
            let _ = writeln!(
                out,
                "                   {already_on} began while an alarm was on"
            );
        }
    }
    let raised = alarms
        .changes
        .iter()
        .filter(|change| change.event == "raised");
    for change in raised.clone().take(MOST_SHOWN) {
        let cause = change.cause.as_deref().unwrap_or_default();
        let severity = change.severity.unwrap_or_default();
        let _ = writeln!(out, "  row {}: {cause} ({severity})", change.row);
    }
    let more = raised.count().saturating_sub(MOST_SHOWN);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more, with --json");
    }
    out
}

/// Alarms that are named.
const MOST_SHOWN: usize = 8;

/// An AUROC below this is worse than a bad model gives by chance.
const INVERTED: f64 = 0.2;
/// Rows of either kind from which on that is said.
const ENOUGH: usize = 10;

/// Says that the label seems to be the wrong way round.
fn inverted(e: &Evaluation) -> Option<String> {
    let auroc = e.auroc.filter(|auroc| *auroc < INVERTED)?;
    let normal = e.rows - e.anomalous_rows;
    (normal >= ENOUGH && e.anomalous_rows >= ENOUGH).then(|| {
        format!(
            "AUROC {auroc:.3}: the rows labelled anomalous are the more likely ones; the label seems to be the wrong way \
             round, with 1 for normal"
        )
    })
}

/// The evaluation as text.
#[must_use]
fn report(e: &Evaluation) -> String {
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
    if let (Some(promised), Some(interval), Some(resemblance)) = (
        e.calibrated_false_alarm_rate,
        e.calibrated_interval,
        &e.resemblance,
    ) {
        let _ = writeln!(
            out,
            "\nThe threshold promises at most {} false alarms ({} to {} of a recording).",
            promise::percent(promised),
            promise::percent(interval.low),
            promise::percent(interval.high)
        );
        out.push_str(
            promise::difference(resemblance, "these normal rows")
                .as_deref()
                .unwrap_or_default(),
        );
    }
    out
}
