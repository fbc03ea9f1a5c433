//! The coupling on a feature map in fixed point: a stack of convolutions, row by row.
//!
//! Inputs are ordered tap by tap; the channels of each tap are padded to whole words.

use super::Change;
use crate::arithmetic::fixed::Progress;
use crate::image::{
    ConvolutionHeader, KernelHeader, PANEL, Program, QUAD_WORDS, Record, high, low, op, pair,
};
use crate::kernel::convolution::fixed::{Extent, Ring};
use crate::kernel::convolution::stack::row_of;
use crate::kernel::dense::fixed::{self as dense, Part, Weights, activation};

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

/// Maps x to y in place; the program is positioned after the op.
#[inline(never)]
pub(crate) fn forward<W: Weights>(
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
        // Each step reads one row, and every layer computes the one row that has become possible.
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
                    // Places that a checkerboard keeps do not change.
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
            // Now after the words of all layers.
            *program = own;
            return Some(());
        }
    }
}

/// A ring buffer of the rows that a window of height `rows` covers, off the front of the scratch.
fn cut(
    scratch: &mut [i32],
    rows: i32,
    place: usize,
    extent: Extent,
) -> Option<(Ring<'_>, &mut [i32])> {
    Ring::cut(scratch, (rows as usize).min(extent.height), place, extent)
}
