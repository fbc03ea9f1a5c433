//! Words whose value or range the spec determines: shifts, slopes, bounds and the constants of a logit.
//!
//! Shared by encoder and check. All other words of a layer are parameters: means, scales, log-determinants,
//! multipliers, offsets, biases and weights.

use crate::arithmetic::fixed::Q24;
use crate::spec::{Activation, Conditioner, CouplingSpec, ScaleMap};

/// Smallest and largest value of a word.
pub type Range = (i32, i32);

/// Shift after a multiplication: `product * 2^-shift`, rounded.
pub const SCALING_SHIFT: Range = (1, 62);
/// Shift from Q16 to an activation: at least 2 for rounding; 17 reduces any 32-bit value to 16 bits.
pub const INPUT_SHIFT: Range = (2, 17);
/// Shift from a hidden layer's sums to its activations.
pub const SUM_SHIFT: Range = (0, 24);

/// Fraction bits of the slope of a leaky ReLU.
pub const SLOPE_BITS: u32 = 15;
/// Fraction bits of probabilities: a logit's `p`, a sigmoid's floor.
pub(super) const SHARE_BITS: u32 = 30;

/// Whether a word is within a range.
pub(super) const fn within(word: i32, (least, most): Range) -> bool {
    least <= word && word <= most
}

/// `value * 2^bits` rounded to nearest, ties away from zero; `None` if it overflows 32 bits.
pub(super) const fn whole(value: f64, bits: u32) -> Option<i32> {
    let steps = value * (1_u64 << bits) as f64;
    let half = if steps < 0.0 { -0.5 } else { 0.5 };
    let nearest = (steps + half) as i64;
    if nearest.unsigned_abs() <= i32::MAX as u64 {
        Some(nearest as i32)
    } else {
        None
    }
}

/// The shift for which a positive factor uses the full width of a multiplier: 2^29 to 2^30.
pub(super) const fn filling_shift(factor: f64) -> i32 {
    let exponent = (factor.to_bits() >> 52) as i32 - 1023;
    let shift = 29_i32.saturating_sub(exponent);
    let (least, most) = SCALING_SHIFT;
    if shift < least {
        least
    } else if shift > most {
        most
    } else {
        shift
    }
}

/// `ln(value)` of a positive normal number.
pub(super) const fn ln(value: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = value.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits((bits & FRACTION) | (1023 << 52));
    if mantissa > core::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 atanh(t); the last term of the series is below 1e-17.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let mut sum = 0.0;
    let mut odd = 21;
    while odd > 0 {
        sum = sum * t * t + 1.0 / odd as f64;
        odd -= 2;
    }
    2.0 * t * sum + exponent as f64 * core::f64::consts::LN_2
}

impl CouplingSpec<'_> {
    /// Slope of the hidden layers' activation for negative values, in Q15.
    #[must_use]
    #[doc(hidden)]
    pub const fn slope_word(&self) -> Option<i32> {
        let activation = match &self.conditioner {
            Conditioner::Dense(net) => net.activation,
            Conditioner::ResidualDense(net) => net.activation,
            Conditioner::Convolution(net) => net.activation,
            Conditioner::ResidualConvolution(_) => Activation::Relu,
        };
        match activation {
            Activation::Relu => Some(0),
            Activation::LeakyRelu { slope } => whole(slope as f64, SLOPE_BITS),
        }
    }

    /// The bound of every log-scale in Q24, or a sigmoid's floor in Q30, as far as the spec determines it.
    #[must_use]
    #[doc(hidden)]
    pub const fn stated_bound(&self) -> Bound {
        let word = match self.transform.scale_map() {
            Some(ScaleMap::RescaledTanh) => return Bound::Number,
            Some(ScaleMap::ClampedTanh { clamp: bound } | ScaleMap::Atan { scale: bound }) => {
                whole(bound as f64, Q24)
            }
            Some(ScaleMap::Sigmoid { floor, .. }) => whole(floor as f64, SHARE_BITS),
            Some(ScaleMap::Unbounded) | None => Some(0),
        };
        match word {
            Some(word) => Bound::Stated(word),
            None => Bound::Beyond,
        }
    }
}

/// How a log-scale's bound is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// By the spec: this word.
    Stated(i32),
    /// By a parameter per channel.
    Number,
    /// By the spec, but the value overflows 32 bits.
    Beyond,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_f64_rounds_them() {
        for value in [0.0, 0.5, -0.5, 1.499, -1.5, 2.5, 1e-9, -127.25] {
            assert_eq!(whole(value, 0), Some(value.round() as i32), "{value}");
            let scaled = (value * 1024.0).round() as i32;
            assert_eq!(whole(value, 10), Some(scaled), "{value}");
        }
        assert_eq!(whole(2_147_483_647.4, 0), Some(i32::MAX));
        assert_eq!(whole(128.0, 24), None);
        assert_eq!(whole(-3e30, 24), None);
        assert_eq!(whole(f64::NAN, 0), Some(0));
    }

    #[test]
    fn the_logarithm_is_that_of_f64() {
        for exponent in -40..40 {
            for step in 0..50 {
                let value = (1.0 + f64::from(step) / 50.0) * 2_f64.powi(exponent);
                let error = (ln(value) - value.ln()).abs();
                assert!(error < 4e-15 * (1.0 + value.ln().abs()), "{value}: {error}");
            }
        }
    }

    #[test]
    fn multipliers_are_filled() {
        for (factor, shift) in [(1.0, 29), (1.999, 29), (0.5, 30), (1e-30, 62), (1e30, 1)] {
            assert_eq!(filling_shift(factor), shift, "{factor}");
        }
    }
}
