//! Who is to blame, measured: on sets that say which features each stretch of anomalous rows concerns, the share of these among the
//! first 1, 3 and 5 that are blamed.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Set, Stretch};
use crate::data::Table;
use crate::deploy::{Engine, Ready};
use crate::evaluation::Blame;
use crate::fit::gaussian::{Gaussian, moments};
use crate::model::Model;
use crate::precision::Precision;

/// How many of the first ones are looked at.
pub const FIRST: [usize; 3] = [1, 3, 5];

/// What a way to blame reached on a set; the names are those of `--json`. Shares are from 0 to 1, among the first 1, 3 and 5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// The way.
    pub way: String,
    /// Stretches that the means are of.
    pub stretches: usize,
    /// At the row of each stretch that the model finds least likely.
    pub least_likely: [f64; 3],
    /// The mean over the rows of each stretch.
    pub rows: [f64; 3],
    /// The mean over the rows of each stretch that lie below the model's threshold, and how many stretches have some.
    pub alarms: [f64; 3],
    /// How many stretches have some.
    pub stretches_with_alarms: usize,
}

/// Features by a row, those that are blamed most first.
type Ranks = Vec<Vec<usize>>;

/// The shares of all ways on a set, by a model trained on it. Empty for a set that does not say whom to blame.
///
/// # Errors
/// A model that cannot be scored.
pub fn of_model(model: &Model, precisions: &[Precision], set: &Set) -> anyhow::Result<Vec<Shares>> {
    let ready = model.ready(Some(Precision::F32))?;
    if set.stretches.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<usize> = (set.stretches.iter())
        .flat_map(|stretch| stretch.rows[0]..stretch.rows[0] + stretch.rows[1])
        .collect();
    let table = tests(set);
    let judge = Judge {
        set,
        log_probs: ready.log_probs(&set.tests),
        threshold: ready.threshold().unwrap_or(f32::NEG_INFINITY),
    };
    let mut shares = Vec::new();
    for &precision in precisions {
        let Ok(ready) = model.ready(Some(precision)) else {
            continue;
        };
        let name = format!("nvpico {precision}");
        shares.push(judge.shares(name, &by_blame(&ready, &table, &rows)?));
    }
    let mut plain = model.clone();
    plain.header.typical = None;
    let ranks = by_blame(&plain.ready(Some(Precision::F32))?, &table, &rows)?;
    shares.push(judge.shares("best replacement of one value".into(), &ranks));
    let (mean, scale) = moments(&set.training.values, set.dim());
    let mean: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
    if let Some(ranks) = by_gradient(&ready, set, &rows, &scale) {
        shares.push(judge.shares("gradient x deviation".into(), &ranks));
    }
    let occluded = |row: &[f32]| {
        let log_probs = ready.log_probs(&replaced(row, &mean));
        log_probs.iter().copied().map(f64::from).collect()
    };
    let ranks = each(set, &rows, occluded);
    shares.push(judge.shares("replacement by the mean".into(), &ranks));
    if let Some(gaussian) = Gaussian::fit(&set.training.values, set.dim()) {
        let contributions = |row: &[f32]| contributions(&gaussian, row, &mean);
        let ranks = each(set, &rows, contributions);
        shares.push(judge.shares("contributions of a Gaussian".into(), &ranks));
    }
    shares.push(judge.chance());
    Ok(shares)
}

/// What a Gaussian's distance is made of: for each feature its deviation times its part of the gradient. Replacing the feature by the mean, and the
/// mean by the feature, add up to it.
fn contributions(gaussian: &Gaussian, row: &[f32], mean: &[f32]) -> Vec<f64> {
    let at = gaussian.log_prob(row);
    let best = gaussian.log_prob(mean);
    let away = replaced(row, mean);
    let back = replaced(mean, row);
    let pairs = away.chunks(row.len()).zip(back.chunks(row.len()));
    pairs
        .map(|(away, back)| gaussian.log_prob(away) - at + best - gaussian.log_prob(back))
        .collect()
}

/// The row with one value of another in each place in turn.
fn replaced(row: &[f32], other: &[f32]) -> Vec<f32> {
    let mut all = row.repeat(row.len());
    for (at, &value) in other.iter().enumerate() {
        all[at * row.len() + at] = value;
    }
    all
}

fn tests(set: &Set) -> Table {
    let rows = set.labels.len();
    Table {
        columns: set.training.columns.clone(),
        shape: set.training.shape,
        given: set.training.given,
        rows,
        values: set.tests.clone(),
        row_numbers: (1..=rows as u64).collect(),
        ..Table::default()
    }
}

fn by_blame(ready: &Ready<'_>, table: &Table, rows: &[usize]) -> anyhow::Result<Ranks> {
    let most = FIRST.into_iter().max().unwrap_or_default();
    let blamed = Blame::new(ready, table, most)?.rows(rows);
    let index = |name: &String| table.columns.iter().position(|own| own == name);
    let ranks = blamed.iter().map(|row| {
        let columns = row.iter().filter_map(|blamed| index(&blamed.column));
        columns.collect()
    });
    Ok(ranks.collect())
}

/// `None` for a model without a gradient.
fn by_gradient(ready: &Ready<'_>, set: &Set, rows: &[usize], scale: &[f64]) -> Option<Ranks> {
    let Engine::Float(deployed) = &ready.engine else {
        return None;
    };
    deployed.with_flow(|flow| {
        let spec = flow.spec();
        let mut gradient = vec![0.0; set.dim()];
        let mut workspace = vec![0.0; spec.gradient_workspace_len()];
        let ranks = rows.iter().map(|&row| {
            let row = &set.tests[row * set.dim()..(row + 1) * set.dim()];
            flow.input_gradient(row, &mut gradient, &mut workspace)
                .ok()?;
            let pairs = gradient.iter().zip(scale);
            let weights: Vec<f64> = pairs
                .map(|(g, scale)| (f64::from(*g) * scale).abs())
                .collect();
            Some(ranked(&weights))
        });
        ranks.collect()
    })
}

/// By what each feature of a row weighs.
fn each(set: &Set, rows: &[usize], weights: impl Fn(&[f32]) -> Vec<f64> + Sync) -> Ranks {
    let dim = set.dim();
    let rows = rows.par_iter();
    rows.map(|&row| ranked(&weights(&set.tests[row * dim..(row + 1) * dim])))
        .collect()
}

fn ranked(weights: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    order
}

/// What decides on shares.
struct Judge<'s> {
    set: &'s Set,
    log_probs: Vec<f32>,
    threshold: f32,
}

impl Judge<'_> {
    /// Of all rows of all stretches, in their order.
    fn shares(&self, way: String, ranks: &Ranks) -> Shares {
        let mut ranks = ranks.iter();
        self.means(way, |stretch| {
            let own = ranks.by_ref().take(stretch.rows[1]);
            own.map(|ranks| found(ranks, &stretch.features)).collect()
        })
    }

    /// Of features drawn at random.
    fn chance(&self) -> Shares {
        let dim = self.set.dim() as f64;
        self.means("chance".into(), |stretch| {
            let features = stretch.features.len();
            let share = |most: usize| {
                most as f64 * features as f64 / dim / most.min(features).max(1) as f64
            };
            vec![FIRST.map(share); stretch.rows[1]]
        })
    }

    fn means(&self, way: String, mut of: impl FnMut(&Stretch) -> Vec<[f64; 3]>) -> Shares {
        let (mut least_likely, mut rows, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
        for stretch in &self.set.stretches {
            let shares = of(stretch);
            let log_probs = &self.log_probs[stretch.rows[0]..][..stretch.rows[1]];
            let all: Vec<_> = shares.iter().zip(log_probs).collect();
            let least = all.iter().min_by(|a, b| a.1.total_cmp(b.1));
            least_likely.extend(least.map(|(shares, _)| **shares));
            let below = all
                .iter()
                .filter(|(_, log_prob)| **log_prob < self.threshold);
            let below: Vec<[f64; 3]> = below.map(|(shares, _)| **shares).collect();
            rows.push(mean(&shares));
            if !below.is_empty() {
                alarms.push(mean(&below));
            }
        }
        Shares {
            way,
            stretches: rows.len(),
            least_likely: mean(&least_likely),
            rows: mean(&rows),
            alarms: mean(&alarms),
            stretches_with_alarms: alarms.len(),
        }
    }
}

/// The share of the right features among the first, of as many as there can be.
fn found(ranks: &[usize], features: &[usize]) -> [f64; 3] {
    FIRST.map(|most| {
        let first = ranks.iter().take(most);
        let right = first.filter(|at| features.contains(at)).count();
        right as f64 / most.min(features.len()).max(1) as f64
    })
}

fn mean(shares: &[[f64; 3]]) -> [f64; 3] {
    [0, 1, 2].map(|at| {
        let sum: f64 = shares.iter().map(|own| own[at]).sum();
        sum / shares.len().max(1) as f64
    })
}

/// The shares of all sets and seeds together: every stretch counts the same.
#[must_use]
pub fn together<'f>(all: impl IntoIterator<Item = &'f Shares>) -> Vec<Shares> {
    let mut ways: Vec<Shares> = Vec::new();
    for own in all {
        let Some(known) = ways.iter_mut().find(|known| known.way == own.way) else {
            ways.push(own.clone());
            continue;
        };
        let join = |known: &mut [f64; 3], counts: [usize; 2], own: &[f64; 3]| {
            let [before, more] = counts.map(|count| count as f64);
            for (known, own) in known.iter_mut().zip(own) {
                *known = (*known * before + own * more) / (before + more).max(1.0);
            }
        };
        let counts = [known.stretches, own.stretches];
        join(&mut known.least_likely, counts, &own.least_likely);
        join(&mut known.rows, counts, &own.rows);
        let with_alarms = [known.stretches_with_alarms, own.stretches_with_alarms];
        join(&mut known.alarms, with_alarms, &own.alarms);
        known.stretches += own.stretches;
        known.stretches_with_alarms += own.stretches_with_alarms;
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_as_many_as_there_can_be() {
        assert_eq!(
            found(&[3, 1, 0, 2], &[1]).map(f64::to_bits),
            [0.0, 1.0, 1.0].map(f64::to_bits)
        );
        let [one, three, five] = found(&[3, 1, 0, 2], &[3, 0, 5, 6]);
        assert!((one - 1.0).abs() < 1e-9 && (three - 2.0 / 3.0).abs() < 1e-9);
        assert!((five - 0.5).abs() < 1e-9);
        // Fewer were blamed than were asked for.
        assert!((found(&[3], &[3, 0, 5])[1] - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn contributions_of_a_gaussian_add_up_to_its_distance() {
        let rows: Vec<f32> = (0..60)
            .flat_map(|row| [(row % 7) as f32, ((row % 7) + row % 3) as f32])
            .collect();
        let gaussian = Gaussian::fit(&rows, 2).unwrap();
        let (mean, _) = moments(&rows, 2);
        let mean: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
        let row = [2.0, 9.0];
        let sum: f64 = contributions(&gaussian, &row, &mean).iter().sum();
        let apart = gaussian.log_prob(&mean) - gaussian.log_prob(&row);
        assert!((sum - 2.0 * apart).abs() < 1e-3 * apart, "{sum} {apart}");
    }

    #[test]
    fn every_stretch_counts_the_same() {
        let shares = |least: f64, stretches| Shares {
            way: "a".into(),
            stretches,
            least_likely: [least; 3],
            rows: [least; 3],
            alarms: [least; 3],
            stretches_with_alarms: 0,
        };
        let all = together(&[shares(1.0, 3), shares(0.0, 1)]);
        assert_eq!((all.len(), all[0].stretches), (1, 4));
        assert!((all[0].rows[0] - 0.75).abs() < 1e-9);
    }
}
