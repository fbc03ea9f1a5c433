//! Convolutions, row by row: `y[p] = activation(b + sum over the window of W x[p + offset])`.
//!
//! Inside a network a map is stored place by place, with all channels of a place together. The part of a window
//! in one row is then contiguous in memory, and a convolution is the [`dense`] kernel applied to two or three
//! contiguous runs: the same panels of outputs, each output summed from the bias on, in the order of the
//! window's rows, columns and input channels. Inputs beyond the edges, or zeroed by a checkerboard, are
//! skipped, not multiplied.
//!
//! ```
//! use nvpico::kernel::convolution::{Columns, Layer, Row, Source};
//! use nvpico::spec::{Kernel, Shape};
//!
//! // One channel, a window of 1 x 3 that adds its neighbours; the bias is 10.
//! let layer = Layer { params: &[10.0, 1.0, 0.0, 1.0], kernel: Kernel::ROW, inputs: 1, outputs: 1 };
//! let mut sums = [0.0_f32; 4];
//! Row {
//!     layer,
//!     source: Source { values: &[1.0, 2.0, 3.0, 4.0], slots: 1 },
//!     shape: Shape::series(1, 4),
//!     y: 0,
//!     kept: None,
//!     columns: Columns::ALL,
//!     output: &mut sums,
//!     activation: None,
//! }
//! .run();
//! assert_eq!(sums, [12.0, 14.0, 16.0, 13.0]);
//! ```

pub(crate) mod fixed;
pub(crate) mod map;
#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
mod places;
pub(crate) mod residual;
pub(crate) mod scalar;
pub(crate) mod stack;
#[cfg(feature = "std")]
pub(crate) mod training;

pub use map::Backward;

use super::dense;
use crate::kernel::Kernels;
use crate::spec::{Activation, Kernel, Shape};

/// A convolution: parameters, window and channel counts.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'p> {
    /// Panels, in the layout of [`Kernel::param_len`].
    pub params: &'p [f32],
    /// The window.
    pub kernel: Kernel,
    /// Number of input channels.
    pub inputs: usize,
    /// Number of output channels.
    pub outputs: usize,
}

impl<'p> Layer<'p> {
    /// Number of rows of weights: inputs per output.
    #[inline(always)]
    pub(crate) const fn rows(&self) -> usize {
        self.kernel.taps() * self.inputs
    }

    /// Splits a layer off the front of `params`.
    #[inline(always)]
    pub(crate) fn split(
        params: &'p [f32],
        kernel: Kernel,
        inputs: usize,
        outputs: usize,
    ) -> Option<(Self, &'p [f32])> {
        let (params, rest) = params.split_at_checked(kernel.param_len(inputs, outputs))?;
        let layer = Self {
            params,
            kernel,
            inputs,
            outputs,
        };
        Some((layer, rest))
    }
}

/// Rows of a map, place by place: all of them, or the last few in a ring buffer.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s, V> {
    /// `[slots, width, channels]`.
    pub values: &'s [V],
    /// Number of rows held; row `y` is in slot `y % slots`.
    pub slots: usize,
}

impl<'s, V> Source<'s, V> {
    /// Row `y`, of `len` values.
    #[inline(always)]
    pub(crate) fn line(&self, y: usize, len: usize) -> &'s [V] {
        self.values.get(slot(self.slots, y, len)).unwrap_or(&[])
    }
}

/// Range of the `index`-th chunk of `len` values.
#[inline(always)]
pub(crate) fn nth(index: usize, len: usize) -> core::ops::Range<usize> {
    index * len..(index + 1) * len
}

/// Range of row `y`, of `len` values, in a ring buffer of `slots` rows.
#[inline(always)]
pub(crate) fn slot(slots: usize, y: usize, len: usize) -> core::ops::Range<usize> {
    nth(y.checked_rem(slots).unwrap_or(0), len)
}

/// All columns of a row, or every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The first column.
    pub start: usize,
    /// Distance between columns, 1 or 2.
    pub step: usize,
}

impl Columns {
    /// Every column.
    pub const ALL: Self = Self { start: 0, step: 1 };

    /// The columns of row `y` where `y + x` has the given parity.
    #[must_use]
    pub const fn of_parity(y: usize, parity: usize) -> Self {
        Self {
            start: (y % 2) ^ parity,
            step: 2,
        }
    }

    /// These columns in a row of the given width.
    #[inline(always)]
    pub fn within(self, width: usize) -> impl Iterator<Item = usize> {
        let mut next = self.start;
        core::iter::from_fn(move || {
            let column = next;
            next = column.saturating_add(self.step);
            (column < width).then_some(column)
        })
    }
}

/// One row of a convolution's output, with everything needed to compute it.
#[derive(Debug)]
pub struct Row<'r, V> {
    /// The convolution.
    pub layer: Layer<'r>,
    /// The input.
    pub source: Source<'r, V>,
    /// Shape of the map.
    pub shape: Shape,
    /// Index of the row.
    pub y: usize,
    /// If the input is masked by a checkerboard, the parity of `y + x` where it is non-zero.
    pub kept: Option<usize>,
    /// The columns to compute; others are left unchanged.
    pub columns: Columns,
    /// `[width, outputs]`.
    pub output: &'r mut [V],
    /// Applied to the sums.
    pub activation: Option<Activation>,
}

impl<'r, V: Kernels> Row<'r, V> {
    /// Row `y` at every column, with unmasked input and without activation.
    #[inline(always)]
    pub(crate) fn new(
        layer: Layer<'r>,
        source: Source<'r, V>,
        shape: Shape,
        y: usize,
        output: &'r mut [V],
    ) -> Self {
        Self {
            layer,
            source,
            shape,
            y,
            kept: None,
            columns: Columns::ALL,
            output,
            activation: None,
        }
    }

    /// Computes the row, place by place. A single sample on a chip has its own kernel.
    #[inline(always)]
    pub fn run(self) {
        let Layer {
            params,
            inputs,
            outputs,
            ..
        } = self.layer;
        let rows = self.layer.rows();
        for column in self.columns.within(self.shape.width) {
            let Some(sums) = self.output.get_mut(nth(column, outputs)) else {
                return;
            };
            for (sum, &bias) in sums.iter_mut().zip(dense::biases(params, rows, outputs)) {
                *sum = V::splat(bias);
            }
            let mut window = self.layer.window(self.shape, self.y, column);
            while let Some(taps) = window.next(self.kept) {
                let line = self.source.line(taps.y, self.shape.width * inputs);
                let from = taps.x * inputs;
                let part = line.get(from..from + taps.len).unwrap_or(&[]);
                V::dense(params, rows, taps.before + 1, part, sums, None);
            }
            if let Some(activation) = self.activation {
                dense::activate(sums, activation);
            }
        }
    }

    /// Under a checkerboard, every other place reads the same taps. Returns how many such classes of places
    /// there are among the columns, and the distance between places of a class.
    #[inline(always)]
    pub(crate) fn classes(&self) -> (usize, usize) {
        match self.kept {
            Some(_) if self.columns.step == 1 => (2, 2),
            _ => (1, self.columns.step),
        }
    }

    /// How many places starting at `column`, `step` apart, to process together: 4 or 2 if all their windows are
    /// within the row, otherwise 1, whose window may be clipped.
    #[inline(always)]
    pub(crate) fn places(&self, column: usize, step: usize) -> usize {
        let (width, left) = (self.shape.width, self.layer.kernel.width / 2);
        if column < left || column + step + left >= width {
            1
        } else if column + 3 * step + left < width {
            4
        } else {
            2
        }
    }
}

/// Iterates over the runs of taps that are read in the window of one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    kernel: Kernel,
    inputs: usize,
    /// The next tap, and its row in the window and in the map.
    tap_row: usize,
    tap: usize,
    y: usize,
    /// End of the taps of a row, and of the rows.
    end: usize,
    end_row: usize,
    /// The first tap of every row, and its column in the map.
    first: usize,
    x: usize,
}

/// A run of taps, contiguous in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    /// Row and column of its start.
    pub y: usize,
    pub x: usize,
    /// Number of rows of weights before those of the run.
    pub before: usize,
    /// Number of inputs.
    pub len: usize,
}

impl Taps {
    /// No taps at all.
    pub(crate) const NONE: Self = Self {
        y: 0,
        x: 0,
        before: 0,
        len: 0,
    };
}

impl Layer<'_> {
    /// The window around a place.
    #[inline(always)]
    pub(crate) fn window(&self, shape: Shape, y: usize, column: usize) -> Window {
        let (above, left) = (self.kernel.height / 2, self.kernel.width / 2);
        let first = left.saturating_sub(column);
        let tap_row = above.saturating_sub(y);
        Window {
            kernel: self.kernel,
            inputs: self.inputs,
            tap_row,
            tap: first,
            y: y + tap_row - above,
            end: self.kernel.width.min(shape.width + left - column),
            end_row: self.kernel.height.min(shape.height + above - y),
            first,
            x: column + first - left,
        }
    }
}

impl Window {
    /// The next run: all taps of a row or, under a checkerboard that keeps the places where `y + x` has the
    /// parity `kept`, a single kept one.
    #[inline(always)]
    pub(crate) fn next(&mut self, kept: Option<usize>) -> Option<Taps> {
        loop {
            if self.tap_row >= self.end_row {
                return None;
            }
            let start = self.tap;
            let x = self.x + start - self.first;
            let y = self.y;
            match kept {
                None => self.tap = self.end,
                Some(parity) if (y + x + parity) % 2 == 1 => {
                    self.tap += 1;
                    if self.tap >= self.end {
                        self.next_row();
                    }
                    continue;
                }
                Some(_) => self.tap += 1,
            }
            let end = self.tap;
            if self.tap >= self.end {
                self.next_row();
            }
            let before = (self.tap_row_of(y) * self.kernel.width + start) * self.inputs;
            return Some(Taps {
                y,
                x,
                before,
                len: (end - start) * self.inputs,
            });
        }
    }

    #[inline(always)]
    fn tap_row_of(&self, y: usize) -> usize {
        self.tap_row - (self.y - y)
    }

    #[inline(always)]
    fn next_row(&mut self) {
        self.tap = self.first;
        self.tap_row += 1;
        self.y += 1;
    }
}

/// Input and output of a network on a map, one row at a time. Rows are processed in order; row `y` is read
/// before it is written.
pub(crate) trait Rows<V> {
    /// The kept channels of row `y`, `[width, inputs]`; zero at places that a checkerboard does not keep.
    fn read(&self, y: usize, row: &mut [V]);

    /// The network's outputs of row `y`, `[width, outputs]`.
    fn write(&mut self, y: usize, outputs: &[V]);
}

/// Dimensions of a network on a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetDims {
    /// Shape of the map.
    pub shape: Shape,
    /// Number of channels read.
    pub inputs: usize,
    /// Number of channels written.
    pub outputs: usize,
    /// Under a checkerboard, the parity of `y + x` of kept places.
    pub kept: Option<usize>,
}

impl NetDims {
    /// The columns of row `y` whose outputs are needed.
    #[inline(always)]
    pub(crate) fn wanted(&self, y: usize) -> Columns {
        match self.kept {
            None => Columns::ALL,
            Some(parity) => Columns::of_parity(y, parity ^ 1),
        }
    }
}
