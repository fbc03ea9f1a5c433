//! `nvpico train`: from normal readings to a calibrated model.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::Args;
use nvpico::train::Epoch;
use serde::Serialize;

use super::budget::{self, BudgetArgs};
use super::{
    DataArgs, FeatureOptions, keep_inputs, print_json, progress_bar, promise, report_math_error,
};
use crate::calibration::Calibration;
use crate::data::{LeftOut, Overview, Table};
use crate::fit::fine_tune::FineTuned;
use crate::fit::recipe::Recipe;
use crate::fit::search::Trial;
use crate::fit::settings::Settings;
use crate::fit::training::{self, Outcome, Stage};
use crate::model::ShapeName;
use crate::precision::Precision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico train --data normal.csv --out pump.safetensors
  nvpico train --data monday.csv tuesday.csv --exclude time --out pump.safetensors --hidden 16,16 --seed 7
  nvpico train --data normal.csv --valid next-day.csv --config pump.toml --out pump.safetensors
  nvpico train --data normal.csv --flash 32K --ram 1K --cycles 200K --core m0plus --out pump.safetensors

All rows must be normal. Ctrl-C ends the training and keeps the best state so far.
A config file has the same settings, one per line, such as: learning-rate = 0.001")]
/// Arguments of `nvpico train`.
pub struct TrainArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    features: FeatureOptions,
    /// Normal rows for early stopping and calibration, instead of a share of --data
    #[arg(long, value_name = "FILE")]
    valid: Option<PathBuf>,
    /// Model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// TOML file with settings; options on the command line take precedence
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    recipe: Recipe,
    #[command(flatten)]
    budget: BudgetArgs,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

/// The summary of `--json`.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    out: String,
    rows: usize,
    train_rows: usize,
    held_out_rows: usize,
    shape: ShapeName,
    /// Names; none for maps, whose shape says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    constant_columns: &'a [String],
    /// The rows and columns in short; none for maps.
    data: Option<&'a Overview>,
    /// What the files hold and the model was not trained on.
    left_out: &'a [LeftOut],
    /// What was read otherwise than it stands.
    said: &'a [String],
    epochs: usize,
    best_epoch: usize,
    held_out_log_prob: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_out_bits_per_dimension: Option<f64>,
    gaussian_log_prob: f64,
    threshold: Option<f32>,
    /// The rate that is promised; what it rests on is in `calibration`.
    false_alarm_rate: Option<f64>,
    calibration: Option<Calibration>,
    /// Rows that resemble a row; 0 for rows in no order.
    correlated_rows: usize,
    parameters: usize,
    precision: Precision,
    /// Of a model in integers: held-out log-density before and after fine-tuning.
    #[serde(skip_serializing_if = "Option::is_none")]
    fine_tuned: Option<FineTuned>,
    /// What was tried within a budget; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trials: Option<Vec<Trial>>,
    interrupted: bool,
}

/// # Errors
/// The model cannot be trained or written.
pub fn run(args: &TrainArgs) -> anyhow::Result<bool> {
    let file = match &args.config {
        Some(path) => read_config(path)?,
        None => Recipe::default(),
    };
    // Fail before the training, not after it, if the model cannot be written.
    if let Some(folder) = args.out.parent().filter(|f| !f.as_os_str().is_empty())
        && !folder.is_dir()
    {
        anyhow::bail!(
            "{}: the folder {} does not exist",
            args.out.display(),
            folder.display()
        );
    }
    if args.out.is_dir() {
        anyhow::bail!("{}: it is a directory, not a file", args.out.display());
    }
    keep_inputs(&args.out, args.data.data.iter().chain(&args.valid))?;
    let table = args
        .data
        .options
        .read_features(&args.data.data, &args.features)?;
    say_columns(&table);
    let table = normal_rows_only(table);
    let valid = args
        .valid
        .as_ref()
        .map(|path| -> anyhow::Result<Table> {
            let files = std::slice::from_ref(path);
            let valid = args.data.options.read_same(&table.features(), files)?;
            Ok(normal_rows_only(valid))
        })
        .transpose()?;
    let mut recipe = args.recipe.or(&file);
    let mut trials = None;
    if let Some(limits) = args.budget.limits() {
        let found = budget::find(&table, &recipe, limits, &args.out)?;
        recipe = found.recipe;
        trials = Some(found.trials);
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // A second handler in one process is the only way this fails; then Ctrl-C just ends us.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let outcome = fit_with_progress(
        &table,
        valid.as_ref(),
        training::settings(&table, &recipe)?,
        &interrupted,
    )?;
    outcome.model.save(&args.out)?;
    let interrupted = interrupted.load(Ordering::Relaxed);
    if interrupted {
        eprintln!("interrupted: kept the best state so far");
    }
    report(&outcome);
    eprintln!("wrote {}", args.out.display());
    if args.json {
        let provenance = &outcome.model.header.provenance;
        print_json(&Summary {
            out: args.out.display().to_string(),
            rows: table.rows,
            train_rows: provenance.train_rows,
            held_out_rows: provenance.held_out_rows,
            shape: training::shape_of(&table),
            columns: table.shape.is_none().then_some(&table.columns),
            constant_columns: &outcome.constant_columns,
            data: table.overview.as_ref(),
            left_out: &table.left_out,
            said: &table.said,
            epochs: outcome.epochs,
            best_epoch: provenance.best_epoch,
            held_out_log_prob: outcome.held_out_log_prob,
            held_out_bits_per_dimension: outcome
                .model
                .bits_per_dimension(outcome.held_out_log_prob),
            gaussian_log_prob: outcome.gaussian_log_prob,
            threshold: outcome.model.ready(None)?.threshold(),
            false_alarm_rate: outcome.model.header.calibration.map(|c| c.false_alarm_rate),
            calibration: outcome.model.header.calibration,
            correlated_rows: outcome.correlated_rows,
            parameters: outcome.model.params.len(),
            precision: outcome.model.header.precision,
            fine_tuned: outcome.fine_tuned,
            trials,
            interrupted,
        })?;
    }
    Ok(true)
}

fn read_config(path: &std::path::Path) -> anyhow::Result<Recipe> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let recipe: Recipe = toml::from_str(&text)
        .with_context(|| format!("{} is not a valid config file", path.display()))?;
    let checked = recipe.check().map_err(anyhow::Error::msg);
    checked.with_context(|| path.display().to_string())?;
    Ok(recipe)
}

fn say_columns(table: &Table) {
    match table.shape {
        Some(shape) => eprintln!(
            "{} maps of {} (channels, height, width)",
            table.rows,
            ShapeName(shape)
        ),
        None => eprintln!("{} rows of {} features", table.rows, table.columns.len()),
    }
    if let Some(overview) = &table.overview {
        eprint!("{overview}");
        overview.notes().for_each(|note| eprintln!("{note}"));
    }
}

/// Drops rows labelled anomalous: a model is trained on normal rows.
fn normal_rows_only(mut table: Table) -> Table {
    let Some(labels) = table.labels.take() else {
        return table;
    };
    let dim = table.columns.len();
    let before = table.rows;
    let normal = |index: &usize| !labels[*index];
    table.values = (0..before)
        .filter(normal)
        .flat_map(|row| table.values[row * dim..(row + 1) * dim].to_vec())
        .collect();
    table.row_numbers = (0..before)
        .filter(normal)
        .map(|row| table.row_numbers[row])
        .collect();
    table.groups = table.groups.map(|groups| {
        let rows = (0..before).filter(normal);
        rows.map(|row| groups[row]).collect()
    });
    table.rows = table.row_numbers.len();
    if table.rows < before {
        eprintln!("left out {} rows labelled anomalous", before - table.rows);
        table.left_out.push(LeftOut {
            what: "rows labelled anomalous".into(),
            count: (before - table.rows) as u64,
            why: "a model is trained on normal rows".into(),
        });
    }
    table
}

/// Trains with a progress bar on a terminal, or a line for every tenth epoch in a pipe.
pub(super) fn fit_with_progress(
    table: &Table,
    valid: Option<&Table>,
    settings: Settings,
    interrupted: &AtomicBool,
) -> anyhow::Result<Outcome> {
    let bar = progress_bar(
        settings.epochs as u64,
        "{bar:30} epoch {pos}/{len}  {msg}  {eta} left at most",
    );
    let terminal = std::io::stderr().is_terminal();
    let (mut stage, mut best, mut epochs) = (Stage::Training, f64::NEG_INFINITY, 0);
    let fine_tuning = settings.fine_tune as u64;
    let outcome = training::run(table, valid, settings, |now, epoch: &Epoch| {
        if now != stage {
            (stage, best) = (now, f64::NEG_INFINITY);
            bar.reset();
            if now == Stage::CrossValidation {
                bar.unset_length();
                bar.set_style(indicatif::ProgressStyle::default_spinner());
                bar.suspend(|| {
                    eprintln!(
                        "calibrating: models without a part of the rows each, to score all rows"
                    );
                });
            } else {
                bar.set_length(fine_tuning);
                bar.suspend(|| eprintln!("fine-tuning through the rounding of integers"));
            }
        }
        if now == Stage::CrossValidation {
            epochs += 1;
            bar.set_message(format!("{epochs} epochs of models for calibration"));
            return !interrupted.load(Ordering::Relaxed);
        }
        best = best.max(epoch.held_out_log_prob);
        let text = format!(
            "train {:.3}, held out {:.3}, best {best:.3} nats",
            epoch.train_log_prob, epoch.held_out_log_prob
        );
        bar.set_message(text.clone());
        bar.inc(1);
        if !terminal && (epoch.epoch == 1 || epoch.epoch.is_multiple_of(10)) {
            eprintln!("epoch {}: {text}", epoch.epoch);
        }
        if epoch.skipped_batches > 0 {
            bar.suspend(|| {
                eprintln!(
                    "epoch {}: skipped {} overflowing batches",
                    epoch.epoch, epoch.skipped_batches
                );
            });
        }
        !interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    outcome
}

/// Prints the outcome of the training to standard error.
pub(super) fn report(outcome: &Outcome) {
    for name in &outcome.constant_columns {
        eprintln!("column `{name}` is constant: its standard deviation is taken as 1");
    }
    let provenance = &outcome.model.header.provenance;
    eprintln!(
        "best of {} epochs: number {}; mean log-density of {} held-out rows:",
        outcome.epochs, provenance.best_epoch, provenance.held_out_rows
    );
    if provenance.best_epoch == 0 {
        eprintln!("  (number 0 is the untrained model: training did not improve on it)");
    }
    eprintln!("  flow      {:>12.4} nats", outcome.held_out_log_prob);
    eprintln!(
        "  Gaussian  {:>12.4} nats (full covariance, same rows)",
        outcome.gaussian_log_prob
    );
    if let Some(tuned) = outcome.fine_tuned {
        let precision = outcome.model.header.precision;
        eprintln!("  flow      {:>12.4} nats in {precision}", tuned.after);
        if tuned.epochs > 0 {
            eprintln!(
                "  ({:.4} before fine-tuning through the rounding; epochs: {})",
                tuned.before, tuned.epochs
            );
        }
    }
    if let Some(bits) = outcome.model.bits_per_dimension(outcome.held_out_log_prob) {
        eprintln!("  flow      {bits:>12.4} bits per dimension");
    }
    if outcome.gaussian_ridge > 0.0 {
        eprintln!("  (the Gaussian's covariance is singular; its diagonal was raised to fit it)");
    }
    if outcome.held_out_log_prob <= outcome.gaussian_log_prob {
        eprintln!(
            "  the flow does NOT beat the Gaussian: too few rows, held-out rows unlike the training rows\n  \
             (compare --split last and blocks), or overfitting (try fewer --couplings or more --noise)"
        );
    }
    if let Some(calibration) = &outcome.model.header.calibration {
        eprint!("{}", promise::sentences(calibration));
    }
    report_math_error(outcome.model.header.spec.math);
}
