//! `nvpico train`: from normal readings to a calibrated model.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use nvpico::train::Epoch;
use serde::Serialize;

use super::budget::{self, BudgetArgs};
use super::data_options::normal_rows_only;
use super::rescue::save_or_rescue;
use super::{DataArgs, FeatureOptions, SampleOptions, progress_bar, promise, report_math_error};
use crate::calibration::{AlarmSettings, Calibration};
use crate::data::{LeftOut, Overview, Table};
use crate::detection::choice::Choice;
use crate::evaluation::Stray;
use crate::fit::fine_tune::FineTuned;
use crate::fit::recipe::{BaseChoice, Recipe};
use crate::fit::search::Trial;
use crate::fit::settings::Settings;
use crate::fit::training::{self, Outcome, Stage};
use crate::interrupt;
use crate::model::{Model, SeenValues, ShapeName};
use crate::output::{self, Target, print_json, printable, say};
use crate::precision::Precision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico train --data normal.csv --out pump.safetensors
  nvpico train --data monday.csv tuesday.csv --exclude time --out pump.safetensors --hidden 16,16 --seed 7
  nvpico train --data normal.csv --valid next-day.csv --config pump.toml --out pump.safetensors
  nvpico train --data axes.csv --features vibration --rate 1kHz --window 256 --hop 128 --out fan.safetensors
  nvpico train --data axes.csv --features search --rate 1kHz --out fan.safetensors
  nvpico train --data normal.csv --flash 32K --ram 1K --cycles 200K --core m0plus --out pump.safetensors

All rows must be normal. Ctrl-C ends the training and keeps the best state so far.
A config file has the same settings, one per line, such as: learning-rate = 0.001")]
/// Arguments of `nvpico train`.
pub struct TrainArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    features: FeatureOptions,
    #[command(flatten)]
    samples: SampleOptions,
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

/// The largest share of the rows of --valid that may lie outside the range of those of --data.
const VALID_OUTSIDE: f64 = 0.01;

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
    #[serde(serialize_with = "output::serialize_number")]
    held_out_log_prob: f64,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "output::serialize_option"
    )]
    held_out_bits_per_dimension: Option<f64>,
    #[serde(serialize_with = "output::serialize_number")]
    gaussian_log_prob: f64,
    #[serde(serialize_with = "output::serialize_f32_option")]
    threshold: Option<f32>,
    /// The rate that is promised; what it rests on is in `calibration`.
    false_alarm_rate: Option<f64>,
    calibration: Option<Calibration>,
    /// The alarm; `null` where the record is too short for one.
    alarm: Option<&'a AlarmSettings>,
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
    /// What `--features search` compared; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched: Option<Choice>,
    interrupted: bool,
}

impl TrainArgs {
    /// What is wrong with the options, beside what their attributes say.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        self.samples.wrong(self.features.window)
    }
}

/// # Errors
/// The model cannot be trained or written.
pub fn run(args: &TrainArgs) -> anyhow::Result<bool> {
    let file = args.config.as_deref().map(read_config).transpose()?;
    // Fail before the training, not after it, if the model cannot be written.
    let mut target = Target::open(&args.out).with_context(|| cannot_write(args))?;
    let mut recipe = args.recipe.or(&file.unwrap_or_default());
    let (table, samples, choice) = (args.data.options).read_training(
        &args.data.data,
        &args.features,
        &args.samples,
        (
            recipe.precision.unwrap_or_default(),
            recipe.seed.unwrap_or_default(),
        ),
    )?;
    say_columns(&table);
    let table = normal_rows_only(table);
    let valid = args
        .valid
        .as_ref()
        .map(|path| -> anyhow::Result<Table> {
            let files = std::slice::from_ref(path);
            let units = table.windows.as_ref().map(|own| &own.units[..]);
            let valid = args.data.options.read_same(&table.features(), samples.as_ref(), units, files)?;
            let valid = normal_rows_only(valid);
            let seen = SeenValues::of(training::shape_of(&table).0, &table.values);
            match seen.and_then(|seen| Stray::found(&seen, &valid)) {
                Some(stray) if stray.too_many(VALID_OUTSIDE) => anyhow::bail!(
                    "{}: {stray}. Check units, and whether a number stands for a missing value (--missing=NUMBER --skip-bad); rows of another \
                     state of the machine belong in --data",
                    path.display()
                ),
                Some(stray) => say!("{}: {stray}", path.display()),
                None => {}
            }
            Ok(valid)
        })
        .transpose()?;
    let (mut trials, mut tried) = (None, None);
    if let Some(limits) = args.budget.limits() {
        // What couplings cost is estimated; what mixtures and kernels cost is not.
        recipe.base.get_or_insert(BaseChoice::Normal);
        recipe.kernels.get_or_insert(0);
        let found = budget::find(&table, &recipe, limits, &args.out)?;
        recipe = found.recipe;
        trials = Some(found.trials);
        tried = found.interrupted;
    }
    let mut outcome = if let Some(outcome) = tried {
        *outcome
    } else {
        let settings = training::settings(&table, &recipe)?;
        let windows = table.windows.as_ref();
        let kept = windows.map_or(0, |own| Model::KEPT_WINDOWS * 4 * own.window * own.channels);
        let space = training::most_bytes(&table, valid.as_ref(), &settings) + kept;
        target.reserve(space).with_context(|| cannot_write(args))?;
        fit_with_progress(&table, valid.as_ref(), settings)?
    };
    if let (Some(spec), Some(windows)) = (samples, &table.windows) {
        outcome.model.set_samples(spec, windows);
    }
    save_or_rescue(&outcome.model, target).with_context(|| cannot_write(args))?;
    let interrupted = interrupt::heard();
    if interrupted {
        say!("interrupted: kept the best state so far");
    }
    report(&outcome);
    say_written(args);
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
            alarm: outcome.model.header.alarm.as_ref(),
            correlated_rows: outcome.correlated_rows,
            parameters: outcome.model.params.len(),
            precision: outcome.model.header.precision,
            fine_tuned: outcome.fine_tuned,
            trials,
            searched: choice,
            interrupted,
        })?;
    }
    Ok(true)
}

/// What was written, and how to see what was learned.
fn say_written(args: &TrainArgs) {
    say!("wrote {}", args.out.display());
    say!(
        "look at it: nvpico report --model {} --data FILE --out report.html   (FILE: rows of another day, or with faults)",
        crate::data::shell_quoted(&args.out.to_string_lossy())
    );
}

fn cannot_write(args: &TrainArgs) -> String {
    format!("cannot write {}", args.out.display())
}

pub(super) fn read_config(path: &std::path::Path) -> anyhow::Result<Recipe> {
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
        Some(shape) => say!(
            "{} maps of {} (channels, height, width)",
            table.rows,
            ShapeName(shape)
        ),
        None => say!("{} rows of {} features", table.rows, table.columns.len()),
    }
    if let Some(overview) = &table.overview {
        say!("{}", overview.to_string().trim_end());
        overview.notes().for_each(|note| say!("{note}"));
    }
}

/// Trains with a progress bar on a terminal, or a line for every tenth epoch in a pipe.
pub(super) fn fit_with_progress(
    table: &Table,
    valid: Option<&Table>,
    settings: Settings,
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
                    say!("calibrating: models without a part of the rows each, to score all rows");
                });
            } else {
                bar.set_length(fine_tuning);
                bar.suspend(|| say!("fine-tuning through the rounding of integers"));
            }
        }
        if now == Stage::CrossValidation {
            epochs += 1;
            bar.set_message(format!("{epochs} epochs of models for calibration"));
            interrupt::keep();
            return !interrupt::heard();
        }
        best = best.max(epoch.held_out_log_prob);
        let text = format!(
            "train {:.3}, held out {:.3}, best {best:.3} nats",
            epoch.train_log_prob, epoch.held_out_log_prob
        );
        bar.set_message(text.clone());
        bar.inc(1);
        if !terminal && (epoch.epoch == 1 || epoch.epoch.is_multiple_of(10)) {
            say!("epoch {}: {text}", epoch.epoch);
        }
        if epoch.skipped_batches > 0 {
            bar.suspend(|| {
                say!(
                    "epoch {}: skipped {} overflowing batches",
                    epoch.epoch,
                    epoch.skipped_batches
                );
            });
        }
        // From now on there is something to keep.
        interrupt::keep();
        !interrupt::heard()
    });
    bar.finish_and_clear();
    outcome
}

/// Prints the outcome of the training to standard error.
pub(super) fn report(outcome: &Outcome) {
    for name in &outcome.constant_columns {
        let name = printable(name);
        say!("column `{name}` is constant: its standard deviation is taken as 1");
    }
    let provenance = &outcome.model.header.provenance;
    let spec = &outcome.model.header.spec;
    let rows = provenance.held_out_rows;
    if outcome.epochs == 0 && !spec.base.is_normal() {
        say!(
            "{} without couplings: held-out rows prefer it; mean log-density of {rows} of them:",
            spec.base
        );
    } else {
        say!(
            "best of {} epochs: number {}; mean log-density of {rows} held-out rows:",
            outcome.epochs,
            provenance.best_epoch,
        );
        if provenance.best_epoch == 0 {
            say!("  (number 0 is the untrained model: training did not improve on it)");
        }
    }
    say!("  flow      {:>12.4} nats", outcome.held_out_log_prob);
    say!(
        "  Gaussian  {:>12.4} nats (full covariance, same rows)",
        outcome.gaussian_log_prob
    );
    if let Some(tuned) = outcome.fine_tuned {
        let precision = outcome.model.header.precision;
        say!("  flow      {:>12.4} nats in {precision}", tuned.after);
        if tuned.epochs > 0 {
            say!(
                "  ({:.4} before fine-tuning through the rounding; epochs: {})",
                tuned.before,
                tuned.epochs
            );
        }
    }
    if let Some(bits) = outcome.model.bits_per_dimension(outcome.held_out_log_prob) {
        say!("  flow      {bits:>12.4} bits per dimension");
    }
    if outcome.gaussian_ridge > 0.0 {
        say!("  (the Gaussian's covariance is singular; its diagonal was raised to fit it)");
    }
    if outcome.held_out_log_prob <= outcome.gaussian_log_prob {
        say!(
            "  the flow does NOT beat the Gaussian: too few rows, held-out rows unlike the training rows\n  \
             (compare --split last and blocks), or overfitting (try fewer --couplings or more --noise)"
        );
    }
    if let Some(kernels) = spec.kernels {
        say!(
            "{kernels} kernels beside it: a row is as unlikely as the less favourable density says"
        );
    }
    if let Some(calibration) = &outcome.model.header.calibration {
        say!("{}", promise::sentences(calibration).trim_end());
        let alarm = outcome.model.header.alarm.as_ref();
        say!("{}", promise::alarm_sentences(alarm).trim_end());
    }
    report_math_error(outcome.model.header.spec.math);
}
