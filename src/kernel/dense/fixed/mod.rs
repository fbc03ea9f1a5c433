//! Fully connected layers in integers: 16-bit activations, 32-bit sums.
//!
//! A layer's words are its number of panels, a shift `k`, the slope of its activation in Q15, and for each
//! panel the biases of four outputs, followed by their weights (see [`Width`](crate::image::Width)). An
//! activation is `activation(sum 2^-k)`, clamped to 16 bits; the bias includes the half for rounding. Each unit
//! has its own scale, which the next layer's weights compensate: ReLU commutes with positive factors.
//!
//! The sums of a last layer are kept at full precision, for the coupling's multipliers.

#[cfg(not(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf")))]
mod accumulate;
#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
#[allow(
    unsafe_code,
    reason = "opt-in, with a safe twin that it is tested against"
)]
#[path = "assembly.rs"]
mod accumulate;
mod weights;

use core::hint::black_box;

pub use weights::Weights;

use crate::image::{LayerHeader, PANEL, Program, QUAD_WORDS, pair};

/// How the sums are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As activations, two per word.
    Hidden,
    /// As sums, one per word.
    Last,
}

/// A layer on activations whose sum is `total`; returns the sum of its output activations.
#[inline(never)]
pub(crate) fn forward<W: Weights>(
    program: &mut Program<'_>,
    part: Part,
    input: &[i32],
    total: i32,
    output: &mut [i32],
) -> Option<i32> {
    let LayerHeader {
        panels,
        shift,
        slope,
    } = LayerHeader::read(program)?;
    let quads = input.len() / QUAD_WORDS;
    let panel = quads.wrapping_mul(W::QUAD_WORDS).wrapping_add(PANEL);
    let words = program.take((panels as usize).wrapping_mul(panel))?;
    let excess = W::excess(total);
    let slots = output.chunks_exact_mut(match part {
        Part::Hidden => QUAD_WORDS,
        Part::Last => PANEL,
    });
    let mut output_total = 0_i32;
    for (words, slot) in words.chunks_exact(panel.max(PANEL)).zip(slots) {
        black_box(());
        let (biases, weights) = words.split_first_chunk::<PANEL>()?;
        let mut sums = biases.map(|bias| bias.wrapping_sub(excess));
        W::accumulate(weights, input, &mut sums);
        let [first, second] = slot else {
            *slot.first_chunk_mut()? = sums;
            continue;
        };
        let [a, b, c, d] = activations(
            sums.map(|sum| sum.wrapping_shr(shift.cast_unsigned())),
            slope,
        );
        output_total = output_total
            .wrapping_add(a)
            .wrapping_add(b)
            .wrapping_add(c)
            .wrapping_add(d);
        (*first, *second) = (pair(a, b), pair(c, d));
    }
    Some(output_total)
}

/// Skips a layer with `input` words of activations; returns its number of panels.
#[cfg(any(feature = "feature-maps", feature = "extra-layers"))]
#[inline(always)]
pub(crate) fn skip<W: Weights>(program: &mut Program<'_>, input: usize) -> Option<usize> {
    let LayerHeader { panels, .. } = LayerHeader::read(program)?;
    let panels = panels as usize;
    let weights = (input / QUAD_WORDS).wrapping_mul(W::QUAD_WORDS);
    program.take(panels.wrapping_mul(weights.wrapping_add(PANEL)))?;
    Some(panels)
}

/// `value * 2^-shift`, rounded to nearest and clamped to 16 bits; `shift` is at least 2.
#[inline(always)]
pub(crate) fn activation(value: i32, shift: i32) -> i32 {
    let doubled = value.wrapping_shr(shift.wrapping_sub(1).cast_unsigned());
    (doubled.wrapping_add(1) >> 1).clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// ReLU, leaky with a `slope` in Q15; clamps to 16 bits.
#[inline(always)]
pub(crate) fn activations(values: [i32; PANEL], slope: i32) -> [i32; PANEL] {
    let most = i32::from(i16::MAX);
    if slope == 0 {
        return values.map(|value| value.clamp(0, most));
    }
    values.map(|value| {
        let value = value.clamp(i32::from(i16::MIN), most);
        let below = value.wrapping_mul(slope) >> 15;
        if value < 0 { below } else { value }
    })
}
