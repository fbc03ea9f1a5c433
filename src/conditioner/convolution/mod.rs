//! Convolutions, row by row: `y[p] = activation(b + sum over the window of W x[p + offset])`.
//!
//! Inside a network a map lies place after place, all channels of a place together, so that what a
//! window reads of one row is one run of memory, and a convolution is the [`dense`] kernel on two or
//! three runs: the same panels of outputs, each output summed from the bias on in the order of the
//! window's rows, columns and input channels. What lies beyond the edges, or is zero by a checkerboard,
//! is left out of the sum, not multiplied.
//!
//! ```
//! use nvpico::conditioner::convolution::{Columns, Layer, Row, Source};
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
//! }
//! .start()
//! .run();
//! assert_eq!(sums, [12.0, 14.0, 16.0, 13.0]);
//! ```

pub(crate) mod residual;
pub(crate) mod stack;
#[cfg(feature = "std")]
pub(crate) mod training;

#[cfg(feature = "std")]
pub use training::Backward;

use super::dense;
use crate::lanes::Lanes;
use crate::spec::{Kernel, Shape};

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

/// The `index`-th part of something cut into parts of `len` values.
#[inline(always)]
pub(crate) fn nth(index: usize, len: usize) -> core::ops::Range<usize> {
    let at = index.saturating_mul(len);
    at..at.saturating_add(len)
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
}

impl<V: Lanes> Row<'_, V> {
    /// Sets the sums to the biases.
    #[must_use]
    #[inline(always)]
    pub fn start(self) -> Self {
        self.each_bias(|sum, bias| *sum = V::splat(bias))
    }

    /// Goes on from what the output holds: adds the biases to it.
    #[must_use]
    #[inline(always)]
    pub fn go_on(self) -> Self {
        self.each_bias(|sum, bias| *sum = *sum + V::splat(bias))
    }

    #[inline(always)]
    fn each_bias(self, take: impl Fn(&mut V, f32)) -> Self {
        let Layer {
            params,
            kernel,
            inputs,
            outputs,
        } = self.layer;
        for column in self.columns.within(self.shape.width) {
            let Some(sums) = self.output.get_mut(nth(column, outputs)) else {
                break;
            };
            let biases = dense::biases(params, kernel.taps().saturating_mul(inputs), outputs);
            for (sum, &bias) in sums.iter_mut().zip(biases) {
                take(sum, bias);
            }
        }
        self
    }

    /// Adds what the window reads.
    #[inline(always)]
    pub fn run(self) {
        let Layer {
            params,
            kernel,
            inputs,
            outputs,
        } = self.layer;
        let Shape { height, width, .. } = self.shape;
        let all = kernel.taps().saturating_mul(inputs);
        let (above, left) = (kernel.height / 2, kernel.width / 2);
        let stride = if self.kept.is_some() { 2 } else { kernel.width };
        for tap_row in 0..kernel.height {
            let Some(y) = self.y.saturating_add(tap_row).checked_sub(above) else {
                continue;
            };
            if y >= height {
                break;
            }
            let len = width.saturating_mul(inputs);
            let Some(line) = self.source.values.get(slot(self.source.slots, y, len)) else {
                return;
            };
            for column in self.columns.within(width) {
                let Some(sums) = self.output.get_mut(nth(column, outputs)) else {
                    break;
                };
                // The taps that lie within the map: all of them as one run, or of a checkerboard those
                // that it keeps, one by one.
                let mut tap = left.saturating_sub(column);
                let end = kernel
                    .width
                    .min(width.saturating_add(left).saturating_sub(column));
                let mut run = end.saturating_sub(tap);
                if let Some(parity) = self.kept {
                    let first = column.wrapping_add(tap).wrapping_sub(left);
                    tap = tap.saturating_add(y.wrapping_add(first).wrapping_add(parity) & 1);
                    run = 1;
                }
                while tap < end {
                    let x = column.saturating_add(tap).saturating_sub(left);
                    let start = x.saturating_mul(inputs);
                    let end = start.saturating_add(run.saturating_mul(inputs));
                    let part = line.get(start..end).unwrap_or(&[]);
                    let before = tap_row.saturating_mul(kernel.width).saturating_add(tap);
                    let after = Some(before.saturating_mul(inputs));
                    V::dense(params, all, after, part, sums, None);
                    tap = tap.saturating_add(stride);
                }
            }
        }
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
pub(crate) struct Extent {
    /// Of the map.
    pub shape: Shape,
    /// Channels read.
    pub inputs: usize,
    /// Channels written.
    pub outputs: usize,
    /// Of a checkerboard, the parity of `y + x` where it keeps.
    pub kept: Option<usize>,
}

impl Extent {
    /// The columns of row `y` where outputs are wanted.
    #[inline(always)]
    pub(crate) fn wanted(&self, y: usize) -> Columns {
        match self.kept {
            None => Columns::ALL,
            Some(parity) => Columns::of_parity(y, parity ^ 1),
        }
    }
}
