//! Numbers as words: fraction bits, multipliers and their shifts.

use anyhow::ensure;
use nvpico::arithmetic::fixed;
use nvpico::image::SCALING_SHIFT;

/// Values may be so many times as large as any that was seen before they are cut. Less would be a finer step, but
/// rows that are anomalous by little would be cut already, and lose their order.
pub(super) const MARGIN: f64 = 8.0;
/// Multipliers have their highest bit here.
const MULTIPLIER_BITS: i32 = 30;

/// Fraction bits of values and shifts.
pub(super) const Q16: i32 = fixed::Q16.cast_signed();
/// Fraction bits of log-scales.
pub(super) const Q24: i32 = fixed::Q24.cast_signed();
/// Fraction bits of what an arc tangent is of.
pub(super) const Q20: i32 = fixed::Q20.cast_signed();

/// `2^exponent`.
pub(super) fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

/// A value as a whole number of `2^-bits`.
pub(super) fn whole(value: f64, bits: i32, what: &str) -> anyhow::Result<i32> {
    let steps = (value * power(bits)).round();
    ensure!(
        steps.abs() <= f64::from(i32::MAX),
        "{what} of {value:.4} leaves the 32 bits of the integer engine"
    );
    Ok(steps as i32)
}

/// The shift under which the largest of some factors fills a multiplier.
pub(super) fn common_shift(factors: impl Iterator<Item = f64>) -> i32 {
    let most = factors.fold(0.0_f64, |most, factor| most.max(factor.abs()));
    if most > 0.0 {
        // The largest becomes 2^29 to 2^30.
        (MULTIPLIER_BITS - 1 - most.log2().floor() as i32).clamp(SCALING_SHIFT.0, SCALING_SHIFT.1)
    } else {
        SCALING_SHIFT.0
    }
}
