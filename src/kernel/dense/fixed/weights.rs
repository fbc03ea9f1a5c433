//! Arithmetic on weights of a width.
//!
//! Sums wrap at 32 bits. A model is made so that no sum of a panel can leave them, whatever the inputs.

use super::accumulate;
use crate::image::{I8, I16, PANEL, Width};

/// Weights that the engine multiplies with: [`I8`] or [`I16`].
pub trait Weights: Width {
    /// What a sum has too much because weights are stored too high; `total` is the sum of the inputs.
    fn excess(total: i32) -> i32;

    /// Adds weight times input to every sum, for as many quads as `weights` and `input` both have.
    fn accumulate(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]);
}

impl Weights for I8 {
    #[inline(always)]
    fn excess(total: i32) -> i32 {
        total.wrapping_mul(128)
    }

    #[inline(always)]
    fn accumulate(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]) {
        accumulate::bytes(weights, input, sums);
    }
}

impl Weights for I16 {
    #[inline(always)]
    fn excess(_total: i32) -> i32 {
        0
    }

    #[inline(always)]
    fn accumulate(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]) {
        accumulate::halves(weights, input, sums);
    }
}
