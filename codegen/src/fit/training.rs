//! From a table of normal rows to a calibrated model: split, train, compare, calibrate.

use anyhow::{Context as _, bail};
use nvpico::train::{self, Epoch, NoRounding};
use nvpico::{Flow, LayerSpec};

use super::fine_tune::{FineTuned, fine_tune};
use super::gaussian::Gaussian;
use super::recipe::{Recipe, SplitChoice};
use super::settings::Settings;
use super::whitening::whitening;
use crate::data::{Table, constant_columns};
use crate::interrupt;
use crate::model::{Model, Provenance, ShapeName, Source};

/// The fewest rows to train on.
const LEAST_TRAIN_ROWS: usize = 20;
/// The fewest held-out rows.
const LEAST_HELD_OUT_ROWS: usize = 5;
/// Most parameters of a model; no microcontroller holds as many.
const MOST_PARAMS: usize = 1 << 24;
/// Blocks of a split by blocks.
const BLOCKS: usize = 10;

/// What an epoch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Training in floats.
    Training,
    /// Training through the rounding of integers.
    FineTuning,
}

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
    /// Names of constant columns.
    pub constant_columns: Vec<String>,
    /// What it was trained with.
    pub settings: Settings,
}

/// Rows to train on, then rows held out; both row-major.
#[must_use]
pub fn split(values: &[f32], dim: usize, share: f64, which: SplitChoice) -> (Vec<f32>, Vec<f32>) {
    let rows = values.len() / dim;
    let held = ((rows as f64 * share).round() as usize).clamp(1, rows.saturating_sub(1).max(1));
    match which {
        SplitChoice::Last => {
            let (train, held_out) = values.split_at((rows - held) * dim);
            (train.to_vec(), held_out.to_vec())
        }
        SplitChoice::Blocks => {
            let (mut train, mut held_out) = (Vec::new(), Vec::new());
            for block in 0..BLOCKS {
                let (from, to) = (block * rows / BLOCKS, (block + 1) * rows / BLOCKS);
                let own = held * (block + 1) / BLOCKS - held * block / BLOCKS;
                let at = to.saturating_sub(own).max(from);
                train.extend_from_slice(&values[from * dim..at * dim]);
                held_out.extend_from_slice(&values[at * dim..to * dim]);
            }
            (train, held_out)
        }
    }
}

/// The shape of a table's samples.
#[must_use]
pub fn shape_of(table: &Table) -> ShapeName {
    table
        .shape
        .map_or(ShapeName::vector(table.dim()), ShapeName)
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
    on_epoch: impl FnMut(Stage, &Epoch) -> bool,
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
            "a flow needs at least 2 numeric columns, found {dim} ({})",
            table.columns.join(", ")
        );
    }
    Settings::new(recipe, table.rows, shape_of(table)).map_err(anyhow::Error::msg)
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
    mut on_epoch: impl FnMut(Stage, &Epoch) -> bool,
) -> anyhow::Result<Outcome> {
    let (dim, shape) = (table.dim(), shape_of(table));
    if let Some(counts) = settings.counts {
        check_counts(table, counts.levels)?;
    }
    let (rows, held_out) = match valid {
        Some(valid) => (table.values.clone(), valid.values.clone()),
        None => split(&table.values, dim, settings.held_out, settings.split),
    };
    let (train_rows, held_out_rows) = (rows.len() / dim, held_out.len() / dim);
    if train_rows < LEAST_TRAIN_ROWS || held_out_rows < LEAST_HELD_OUT_ROWS {
        bail!(
            "{train_rows} rows to train on and {held_out_rows} held out are too few: at least \
             {LEAST_TRAIN_ROWS} and {LEAST_HELD_OUT_ROWS} are needed, a few hundred are better"
        );
    }
    let constant = constant_columns(table);
    if constant.len() == dim {
        bail!("every column is constant: there is nothing to train on");
    }
    // A map is standardised channel by channel: a constant pixel does not matter.
    let constant = constant.into_iter().filter(|_| table.shape.is_none());
    let constant: Vec<String> = constant.map(|at| table.columns[at].clone()).collect();

    let spec = settings.spec(shape).map_err(anyhow::Error::msg)?;
    let layers = spec.layers();
    let flow_spec = spec.flow_spec(&layers);
    flow_spec.validate()?;
    if flow_spec.param_len() > MOST_PARAMS {
        bail!(
            "the model would have {} parameters, more than {MOST_PARAMS}: choose fewer --couplings, smaller --hidden or --filters",
            flow_spec.param_len()
        );
    }
    let options = settings.train_options();
    let mut start = train::init(&flow_spec, &rows, options.seed);
    if settings.whiten {
        let shape = flow_spec.shape;
        let (standardize, rest) = start.split_at_mut(LayerSpec::Standardize.param_len(shape));
        let matrix = whitening(&rows, shape, standardize, options.noise)
            .context("the training rows hold values that are not finite")?;
        rest[..matrix.len()].copy_from_slice(&matrix);
    }
    Flow::new(flow_spec, &start)?;
    let trained = train::train_rounded(
        &flow_spec,
        start,
        &rows,
        &held_out,
        &options,
        &NoRounding,
        &interrupt::heard,
        |epoch| on_epoch(Stage::Training, epoch),
    )?;

    let Some(gaussian) = Gaussian::fit(&rows, dim) else {
        bail!("the training rows contain values that are not finite");
    };
    let gaussian_log_prob = gaussian.mean_log_prob(&held_out);
    let mut model = Model::new(spec.clone(), trained.params);
    model.set_features(table.features());
    model.header.precision = settings.precision;
    model.find_ranges(&rows);
    // Whatever keeps it from being one in integers is said before the work of fine-tuning.
    model.ready(None).context(
        "the trained model cannot be expressed in integers: train it without --precision",
    )?;
    let mut fine_tuning = options.clone();
    fine_tuning.epochs = settings.fine_tune;
    let fine_tuned = fine_tune(&mut model, &rows, &held_out, &fine_tuning, |epoch| {
        on_epoch(Stage::FineTuning, epoch)
    })?;
    let held_out_log_prob = train::mean_log_prob(&flow_spec, &model.params, &held_out)?;
    model.header.provenance = Provenance {
        made_by: format!("nvpico {}", env!("CARGO_PKG_VERSION")),
        sources: sources(table, valid),
        config: toml::to_string(&settings)?,
        train_rows,
        held_out_rows,
        best_epoch: trained.best_epoch,
        held_out_log_prob: finite(held_out_log_prob),
        gaussian_log_prob: finite(gaussian_log_prob),
    };
    model.calibrate_on(&held_out, settings.false_alarm_rate)?;
    model.validate().map_err(anyhow::Error::msg)?;
    Ok(Outcome {
        model,
        held_out_log_prob,
        gaussian_log_prob,
        gaussian_ridge: gaussian.ridge(),
        epochs: trained.epochs,
        fine_tuned,
        constant_columns: constant,
        settings,
    })
}

/// Checks that counts lie within their levels.
fn check_counts(table: &Table, levels: u32) -> anyhow::Result<()> {
    let dim = table.dim();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_take_every_row_once() {
        let values: Vec<f32> = (0..206).map(|i| i as f32).collect();
        for which in [SplitChoice::Last, SplitChoice::Blocks] {
            let (train, held_out) = split(&values, 2, 0.2, which);
            assert_eq!(held_out.len(), 2 * 21);
            let mut all: Vec<f32> = train.iter().chain(&held_out).copied().collect();
            all.sort_by(f32::total_cmp);
            assert_eq!(all, values);
        }
        let (train, _) = split(&values, 2, 0.2, SplitChoice::Last);
        assert_eq!(train, values[..2 * 82]);
    }
}
