//! A model of some rows, without a threshold.

use anyhow::{Context as _, bail};
use nvpico::train::mixture::Choice;
use nvpico::train::{self, Epoch, NoRounding, TrainOptions, Trained};
use nvpico::{Flow, LayerSpec};

use super::density::Standardized;
use super::fine_tune::{FineTuned, fine_tune};
use super::recipe::BaseChoice;
use super::settings::{Kind, Settings};
use super::whitening::whitening;
use crate::data::Table;
use crate::interrupt;
use crate::model::{Model, ModelSpec, ShapeName};

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
    let beginning = Beginning {
        settings,
        spec: &spec,
        start,
        options: &mut options,
        rows,
        stop,
        standardized: standardized.as_ref(),
    };
    let Latent {
        mut spec,
        mut params,
        epochs,
        best_epoch,
        decided,
    } = beginning.train(decided, |epoch| go_on(Stage::Training, epoch))?;
    if let Some(rows) = &standardized {
        let (most, seed) = (settings.kernels, settings.seed);
        rows.add_kernels(&mut spec, &mut params, stop, most, seed)?;
    }
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
        epochs,
        best_epoch,
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

/// What a flow is made from.
struct Beginning<'a> {
    settings: &'a Settings,
    /// With couplings, onto a standard normal.
    spec: &'a ModelSpec,
    start: Vec<f32>,
    options: &'a mut TrainOptions,
    rows: &'a [f32],
    stop: &'a [f32],
    /// For measured vectors.
    standardized: Option<&'a Standardized>,
}

/// A flow without kernels.
struct Latent {
    spec: ModelSpec,
    params: Vec<f32>,
    epochs: usize,
    best_epoch: usize,
    decided: Decided,
}

impl Beginning<'_> {
    /// Trains couplings, fits a mixture, and keeps what gives the rows of `stop` the higher density.
    fn train(
        self,
        decided: Option<&Decided>,
        on_epoch: impl FnMut(&Epoch) -> bool,
    ) -> anyhow::Result<Latent> {
        let plain = self.settings.base == BaseChoice::Normal;
        let stop = match self.standardized {
            Some(standardized) if !plain => {
                self.options.steps = standardized.steps();
                standardized.within_steps()
            }
            _ => self.stop,
        };
        let choice = self.standardized.and_then(|rows| match decided {
            Some(decided) => decided.mixture.clone().map(|(choice, _)| choice),
            None if plain => None,
            None => rows.choose(self.settings.seed),
        });
        let alone = self.standardized.zip(choice.as_ref());
        let alone = alone.and_then(|(rows, choice)| {
            let (spec, params) =
                rows.mixture(self.spec, choice, &self.start, self.settings.seed)?;
            Some((spec, params, rows.held_out_log_prob(choice)))
        });
        let mixture = decided.and_then(|decided| decided.mixture.as_ref());
        let trained = if mixture.is_none_or(|(_, couplings)| *couplings) {
            let in_front = self.settings.base == BaseChoice::Mixture;
            let base = alone.as_ref().filter(|_| in_front);
            Some(self.couplings(
                base.map(|(spec, params, _)| (spec, &params[..])),
                stop,
                on_epoch,
            )?)
        } else {
            None
        };
        let of = |couplings| Decided {
            mixture: choice.clone().map(|choice| (choice, couplings)),
        };
        match (trained, alone) {
            // Couplings that do not help are left out.
            (Some((_, trained)), Some((spec, params, held_out_log_prob)))
                if trained.held_out_log_prob <= held_out_log_prob =>
            {
                Ok(Latent {
                    spec,
                    params,
                    epochs: 0,
                    best_epoch: 0,
                    decided: of(false),
                })
            }
            (None, Some((spec, params, _))) => Ok(Latent {
                spec,
                params,
                epochs: 0,
                best_epoch: 0,
                decided: of(false),
            }),
            (Some((spec, trained)), _) => Ok(Latent {
                decided: if spec.base.is_normal() {
                    Decided::default()
                } else {
                    of(true)
                },
                spec,
                params: trained.params,
                epochs: trained.epochs,
                best_epoch: trained.best_epoch,
            }),
            (None, None) => bail!("the rows carry no mixture of Gaussians: choose --base normal"),
        }
    }

    /// Trains couplings onto a standard normal, or onto a mixture whose structure and parameters are given.
    fn couplings(
        self,
        base: Option<(&ModelSpec, &[f32])>,
        stop: &[f32],
        on_epoch: impl FnMut(&Epoch) -> bool,
    ) -> anyhow::Result<(ModelSpec, Trained)> {
        let (mut spec, mut start) = (self.spec.clone(), self.start);
        if let Some((own, params)) = base {
            spec.base = own.base;
            let standardize = LayerSpec::Standardize.param_len(spec.shape.into());
            start.extend(&params[standardize..]);
        }
        let layers = spec.layers();
        let trained = train::train_rounded(
            &spec.flow_spec(&layers),
            start,
            self.rows,
            stop,
            self.options,
            &NoRounding,
            &interrupt::heard,
            on_epoch,
        )?;
        drop(layers);
        Ok((spec, trained))
    }
}
