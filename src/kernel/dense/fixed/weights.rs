//! Arithmetic specific to a weight format.
//!
//! Sums wrap at 32 bits. Exported models are scaled so that no sum can overflow, whatever the inputs.

use super::accumulate;
use crate::image::{I8, I16, PANEL, Width};

/// A weight format that the engine computes with: [`I8`] or [`I16`].
pub trait Weights: Width {
    /// The excess of a sum due to the offset of stored weights; `total` is the sum of the inputs.
    #[doc(hidden)]
    fn excess(total: i32) -> i32;

    /// Adds weights times inputs to every sum, for as many quads as both `weights` and `input` hold.
    #[doc(hidden)]
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
