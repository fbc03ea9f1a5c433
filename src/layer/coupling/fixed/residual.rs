//! The coupling on a feature map with the paper's residual network, in fixed point.
//!
//! `h` and `skip` are whole maps in Q16, accumulated in place. A norm or a shift converts them to 16-bit
//! activations for a convolution. The map between the two convolutions of a block passes through rings of a few
//! rows, as in the float engine.
//!
//! A layer that reads `h` without a norm is preceded by the shift that converts it to activations. All layers
//! except the first and the last have whole panels of channels.

use core::ops::Range;

use super::Change;
use crate::arithmetic::fixed::Progress;
use crate::image::{
    KeptRecord, Narrowing, PANEL, Program, QUAD_WORDS, Record, ResidualHeader, pair,
};
use crate::kernel::convolution::fixed::{Extent, Ring};
use crate::kernel::convolution::stack::row_of;
use crate::kernel::dense::fixed::{self as dense, Part, Weights};
use crate::kernel::residual_dense::fixed::{Adder, activate, clear, narrowed, normed, take_norms};

/// Row `y` of the kept channels as activations: `n` and `-n`, negative values replaced by zero.
#[inline(never)]
fn gather(
    records: &[[i32; KeptRecord::WORDS]],
    extent: Extent,
    y: usize,
    x: &[i32],
    row: &mut [i32],
) {
    let mut column = 0;
    for place in row.chunks_exact_mut(records.len().max(1)) {
        let at = y.wrapping_mul(extent.width).wrapping_add(column);
        for (slot, words) in place.iter_mut().zip(records) {
            let record = KeptRecord::from_words(words);
            let index = (record.channel as usize).wrapping_mul(extent.places());
            let value = if extent.is_other(y, column) {
                0
            } else {
                x.get(index.wrapping_add(at)).copied().unwrap_or(0)
            };
            let value = normed(value, record.norm());
            *slot = pair(value.max(0), value.wrapping_neg().max(0));
        }
        column = column.wrapping_add(1);
    }
}

/// A 1 x 1 convolution of `h`, with the shift that converts `h` to activations, added to `skip`.
#[derive(Clone, Copy)]
struct Skip<'p> {
    shift: i32,
    adder: Adder<'p>,
}

impl<'p> Skip<'p> {
    fn take<W: Weights>(program: &mut Program<'p>, inputs: usize) -> Option<Self> {
        let Narrowing { shift } = Narrowing::read(program)?;
        let adder = Adder::take::<W>(program, inputs)?;
        Some(Self { shift, adder })
    }
}

/// Range of a place in `h` or `skip`.
#[inline(always)]
fn span(extent: Extent, channels: usize, y: usize, x: usize) -> Range<usize> {
    let place = y.wrapping_mul(extent.width).wrapping_add(x);
    let from = place.wrapping_mul(channels);
    from..from.wrapping_add(channels)
}

/// The maps of a network, and its scratch.
struct IntegerMaps<'s> {
    extent: Extent,
    kernel: [usize; 2],
    /// Number of channels, padded to whole panels.
    channels: usize,
    hidden: &'s mut [i32],
    skip: &'s mut [i32],
    window: &'s mut [i32],
    sums: &'s mut [i32],
    rings: &'s mut [i32],
}

impl IntegerMaps<'_> {
    /// Words per place of activations.
    fn place_words(&self) -> usize {
        self.channels / PANEL * QUAD_WORDS
    }

    /// Words of a window over places of `place` words.
    fn window_words(&self, place: usize) -> usize {
        let [height, width] = self.kernel;
        let words = height.wrapping_mul(width).wrapping_mul(place);
        words.next_multiple_of(QUAD_WORDS)
    }

    /// Number of rows in a ring.
    fn slots(&self) -> usize {
        let [height, _] = self.kernel;
        height.min(self.extent.height)
    }

    /// Adds `point(h)` at one place to `skip`.
    fn add_skip<W: Weights>(&mut self, skip: Skip<'_>, y: usize, x: usize) -> Option<()> {
        let (at, words) = (span(self.extent, self.channels, y, x), self.place_words());
        let input = self.window.get_mut(..words)?;
        let total = narrowed(self.hidden.get(at.clone())?, skip.shift, input);
        let place = self.skip.get_mut(at)?;
        skip.adder.add::<W>(input, total, self.sums, place)
    }

    /// `h = conv(relu(concat(n, -n)))`, `skip = point(h)`.
    #[inline(never)]
    fn first<W: Weights>(
        &mut self,
        program: &mut Program<'_>,
        records: &[[i32; KeptRecord::WORDS]],
        x: &[i32],
    ) -> Option<()> {
        clear(self.hidden);
        clear(self.skip);
        let place = records.len();
        let words = self.window_words(place);
        let convolution = Adder::take::<W>(program, words)?;
        let point = Skip::take::<W>(program, self.place_words())?;
        let (extent, kernel, slots) = (self.extent, self.kernel, self.slots());
        let below = kernel.first()? / 2;
        for step in 0..extent.height.wrapping_add(below) {
            let (mut ring, _) = Ring::cut(self.rings, slots, place, extent)?;
            if step < extent.height {
                gather(records, extent, step, x, ring.row_mut(step, extent)?);
            }
            let Some(y) = row_of(step, below, extent.height) else {
                continue;
            };
            for column in 0..extent.width {
                let (ring, _) = Ring::cut(self.rings, slots, place, extent)?;
                let at = span(extent, self.channels, y, column);
                let window = self.window.get_mut(..words)?;
                let total = ring.read(kernel, extent, y, column, window);
                let target = self.hidden.get_mut(at)?;
                convolution.add::<W>(window, total, self.sums, target)?;
                self.add_skip::<W>(point, y, column)?;
            }
        }
        Some(())
    }

    /// `h += conv(relu(conv(relu(norm(h)))))`, `skip += point(h)`.
    #[inline(never)]
    fn block<W: Weights>(&mut self, program: &mut Program<'_>) -> Option<()> {
        let norms = take_norms(program, self.channels)?;
        let place = self.place_words();
        let words = self.window_words(place);
        let first = *program;
        dense::skip::<W>(program, words)?;
        let second = Adder::take::<W>(program, words)?;
        let point = Skip::take::<W>(program, place)?;
        let (extent, kernel, slots) = (self.extent, self.kernel, self.slots());
        let below = kernel.first()? / 2;
        for step in 0..extent.height.wrapping_add(below).wrapping_add(below) {
            let (mut active, rest) = Ring::cut(self.rings, slots, place, extent)?;
            let (mut inner, _) = Ring::cut(rest, slots, place, extent)?;
            if step < extent.height {
                for column in 0..extent.width {
                    let target = active.place_mut(step, column, extent)?;
                    let at = span(extent, self.channels, step, column);
                    activate(self.hidden.get(at)?, norms, 0, target);
                }
            }
            if let Some(y) = row_of(step, below, extent.height) {
                let window = self.window.get_mut(..words)?;
                for column in 0..extent.width {
                    let target = inner.place_mut(y, column, extent)?;
                    let total = active.read(kernel, extent, y, column, window);
                    dense::forward::<W>(&mut { first }, Part::Hidden, window, total, target)?;
                }
            }
            let Some(y) = row_of(step, below.wrapping_add(below), extent.height) else {
                continue;
            };
            for column in 0..extent.width {
                let (_, rest) = Ring::cut(self.rings, slots, place, extent)?;
                let (inner, _) = Ring::cut(rest, slots, place, extent)?;
                let at = span(extent, self.channels, y, column);
                let window = self.window.get_mut(..words)?;
                let total = inner.read(kernel, extent, y, column, window);
                let target = self.hidden.get_mut(at)?;
                second.add::<W>(window, total, self.sums, target)?;
                self.add_skip::<W>(point, y, column)?;
            }
        }
        Some(())
    }

    /// `point(relu(norm(skip)))`, and the transformation of the values that are not kept.
    #[inline(never)]
    fn last<W: Weights>(
        &mut self,
        program: &mut Program<'_>,
        change: &Change<'_>,
        x: &mut [i32],
        progress: &mut Progress,
    ) -> Option<()> {
        let norms = take_norms(program, self.channels)?;
        let layer = *program;
        let (extent, place) = (self.extent, self.place_words());
        dense::skip::<W>(program, place)?;
        for y in 0..extent.height {
            for column in 0..extent.width {
                // Places that a checkerboard keeps do not change.
                if extent.is_kept(y, column) {
                    continue;
                }
                let at = span(extent, self.channels, y, column);
                let input = self.window.get_mut(..place)?;
                let total = activate(self.skip.get(at)?, norms, 0, input);
                dense::forward::<W>(&mut { layer }, Part::Last, input, total, self.sums)?;
                let at = y.wrapping_mul(extent.width).wrapping_add(column);
                change.place(self.sums, x, extent.places(), at, progress)?;
            }
        }
        Some(())
    }
}

/// Maps x to y in place; the program is positioned after the op.
#[inline(never)]
pub(crate) fn forward<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let ResidualHeader {
        kept,
        records,
        height,
        width,
        parity,
        panels,
        blocks,
        kernel_height,
        kernel_width,
        window,
        raw_shift,
        shift_shift,
    } = ResidualHeader::read(program)?;
    let extent = Extent {
        height: height as usize,
        width: width as usize,
        parity: parity as usize,
    };
    let kept = program.take((kept as usize).wrapping_mul(KeptRecord::WORDS))?;
    let records = program.take((records as usize).wrapping_mul(Record::WORDS))?;
    let change = Change {
        kind,
        records: records.as_chunks().0,
        raw_shift,
        shift_shift,
    };
    let channels = (panels as usize).wrapping_mul(PANEL);
    let map = extent.places().wrapping_mul(channels);
    // A last layer may have more sums than a hidden one: two per transformed channel.
    let sums = (change.records.len().wrapping_mul(2)).next_multiple_of(PANEL);
    let (hidden, scratch) = scratch.split_at_mut_checked(map)?;
    let (skip, scratch) = scratch.split_at_mut_checked(map)?;
    let (window, scratch) = scratch.split_at_mut_checked(window as usize)?;
    let (sums, rings) = scratch.split_at_mut_checked(sums.max(channels))?;
    let mut maps = IntegerMaps {
        extent,
        kernel: [kernel_height as usize, kernel_width as usize],
        channels,
        hidden,
        skip,
        window,
        sums,
        rings,
    };
    maps.first::<W>(program, kept.as_chunks().0, x)?;
    for _ in 0..blocks {
        maps.block::<W>(program)?;
    }
    maps.last::<W>(program, &change, x, progress)
}
