//! The decision on a row, as a detector on the chip makes it: the range of each value, then the threshold.

use nvpico::detector::Decision;
use nvpico::{Score, ScoreError};

use super::quantize::Quantized;
use super::{Engine, Ready};
use crate::model::first_outside;

/// What decides on rows.
#[derive(Clone, Debug)]
pub struct Judge<'r> {
    threshold: Option<f32>,
    /// The first values, which are given.
    given: usize,
    ranges: Ranges<'r>,
}

/// Lowest and highest value of each channel.
#[derive(Clone, Debug)]
enum Ranges<'r> {
    Float(Vec<[f32; 2]>),
    /// In counts.
    Integer(&'r Quantized, Vec<[i32; 2]>),
}

impl Ready<'_> {
    /// What decides on rows.
    #[must_use]
    pub fn judge(&self) -> Judge<'_> {
        let ranges = self.model.value_ranges();
        Judge {
            threshold: self.threshold(),
            given: self.model.header.spec.given,
            ranges: match &self.engine {
                Engine::Float(_) => Ranges::Float(ranges),
                Engine::Integer(own) => Ranges::Integer(own, own.count_ranges(&ranges)),
            },
        }
    }
}

impl Judge<'_> {
    /// The same ranges with another threshold.
    #[must_use]
    pub fn with_threshold(self, threshold: Option<f32>) -> Self {
        Self { threshold, ..self }
    }

    /// The decision on a row with such a score; `None` for a valid row without a threshold.
    #[must_use]
    pub fn decide(&self, row: &[f32], score: &Result<Score, ScoreError>) -> Option<Decision> {
        let Ok(score) = score else {
            return Some(Decision::Invalid);
        };
        self.decided(self.out_of_range(row), score)
    }

    fn decided(&self, outside: Option<usize>, score: &Score) -> Option<Decision> {
        if let Some(value) = outside {
            let index = u16::try_from(value).unwrap_or(u16::MAX);
            return Some(if value < self.given {
                Decision::GivenOutOfRange(index)
            } else {
                Decision::OutOfRange(index)
            });
        }
        Some(Decision::at(score.log_prob, self.threshold?))
    }

    /// As [`decide`](Self::decide), of a row in counts, for a model in integers.
    #[must_use]
    pub fn decide_counts(&self, counts: &[i32], score: &Score) -> Option<Decision> {
        let outside = match &self.ranges {
            Ranges::Float(_) => None,
            Ranges::Integer(_, ranges) => first_outside(counts, ranges),
        };
        self.decided(outside, score)
    }

    /// Whether a given value lies outside what was seen: such a row is not judged.
    #[must_use]
    pub fn is_given_out_of_range(&self, row: &[f32]) -> bool {
        self.out_of_range(row).is_some_and(|at| at < self.given)
    }

    /// The first value of a row that lies outside its range.
    #[must_use]
    pub fn out_of_range(&self, row: &[f32]) -> Option<usize> {
        match &self.ranges {
            Ranges::Float(ranges) => first_outside(row, ranges),
            Ranges::Integer(own, ranges) => first_outside(&own.counts(row)?, ranges),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::small_model;
    use crate::precision::Precision;

    #[test]
    fn floats_and_integers_find_the_same_value() {
        let rows = [0.5, -0.5, 1.0, 2.0, -0.25, 0.0];
        let mut model = small_model();
        model.find_ranges(&rows);
        model.note_values(&rows.repeat(200));
        for precision in [Precision::F32, Precision::I16, Precision::I8] {
            let ready = model.ready(Some(precision)).unwrap();
            let judge = ready.judge();
            // Seen: -0.25 to 1 and -0.5 to 2, a quarter more on either side.
            assert_eq!(judge.out_of_range(&[1.31, 2.62]), None, "{precision}");
            assert_eq!(judge.out_of_range(&[1.32, 9.0]), Some(0), "{precision}");
            assert_eq!(judge.out_of_range(&[0.0, -1.14]), Some(1), "{precision}");
            let far = [9.0, 0.0];
            let scores = ready.score(&far);
            assert_eq!(
                judge.decide(&far, &scores[0]),
                Some(Decision::OutOfRange(0))
            );
            let refused = Err(ScoreError::NonFinite { index: 0 });
            assert_eq!(judge.decide(&far, &refused), Some(Decision::Invalid));
            let near = [0.5, 0.0];
            assert_eq!(judge.decide(&near, &ready.score(&near)[0]), None);
        }
    }
}
