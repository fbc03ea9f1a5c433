//! The integer engine: weights of 8 or 16 bits, activations of 16 bits, sums of 32 bits, fixed point for
//! everything else.
//!
//! For cores without an FPU, and to save flash on those with one. The structure is the same
//! [`FlowSpec`](crate::FlowSpec). `nvpico export --precision i8` turns structure and parameters into a slice of
//! words, which the engine reads sequentially. Samples are integer counts, and no floating-point operation
//! takes place between sample and score, so results are bit-identical on every machine.
//!
//! The arithmetic is next to its floating-point counterpart: `arithmetic/fixed.rs`, `kernel/dense/fixed`,
//! `layer/affine/fixed.rs` and so on; `layer/mod.rs` dispatches to the layers, `flow/fixed.rs` runs them.
//! This module exports the public types.
//!
//! ```
//! use nvpico::integer::{I8, IntegerFlow};
//! use nvpico::spec::Shape;
//! use nvpico::{FlowSpec, LayerSpec};
//!
//! const SPEC: FlowSpec<'static> =
//!     FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
//! // As `nvpico export --precision i8` writes them: y = (x - 1000) / 16 and y = (x + 20) / 4.
//! static WORDS: [i32; SPEC.word_len::<I8>()] = [
//!     0, 2, 1, -272_557, 1000, 1 << 28, 16, 0, -20, 1 << 30, 16, 0,
//! ];
//! static FLOW: IntegerFlow<'static, I8> = match IntegerFlow::new(SPEC, &WORDS) {
//!     Ok(flow) => flow,
//!     Err(error) => panic!("{}", error.message()),
//! };
//!
//! let mut workspace = [0; SPEC.integer_workspace_len()];
//! let score = FLOW.score(&[1016, -20], &mut workspace)?;
//! // z is (1, 0): log-density -ln(2 pi) - 1/2 - ln(16 * 4), in units of 2^-16 nat.
//! assert!((f64::from(score.log_prob) / 65536.0 + 6.4968).abs() < 1e-4);
//! # Ok::<(), nvpico::ScoreError>(())
//! ```

#[doc(hidden)]
pub use crate::flow::fixed::IntegerCursor;
pub use crate::flow::fixed::{IntegerFlow, IntegerScore, IntegerStepper};
#[doc(hidden)]
pub use crate::image::op;
#[doc(inline)]
pub use crate::image::{I8, I16};
#[doc(inline)]
pub use crate::kernel::dense::fixed::Weights;

/// Valid units for [`count`]: `2^-127` to `2^126`.
pub const UNITS: core::ops::RangeInclusive<i32> = -127..=126;

/// Converts a reading to a count of `2^unit`, rounded towards zero; `None` for a non-finite reading. `unit` is
/// within [`UNITS`]. Needed only where a sensor driver returns floats; raw ADC counts are used as they are.
///
/// A reading beyond 32 bits becomes `i32::MIN` or `i32::MAX`, and a sample with such a count scores
/// [`IMPOSSIBLE`](IntegerScore::IMPOSSIBLE): it is always anomalous. The units of an exported model leave room
/// for readings 128 times farther from the mean than any in the training data.
#[must_use]
pub fn count(reading: f32, unit: i32) -> Option<i32> {
    if !reading.is_finite() {
        return None;
    }
    // Scaling by a power of two is exact; `as` saturates at 32 bits.
    let exponent = 127_i32.saturating_sub(unit).clamp(1, 254);
    let scale = f32::from_bits(exponent.cast_unsigned() << 23);
    Some((reading * scale) as i32)
}
