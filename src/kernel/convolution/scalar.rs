//! A row of a convolution for one sample on a chip: a few places at a time share every loaded weight, and their
//! sums stay in registers for the whole window.
//!
//! Same arithmetic in the same order as [`Row::run`]; the tests compare bits.

use core::hint::black_box;

#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
use super::places;
use super::{Layer, Row, Taps};
use crate::arithmetic::Lanes;
use crate::kernel::dense;
use crate::kernel::dense::scalar::Share;
use crate::spec::Activation;

/// Inputs per iteration of the inner loop.
const STRIDE: usize = 4;

/// Computes the row, one panel of outputs at a time.
#[inline(always)]
pub(crate) fn convolve(mut row: Row<'_, f32>) {
    let Layer {
        mut params,
        outputs,
        ..
    } = row.layer;
    let rows = row.layer.rows();
    let mut from = 0;
    while from < outputs {
        let width = dense::panel_width(outputs - from);
        let Some((panel_params, rest)) = params.split_at_checked(dense::param_len(rows, width))
        else {
            return;
        };
        panel(&mut row, panel_params, from, width);
        (params, from) = (rest, from + width);
    }
}

/// One panel, at as many places at a time as have complete windows.
#[inline(always)]
fn panel(row: &mut Row<'_, f32>, panel_params: &[f32], from: usize, width: usize) {
    #[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
    if width >= 4 {
        places::panel(row, panel_params, from, width);
        return;
    }
    let (classes, step) = row.classes();
    for class in 0..classes {
        let mut column = row.columns.start + class;
        while column < row.shape.width {
            let block = Block {
                panel_params,
                from,
                column,
                step,
            };
            // Sixteen sums at a time, as many as fit in registers besides weights and inputs.
            let places = match (width, row.places(column, step)) {
                (dense::WIDEST, 4) => {
                    for at in 0..dense::WIDEST / 4 {
                        block.make::<{ dense::WIDEST }, 4, 4>(row, at);
                    }
                    4
                }
                (dense::WIDEST, 2) => {
                    block.make::<{ dense::WIDEST }, 8, 2>(row, 0);
                    block.make::<{ dense::WIDEST }, 8, 2>(row, 1);
                    2
                }
                (8, 4) => {
                    block.make::<8, 4, 4>(row, 0);
                    block.make::<8, 4, 4>(row, 1);
                    4
                }
                (4, 4) => {
                    block.make::<4, 4, 4>(row, 0);
                    4
                }
                (2, 4) => {
                    block.make::<2, 2, 4>(row, 0);
                    4
                }
                (1, 4) => {
                    block.make::<1, 1, 4>(row, 0);
                    4
                }
                (2, _) => {
                    block.make::<2, 2, 1>(row, 0);
                    1
                }
                _ => {
                    block.one(row, width);
                    1
                }
            };
            column += step * places;
        }
    }
}

/// A panel's outputs at several places.
struct Block<'p> {
    /// The panel: biases, then weights.
    panel_params: &'p [f32],
    /// Its first output.
    from: usize,
    /// The first column, and the distance between columns.
    column: usize,
    step: usize,
}

impl Block<'_> {
    /// One place, possibly near an edge: by the kernel of dense layers, with sums in memory.
    #[inline(never)]
    fn one(&self, row: &mut Row<'_, f32>, width: usize) {
        let start = self.column * row.layer.outputs + self.from;
        let Some(sums) = row.output.get_mut(start..start + width) else {
            return;
        };
        let relu = row.activation == Some(Activation::Relu);
        let (column, inputs) = (self.column, row.layer.inputs);
        let mut window = row.layer.window(row.shape, row.y, column);
        // A window without taps, whose inputs are all zero, still has a bias.
        let mut taps = window.next(row.kept).unwrap_or(Taps::NONE);
        let mut bias = true;
        loop {
            let next = window.next(row.kept);
            let line = row.source.line(taps.y, row.shape.width * inputs);
            let Some(part) = line
                .get(taps.x * inputs..)
                .and_then(|line| line.get(..taps.len))
            else {
                return;
            };
            let share = Share {
                part,
                inputs: row.layer.rows(),
                before: taps.before,
                bias,
                relu: relu && next.is_none(),
            };
            dense::single::add_inputs(self.panel_params, share, sums);
            bias = false;
            let Some(next) = next else {
                break;
            };
            taps = next;
        }
        if let Some(activation @ Activation::LeakyRelu { .. }) = row.activation {
            dense::activate(sums, activation);
        }
    }

    /// The `at`-th tile of `T` outputs, out of the panel's `P`, at `B` places.
    #[inline(never)]
    fn make<const P: usize, const T: usize, const B: usize>(
        &self,
        row: &mut Row<'_, f32>,
        at: usize,
    ) {
        let (panel_params, _) = self.panel_params.as_chunks::<P>();
        let Some((bias, weights)) = panel_params.split_first() else {
            return;
        };
        let Some(bias) = bias.as_chunks::<T>().0.get(at) else {
            return;
        };
        let mut sums = [*bias; B];
        let start = self.column * row.layer.outputs + self.from + at * T;
        let next = self.step * row.layer.outputs;
        let pitch = self.step * row.layer.inputs;
        let mut window = row.layer.window(row.shape, row.y, self.column);
        while let Some(taps) = window.next(row.kept) {
            let line = row.source.line(taps.y, row.shape.width * row.layer.inputs);
            let Some(weights) = weights.get(taps.before..taps.before + taps.len) else {
                return;
            };
            let mut from = taps.x * row.layer.inputs;
            let mut inputs: [&[f32]; B] = [&[]; B];
            for input in &mut inputs {
                let Some(values) = line.get(from..from + taps.len) else {
                    return;
                };
                *input = values;
                from += pitch;
            }
            add_run(weights, at, inputs, &mut sums);
        }
        if let Some(Activation::Relu) = row.activation {
            keep_as_written();
            for sums in &mut sums {
                for sum in sums {
                    *sum = sum.or_if_negative(0.0);
                }
            }
        }
        let leaky = row
            .activation
            .filter(|activation| *activation != Activation::Relu);
        let Some(mut output) = row.output.get_mut(start..) else {
            return;
        };
        for sums in &sums {
            let Some(held) = output.first_chunk_mut::<T>() else {
                return;
            };
            *held = *sums;
            if let Some(activation) = leaky {
                dense::activate(held, activation);
            }
            output = output.get_mut(next..).unwrap_or(&mut []);
        }
    }
}

#[inline(always)]
fn add_run<const P: usize, const T: usize, const B: usize>(
    weights: &[[f32; P]],
    at: usize,
    inputs: [&[f32]; B],
    sums: &mut [[f32; T]; B],
) {
    let (strides, rest) = weights.as_chunks::<STRIDE>();
    let whole = inputs.map(|values| values.as_chunks::<STRIDE>().0);
    let last = inputs.map(|values| values.as_chunks::<STRIDE>().1);
    match (&whole[..], &last[..]) {
        ([a], [x]) => {
            for (weights, a) in strides.iter().zip(*a) {
                keep_as_written();
                for (weights, &a) in weights.iter().zip(a) {
                    add_one(weights, at, &[a], sums);
                }
            }
            for (weights, &x) in rest.iter().zip(*x) {
                keep_as_written();
                add_one(weights, at, &[x], sums);
            }
        }
        ([a, b], [x, y]) => {
            for ((weights, a), b) in strides.iter().zip(*a).zip(*b) {
                keep_as_written();
                for ((weights, &a), &b) in weights.iter().zip(a).zip(b) {
                    add_one(weights, at, &[a, b], sums);
                }
            }
            for ((weights, &x), &y) in rest.iter().zip(*x).zip(*y) {
                keep_as_written();
                add_one(weights, at, &[x, y], sums);
            }
        }
        ([a, b, c, d], [w, x, y, z]) => {
            for ((((weights, a), b), c), d) in strides.iter().zip(*a).zip(*b).zip(*c).zip(*d) {
                keep_as_written();
                let inputs = weights.iter().zip(a).zip(b).zip(c).zip(d);
                for ((((weights, &a), &b), &c), &d) in inputs {
                    add_one(weights, at, &[a, b, c, d], sums);
                }
            }
            for ((((weights, &w), &x), &y), &z) in rest.iter().zip(*w).zip(*x).zip(*y).zip(*z) {
                keep_as_written();
                add_one(weights, at, &[w, x, y, z], sums);
            }
        }
        _ => {}
    }
}

/// Adds one input per place.
#[inline(always)]
fn add_one<const P: usize, const T: usize, const B: usize>(
    weights: &[f32; P],
    at: usize,
    inputs: &[f32],
    sums: &mut [[f32; T]; B],
) {
    let Some(weights) = weights.as_chunks::<T>().0.get(at) else {
        return;
    };
    for (sums, input) in sums.iter_mut().zip(inputs) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += weight * input;
        }
    }
}

/// Called in a loop, prevents the compiler from unrolling it further.
#[inline(always)]
fn keep_as_written() {
    black_box(());
}
