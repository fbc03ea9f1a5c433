//! How many components, and how much is added to their variances: what rows that were held out say.

use std::vec::Vec;

use super::Mixture;

/// Numbers of components that are tried.
const COMPONENTS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
/// Variances that are added, in units of a standardised feature.
const FLOORS: [f64; 5] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// Numbers of components that need not raise the held-out log-density before the search ends.
const MISSES: usize = 2;
/// Rows that the search looks at, at the most; all of them fit the mixture that is chosen.
const MOST_ROWS: usize = 4_000;
/// Rows of a component, for each of its features.
const ROWS_PER_FEATURE: f64 = 1.5;

/// A mixture chosen by held-out rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Number of components.
    pub components: usize,
    /// Added to the variance of every feature.
    pub floor: f64,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: f64,
}

impl Choice {
    /// The mixture of all rows.
    #[must_use]
    pub fn fit(&self, rows: &[f64], steps: &[f64], seed: u64) -> Option<Mixture> {
        fit(rows, self.components, self.floor, steps, seed)
    }
}

fn fit(rows: &[f64], components: usize, floor: f64, steps: &[f64], seed: u64) -> Option<Mixture> {
    // A value that comes in steps lies anywhere within one: a uniform density of that width has this variance.
    let floor: Vec<f64> = steps.iter().map(|s| floor + s * s / 12.0).collect();
    Mixture::fit(rows, steps.len(), components, &floor, seed)
}

/// Chooses a mixture for standardised rows. `steps` are the steps in which the features come, in the same unit, 0 for
/// one in full digits; `most` is the largest number of components. `None` for rows that carry none.
#[must_use]
pub fn choose(
    rows: &[f64],
    held_out: &[f64],
    steps: &[f64],
    most: usize,
    seed: u64,
) -> Option<Choice> {
    let dim = steps.len();
    let count = rows.len() / dim.max(1);
    // Evenly spread over the record.
    let stride = count.div_ceil(MOST_ROWS).max(1);
    let some: Vec<f64> = rows
        .chunks_exact(dim)
        .step_by(stride)
        .flatten()
        .copied()
        .collect();
    let mut best: Option<Choice> = None;
    let mut attempt = |components: usize, floor: f64| -> bool {
        let Some(mixture) = fit(&some, components, floor, steps, seed) else {
            return false;
        };
        let held_out_log_prob = mixture.mean_log_prob(held_out);
        let better = (best.as_ref()).is_none_or(|best| held_out_log_prob > best.held_out_log_prob);
        if better && held_out_log_prob.is_finite() {
            best = Some(Choice {
                components,
                floor,
                held_out_log_prob,
            });
        }
        better
    };
    for floor in FLOORS {
        attempt(1, floor);
    }
    let fits = |k: &usize| *k <= most && count as f64 >= ROWS_PER_FEATURE * (*k * dim) as f64;
    let more: Vec<usize> = COMPONENTS.into_iter().skip(1).filter(fits).collect();
    for floor in FLOORS {
        let mut misses = 0;
        for &components in &more {
            misses = if attempt(components, floor) {
                0
            } else {
                misses + 1
            };
            if misses == MISSES {
                break;
            }
        }
    }
    best
}
