//! The word format of integer models, for tools that write it: `nvpico export --precision i8` encodes structure
//! and parameters as words, which the engine reads sequentially.
//!
//! Each layer consists of its op, a header, and the items that the header counts. Everything that the spec
//! determines about a layer (channels, indices, panels) is encoded in a form that is free to decode. So the
//! chip needs neither the spec nor any length computation; the words are checked against the spec when a model
//! is created.
//!
//! | layer | after the op |
//! | --- | --- |
//! | standardisation | [`AffineHeader`], one [`StandardizeChannel`] per channel |
//! | affine | [`AffineHeader`], one [`AffineChannel`] per channel |
//! | matrix | [`AffineHeader`], per channel one [`AffineChannel`] and the multipliers of the others |
//! | permutation | [`PermutationHeader`], the channels' indices |
//! | squeeze and its inverse | [`SqueezeHeader`] |
//! | factor-out | [`FactorOutHeader`] |
//! | logit | [`LogitHeader`] |
//! | coupling, fully connected | [`DenseHeader`], indices of kept values (two per word), [`Record`]s, sections |
//! | coupling, convolutions | [`ConvolutionHeader`], indices of kept channels (two per word), [`Record`]s, sections |
//! | coupling, residual network | [`ResidualHeader`], [`KeptRecord`]s, [`Record`]s, sections |
//! | mixture, one bandwidth | [`MixtureHeader`], [`SharedHeader`], [`LayerHeader`] and panels, a multiplier per component |
//! | mixture, triangles | [`MixtureHeader`], per component [`ComponentHeader`], centre, per row [`TriangleRow`] and multipliers |
//! | kernels, behind the first layer | [`KernelsHeader`], then a mixture with one bandwidth |
//!
//! The [`Section`]s encode the coupling's networks.
//!
//! ```
//! use nvpico::image::{AffineChannel, AffineHeader, op};
//! use nvpico::integer::{I8, IntegerFlow};
//! use nvpico::spec::Shape;
//! use nvpico::{FlowSpec, LayerSpec};
//!
//! let spec = FlowSpec::new(Shape::vector(2), &[LayerSpec::Affine]);
//! // y = x / 2: log-determinant ln(1/4) in Q16, then a multiplier of 2^30 / 2 per channel.
//! let header = AffineHeader { channels: 2, places: 1, log_det: -90_852 };
//! let half = AffineChannel { multiplier: 1 << 29, shift: 30, offset: 0 };
//! let words = [&[op::AFFINE][..], &header.to_words(), &half.to_words(), &half.to_words()].concat();
//! assert!(IntegerFlow::<I8>::new(spec, &words).is_ok());
//! ```

mod base;
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
pub mod op;
mod sections;
mod sizes;
mod stated;
mod width;

pub(crate) use decode::Program;
#[cfg(feature = "std")]
pub use encode::{panel_words, value_words};
pub use fields::{
    AffineChannel, AffineHeader, BlocksHeader, ComponentHeader, ConvolutionHeader, DenseHeader,
    FactorOutHeader, KeptRecord, KernelHeader, KernelsHeader, LayerHeader, LogitHeader,
    MixtureHeader, Narrowing, NetworkHeader, NormRecord, PermutationHeader, Record, ResidualHeader,
    Rule, ScalingHeader, SharedHeader, SqueezeHeader, StandardizeChannel, TriangleRow,
};
pub(crate) use layers::Op;
pub use lengths::{ResidualLengths, net_scratch, residual_lengths};
pub use sections::{LayerShape, Section, Sums};
pub use sizes::{activation_words, place_words, window_inputs};
pub use stated::{Bound, INPUT_SHIFT, Range, SCALING_SHIFT, SLOPE_BITS, SUM_SHIFT};
pub use width::{I8, I16, PANEL, QUAD, Width};
pub(crate) use width::{QUAD_WORDS, high, low, pair};

/// A count as a word. Saturates; no count in a supported model comes close to the limit.
#[must_use]
pub const fn word(count: usize) -> i32 {
    if count > i32::MAX as usize {
        i32::MAX
    } else {
        (count as u32).cast_signed()
    }
}
