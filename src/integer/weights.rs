//! How weights are stored.
//!
//! Weights come in panels of four outputs. Inputs come in quads: four activations of 16 bits in two words,
//! the first of a word in its low half. For every quad a panel has the weights
//!
//! * [`I8`]: one word for each output, a byte for each input, in the order 0, 2, 1, 3 and 128 too high, so
//!   that a mask leaves two of them as 16-bit halves of a word;
//! * [`I16`]: one word for each output with the weights of inputs 0 and 1, then one each with 2 and 3.
//!
//! Sums wrap at 32 bits. A model is made so that no sum of a panel can leave them, whatever the inputs.

use super::accumulate;

/// Outputs of a panel.
pub const PANEL: usize = 4;
/// Inputs of a quad.
pub const QUAD: usize = 4;
/// Words that hold the activations of a quad.
pub(super) const QUAD_WORDS: usize = 2;

/// Weights of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum I8 {}

/// Weights of 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum I16 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::I8 {}
    impl Sealed for super::I16 {}
}

/// A width of weights: [`I8`] or [`I16`].
pub trait Weights: sealed::Sealed + Copy + core::fmt::Debug {
    /// Words of a panel's weights for a quad of inputs.
    const QUAD_WORDS: usize;
    /// The largest weight; the smallest is its negative.
    const LARGEST: i32;

    /// A panel's weights for a quad, `[output][input]`, each at most [`LARGEST`](Self::LARGEST) in size.
    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32>;

    /// What a sum has too much because weights are stored too high; `total` is the sum of the inputs.
    fn excess(total: i32) -> i32;

    /// Adds weight times input to every sum, for as many quads as `weights` and `input` both have.
    fn accumulate(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]);
}

/// The low half, with its sign.
#[inline(always)]
pub(super) fn low(word: i32) -> i32 {
    i32::from(word as i16)
}

/// The high half, with its sign.
#[inline(always)]
pub(super) fn high(word: i32) -> i32 {
    word >> 16
}

/// A word of two activations.
#[inline(always)]
pub(super) fn pair(low: i32, high: i32) -> i32 {
    (low & 0xffff) | (high << 16)
}

impl Weights for I8 {
    const QUAD_WORDS: usize = PANEL;
    const LARGEST: i32 = 127;

    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32> {
        let byte = |weight: i32| weight.wrapping_add(128) as u8;
        weights
            .map(|[a, b, c, d]| i32::from_le_bytes([byte(a), byte(c), byte(b), byte(d)]))
            .to_vec()
    }

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
    const QUAD_WORDS: usize = 2 * PANEL;
    const LARGEST: i32 = 32_767;

    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32> {
        let first = weights.iter().map(|w| pair(w[0], w[1]));
        let second = weights.iter().map(|w| pair(w[2], w[3]));
        first.chain(second).collect()
    }

    #[inline(always)]
    fn excess(_total: i32) -> i32 {
        0
    }

    #[inline(always)]
    fn accumulate(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]) {
        accumulate::halves(weights, input, sums);
    }
}
