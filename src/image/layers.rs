//! What the words of each layer are: its op, how many they are, what the spec states of them, and their check. Couplings
//! have files for theirs.

use super::decode::Program;
use super::fields::{
    AffineChannel, AffineHeader, FactorOutHeader, LogitHeader, PermutationHeader, SqueezeHeader,
    StandardizeChannel,
};
use super::width::Width;
use super::{op, word};
use crate::spec::{Conditioner, CouplingSpec, LayerSpec, Shape, Squeeze, add, mul};

/// Kind of a layer: its op without the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Standardize,
    Affine,
    Linear,
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
            op::LINEAR => Op::Linear,
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

impl LayerSpec<'_> {
    /// Number of words of this layer, on a map of this shape, in an
    /// [`IntegerFlow`](crate::integer::IntegerFlow).
    #[must_use]
    #[doc(hidden)]
    pub const fn word_len<W: Width>(&self, shape: Shape) -> usize {
        const OP: usize = 1;
        let channels = shape.channels;
        let words = match self {
            LayerSpec::Standardize => add(
                AffineHeader::WORDS,
                mul(channels, StandardizeChannel::WORDS),
            ),
            LayerSpec::Affine => add(AffineHeader::WORDS, mul(channels, AffineChannel::WORDS)),
            LayerSpec::Linear => {
                let row = add(AffineChannel::WORDS, channels.saturating_sub(1));
                add(AffineHeader::WORDS, mul(channels, row))
            }
            LayerSpec::Permutation(_) => add(PermutationHeader::WORDS, channels),
            LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => SqueezeHeader::WORDS,
            LayerSpec::FactorOut => FactorOutHeader::WORDS,
            LayerSpec::Logit(_) => LogitHeader::WORDS,
            LayerSpec::Coupling(spec) => spec.word_len::<W>(shape),
            LayerSpec::BatchNorm(_) => return 0,
        };
        add(OP, words)
    }

    /// Words of scratch that it asks for.
    pub(super) const fn integer_scratch(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Permutation(_) | LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => {
                shape.len()
            }
            LayerSpec::Coupling(spec) => spec.integer_scratch(shape),
            LayerSpec::Standardize
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::FactorOut
            | LayerSpec::Logit(_)
            | LayerSpec::BatchNorm(_) => 0,
        }
    }

    /// Whether the layer has the paper's residual network, which needs feature `extra-layers`.
    pub(super) const fn is_residual(&self) -> bool {
        matches!(
            self,
            LayerSpec::Coupling(CouplingSpec {
                conditioner: Conditioner::ResidualConvolution(_),
                ..
            })
        )
    }

    /// Whether the integer engine supports this layer.
    pub(super) const fn has_integers(&self) -> bool {
        match self {
            LayerSpec::BatchNorm(_) => false,
            LayerSpec::Coupling(spec) => spec.has_integers(),
            LayerSpec::Standardize
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::Permutation(_)
            | LayerSpec::Squeeze(_)
            | LayerSpec::Unsqueeze(_)
            | LayerSpec::FactorOut
            | LayerSpec::Logit(_) => true,
        }
    }

    /// The first word; `None` if the integer engine does not support the layer.
    #[must_use]
    #[doc(hidden)]
    pub const fn op(&self) -> Option<i32> {
        Some(match self {
            LayerSpec::Standardize => op::STANDARDIZE,
            LayerSpec::Affine => op::AFFINE,
            LayerSpec::Linear => op::LINEAR,
            LayerSpec::Permutation(_) => op::PERMUTATION,
            LayerSpec::Squeeze(_) => op::SQUEEZE,
            LayerSpec::Unsqueeze(_) => op::UNSQUEEZE,
            LayerSpec::FactorOut => op::FACTOR_OUT,
            LayerSpec::Logit(_) => op::LOGIT,
            LayerSpec::Coupling(spec) => spec.op(),
            LayerSpec::BatchNorm(_) => return None,
        })
    }

    /// Header of an affine layer, a standardisation or a matrix.
    #[must_use]
    #[doc(hidden)]
    pub const fn affine_header(shape: Shape) -> AffineHeader {
        AffineHeader {
            channels: word(shape.channels),
            places: word(shape.pixels()),
            log_det: 0,
        }
    }

    pub(super) const fn permutation_header(shape: Shape) -> PermutationHeader {
        PermutationHeader {
            channels: word(shape.channels),
            places: word(shape.pixels()),
        }
    }

    /// Header of a squeeze or its inverse; `None` for other layers, and if the layer cannot take the shape.
    pub(super) const fn squeeze_header(&self, shape: Shape) -> Option<SqueezeHeader> {
        let (kind, shape) = match self {
            LayerSpec::Squeeze(kind) => (*kind, shape),
            LayerSpec::Unsqueeze(kind) => match self.output_shape(shape) {
                Some(after) => (*kind, after),
                None => return None,
            },
            LayerSpec::Standardize
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::Permutation(_)
            | LayerSpec::FactorOut
            | LayerSpec::Logit(_)
            | LayerSpec::Coupling(_)
            | LayerSpec::BatchNorm(_) => return None,
        };
        Some(SqueezeHeader {
            kind: match kind {
                Squeeze::Cells => op::CELLS,
                Squeeze::CellsAlternate => op::CELLS_ALTERNATE,
                Squeeze::Pairs => op::PAIRS,
            },
            channels: word(shape.channels),
            height: word(shape.height),
            width: word(shape.width),
        })
    }

    pub(super) const fn factor_out_header(shape: Shape) -> FactorOutHeader {
        let goes_on = word(shape.len() / 2);
        FactorOutHeader {
            goes_on,
            again: goes_on,
        }
    }

    /// Whether the words are exactly those of this layer.
    pub(super) const fn has_words<W: Width>(&self, shape: Shape, mut program: Program<'_>) -> bool {
        let program = &mut program;
        let (Some(&[first]), Some(op)) = (program.header(), self.op()) else {
            return false;
        };
        let fits = first == op
            && match self {
                LayerSpec::Standardize => {
                    AffineHeader::check(Self::affine_header(shape), program)
                        && has_standardization(shape.channels, program)
                }
                LayerSpec::Affine => {
                    AffineHeader::check(Self::affine_header(shape), program)
                        && has_affine(shape.channels, program)
                }
                LayerSpec::Linear => {
                    AffineHeader::check(Self::affine_header(shape), program)
                        && has_matrix(shape.channels, program)
                }
                LayerSpec::Permutation(order) => {
                    PermutationHeader::check(Self::permutation_header(shape), program)
                        && has_order(order, program)
                }
                LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => {
                    match self.squeeze_header(shape) {
                        Some(stated) => SqueezeHeader::check(stated, program),
                        None => false,
                    }
                }
                LayerSpec::FactorOut => {
                    FactorOutHeader::check(Self::factor_out_header(shape), program)
                }
                LayerSpec::Logit(spec) => match spec.header(shape) {
                    Some(stated) => LogitHeader::check(stated, program),
                    None => false,
                },
                LayerSpec::Coupling(spec) => {
                    spec.has_head(shape, program) && spec.has_networks::<W>(shape, program)
                }
                LayerSpec::BatchNorm(_) => false,
            };
        fits && program.len() == 0
    }

    /// The words after the op, for a layer that the spec determines completely. `None` for other layers, or if
    /// a constant overflows 32 bits.
    #[must_use]
    #[doc(hidden)]
    #[cfg(feature = "std")]
    pub fn stated_words(&self, shape: Shape) -> Option<std::vec::Vec<i32>> {
        Some(match self {
            LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => {
                self.squeeze_header(shape)?.to_words().to_vec()
            }
            LayerSpec::FactorOut => Self::factor_out_header(shape).to_words().to_vec(),
            LayerSpec::Logit(spec) => spec.header(shape)?.to_words().to_vec(),
            LayerSpec::Permutation(order) => {
                let header = Self::permutation_header(shape).to_words();
                header
                    .into_iter()
                    .chain(order.iter().map(|&at| word(at)))
                    .collect()
            }
            LayerSpec::Standardize
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::BatchNorm(_)
            | LayerSpec::Coupling(_) => return None,
        })
    }
}

/// Whether the channels of a standardisation have valid shifts.
const fn has_standardization(channels: usize, program: &mut Program<'_>) -> bool {
    let mut left = channels;
    while left > 0 {
        let stated = StandardizeChannel::from_words(&[0; StandardizeChannel::WORDS]);
        if !StandardizeChannel::check(stated, program) {
            return false;
        }
        left -= 1;
    }
    true
}

/// Whether the channels of an affine layer have valid shifts.
const fn has_affine(channels: usize, program: &mut Program<'_>) -> bool {
    let mut left = channels;
    while left > 0 {
        let stated = AffineChannel::from_words(&[0; AffineChannel::WORDS]);
        if !AffineChannel::check(stated, program) {
            return false;
        }
        left -= 1;
    }
    true
}

/// Whether the indices match the permutation.
const fn has_order(order: &[usize], program: &mut Program<'_>) -> bool {
    let mut rest = order;
    while let [index, tail @ ..] = rest {
        match program.header() {
            Some(&[found]) if found == word(*index) => rest = tail,
            Some(_) | None => return false,
        }
    }
    true
}

/// Whether the rows of a matrix have shifts that can be, diagonals that are not zero, and in each of their two sums
/// multipliers of 2^31 at most together: then no sum leaves 64 bits.
const fn has_matrix(channels: usize, program: &mut Program<'_>) -> bool {
    const MOST: u64 = 1 << 31;
    let mut row = 0;
    while row < channels {
        let Some(head) = AffineChannel::read(program) else {
            return false;
        };
        let stated = AffineChannel::from_words(&[0; AffineChannel::WORDS]);
        if !head.fits(stated) || head.multiplier == 0 {
            return false;
        }
        let Some(mut others) = program.take(channels - 1) else {
            return false;
        };
        let (mut lower, mut upper) = (0_u64, head.multiplier.unsigned_abs() as u64);
        let mut at = 0;
        while let [multiplier, rest @ ..] = others {
            let magnitude = multiplier.unsigned_abs() as u64;
            if at < row {
                lower = lower.saturating_add(magnitude);
            } else {
                upper = upper.saturating_add(magnitude);
            }
            at += 1;
            others = rest;
        }
        if lower > MOST || upper > MOST {
            return false;
        }
        row += 1;
    }
    true
}
