//! A row of a convolution for one sample, by the assembly panels: one row of the window at a time, at all
//! places together whose windows are complete.
//!
//! Same arithmetic in the same order as [`Row::run`]; a test in the emulator compares bits.

use super::{Layer, Row, Taps};
use crate::kernel::dense::assembly::add_at_places;
use crate::kernel::dense::scalar::{Places, Share, leaky};
use crate::spec::Activation;

/// One panel, at all places together that have complete windows.
#[inline(always)]
pub(super) fn panel(row: &mut Row<'_, f32>, panel: &[f32], from: usize, width: usize) {
    let (classes, step) = row.classes();
    for class in 0..classes {
        let mut column = row.columns.start + class;
        while column < row.shape.width {
            let count = alike(row, column, step);
            let block = PlaceBlock {
                panel,
                from,
                width,
                column,
                step,
                count,
            };
            block.make(row);
            column += step * count;
        }
    }
}

/// A panel's outputs at several places.
struct PlaceBlock<'p> {
    /// The panel: biases, then weights.
    panel: &'p [f32],
    /// The first output of the panel, and its width.
    from: usize,
    width: usize,
    /// The first column, the distance between columns, and the number of places.
    column: usize,
    step: usize,
    count: usize,
}

impl PlaceBlock<'_> {
    /// Computes the sums one run of taps at a time: starting at the biases in the first run, applying ReLU in
    /// the last.
    #[inline(never)]
    fn make(&self, row: &mut Row<'_, f32>) {
        let relu = row.activation == Some(Activation::Relu);
        let mut window = row.layer.window(row.shape, row.y, self.column);
        // A window without taps, whose inputs are all zero, still has a bias.
        let mut taps = window.next(row.kept).unwrap_or(Taps::NONE);
        let mut bias = true;
        loop {
            let next = window.next(row.kept);
            self.add(row, taps, bias, relu && next.is_none());
            bias = false;
            match next {
                Some(next) => taps = next,
                None => break,
            }
        }
        if let Some(Activation::LeakyRelu { slope }) = row.activation {
            for place in 0..self.count {
                let start = (self.column + place * self.step) * row.layer.outputs + self.from;
                if let Some(sums) = row.output.get_mut(start..start + self.width) {
                    leaky(sums, slope);
                }
            }
        }
    }

    /// Adds a run of taps to the sums.
    #[inline(always)]
    fn add(&self, row: &mut Row<'_, f32>, taps: Taps, bias: bool, relu: bool) -> Option<()> {
        let Layer {
            inputs, outputs, ..
        } = row.layer;
        let line = row.source.line(taps.y, row.shape.width * inputs);
        let share = Share {
            part: line.get(taps.x * inputs..)?,
            inputs: row.layer.rows(),
            before: taps.before,
            bias,
            relu,
        };
        let places = Places {
            count: self.count,
            len: taps.len,
            pitch: self.step * inputs,
            width: self.width,
            next: self.step * outputs,
        };
        let output = row.output.get_mut(self.column * outputs + self.from..)?;
        add_at_places(self.panel, share, places, output)
    }
}

/// How many places starting at `column`, `step` apart, have windows that are clipped alike: all places with
/// complete windows, otherwise one.
fn alike(row: &Row<'_, f32>, column: usize, step: usize) -> usize {
    let left = row.layer.kernel.width / 2;
    match row.shape.width.checked_sub(left + column + 1) {
        Some(more) if column >= left => more.checked_div(step).unwrap_or(0) + 1,
        _ => 1,
    }
}
