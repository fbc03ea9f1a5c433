//! `nvpico adapt`: what a chip that recalibrates would have done with a record.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::adapt_options::AdaptOptions;
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
