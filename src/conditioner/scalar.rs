//! A panel of the dense kernel for one sample, written for a chip with few registers and little flash:
//! sums stay in registers, and the compiler is kept from unrolling further than is written here.
//!
//! The arithmetic is that of [`dense`](super::dense), in the same order; the tests compare bits.

use core::hint::black_box;

use super::dense::{WIDEST, split_bias};
use crate::lanes::Lanes;
use crate::spec::Activation;

/// Inputs that one turn of the inner loop takes in.
const STRIDE: usize = 4;

/// One panel; its rows are those that [`dense`](super::dense) gives a panel.
#[inline(always)]
pub(crate) fn panel(
    rows: &[f32],
    has_bias: bool,
    input: &[f32],
    output: &mut [f32],
    activation: Option<Activation>,
) {
    match output.len() {
        WIDEST => sums::<WIDEST>(rows, has_bias, input, output, activation),
        8 => sums::<8>(rows, has_bias, input, output, activation),
        4 => sums::<4>(rows, has_bias, input, output, activation),
        _ => narrow(rows, has_bias, input, output, activation),
    }
}

/// A panel of one or two outputs, one after the other: they are few, so little code matters more.
#[inline(never)]
fn narrow(
    rows: &[f32],
    has_bias: bool,
    input: &[f32],
    output: &mut [f32],
    activation: Option<Activation>,
) {
    let width = output.len();
    for (at, sum) in output.iter_mut().enumerate() {
        let mut next = at;
        if has_bias && let Some(&bias) = rows.get(next) {
            *sum = bias;
            next = next.saturating_add(width);
        }
        for x in input {
            keep_as_written();
            let Some(weight) = rows.get(next) else {
                break;
            };
            *sum += weight * x;
            next = next.saturating_add(width);
        }
        if let Some(Activation::Relu) = activation {
            *sum = sum.or_if_negative(0.0);
        }
    }
    if let Some(Activation::LeakyRelu { slope }) = activation {
        leaky(output, slope);
    }
}

/// A panel of `P` outputs.
#[inline(never)]
fn sums<const P: usize>(
    rows: &[f32],
    has_bias: bool,
    input: &[f32],
    output: &mut [f32],
    activation: Option<Activation>,
) {
    let Some(output) = output.first_chunk_mut::<P>() else {
        return;
    };
    let (bias, weights) = split_bias::<P>(rows, has_bias);
    let mut sums = *bias.unwrap_or(output);
    let (inputs, last) = input.as_chunks::<STRIDE>();
    let (strides, rows) = weights
        .split_at_checked(inputs.len() * STRIDE)
        .unwrap_or_default();
    for (rows, inputs) in strides.as_chunks::<STRIDE>().0.iter().zip(inputs) {
        keep_as_written();
        for (row, x) in rows.iter().zip(inputs) {
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum += weight * x;
            }
        }
    }
    for (row, x) in rows.iter().zip(last) {
        keep_as_written();
        for (sum, weight) in sums.iter_mut().zip(row) {
            *sum += weight * x;
        }
    }
    if let Some(Activation::Relu) = activation {
        keep_as_written();
        for sum in &mut sums {
            *sum = sum.or_if_negative(0.0);
        }
    }
    *output = sums;
    if let Some(Activation::LeakyRelu { slope }) = activation {
        leaky(output, slope);
    }
}

/// Leaky ReLU in place.
#[inline(never)]
pub(super) fn leaky(values: &mut [f32], slope: f32) {
    for value in values {
        keep_as_written();
        *value = value.or_if_negative(*value * slope);
    }
}

/// In a loop: it is not unrolled. In a branch: the other side is not computed along with it.
#[inline(always)]
fn keep_as_written() {
    black_box(());
}
