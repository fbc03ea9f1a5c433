//! The coupling on a feature map in fixed point: a stack of convolutions, row by row.
//!
//! A convolution is a fully connected layer on what its window covers: the window is copied together, zero
//! beyond the edges, and [`dense`](super::dense) does the rest. Of each layer's input only the rows that its
//! window covers are held, in a ring, as the float engine does it.
//!
//! Inputs are counted tap by tap, the channels of each in whole words.

use core::hint::black_box;

use super::Progress;
use super::coupling::Change;
use super::dense::{self, Part, activation};
use super::weights::Weights;
use crate::image::{
    ConvolutionHeader, KernelHeader, PANEL, Program, QUAD_WORDS, Record, high, low, op, pair,
};

/// What a network runs on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub height: usize,
    pub width: usize,
    /// Of a checkerboard, the parity of `y + x` where it keeps; 2 for other masks.
    pub parity: usize,
}

impl Extent {
    /// Whether a checkerboard changes a place.
    pub(super) fn is_other(self, y: usize, x: usize) -> bool {
        self.parity < 2 && (y.wrapping_add(x) & 1) != self.parity
    }

    /// Whether a checkerboard keeps a place.
    pub(super) fn is_kept(self, y: usize, x: usize) -> bool {
        self.parity < 2 && !self.is_other(y, x)
    }

    pub(super) fn places(self) -> usize {
        self.height.wrapping_mul(self.width)
    }
}

/// Rows of places in a ring.
pub(super) struct Ring<'s> {
    words: &'s mut [i32],
    slots: usize,
    /// Words of a place.
    place: usize,
}

impl<'s> Ring<'s> {
    /// So many rows off the front of the scratch, places of so many words.
    pub(super) fn cut(
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

    /// Row `y`, to write it.
    pub(super) fn row_mut(&mut self, y: usize, extent: Extent) -> Option<&mut [i32]> {
        let from = self.start(y, extent.width);
        let len = extent.width.wrapping_mul(self.place);
        self.words.get_mut(from..from.wrapping_add(len))
    }

    /// A place of row `y`, to write it.
    #[cfg(feature = "foreign")]
    pub(super) fn place_mut(&mut self, y: usize, x: usize, extent: Extent) -> Option<&mut [i32]> {
        let from = x
            .wrapping_mul(self.place)
            .wrapping_add(self.start(y, extent.width));
        self.words.get_mut(from..from.wrapping_add(self.place))
    }

    /// Where row `y` stands; nowhere if nothing is held.
    fn start(&self, y: usize, width: usize) -> usize {
        let slot = y.checked_rem(self.slots).unwrap_or(0);
        slot.wrapping_mul(width).wrapping_mul(self.place)
    }

    /// What the window around a place covers, to the front of `window`; returns the sum of the activations.
    #[inline(always)]
    pub(super) fn read(
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
        // A quad may have to be filled.
        for slot in slots {
            *slot = 0;
        }
        total
    }
}

/// Row `y` of the kept channels as activations.
#[inline(never)]
fn gather(indices: &[i32], shift: i32, extent: Extent, y: usize, x: &[i32], row: &mut [i32]) {
    let mut column = 0;
    for place in row.chunks_exact_mut(indices.len().max(1)) {
        let at = y.wrapping_mul(extent.width).wrapping_add(column);
        let value = |channel: i32| {
            let channel = (channel & op::NO_INDEX) as usize;
            if channel == op::NO_INDEX as usize || extent.is_other(y, column) {
                return 0;
            }
            let index = channel.wrapping_mul(extent.places()).wrapping_add(at);
            activation(x.get(index).copied().unwrap_or(0), shift)
        };
        for (slot, &word) in place.iter_mut().zip(indices) {
            *slot = pair(value(low(word)), value(high(word)));
        }
        column = column.wrapping_add(1);
    }
}

/// The row that a layer `delay` rows behind makes at `step`.
pub(super) fn row_of(step: usize, delay: usize, height: usize) -> Option<usize> {
    step.checked_sub(delay).filter(|&y| y < height)
}

/// x to y, in place; the program stands after the op.
#[inline(never)]
pub(super) fn forward<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let ConvolutionHeader {
        kept,
        records,
        height,
        width,
        parity,
        window,
        layers,
        input_shift,
        raw_shift,
        shift_shift,
    } = ConvolutionHeader::read(program)?;
    let extent = Extent {
        height: height as usize,
        width: width as usize,
        parity: parity as usize,
    };
    let indices = program.take(kept as usize)?;
    let records = program.take((records as usize).wrapping_mul(Record::WORDS))?;
    let (records, _) = records.as_chunks::<{ Record::WORDS }>();
    let change = Change {
        kind,
        records,
        raw_shift,
        shift_shift,
    };
    let (window, scratch) = scratch.split_at_mut_checked(window as usize)?;
    let start = *program;
    let mut step: usize = 0;
    loop {
        // A turn reads a row, and lets each layer make the one row more that it can.
        let mut own = start;
        let mut rest = &mut *scratch;
        let mut delay = 0;
        let first_height = KernelHeader::read(&mut { own })?.height;
        let (mut ring, after) = cut(rest, first_height, kept as usize, extent)?;
        rest = after;
        if step < extent.height {
            let row = ring.row_mut(step, extent)?;
            gather(indices, input_shift, extent, step, x, row);
        }
        for layer in 1..=layers {
            let KernelHeader {
                height: kernel_height,
                width: kernel_width,
            } = KernelHeader::read(&mut own)?;
            let kernel = [kernel_height as usize, kernel_width as usize];
            let taps = kernel_height.wrapping_mul(kernel_width) as usize;
            let words = taps.wrapping_mul(ring.place).next_multiple_of(QUAD_WORDS);
            let window = window.get_mut(..words)?;
            delay = kernel_height.wrapping_div(2).wrapping_add(delay);
            let row = row_of(step, delay as usize, extent.height);
            let layer_words = own;
            let panels = dense::skip::<W>(&mut own, words)?;
            if layer == layers {
                let (sums, _) = rest.split_at_mut_checked(panels.wrapping_mul(PANEL))?;
                let Some(y) = row else { break };
                for column in 0..extent.width {
                    // What a checkerboard keeps does not change.
                    if extent.is_kept(y, column) {
                        continue;
                    }
                    let total = ring.read(kernel, extent, y, column, window);
                    dense::forward::<W>(&mut { layer_words }, Part::Last, window, total, sums)?;
                    let at = y.wrapping_mul(extent.width).wrapping_add(column);
                    change.place(sums, x, extent.places(), at, progress)?;
                }
                break;
            }
            let next_height = KernelHeader::read(&mut { own })?.height;
            let place = panels.wrapping_mul(QUAD_WORDS);
            let (mut target, after) = cut(rest, next_height, place, extent)?;
            rest = after;
            if let Some(y) = row {
                let row = target.row_mut(y, extent)?;
                for (column, output) in row.chunks_exact_mut(place.max(1)).enumerate() {
                    let total = ring.read(kernel, extent, y, column, window);
                    dense::forward::<W>(&mut { layer_words }, Part::Hidden, window, total, output)?;
                }
            }
            ring = target;
        }
        step = step.wrapping_add(1);
        if step >= extent.height.wrapping_add(delay as usize) {
            // The words of the layers were walked through.
            *program = own;
            return Some(());
        }
    }
}

/// A ring of the rows that a window so high covers, off the front of the scratch.
fn cut(
    scratch: &mut [i32],
    rows: i32,
    place: usize,
    extent: Extent,
) -> Option<(Ring<'_>, &mut [i32])> {
    Ring::cut(scratch, (rows as usize).min(extent.height), place, extent)
}
