//! The words of a base density, behind those of the last layer: its op, how many they are, and their check. A standard
//! normal one has none.

use super::decode::Program;
use super::fields::{
    ComponentHeader, KernelsHeader, LayerHeader, MixtureHeader, SharedHeader, TriangleRow,
};
use super::sections::{LayerShape, Sums};
use super::sizes::{activation_words, sum_words};
use super::width::{PANEL, Width};
use super::{op, word};
use crate::spec::{BaseSpec, KernelsSpec, MixtureSpec, Spread, add, mul};

impl BaseSpec {
    /// Number of words, on `dim` values of z.
    #[must_use]
    #[doc(hidden)]
    pub const fn word_len<W: Width>(self, dim: usize) -> usize {
        const OP: usize = 1;
        match self {
            BaseSpec::Normal => 0,
            BaseSpec::Mixture(spec) => {
                let head = add(OP, MixtureHeader::WORDS);
                let own = match spec.spread() {
                    Spread::Shared => {
                        let layer = spec.layer(dim).numbers::<W>();
                        let layer = add(LayerHeader::WORDS, layer);
                        add(add(SharedHeader::WORDS, layer), spec.components())
                    }
                    Spread::Full => mul(spec.components(), component_words(dim)),
                };
                add(head, own)
            }
        }
    }

    /// Words of scratch: the logarithms of all terms, behind what they are computed from.
    pub(super) const fn integer_scratch(self, dim: usize) -> usize {
        match self {
            BaseSpec::Normal => 0,
            BaseSpec::Mixture(spec) => match spec.spread() {
                Spread::Shared => add(activation_words(dim), sum_words(spec.components())),
                Spread::Full => add(dim, spec.components()),
            },
        }
    }

    /// The first word; none of a standard normal density.
    #[must_use]
    #[doc(hidden)]
    pub const fn op(self) -> Option<i32> {
        match self {
            BaseSpec::Normal => None,
            BaseSpec::Mixture(spec) => Some(match spec.spread() {
                Spread::Shared => op::SHARED_MIXTURE,
                Spread::Full => op::FULL_MIXTURE,
            }),
        }
    }

    /// Whether the words are exactly those of this base.
    pub(super) const fn has_words<W: Width>(self, dim: usize, mut program: Program<'_>) -> bool {
        let program = &mut program;
        let fits = match self {
            BaseSpec::Normal => true,
            BaseSpec::Mixture(spec) => {
                let (Some(&[first]), Some(op)) = (program.header(), self.op()) else {
                    return false;
                };
                first == op
                    && MixtureHeader::check(spec.header(), program)
                    && match spec.spread() {
                        Spread::Shared => spec.has_layer::<W>(dim, program),
                        Spread::Full => spec.has_components(dim, program),
                    }
            }
        };
        fits && program.len() == 0
    }
}

impl KernelsSpec {
    /// Number of words, on `dim` values: op, header and the mixture.
    #[must_use]
    #[doc(hidden)]
    pub const fn word_len<W: Width>(self, dim: usize) -> usize {
        add(1 + KernelsHeader::WORDS, self.base().word_len::<W>(dim))
    }

    /// Words of scratch.
    pub(super) const fn integer_scratch(self, dim: usize) -> usize {
        self.base().integer_scratch(dim)
    }

    /// Whether the words are exactly those of these kernels.
    pub(super) const fn has_words<W: Width>(self, dim: usize, mut program: Program<'_>) -> bool {
        let Some(&[first]) = program.header() else {
            return false;
        };
        let stated = KernelsHeader::from_words(&[0; KernelsHeader::WORDS]);
        let Some(found) = KernelsHeader::read(&mut program) else {
            return false;
        };
        first == op::KERNELS
            && found.fits(stated)
            // Less than 0 would make far samples likely.
            && found.multiplier > 0
            && self.base().has_words::<W>(dim, program)
    }
}

/// Words of a component of [`Spread::Full`]: its constant and its centre, and a row of the triangle per value.
const fn component_words(dim: usize) -> usize {
    let triangle = crate::spec::triangle_len(dim);
    let rows = add(mul(dim, TriangleRow::WORDS), triangle);
    add(ComponentHeader::WORDS, add(dim, rows))
}

impl MixtureSpec {
    /// The layer that computes the logarithms of the terms of [`Spread::Shared`].
    #[must_use]
    #[doc(hidden)]
    pub const fn layer(self, dim: usize) -> LayerShape {
        LayerShape {
            taps: 1,
            stride: dim,
            inputs: dim,
            signs: false,
            outputs: self.components(),
            sums: Sums::Outputs,
        }
    }

    /// Header of a mixture.
    #[must_use]
    #[doc(hidden)]
    pub const fn header(self) -> MixtureHeader {
        MixtureHeader {
            components: word(self.components()),
        }
    }

    const fn has_layer<W: Width>(self, dim: usize, program: &mut Program<'_>) -> bool {
        let shifts = SharedHeader::from_words(&[0; SharedHeader::WORDS]);
        // Less than 0 would make far samples likely.
        let (Some(found), Some(layer)) = (SharedHeader::read(program), LayerHeader::read(program))
        else {
            return false;
        };
        let stated = LayerHeader {
            panels: word(self.components().div_ceil(PANEL)),
            shift: 0,
            slope: 0,
        };
        found.fits(shifts)
            && found.multiplier > 0
            && layer.fits(stated)
            && layer.shift == 0
            && program.take(self.layer(dim).numbers::<W>()).is_some()
            && program.take(self.components()).is_some()
    }

    const fn has_components(self, dim: usize, program: &mut Program<'_>) -> bool {
        let mut left = self.components();
        while left > 0 {
            if ComponentHeader::read(program).is_none() || program.take(dim).is_none() {
                return false;
            }
            let mut row = 1;
            while row <= dim {
                let stated = TriangleRow::from_words(&[0; TriangleRow::WORDS]);
                if !TriangleRow::check(stated, program) {
                    return false;
                }
                let Some(multipliers) = program.take(row) else {
                    return false;
                };
                if !is_row(multipliers) {
                    return false;
                }
                row += 1;
            }
            left -= 1;
        }
        true
    }
}

/// Whether a row of a triangle has a diagonal that is not zero, and multipliers of 2^31 at most together: then no sum
/// leaves 64 bits, and no value of z goes without a part in the distance.
const fn is_row(multipliers: &[i32]) -> bool {
    const MOST: u64 = 1 << 31;
    let mut total: u64 = 0;
    let mut rest = multipliers;
    while let [multiplier, others @ ..] = rest {
        total = total.saturating_add(multiplier.unsigned_abs() as u64);
        rest = others;
    }
    matches!(multipliers, [.., diagonal] if *diagonal != 0) && total <= MOST
}
