//! What is no sensor, and what is no reading: columns and values that are judged before anything is learnt from them.
//!
//! Every judgement is a function of a name and of values in `f64`, and has a file of its own; `verdict` puts them
//! together.

#![allow(
    clippy::float_cmp,
    reason = "values that repeat to the bit are what is looked for"
)]

mod absent;
mod clock;
mod columns;
mod copies;
mod counter;
mod fill;
mod flat;
pub(super) mod identifier;
pub(super) mod label;
mod span;
mod step;
pub(crate) use step::step;
mod time;
mod verdict;

use std::borrow::Cow;

pub(super) use clock::Clock;
pub(super) use verdict::{Question, judge};

/// The values of a column over all files; not-a-number where there is none.
#[derive(Clone, Debug)]
pub(super) struct Series<'a> {
    pub values: Cow<'a, [f64]>,
    /// The first row of every file but the first.
    pub starts: &'a [usize],
    /// The different readings, ascending, and how often each comes.
    pub runs: Vec<(f64, usize)>,
}

impl<'a> Series<'a> {
    pub fn new(values: Cow<'a, [f64]>, starts: &'a [usize]) -> Self {
        // Adding zero makes the two zeros one value.
        let readings = values.iter().filter(|x| x.is_finite()).map(|x| x + 0.0);
        let mut sorted: Vec<f64> = readings.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let same = sorted.chunk_by(|a, b| a == b);
        let runs = same.map(|run| (run[0], run.len())).collect();
        Self {
            values,
            starts,
            runs,
        }
    }

    /// Number of readings.
    pub fn readings(&self) -> usize {
        self.runs.iter().map(|(_, count)| count).sum()
    }

    /// The different readings, ascending.
    pub fn distinct(&self) -> impl Iterator<Item = f64> + '_ {
        self.runs.iter().map(|(value, _)| *value)
    }

    /// All readings are whole numbers.
    pub fn whole(&self) -> bool {
        self.distinct().all(|x| x.fract() == 0.0)
    }

    /// Lowest and highest reading; infinities the wrong way round where there is none.
    pub fn range(&self) -> (f64, f64) {
        match &self.runs[..] {
            [(low, _), .., (high, _)] => (*low, *high),
            [(only, _)] => (*only, *only),
            [] => (f64::INFINITY, f64::NEG_INFINITY),
        }
    }

    /// Readings that follow each other in a file.
    pub fn pairs(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let pairs = self.values.windows(2).enumerate();
        pairs
            .filter(|(row, pair)| {
                pair.iter().all(|x| x.is_finite()) && self.starts.binary_search(&(row + 1)).is_err()
            })
            .map(|(_, pair)| (pair[0], pair[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::Series;

    pub(super) fn series(values: &[f64]) -> Series<'_> {
        series_of(values, &[])
    }

    pub(super) fn series_of<'a>(values: &'a [f64], starts: &'a [usize]) -> Series<'a> {
        Series::new(values.into(), starts)
    }

    /// Readings about 0 with deviation 1, the same ones every time.
    pub(super) fn noise(count: usize) -> Vec<f64> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        (0..count).map(|_| normal()).collect()
    }
}
