//! The words of a model, field by field. Each header and record is declared once: its length, its reader, its
//! writer and its check follow from the declaration.

use super::decode::Program;
use super::stated::{INPUT_SHIFT, Range, SCALING_SHIFT, SUM_SHIFT, within};

/// What a word may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// What the spec states, and nothing else.
    Stated,
    /// Anything within a range: a shift.
    Within(Range),
    /// Any number.
    Number,
}

impl Rule {
    /// Whether a word is what the spec states, as far as it does.
    pub(super) const fn allows(self, word: i32, stated: i32) -> bool {
        match self {
            Rule::Stated => word == stated,
            Rule::Within(range) => within(word, range),
            Rule::Number => true,
        }
    }
}

const STATED: Rule = Rule::Stated;
const NUMBER: Rule = Rule::Number;
const SCALING: Rule = Rule::Within(SCALING_SHIFT);
const INPUT: Rule = Rule::Within(INPUT_SHIFT);
const SUM: Rule = Rule::Within(SUM_SHIFT);

/// Words in a row as a struct, one field a word, each with its [`Rule`].
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $rule:ident,)+ }
    )+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: i32,)+
        }

        impl $name {
            /// How many words it takes.
            pub const WORDS: usize = [$(stringify!($field)),+].len();

            /// The fields of words.
            #[must_use]
            #[inline(always)]
            pub const fn from_words(&[$($field),+]: &[i32; Self::WORDS]) -> Self {
                Self { $($field),+ }
            }

            /// The words of the fields.
            #[must_use]
            #[inline(always)]
            pub const fn to_words(self) -> [i32; Self::WORDS] {
                [$(self.$field),+]
            }

            /// The next words of a program.
            #[inline(always)]
            #[allow(dead_code, reason = "records are read many at a time")]
            pub(crate) const fn read(program: &mut Program<'_>) -> Option<Self> {
                match program.header() {
                    Some(words) => Some(Self::from_words(words)),
                    None => None,
                }
            }

            /// Whether every word is one that what the spec states allows.
            #[allow(dead_code, reason = "some are compared as a whole")]
            pub(super) const fn fits(self, stated: Self) -> bool {
                $($rule.allows(self.$field, stated.$field))&&+
            }

            /// Reads the next words; whether they are there and fit.
            #[allow(dead_code, reason = "some are part of others")]
            pub(super) const fn check(stated: Self, program: &mut Program<'_>) -> bool {
                match Self::read(program) {
                    Some(found) => found.fits(stated),
                    None => false,
                }
            }
        }
    )+};
}

words! {
    /// In front of the channels of an affine layer or a standardisation.
    AffineHeader {
        /// Channels.
        channels: STATED,
        /// Places of a channel.
        places: STATED,
        /// Log-determinant in Q16.
        log_det: NUMBER,
    }

    /// A channel of an affine layer: `multiplier x 2^-shift + offset`.
    AffineChannel {
        /// Multiplier.
        multiplier: NUMBER,
        /// Its shift.
        shift: SCALING,
        /// Added, in Q16.
        offset: NUMBER,
    }

    /// A channel of a standardisation: `multiplier (x - mean) 2^-shift + offset`.
    StandardizeChannel {
        /// In counts.
        mean: NUMBER,
        /// Multiplier.
        multiplier: NUMBER,
        /// Its shift.
        shift: SCALING,
        /// Added, in Q16.
        offset: NUMBER,
    }

    /// In front of a permutation's indices.
    PermutationHeader {
        /// Channels.
        channels: STATED,
        /// Places of a channel.
        places: STATED,
    }

    /// A squeeze; of the same backwards the shape is that after it.
    SqueezeHeader {
        /// One of [`CELLS`](super::op::CELLS), [`CELLS_ALTERNATE`](super::op::CELLS_ALTERNATE) and
        /// [`PAIRS`](super::op::PAIRS).
        kind: STATED,
        /// Channels before it.
        channels: STATED,
        /// Rows before it.
        height: STATED,
        /// Columns before it.
        width: STATED,
    }

    /// Half of the values are done.
    FactorOutHeader {
        /// Values that go on.
        goes_on: STATED,
        /// The same again.
        again: STATED,
    }

    /// The logit of counts.
    LogitHeader {
        /// Values.
        values: STATED,
        /// The highest count.
        last: STATED,
        /// Multiplier of a count, to Q30.
        multiplier: STATED,
        /// Its shift.
        shift: STATED,
        /// `p` of no count, in Q30.
        lowest: STATED,
        /// Half a count's share of `p`, in Q30.
        half: STATED,
        /// Logarithm of the slope, in Q24.
        ln_slope: STATED,
    }

    /// A coupling with fully connected networks.
    DenseHeader {
        /// Words of the kept values' indices.
        kept: STATED,
        /// Records of transformed values.
        records: STATED,
        /// Words of the front of the scratch.
        front: STATED,
        /// Shift that makes activations of kept values.
        input_shift: INPUT,
        /// Shift of the records' multipliers of raw log-scales.
        raw_shift: SCALING,
        /// Shift of the records' multipliers of shifts.
        shift_shift: SCALING,
    }

    /// A coupling with a stack of convolutions.
    ConvolutionHeader {
        /// Words of the kept channels' indices.
        kept: STATED,
        /// Records of transformed channels.
        records: STATED,
        /// Rows of the map.
        height: STATED,
        /// Columns of the map.
        width: STATED,
        /// Of a checkerboard, the parity of `y + x` where it keeps; 2 for other masks.
        parity: STATED,
        /// Words of the largest window.
        window: STATED,
        /// Layers of the network.
        layers: STATED,
        /// Shift that makes activations of kept values.
        input_shift: INPUT,
        /// Shift of the records' multipliers of raw log-scales.
        raw_shift: SCALING,
        /// Shift of the records' multipliers of shifts.
        shift_shift: SCALING,
    }

    /// A coupling with the paper's residual network.
    ResidualHeader {
        /// Records of kept channels.
        kept: STATED,
        /// Records of transformed channels.
        records: STATED,
        /// Rows of the map.
        height: STATED,
        /// Columns of the map.
        width: STATED,
        /// Of a checkerboard, the parity of `y + x` where it keeps; 2 for other masks.
        parity: STATED,
        /// Panels of the channels inside.
        panels: STATED,
        /// Residual blocks.
        blocks: STATED,
        /// Rows of the window.
        kernel_height: STATED,
        /// Columns of the window.
        kernel_width: STATED,
        /// Words of the largest window.
        window: STATED,
        /// Shift of the records' multipliers of raw log-scales.
        raw_shift: SCALING,
        /// Shift of the records' multipliers of shifts.
        shift_shift: SCALING,
    }

    /// A kept channel of a residual network, with the norm that makes activations of it.
    KeptRecord {
        /// Its index.
        channel: STATED,
        /// Multiplier.
        multiplier: NUMBER,
        /// Its shift.
        shift: SCALING,
        /// Added, in steps of the activation.
        offset: NUMBER,
    }

    /// A transformed channel of a coupling.
    Record {
        /// Its index.
        channel: STATED,
        /// Bound of its log-scale in Q24, of a sigmoid its floor in Q30.
        bound: STATED,
        /// Multiplier of the raw log-scale.
        raw_multiplier: NUMBER,
        /// Multiplier of the shift.
        shift_multiplier: NUMBER,
    }

    /// In front of a fully connected network.
    NetworkHeader {
        /// Hidden layers.
        hidden: STATED,
    }

    /// In front of a network of residual blocks.
    BlocksHeader {
        /// Residual blocks.
        blocks: STATED,
        /// Panels of the hidden layers.
        panels: STATED,
    }

    /// In front of a layer of a stack of convolutions.
    KernelHeader {
        /// Rows of the window.
        height: STATED,
        /// Columns of the window.
        width: STATED,
    }

    /// In front of the panels of a layer of a network.
    LayerHeader {
        /// Panels of outputs.
        panels: STATED,
        /// Shift from sums to activations; 0 where sums leave whole.
        shift: SUM,
        /// Slope of the activation below zero, in Q15.
        slope: STATED,
    }

    /// Between a layer whose sums are added and the multipliers of its outputs.
    ScalingHeader {
        /// Shift of the multipliers.
        shift: SCALING,
    }

    /// Makes activations of values in Q16.
    Narrowing {
        /// Shift.
        shift: INPUT,
    }

    /// A channel's norm inside a residual network: activation `multiplier h 2^-shift + offset`.
    NormRecord {
        /// Multiplier.
        multiplier: NUMBER,
        /// Its shift.
        shift: SCALING,
        /// Added, in steps of the activation.
        offset: NUMBER,
    }
}

impl KeptRecord {
    /// The norm that makes activations.
    #[cfg(all(feature = "feature-maps", feature = "foreign"))]
    #[inline(always)]
    pub(crate) const fn norm(self) -> NormRecord {
        NormRecord {
            multiplier: self.multiplier,
            shift: self.shift,
            offset: self.offset,
        }
    }
}
