//! A model of some rows, without a threshold.

use anyhow::{Context as _, bail};
use nvpico::train::mixture::Choice;
use nvpico::train::{self, Epoch, NoRounding};
use nvpico::{Flow, LayerSpec};

use super::density::Standardized;
use super::fine_tune::{FineTuned, fine_tune};
use super::recipe::BaseChoice;
use super::settings::{Kind, Settings};
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
    /// What the rows decided.
    pub decided: Decided,
    /// Whether `on_epoch` ended it.
    pub ended: bool,
}

/// What the rows decided: models for a cross-validation are made the same way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// The mixture that was fitted, and whether couplings stand in front of it.
    pub mixture: Option<(Choice, bool)>,
}

/// Trains on rows of a table; the rows of `stop` decide when to stop, and where nothing is `decided` which density of the latent
/// values it is.
///
/// # Errors
/// A shape that the architecture does not take, or a diverged run.
pub fn fit_rows(
    table: &Table,
    settings: &Settings,
    rows: &[f32],
    stop: &[f32],
    decided: Option<&Decided>,
    mut on_epoch: impl FnMut(Stage, &Epoch) -> bool,
) -> anyhow::Result<Fitted> {
    let mut spec = settings.spec(shape_of(table)).map_err(anyhow::Error::msg)?;
    let layers = spec.layers();
    let flow_spec = spec.flow_spec(&layers);
    flow_spec.validate()?;
    if flow_spec.param_len() > MOST_PARAMS {
        bail!(
            "the model would have {} parameters, more than {MOST_PARAMS}: choose fewer --couplings, smaller --hidden or --filters",
            flow_spec.param_len()
        );
    }
    let mut options = settings.train_options();
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
    let standardized =
        measures_vectors(settings).then(|| Standardized::new(rows, stop, flow_spec.dim(), &start));
    let plain = settings.base == BaseChoice::Normal;
    let stopping = match &standardized {
        Some(standardized) if !plain => {
            options.steps = standardized.steps();
            standardized.within_steps()
        }
        _ => stop,
    };
    let mixture = standardized.as_ref().and_then(|rows| match decided {
        Some(decided) => decided.mixture.clone().map(|(choice, _)| choice),
        None if plain => None,
        None => rows.choose(settings.seed),
    });
    let with_couplings = match decided {
        Some(decided) => decided
            .mixture
            .as_ref()
            .is_none_or(|(_, couplings)| *couplings),
        None => true,
    };
    // The mixture alone: as it is, or where the couplings start.
    let alone = match (&standardized, &mixture) {
        (Some(rows), Some(choice)) => rows.mixture(&spec, choice, &start, settings.seed),
        _ => None,
    };
    let in_front = settings.base == BaseChoice::Mixture;
    let mut trained = None;
    if with_couplings {
        let (mut spec, mut start) = (spec.clone(), start);
        if let (true, Some((own, params))) = (in_front, &alone) {
            spec.base = own.base;
            start.extend(&params[LayerSpec::Standardize.param_len(flow_spec.shape)..]);
        }
        let layers = spec.layers();
        let flow_spec = spec.flow_spec(&layers);
        let found = train::train_rounded(
            &flow_spec,
            start,
            rows,
            stopping,
            &options,
            &NoRounding,
            &interrupt::heard,
            |epoch| go_on(Stage::Training, epoch),
        )?;
        trained = Some((spec.clone(), found));
    }
    let mut epochs = (0, 0);
    let (mut params, mut couplings) = (Vec::new(), true);
    let with = match (&trained, alone, &standardized, &mixture) {
        // Couplings that never helped are left out.
        (Some((_, trained)), Some(alone), Some(rows), Some(choice))
            if trained.held_out_log_prob <= rows.held_out_log_prob(choice) =>
        {
            Some(alone)
        }
        (None, alone, ..) => alone,
        _ => None,
    };
    if let Some((own, found)) = with {
        (spec, params, couplings) = (own, found, false);
    } else if let Some((own, found)) = trained {
        (spec, params, epochs) = (own, found.params, (found.epochs, found.best_epoch));
    }
    if params.is_empty() {
        bail!("the rows carry no mixture of Gaussians: choose --base normal");
    }
    let is_mixture = !spec.base.is_normal();
    if let Some(rows) = &standardized {
        rows.add_kernels(
            &mut spec,
            &mut params,
            stop,
            settings.kernels,
            settings.seed,
        )?;
    }
    let decided = Decided {
        mixture: mixture
            .filter(|_| is_mixture)
            .map(|choice| (choice, couplings)),
    };
    let mut model = Model::new(spec, params);
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
        epochs: epochs.0,
        best_epoch: epochs.1,
        fine_tuned,
        decided,
        // A signal ends a training between two epochs, too.
        ended: ended || interrupt::heard(),
    })
}

/// Whether the model is one of measured values in a vector.
fn measures_vectors(settings: &Settings) -> bool {
    matches!(settings.kind, Kind::Vector { .. }) && settings.counts.is_none()
}
