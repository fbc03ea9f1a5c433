//! Moving average over the last few samples.
//!
//! Single readings are noisy; the mean of the last `LEN` readings is often the better input for a model. The
//! sum is recomputed for every sample, oldest first, so its bits do not depend on how long the firmware has
//! been running.
//!
//! ```
//! use nvpico::window::TrailingMean;
//!
//! let mut window = TrailingMean::<2, 3>::new();
//! assert_eq!(window.push(&[1.0, 0.0]), None);
//! assert_eq!(window.push(&[2.0, 0.0]), None);
//! assert_eq!(window.push(&[3.0, 3.0]), Some([2.0, 1.0]));
//! assert_eq!(window.push(&[4.0, 3.0]), Some([3.0, 2.0]));
//! ```

use heapless::HistoryBuf;

/// Mean of the last `LEN` samples of `DIM` features.
#[derive(Debug, Default)]
pub struct TrailingMean<const DIM: usize, const LEN: usize> {
    samples: HistoryBuf<[f32; DIM], LEN>,
}

impl<const DIM: usize, const LEN: usize> TrailingMean<DIM, LEN> {
    /// An empty window.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            samples: HistoryBuf::new(),
        }
    }

    /// Takes a sample, drops the oldest one of a full window; the mean once `LEN` samples are there.
    pub fn push(&mut self, sample: &[f32; DIM]) -> Option<[f32; DIM]> {
        self.samples.write(*sample);
        if !self.samples.is_full() {
            return None;
        }
        let mut mean = [0.0; DIM];
        for sample in self.samples.oldest_ordered() {
            for (sum, &value) in mean.iter_mut().zip(sample) {
                *sum += value;
            }
        }
        for sum in &mut mean {
            *sum /= LEN as f32;
        }
        Some(mean)
    }

    /// Forgets all samples, as after a gap in the readings.
    pub fn clear(&mut self) {
        self.samples.clear();
    }
}
