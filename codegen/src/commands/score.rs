//! `nvpico score`: log-density, p-value and decision of every row.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{DataArgs, PrecisionArgs, load_model, promise};
use crate::calibration::Resemblance;
use crate::data::{LeftOut, Table};
use crate::evaluation::{Blame, BlamedColumn, RowScore, Summary, blame_rows, score_rows};
use crate::limits::{self, argument};
use crate::output::{self, json_text, printable, say, terminal};

/// Columns of the output for each column that is to blame.
const BLAMED: [&str; 5] = ["blamed", "value", "normal", "gain", "enough"];
/// Columns that the summary names.
const MOST_NAMED: usize = 5;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico score --model pump.safetensors --data today.csv
  nvpico score --model pump.safetensors --data today.csv --out scores.csv
  nvpico score --model pump.safetensors --data today.csv --blame

Columns of the output: row (data row in the file, from 1), log_prob (nats), z_norm_sq, log_det (nats),
p_value (share of the calibration rows at most as likely), decision (normal, anomalous, invalid, or given_out_of_range
for a row that is not judged), for a model of counts bits_per_dimension, out_of_range (the first feature far outside the
range of the training rows, or the first given one outside what was seen), rarity (bits), alarm (on or off after the row) and
event (raised, resumed or cleared, and why); the last three are those of the chip's alarm over the rows in time. A summary goes
to standard error: rows by decision, the least likely ones, and whether the rows resemble those that the threshold was
set on.

With --blame, for a row that is not normal: blamed_1 (the column that costs most of its log-density), value_1, normal_1
(the nearest value with which the row is normal), gain_1 (nats that the row would gain) and enough_1 (whether normal_1
makes the row normal; if not, others are to blame beside it, and normal_1 is that of the nearest typical reading), then
blamed_2 and so on; empty where another value gains nothing.

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
    /// Say which columns are to blame for each row that is not normal, at most N, and what would be normal; 3 without a
    /// number
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "3", value_parser = argument(limits::blamed))]
    blame: Option<usize>,
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
    let blame = args.blame.map(|most| Blame::new(&ready, &table, most));
    let blame = blame.transpose()?;
    let mut scores = score_rows(&ready, &table);
    if let Some(blame) = &blame {
        blame_rows(blame, &mut scores);
    }
    let summary = Summary::new(&ready, &scores);
    let text = if args.json {
        json_text(&Printed::new(&summary, &table, &scores))?.into_bytes()
    } else {
        csv(&scores, model.levels().is_some(), args.blame.unwrap_or(0))?
    };
    if let Some(path) = &args.out {
        output::write_atomic(path, &text)
            .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        say!("wrote {} scores to {}", scores.len(), path.display());
    } else {
        terminal::write(&text);
    }
    say!("{}", report(&summary).trim_end());
    if let Some(words) = blamed_first(&scores) {
        say!("{words}");
    }
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

/// How often which columns are to blame most, the most frequent first; `None` where none is.
fn blamed_first(scores: &[RowScore]) -> Option<String> {
    let first = |row: &RowScore| Some(row.blamed.as_ref()?.first()?.column.clone());
    let mut counts = BTreeMap::new();
    for column in scores.iter().filter_map(first) {
        *counts.entry(column).or_insert(0_usize) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let words = counts.iter().take(MOST_NAMED).map(|(column, count)| {
        let rows = if *count == 1 { "row" } else { "rows" };
        format!("`{}` in {count} {rows}", printable(column))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("most to blame: {}", words.join(", ")))
}

/// The scores as CSV: exact digits, nothing for what a row does not have; so many columns to blame.
fn csv(scores: &[RowScore], of_counts: bool, blamed: usize) -> anyhow::Result<Vec<u8>> {
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
    let names = (1..=blamed).flat_map(|at| BLAMED.map(|name| format!("{name}_{at}")));
    let names: Vec<String> = names.collect();
    header.extend(names.iter().map(String::as_str));
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
        let found = score.blamed.as_deref().unwrap_or_default();
        for at in 0..blamed {
            cells.extend(found.get(at).map_or_else(Default::default, cells_of));
        }
        out.write_record(cells)?;
    }
    Ok(out.into_inner()?)
}

/// What is to blame, in the order of [`BLAMED`].
fn cells_of(found: &BlamedColumn) -> [String; BLAMED.len()] {
    [
        found.column.clone(),
        cell(found.value),
        cell(found.normal),
        cell(found.gain),
        found.enough.to_string(),
    ]
}

fn cell<T: Debug>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| format!("{value:?}"))
}
