//! Sequential reading of words, and decoding of a layer's first word.

/// The words that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a>(&'a [i32]);

impl<'a> Program<'a> {
    #[inline(always)]
    pub(crate) const fn new(words: &'a [i32]) -> Self {
        Self(words)
    }

    /// The next `N` words.
    #[inline(always)]
    pub(crate) const fn header<const N: usize>(&mut self) -> Option<&'a [i32; N]> {
        let Some((header, rest)) = self.0.split_first_chunk::<N>() else {
            return None;
        };
        self.0 = rest;
        Some(header)
    }

    /// The next `count` words.
    #[inline(always)]
    pub(crate) const fn take(&mut self, count: usize) -> Option<&'a [i32]> {
        let Some((own, rest)) = self.0.split_at_checked(count) else {
            return None;
        };
        self.0 = rest;
        Some(own)
    }

    /// Number of words left.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// Kind of a layer: its op without the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Standardize,
    Affine,
    Permutation,
    Squeeze,
    Unsqueeze,
    FactorOut,
    Logit,
    Convolution,
    Coupling,
    Residual,
}

impl Op {
    /// Decodes a layer's first word; `None` if there is no such layer.
    #[inline(always)]
    pub(crate) const fn of(word: i32) -> Option<Self> {
        Some(match word & op::KIND {
            op::STANDARDIZE => Op::Standardize,
            op::AFFINE => Op::Affine,
            op::PERMUTATION => Op::Permutation,
            op::SQUEEZE => Op::Squeeze,
            op::UNSQUEEZE => Op::Unsqueeze,
            op::FACTOR_OUT => Op::FactorOut,
            op::LOGIT => Op::Logit,
            op::CONVOLUTION => Op::Convolution,
            op::COUPLING => Op::Coupling,
            op::RESIDUAL => Op::Residual,
            _ => return None,
        })
    }
}

/// The first word of a layer gives its kind. For a coupling, flags are added.
pub mod op {
    /// Standardisation.
    pub const STANDARDIZE: i32 = 0;
    /// Affine layer.
    pub const AFFINE: i32 = 1;
    /// Permutation of channels.
    pub const PERMUTATION: i32 = 2;
    /// Space to depth: positions to channels.
    pub const SQUEEZE: i32 = 3;
    /// Inverse of a squeeze.
    pub const UNSQUEEZE: i32 = 4;
    /// Sends half of the values to the base density.
    pub const FACTOR_OUT: i32 = 5;
    /// Logit transform of counts.
    pub const LOGIT: i32 = 6;
    /// Coupling with a stack of convolutions.
    pub const CONVOLUTION: i32 = 7;
    /// Coupling with fully connected networks.
    pub const COUPLING: i32 = 8;
    /// Coupling with the paper's residual network.
    pub const RESIDUAL: i32 = 9;

    /// Mask for the layer kind, without the flags.
    pub const KIND: i32 = 0xff;

    /// Coupling flag: `x * exp(s) + t`.
    pub const AFFINE_COUPLING: i32 = 1 << 8;
    /// Coupling flag: `(x + t) * exp(s)`.
    pub const SHIFT_FIRST: i32 = 1 << 9;
    /// Coupling flag: log-scales are bounded by a hyperbolic tangent.
    pub const TANH: i32 = 1 << 10;
    /// Coupling flag: separate networks for log-scales and shifts.
    pub const TWO_NETS: i32 = 1 << 11;
    /// Coupling flag: networks of residual blocks.
    pub const BLOCKS: i32 = 1 << 12;
    /// Coupling flag: log-scales are bounded by an arc tangent.
    pub const ATAN: i32 = 1 << 13;
    /// Coupling flag: log-scales are the logarithm of a sigmoid plus floor; negated with [`INVERSE`].
    pub const SIGMOID: i32 = 1 << 14;
    /// See [`SIGMOID`].
    pub const INVERSE: i32 = 1 << 15;

    /// Mask for the flags of the log-scale map.
    pub const MAP: i32 = TANH | ATAN | SIGMOID;

    /// Squeeze kind: [`Squeeze::Cells`](crate::spec::Squeeze::Cells).
    pub const CELLS: i32 = 0;
    /// Squeeze kind: [`Squeeze::CellsAlternate`](crate::spec::Squeeze::CellsAlternate).
    pub const CELLS_ALTERNATE: i32 = 1;
    /// Squeeze kind: [`Squeeze::Pairs`](crate::spec::Squeeze::Pairs).
    pub const PAIRS: i32 = 2;

    /// Fills the second half of the last word where the number of kept values is odd.
    pub const NO_INDEX: i32 = 0xffff;
}
