//! A dense layer for one sample, for chips with few registers and little flash: the code shared by
//! [`panels`](super::panels) and the optional `assembly`.
//!
//! Same arithmetic in the same order as [`dense`](super); the tests compare bits.

use core::hint::black_box;

use crate::arithmetic::Lanes;

/// Some inputs of a layer, as in [`add_inputs`](super::add_inputs).
#[derive(Clone, Copy)]
pub(crate) struct Share<'p> {
    /// Total number of inputs of the layer.
    pub inputs: usize,
    /// Whether the sums start at the biases; otherwise they continue from the outputs.
    pub bias: bool,
    /// Number of inputs before `part`.
    pub before: usize,
    /// The inputs to add.
    pub part: &'p [f32],
    /// Whether to apply ReLU.
    pub relu: bool,
}

/// Places of a map at which a panel is computed.
#[cfg(all(
    feature = "assembly",
    feature = "feature-maps",
    target_arch = "arm",
    target_abi = "eabihf"
))]
#[derive(Clone, Copy)]
pub(crate) struct Places {
    /// Number of places.
    pub count: usize,
    /// Inputs per place, and distance between the inputs of adjacent places.
    pub len: usize,
    pub pitch: usize,
    /// Outputs per place, and distance between the outputs of adjacent places.
    pub width: usize,
    pub next: usize,
}

impl Share<'_> {
    /// Rows per panel.
    #[inline(always)]
    pub(super) fn rows(&self) -> usize {
        self.inputs.wrapping_add(1)
    }

    /// The last one to three outputs, after all wider panels: a panel of two, then one of one. Consumes their
    /// parameters.
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

/// A panel of one or two outputs, computed one at a time: with so few, code size matters more.
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

/// Called in a loop, prevents the compiler from unrolling it.
#[inline(always)]
pub(crate) fn keep_as_written() {
    black_box(());
}
