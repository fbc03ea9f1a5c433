//! Which rows train, which decide when to stop, and which calibrate.
//!
//! Readings resemble those before and after them. Rows beside training rows would therefore be no test: between these and rows that
//! calibrate lies a gap as long as the resemblance ([`crate::calibration::correlated_rows`]), and rows in a gap are not used.

use std::ops::Range;

use super::recipe::SplitChoice;
use crate::data::Table;

/// Stretches of rows, in order.
pub type Stretches = Vec<Range<usize>>;

/// Stretches that are held out of a record in no order, for each fold where there are folds.
const STRETCHES: usize = 10;
/// One of this many rows may lie in gaps beside held-out rows.
const GAPS: usize = 10;
/// A stretch of a fold is this many gaps long: two gaps beside it are then half of its rows.
const FOLD_GAPS: usize = 4;
/// One of this many held-out rows decides when to stop, the others calibrate.
const STOPPING: usize = 4;
/// So few held-out rows do both.
const LEAST_APART: usize = 40;

/// Rows to train on and rows held out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub train: Stretches,
    /// Held out.
    pub held_out: Stretches,
}

impl Split {
    /// Holds a share of the rows out. `correlated` is the number of rows that resemble a row.
    #[must_use]
    pub fn new(rows: usize, share: f64, which: SplitChoice, correlated: usize) -> Self {
        let held = (rows as f64 * share).round() as usize;
        let held = held.clamp(1, rows.saturating_sub(1).max(1)).min(rows);
        let in_gaps = rows / GAPS;
        let stretches = match which {
            SplitChoice::Last => 1,
            // A stretch has a gap on either side.
            SplitChoice::Blocks if correlated > 0 => {
                (in_gaps / (2 * correlated)).clamp(1, STRETCHES)
            }
            SplitChoice::Blocks => STRETCHES,
        };
        let gap = correlated.min(in_gaps / 2);
        let (mut train, mut held_out) = (Vec::new(), Vec::new());
        let mut from = 0;
        for stretch in 0..stretches {
            let end = (stretch + 1) * rows / stretches;
            let own = held * (stretch + 1) / stretches - held * stretch / stretches;
            let at = end.saturating_sub(own).max(from);
            push(&mut train, from..at.saturating_sub(gap));
            push(&mut held_out, at..end);
            from = (end + gap).min(rows);
        }
        Self { train, held_out }
    }

    /// All rows of one table to train on, all of another one held out.
    #[must_use]
    pub fn apart(train: usize, held_out: usize) -> Self {
        let mut split = Self::default();
        push(&mut split.train, 0..train);
        push(&mut split.held_out, 0..held_out);
        split
    }

    /// Of the held-out rows, those that decide when to stop and those that calibrate: different ones, unless
    /// there are few.
    #[must_use]
    pub fn roles(&self) -> (Stretches, Stretches) {
        if count(&self.held_out) < LEAST_APART {
            return (self.held_out.clone(), self.held_out.clone());
        }
        let (mut stop, mut calibrate) = (Vec::new(), Vec::new());
        // Rows in short stretches, as of machines that take turns, are dealt one by one.
        let (mut short, mut stopping) = (0usize, 0usize);
        for range in &self.held_out {
            let own = if range.len() < STOPPING {
                short += range.len();
                let own = (short.div_ceil(STOPPING) - stopping).min(range.len());
                stopping += own;
                own
            } else {
                range.len().div_ceil(STOPPING)
            };
            let at = range.start + own;
            push(&mut stop, range.start..at);
            push(&mut calibrate, at..range.end);
        }
        (stop, calibrate)
    }
}

/// The share of all rows that calibrates, where a share of them is held out.
#[must_use]
pub fn calibrating(held_out: f64) -> f64 {
    held_out * (1.0 - 1.0 / STOPPING as f64)
}

/// A part of the rows and those that are trained on in its absence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// Scored by a model of the other rows.
    pub scored: Stretches,
    /// The other rows, without gaps.
    pub others: Stretches,
}

/// Deals the rows to folds, in stretches longer than the resemblance: every row is scored in one of them.
#[must_use]
pub fn folds(rows: usize, folds: usize, correlated: usize) -> Vec<Fold> {
    let most = (rows / folds.max(1)).min(STRETCHES * folds);
    let long = rows / (FOLD_GAPS * correlated).max(1);
    let rounds = (long.min(most) / folds).max(1);
    let stretches = rounds * folds;
    let gap = correlated.min(rows / stretches / 2);
    let bounds = |stretch: usize| stretch * rows / stretches;
    (0..folds)
        .map(|fold| {
            let mut own = Fold::default();
            let mut from = 0;
            for stretch in (fold..stretches).step_by(folds) {
                let (start, end) = (bounds(stretch), bounds(stretch + 1));
                push(&mut own.others, from..start.saturating_sub(gap));
                push(&mut own.scored, start..end);
                from = (end + gap).min(rows);
            }
            push(&mut own.others, from..rows);
            own
        })
        .collect()
}

fn push(to: &mut Stretches, range: Range<usize>) {
    if range.start < range.end {
        to.push(range);
    }
}

/// Rows in stretches.
#[must_use]
pub fn count(stretches: &[Range<usize>]) -> usize {
    stretches.iter().map(Range::len).sum()
}

/// The values of stretches of a table, row-major.
#[must_use]
pub fn values(table: &Table, stretches: &[Range<usize>]) -> Vec<f32> {
    let dim = table.dim();
    let of = |range: &Range<usize>| &table.values[range.start * dim..range.end * dim];
    stretches.iter().flat_map(of).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each row is among stretches.
    fn seen(rows: usize, stretches: &[&Stretches]) -> Vec<usize> {
        let mut seen = vec![0; rows];
        for row in stretches
            .iter()
            .flat_map(|own| own.iter().cloned().flatten())
        {
            seen[row] += 1;
        }
        seen
    }

    /// The least distance between rows of one and rows of the other.
    fn distance(one: &Stretches, other: &Stretches) -> usize {
        let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
        let apart = pairs.map(|(a, b)| {
            let (first, second) = if a.start < b.start { (a, b) } else { (b, a) };
            second.start - first.end
        });
        apart.min().unwrap_or(usize::MAX)
    }

    #[test]
    fn rows_in_no_order_are_all_used() {
        for which in [SplitChoice::Last, SplitChoice::Blocks] {
            let split = Split::new(103, 0.2, which, 0);
            assert_eq!(count(&split.held_out), 21);
            assert_eq!(seen(103, &[&split.train, &split.held_out]), [1; 103]);
        }
        assert_eq!(
            Split::new(103, 0.2, SplitChoice::Last, 0),
            Split {
                held_out: Split::new(103, 0.2, SplitChoice::Last, 0).held_out,
                ..Split::apart(82, 21)
            }
        );
        let split = Split::new(5_000, 0.2, SplitChoice::Blocks, 0);
        let (stop, calibrate) = split.roles();
        assert_eq!((count(&stop), count(&calibrate)), (250, 750));
    }

    #[test]
    fn machines_that_take_turns_stop_and_calibrate() {
        let every_fourth: Stretches = (0..100).map(|i| 4 * i..4 * i + 1).collect();
        let split = Split {
            train: Vec::new(),
            held_out: every_fourth.clone(),
        };
        let (stop, calibrate) = split.roles();
        assert_eq!((count(&stop), count(&calibrate)), (25, 75));
        let both: usize = seen(400, &[&stop, &calibrate]).iter().sum();
        assert_eq!(both, count(&every_fourth));
    }

    #[test]
    fn gaps_separate_training_rows_from_held_out_ones() {
        for (rows, correlated) in [(1_000, 3), (12_000, 100), (12_000, 5_000), (50, 7)] {
            for which in [SplitChoice::Last, SplitChoice::Blocks] {
                let split = Split::new(rows, 0.2, which, correlated);
                let gap = correlated.min(rows / 20);
                assert!(distance(&split.train, &split.held_out) >= gap);
                assert!(count(&split.train) * 10 >= rows * 6, "{rows} {correlated}");
                assert_eq!(count(&split.held_out), rows / 5);
            }
        }
    }

    #[test]
    fn folds_score_every_row_once_and_keep_their_distance() {
        for (rows, correlated) in [
            (25, 0),
            (1_003, 0),
            (12_000, 200),
            (12_000, 4_000),
            (100, 9),
        ] {
            let folds = folds(rows, 5, correlated);
            let scored: Vec<&Stretches> = folds.iter().map(|fold| &fold.scored).collect();
            assert_eq!(seen(rows, &scored), vec![1; rows]);
            for fold in &folds {
                assert!(count(&fold.others) * 10 >= rows * 5, "{rows} {correlated}");
                let gap = correlated.min(rows / 10);
                assert!(
                    distance(&fold.scored, &fold.others) >= gap,
                    "{rows} {correlated}"
                );
            }
        }
    }
}
