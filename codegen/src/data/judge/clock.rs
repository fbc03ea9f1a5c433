//! Times of rows: the usual step, and where there are gaps.

use super::super::find::Index;
use super::super::frame::Frame;
use super::columns::values;
use super::{Series, time};

/// The times of all rows, by the first column that is a time.
pub(in super::super) struct Clock {
    /// The time of each row of all files; not-a-number where there is none.
    seconds: Vec<f64>,
    /// The usual time from row to row; above 0.
    pub step: f64,
    /// Whether times are in seconds; of a number that only rises the unit is not known.
    pub in_seconds: bool,
}

/// A step longer than so many usual ones is a gap.
pub(super) const GAP: f64 = 1.5;

impl Clock {
    /// Of the columns that are no readings; `None` without a time.
    pub fn of(frames: &[Frame], indexes: &[Index<'_>], readings: &[String]) -> Option<Self> {
        let others = frames.first()?.columns.iter();
        let mut others = others.filter(|column| !readings.contains(&column.name));
        others.find_map(|column| {
            let same = indexes.iter().filter_map(|frame| frame.get(&column.name));
            let mut in_seconds = true;
            let seconds: Vec<f64> = if column.times > 0 && 2 * column.times >= column.filled {
                same.flat_map(|column| column.seconds.iter().copied())
                    .collect()
            } else {
                let series = Series::new(values(indexes, &column.name), &[]);
                let known = time::unit(&series).map(|(unit, _)| unit);
                in_seconds = known.is_some();
                let rises = || time::time(&column.name, &series).map(|_| 1.0);
                let unit = known.or_else(rises)?;
                series.values.iter().map(|value| unit * value).collect()
            };
            let rows = frames.iter().map(|frame| frame.rows).sum::<usize>();
            let step = rounded(usual(&seconds)?);
            (seconds.len() == rows).then_some(Self {
                seconds,
                step,
                in_seconds,
            })
        })
    }

    /// Whether a row is the one after the row before; nothing speaks against it where a time is missing.
    pub fn follows(&self, row: usize) -> bool {
        let Some(before) = row.checked_sub(1) else {
            return true;
        };
        let pair = self.seconds.get(before).zip(self.seconds.get(row));
        pair.is_none_or(|(before, now)| {
            let step = now - before;
            step.is_nan() || (step >= 0.0 && step <= GAP * self.step)
        })
    }
}

/// Five digits: what follows is the rounding of large numbers.
pub(super) fn rounded(step: f64) -> f64 {
    format!("{step:.4e}").parse().unwrap_or(step)
}

/// The median of the steps that rise.
pub(super) fn usual(seconds: &[f64]) -> Option<f64> {
    let pairs = seconds.windows(2).map(|pair| pair[1] - pair[0]);
    let mut steps: Vec<f64> = pairs.filter(|step| *step > 0.0).collect();
    let middle = steps.len() / 2;
    (!steps.is_empty()).then(|| *steps.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_steps_much_longer_than_the_usual_one_and_steps_back() {
        let seconds = vec![0.0, 1.0, 2.0, 5.0, 6.0, 3.0, f64::NAN, 8.0];
        let step = usual(&seconds).unwrap();
        let clock = Clock {
            seconds,
            step,
            in_seconds: true,
        };
        assert_eq!(clock.step, 1.0);
        let follows: Vec<bool> = (0..8).map(|row| clock.follows(row)).collect();
        assert_eq!(follows, [true, true, true, false, true, false, true, true]);
        assert_eq!(usual(&[3.0, 3.0]), None);
    }
}
