//! A model of some rows, without a threshold.

use anyhow::{Context as _, bail};
use nvpico::train::mixture::Choice;
use nvpico::train::{self, Epoch, NoRounding, TrainOptions, Trained};
use nvpico::{Flow, LayerSpec};

use super::density::{Beside, Standardized};
use super::fine_tune::{FineTuned, fine_tune};
use super::front::params_of_front;
use super::history::History;
use super::recipe::BaseChoice;
use super::settings::{Kind, Settings};
use super::whitening::whitening;
use crate::data::Table;
use crate::interrupt;
use crate::model::{EpochLoss, Model, ModelSpec, ShapeName};

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
    /// How the training in floats went.
    pub history: Vec<EpochLoss>,
}

/// What the rows decided: models for a cross-validation are made the same way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// The mixture that was fitted, and whether couplings stand in front of it.
    pub mixture: Option<(Choice, bool)>,
    /// The weight of kernels beside it.
    pub kernels: Option<f64>,
}

/// Rows that a model is made from.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// They train.
    pub train: &'a [f32],
    /// They decide when to stop, and where nothing is decided which density it is.
    pub stop: &'a [f32],
    /// Once that is decided, a mixture without couplings and its kernels are fitted to the rows of `stop` as well: others calibrate.
    pub join: bool,
}

/// Trains on rows of a table.
///
/// # Errors
/// A shape that the architecture does not take, or a diverged run.
pub fn fit_rows(
    table: &Table,
    settings: &Settings,
    rows: Rows<'_>,
    decided_before: Option<&Decided>,
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
    let mut start = train::init(&flow_spec, rows.train, options.seed);
    if settings.whiten {
        let shape = flow_spec.shape;
        let (standardize, rest) = start.split_at_mut(LayerSpec::Standardize.param_len(shape));
        let matrix = whitening(rows.train, shape, standardize, options.noise)
            .context("the training rows hold values that are not finite")?;
        rest[..matrix.len()].copy_from_slice(&matrix);
    }
    Flow::new(flow_spec, &start)?;
    let mut ended = false;
    let mut history = History::default();
    let mut go_on = |stage, epoch: &Epoch| {
        if stage == Stage::Training {
            history.note(epoch);
        }
        let more = on_epoch(stage, epoch);
        ended |= !more;
        more
    };
    let standardized = measures_vectors(settings)
        .then(|| {
            let (dim, given) = (flow_spec.dim(), &settings.given);
            Standardized::new(rows.train, rows.stop, dim, given, &start)
                .context("the rows do not tell how the others depend on the given columns: leave out --given")
        })
        .transpose()?;
    if let Some(own) = standardized.as_ref().map(Standardized::conditional_params) {
        let at = LayerSpec::Standardize.param_len(flow_spec.shape);
        start[at..at + own.len()].copy_from_slice(&own);
    }
    let beginning = Beginning {
        settings,
        spec: &spec,
        start,
        options: &mut options,
        rows,
        standardized: standardized.as_ref(),
    };
    let Latent {
        mut spec,
        mut params,
        epochs,
        best_epoch,
        mut decided,
    } = beginning.train(decided_before, |epoch| go_on(Stage::Training, epoch))?;
    if let Some(standardized) = &standardized {
        let densities = Densities {
            settings,
            rows,
            standardized,
            decided: decided_before,
        };
        densities.finish(&mut spec, &mut params, &mut decided)?;
    }
    let mut model = Model::new(spec, params);
    model.set_features(table.features());
    model.header.precision = settings.precision;
    model.find_ranges(rows.train);
    // Whatever keeps it from being one in integers is said before the work of fine-tuning.
    model.ready(None).context(
        "the trained model cannot be expressed in integers: train it without --precision",
    )?;
    let mut fine_tuning = options.clone();
    fine_tuning.epochs = settings.fine_tune;
    let fine_tuned = fine_tune(&mut model, rows.train, rows.stop, &fine_tuning, |epoch| {
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
        history: history.into_epochs(),
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
    rows: Rows<'a>,
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
            _ => self.rows.stop,
        };
        let choice = self.standardized.and_then(|rows| match decided {
            Some(decided) => decided.mixture.clone().map(|(choice, _)| choice),
            None if plain => None,
            None => rows.choose(self.settings.seed),
        });
        let alone = self.standardized.zip(choice.as_ref());
        let alone = alone.and_then(|(rows, choice)| {
            let (spec, params) =
                rows.mixture(self.spec, choice, &self.start, self.settings.seed, false)?;
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
            kernels: None,
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
                    Decided {
                        mixture: None,
                        ..of(true)
                    }
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
            start.extend(&params[params_of_front(own)..]);
        }
        let layers = spec.layers();
        let trained = train::train_rounded(
            &spec.flow_spec(&layers),
            start,
            self.rows.train,
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

/// The last steps of a model of vectors.
struct Densities<'a> {
    settings: &'a Settings,
    rows: Rows<'a>,
    standardized: &'a Standardized,
    /// What a model of more rows decided.
    decided: Option<&'a Decided>,
}

impl Densities<'_> {
    /// Adds kernels, and fits what is no network to all rows where they may join.
    fn finish(
        &self,
        spec: &mut ModelSpec,
        params: &mut Vec<f32>,
        decided: &mut Decided,
    ) -> anyhow::Result<()> {
        let Self {
            settings,
            rows,
            standardized,
            ..
        } = self;
        let seed = settings.seed;
        let weight = self.decided.and_then(|decided| decided.kernels);
        // A model that decides finds the weight; those after it have none where that one had none.
        let mut kernels = if self.decided.is_some() && weight.is_none() {
            None
        } else {
            standardized.kernels(spec, params, rows.stop, settings.kernels, weight, seed)?
        };
        decided.kernels = kernels.as_ref().map(Beside::weight);
        if let (true, Some((choice, false))) = (rows.join, &decided.mixture) {
            let all = standardized.mixture(spec, choice, params, seed, true);
            (*spec, *params) = all.context("the rows carry no mixture of Gaussians")?;
            kernels = kernels.and_then(|own| standardized.around_all(&own, params, seed));
        }
        if let Some(kernels) = kernels {
            kernels.add_to(spec, params);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::recipe::Recipe;
    use crate::fit::training;
    use crate::random::Source;

    /// Two features whose sum has the standard deviation `tight`.
    fn table(tight: f64) -> Table {
        let mut random = Source::new(7);
        let row = |_| {
            let along = random.normal(1.0);
            [along as f32, (random.normal(tight) - along) as f32]
        };
        Table {
            columns: vec!["a".into(), "b".into()],
            rows: 600,
            row_numbers: (1..=600).collect(),
            values: (0..600).flat_map(row).collect(),
            ..Table::default()
        }
    }

    fn fitted(table: &Table, join: bool, decided: Option<&Decided>) -> Fitted {
        let recipe = Recipe {
            couplings: Some(1),
            hidden: Some(vec![4]),
            epochs: Some(2),
            seed: Some(1),
            ..Recipe::default()
        };
        let settings = training::settings(table, &recipe).unwrap();
        let (train, stop) = table.values.split_at(900);
        let rows = Rows { train, stop, join };
        fit_rows(table, &settings, rows, decided, |_, _| true).unwrap()
    }

    #[test]
    fn kernels_weigh_less_where_sensors_follow_a_tight_relation() {
        let weight = |tight| fitted(&table(tight), false, None).decided.kernels.unwrap();
        let (tight, loose) = (weight(0.01), weight(1.0));
        assert!(tight < 0.5 && loose > 0.8, "{tight}, {loose}");
        assert!(tight >= 0.3 && loose <= 1.0, "{tight}, {loose}");
    }

    #[test]
    fn held_out_rows_join_a_mixture_once_they_have_decided() {
        let table = table(0.01);
        let apart = fitted(&table, false, None);
        assert!(matches!(apart.decided.mixture, Some((_, false))));
        let again = fitted(&table, false, Some(&apart.decided));
        assert_eq!(apart.model.params, again.model.params);
        let joined = fitted(&table, true, Some(&apart.decided));
        assert_eq!(apart.decided, joined.decided);
        // Standardised as before, but the mixture is another one.
        let standardize = 2 * 2 + 1;
        let (one, other) = (&apart.model.params, &joined.model.params);
        assert_eq!(one[..standardize], other[..standardize]);
        assert_ne!(one[standardize..], other[standardize..]);
    }
}
