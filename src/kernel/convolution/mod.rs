//! Convolutions, row by row: `y[p] = activation(b + sum over the window of W x[p + offset])`.
//!
//! Inside a network a map lies place after place, all channels of a place together, so that what a
//! window reads of one row is one run of memory, and a convolution is the [`dense`] kernel on two or
//! three runs: the same panels of outputs, each output summed from the bias on in the order of the
//! window's rows, columns and input channels. What lies beyond the edges, or is zero by a checkerboard,
//! is left out of the sum, not multiplied.
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

/// A convolution: its parameters ([`Kernel::param_len`]), its window, its channels.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'p> {
    /// Panels, as [`Kernel::param_len`] says.
    pub params: &'p [f32],
    /// The window.
    pub kernel: Kernel,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
}

impl<'p> Layer<'p> {
    /// Rows of weights: what one output sums.
    #[inline(always)]
    pub(crate) const fn rows(&self) -> usize {
        self.kernel.taps() * self.inputs
    }

    /// Cuts a layer off the front of `params`.
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

/// Rows of a map, place after place: all of them, or the last few in a ring.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s, V> {
    /// `[slots, width, channels]`.
    pub values: &'s [V],
    /// Rows held; row `y` stands at slot `y % slots`.
    pub slots: usize,
}

impl<'s, V> Source<'s, V> {
    /// Row `y`, `len` values.
    #[inline(always)]
    pub(crate) fn line(&self, y: usize, len: usize) -> &'s [V] {
        self.values.get(slot(self.slots, y, len)).unwrap_or(&[])
    }
}

/// The `index`-th part of something cut into parts of `len` values.
#[inline(always)]
pub(crate) fn nth(index: usize, len: usize) -> core::ops::Range<usize> {
    index * len..(index + 1) * len
}

/// Where a ring of `slots` rows holds row `y`, each row being `len` values.
#[inline(always)]
pub(crate) fn slot(slots: usize, y: usize, len: usize) -> core::ops::Range<usize> {
    nth(y.checked_rem(slots).unwrap_or(0), len)
}

/// Every column of a row, or every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The first.
    pub start: usize,
    /// 1 or 2.
    pub step: usize,
}

impl Columns {
    /// Every column.
    pub const ALL: Self = Self { start: 0, step: 1 };

    /// The columns of row `y` where `y + x` has this parity.
    #[must_use]
    pub const fn of_parity(y: usize, parity: usize) -> Self {
        Self {
            start: (y % 2) ^ parity,
            step: 2,
        }
    }

    /// The columns of a row so wide.
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

/// One row of a convolution's output and all that it takes.
#[derive(Debug)]
pub struct Row<'r, V> {
    /// The convolution.
    pub layer: Layer<'r>,
    /// What it reads.
    pub source: Source<'r, V>,
    /// Height and width of the map.
    pub shape: Shape,
    /// The row.
    pub y: usize,
    /// Where the input is a checkerboard's, the parity of `y + x` where it is not zero.
    pub kept: Option<usize>,
    /// The columns wanted; the others stay as they are.
    pub columns: Columns,
    /// `[width, outputs]`.
    pub output: &'r mut [V],
    /// Of the sums.
    pub activation: Option<Activation>,
}

impl<'r, V: Kernels> Row<'r, V> {
    /// Row `y` at every column, of an input without a mask; no activation.
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

    /// Makes the row, place after place. A single sample on a chip has its own kernel.
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

    /// Under a checkerboard every other place reads alike: how many such classes of places there are
    /// among the columns, and the way from place to place.
    #[inline(always)]
    pub(crate) fn classes(&self) -> (usize, usize) {
        match self.kept {
            Some(_) if self.columns.step == 1 => (2, 2),
            _ => (1, self.columns.step),
        }
    }

    /// How many places from `column` on, `step` apart, have their whole windows within the row: 4, 2,
    /// or else 1, which may have not.
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

/// The taps of one place's window that are read, run by run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    kernel: Kernel,
    inputs: usize,
    /// The next tap, and the row of the map that it lies on.
    tap_row: usize,
    tap: usize,
    y: usize,
    /// Ends of taps and rows.
    end: usize,
    end_row: usize,
    /// The first tap of every row, and its column.
    first: usize,
    x: usize,
}

/// Taps that are one run of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    /// Row and column where it starts.
    pub y: usize,
    pub x: usize,
    /// Rows of weights before its own.
    pub before: usize,
    /// Inputs.
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
    /// The next run: all of a row's taps; of a checkerboard, kept where `y + x` has the parity `kept`,
    /// one of those that it keeps.
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

/// What a network on a map reads and where its outputs go, a row at a time. Rows are read and written
/// in order, row `y` read before it is written.
pub(crate) trait Rows<V> {
    /// The kept channels of row `y`, `[width, inputs]`, zero where a checkerboard does not keep.
    fn read(&self, y: usize, row: &mut [V]);

    /// The network's outputs of row `y`, `[width, outputs]`.
    fn write(&mut self, y: usize, outputs: &[V]);
}

/// Shape and channels of what a network on a map runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetDims {
    /// Of the map.
    pub shape: Shape,
    /// Channels read.
    pub inputs: usize,
    /// Channels written.
    pub outputs: usize,
    /// Of a checkerboard, the parity of `y + x` where it keeps.
    pub kept: Option<usize>,
}

impl NetDims {
    /// The columns of row `y` where outputs are wanted.
    #[inline(always)]
    pub(crate) fn wanted(&self, y: usize) -> Columns {
        match self.kept {
            None => Columns::ALL,
            Some(parity) => Columns::of_parity(y, parity ^ 1),
        }
    }
}
