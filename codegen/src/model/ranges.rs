//! In what range the values of normal rows lie.

use super::Model;

/// A reading may lie outside what was seen by this share of the range, on either side.
const ROOM: f32 = 0.25;

impl Model {
    /// Takes note of the values of normal rows (row-major): each channel's lowest and highest, beside those seen before.
    pub fn note_values(&mut self, rows: &[f32]) {
        let [channels, height, width] = self.header.spec.shape.0;
        let seen = &mut self.header.seen;
        if seen.len() != channels {
            *seen = vec![[f32::INFINITY, f32::NEG_INFINITY]; channels];
        }
        for values in rows.chunks_exact(self.header.spec.dim().max(1)) {
            for (values, [low, high]) in values.chunks(height * width).zip(seen.iter_mut()) {
                *low = values.iter().copied().fold(*low, f32::min);
                *high = values.iter().copied().fold(*high, f32::max);
            }
        }
        if seen.iter().flatten().any(|value| !value.is_finite()) {
            seen.clear();
        }
    }

    /// The range of each channel's values: what was seen, and a quarter of it more on either side. Readings outside are
    /// never normal, however likely the flow finds them. Empty for a model that has seen no rows.
    #[must_use]
    pub fn value_ranges(&self) -> Vec<[f32; 2]> {
        let widen = |[low, high]: &[f32; 2]| {
            // In halves: the width of all floats is beyond the largest.
            let room = ROOM * (0.5 * high - 0.5 * low) * 2.0;
            [(low - room).max(f32::MIN), (high + room).min(f32::MAX)]
        };
        self.header.seen.iter().map(widen).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::model::small_model;

    #[test]
    fn ranges_hold_what_was_seen_and_a_quarter_more() {
        let mut model = small_model();
        assert!(model.value_ranges().is_empty());
        model.note_values(&[1.0, -2.0, 3.0, 0.0]);
        model.note_values(&[5.0, -1.0]);
        assert_eq!(model.header.seen, [[1.0, 5.0], [-2.0, 0.0]]);
        assert_eq!(model.value_ranges(), [[0.0, 6.0], [-2.5, 0.5]]);
        assert_eq!(model.validate(), Ok(()));
        model.note_values(&[f32::MAX, f32::MIN, f32::MIN, 0.0]);
        let ranges = model.value_ranges();
        assert_eq!(ranges[0], [f32::MIN, f32::MAX]);
        assert!(ranges.iter().flatten().all(|value| value.is_finite()));
        model.header.seen[0] = [2.0, 1.0];
        assert!(model.validate().unwrap_err().contains("range"));
    }
}
