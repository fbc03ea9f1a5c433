//! Whether p-values of normal rows are uniform, as those of rows like the calibration rows are.

use serde::Serialize;

use super::density::{is_anomalous, quantile};
use crate::calibration::{Method, Resemblance, effective_rows};
use crate::data::Table;
use crate::deploy::Ready;

/// Blocks of the record, and the fewest rows of one.
const BLOCKS: usize = 12;
const LEAST_ROWS: usize = 20;
/// Bins of the histogram: tenths.
const TENTHS: usize = 10;

/// P-values of rows that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Block {
    /// Place of the first row, from 0.
    pub from: usize,
    /// The place after the last.
    pub to: usize,
    /// Number of the first row among those of all files, from 1.
    pub row: u64,
    /// Normal rows in it.
    pub rows: usize,
    /// Quartiles; 0.25, 0.5 and 0.75 are expected.
    pub quartiles: [f64; 3],
    /// Share of rows below the threshold; `null` without one.
    pub below_threshold: Option<f64>,
}

/// P-values of normal rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Uniformity {
    /// Normal rows.
    pub rows: usize,
    /// Independent rows that these stand for.
    pub effective_rows: f64,
    /// Share of the rows in each tenth; 0.1 is expected.
    pub tenths: Vec<f64>,
    /// The farthest that the share of rows up to a p-value lies from that p-value.
    pub largest_gap: f64,
    /// Chance alone gives a larger gap in 5 of 100 such records.
    pub gap_by_chance: f64,
    /// The same in stretches of time.
    pub blocks: Vec<Block>,
    /// How the rows compare with those that the threshold was chosen on.
    pub resemblance: Option<Resemblance>,
    /// Whether these files were trained on: their p-values prove little.
    pub was_trained_on: bool,
    /// Whether the record was scored by models of parts of it: these find normal rows less likely than the model does, so that its
    /// p-values are higher than uniform ones.
    pub is_cross_validated: bool,
}

impl Uniformity {
    /// Of the rows that are not labelled anomalous; `None` for a model without calibration, or without such rows.
    #[must_use]
    pub fn of(ready: &Ready<'_>, table: &Table, log_probs: &[f32]) -> Option<Self> {
        let labels = table.labels.as_deref();
        let judge = ready.judge();
        let rows: Vec<usize> = (0..table.rows)
            .filter(|row| !is_anomalous(labels, *row))
            .filter(|row| !judge.is_given_out_of_range(table.row(*row)))
            .collect();
        let own: Vec<f32> = rows.iter().map(|row| log_probs[*row]).collect();
        let p_values: Vec<f64> = own
            .iter()
            .map(|value| ready.p_value(*value))
            .collect::<Option<_>>()?;
        if p_values.is_empty() {
            return None;
        }
        let mut tenths = vec![0.0; TENTHS];
        for p in &p_values {
            tenths[((p * TENTHS as f64) as usize).min(TENTHS - 1)] += 1.0 / p_values.len() as f64;
        }
        let effective = effective_rows(&own, 0.5);
        let files = &ready.model.header.provenance.sources;
        Some(Self {
            rows: rows.len(),
            effective_rows: effective,
            tenths,
            largest_gap: largest_gap(&p_values),
            // The limit of Kolmogorov and Smirnov.
            gap_by_chance: (1.358 / effective.max(1.0).sqrt()).min(1.0),
            blocks: blocks(
                &rows,
                &table.row_numbers,
                &p_values,
                &own,
                ready.threshold(),
            ),
            resemblance: ready.resemblance(&own),
            is_cross_validated: (ready.model.header.calibration)
                .is_some_and(|own| own.method == Method::CrossValidation),
            was_trained_on: (table.source.iter())
                .any(|file| files.iter().any(|own| own.sha256 == file.sha256)),
        })
    }

    /// Whether the gap is one that chance gives.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        self.largest_gap <= self.gap_by_chance
    }
}

fn blocks(
    rows: &[usize],
    numbers: &[u64],
    p_values: &[f64],
    log_probs: &[f32],
    threshold: Option<f32>,
) -> Vec<Block> {
    let count = (rows.len() / LEAST_ROWS).clamp(1, BLOCKS);
    let bounds = |block: usize| block * rows.len() / count..(block + 1) * rows.len() / count;
    (0..count)
        .map(bounds)
        .filter(|own| !own.is_empty())
        .map(|own| {
            let mut sorted = p_values[own.clone()].to_vec();
            sorted.sort_by(f64::total_cmp);
            let at = |share| quantile(&sorted, share).unwrap_or_default();
            let below = |limit: f32| {
                let below = log_probs[own.clone()]
                    .iter()
                    .filter(|value| **value < limit);
                below.count() as f64 / own.len() as f64
            };
            Block {
                from: rows[own.start],
                to: rows[own.end - 1] + 1,
                row: numbers.get(rows[own.start]).copied().unwrap_or_default(),
                rows: own.len(),
                quartiles: [at(0.25), at(0.5), at(0.75)],
                below_threshold: threshold.map(below),
            }
        })
        .collect()
}

/// The largest distance between the share of values up to p and p.
fn largest_gap(p_values: &[f64]) -> f64 {
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let gaps = sorted.iter().enumerate().map(|(at, p)| {
        let (before, with) = (at as f64 / count, (at + 1) as f64 / count);
        (p - before).abs().max((p - with).abs())
    });
    gaps.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_that_of_the_definition() {
        let even: Vec<f64> = (0..100).map(|i| (f64::from(i) + 0.5) / 100.0).collect();
        assert!((largest_gap(&even) - 0.005).abs() < 1e-12);
        assert!((largest_gap(&[0.2, 0.2]) - 0.8).abs() < 1e-12);
    }

    #[test]
    fn blocks_cover_all_rows_in_order() {
        let rows: Vec<usize> = (0..100).map(|i| 2 * i).collect();
        let p_values: Vec<f64> = (0..100).map(|i| f64::from(i % 20) / 20.0).collect();
        let log_probs: Vec<f32> = p_values.iter().map(|p| *p as f32).collect();
        let found = blocks(&rows, &[1, 2], &p_values, &log_probs, Some(0.1));
        assert_eq!(found.len(), 5);
        assert_eq!((found[0].from, found[4].to), (0, 199));
        assert_eq!(found.iter().map(|own| own.rows).sum::<usize>(), 100);
        for own in found {
            assert_eq!(own.below_threshold, Some(0.1));
            assert!((own.quartiles[1] - 0.5).abs() < 0.06, "{own:?}");
        }
        assert_eq!(blocks(&[3], &[], &[0.5], &[0.0], None).len(), 1);
    }
}
