//! Limits of the guards, from the values of normal readings.

use crate::data::Table;
use nvpico::detector::QUIET_WINDOW;
use serde::{Deserialize, Serialize};

/// A normal reading may do so many times what the record shows before it is called a fault.
const TIMES: f64 = 3.0;
/// Repeats that are no sign in any sensor, and readings at a limit.
const LEAST_REPEATS: usize = 8;
/// A value may move less than the least that was seen by this.
const QUIET_TIMES: f64 = 4.0;

/// Limits of a value, in the unit of the data; `None` is no guard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardLimits {
    /// The most repeats in a row.
    pub repeats: Option<u16>,
    /// Lowest and highest value that was seen.
    pub seen: [f32; 2],
    /// The most readings in a row at exactly one of them.
    pub at_limit: Option<u16>,
    /// The least sum of changes over [`QUIET_WINDOW`] readings.
    pub quiet: Option<f32>,
    /// The largest change.
    pub jump: Option<f32>,
}

impl GuardLimits {
    /// Of all columns of a table; a value that is given has no guard.
    #[must_use]
    pub fn of_table(table: &Table) -> Vec<Self> {
        let dim = table.dim();
        let of = |column: usize| {
            let values: Vec<f32> = table
                .values
                .iter()
                .skip(column)
                .step_by(dim)
                .copied()
                .collect();
            let found = Self::of(&values, &table.stretches);
            if column < table.given {
                return Self::none(found.seen);
            }
            found
        };
        (0..dim).map(of).collect()
    }

    /// No guard of a value that was seen in this range.
    const fn none(seen: [f32; 2]) -> Self {
        Self {
            repeats: None,
            seen,
            at_limit: None,
            quiet: None,
            jump: None,
        }
    }

    /// Of the values of a column; `begins` holds the rows that do not follow the row before.
    #[must_use]
    pub fn of(values: &[f32], begins: &[usize]) -> Self {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut found = Self::none([low, high]);
        if values.is_empty() || low >= high {
            return found;
        }
        let (mut repeats, mut at_limit, mut jump) = (0, 0, 0.0_f32);
        let mut quiet = f64::INFINITY;
        for stretch in stretches(values, begins) {
            repeats = repeats.max(longest(stretch.windows(2).map(|pair| is(pair[0], pair[1]))));
            at_limit = at_limit.max(longest(stretch.iter().map(|x| is(*x, low) || is(*x, high))));
            let changes = stretch.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let changes: Vec<f32> = changes.collect();
            jump = changes.iter().copied().fold(jump, f32::max);
            let sums = changes.windows(usize::from(QUIET_WINDOW));
            let sums = sums.map(|window| window.iter().copied().map(f64::from).sum());
            quiet = sums.fold(quiet, f64::min);
        }
        let count =
            |seen: usize| u16::try_from((TIMES * seen as f64) as usize + LEAST_REPEATS).ok();
        found.repeats = count(repeats);
        found.at_limit = count(at_limit);
        let quiet = (quiet / QUIET_TIMES) as f32;
        found.quiet = (quiet.is_finite() && quiet > 0.0).then_some(quiet);
        let jump = (TIMES * f64::from(jump)) as f32;
        found.jump = (jump > 0.0 && jump.is_finite()).then_some(jump);
        found
    }

    /// What both allow.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let most = |a: Option<u16>, b: Option<u16>| a.zip(b).map(|(a, b)| a.max(b));
        let join = |a: Option<f32>, b: Option<f32>, of: fn(f32, f32) -> f32| {
            a.zip(b).map(|(a, b)| of(a, b))
        };
        Self {
            repeats: most(self.repeats, other.repeats),
            seen: [
                self.seen[0].min(other.seen[0]),
                self.seen[1].max(other.seen[1]),
            ],
            at_limit: most(self.at_limit, other.at_limit),
            quiet: join(self.quiet, other.quiet, f32::min),
            jump: join(self.jump, other.jump, f32::max),
        }
    }

    /// Whether all numbers can be limits.
    pub(crate) fn is_valid(&self) -> bool {
        let positive =
            |value: Option<f32>| value.is_none_or(|value| value.is_finite() && value >= 0.0);
        let [low, high] = self.seen;
        low.is_finite()
            && high.is_finite()
            && low <= high
            && positive(self.quiet)
            && positive(self.jump)
    }
}

/// Whether two values are the same.
fn is(a: f32, b: f32) -> bool {
    a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq)
}

/// The stretches of values that follow each other.
fn stretches<'a>(values: &'a [f32], begins: &'a [usize]) -> impl Iterator<Item = &'a [f32]> {
    let bounds = || {
        let inner = begins
            .iter()
            .copied()
            .filter(|at| *at > 0 && *at < values.len());
        inner.collect::<Vec<_>>()
    };
    let mut starts = vec![0];
    starts.extend(bounds());
    let mut ends = bounds();
    ends.push(values.len());
    starts
        .into_iter()
        .zip(ends)
        .map(|(from, to)| &values[from..to])
}

/// The longest run of true ones.
fn longest(flags: impl Iterator<Item = bool>) -> usize {
    let run = |(run, most): (usize, usize), flag: bool| {
        let run = if flag { run + 1 } else { 0 };
        (run, most.max(run))
    };
    flags.fold((0, 0), run).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_leave_room_beyond_what_was_seen() {
        let mut values: Vec<f32> = (0..100_u8).map(|at| f32::from(at % 7)).collect();
        values[50..53].fill(3.0);
        let found = GuardLimits::of(&values, &[]);
        // 3 and 3 repeats, beside the 3 of its own place.
        assert_eq!(found.seen.map(f32::to_bits), [0.0, 6.0].map(f32::to_bits));
        assert_eq!(found.repeats, Some(8 + 3 * 2));
        // 6 and then 0, again and again.
        assert_eq!(found.at_limit, Some(8 + 3 * 2));
        assert_eq!(found.jump, Some(18.0));
        assert!(found.quiet.is_some_and(|least| least > 5.0 && least < 14.0));
        assert!(found.is_valid());
    }

    #[test]
    fn nothing_is_counted_across_a_gap() {
        let values = [1.0, 1.0, 1.0, 9.0, 9.0, 9.0];
        let with = GuardLimits::of(&values, &[0, 3]);
        assert_eq!((with.repeats, with.jump), (Some(14), None));
        assert_eq!(GuardLimits::of(&values, &[]).jump, Some(24.0));
    }

    #[test]
    fn limits_of_two_records_allow_what_either_does() {
        let of = |values: &[f32]| GuardLimits::of(values, &[]);
        let (slow, wide) = (of(&[1.0, 1.0, 1.0, 2.0]), of(&[0.0, 9.0, 0.0]));
        let both = slow.or(&wide);
        assert_eq!(both, wide.or(&slow));
        assert_eq!(
            (both.repeats, both.seen, both.jump),
            (slow.repeats, [0.0, 9.0], wide.jump)
        );
        // A column that never moves has no limits to keep.
        assert_eq!(of(&[5.0; 9]).or(&wide).jump, None);
    }

    #[test]
    fn a_column_that_never_moves_has_no_guard() {
        let found = GuardLimits::of(&[2.0; 40], &[]);
        assert_eq!(
            (found.repeats, found.at_limit, found.quiet, found.jump),
            (None, None, None, None)
        );
        assert_eq!(GuardLimits::of(&[], &[]).repeats, None);
    }
}
