//! `nvpico score`: log-density, p-value and decision of every row.

use std::fmt::Debug;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{DataArgs, PrecisionArgs, load_model, promise};
use crate::calibration::Resemblance;
use crate::data::{LeftOut, Table};
use crate::evaluation::{RowScore, Summary, score_rows};
use crate::output::{self, json_text, say, terminal};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico score --model pump.safetensors --data today.csv
  nvpico score --model pump.safetensors --data today.csv --out scores.csv

Columns of the output: row (data row in the file, from 1), log_prob (nats), z_norm_sq, log_det (nats),
p_value (share of the calibration rows at most as likely), decision (normal, anomalous, invalid, or given_out_of_range
for a row that is not judged), for a model of counts bits_per_dimension, out_of_range (the first feature far outside the
range of the training rows, or the first given one outside what was seen), rarity (bits), alarm (on or off after the row) and
event (raised, resumed or cleared, and why); the last three are those of the chip's alarm over the rows in time. A summary goes
to standard error: rows by decision, the least likely ones, and whether the rows resemble those that the threshold was
set on.

JSON has the rows under scores, beside the summary, left_out (what the files hold and was not scored) and said (what was
read otherwise than it stands). An infinity is 1.7976931348623157e+308 with its sign, and null is no value.")]
/// Arguments of `nvpico score`.
pub struct ScoreArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// File to write the scores to; standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write JSON: the summary, and an object for each row under `scores`
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The scores cannot be written.
pub fn run(args: &ScoreArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.prepare(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let scores = score_rows(&ready, &table);
    let summary = Summary::new(&ready, &scores);
    let text = if args.json {
        json_text(&Printed::new(&summary, &table, &scores))?.into_bytes()
    } else {
        csv(&scores, model.levels().is_some())?
    };
    if let Some(path) = &args.out {
        output::write_atomic(path, &text)
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        say!("wrote {} scores to {}", scores.len(), path.display());
    } else {
        terminal::write(&text);
    }
    say!("{}", report(&summary).trim_end());
    Ok(true)
}

/// What `--json` writes.
#[derive(Serialize)]
struct Printed<'a> {
    rows: usize,
    anomalous: usize,
    out_of_range: usize,
    /// Not judged: a given value lies outside what was seen.
    given_out_of_range: usize,
    invalid: usize,
    /// Numbers of the least likely rows, the least likely first.
    least_likely: Vec<u64>,
    /// How the rows compare with those that the threshold was set on; `None` without calibration.
    resemblance: Option<&'a Resemblance>,
    /// What the files hold and was not scored.
    left_out: &'a [LeftOut],
    /// What was read otherwise than it stands.
    said: &'a [String],
    scores: &'a [RowScore],
}

impl<'a> Printed<'a> {
    fn new(summary: &'a Summary, table: &'a Table, scores: &'a [RowScore]) -> Self {
        Self {
            rows: summary.rows,
            anomalous: summary.anomalous,
            out_of_range: summary.out_of_range,
            given_out_of_range: summary.given_out_of_range,
            invalid: summary.invalid,
            least_likely: summary.worst.iter().map(|(row, _)| *row).collect(),
            resemblance: summary.resemblance.as_ref(),
            left_out: &table.left_out,
            said: &table.said,
            scores,
        }
    }
}

/// The summary as text.
fn report(summary: &Summary) -> String {
    use std::fmt::Write as _;
    let Summary {
        rows,
        anomalous,
        out_of_range,
        given_out_of_range,
        invalid,
        worst,
        resemblance,
    } = summary;
    let normal = rows - anomalous - invalid - given_out_of_range;
    let mut out = match resemblance {
        Some(_) => {
            format!(
                "{rows} rows: {normal} normal, {anomalous} anomalous ({out_of_range} out of range), {invalid} invalid\n"
            )
        }
        None => format!(
            "{rows} rows, {invalid} of them invalid; no threshold: set one with nvpico calibrate\n"
        ),
    };
    if *given_out_of_range > 0 {
        let _ = writeln!(
            out,
            "{given_out_of_range} rows are not judged: a given value lies outside what the training rows had"
        );
    }
    let worst: Vec<String> = (worst.iter())
        .map(|(row, log_prob)| format!("row {row} ({log_prob:.3} nats)"))
        .collect();
    if !worst.is_empty() {
        let _ = writeln!(out, "least likely: {}", worst.join(", "));
    }
    if let Some(found) = resemblance {
        let difference = promise::difference(found, "these rows");
        out += difference.as_deref().unwrap_or(
            "nothing speaks against these rows being like those that the threshold was set on\n",
        );
    }
    out
}

/// The scores as CSV: exact digits, nothing for what a row does not have.
fn csv(scores: &[RowScore], of_counts: bool) -> anyhow::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut header = vec![
        "row",
        "log_prob",
        "z_norm_sq",
        "log_det",
        "p_value",
        "decision",
    ];
    header.extend(of_counts.then_some("bits_per_dimension"));
    header.extend(["out_of_range", "rarity", "alarm", "event"]);
    out.write_record(header)?;
    for score in scores {
        let mut cells = vec![
            score.row.to_string(),
            cell(score.log_prob),
            cell(score.z_norm_sq),
            cell(score.log_det),
            cell(score.p_value),
            score.decision.unwrap_or_default().to_owned(),
        ];
        cells.extend(score.bits_per_dimension.map(cell));
        cells.push(score.out_of_range.clone().unwrap_or_default());
        cells.push(cell(score.rarity));
        cells.push(
            score
                .alarm
                .map_or("", |on| if on { "on" } else { "off" })
                .to_owned(),
        );
        cells.push(score.event.clone().unwrap_or_default());
        out.write_record(cells)?;
    }
    Ok(out.into_inner()?)
}

fn cell<T: Debug>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| format!("{value:?}"))
}
