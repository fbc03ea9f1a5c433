//! A dense layer for one sample, written for a chip with few registers and little flash: what the kernels of
//! [`panels`](super::panels) and, as an option, of `assembly` share.
//!
//! The arithmetic is that of [`dense`](super), in the same order; the tests compare bits.

use core::hint::black_box;

use crate::arithmetic::Lanes;

/// The share of some inputs in a layer, as [`add_inputs`](super::add_inputs) has it.
#[derive(Clone, Copy)]
pub(crate) struct Share<'p> {
    /// Inputs of the layer.
    pub inputs: usize,
    /// Whether the sums start at the biases; else they go on from what the outputs hold.
    pub bias: bool,
    /// Inputs before `part`.
    pub before: usize,
    /// The inputs to take in.
    pub part: &'p [f32],
    /// Whether what is below zero becomes zero.
    pub relu: bool,
}

/// Places of a map that a panel is run at.
#[cfg(all(
    feature = "assembly",
    feature = "feature-maps",
    target_arch = "arm",
    target_abi = "eabihf"
))]
#[derive(Clone, Copy)]
pub(crate) struct Places {
    /// How many.
    pub count: usize,
    /// Inputs of a place, and the way to those of the next.
    pub len: usize,
    pub pitch: usize,
    /// Outputs of a place, and the way to those of the next.
    pub width: usize,
    pub next: usize,
}

impl Share<'_> {
    /// Rows of each panel.
    #[inline(always)]
    pub(super) fn rows(&self) -> usize {
        self.inputs.wrapping_add(1)
    }

    /// What remains of two or three outputs behind all wider panels: a panel of two, then perhaps one of
    /// one. Takes their parameters off the front.
    #[inline(always)]
    pub(super) fn remainder(self, params: &mut &[f32], mut output: &mut [f32]) -> Option<()> {
        while !output.is_empty() {
            let sums = output.split_off_mut(..output.len().min(2))?;
            let panel = params.split_off(..self.rows().wrapping_mul(sums.len()))?;
            one_by_one(self, panel, sums);
        }
        Some(())
    }
}

/// A panel of one or two outputs, one after the other: they are few, so little code matters more.
#[inline(never)]
fn one_by_one(share: Share<'_>, panel: &[f32], output: &mut [f32]) {
    let Share { part, relu, .. } = share;
    let width = output.len();
    for (at, output) in output.iter_mut().enumerate() {
        let mut sum = *output;
        if share.bias
            && let Some(&bias) = panel.get(at)
        {
            sum = bias;
        }
        let mut next = at.wrapping_add(width.wrapping_mul(share.before.wrapping_add(1)));
        for x in part {
            keep_as_written();
            let Some(weight) = panel.get(next) else {
                break;
            };
            sum += weight * x;
            next = next.wrapping_add(width);
        }
        *output = if relu { sum.or_if_negative(0.0) } else { sum };
    }
}

/// Leaky ReLU in place.
#[inline(never)]
pub(crate) fn leaky(values: &mut [f32], slope: f32) {
    for value in values {
        keep_as_written();
        *value = value.or_if_negative(*value * slope);
    }
}

/// In a loop: it is not unrolled.
#[inline(always)]
pub(crate) fn keep_as_written() {
    black_box(());
}
