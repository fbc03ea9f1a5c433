//! What scores of rows amount to.

use super::{NOT_JUDGED, RowScore};
use crate::calibration::Resemblance;
use crate::deploy::Ready;

/// The worst rows that a summary names.
const WORST: usize = 5;

/// Scores of rows in a few figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Rows.
    pub rows: usize,
    /// Called anomalous.
    pub anomalous: usize,
    /// Of these, with a value far outside the range of the training rows.
    pub out_of_range: usize,
    /// Not judged, for a given value outside what was seen.
    pub given_out_of_range: usize,
    /// Not scored.
    pub invalid: usize,
    /// Numbers and log-densities of the least likely rows.
    pub worst: Vec<(u64, f32)>,
    /// How the rows compare with those that the threshold was chosen on; `None` without calibration.
    pub resemblance: Option<Resemblance>,
}

impl Summary {
    /// Of scores in the order of the rows.
    #[must_use]
    pub fn new(ready: &Ready<'_>, scores: &[RowScore]) -> Self {
        let count = |decision| {
            let own = scores.iter().filter(|row| row.decision == Some(decision));
            own.count()
        };
        let is_judged = |row: &&RowScore| row.decision != Some(NOT_JUDGED);
        let valid = scores
            .iter()
            .filter(is_judged)
            .filter_map(|row| Some((row.row, row.log_prob?)));
        let mut worst: Vec<(u64, f32)> = valid.collect();
        let log_probs: Vec<f32> = worst.iter().map(|(_, log_prob)| *log_prob).collect();
        worst.sort_by(|a, b| a.1.total_cmp(&b.1));
        worst.truncate(WORST);
        Self {
            rows: scores.len(),
            anomalous: count("anomalous"),
            out_of_range: scores
                .iter()
                .filter(is_judged)
                .filter(|row| row.out_of_range.is_some())
                .count(),
            given_out_of_range: count(NOT_JUDGED),
            invalid: count("invalid"),
            worst,
            resemblance: ready.resemblance(&log_probs),
        }
    }
}
