//! The engine in integers: weights of 8 or 16 bits, activations of 16, sums of 32, fixed point for all else.
//!
//! For cores without an FPU, and for less flash on those with one. The structure is the same
//! [`FlowSpec`](crate::FlowSpec); what `nvpico export --precision i8` makes of structure and parameters is a slice of words
//! that is read from the first to the last, see [`image`](crate::image). Between the sample, in whole counts, and the
//! score no float is computed. Bits are the same on every machine by construction.
//!
//! The arithmetic stands beside that of floats: `arithmetic/fixed.rs`, `kernel/dense/fixed`, `layer/affine/fixed.rs` and so
//! on; `layer/fixed.rs` tells the layers apart, `flow/fixed.rs` runs them. Here are the types that a user meets.
//!
//! ```
//! use nvpico::integer::{I8, IntegerFlow, op};
//! use nvpico::spec::Shape;
//! use nvpico::{FlowSpec, LayerSpec};
//!
//! const SPEC: FlowSpec<'static> =
//!     FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
//! // Two channels of one place, the log-determinant; for each channel mean, multiplier, its shift, shift:
//! // y = (x - 1000) / 16 and y = (x + 20) / 4.
//! static WORDS: [i32; SPEC.word_len::<I8>()] = [
//!     op::STANDARDIZE, 2, 1, -272_557, 1000, 1 << 28, 16, 0, -20, 1 << 30, 16, 0,
//! ];
//! static FLOW: IntegerFlow<'static, I8> = match IntegerFlow::new(SPEC, &WORDS) {
//!     Ok(flow) => flow,
//!     Err(error) => panic!("{}", error.message()),
//! };
//!
//! let mut workspace = [0; SPEC.integer_workspace_len()];
//! let score = FLOW.score(&[1016, -20], &mut workspace)?;
//! // z is (1, 0): log-density -ln(2 pi) - 1/2 - ln(16 * 4), in steps of 1/65536 nat.
//! assert!((f64::from(score.log_prob) / 65536.0 + 6.4968).abs() < 1e-4);
//! # Ok::<(), nvpico::ScoreError>(())
//! ```

pub use crate::flow::fixed::{IntegerCursor, IntegerFlow, IntegerScore, IntegerStepper};
pub use crate::image::{I8, I16, op};
pub use crate::kernel::dense::fixed::Weights;

/// Units that [`count`] can count in: `2^-127` to `2^126`.
pub const UNITS: core::ops::RangeInclusive<i32> = -127..=126;

/// A reading as a count of `2^unit`, towards zero; `None` for one that is not finite. `unit` lies within [`UNITS`].
/// The chip needs it only where a sensor's driver gives floats; its own raw counts are a sample as they are.
///
/// A reading beyond 32 bits becomes `i32::MIN` or `i32::MAX`. A sample with such a count scores
/// [`IMPOSSIBLE`](IntegerScore::IMPOSSIBLE): it is anomalous, however normal the limit itself may be. Units of an exported
/// model leave room for readings 128 times as far from the mean as any that the model was trained on.
#[must_use]
pub fn count(reading: f32, unit: i32) -> Option<i32> {
    if !reading.is_finite() {
        return None;
    }
    // Scaling by a power of two is exact; `as` holds the result within 32 bits.
    let exponent = 127_i32.saturating_sub(unit).clamp(1, 254);
    let scale = f32::from_bits(exponent.cast_unsigned() << 23);
    Some((reading * scale) as i32)
}
