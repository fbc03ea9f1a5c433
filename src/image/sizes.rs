//! Words of activations and of sums.

use super::width::{PANEL, QUAD, QUAD_WORDS};
use crate::spec::{Kernel, mul};

/// Words that hold so many activations: whole quads.
#[must_use]
pub const fn activation_words(count: usize) -> usize {
    count.div_ceil(QUAD).saturating_mul(QUAD_WORDS)
}

/// Sums of a layer with so many outputs: whole panels.
pub(super) const fn sum_words(outputs: usize) -> usize {
    mul(outputs.div_ceil(PANEL), PANEL)
}

/// Words of a place's channels as a network on a map reads them: of the kept ones pairs, of a hidden layer's
/// whole quads.
#[must_use]
pub const fn place_words(channels: usize, is_input: bool) -> usize {
    if is_input {
        channels.div_ceil(2)
    } else {
        activation_words(channels)
    }
}

/// Activations of what a window covers: those of whole quads of words.
#[must_use]
pub const fn window_inputs(kernel: Kernel, place: usize) -> usize {
    let words = mul(kernel.taps(), place);
    mul(words.div_ceil(QUAD_WORDS), 2 * QUAD_WORDS)
}
