//! How well scores tell anomalous rows from normal ones.
//!
//! A score is larger for a more anomalous row: minus the log-density. A row of density zero
//! (`log_prob = -inf`) has the score `+inf` and ranks first; not-a-number, which no model here
//! gives, would rank with it rather than hide among the normal rows. Every figure that a table with
//! rows of one kind only cannot have is `None`.
//!
//! ```
//! use nvpico_codegen::metrics::{Confusion, auroc, average_precision, scores};
//!
//! let log_prob = [-1.0, -2.0, f32::NEG_INFINITY, -3.0];
//! let anomalous = [false, false, true, true];
//! let scores = scores(&log_prob);
//! assert_eq!(auroc(&scores, &anomalous), Some(1.0));
//! assert_eq!(average_precision(&scores, &anomalous), Some(1.0));
//!
//! // A log-density below -1.5 alarms.
//! let table = Confusion::at(&scores, &anomalous, 1.5);
//! assert_eq!(table.false_alarm_rate(), Some(0.5));
//! assert_eq!(table.missed_alarm_rate(), Some(0.0));
//! ```

use serde::{Deserialize, Serialize};

/// Scores of log-densities: their negatives.
#[must_use]
pub fn scores(log_prob: &[f32]) -> Vec<f64> {
    log_prob.iter().map(|value| -f64::from(*value)).collect()
}

/// The score as it is ranked: not-a-number ranks as infinity.
fn rank_key(score: f64) -> f64 {
    if score.is_nan() { f64::INFINITY } else { score }
}

/// Rows sorted from the most to the least anomalous, in groups of equal score: for each group the
/// number of normal and of anomalous rows.
fn groups(scores: &[f64], anomalous: &[bool]) -> Vec<(f64, [usize; 2])> {
    assert_eq!(scores.len(), anomalous.len(), "a label for each score");
    let mut rows: Vec<(f64, bool)> = scores
        .iter()
        .zip(anomalous)
        // Adding zero makes -0.0 equal to 0.0 in the total order below.
        .map(|(score, label)| (rank_key(*score) + 0.0, *label))
        .collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut groups: Vec<(f64, [usize; 2])> = Vec::new();
    for (score, label) in rows {
        match groups.last_mut() {
            // Exactly equal, on purpose: a tie is the same score, not a close one.
            Some((last, counts)) if last.total_cmp(&score).is_eq() => {
                counts[usize::from(label)] += 1;
            }
            _ => groups.push((score, [usize::from(!label), usize::from(label)])),
        }
    }
    groups
}

fn totals(groups: &[(f64, [usize; 2])]) -> Option<[usize; 2]> {
    let totals = groups.iter().fold([0, 0], |sum, (_, counts)| {
        [sum[0] + counts[0], sum[1] + counts[1]]
    });
    (totals[0] > 0 && totals[1] > 0).then_some(totals)
}

/// Area under the receiver operating characteristic: how often an anomalous row scores above a
/// normal one, a tie counting half (midranks). `None` when only one kind of row is there.
///
/// # Panics
/// When there are not as many labels as scores.
#[must_use]
pub fn auroc(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let groups = groups(scores, anomalous);
    let [normal, positive] = totals(&groups)?;
    // Twice the number of pairs in the right order; an integer, so the sum is exact.
    let mut above = 0u128;
    let mut twice_wins = 0u128;
    for (_, [negatives, positives]) in &groups {
        twice_wins += *negatives as u128 * (2 * above + *positives as u128);
        above += *positives as u128;
    }
    Some(twice_wins as f64 / (2.0 * normal as f64 * positive as f64))
}

/// Average precision (the area under the precision-recall curve as a step function), rows of equal
/// score taken together as scikit-learn does. `None` when only one kind of row is there.
///
/// # Panics
/// When there are not as many labels as scores.
#[must_use]
pub fn average_precision(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let groups = groups(scores, anomalous);
    let [_, positive] = totals(&groups)?;
    let (mut seen, mut hits, mut sum) = (0, 0, 0.0);
    for (_, [negatives, positives]) in groups {
        seen += negatives + positives;
        hits += positives;
        sum += hits as f64 / seen as f64 * positives as f64;
    }
    Some(sum / positive as f64)
}

/// The receiver operating characteristic: from (0, 0) to (1, 1), for each distinct score the share
/// of normal rows (x) and of anomalous rows (y) that reach it. Empty when only one kind of row is
/// there.
///
/// # Panics
/// When there are not as many labels as scores.
#[must_use]
pub fn roc_curve(scores: &[f64], anomalous: &[bool]) -> Vec<(f64, f64)> {
    let groups = groups(scores, anomalous);
    let Some([normal, positive]) = totals(&groups) else {
        return Vec::new();
    };
    let mut reached = [0, 0];
    let mut curve = vec![(0.0, 0.0)];
    for (_, [negatives, positives]) in groups {
        reached = [reached[0] + negatives, reached[1] + positives];
        curve.push((
            reached[0] as f64 / normal as f64,
            reached[1] as f64 / positive as f64,
        ));
    }
    curve
}

/// Alarms against labels, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Anomalous, alarmed.
    pub true_positive: usize,
    /// Normal, alarmed: a false alarm.
    pub false_positive: usize,
    /// Anomalous, no alarm: a missed alarm.
    pub false_negative: usize,
    /// Normal, no alarm.
    pub true_negative: usize,
}

impl Confusion {
    /// Counts the alarms a detector gave.
    ///
    /// # Panics
    /// When there are not as many labels as alarms.
    #[must_use]
    pub fn count(alarms: &[bool], anomalous: &[bool]) -> Self {
        assert_eq!(alarms.len(), anomalous.len(), "a label for each alarm");
        let mut table = Self::default();
        for pair in alarms.iter().zip(anomalous) {
            *match pair {
                (true, true) => &mut table.true_positive,
                (true, false) => &mut table.false_positive,
                (false, true) => &mut table.false_negative,
                (false, false) => &mut table.true_negative,
            } += 1;
        }
        table
    }

    /// Counts with an alarm wherever the score is above `threshold`. For a threshold on the
    /// log-density give its negative: a log-density *below* it alarms.
    ///
    /// # Panics
    /// When there are not as many labels as scores.
    #[must_use]
    pub fn at(scores: &[f64], anomalous: &[bool], threshold: f64) -> Self {
        let alarms: Vec<bool> = scores
            .iter()
            .map(|score| rank_key(*score) > threshold)
            .collect();
        Self::count(&alarms, anomalous)
    }

    /// Adds the counts of another table, as one does over several files.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            true_positive: self.true_positive + other.true_positive,
            false_positive: self.false_positive + other.false_positive,
            false_negative: self.false_negative + other.false_negative,
            true_negative: self.true_negative + other.true_negative,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.true_positive + self.false_positive + self.false_negative + self.true_negative
    }

    /// `TP / (TP + (FN + FP) / 2)`; `None` when nothing is anomalous and nothing alarmed.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let wrong = self.false_negative + self.false_positive;
        ratio(2 * self.true_positive, 2 * self.true_positive + wrong)
    }

    /// Share of the normal rows that alarmed; `None` without normal rows.
    #[must_use]
    pub fn false_alarm_rate(&self) -> Option<f64> {
        ratio(
            self.false_positive,
            self.false_positive + self.true_negative,
        )
    }

    /// Share of the anomalous rows that did not alarm; `None` without anomalous rows.
    #[must_use]
    pub fn missed_alarm_rate(&self) -> Option<f64> {
        ratio(
            self.false_negative,
            self.false_negative + self.true_positive,
        )
    }

    /// Share of the alarms that were right; `None` without alarms.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The median: the mean of the two in the middle of an even number of values; `None` without values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    values.sort_by(f64::total_cmp);
    Some(f64::midpoint(values[last / 2], values[last.div_ceil(2)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(left: Option<f64>, right: f64) -> bool {
        left.is_some_and(|left| (left - right).abs() < 1e-12)
    }

    #[test]
    fn areas_by_hand() {
        // scikit-learn's own example: AUROC 0.75, average precision 0.8333...
        let (scores, labels) = ([0.1, 0.4, 0.35, 0.8], [false, false, true, true]);
        assert!(near(auroc(&scores, &labels), 0.75));
        assert!(near(average_precision(&scores, &labels), 5.0 / 6.0));
    }

    #[test]
    fn ties_count_half_and_are_taken_together() {
        // Pairs: (2 over 1) 1, (2 ties 2) 1/2, (1 ties 1) 1/2, (1 under 2) 0 = 2 of 4.
        let (scores, labels) = ([1.0, 2.0, 1.0, 2.0], [false, false, true, true]);
        assert!(near(auroc(&scores, &labels), 0.5));
        // Precision is 1/2 at recall 1/2 and 2/4 at recall 1.
        assert!(near(average_precision(&scores, &labels), 0.5));
        let all_equal = [3.0; 4];
        assert!(near(auroc(&all_equal, &[true, false, false, false]), 0.5));
        assert!(near(
            average_precision(&all_equal, &[true, false, false, false]),
            0.25
        ));
    }

    #[test]
    fn density_zero_ranks_first_and_nan_with_it() {
        let log_prob = [-5.0, f32::NEG_INFINITY, -4.0, f32::NAN];
        let labels = [false, true, false, true];
        let scores = scores(&log_prob);
        assert_eq!(auroc(&scores, &labels), Some(1.0));
        let table = Confusion::at(&scores, &labels, f64::from(f32::MAX));
        assert_eq!((table.true_positive, table.false_positive), (2, 0));
        // Infinitely likely is the other end.
        assert_eq!(auroc(&[f64::NEG_INFINITY, 0.0], &[true, false]), Some(0.0));
        // The two zeros are one score.
        assert_eq!(auroc(&[-0.0, 0.0], &[true, false]), Some(0.5));
    }

    #[test]
    fn one_kind_of_row_has_no_area() {
        for labels in [[true, true], [false, false]] {
            assert_eq!(auroc(&[1.0, 2.0], &labels), None);
            assert_eq!(average_precision(&[1.0, 2.0], &labels), None);
            assert!(roc_curve(&[1.0, 2.0], &labels).is_empty());
        }
        assert_eq!(auroc(&[], &[]), None);
        assert_eq!(Confusion::default().f1(), None);
        assert_eq!(
            Confusion::count(&[false], &[false]).missed_alarm_rate(),
            None
        );
    }

    #[test]
    fn rates_by_hand() {
        let table = Confusion {
            true_positive: 6,
            false_positive: 2,
            false_negative: 4,
            true_negative: 8,
        };
        assert!(near(table.f1(), 6.0 / 9.0));
        assert!(near(table.false_alarm_rate(), 0.2));
        assert!(near(table.missed_alarm_rate(), 0.4));
        assert!(near(table.precision(), 0.75));
        assert_eq!(table.plus(table).rows(), 40);
        // At the threshold itself there is no alarm.
        assert_eq!(Confusion::at(&[1.0], &[false], 1.0).true_negative, 1);
    }

    proptest! {
        #[test]
        fn auroc_is_the_share_of_ordered_pairs(rows in prop::collection::vec((0u8..12, any::<bool>()), 2..60)) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (i, positive) in labels.iter().enumerate().filter(|(_, label)| **label).map(|(i, l)| (i, *l)) {
                for (j, _) in labels.iter().enumerate().filter(|(_, label)| **label != positive) {
                    pairs += 1.0;
                    wins += if scores[i] > scores[j] { 1.0 } else if scores[i] < scores[j] { 0.0 } else { 0.5 };
                }
            }
            match auroc(&scores, &labels) {
                None => prop_assert!(pairs < 0.5),
                Some(area) => {
                    prop_assert!((area - wins / pairs).abs() < 1e-12);
                    // Order is all that counts, and turning it round turns the area round.
                    let bent: Vec<f64> = scores.iter().map(|s| s * s * s - 100.0).collect();
                    let turned: Vec<f64> = scores.iter().map(|s| -s).collect();
                    prop_assert_eq!(auroc(&bent, &labels), Some(area));
                    prop_assert!(near(auroc(&turned, &labels), 1.0 - area));
                    // The trapezoids under the curve are the same area.
                    let curve = roc_curve(&scores, &labels);
                    let under: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum();
                    prop_assert!((under - area).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn average_precision_is_the_mean_precision_at_each_anomaly(rows in prop::collection::vec((0u8..12, any::<bool>()), 2..60)) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let anomalies: Vec<f64> = rows.iter().filter(|row| row.1).map(|row| f64::from(row.0)).collect();
            let precision = |at: f64| {
                let alarmed = rows.iter().filter(|row| f64::from(row.0) >= at);
                let (all, right) = alarmed.fold((0.0, 0.0), |(all, right), row| (all + 1.0, right + f64::from(u8::from(row.1))));
                right / all
            };
            let mean = anomalies.iter().map(|score| precision(*score)).sum::<f64>() / anomalies.len() as f64;
            match average_precision(&scores, &labels) {
                None => prop_assert!(anomalies.is_empty() || anomalies.len() == rows.len()),
                Some(area) => prop_assert!((area - mean).abs() < 1e-12),
            }
        }
    }
}
