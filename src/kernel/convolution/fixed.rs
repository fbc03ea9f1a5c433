//! Windows over rows of activations in fixed point.
//!
//! A convolution is a fully connected layer applied to a window: the window is gathered, with zeros beyond the
//! edges, and [`dense`](crate::kernel::dense::fixed) does the rest. As in the float engine, only those rows of
//! each layer's input that its window covers are held, in a ring buffer.

use core::hint::black_box;

use crate::image::{high, low};

/// Size and mask of the map that a network runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub height: usize,
    pub width: usize,
    /// Under a checkerboard, the parity of `y + x` of kept places; 2 for other masks.
    pub parity: usize,
}

impl Extent {
    /// Whether a checkerboard transforms a place.
    pub(crate) fn is_other(self, y: usize, x: usize) -> bool {
        self.parity < 2 && (y.wrapping_add(x) & 1) != self.parity
    }

    /// Whether a checkerboard keeps a place.
    pub(crate) fn is_kept(self, y: usize, x: usize) -> bool {
        self.parity < 2 && !self.is_other(y, x)
    }

    pub(crate) fn places(self) -> usize {
        self.height.wrapping_mul(self.width)
    }
}

/// A ring buffer of rows.
pub(crate) struct Ring<'s> {
    words: &'s mut [i32],
    slots: usize,
    /// Words per place.
    pub place: usize,
}

impl<'s> Ring<'s> {
    /// Takes a ring of `slots` rows, with `place` words per place, off the front of the scratch.
    pub(crate) fn cut(
        scratch: &'s mut [i32],
        slots: usize,
        place: usize,
        extent: Extent,
    ) -> Option<(Self, &'s mut [i32])> {
        let len = slots.wrapping_mul(extent.width).wrapping_mul(place);
        let (words, rest) = scratch.split_at_mut_checked(len)?;
        let ring = Self {
            words,
            slots,
            place,
        };
        Some((ring, rest))
    }

    /// Row `y`, for writing.
    pub(crate) fn row_mut(&mut self, y: usize, extent: Extent) -> Option<&mut [i32]> {
        let from = self.start(y, extent.width);
        let len = extent.width.wrapping_mul(self.place);
        self.words.get_mut(from..from.wrapping_add(len))
    }

    /// A place of row `y`, for writing.
    #[cfg(feature = "extra-layers")]
    pub(crate) fn place_mut(&mut self, y: usize, x: usize, extent: Extent) -> Option<&mut [i32]> {
        let from = x
            .wrapping_mul(self.place)
            .wrapping_add(self.start(y, extent.width));
        self.words.get_mut(from..from.wrapping_add(self.place))
    }

    /// Start of row `y`; 0 for an empty ring.
    fn start(&self, y: usize, width: usize) -> usize {
        let slot = y.checked_rem(self.slots).unwrap_or(0);
        slot.wrapping_mul(width).wrapping_mul(self.place)
    }

    /// Gathers the window around a place to the front of `window`; returns the sum of its activations.
    #[inline(always)]
    pub(crate) fn read(
        &self,
        kernel: [usize; 2],
        extent: Extent,
        y: usize,
        x: usize,
        window: &mut [i32],
    ) -> i32 {
        let [height, width] = kernel;
        let mut total = 0_i32;
        let mut slots = window.iter_mut();
        for row in 0..height {
            let from = y.wrapping_add(row).wrapping_sub(height / 2);
            let line = self.start(from, extent.width);
            for column in 0..width {
                let at = x.wrapping_add(column).wrapping_sub(width / 2);
                let inside = from < extent.height && at < extent.width;
                let start = line.wrapping_add(at.wrapping_mul(self.place));
                let end = start.wrapping_add(self.place);
                let values = self.words.get(start..end).filter(|_| inside);
                for index in 0..self.place {
                    black_box(());
                    let word = values
                        .and_then(|values| values.get(index))
                        .copied()
                        .unwrap_or(0);
                    total = total.wrapping_add(low(word)).wrapping_add(high(word));
                    if let Some(slot) = slots.next() {
                        *slot = word;
                    }
                }
            }
        }
        // Pads the last quad.
        for slot in slots {
            *slot = 0;
        }
        total
    }
}
