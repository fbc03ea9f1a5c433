//! Sizes of activations and sums in words.

use super::width::{PANEL, QUAD, QUAD_WORDS};
use crate::spec::{Kernel, mul};

/// Number of words for `count` activations, padded to whole quads.
#[must_use]
pub const fn activation_words(count: usize) -> usize {
    count.div_ceil(QUAD).saturating_mul(QUAD_WORDS)
}

/// Number of sums of a layer with `outputs` outputs, padded to whole panels.
pub(super) const fn sum_words(outputs: usize) -> usize {
    mul(outputs.div_ceil(PANEL), PANEL)
}

/// Words per place of the map that a network reads: kept channels are stored in pairs, channels of a hidden
/// layer in whole quads.
#[must_use]
pub const fn place_words(channels: usize, is_input: bool) -> usize {
    if is_input {
        channels.div_ceil(2)
    } else {
        activation_words(channels)
    }
}

/// Number of activations in a window, padded to whole quads of words.
#[must_use]
pub const fn window_inputs(kernel: Kernel, place: usize) -> usize {
    let words = mul(kernel.taps(), place);
    mul(words.div_ceil(QUAD_WORDS), 2 * QUAD_WORDS)
}
