//! Fully connected layers in integers: activations of 16 bits, sums of 32.
//!
//! A hidden layer's words are a shift `k`, the slope of its activation in Q15, and the panels: for each four
//! outputs their biases, then their weights (see [`weights`](super::weights)). An activation is
//! `activation(sum 2^-k)`, held within 16 bits; the bias holds the half that rounds. Each unit counts in
//! steps of its own, which the next layer's weights make good: a rectifier does not mind a factor.
//!
//! The last layer has panels only; its sums leave whole, for the coupling's multipliers.

use super::layout::HIDDEN_HEADER;
use super::weights::{PANEL, QUAD_WORDS, Weights, pair};

/// The sums of every panel, to `finish`.
#[inline(always)]
fn panels<W: Weights>(words: &[i32], input: &[i32], mut finish: impl FnMut([i32; PANEL])) {
    let quads = input.len() / QUAD_WORDS;
    let panel = PANEL.saturating_add(quads.saturating_mul(W::QUAD_WORDS));
    let excess = W::excess(input);
    for words in words.chunks_exact(panel) {
        let Some((&biases, weights)) = words.split_first_chunk::<PANEL>() else {
            return;
        };
        let mut sums = biases.map(|bias| bias.wrapping_sub(excess));
        W::accumulate(weights, input, &mut sums);
        finish(sums);
    }
}

/// A hidden layer.
#[inline(never)]
pub(super) fn hidden<W: Weights>(words: &[i32], input: &[i32], output: &mut [i32]) {
    let Some((&[shift, slope], words)) = words.split_first_chunk::<HIDDEN_HEADER>() else {
        return;
    };
    let mut slots = output.as_chunks_mut::<QUAD_WORDS>().0.iter_mut();
    panels::<W>(words, input, |sums| {
        let [a, b, c, d] =
            sums.map(|sum| activation(sum.wrapping_shr(shift.cast_unsigned()), slope));
        if let Some(slot) = slots.next() {
            *slot = [pair(a, b), pair(c, d)];
        }
    });
}

/// The last layer: its sums.
#[inline(never)]
pub(super) fn sums<W: Weights>(words: &[i32], input: &[i32], output: &mut [i32]) {
    let mut slots = output.as_chunks_mut::<PANEL>().0.iter_mut();
    panels::<W>(words, input, |sums| {
        if let Some(slot) = slots.next() {
            *slot = sums;
        }
    });
}

/// The rectifier, leaky with a `slope` in Q15; at most 16 bits.
#[inline(always)]
pub(super) fn activation(value: i32, slope: i32) -> i32 {
    let value = value.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
    if value >= 0 {
        value
    } else {
        value.wrapping_mul(slope) >> 15
    }
}
