//! `nvpico adapt`: what a chip that recalibrates would have done with a record.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{DataArgs, PrecisionArgs, load_model, promise};
use crate::data::{LeftOut, Table};
use crate::deploy::adapt::{Replay, Replayed, replay};
use crate::evaluation::{AdaptSummary, NOT_JUDGED, RowAlarms};
use crate::model::{Adaptation, Model};
use crate::output::{self, TextTable, json_text, say, terminal};
use nvpico::detector::Decision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico adapt --model fan.safetensors --data mounted-anew.csv --commission
  nvpico adapt --model fan.safetensors --data moved.csv --witness x.mean,y.mean,z.mean --smooth 4 --save fan.safetensors
  nvpico adapt --model pump.safetensors --data week.csv --label anomaly --out scores.csv

Each row passes through the engine's own recalibration, in order, and is scored as it is and as it is moved back. Slow tracking
goes on all the time, as fast as the training rows drifted. A commissioning takes the next rows as normal: in front of the first
row with --commission, in front of others with --commission-at, and wherever a witness made a step. Its rows are not judged.

Columns of the output: row (in its file), log_prob_before, decision_before, log_prob, decision, learned (tracked, settling,
commissioning, commissioned, refused, nothing), shifted (the value that is moved the farthest), shift (how far, in standard
deviations of the training rows).")]
/// Arguments of `nvpico adapt`.
pub struct AdaptArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten)]
    settings: AdaptOptions,
    /// Rows in front of which the sensor was mounted anew, counted from 1 over all files
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    commission_at: Vec<usize>,
    /// File to write a line for each row to
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Model file to write with these settings: `nvpico export` puts them into the module
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print JSON: the summary, its stretches, the shifts
    #[arg(long)]
    json: bool,
}

/// Settings of recalibration that take the place of the model's.
#[derive(Debug, Clone, Default, Args)]
pub struct AdaptOptions {
    /// Commission in front of the first row. N is the number of rows of each commissioning, a multiple of 4 [default: the model's]
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = false, default_missing_value = "0")]
    commission: Option<u8>,
    /// Values by which a move of the sensor is seen, such as the mean acceleration of each axis: a step of 16 mean steps starts a
    /// commissioning; none
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    witness: Vec<String>,
    /// Score the mean of so many rows
    #[arg(long, value_enum, value_name = "ROWS")]
    smooth: Option<Smooth>,
    /// Other limits: near, track and reach in standard deviations, widen as a power of two, steady in spreads, settle in rows, such as
    /// track=4,reach=32
    #[arg(long, value_name = "NAME=NUMBER", value_delimiter = ',', value_parser = limit)]
    limits: Vec<(String, f32)>,
}

/// Rows that a scored mean is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Smooth {
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
    #[value(name = "4")]
    Four,
}

const LIMITS: [&str; 6] = ["near", "track", "reach", "widen", "steady", "settle"];

fn limit(text: &str) -> Result<(String, f32), String> {
    let (name, number) = text
        .split_once('=')
        .ok_or_else(|| format!("a name and a number are expected, such as {}=4", LIMITS[1]))?;
    if !LIMITS.contains(&name) {
        return Err(format!("{name:?} is none of {}", LIMITS.join(", ")));
    }
    // Readings to wait for, and a power of two: whole numbers.
    let most = match name {
        "settle" => 255.0,
        "widen" => 15.0,
        _ => 1e6,
    };
    let is_whole = most < 1e6;
    match number.parse::<f32>() {
        Ok(own) if (0.0..=most).contains(&own) && !(is_whole && own.fract() > 0.0) => {
            Ok((name.into(), own))
        }
        _ => Err(format!(
            "{name}: a {}number from 0 to {most} is expected, found {number:?}",
            if is_whole { "whole " } else { "" }
        )),
    }
}

impl AdaptOptions {
    /// These, with witnesses and means of 4 rows where nothing was asked about them.
    pub(crate) fn or(&self, witnesses: Vec<String>) -> Self {
        let mut own = self.clone();
        if own.witness.is_empty() {
            own.witness = witnesses;
        }
        own.smooth = own.smooth.or(Some(Smooth::Four));
        own
    }

    /// The model's settings with these in their place.
    ///
    /// # Errors
    /// A model without limits, a witness that it does not have, settings out of range.
    pub(crate) fn applied(&self, model: &Model) -> anyhow::Result<Adaptation> {
        let Some(mut own) = model.header.adaptation.clone() else {
            bail!(
                "the model holds no limits of recalibration: train it again with this version, on a table of at least 20 rows; an \
                 imported model and one of maps have none"
            );
        };
        if let Some(windows) = self.commission.filter(|windows| *windows > 0) {
            own = own.with_windows(windows);
        }
        let columns = &model.header.columns;
        if !self.witness.is_empty() {
            own.witnesses.clear();
        }
        for name in self.witness.iter().filter(|name| *name != "none") {
            let at = columns.iter().position(|column| column == name);
            let Some(at) = at.and_then(|at| u16::try_from(at).ok()) else {
                bail!(
                    "--witness {name}: the model has no such value; it has {}",
                    columns.join(", ")
                );
            };
            own.witnesses.push(at);
        }
        if let Some(smooth) = self.smooth {
            own.smooth = match smooth {
                Smooth::One => 0,
                Smooth::Two => 1,
                Smooth::Four => 2,
            };
        }
        for (name, number) in &self.limits {
            match name.as_str() {
                "near" => own.near = *number,
                "track" => own.track = *number,
                "reach" => own.reach = *number,
                "widen" => own.widen = *number as u8,
                "steady" => own.steady = [*number; 2],
                _ => own.settle = *number as u8,
            }
        }
        own.validate(columns.len()).map_err(anyhow::Error::msg)?;
        Ok(own)
    }
}

/// # Errors
/// A model without limits, rows that are not in the record, files that cannot be written.
pub fn run(args: &AdaptArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let limits = args.settings.applied(&model)?;
    let table = args.data.read_for(&model)?;
    // What --calibrate finds is for this run.
    let stored = args.save.as_ref().map(|_| model.clone());
    args.precision.prepare(&mut model)?;
    let mut asked: Vec<usize> = args.settings.commission.map(|_| 0).into_iter().collect();
    for row in &args.commission_at {
        if !(1..=table.rows).contains(row) {
            bail!(
                "--commission-at {row}: the record has rows 1 to {}{}",
                table.rows,
                if table.windows.is_some() {
                    ", each a window of samples"
                } else {
                    ""
                }
            );
        }
        asked.push(row - 1);
    }
    let ready = model.ready(args.precision.precision)?;
    if ready.threshold().is_none() {
        say!(
            "the model has no threshold: every row counts as normal; set one with nvpico calibrate"
        );
    }
    let replayed = replay(&ready, &limits, &table, &asked)?;
    let summary = AdaptSummary::of(&replayed.rows, table.labels.as_deref());
    if let Some(path) = &args.out {
        let text = csv(&model, &table, &replayed.rows)?;
        output::write_atomic(path, &text)
            .with_context(|| format!("cannot write {}", path.display()))?;
        say!("wrote {} rows to {}", replayed.rows.len(), path.display());
    }
    let shifts = shifts(&model, &limits, &replayed);
    if args.json {
        let printed = Printed {
            limits: &limits,
            summary: &summary,
            shifts: &shifts,
            left_out: &table.left_out,
            said: &table.said,
        };
        terminal::write(json_text(&printed)?.as_bytes());
    } else {
        terminal::write(report(&model, &limits, &summary, &shifts).as_bytes());
    }
    if let (Some(path), Some(mut model)) = (&args.save, stored) {
        model.header.adaptation = Some(limits);
        model
            .save(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        say!("wrote {} with these settings", path.display());
    }
    Ok(true)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    limits: &'a Adaptation,
    #[serde(flatten)]
    summary: &'a AdaptSummary,
    shifts: &'a [Shift],
    left_out: &'a [LeftOut],
    said: &'a [String],
}

/// What a value learned in the end.
#[derive(Serialize)]
struct Shift {
    name: String,
    /// In the unit of the value.
    #[serde(rename = "shift")]
    distance: f32,
    /// In standard deviations of the training rows.
    deviations: f32,
    /// How much wider it spreads than in training.
    widened: f32,
}

fn shifts(model: &Model, limits: &Adaptation, replayed: &Replay) -> Vec<Shift> {
    let learned = replayed.shifts.iter().zip(&replayed.widened);
    let names = model.header.columns.iter().zip(&limits.deviation);
    names
        .zip(learned)
        .map(|((name, deviation), (shift, widened))| Shift {
            name: name.clone(),
            distance: *shift,
            deviations: if *deviation > 0.0 {
                shift / deviation
            } else {
                0.0
            },
            widened: *widened,
        })
        .collect()
}

/// Values that are shown of those that moved.
const SHOWN: usize = 10;

fn report(model: &Model, limits: &Adaptation, summary: &AdaptSummary, shifts: &[Shift]) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let mut table = TextTable::new(&[
        "rows",
        "kind",
        "commissioning",
        "judged",
        "alarms before",
        "after",
        "moved the farthest",
    ]);
    let columns = &model.header.columns;
    for own in &summary.stretches {
        let kind = match own.anomalous {
            None => "-",
            Some(false) => "normal",
            Some(true) => "anomalous",
        };
        let outcome = match (own.commissioning, own.outcome) {
            (0, _) => "-".into(),
            (rows, Some(outcome)) => format!("{outcome} in {rows}"),
            (rows, None) => format!("not ended in {rows}"),
        };
        let name = columns.get(own.value).map_or("", String::as_str);
        table.row([
            format!("{}-{}", own.first, own.last),
            kind.into(),
            outcome,
            own.judged.to_string(),
            own.alarms_before.to_string(),
            own.alarms_after.to_string(),
            format!("{} {:+.1}", output::printable(name), own.shift),
        ]);
    }
    let _ = writeln!(out, "{table}");
    let mut line = |what: &str, own: &RowAlarms| {
        if own.rows > 0 {
            let [before, after] = own.shares().map(promise::percent);
            let _ = writeln!(
                out,
                "{what}: {before} of {} without recalibration, {after} with it",
                own.rows
            );
        }
    };
    line("false alarms on judged rows", &summary.normal);
    line("anomalous rows found", &summary.anomalous);
    if let (Some(before), Some(after)) = (summary.auroc_before, summary.auroc_after) {
        let _ = writeln!(
            out,
            "AUROC: {:.2} without, {:.2} with it",
            100.0 * before,
            100.0 * after
        );
    }
    if summary.commissioning > 0 {
        let _ = writeln!(
            out,
            "commissionings: {} found a place, {} refused because the rows changed on the way; each takes {} rows",
            summary.commissioned,
            summary.refused,
            usize::from(limits.windows) + usize::from(limits.settle)
        );
    }
    let mut moved: Vec<&Shift> = shifts
        .iter()
        .filter(|own| own.deviations.abs() >= 0.1)
        .collect();
    moved.sort_by(|a, b| b.deviations.abs().total_cmp(&a.deviations.abs()));
    if moved.is_empty() {
        let _ = writeln!(out, "in the end no value is moved");
        return out;
    }
    let mut table = TextTable::new(&["value", "shift in the end", "deviations", "spread"]);
    for own in moved.iter().take(SHOWN) {
        table.row([
            output::printable(&own.name).to_string(),
            format!("{:+.5}", own.distance),
            format!("{:+.1}", own.deviations),
            format!("{:.1}x", own.widened),
        ]);
    }
    let _ = writeln!(out, "\n{table}");
    if moved.len() > SHOWN {
        let _ = writeln!(
            out,
            "and {} more values; --json has them all",
            moved.len() - SHOWN
        );
    }
    out
}

fn csv(model: &Model, table: &Table, rows: &[Replayed]) -> anyhow::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "row",
        "log_prob_before",
        "decision_before",
        "log_prob",
        "decision",
        "learned",
        "shifted",
        "shift",
    ])?;
    for (row, number) in rows.iter().zip(&table.row_numbers) {
        let (at, shift) = row.farthest;
        let name = model.header.columns.get(at).map_or("", String::as_str);
        out.write_record([
            &number.to_string(),
            &format!("{:?}", row.before),
            word(row.decided_before),
            &format!("{:?}", row.after),
            word(row.decided),
            row.learned.as_str(),
            name,
            &format!("{shift:?}"),
        ])?;
    }
    Ok(out.into_inner()?)
}

fn word(decision: Option<Decision>) -> &'static str {
    match decision {
        None => "",
        Some(Decision::OutOfRange(_)) => Decision::Anomalous.as_str(),
        Some(Decision::GivenOutOfRange(_)) => NOT_JUDGED,
        Some(other) => other.as_str(),
    }
}
