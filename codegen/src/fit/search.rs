//! Architectures and precisions that fit a chip: tries them on the data, and takes the best that fits.
//!
//! Costs are those of [`cost`], told before anything is built. Every structure of which some
//! precision fits the budget is trained for a while on some of the rows; each precision that fits is then judged
//! by the log-density of held-out rows, and by how well it tells these from synthetic outliers: held-out rows with
//! one value of another row, or one value moved by four standard deviations.

use nvpico::train;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;

use crate::data::Table;
use crate::deploy::Deployed;
use crate::deploy::cost::{self, Cost, NotMeasured};
use crate::fit::recipe::{Architecture, Recipe, SplitChoice};
use crate::fit::training;
use crate::harness::Core;
use crate::metrics;
use crate::model::ShapeName;
use crate::output;
use crate::precision::Precision;

/// Widths of the hidden layers of vector models that are tried.
const HIDDEN: [&[usize]; 8] = [
    &[8],
    &[16],
    &[8, 8],
    &[16, 16],
    &[24, 24],
    &[32, 32],
    &[48, 48],
    &[64, 64],
];
/// Couplings that are tried; of maps, in a row.
const COUPLINGS: [usize; 4] = [2, 4, 6, 8];
const COUPLINGS_OF_MAPS: [usize; 2] = [1, 2];
/// Channels inside the networks of models for maps that are tried.
const FILTERS: [usize; 4] = [4, 8, 12, 16];
/// Rows that a structure is tried on.
const ROWS: usize = 4000;
const EPOCHS: usize = 40;
const PATIENCE: usize = 8;
/// A lower area under the ROC curve than the best one by so much is too low, however good the log-density.
const DETECTION: f64 = 0.01;

/// Log-densities that differ by no more nats are as good as equal.
const NEXT_TO: f64 = 0.02;

/// What a score may cost. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// Bytes of flash that engine and model add.
    pub flash: Option<u64>,
    /// Bytes of RAM that they add, workspace and stack.
    pub ram: Option<u64>,
    /// Cycles of a score.
    pub cycles: Option<u64>,
}

impl Budget {
    /// Whether a cost is within it, with room for what is an estimate: a tenth of the engine's code and of the
    /// stack, a twentieth of the cycles.
    #[must_use]
    pub fn allows(&self, cost: &Cost) -> bool {
        let code = cost.flash_bytes.saturating_sub(cost.parameter_bytes);
        let flash = cost.flash_bytes + code / 10;
        let ram = cost.static_ram_bytes + cost.stack_bytes + cost.stack_bytes / 10;
        let within = |limit: Option<u64>, value: u64| limit.is_none_or(|limit| value <= limit);
        within(self.flash, flash as u64)
            && within(self.ram, ram as u64)
            && within(self.cycles, cost.cycles + cost.cycles / 20)
    }
}

/// A structure in a precision. The names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Couplings; of maps, in a row.
    pub couplings: usize,
    /// Hidden layers, of a vector model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// Channels inside the networks, of a model for maps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<usize>,
    /// The arithmetic.
    pub precision: Precision,
    /// What a score costs.
    pub cost: Cost,
    /// Whether that is within the budget; the others were not trained.
    pub fits: bool,
    /// Mean log-density of held-out rows, in nats; `null` where it was not trained.
    #[serde(serialize_with = "output::serialize_option")]
    pub held_out_log_prob: Option<f64>,
    /// Area under the ROC curve, held-out rows against synthetic outliers.
    #[serde(serialize_with = "output::serialize_option")]
    pub outlier_auroc: Option<f64>,
    /// Whether it is the one that was taken.
    pub chosen: bool,
}

impl Trial {
    /// The structure in words, as `6 couplings, 32-32`.
    #[must_use]
    pub fn structure(&self) -> String {
        let inside = match (&self.hidden, self.filters) {
            (Some(hidden), _) => {
                let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
                widths.join("-")
            }
            (None, Some(filters)) => format!("{filters} filters"),
            (None, None) => String::new(),
        };
        format!("{} x {inside}", self.couplings)
    }

    /// Bytes of RAM.
    #[must_use]
    pub fn ram(&self) -> usize {
        self.cost.static_ram_bytes + self.cost.stack_bytes
    }
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Nothing fits.
    #[error("nothing that was tried fits: {0}")]
    TooSmall(String),
    /// Costs are not known.
    #[error(transparent)]
    NotMeasured(#[from] NotMeasured),
    /// A structure could not be trained.
    #[error("{0:#}")]
    Training(anyhow::Error),
}

/// Structures to try: those of the recipe where it fixes them.
fn structures(recipe: &Recipe, is_map: bool) -> Vec<Recipe> {
    let couplings: &[usize] = match (&recipe.couplings, is_map) {
        (Some(own), _) => &[*own],
        (None, true) => &COUPLINGS_OF_MAPS,
        (None, false) => &COUPLINGS,
    };
    let inside: Vec<Recipe> = if is_map {
        let filters = recipe.filters.map_or(FILTERS.to_vec(), |own| vec![own]);
        let with = |filters| Recipe {
            filters: Some(filters),
            ..recipe.clone()
        };
        filters.into_iter().map(with).collect()
    } else {
        let hidden: Vec<Vec<usize>> = match &recipe.hidden {
            Some(own) => vec![own.clone()],
            None => HIDDEN.iter().map(|widths| widths.to_vec()).collect(),
        };
        let with = |hidden| Recipe {
            hidden: Some(hidden),
            ..recipe.clone()
        };
        hidden.into_iter().map(with).collect()
    };
    let with = |own: &Recipe, couplings| Recipe {
        couplings: Some(couplings),
        ..own.clone()
    };
    (couplings.iter())
        .flat_map(|&couplings| inside.iter().map(move |own| with(own, couplings)))
        .collect()
}

/// Every so many rows, so that there are not more than [`ROWS`].
fn thinned(table: &Table) -> Table {
    let step = table.rows.div_ceil(ROWS).max(1);
    let dim = table.dim();
    let rows = table.values.chunks_exact(dim).step_by(step);
    let values: Vec<f32> = rows.flatten().copied().collect();
    Table {
        columns: table.columns.clone(),
        shape: table.shape,
        rows: values.len() / dim,
        values,
        row_numbers: table.row_numbers.iter().step_by(step).copied().collect(),
        ..Table::default()
    }
}

/// Rows that are like held-out ones but for one value.
fn outliers(rows: &[f32], dim: usize) -> Vec<f32> {
    let count = rows.len() / dim;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut below = |limit: usize| random.next_u32() as usize % limit.max(1);
    let mut out = rows.to_vec();
    let deviation = |at: usize| {
        let values = || rows.iter().skip(at).step_by(dim).map(|&x| f64::from(x));
        let mean = values().sum::<f64>() / count as f64;
        (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64).sqrt()
    };
    let deviations: Vec<f64> = (0..dim).map(deviation).collect();
    for (index, row) in out.chunks_exact_mut(dim).enumerate() {
        let at = below(dim);
        if index % 2 == 0 {
            row[at] = rows[below(count) * dim + at];
        } else {
            let sign = if below(2) == 0 { 4.0 } else { -4.0 };
            row[at] += (sign * deviations[at]) as f32;
        }
    }
    out
}

/// What was tried, cheapest structures first, and the recipe of the one that was taken.
#[derive(Clone, Debug)]
pub struct Found {
    /// All trials.
    pub trials: Vec<Trial>,
    /// The recipe to train with.
    pub recipe: Recipe,
}

/// Tries structures and precisions on the rows. `progress` is told how many of how many structures are done.
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
    let dim = table.dim();
    let shape = table.shape.map_or(ShapeName::vector(dim), ShapeName);
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
    for (index, structure) in structures.iter().enumerate() {
        progress(index, structures.len());
        let mut own = Vec::new();
        for &precision in &precisions {
            match priced(structure, shape, &rows, core, precision, budget)? {
                Ok(trial) => own.push(trial),
                Err(reason) => unknown = Some(reason),
            }
        }
        if own.iter().any(|trial| trial.fits) {
            judge(structure, &rows, &mut own).map_err(SearchError::Training)?;
        }
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
    Ok(Found {
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
    let resolved = structure.clone().resolved(rows.rows, shape);
    let spec = resolved.spec(shape);
    let spec = spec.map_err(|reason| SearchError::Training(anyhow::Error::msg(reason)))?;
    let layers = spec.layers();
    let flow = spec.flow_spec(&layers);
    let checked = flow.validate();
    checked.map_err(|error| SearchError::Training(error.into()))?;
    let params = train::init(&flow, &rows.values, 0);
    let folded = train::fold(&flow, &params);
    let deployed = Deployed::folded(&spec, folded.params);
    Ok(
        cost::estimate(&deployed, precision, core).map(|cost| Trial {
            couplings: resolved.couplings.unwrap_or_default(),
            hidden: resolved.hidden,
            filters: resolved.filters,
            precision,
            fits: budget.allows(&cost),
            cost,
            held_out_log_prob: None,
            outlier_auroc: None,
            chosen: false,
        }),
    )
}

/// Trains a structure for a while, and judges the precisions of it that fit.
fn judge(structure: &Recipe, rows: &Table, trials: &mut [Trial]) -> anyhow::Result<()> {
    let recipe = Recipe {
        epochs: Some(structure.epochs.unwrap_or(EPOCHS).min(EPOCHS)),
        patience: Some(structure.patience.unwrap_or(PATIENCE).min(PATIENCE)),
        ..structure.clone()
    };
    let outcome = training::fit(rows, None, recipe, |_, _| true)?;
    let resolved = &outcome.recipe;
    let (share, which) = (
        resolved.held_out.unwrap_or_default(),
        resolved.split.unwrap_or(SplitChoice::Blocks),
    );
    let (_, held_out) = training::split(&rows.values, rows.dim(), share, which);
    let strange = outliers(&held_out, rows.dim());
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
    Ok(())
}

/// Of those that tell outliers nearly as well as the best one does, and whose log-density is next to the highest
/// of these, the one that takes least flash.
fn best(trials: &[Trial]) -> Option<usize> {
    let judged = || trials.iter().enumerate().filter(|(_, trial)| trial.fits);
    let highest = judged().filter_map(|(_, trial)| trial.outlier_auroc);
    let highest = highest.fold(f64::NEG_INFINITY, f64::max);
    let sees = |trial: &Trial| {
        trial
            .outlier_auroc
            .is_none_or(|own| own >= highest - DETECTION)
    };
    let log_prob = |trial: &Trial| trial.held_out_log_prob.unwrap_or(f64::NEG_INFINITY);
    let densest = judged()
        .filter(|(_, trial)| sees(trial))
        .map(|(_, trial)| log_prob(trial));
    let densest = densest.fold(f64::NEG_INFINITY, f64::max);
    judged()
        .filter(|(_, trial)| sees(trial) && log_prob(trial) >= densest - NEXT_TO)
        .min_by_key(|(_, trial)| trial.cost.flash_bytes)
        .map(|(index, _)| index)
}

/// The least that was found of each cost.
fn smallest(trials: &[Trial]) -> String {
    let least = |of: &dyn Fn(&Trial) -> u64| trials.iter().map(of).min().unwrap_or_default();
    format!(
        "at least {} bytes of flash, {} bytes of RAM and {} cycles are needed, not all by the same model",
        least(&|t| t.cost.flash_bytes as u64),
        least(&|t| t.ram() as u64),
        least(&|t| t.cost.cycles)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::cost::CycleSource;

    fn trial(flash: usize, log_prob: f64, auroc: f64) -> Trial {
        Trial {
            couplings: 4,
            hidden: Some(vec![16, 16]),
            filters: None,
            precision: Precision::I8,
            cost: Cost {
                parameter_bytes: 100,
                flash_bytes: flash,
                static_ram_bytes: 100,
                stack_bytes: 300,
                multiply_accumulates: 1000,
                instructions: 5000,
                cycles: 7000,
                cycle_source: CycleSource::Mix,
            },
            fits: true,
            held_out_log_prob: Some(log_prob),
            outlier_auroc: Some(auroc),
            chosen: false,
        }
    }

    #[test]
    fn a_budget_counts_stack_as_ram() {
        let own = trial(1000, 0.0, 0.9);
        let ram = |limit| Budget {
            ram: Some(limit),
            ..Budget::default()
        };
        // 100 of workspace, 300 of stack and a tenth of that.
        assert!(ram(430).allows(&own.cost) && !ram(429).allows(&own.cost));
        assert_eq!(own.structure(), "4 x 16-16");
    }

    #[test]
    fn a_blind_model_is_not_taken() {
        let trials = [
            trial(1, 3.0, 0.80),
            trial(2, 1.0, 0.90),
            trial(3, 2.0, 0.895),
        ];
        assert_eq!(best(&trials), Some(2));
        assert!(smallest(&trials).contains("at least 1 bytes of flash"));
    }

    #[test]
    fn outliers_differ_in_one_value() {
        let rows: Vec<f32> = (0..40).map(|i| (i * i % 17) as f32).collect();
        for (row, strange) in rows.chunks(4).zip(outliers(&rows, 4).chunks(4)) {
            let differing = row
                .iter()
                .zip(strange)
                .filter(|(a, b)| a.to_bits() != b.to_bits());
            assert!(differing.count() <= 1);
        }
    }

    #[test]
    fn what_the_recipe_fixes_stays() {
        let fixed = Recipe {
            hidden: Some(vec![5]),
            ..Recipe::default()
        };
        let all = structures(&fixed, false);
        assert_eq!(all.len(), COUPLINGS.len());
        assert!(all.iter().all(|own| own.hidden == fixed.hidden));
    }
}
