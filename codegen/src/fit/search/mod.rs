//! Search for the architecture and precision that fit a chip best.
//!
//! Costs are the estimates of [`cost`]; nothing is built. Every structure that fits the budget in some precision is
//! trained for a few epochs on a part of the rows. Each precision that fits is then rated by the log-density of held-out
//! rows, and by how well it separates them from synthetic outliers: held-out rows with one value taken from another row,
//! or moved by four standard deviations.

mod candidates;
mod trial;

use std::rc::Rc;

use nvpico::train;

use super::given::Given;
use super::recipe::{Architecture, Recipe};
use super::settings::{Convolutions, Kind, Settings};
use super::split::{self, Split};
use super::training::{self, Outcome};
use super::with_given::with_given;
use crate::data::Table;
use crate::deploy::Deployed;
use crate::deploy::cost::{self, NotMeasured};
use crate::harness::Core;
use crate::interrupt;
use crate::metrics;
use crate::model::ShapeName;
use crate::precision::Precision;
use candidates::{outliers, structures, thinned};
pub use trial::{Budget, Trial};
use trial::{best, smallest};

/// Most epochs for trying a structure, and most without a better held-out log-density.
const EPOCHS: usize = 40;
const PATIENCE: usize = 8;

/// Why the search found nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Nothing fits.
    #[error("no model that was tried fits: {0}")]
    TooSmall(String),
    /// Costs are not known.
    #[error(transparent)]
    NotMeasured(#[from] NotMeasured),
    /// A structure could not be trained.
    #[error("{0:#}")]
    Training(anyhow::Error),
}

/// What was tried, cheapest structures first, and the recipe of the one that was taken.
#[derive(Clone, Debug)]
pub struct Found {
    /// All trials.
    pub trials: Vec<Trial>,
    /// The recipe to train with.
    pub recipe: Recipe,
    /// Where a signal ended the search: the model of the chosen trial as it was tried.
    pub interrupted: Option<Box<Outcome>>,
}

/// Tries structures and precisions on the rows. `progress` gets the number of structures done and their total.
///
/// # Errors
/// [`SearchError`] where nothing fits, costs are not known, or a structure cannot be trained.
pub fn search(
    table: &Table,
    recipe: &Recipe,
    core: Core,
    budget: Budget,
    mut progress: impl FnMut(usize, usize),
) -> Result<Found, SearchError> {
    let shape = training::shape_of(table);
    let is_map = match recipe.architecture {
        Some(kind) => kind != Architecture::Vector,
        None => table.shape.is_some(),
    };
    let rows = thinned(table);
    let precisions = match recipe.precision {
        Some(own) => vec![own],
        None => Precision::ALL.to_vec(),
    };
    let structures = structures(recipe, is_map);
    let (mut trials, mut recipes, mut unknown) = (Vec::new(), Vec::new(), None);
    let mut outcomes = Vec::new();
    for (index, structure) in structures.iter().enumerate() {
        progress(index, structures.len());
        if interrupt::heard() {
            break;
        }
        let mut own = Vec::new();
        for &precision in &precisions {
            match priced(structure, shape, &rows, core, precision, budget)? {
                Ok(trial) => own.push(trial),
                Err(reason) => unknown = Some(reason),
            }
        }
        let mut outcome = None;
        if own.iter().any(|trial| trial.fits) {
            let judged = judge(structure, &rows, &mut own).map_err(SearchError::Training)?;
            outcome = Some(Rc::new(judged));
        }
        outcomes.extend(own.iter().map(|_| outcome.clone()));
        recipes.extend(own.iter().map(|trial| Recipe {
            precision: Some(trial.precision),
            ..structure.clone()
        }));
        trials.extend(own);
    }
    if trials.is_empty() {
        let reason = unknown.unwrap_or(NotMeasured::Part("no structure".into()));
        return Err(reason.into());
    }
    let Some(best) = best(&trials) else {
        return Err(SearchError::TooSmall(smallest(&trials)));
    };
    trials[best].chosen = true;
    let interrupted = interrupt::heard().then(|| {
        let mut outcome = outcomes.swap_remove(best).map(Rc::unwrap_or_clone)?;
        outcome.model.header.precision = trials[best].precision;
        Some(Box::new(outcome))
    });
    Ok(Found {
        interrupted: interrupted.flatten(),
        recipe: recipes.swap_remove(best),
        trials,
    })
}

/// A structure's cost in a precision; or why that is not known.
fn priced(
    structure: &Recipe,
    shape: ShapeName,
    rows: &Table,
    core: Core,
    precision: Precision,
    budget: Budget,
) -> Result<Result<Trial, NotMeasured>, SearchError> {
    let failed = |reason| SearchError::Training(anyhow::Error::msg(reason));
    let settings = Settings::new(structure, rows.rows, shape)
        .and_then(|settings| with_given(settings, Given::of(rows)))
        .map_err(failed)?;
    let spec = settings.spec(shape).map_err(failed)?;
    let (hidden, filters) = match settings.kind {
        Kind::Vector { hidden, .. } => (Some(hidden), None),
        Kind::Window(Convolutions { filters, .. })
        | Kind::Image(Convolutions { filters, .. })
        | Kind::Paper {
            convolutions: Convolutions { filters, .. },
            ..
        } => (None, Some(filters)),
    };
    let layers = spec.layers();
    let flow = spec.flow_spec(&layers);
    let checked = flow.validate();
    checked.map_err(|error| SearchError::Training(error.into()))?;
    let params = train::init(&flow, &rows.values, 0);
    let folded = train::fold(&flow, &params);
    let deployed = Deployed::folded(&spec, folded.params);
    Ok(
        cost::estimate(&deployed, precision, core).map(|cost| Trial {
            couplings: settings.couplings,
            hidden,
            filters,
            precision,
            fits: budget.allows(&cost),
            cost,
            held_out_log_prob: None,
            outlier_auroc: None,
            chosen: false,
        }),
    )
}

/// Trains a structure for a few epochs and rates its precisions that fit.
fn judge(structure: &Recipe, rows: &Table, trials: &mut [Trial]) -> anyhow::Result<Outcome> {
    let recipe = Recipe {
        epochs: Some(structure.epochs.unwrap_or(EPOCHS).min(EPOCHS)),
        patience: Some(structure.patience.unwrap_or(PATIENCE).min(PATIENCE)),
        // No threshold is needed.
        folds: Some(0),
        ..structure.clone()
    };
    let outcome = training::fit(rows, None, recipe, |_, _| {
        // From now on there is something to keep.
        interrupt::keep();
        !interrupt::heard()
    })?;
    let Settings {
        held_out, split, ..
    } = outcome.settings;
    let split = Split::new(rows.rows, held_out, split, outcome.correlated_rows);
    let held_out = split::values(rows, &split.held_out);
    let strange = outliers(&held_out, rows.dim(), rows.given);
    for trial in trials.iter_mut().filter(|trial| trial.fits) {
        let Ok(ready) = outcome.model.ready(Some(trial.precision)) else {
            trial.fits = false;
            continue;
        };
        let normal = ready.log_probs(&held_out);
        let finite: Vec<f64> = normal.iter().map(|&l| f64::from(l)).collect();
        trial.held_out_log_prob = Some(finite.iter().sum::<f64>() / finite.len().max(1) as f64);
        let labels = [vec![false; normal.len()], vec![true; normal.len()]].concat();
        let all = [normal, ready.log_probs(&strange)].concat();
        trial.outlier_auroc = metrics::auroc(&metrics::scores(&all), &labels);
    }
    Ok(outcome)
}
