//! What decides on a single reading: the ranges of its values, then the threshold.

use super::{Criterion, Decision, DetectorError};
use crate::flow::{Density, ScoreError, Value};

/// Ranges and threshold of a [`Criterion`], without its model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<V: 'static> {
    threshold: V,
    /// Lowest and highest value of each channel; none where there is no guard.
    ranges: &'static [[V; 2]],
    /// The first values, which are given.
    #[cfg(feature = "extra-layers")]
    given: usize,
}

impl<V: Value> Judge<V> {
    /// The sizes are checked where there is a workspace.
    pub(super) const fn new<D: Density<Value = V>>(
        criterion: &Criterion<D>,
        dim: usize,
    ) -> Result<Self, DetectorError> {
        if !criterion.threshold_is_number {
            return Err(DetectorError::Threshold);
        }
        if !criterion.ranges.is_empty() && !dim.is_multiple_of(criterion.ranges.len()) {
            return Err(DetectorError::Ranges);
        }
        Ok(Self {
            threshold: criterion.threshold,
            ranges: criterion.ranges,
            #[cfg(feature = "extra-layers")]
            given: criterion.given,
        })
    }

    /// The first value outside its range.
    pub(super) fn out_of_range<const DIM: usize>(&self, x: &[V; DIM]) -> Option<u16> {
        let places = DIM.checked_div(self.ranges.len())?.max(1);
        let channels = x.chunks(places).zip(self.ranges);
        let mut values =
            channels.flat_map(|(values, range)| values.iter().map(move |x| (x, range)));
        // Comparisons with NaN are false, so NaN is outside.
        let index = values.position(|(x, [low, high])| !(low <= x && x <= high))?;
        // Only to name the value: a dimension above this does not fit a chip.
        Some(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Log-density and decision of a scored reading.
    pub(super) fn decide<D: Density<Value = V>>(
        &self,
        result: &Result<D::Score, ScoreError>,
        out_of_range: Option<u16>,
    ) -> (V, Decision) {
        match (result, out_of_range) {
            (Ok(score), None) => {
                let log_prob = D::log_prob(score);
                (log_prob, Decision::at(log_prob, self.threshold))
            }
            (Ok(score), Some(value)) => (D::log_prob(score), self.outside(value)),
            (Err(_), _) => (D::IMPOSSIBLE, Decision::Invalid),
        }
    }

    /// The decision on a reading whose value with this index, the first such, lies outside its range.
    #[cfg_attr(
        not(feature = "extra-layers"),
        allow(clippy::unused_self, reason = "nothing is given without the feature")
    )]
    fn outside(&self, value: u16) -> Decision {
        // They are the first ones: where one lies outside, none of the others was asked.
        #[cfg(feature = "extra-layers")]
        if usize::from(value) < self.given {
            return Decision::GivenOutOfRange(value);
        }
        Decision::OutOfRange(value)
    }
}
