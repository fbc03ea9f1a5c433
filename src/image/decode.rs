//! Reading words from the first to the last, and what the first word of a layer says.

/// Words that are still to be read.
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

    /// Words that are left.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a layer is: its op without the flags.
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
    /// That of a layer's first word; `None` where there is no such layer.
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

/// First word of a layer: what it is. A coupling adds flags to it.
pub mod op {
    /// Standardisation.
    pub const STANDARDIZE: i32 = 0;
    /// Affine layer.
    pub const AFFINE: i32 = 1;
    /// Permutation of channels.
    pub const PERMUTATION: i32 = 2;
    /// Places to channels.
    pub const SQUEEZE: i32 = 3;
    /// The same backwards.
    pub const UNSQUEEZE: i32 = 4;
    /// Half of the values is done.
    pub const FACTOR_OUT: i32 = 5;
    /// Logit of counts.
    pub const LOGIT: i32 = 6;
    /// Coupling with a stack of convolutions.
    pub const CONVOLUTION: i32 = 7;
    /// Coupling with fully connected networks.
    pub const COUPLING: i32 = 8;
    /// Coupling with the paper's residual network.
    pub const RESIDUAL: i32 = 9;

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

    /// Kind of a squeeze: [`Squeeze::Cells`](crate::spec::Squeeze::Cells).
    pub const CELLS: i32 = 0;
    /// [`Squeeze::CellsAlternate`](crate::spec::Squeeze::CellsAlternate).
    pub const CELLS_ALTERNATE: i32 = 1;
    /// [`Squeeze::Pairs`](crate::spec::Squeeze::Pairs).
    pub const PAIRS: i32 = 2;

    /// Where a kept value is missing to a pair.
    pub const NO_INDEX: i32 = 0xffff;
}
