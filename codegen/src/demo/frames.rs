//! Choosing frames for a picture, and finding the pixel that makes a frame unusual.
//!
//! An exact log-density can be asked "what if": a pixel takes the median of its neighbours, and the frame is scored again.
//! What that gains, in nats, is what this pixel's value costs. The latent z, whose places are those of x, tells less: after
//! some couplings an unusual value has reached its surroundings.

use crate::model::Model;

/// So many of the values, spread evenly from the first to the last; all if they are fewer.
pub fn spread(values: &[usize], count: usize) -> Vec<usize> {
    if values.len() <= count {
        return values.to_vec();
    }
    let last = values.len() - 1;
    let at = |index: usize| values[(index * last + (count - 1) / 2) / (count - 1).max(1)];
    (0..count).map(at).collect()
}

/// Where nearly all values lie: ends for colours.
pub fn ends(values: &[f32]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| sorted.get((share * (sorted.len() as f64 - 1.0)) as usize);
    match (at(0.001), at(0.999)) {
        (Some(low), Some(high)) if low < high => (f64::from(*low), f64::from(*high)),
        _ => (0.0, 1.0),
    }
}

/// What each pixel of a frame costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Blame {
    /// Nats that the frame's log-density gains when the pixel takes the median of its neighbours.
    pub nats: Vec<f32>,
}

impl Blame {
    /// Of a frame of one channel of this width.
    pub fn of(model: &Model, frame: &[f32], width: usize) -> Self {
        let mut rows = frame.repeat(frame.len());
        for (pixel, row) in rows.chunks_exact_mut(frame.len()).enumerate() {
            row[pixel] = neighbours_median(frame, pixel, width);
        }
        rows.extend_from_slice(frame);
        let mut nats = model.deploy().log_probs(&rows);
        let now = nats.pop().unwrap_or_default();
        // A frame beyond all measure has no log-density to compare with; its pixels are equal then.
        let gain = |then: f32| if now.is_finite() { then - now } else { 0.0 };
        for then in &mut nats {
            *then = gain(*then);
        }
        Self { nats }
    }

    /// The pixel that costs most, and how much.
    pub fn most(&self) -> (usize, f32) {
        let pixels = self.nats.iter().copied().enumerate();
        pixels
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or_default()
    }

    /// Each pixel's part of the most, in percent; below 0 where a pixel is likelier than its neighbours' median.
    pub fn shares(&self) -> impl Iterator<Item = f32> {
        let most = self.most().1.max(f32::MIN_POSITIVE);
        self.nats.iter().map(move |nats| 100.0 * nats / most)
    }
}

fn neighbours_median(frame: &[f32], pixel: usize, width: usize) -> f32 {
    let is_near = |other: &usize| distance(pixel, *other, width) == 1;
    let near = (0..frame.len()).filter(is_near);
    let mut near: Vec<f32> = near.map(|other| frame[other]).collect();
    near.sort_by(f32::total_cmp);
    near.get(near.len() / 2).copied().unwrap_or(frame[pixel])
}

/// Steps between two pixels of a picture of this width, a diagonal one counting as one.
pub fn distance(a: usize, b: usize, width: usize) -> usize {
    let across = (a % width).abs_diff(b % width);
    across.max((a / width).abs_diff(b / width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_a_hundred_percent() {
        let blame = Blame {
            nats: vec![-1.0, 20.0, 5.0, 0.0],
        };
        assert_eq!(blame.most(), (1, 20.0));
        assert_eq!(blame.shares().collect::<Vec<_>>(), [-5.0, 100.0, 25.0, 0.0]);
    }

    #[test]
    fn the_median_is_that_of_the_neighbours_alone() {
        let frame = [9.0, 1.0, 7.0, 2.0, 50.0, 8.0, 3.0, 4.0, 6.0];
        let medians = [4, 0].map(|pixel| neighbours_median(&frame, pixel, 3));
        assert_eq!(medians.map(f32::to_bits), [6.0f32, 2.0].map(f32::to_bits));
    }

    #[test]
    fn neighbours_are_one_step_away() {
        assert_eq!(distance(9, 9, 8), 0);
        assert!(
            [0, 1, 2, 8, 10, 16, 17, 18]
                .iter()
                .all(|p| distance(9, *p, 8) == 1)
        );
        // The end of one line is far from the start of the next.
        assert_eq!(distance(7, 8, 8), 7);
    }

    #[test]
    fn spread_takes_both_ends() {
        let values: Vec<usize> = (0..100).collect();
        assert_eq!(spread(&values, 2), [0, 99]);
        let eight = spread(&values, 8);
        assert_eq!((eight[0], eight[7], eight.len()), (0, 99, 8));
        assert_eq!(spread(&values[..3], 8), [0, 1, 2]);
    }

    #[test]
    fn ends_leave_out_what_is_rare() {
        let mut values: Vec<f32> = (0..10_000).map(|i| i as f32 / 1000.0).collect();
        values[7] = 900.0;
        let (low, high) = ends(&values);
        assert!(low < 0.1 && high < 10.0 && high > 9.0, "{low} {high}");
        assert_eq!(ends(&[]), (0.0, 1.0));
    }
}
