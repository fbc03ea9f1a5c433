//! In what range the values of normal rows lie.

use super::{Model, SeenValues};

/// A reading may lie outside what was seen by this share of the range, on either side: room for normal readings that are
/// rarer than the rows. Of 24 public sets of normal rows, one in 1,600 of the unseen ones lies farther.
const ROOM: f64 = 0.25;
/// With fewer rows the room is larger, as their number is smaller.
const ENOUGH_ROWS: f64 = 500.0;

impl SeenValues {
    /// Of rows (row-major) of this many channels, height and width; `None` where a value is not finite.
    #[must_use]
    pub fn of(shape: [usize; 3], rows: &[f32]) -> Option<Self> {
        let none = Self {
            rows: 0,
            ranges: vec![[f32::INFINITY, f32::NEG_INFINITY]; shape[0]],
        };
        none.with(shape, rows)
    }

    /// The same beside these rows.
    #[must_use]
    pub fn with(mut self, [_, height, width]: [usize; 3], rows: &[f32]) -> Option<Self> {
        let places = (height * width).max(1);
        for values in rows.chunks_exact((self.ranges.len() * places).max(1)) {
            self.rows += 1;
            for (values, [low, high]) in values.chunks(places).zip(&mut self.ranges) {
                *low = values.iter().copied().fold(*low, f32::min);
                *high = values.iter().copied().fold(*high, f32::max);
            }
        }
        let finite = self.ranges.iter().flatten().all(|value| value.is_finite());
        finite.then_some(self)
    }

    /// The range of each channel's values: what was seen, and a quarter of it more on either side, or more than that after
    /// fewer than 500 rows.
    #[must_use]
    pub fn widened(&self) -> Vec<[f32; 2]> {
        let share = ROOM * (ENOUGH_ROWS / self.rows.max(1) as f64).max(1.0);
        let widen = |&[low, high]: &[f32; 2]| {
            let (low, high) = (f64::from(low), f64::from(high));
            let room = share * (high - low);
            let within = |value: f64| (value as f32).clamp(f32::MIN, f32::MAX);
            [within(low - room), within(high + room)]
        };
        self.ranges.iter().map(widen).collect()
    }
}

/// The first value of a row that lies outside the range of its channel; what is no number is outside.
pub(crate) fn first_outside<V: PartialOrd>(row: &[V], ranges: &[[V; 2]]) -> Option<usize> {
    let places = row.len().checked_div(ranges.len())?.max(1);
    let channels = row.chunks(places).zip(ranges);
    let mut values = channels.flat_map(|(values, range)| values.iter().map(move |x| (x, range)));
    values.position(|(x, [low, high])| !(low <= x && x <= high))
}

impl Model {
    /// Takes note of the values of normal rows (row-major), beside those seen before.
    pub fn note_values(&mut self, rows: &[f32]) {
        let shape = self.header.spec.shape.0;
        self.header.seen = match self.header.seen.take() {
            None => SeenValues::of(shape, rows),
            Some(seen) => seen.with(shape, rows),
        };
    }

    /// The range of each channel's values. Readings outside are never normal, however likely the flow finds them. A given
    /// value has no room beyond what was seen. Empty for a model that has seen no rows.
    #[must_use]
    pub fn value_ranges(&self) -> Vec<[f32; 2]> {
        let Some(seen) = &self.header.seen else {
            return Vec::new();
        };
        let mut ranges = seen.widened();
        let given = ranges.iter_mut().zip(&seen.ranges);
        for (range, seen) in given.take(self.header.spec.given) {
            *range = *seen;
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use crate::model::small_model;

    #[test]
    fn ranges_hold_what_was_seen_and_a_quarter_more() {
        let mut model = small_model();
        assert!(model.value_ranges().is_empty());
        model.note_values(&[1.0, -2.0, 3.0, 0.0].repeat(250));
        model.note_values(&[5.0, -1.0]);
        let seen = model.header.seen.as_ref().unwrap();
        assert_eq!(
            (seen.rows, &seen.ranges[..]),
            (501, &[[1.0, 5.0], [-2.0, 0.0]][..])
        );
        assert_eq!(model.value_ranges(), [[0.0, 6.0], [-2.5, 0.5]]);
        model.header.spec.given = 1;
        assert_eq!(model.value_ranges(), [[1.0, 5.0], [-2.5, 0.5]]);
        model.header.spec.given = 0;
        // A tenth of the rows, ten times the room.
        model.header.seen.as_mut().unwrap().rows = 50;
        assert_eq!(model.value_ranges(), [[-9.0, 15.0], [-7.0, 5.0]]);
        assert_eq!(model.validate(), Ok(()));
        model.note_values(&[f32::MAX, f32::MIN, f32::MIN, 0.0]);
        let ranges = model.value_ranges();
        assert_eq!(
            ranges[0].map(f32::to_bits),
            [f32::MIN, f32::MAX].map(f32::to_bits)
        );
        assert!(ranges.iter().flatten().all(|value| value.is_finite()));
        model.header.seen.as_mut().unwrap().ranges[0] = [2.0, 1.0];
        assert!(model.validate().unwrap_err().contains("range"));
    }
}
