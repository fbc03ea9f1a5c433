//! The words of a model in integers, for tools that write them: what `nvpico export --precision i8` makes of structure and
//! parameters, and the engine reads from the first to the last.
//!
//! Each layer is its op, a header, and what the header counts. What the spec states of a layer stands in front of its
//! numbers in a form that costs nothing to read: how many channels, which values, how many panels. So the chip needs
//! neither the spec nor a computation of lengths; the check holds the words to the spec when a model is made.
//!
//! | layer | behind the op |
//! | --- | --- |
//! | standardisation | [`AffineHeader`], a [`StandardizeChannel`] each |
//! | affine | [`AffineHeader`], an [`AffineChannel`] each |
//! | matrix | [`AffineHeader`], for each channel an [`AffineChannel`] and the multipliers of the others |
//! | permutation | [`PermutationHeader`], the channels' indices |
//! | squeeze, and back | [`SqueezeHeader`] |
//! | factor-out | [`FactorOutHeader`] |
//! | logit | [`LogitHeader`] |
//! | coupling, fully connected | [`DenseHeader`], indices of kept values two to a word, [`Record`]s, sections |
//! | coupling, convolutions | [`ConvolutionHeader`], indices of kept channels two to a word, [`Record`]s, sections |
//! | coupling, residual network | [`ResidualHeader`], [`KeptRecord`]s, [`Record`]s, sections |
//!
//! The [`Section`]s are those of the coupling's networks.
//!
//! ```
//! use nvpico::image::{AffineChannel, AffineHeader, op};
//! use nvpico::integer::{I8, IntegerFlow};
//! use nvpico::spec::Shape;
//! use nvpico::{FlowSpec, LayerSpec, Math};
//!
//! let spec = FlowSpec { shape: Shape::vector(2), math: Math::Libm, layers: &[LayerSpec::Affine] };
//! // y = x / 2: the logarithm of a quarter, then half of 2^30 for each channel.
//! let header = AffineHeader { channels: 2, places: 1, log_det: -90_852 };
//! let half = AffineChannel { multiplier: 1 << 29, shift: 30, offset: 0 };
//! let words = [&[op::AFFINE][..], &header.to_words(), &half.to_words(), &half.to_words()].concat();
//! assert!(IntegerFlow::<I8>::new(spec, &words).is_ok());
//! ```

mod check;
#[cfg(test)]
mod check_tests;
mod decode;
#[cfg(feature = "std")]
mod encode;
mod fields;
mod heads;
mod layers;
mod lengths;
mod sections;
mod sizes;
mod stated;
mod width;

pub(crate) use decode::Program;
#[cfg(feature = "std")]
pub use encode::{panel_words, value_words};
pub use fields::{
    AffineChannel, AffineHeader, BlocksHeader, ConvolutionHeader, DenseHeader, FactorOutHeader,
    KeptRecord, KernelHeader, LayerHeader, LogitHeader, Narrowing, NetworkHeader, Norm,
    PermutationHeader, Record, ResidualHeader, Rule, ScalingHeader, SqueezeHeader,
    StandardizeChannel,
};
pub(crate) use layers::Op;
pub use layers::op;
pub use lengths::{ResidualLengths, net_scratch, residual_lengths};
pub use sections::{LayerShape, Section, Sums};
pub use sizes::{activation_words, place_words, window_inputs};
pub use stated::{Bound, INPUT_SHIFT, Range, SCALING_SHIFT, SLOPE_BITS, SUM_SHIFT};
pub use width::{I8, I16, PANEL, QUAD, Width};
pub(crate) use width::{QUAD_WORDS, high, low, pair};

/// A count as a word; what the engine runs has far fewer of anything than a word holds.
#[must_use]
pub const fn word(count: usize) -> i32 {
    if count > i32::MAX as usize {
        i32::MAX
    } else {
        (count as u32).cast_signed()
    }
}
