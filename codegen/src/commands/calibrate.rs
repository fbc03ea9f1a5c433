//! `nvpico calibrate`: a threshold from normal rows, for a model without one or with an outdated one.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::data_options::normal_rows_only;
use super::{DataArgs, load_model, promise};
use crate::calibration::{AlarmSettings, Budget, Calibration, Interval, Method, least_rows};
use crate::data::{LeftOut, Table};
use crate::evaluation::{Foreign, Stray};
use crate::limits::{self, argument};
use crate::model::{Model, Source};
use crate::output::{print_json, printable, say};
use crate::precision::Precision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico calibrate --model flow.safetensors --data normal.csv --out pump.safetensors
  nvpico calibrate --model pump.safetensors --data this-week.csv --false-alarm-rate 0.001 --out pump.safetensors

All rows must be normal, and none may have been used for training. An imported model has no feature names:
it takes those of the data's columns, in order.")]
/// Arguments of `nvpico calibrate`.
pub struct CalibrateArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Share of normal rows that may raise the alarm
    #[arg(long, default_value_t = 0.01, value_name = "SHARE", value_parser = argument(limits::share_or_none))]
    false_alarm_rate: f64,
    /// How often the alarm may be false, such as "1 per week" or "1 per 100000 readings" [default: 1 per week, or as rarely as
    /// the record can promise]
    #[arg(long, value_name = "BUDGET")]
    false_alarms: Option<Budget>,
    /// Set the threshold even where the rows cannot be the model's
    #[arg(long)]
    force: bool,
    /// Model file to write; may be the input file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// The values that a threshold is set on where some rows are out of the model's range. They count as false alarms, but the
/// threshold is not one of their log-densities.
fn within_range(table: &Table, stray: &Stray, rate: f64) -> anyhow::Result<Vec<f32>> {
    if stray.too_many(rate) {
        bail!(
            "{stray}. Chance does not explain so many: --missing=NUMBER --skip-bad leaves rows with a fill value out; train a new model \
             where the machine has changed; --force takes all rows as normal"
        );
    }
    say!("{stray}");
    let rank = (rate * (table.rows + 1) as f64) as usize;
    if stray.rows.len() < rank {
        return Ok(table.values.clone());
    }
    let rows = table.iter().enumerate();
    let kept = rows.filter(|(row, _)| stray.rows.binary_search(row).is_err());
    Ok(kept.flat_map(|(_, row)| row).copied().collect())
}

/// The share of the rows that the model calls anomalous as it is, where chance does not explain so many.
fn below_before(model: &Model, table: &Table) -> anyhow::Result<Option<f64>> {
    let ready = model.ready(Some(Precision::F32))?;
    let found = ready.resemblance(&ready.log_probs(&table.values));
    Ok(found
        .filter(|found| found.more_alarms)
        .map(|found| found.anomalous_share))
}

/// The summary of `--json`.
#[derive(Debug, Serialize)]
struct Summary {
    out: String,
    /// Of the model's own precision.
    threshold: Option<f32>,
    /// The rate that is promised; what it rests on is in `calibration`.
    false_alarm_rate: f64,
    rows: usize,
    effective_rows: f64,
    interval: Interval,
    calibration: Calibration,
    /// The alarm; `null` where the record is too short for one.
    alarm: Option<AlarmSettings>,
    /// Files that the model was trained on: the promise does not hold for these rows.
    trained_on: Vec<String>,
    /// What the files hold and the threshold was not set on.
    left_out: Vec<LeftOut>,
    /// What was read otherwise than it stands.
    said: Vec<String>,
}

/// # Errors
/// Rows that are too few or not the model's; a model that cannot be written.
pub fn run(args: &CalibrateArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = normal_rows_only(rows_for(&mut model, &args.data)?);
    enough(table.rows, args.false_alarm_rate)?;
    if let Some(found) = Foreign::found(&model.ready(Some(Precision::F32))?, &table) {
        if !args.force {
            bail!(
                "these rows are not the model's: {found}. Check columns and units, or train a model of these rows; --force sets \
                 the threshold all the same"
            );
        }
        say!("these rows are not the model's: {found}");
    }
    if let Some(share) = below_before(&model, &table)? {
        say!(
            "{} of these rows lie below the threshold that the model has now, more than chance explains: something has changed since, \
             or they are not all normal; a model that is trained on them tells more than another threshold",
            promise::percent(share)
        );
    }
    if model.integer.is_none() {
        model.find_ranges(&table.values);
    }
    let stray = (model.header.seen.as_ref()).and_then(|seen| Stray::found(seen, &table));
    let normal = match stray {
        Some(stray) if !args.force => within_range(&table, &stray, args.false_alarm_rate)?,
        _ => {
            model.note_values(&table.values);
            table.values.clone()
        }
    };
    let scores = model.scores_of(&normal)?;
    model.calibrate_by(&scores, args.false_alarm_rate, Method::GivenRows);
    let kept = Table {
        rows: scores.floats.len(),
        stretches: if scores.floats.len() == table.rows {
            table.stretches.clone()
        } else {
            vec![0]
        },
        columns: table.columns.clone(),
        values: normal.clone(),
        given: table.given,
        rate: table.rate,
        ..Table::default()
    };
    model.set_alarm(&scores.floats, &kept, args.false_alarms);
    if model.header.typical.is_none() {
        model.note_typical(&normal);
    }
    let provenance = &mut model.header.provenance;
    let sources: Vec<Source> = (table.source.iter())
        .map(|source| Source {
            file: source.file.clone(),
            sha256: source.sha256.clone(),
        })
        .collect();
    let trained = |source: &&Source| {
        let mut all = provenance.sources.iter();
        all.any(|own| own.sha256 == source.sha256)
    };
    let trained_on: Vec<String> = (sources.iter().filter(trained))
        .map(|source| source.file.clone())
        .collect();
    if !trained_on.is_empty() {
        say!(
            "{}: the model was trained on these rows; other rows will raise more false alarms than promised",
            printable(&trained_on.join(", "))
        );
    }
    provenance.calibration_sources = sources;
    model.save(&args.out)?;
    let calibration = model
        .header
        .calibration
        .context("no rows to calibrate on")?;
    say!("{}", promise::sentences(&calibration).trim_end());
    say!(
        "{}",
        promise::alarm_sentences(model.header.alarm.as_ref()).trim_end()
    );
    say!("wrote {}", args.out.display());
    if args.json {
        print_json(&Summary {
            out: args.out.display().to_string(),
            threshold: model.ready(None)?.threshold(),
            false_alarm_rate: calibration.false_alarm_rate,
            rows: calibration.rows,
            effective_rows: calibration.effective_rows,
            interval: calibration.interval,
            calibration,
            alarm: model.header.alarm,
            trained_on,
            left_out: table.left_out,
            said: table.said,
        })?;
    }
    Ok(true)
}

/// The fewest rows a threshold is set from.
const LEAST_ROWS: usize = 5;

/// Refuses rows that are too few for a rate.
fn enough(rows: usize, rate: f64) -> anyhow::Result<()> {
    let least = least_rows(rate).unwrap_or(LEAST_ROWS).max(LEAST_ROWS);
    if rows >= least {
        return Ok(());
    }
    let lowest = 1.0 / (rows as f64 + 1.0);
    // Rounded up to a rate that the rows carry.
    let lowest = (1_000.0 * lowest).ceil() / 1_000.0;
    let other = if rows >= LEAST_ROWS {
        format!(", or ask for what these carry: --false-alarm-rate {lowest}")
    } else {
        String::new()
    };
    bail!(
        "{rows} rows are too few for a false-alarm rate of {}: give at least {least}, a few hundred are better{other}",
        promise::percent(rate)
    );
}

/// The rows; an imported model takes over the names of their columns.
fn rows_for(model: &mut Model, data: &DataArgs) -> anyhow::Result<Table> {
    // Training leaves its settings in the file, importing has none.
    if !model.header.provenance.config.is_empty() {
        return data.read_for(model);
    }
    let table = data.options.read(&data.data)?;
    let dim = model.header.spec.dim();
    if table.dim() != dim {
        bail!(
            "the model takes {dim} values, a row of the data has {} ({}): choose with --columns",
            table.dim(),
            table.features()
        );
    }
    model.set_features(table.features());
    Ok(table)
}
