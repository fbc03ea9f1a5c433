//! A model of some rows, without a threshold.

use anyhow::{Context as _, bail};
use nvpico::train::{self, Epoch, NoRounding};
use nvpico::{Flow, LayerSpec};

use super::fine_tune::{FineTuned, fine_tune};
use super::settings::Settings;
use super::whitening::whitening;
use crate::data::Table;
use crate::interrupt;
use crate::model::{Model, ShapeName};

/// Most parameters of a model; no microcontroller holds as many.
pub(super) const MOST_PARAMS: usize = 1 << 24;

/// What an epoch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Training in floats.
    Training,
    /// Training through the rounding of integers.
    FineTuning,
    /// Training of models without a part of the rows, for calibration; several at a time.
    CrossValidation,
}

/// The shape of a table's samples.
#[must_use]
pub fn shape_of(table: &Table) -> ShapeName {
    table
        .shape
        .map_or(ShapeName::vector(table.dim()), ShapeName)
}

/// A model of some rows, without a threshold.
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// Epochs run.
    pub epochs: usize,
    /// The one that its parameters come from.
    pub best_epoch: usize,
    /// The result of fine-tuning, for an integer precision.
    pub fine_tuned: Option<FineTuned>,
    /// Whether `on_epoch` ended it.
    pub ended: bool,
}

/// Trains on rows of a table; the rows of `stop` decide when to stop.
///
/// # Errors
/// A shape that the architecture does not take, or a diverged run.
pub fn fit_rows(
    table: &Table,
    settings: &Settings,
    rows: &[f32],
    stop: &[f32],
    mut on_epoch: impl FnMut(Stage, &Epoch) -> bool,
) -> anyhow::Result<Fitted> {
    let spec = settings.spec(shape_of(table)).map_err(anyhow::Error::msg)?;
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
    let mut start = train::init(&flow_spec, rows, options.seed);
    if settings.whiten {
        let shape = flow_spec.shape;
        let (standardize, rest) = start.split_at_mut(LayerSpec::Standardize.param_len(shape));
        let matrix = whitening(rows, shape, standardize, options.noise)
            .context("the training rows hold values that are not finite")?;
        rest[..matrix.len()].copy_from_slice(&matrix);
    }
    Flow::new(flow_spec, &start)?;
    let mut ended = false;
    let mut go_on = |stage, epoch: &Epoch| {
        let more = on_epoch(stage, epoch);
        ended |= !more;
        more
    };
    let trained = train::train_rounded(
        &flow_spec,
        start,
        rows,
        stop,
        &options,
        &NoRounding,
        &interrupt::heard,
        |epoch| go_on(Stage::Training, epoch),
    )?;
    let mut model = Model::new(spec.clone(), trained.params);
    model.set_features(table.features());
    model.header.precision = settings.precision;
    model.find_ranges(rows);
    // Whatever keeps it from being one in integers is said before the work of fine-tuning.
    model.ready(None).context(
        "the trained model cannot be expressed in integers: train it without --precision",
    )?;
    let mut fine_tuning = options.clone();
    fine_tuning.epochs = settings.fine_tune;
    let fine_tuned = fine_tune(&mut model, rows, stop, &fine_tuning, |epoch| {
        go_on(Stage::FineTuning, epoch)
    })?;
    Ok(Fitted {
        model,
        epochs: trained.epochs,
        best_epoch: trained.best_epoch,
        fine_tuned,
        // A signal ends a training between two epochs, too.
        ended: ended || interrupt::heard(),
    })
}
