//! From a table of normal rows to a calibrated model: split, train, compare, calibrate.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use nvpico::train::{self, Epoch};

use super::fine_tune::FineTuned;
use super::fitted::{Fitted, MOST_PARAMS, Rows, fit_rows};
pub use super::fitted::{Stage, shape_of};
use super::folds::{self, Plan};
use super::gaussian::Gaussian;
use super::given::Given;
use super::groups;
use super::recipe::Recipe;
use super::settings::{Kind, Settings};
use super::split::{self, Split};
use super::with_given::with_given;
use crate::calibration::{GuardLimits, Method, correlated_rows};
use crate::data::{Table, constant_columns};
use crate::model::{Adaptation, Model, Provenance, Source};

/// The fewest rows to train on.
const LEAST_TRAIN_ROWS: usize = 20;
/// The fewest held-out rows.
const LEAST_HELD_OUT_ROWS: usize = 5;
/// Folds, where the rows decide whether there are any; fewer for many rows, so that all trainings take three times as
/// long as one.
const FOLDS: usize = 5;
const FEW_FOLDS: usize = 3;
const MANY: usize = 5_000;
/// More maps than this are not cross-validated unless asked for.
const MANY_MAPS: usize = 2_000;
/// Machines that whole ones are dealt to folds from.
const LEAST_MACHINES: usize = 5;
/// Held-out rows calibrate where so many of them, independent ones, may lie below the threshold.
const ENOUGH: f64 = 10.0;

/// The result of a training.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The calibrated model.
    pub model: Model,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: f64,
    /// The same of a full-covariance Gaussian fitted to the training rows.
    pub gaussian_log_prob: f64,
    /// The Gaussian's diagonal had to be raised by this share to be positive definite; usually 0.
    pub gaussian_ridge: f64,
    /// Epochs run.
    pub epochs: usize,
    /// The result of fine-tuning, for an integer precision.
    pub fine_tuned: Option<FineTuned>,
    /// Rows that resemble a row: gaps between training rows and held-out rows are as long, as far as there are rows for it.
    pub correlated_rows: usize,
    /// Names of constant columns.
    pub constant_columns: Vec<String>,
    /// What it was trained with.
    pub settings: Settings,
}

/// [`run`] with the settings of a recipe.
///
/// # Errors
/// Settings out of range, and those of [`run`].
#[allow(
    clippy::needless_pass_by_value,
    reason = "callers make the recipe for this call"
)]
pub fn fit(
    table: &Table,
    valid: Option<&Table>,
    recipe: Recipe,
    on_epoch: impl FnMut(Stage, &Epoch) -> bool + Send,
) -> anyhow::Result<Outcome> {
    run(table, valid, settings(table, &recipe)?, on_epoch)
}

/// The settings of a recipe for a table.
///
/// # Errors
/// A table without features to learn from, settings out of range.
pub fn settings(table: &Table, recipe: &Recipe) -> anyhow::Result<Settings> {
    let dim = table.dim();
    if dim < 2 {
        bail!(
            "a flow needs at least 2 columns of readings, found {dim} ({}): --window 8 takes the readings of 8 rows in a row as one; of raw \
             samples, --window 64 --features vibration takes features of 64 in a row",
            table.columns.join(", ")
        );
    }
    if dim == table.given {
        bail!(
            "all {dim} columns are given ({}): at least one must be left to be judged",
            table.columns.join(", ")
        );
    }
    let settings = Settings::new(recipe, table.rows, shape_of(table));
    settings
        .and_then(|settings| with_given(settings, Given::of(table)))
        .map_err(anyhow::Error::msg)
}

/// The most bytes that the model file of a training takes, to see beforehand whether there is space for it.
#[must_use]
pub fn most_bytes(table: &Table, valid: Option<&Table>, settings: &Settings) -> usize {
    /// The header beside names and settings.
    const HEADER: usize = 1 << 16;
    let parameters = settings.spec(shape_of(table)).map_or(0, |spec| {
        let layers = spec.layers();
        spec.flow_spec(&layers).param_len().min(MOST_PARAMS)
    });
    // Parameters and ranges; the calibration rows of three precisions; names, escaped.
    let rows = valid.map_or(table.rows, |valid| valid.rows);
    let names: usize = table.columns.iter().map(|name| 6 * name.len() + 8).sum();
    8 * parameters + 12 * rows + names + HEADER
}

/// Trains and calibrates. `valid` holds other rows for early stopping and calibration instead of a
/// share of `table`. `on_epoch` ends a stage by returning `false`.
///
/// # Errors
/// Too few rows, a shape that the architecture does not take, or a diverged run.
pub fn run(
    table: &Table,
    valid: Option<&Table>,
    settings: Settings,
    mut on_epoch: impl FnMut(Stage, &Epoch) -> bool + Send,
) -> anyhow::Result<Outcome> {
    let dim = table.dim();
    check_counts(table, &settings)?;
    let correlated = correlated_rows(&table.values, dim);
    let folds = folds_for(table, valid, &settings, correlated);
    // Rows that only decide when to stop need no distance, and every operating condition is among them.
    let gap = if folds > 0 { 0 } else { correlated };
    let split = split_of(table, valid, &settings, gap)?;
    let held_out_table = valid.unwrap_or(table);
    let rows = split::values(table, &split.train);
    let held_out = split::values(held_out_table, &split.held_out);
    let [train_rows, held_out_rows] = [&rows, &held_out].map(|rows| rows.len() / dim);
    check_rows(train_rows, held_out_rows)?;
    let constant = constant_names(table)?;
    let (mut stop, calibrate) = split.roles();
    if folds > 0 {
        stop.clone_from(&split.held_out);
    }
    let stopping = split::values(held_out_table, &stop);
    let own = Rows {
        train: &rows,
        stop: &stopping,
        join: false,
    };
    let fitted = fit_rows(table, &settings, own, None, &mut on_epoch)?;
    let mut scores = None;
    if folds > 0 && !fitted.ended {
        let plan = Plan {
            settings: &settings,
            folds,
            correlated,
            epochs: fitted.epochs.max(1),
            decided: &fitted.decided,
        };
        let shared = Mutex::new(&mut on_epoch);
        scores = folds::scores(table, &plan, &|epoch: &Epoch| {
            let mut on_epoch = shared.lock().unwrap_or_else(PoisonError::into_inner);
            (*on_epoch)(Stage::CrossValidation, epoch)
        })?;
    }
    let Fitted {
        mut model,
        epochs,
        best_epoch,
        fine_tuned,
        decided,
        history,
        ..
    } = fitted;

    let held_out_log_prob = flow_log_prob(&model, &held_out)?;
    if scores.is_some()
        && decided
            .mixture
            .as_ref()
            .is_some_and(|(_, couplings)| !couplings)
    {
        // Other models calibrate: what was held out need not be lost.
        let all = Rows { join: true, ..own };
        model = fit_rows(table, &settings, all, Some(&decided), |_, _| true)?.model;
    }

    let Some(gaussian) = Gaussian::fit(&rows, dim) else {
        bail!("the training rows contain values that are not finite");
    };
    let gaussian = gaussian.with_given(table.given);
    let gaussian_log_prob = gaussian.mean_log_prob(&held_out);
    note_rows(&mut model, table);
    model.header.provenance = Provenance {
        made_by: format!("nvpico {}", env!("CARGO_PKG_VERSION")),
        sources: sources(table, valid),
        calibration_sources: Vec::new(),
        config: toml::to_string(&settings)?,
        train_rows,
        held_out_rows,
        best_epoch,
        held_out_log_prob: finite(held_out_log_prob),
        gaussian_log_prob: finite(gaussian_log_prob),
        history,
    };
    match scores {
        Some(scores) => {
            model.calibrate_by(&scores, settings.false_alarm_rate, Method::CrossValidation);
            model.set_alarm(&scores.floats, table, settings.false_alarms);
        }
        None => calibrate_on_held_out(
            &mut model,
            [table, held_out_table],
            &settings,
            [&stop, &calibrate],
        )?,
    }
    model.validate().map_err(anyhow::Error::msg)?;
    Ok(Outcome {
        model,
        held_out_log_prob,
        gaussian_log_prob,
        gaussian_ridge: gaussian.ridge(),
        epochs,
        fine_tuned,
        correlated_rows: correlated,
        constant_columns: constant,
        settings,
    })
}

fn check_rows(train_rows: usize, held_out_rows: usize) -> anyhow::Result<()> {
    if train_rows < LEAST_TRAIN_ROWS || held_out_rows < LEAST_HELD_OUT_ROWS {
        bail!(
            "{train_rows} rows to train on and {held_out_rows} held out are too few: at least \
             {LEAST_TRAIN_ROWS} and {LEAST_HELD_OUT_ROWS} are needed, a few hundred are better"
        );
    }
    Ok(())
}

/// Takes note of the range of the values, and of how they move.
fn note_rows(model: &mut Model, table: &Table) {
    model.note_normal(&table.values);
    model.header.adaptation = Adaptation::of_table(table);
}

/// Names of the columns that hold one value.
fn constant_names(table: &Table) -> anyhow::Result<Vec<String>> {
    let constant = constant_columns(table);
    if constant.len() == table.dim() {
        bail!("every column is constant: there is nothing to train on");
    }
    // A map is standardised channel by channel: a constant pixel does not matter.
    let constant = constant.into_iter().filter(|_| table.shape.is_none());
    Ok(constant.map(|at| table.columns[at].clone()).collect())
}

/// Few held-out rows both stop the training and calibrate, and so do all after an interruption that came before the folds were done.
fn calibrate_on_held_out(
    model: &mut Model,
    [trained, table]: [&Table; 2],
    settings: &Settings,
    [stop, calibrate]: [&split::Stretches; 2],
) -> anyhow::Result<()> {
    let new = (calibrate.iter()).all(|own| !stop.iter().any(|other| overlap(own, other)));
    let method = if new {
        Method::HeldOut
    } else {
        Method::StoppingRows
    };
    let rows = split::values(table, calibrate);
    let scores = model.scores_of(&rows)?;
    model.calibrate_by(&scores, settings.false_alarm_rate, method);
    model.set_alarm(&scores.floats, table, settings.false_alarms);
    if let Some(alarm) = model
        .header
        .alarm
        .as_mut()
        .filter(|alarm| !alarm.guards.is_empty())
    {
        let own = GuardLimits::of_table(trained);
        let pairs = alarm.guards.iter_mut().zip(&own);
        pairs.for_each(|(guard, own)| *guard = guard.or(own));
    }
    // Of all the record: a tenth of it shows few visits of a state.
    model.set_dwell(trained, &[]);
    Ok(())
}

/// Mean log-density of rows under the flow itself: a second density only lowers it.
fn flow_log_prob(model: &Model, rows: &[f32]) -> anyhow::Result<f64> {
    let layers = model.header.spec.layers();
    let flow_spec = model.header.spec.flow_spec(&layers).without_kernels();
    let own = &model.params[..flow_spec.param_len()];
    Ok(train::mean_log_prob(&flow_spec, own, rows)?)
}

/// The rows to train on and those held out; `valid` is held out as a whole, and so are machines.
fn split_of(
    table: &Table,
    valid: Option<&Table>,
    settings: &Settings,
    gap: usize,
) -> anyhow::Result<Split> {
    match (valid, &table.groups) {
        (Some(valid), _) => Ok(Split::apart(table.rows, valid.rows)),
        (None, Some(groups)) => groups::split(groups, settings.held_out),
        (None, None) => Ok(Split::new(
            table.rows,
            settings.held_out,
            settings.split,
            gap,
        )),
    }
}

/// How many folds calibrate; none beside other rows that do.
fn folds_for(
    table: &Table,
    valid: Option<&Table>,
    settings: &Settings,
    correlated: usize,
) -> usize {
    match (valid, &table.groups) {
        (Some(_), _) => 0,
        (None, Some(groups)) => folds_of_machines(settings, groups),
        (None, None) => folds(settings, table.rows, correlated),
    }
}

/// How many folds calibrate: as many as asked for, or those that it takes because held-out rows are too few.
fn folds(settings: &Settings, rows: usize, correlated: usize) -> usize {
    let held_out = split::calibrating(settings.held_out) * rows as f64;
    let independent = held_out / correlated.max(1) as f64;
    let enough = settings.false_alarm_rate * independent >= ENOUGH;
    let few = enough || takes_long(settings, rows);
    settings.folds.unwrap_or(if few { 0 } else { usual(rows) })
}

/// How many folds of whole machines calibrate: machines that were held out are few, and may all be of one kind.
fn folds_of_machines(settings: &Settings, groups: &[u32]) -> usize {
    let (machines, rows) = (groups::machines_of(groups), groups.len());
    let few = machines < LEAST_MACHINES || takes_long(settings, rows);
    let wanted = settings.folds.unwrap_or(if few { 0 } else { usual(rows) });
    wanted.min(machines)
}

/// What takes long anyway must not take five times as long.
fn takes_long(settings: &Settings, rows: usize) -> bool {
    !matches!(settings.kind, Kind::Vector { .. }) && rows > MANY_MAPS
}

fn usual(rows: usize) -> usize {
    if rows <= MANY { FOLDS } else { FEW_FOLDS }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Checks that counts lie within their levels.
fn check_counts(table: &Table, settings: &Settings) -> anyhow::Result<()> {
    let Some(counts) = settings.counts else {
        return Ok(());
    };
    let (levels, dim) = (counts.levels, table.dim());
    let beyond = |x: &f32| !(*x >= 0.0 && *x < levels as f32);
    if let Some(at) = table.values.iter().position(beyond) {
        bail!(
            "row {}, {}: {} is not a count with {levels} levels (0 to {})",
            table.row_numbers[at / dim],
            table.columns[at % dim],
            table.values[at],
            levels - 1
        );
    }
    Ok(())
}

/// JSON has no infinities.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn sources(table: &Table, valid: Option<&Table>) -> Vec<Source> {
    table
        .source
        .iter()
        .chain(valid.into_iter().flat_map(|v| &v.source))
        .map(|source| Source {
            file: source.file.clone(),
            sha256: source.sha256.clone(),
        })
        .collect()
}
