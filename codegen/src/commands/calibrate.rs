//! `nvpico calibrate`: a threshold from normal rows, for a model without one or with an outdated one.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::{DataArgs, load_model};
use crate::data::Table;
use crate::limits::{self, argument};
use crate::model::{Model, Source};
use crate::output::say;

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
    /// Share of the rows that may lie below the threshold
    #[arg(long, default_value_t = 0.01, value_name = "SHARE", value_parser = argument(limits::share_or_none))]
    false_alarm_rate: f64,
    /// Model file to write; may be the input file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// # Errors
/// The model cannot be calibrated or written.
pub fn run(args: &CalibrateArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = rows_for(&mut model, &args.data)?;
    if table.rows < LEAST_ROWS {
        bail!(
            "{} rows are too few for a threshold: at least {LEAST_ROWS} are needed, a few hundred are better",
            table.rows
        );
    }
    if model.integer.is_none() {
        model.find_ranges(&table.values);
    }
    model.calibrate_on(&table.values, args.false_alarm_rate)?;
    let provenance = &mut model.header.provenance;
    provenance
        .sources
        .extend(table.source.iter().map(|source| Source {
            file: source.file.clone(),
            sha256: source.sha256.clone(),
        }));
    model.save(&args.out)?;
    if let Some(calibration) = model.header.calibration {
        say!(
            "threshold {:.4} nats: {} % false alarms on {} rows",
            calibration.threshold,
            100.0 * calibration.false_alarm_rate,
            calibration.rows
        );
    }
    say!("wrote {}", args.out.display());
    Ok(true)
}

/// The fewest rows a threshold is set from.
const LEAST_ROWS: usize = 5;

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
