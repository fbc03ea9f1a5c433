//! How many components, and how much is added to their variances: what rows that were held out say.

use std::vec::Vec;

use super::{Mixture, mean};

/// Numbers of components that are tried.
const COMPONENTS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
/// Variances that are added, in units of a standardised feature.
const FLOORS: [f64; 5] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/// The share of the held-out rows that the search leaves out.
const LOWEST: f64 = 0.05;
/// Numbers of components that need not raise the held-out log-density before the search ends. With so many rows of each component, for each of
/// its features, it goes on: a fit that helps less then ended in a poor maximum, and the next one may not.
const MISSES: usize = 2;
const PLENTY: f64 = 100.0;
/// Rows that the search looks at, at the most; all of them fit the mixture that is chosen.
const MOST_ROWS: usize = 4_000;
/// Rows of a component, for each of its features.
const ROWS_PER_FEATURE: f64 = 1.5;
/// Expectation-maximisation ends in one of many maxima. The mean of the densities from as many starts is smoother than any of them, and
/// depends less on the seed.
const STARTS: usize = 3;

/// A mixture chosen by held-out rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Number of components from each start.
    pub components: usize,
    /// Number of starts, whose densities have equal weights.
    pub starts: usize,
    /// Added to the variance of every feature.
    pub floor: f64,
    /// The first features: the density is that of the others where these are given.
    pub given: usize,
    /// Whether it depends on them.
    pub joint: bool,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: f64,
    /// The same without those of the lowest density. The search goes by it: a few far rows would decide it otherwise.
    without_lowest: f64,
}

impl Choice {
    /// The mixture of all rows.
    #[must_use]
    pub fn fit(&self, rows: &[f64], steps: &[f64], seed: u64) -> Option<Mixture> {
        if self.given > 0 && !self.joint {
            let alone = Self {
                given: 0,
                ..self.clone()
            };
            let rows = behind(rows, steps.len(), self.given);
            let mixture = alone.fit(&rows, steps.get(self.given..)?, seed)?;
            return Some(mixture.beside_given(self.given));
        }
        // A value that comes in steps lies anywhere within one: a uniform density of that width has this variance.
        let floor: Vec<f64> = steps.iter().map(|s| self.floor + s * s / 12.0).collect();
        let starts = (0..self.starts as u64).map(|start| {
            let seed = seed.wrapping_add(start);
            Mixture::fit(rows, steps.len(), self.components, &floor, seed)
        });
        let all = Mixture::average(&starts.collect::<Option<Vec<_>>>()?)?;
        Some(all.with_given(self.given))
    }
}

/// Rows without their first values.
fn behind(rows: &[f64], dim: usize, given: usize) -> Vec<f64> {
    let rows = rows.chunks_exact(dim);
    rows.flat_map(|row| row.iter().skip(given).copied())
        .collect()
}

/// Chooses a mixture for standardised rows. `steps` are the steps in which the features come, in the same unit, 0 for
/// one in full digits; the first `given` features are given; `most` is the largest number of components. `None` for rows that
/// carry none.
#[must_use]
pub fn choose(
    rows: &[f64],
    held_out: &[f64],
    steps: &[f64],
    given: usize,
    most: usize,
    seed: u64,
) -> Option<Choice> {
    if given == 0 {
        return search(rows, held_out, steps, 0, most, seed);
    }
    // Of all values, or of those that are judged alone.
    let joint = search(rows, held_out, steps, given, most, seed);
    let [rows, held_out] = [rows, held_out].map(|rows| behind(rows, steps.len(), given));
    let alone = search(&rows, &held_out, steps.get(given..)?, 0, most, seed);
    let alone = alone.map(|alone| Choice {
        given,
        joint: false,
        ..alone
    });
    let better = |choice: &Choice| choice.without_lowest;
    match (joint, alone) {
        (Some(joint), Some(alone)) if better(&joint) > better(&alone) => Some(joint),
        (joint, alone) => alone.or(joint),
    }
}

fn search(
    rows: &[f64],
    held_out: &[f64],
    steps: &[f64],
    given: usize,
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
    let mut search = Search {
        rows: &some,
        held_out,
        steps,
        given,
        seed,
        best: None,
    };
    for floor in FLOORS {
        search.attempt(1, 1, floor);
    }
    let has_rows = |k: usize, rows: f64| count as f64 >= rows * (k * dim) as f64;
    let fits = |k: &usize| *k <= most && has_rows(*k, ROWS_PER_FEATURE);
    let more: Vec<usize> = COMPONENTS.into_iter().skip(1).filter(fits).collect();
    for floor in FLOORS {
        let mut misses = 0;
        for &components in &more {
            if misses >= MISSES && !has_rows(components, PLENTY) {
                break;
            }
            misses = if search.attempt(components, 1, floor) {
                0
            } else {
                misses + 1
            };
        }
    }
    let one = search.best.clone()?;
    let starts = STARTS.min(most / one.components);
    if one.components > 1 && starts > 1 {
        search.attempt(one.components, starts, one.floor);
    }
    search.best
}

struct Search<'a> {
    rows: &'a [f64],
    held_out: &'a [f64],
    steps: &'a [f64],
    given: usize,
    seed: u64,
    best: Option<Choice>,
}

impl Search<'_> {
    /// Whether the mixture gives the held-out rows a higher density than those before it.
    fn attempt(&mut self, components: usize, starts: usize, floor: f64) -> bool {
        let mut choice = Choice {
            components,
            starts,
            floor,
            given: self.given,
            joint: true,
            held_out_log_prob: f64::NEG_INFINITY,
            without_lowest: f64::NEG_INFINITY,
        };
        let Some(mixture) = choice.fit(self.rows, self.steps, self.seed) else {
            return false;
        };
        let mut log_probs = mixture.log_probs(self.held_out);
        choice.held_out_log_prob = mean(&log_probs);
        log_probs.sort_by(f64::total_cmp);
        let lowest = (LOWEST * log_probs.len() as f64) as usize;
        choice.without_lowest = mean(log_probs.get(lowest..).unwrap_or_default());
        let before = self.best.as_ref();
        let better = before.is_none_or(|best| choice.without_lowest > best.without_lowest);
        let better = better && choice.held_out_log_prob.is_finite();
        if better {
            self.best = Some(choice);
        }
        better
    }
}
