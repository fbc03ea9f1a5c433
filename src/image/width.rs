//! Storage formats of weights.
//!
//! Weights are stored in panels of four outputs, inputs in quads: four 16-bit activations in two words, the
//! first of each pair in the low half. For every quad a panel stores the weights
//!
//! * [`I8`]: as one word per output, one byte per input in the order 0, 2, 1, 3, offset by 128, so that a mask
//!   extracts two of them as 16-bit halves of a word;
//! * [`I16`]: as one word per output with the weights of inputs 0 and 1, then one word per output with those of
//!   2 and 3.

/// Outputs per panel.
pub const PANEL: usize = 4;
/// Inputs per quad.
pub const QUAD: usize = 4;
/// Words per quad of activations.
pub(crate) const QUAD_WORDS: usize = 2;

/// 8-bit weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum I8 {}

/// 16-bit weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum I16 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::I8 {}
    impl Sealed for super::I16 {}
}

/// A weight format: [`I8`] or [`I16`].
pub trait Width: sealed::Sealed + Copy + core::fmt::Debug {
    /// Words per panel of weights for a quad of inputs.
    const QUAD_WORDS: usize;
    /// The largest weight; the smallest is its negative.
    const LARGEST: i32;

    /// Encodes a panel's weights for a quad, `[output][input]`. Magnitudes are at most
    /// [`LARGEST`](Self::LARGEST).
    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32>;
}

/// The low half, sign-extended.
#[inline(always)]
pub(crate) fn low(word: i32) -> i32 {
    i32::from(word as i16)
}

/// The high half, sign-extended.
#[inline(always)]
pub(crate) fn high(word: i32) -> i32 {
    word >> 16
}

/// Packs two activations into a word.
#[inline(always)]
pub(crate) fn pair(low: i32, high: i32) -> i32 {
    (low & 0xffff) | (high << 16)
}

impl Width for I8 {
    const QUAD_WORDS: usize = PANEL;
    const LARGEST: i32 = 127;

    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32> {
        let byte = |weight: i32| weight.wrapping_add(128) as u8;
        weights
            .map(|[a, b, c, d]| i32::from_le_bytes([byte(a), byte(c), byte(b), byte(d)]))
            .to_vec()
    }
}

impl Width for I16 {
    const QUAD_WORDS: usize = 2 * PANEL;
    const LARGEST: i32 = 32_767;

    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32> {
        let first = weights.iter().map(|w| pair(w[0], w[1]));
        let second = weights.iter().map(|w| pair(w[2], w[3]));
        first.chain(second).collect()
    }
}
