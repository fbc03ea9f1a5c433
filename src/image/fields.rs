//! Declarations of all headers and records. Each is declared once, field by field; its length, reader, writer
//! and check are generated from the declaration.

use super::decode::Program;
use super::stated::{INPUT_SHIFT, Range, SCALING_SHIFT, SUM_SHIFT, within};

/// Which values a word may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Exactly the value that the spec determines.
    Stated,
    /// A value within a range: a shift.
    Within(Range),
    /// Any value: a parameter.
    Number,
}

impl Rule {
    /// Whether a word is valid; `stated` is the value that the spec determines, if any.
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

/// Consecutive words as a struct with one field per word, each with its [`Rule`].
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
            /// Number of words.
            pub const WORDS: usize = [$(stringify!($field)),+].len();

            /// Decodes words to fields.
            #[must_use]
            #[inline(always)]
            pub const fn from_words(&[$($field),+]: &[i32; Self::WORDS]) -> Self {
                Self { $($field),+ }
            }

            /// Encodes the fields as words.
            #[must_use]
            #[inline(always)]
            pub const fn to_words(self) -> [i32; Self::WORDS] {
                [$(self.$field),+]
            }

            /// Reads the next words of a program.
            #[inline(always)]
            #[allow(dead_code, reason = "records are read many at a time")]
            pub(crate) const fn read(program: &mut Program<'_>) -> Option<Self> {
                match program.header() {
                    Some(words) => Some(Self::from_words(words)),
                    None => None,
                }
            }

            /// Whether every word is valid, given the values that the spec determines.
            #[allow(dead_code, reason = "some are compared as a whole")]
            pub(super) const fn fits(self, stated: Self) -> bool {
                $($rule.allows(self.$field, stated.$field))&&+
            }

            /// Reads the next words; whether they exist and are valid.
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
    /// Header of an affine layer or a standardisation, followed by its channels.
    AffineHeader {
        /// Number of channels.
        channels: STATED,
        /// Places per channel.
        places: STATED,
        /// Log-determinant in Q16.
        log_det: NUMBER,
    }

    /// A channel of an affine layer: `multiplier x 2^-shift + offset`.
    AffineChannel {
        /// Multiplier.
        multiplier: NUMBER,
        /// Right shift of the product.
        shift: SCALING,
        /// Offset in Q16.
        offset: NUMBER,
    }

    /// A channel of a standardisation: `multiplier (x - mean) 2^-shift + offset`.
    StandardizeChannel {
        /// Mean in counts.
        mean: NUMBER,
        /// Multiplier.
        multiplier: NUMBER,
        /// Right shift of the product.
        shift: SCALING,
        /// Offset in Q16.
        offset: NUMBER,
    }

    /// Header of a permutation, followed by the indices.
    PermutationHeader {
        /// Number of channels.
        channels: STATED,
        /// Places per channel.
        places: STATED,
    }

    /// A squeeze or its inverse, with the shape of the unsqueezed map.
    SqueezeHeader {
        /// One of [`CELLS`](super::op::CELLS), [`CELLS_ALTERNATE`](super::op::CELLS_ALTERNATE) and
        /// [`PAIRS`](super::op::PAIRS).
        kind: STATED,
        /// Channels of the unsqueezed map.
        channels: STATED,
        /// Rows of the unsqueezed map.
        height: STATED,
        /// Columns of the unsqueezed map.
        width: STATED,
    }

    /// Sends half of the values to the base density.
    FactorOutHeader {
        /// Number of values that continue to the next layer.
        goes_on: STATED,
        /// The same number again.
        again: STATED,
    }

    /// Logit transform of counts.
    LogitHeader {
        /// Number of values.
        values: STATED,
        /// The highest count.
        last: STATED,
        /// Multiplier of a count, giving Q30.
        multiplier: STATED,
        /// Right shift of the product.
        shift: STATED,
        /// `p` of count 0, in Q30.
        lowest: STATED,
        /// Half of one count's contribution to `p`, in Q30.
        half: STATED,
        /// Logarithm of the slope, in Q24.
        ln_slope: STATED,
    }

    /// A coupling with fully connected networks.
    DenseHeader {
        /// Number of words with the kept values' indices.
        kept: STATED,
        /// Number of records of transformed values.
        records: STATED,
        /// Words at the front of the scratch.
        front: STATED,
        /// Shift that converts kept values to activations.
        input_shift: INPUT,
        /// Shift for the multipliers of raw log-scales in the records.
        raw_shift: SCALING,
        /// Shift for the multipliers of shifts in the records.
        shift_shift: SCALING,
    }

    /// A coupling with a stack of convolutions.
    ConvolutionHeader {
        /// Number of words with the kept channels' indices.
        kept: STATED,
        /// Number of records of transformed channels.
        records: STATED,
        /// Rows of the map.
        height: STATED,
        /// Columns of the map.
        width: STATED,
        /// Under a checkerboard, the parity of `y + x` of kept places; 2 for other masks.
        parity: STATED,
        /// Words of the largest window.
        window: STATED,
        /// Number of layers of the network.
        layers: STATED,
        /// Shift that converts kept values to activations.
        input_shift: INPUT,
        /// Shift for the multipliers of raw log-scales in the records.
        raw_shift: SCALING,
        /// Shift for the multipliers of shifts in the records.
        shift_shift: SCALING,
    }

    /// A coupling with the paper's residual network.
    ResidualHeader {
        /// Number of records of kept channels.
        kept: STATED,
        /// Number of records of transformed channels.
        records: STATED,
        /// Rows of the map.
        height: STATED,
        /// Columns of the map.
        width: STATED,
        /// Under a checkerboard, the parity of `y + x` of kept places; 2 for other masks.
        parity: STATED,
        /// Number of panels of the hidden channels.
        panels: STATED,
        /// Number of residual blocks.
        blocks: STATED,
        /// Height of the window.
        kernel_height: STATED,
        /// Width of the window.
        kernel_width: STATED,
        /// Words of the largest window.
        window: STATED,
        /// Shift for the multipliers of raw log-scales in the records.
        raw_shift: SCALING,
        /// Shift for the multipliers of shifts in the records.
        shift_shift: SCALING,
    }

    /// A kept channel of a residual network, with the norm that converts it to an activation.
    KeptRecord {
        /// Index of the channel.
        channel: STATED,
        /// Multiplier.
        multiplier: NUMBER,
        /// Right shift of the product.
        shift: SCALING,
        /// Offset in units of the activation.
        offset: NUMBER,
    }

    /// A transformed channel of a coupling.
    Record {
        /// Index of the channel.
        channel: STATED,
        /// Bound of the log-scale in Q24; for a sigmoid, its floor in Q30.
        bound: STATED,
        /// Multiplier of the raw log-scale.
        raw_multiplier: NUMBER,
        /// Multiplier of the shift.
        shift_multiplier: NUMBER,
    }

    /// Header of a fully connected network.
    NetworkHeader {
        /// Number of hidden layers.
        hidden: STATED,
    }

    /// Header of a network of residual blocks.
    BlocksHeader {
        /// Number of residual blocks.
        blocks: STATED,
        /// Number of panels of the hidden layers.
        panels: STATED,
    }

    /// Header of a convolution in a stack.
    KernelHeader {
        /// Height of the window.
        height: STATED,
        /// Width of the window.
        width: STATED,
    }

    /// Header of a network's layer, followed by its panels.
    LayerHeader {
        /// Number of panels of outputs.
        panels: STATED,
        /// Shift from sums to activations; 0 if the sums are kept unscaled.
        shift: SUM,
        /// Slope of the activation for negative values, in Q15.
        slope: STATED,
    }

    /// Header of the output multipliers of a layer whose sums are added to values.
    ScalingHeader {
        /// Shift for the multipliers.
        shift: SCALING,
    }

    /// Converts values in Q16 to activations.
    Narrowing {
        /// Right shift.
        shift: INPUT,
    }

    /// Header of a mixture, followed by what its covariances are given by.
    MixtureHeader {
        /// Number of components.
        components: STATED,
    }

    /// A mixture with one bandwidth, followed by the layer and a multiplier for the sum of each component.
    SharedHeader {
        /// Multiplier of `|z|^2`, positive.
        multiplier: NUMBER,
        /// Right shift of the product.
        shift: SCALING,
        /// Shift that converts z to activations.
        input_shift: INPUT,
        /// Shift for the multipliers of the sums, giving Q24.
        sum_shift: SCALING,
    }

    /// A second density, followed by a mixture with one bandwidth.
    KernelsHeader {
        /// Multiplier of its logarithm, positive.
        multiplier: NUMBER,
        /// Right shift of the product, giving Q16.
        shift: SCALING,
        /// Added to it, in Q16.
        offset: NUMBER,
    }

    /// A component with a triangle of its own, followed by its centre in Q16 and the rows.
    ComponentHeader {
        /// The logarithm of the term at the centre, in Q16.
        constant: NUMBER,
    }

    /// A row of a triangle, followed by its multipliers up to the diagonal.
    TriangleRow {
        /// Right shift of the sum.
        shift: SCALING,
    }

    /// A channel's norm inside a residual network: activation = `multiplier h 2^-shift + offset`.
    NormRecord {
        /// Multiplier.
        multiplier: NUMBER,
        /// Right shift of the product.
        shift: SCALING,
        /// Offset in units of the activation.
        offset: NUMBER,
    }
}

impl KeptRecord {
    /// The norm that converts the channel to activations.
    #[cfg(all(feature = "feature-maps", feature = "extra-layers"))]
    #[inline(always)]
    pub(crate) const fn norm(self) -> NormRecord {
        NormRecord {
            multiplier: self.multiplier,
            shift: self.shift,
            offset: self.offset,
        }
    }
}
