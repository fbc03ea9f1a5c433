//! How weights are stored.
//!
//! Weights come in panels of four outputs. Inputs come in quads: four activations of 16 bits in two words,
//! the first of a word in its low half. For every quad a panel has the weights
//!
//! * [`I8`]: one word for each output, a byte for each input, in the order 0, 2, 1, 3 and 128 too high, so
//!   that a mask leaves two of them as 16-bit halves of a word;
//! * [`I16`]: one word for each output with the weights of inputs 0 and 1, then one each with 2 and 3.

/// Outputs of a panel.
pub const PANEL: usize = 4;
/// Inputs of a quad.
pub const QUAD: usize = 4;
/// Words that hold the activations of a quad.
pub(crate) const QUAD_WORDS: usize = 2;

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
pub trait Width: sealed::Sealed + Copy + core::fmt::Debug {
    /// Words of a panel's weights for a quad of inputs.
    const QUAD_WORDS: usize;
    /// The largest weight; the smallest is its negative.
    const LARGEST: i32;

    /// A panel's weights for a quad, `[output][input]`, each at most [`LARGEST`](Self::LARGEST) in size.
    #[cfg(feature = "std")]
    fn pack(weights: [[i32; QUAD]; PANEL]) -> std::vec::Vec<i32>;
}

/// The low half, with its sign.
#[inline(always)]
pub(crate) fn low(word: i32) -> i32 {
    i32::from(word as i16)
}

/// The high half, with its sign.
#[inline(always)]
pub(crate) fn high(word: i32) -> i32 {
    word >> 16
}

/// A word of two activations.
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
