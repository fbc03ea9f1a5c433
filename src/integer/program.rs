//! The words of a model, read from the first to the last.
//!
//! What the spec says of a layer stands in front of its numbers in a form that costs nothing to read: how
//! many channels, which values, how many panels. So the chip needs neither the spec nor a computation of
//! lengths; [`check`](super::check) holds the words to the spec when a model is made.

/// Words that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program<'a>(&'a [i32]);

impl<'a> Program<'a> {
    #[inline(always)]
    pub(super) const fn new(words: &'a [i32]) -> Self {
        Self(words)
    }

    /// The next `N` words.
    #[inline(always)]
    pub(super) const fn header<const N: usize>(&mut self) -> Option<&'a [i32; N]> {
        let Some((header, rest)) = self.0.split_first_chunk::<N>() else {
            return None;
        };
        self.0 = rest;
        Some(header)
    }

    /// The next `count` words.
    #[inline(always)]
    pub(super) const fn take(&mut self, count: usize) -> Option<&'a [i32]> {
        let Some((own, rest)) = self.0.split_at_checked(count) else {
            return None;
        };
        self.0 = rest;
        Some(own)
    }

    /// Words that are left.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// First word of a layer: what it is. A coupling adds flags to it.
pub mod op {
    /// Standardisation: channels, places of a channel, log-determinant, then [`STANDARDIZE_CHANNEL`] words
    /// a channel.
    pub const STANDARDIZE: i32 = 0;
    /// Affine layer: the same, with [`AFFINE_CHANNEL`] words a channel.
    pub const AFFINE: i32 = 1;
    /// Permutation: channels, places of a channel, then the channels' indices.
    pub const PERMUTATION: i32 = 2;
    /// Squeeze: the kind, channels, height and width before it.
    pub const SQUEEZE: i32 = 3;
    /// The same backwards: channels, height and width are those after it.
    pub const UNSQUEEZE: i32 = 4;
    /// The rest of the values is done: how many go on, twice (a header has two words at least).
    pub const FACTOR_OUT: i32 = 5;
    /// Logit of counts: values, the highest count, multiplier of a count and its shift, `p` of no count, half
    /// a count's share of it, and the logarithm of the slope.
    pub const LOGIT: i32 = 6;
    /// Coupling with a stack of convolutions.
    pub const CONVOLUTION: i32 = 7;
    /// Coupling with fully connected networks.
    pub const COUPLING: i32 = 8;
    /// Coupling with the paper's residual network.
    pub const RESIDUAL: i32 = 9;

    /// Kinds of a squeeze.
    pub const CELLS: i32 = 0;
    /// The paper's second kind.
    pub const CELLS_ALTERNATE: i32 = 1;
    /// Of time windows.
    pub const PAIRS: i32 = 2;

    /// Takes the flags from a layer's op.
    pub const KIND: i32 = 0xff;

    /// Added to a coupling: `x * exp(s) + t`.
    pub const AFFINE_COUPLING: i32 = 1 << 8;
    /// Added to a coupling: `(x + t) * exp(s)`.
    pub const SHIFT_FIRST: i32 = 1 << 9;
    /// Added to a coupling: log-scales go through a hyperbolic tangent.
    pub const TANH: i32 = 1 << 10;
    /// Added to a coupling: a network each for log-scales and shifts.
    pub const TWO_NETS: i32 = 1 << 11;

    /// Added to a coupling: networks of residual blocks.
    pub const BLOCKS: i32 = 1 << 12;
    /// Added to a coupling: log-scales go through an arc tangent.
    pub const ATAN: i32 = 1 << 13;
    /// Added to a coupling: log-scales are the logarithm of a sigmoid with a floor, or with [`INVERSE`] minus that.
    pub const SIGMOID: i32 = 1 << 14;
    /// See [`SIGMOID`].
    pub const INVERSE: i32 = 1 << 15;

    /// Takes the map of log-scales from a coupling's op.
    pub const MAP: i32 = TANH | ATAN | SIGMOID;

    /// Words of a channel: mean in counts, multiplier, its shift, shift in Q16.
    pub const STANDARDIZE_CHANNEL: usize = 4;
    /// Words of a channel: multiplier, its shift, shift in Q16.
    pub const AFFINE_CHANNEL: usize = 3;
    /// Words of a coupling's header: the op, words of kept values, records, words of the front of the
    /// scratch, shifts of kept values, raw log-scales, and shifts.
    pub const COUPLING_HEADER: usize = 7;
    /// Words of the header of a coupling on maps: the op, words of kept channels, records, height, width,
    /// parity of a checkerboard or 2, words of the largest window, layers, and the three shifts.
    pub const CONVOLUTION_HEADER: usize = 11;
    /// Words of the header of a coupling with a residual network: the op, kept channels, records, height,
    /// width, parity of a checkerboard or 2, panels of channels, blocks, height and width of the kernel, words
    /// of the largest window, shifts of raw log-scales and of shifts.
    pub const RESIDUAL_HEADER: usize = 13;
    /// Words of a norm inside a residual network: multiplier, its shift, offset.
    pub const NORM: usize = 3;
    /// Words of a coupling's record for a transformed value: its index, the bound of its log-scale in Q24 (of a
    /// sigmoid the floor in Q30), multipliers of the raw log-scale and of the shift.
    pub const RECORD: usize = 4;
    /// Words of a layer of a network: panels, shift, slope.
    pub const LAYER_HEADER: usize = 3;
    /// Where a kept value is missing to a pair.
    pub const NO_INDEX: i32 = 0xffff;
}
