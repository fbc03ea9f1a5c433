//! In what range the values of normal rows lie.

use super::{Model, SeenValues};

/// A reading may lie outside what was seen by this share of the range, on either side: room for normal readings that are
/// rarer than the rows. Of 24 public sets of normal rows, one in 1,600 of the unseen ones lies farther.
const ROOM: f64 = 0.25;
/// With fewer rows the room is larger, as their number is smaller.
const ENOUGH_ROWS: f64 = 500.0;

impl Model {
    /// Takes note of the values of normal rows (row-major), beside those seen before.
    pub fn note_values(&mut self, rows: &[f32]) {
        let [channels, height, width] = self.header.spec.shape.0;
        let mut seen = self.header.seen.take().unwrap_or_else(|| SeenValues {
            rows: 0,
            ranges: vec![[f32::INFINITY, f32::NEG_INFINITY]; channels],
        });
        for values in rows.chunks_exact(self.header.spec.dim().max(1)) {
            seen.rows += 1;
            for (values, [low, high]) in values.chunks(height * width).zip(&mut seen.ranges) {
                *low = values.iter().copied().fold(*low, f32::min);
                *high = values.iter().copied().fold(*high, f32::max);
            }
        }
        let finite = seen.ranges.iter().flatten().all(|value| value.is_finite());
        self.header.seen = finite.then_some(seen);
    }

    /// The range of each channel's values: what was seen, and a quarter of it more on either side, or more than that after
    /// fewer than 500 rows. Readings outside are never normal, however likely the flow finds them. Empty for a model that
    /// has seen no rows.
    #[must_use]
    pub fn value_ranges(&self) -> Vec<[f32; 2]> {
        let Some(seen) = &self.header.seen else {
            return Vec::new();
        };
        let share = ROOM * (ENOUGH_ROWS / seen.rows.max(1) as f64).max(1.0);
        let widen = |&[low, high]: &[f32; 2]| {
            let (low, high) = (f64::from(low), f64::from(high));
            let room = share * (high - low);
            let within = |value: f64| (value as f32).clamp(f32::MIN, f32::MAX);
            [within(low - room), within(high + room)]
        };
        seen.ranges.iter().map(widen).collect()
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
