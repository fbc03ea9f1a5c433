//! Encoding of everything that is not a field: panels of weights, and indices of kept values.

use std::vec::Vec;

use super::width::{PANEL, QUAD, Width};
use super::{op, word};
use crate::spec::Mask;

/// The words of a layer's panels: biases and weights, one row per output. Missing outputs and inputs are zero.
#[must_use]
pub fn panel_words<W: Width>(rows: &[(i32, &[i32])]) -> Vec<i32> {
    let mut words = Vec::new();
    let inputs = rows.iter().map(|(_, weights)| weights.len()).max();
    for panel in rows.chunks(PANEL) {
        words.extend((0..PANEL).map(|at| panel.get(at).map_or(0, |&(bias, _)| bias)));
        for from in (0..inputs.unwrap_or(0)).step_by(QUAD) {
            let weight = |output: usize, input: usize| {
                let weights = panel.get(output).map(|&(_, weights)| weights);
                weights
                    .and_then(|weights| weights.get(from + input).copied())
                    .unwrap_or(0)
            };
            words.extend(W::pack(core::array::from_fn(|output| {
                core::array::from_fn(|input| weight(output, input))
            })));
        }
    }
    words
}

/// The indices of the kept channels, two per word, padded with [`op::NO_INDEX`].
#[must_use]
pub fn value_words(mask: Mask<'_>, channels: usize, words: usize) -> Vec<i32> {
    let mut kept = mask.kept_features(channels);
    let mut index = || kept.next().map_or(op::NO_INDEX, word);
    (0..words).map(|_| index() | (index() << 16)).collect()
}
