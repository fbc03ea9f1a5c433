//! Fixed-point arithmetic and elementary functions of the integer engine.
//!
//! A `Qn` number is an integer in units of `2^-n`. Every function is a fixed sequence of integer
//! multiplications, additions and shifts, so results are bit-identical on every machine.
//!
//! ```
//! use nvpico::arithmetic::fixed::{Q24, tanh};
//!
//! let half = 1 << (Q24 - 1);
//! // tanh(0.5) = 0.46211716, in Q30.
//! let error = f64::from(tanh(half)) / f64::from(1 << 30) - 0.462_117_157_3;
//! assert!(error.abs() < 1e-7);
//! ```

/// Fraction bits of values between layers and of log-densities.
pub const Q16: u32 = 16;
/// Fraction bits of log-scales and of their sums.
pub const Q24: u32 = 24;
/// Fraction bits of the argument of [`atan`], which needs a wide range.
#[cfg(feature = "extra-layers")]
pub const Q20: u32 = 20;
/// Fraction bits of a mantissa.
const Q30: u32 = 30;

/// `ln(2 pi) / 2` in Q24.
pub(crate) const HALF_LN_2PI: i64 = 15_417_230;

/// `log2(e)` in Q30.
const LOG2_E: i64 = 1_549_082_005;

/// State accumulated while a sample passes through the layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The log-determinant in Q24.
    pub log_det: i64,
    /// Whether a value overflowed 32 bits; the sample then scores as impossible.
    pub beyond: bool,
    /// `ln p(z)` in Q24 where the base is a mixture.
    #[cfg(feature = "extra-layers")]
    pub base: Option<i64>,
    /// The component of it with the largest share.
    #[cfg(feature = "extra-layers")]
    pub component: Option<u8>,
    /// The log-density by the kernels in Q16 where the model has some.
    #[cfg(feature = "extra-layers")]
    pub second: Option<i32>,
    /// Number of values that are not factored out yet.
    #[cfg(feature = "feature-maps")]
    pub left: usize,
}

impl Progress {
    /// Initial state of a score.
    pub(crate) const fn new() -> Self {
        Self {
            log_det: 0,
            beyond: false,
            #[cfg(feature = "extra-layers")]
            base: None,
            #[cfg(feature = "extra-layers")]
            component: None,
            #[cfg(feature = "extra-layers")]
            second: None,
            #[cfg(feature = "feature-maps")]
            left: usize::MAX,
        }
    }
}

/// `value * 2^-shift`, rounded to nearest, ties up; `shift` within `1 ..= 63`.
#[inline(always)]
#[must_use]
pub fn rounded(value: i64, shift: u32) -> i64 {
    value.wrapping_shr(shift.wrapping_sub(1)).wrapping_add(1) >> 1
}

/// `value * multiplier * 2^-shift + offset`, the product rounded to nearest; `shift` within `1 ..= 63`.
/// Saturates at 32 bits, and then sets `beyond`.
#[inline(never)]
#[must_use]
pub fn linear(value: i32, multiplier: i32, shift: i32, offset: i32, beyond: &mut bool) -> i32 {
    let scaled = rounded(product(value, multiplier), shift.cast_unsigned());
    saturated(scaled.wrapping_add(i64::from(offset)), beyond)
}

/// Saturates to 32 bits; sets `beyond` if that changes the value.
#[inline(always)]
#[must_use]
pub fn saturated(value: i64, beyond: &mut bool) -> i32 {
    let low = value as i32;
    if value == i64::from(low) {
        return low;
    }
    *beyond = true;
    if value < 0 { i32::MIN } else { i32::MAX }
}

/// `a * b` without truncation.
#[inline(always)]
fn product(a: i32, b: i32) -> i64 {
    i64::from(a).wrapping_mul(i64::from(b))
}

/// `(a * b) >> 31`: the product of a Q31 and a Qn number, in Qn.
#[inline(always)]
fn fraction_of(a: i32, b: i32) -> i32 {
    (product(a, b) >> 31) as i32
}

/// `2^f` for `f` within `-0.5 ..= 0.5`, by a minimax polynomial; Q31 to Q30. Relative error at most 8e-8.
#[inline(always)]
fn exp2_fraction(f: i32) -> i32 {
    // Unrolled by hand, like the polynomials and iterations below: firmware is built for size, which keeps
    // loops as loops.
    let sum = fraction_of(f, 1_425_550).wrapping_add(10_389_033);
    let sum = fraction_of(f, sum).wrapping_add(59_600_330);
    let sum = fraction_of(f, sum).wrapping_add(257_935_546);
    let sum = fraction_of(f, sum).wrapping_add(744_260_889);
    fraction_of(f, sum).wrapping_add(1_073_741_901)
}

/// `e^s` for `s` in Q24, as `(mantissa, exponent)` of `mantissa * 2^exponent`; the mantissa is in Q30, within
/// 0.7 to 1.42.
#[inline(never)]
#[must_use]
pub fn exp(s: i32) -> (i32, i32) {
    // In Q24; reaches 185, which exceeds 32 bits.
    let t = product(s, LOG2_E as i32) >> Q30;
    let exponent = rounded(t, Q24);
    let fraction = t.wrapping_sub(exponent << Q24) as i32;
    (exp2_fraction(fraction << 7), exponent as i32)
}

/// `e^s` for `s` within -25 to 0, Q24 to Q30.
#[inline(always)]
#[must_use]
pub(crate) fn exp_of_negative(s: i32) -> i32 {
    let (mantissa, exponent) = exp(s);
    let shift = exponent.unsigned_abs().wrapping_add(1);
    rounded(i64::from(mantissa) << 1, shift) as i32
}

/// `tanh(u)`, Q24 to Q30. Absolute error at most 1e-7.
#[inline(never)]
#[must_use]
pub fn tanh(u: i32) -> i32 {
    const ONE: i32 = 1 << Q30;
    // Beyond this, the result is 1 to the last bit and 2u would overflow.
    const FLAT: i32 = 12 << Q24;
    let magnitude = if u < 0 { u.saturating_neg() } else { u };
    let magnitude = if magnitude > FLAT { FLAT } else { magnitude };
    // (1 - e) / (1 + e) with e = exp(-2 |u|).
    let e = exp_of_negative(magnitude.wrapping_mul(-2));
    let tanh = (product(ONE.wrapping_sub(e), reciprocal(e)) >> Q30) as i32;
    if u < 0 { tanh.wrapping_neg() } else { tanh }
}

/// `1 / (1 + e)` for `e` within `0 ..= 1`, both in Q30, by Newton's iteration. Absolute error at most 1e-8.
#[inline(always)]
fn reciprocal(e: i32) -> i32 {
    const TWO: i32 = 1 << Q30;
    // d = (1 + e) / 2 in Q30, r approximates 1 / d in Q29. The initial estimate 48/17 - 32/17 d has an error of
    // at most 1/17, and each iteration squares it.
    let d = (1_i32 << (Q30 - 1)).wrapping_add(e >> 1);
    let line = 1_515_870_810_i32.wrapping_sub((product(d, 1_010_580_540) >> Q30) as i32);
    let better = |r: i32| {
        let dr = (product(d, r) >> Q30) as i32;
        (product(r, TWO.wrapping_sub(dr)) >> (Q30 - 1)) as i32
    };
    better(better(better(line)))
}

/// `atan(u)`, Q20 to Q30. Absolute error at most 1e-7.
#[cfg(feature = "extra-layers")]
#[inline(never)]
#[must_use]
pub fn atan(u: i32) -> i32 {
    // atan(t) / t for t within 0 to 1, a minimax polynomial in t^2, in Q30.
    const FIRST: i32 = 3_117_507;
    const TERMS: [i32; 8] = [
        -17_483_116,
        46_212_156,
        -80_891_384,
        114_403_337,
        -152_547_838,
        214_673_772,
        -357_911_371,
        1_073_741_809,
    ];
    const HALF_PI: i32 = 1_686_629_713;
    let magnitude = u.saturating_abs();
    let is_steep = magnitude > 1 << Q20;
    // The argument or its reciprocal, in Q30.
    let t = if is_steep {
        let zeros = magnitude.leading_zeros();
        // Normalised to within 1 to 2 in Q30; `reciprocal` takes it less 1.
        let normal = magnitude.wrapping_shl(zeros.wrapping_sub(1));
        reciprocal(normal.wrapping_sub(1 << Q30)).wrapping_shr(11_u32.wrapping_sub(zeros))
    } else {
        magnitude << (Q30 - Q20)
    };
    // In Q31, where 1 would overflow by one unit.
    let square = product(t, t) >> (2 * Q30 - 31);
    let square = saturated(square, &mut false);
    let mut sum = FIRST;
    for term in TERMS {
        sum = fraction_of(square, sum).wrapping_add(term);
    }
    let angle = (product(t, sum) >> Q30) as i32;
    let angle = if is_steep {
        HALF_PI.wrapping_sub(angle)
    } else {
        angle
    };
    if u < 0 { angle.wrapping_neg() } else { angle }
}

/// `ln(sigmoid(u) + floor)` in Q24; `u` in Q24, `floor` below 0.9 in Q30. Error at most 3e-7, plus 5e-10
/// divided by the logarithm's argument.
#[cfg(feature = "extra-layers")]
#[inline(never)]
#[must_use]
pub fn log_sigmoid(u: i32, floor: i32) -> i32 {
    // Beyond this, the sigmoid rounds to 0.
    const FLAT: i32 = 24 << Q24;
    let magnitude = u.saturating_abs().min(FLAT);
    let e = exp_of_negative(magnitude.wrapping_neg());
    let of_positive = reciprocal(e);
    let sigmoid = if u < 0 {
        (product(e, of_positive) >> Q30) as i32
    } else {
        of_positive
    };
    ln(sigmoid.wrapping_add(floor).max(1))
}

/// `ln(2)` in Q24.
pub(crate) const LN_2: i32 = 11_629_080;

/// `ln(v)` of a positive `v`, Q30 to Q24. Absolute error at most 2e-7.
#[inline(never)]
#[must_use]
pub fn ln(v: i32) -> i32 {
    // ln(1 + t) / t for t within sqrt(1/2) - 1 to sqrt(2) - 1, a minimax polynomial in Q30.
    const FIRST: i32 = 96_206_440;
    const TERMS: [i32; 8] = [
        -155_501_341,
        160_174_104,
        -177_637_025,
        214_301_873,
        -268_467_090,
        357_922_822,
        -536_870_673,
        1_073_741_797,
    ];
    // sqrt(2) in Q30.
    const ROOT: u32 = 1_518_500_250;
    let zeros = v.leading_zeros();
    // First within 1 to 2 in Q30, then within sqrt(1/2) to sqrt(2).
    let normal = v.cast_unsigned().wrapping_shl(zeros.wrapping_sub(1));
    let mut exponent = 1_i32.wrapping_sub(zeros.cast_signed());
    let mut t = normal.cast_signed().wrapping_sub(1 << Q30).wrapping_mul(2);
    if normal > ROOT {
        exponent = exponent.wrapping_add(1);
        t = normal.cast_signed().wrapping_sub(i32::MAX).wrapping_sub(1);
    }
    let mut sum = FIRST;
    for term in TERMS {
        sum = fraction_of(t, sum).wrapping_add(term);
    }
    let fraction = rounded(i64::from(fraction_of(t, sum)), Q30 - Q24) as i32;
    exponent.wrapping_mul(LN_2).wrapping_add(fraction)
}

/// `ln(sum)` of a sum of at least 1, Q30 to Q24. Absolute error at most 2e-7.
#[cfg(feature = "extra-layers")]
#[inline(never)]
#[must_use]
pub fn log_sum(sum: u64) -> i32 {
    let sum = sum.max(1 << Q30);
    // Within 1 to 2 after the shift.
    let exponent = 33_u32.wrapping_sub(sum.leading_zeros());
    let normal = sum.wrapping_shr(exponent) as i32;
    exponent
        .cast_signed()
        .wrapping_mul(LN_2)
        .wrapping_add(ln(normal))
}

/// `value * multiplier * 2^-shift` for a positive multiplier, with the first 32 bits of `value`; saturates. `shift`
/// within `1 ..= 63`.
#[cfg(feature = "extra-layers")]
#[inline(never)]
#[must_use]
pub fn scaled(value: u64, multiplier: i32, shift: u32) -> i64 {
    let dropped = 32_u32.saturating_sub(value.leading_zeros());
    // Below 2^63.
    let product = value
        .wrapping_shr(dropped)
        .wrapping_mul(u64::from(multiplier.unsigned_abs()))
        .cast_signed();
    if dropped < shift {
        return rounded(product, shift.wrapping_sub(dropped));
    }
    let up = dropped.wrapping_sub(shift);
    if product > i64::MAX.wrapping_shr(up) {
        return i64::MAX;
    }
    product.wrapping_shl(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: f64 = 1.0 / (1 << 24) as f64;

    #[test]
    fn the_exponential_is_right_to_seven_digits() {
        for s in (-2_000_000_000..2_000_000_000).step_by(999_983) {
            let (mantissa, exponent) = exp(s);
            let found = f64::from(mantissa) * 2_f64.powi(exponent - 30);
            let expected = (f64::from(s) * STEP).exp();
            // The relative error of the argument's last bit comes on top.
            assert!((found / expected - 1.0).abs() < 2.5e-7, "{s}");
        }
        assert_eq!(exp(0).1, 0);
    }

    #[test]
    fn the_hyperbolic_tangent_is_right_to_seven_digits() {
        for u in (i32::MIN..i32::MAX).step_by(299_993).chain(-4000..4000) {
            let found = f64::from(tanh(u)) / f64::from(1 << 30);
            let expected = (f64::from(u) * STEP).tanh();
            assert!((found - expected).abs() < 2e-7, "{u}: {found} {expected}");
        }
        assert_eq!(tanh(0).abs() >> 8, 0);
    }

    #[test]
    fn the_logarithm_is_right_to_seven_digits() {
        let values = (1..1 << 30).step_by(99_991).chain(1..2000);
        for v in values.chain([1 << 30, 1_518_500_250, 1_518_500_251, i32::MAX]) {
            let found = f64::from(ln(v)) * STEP;
            let expected = (f64::from(v) / f64::from(1 << 30)).ln();
            assert!((found - expected).abs() < 3e-7, "{v}: {found} {expected}");
        }
    }

    #[cfg(feature = "extra-layers")]
    #[test]
    fn the_logarithm_of_a_sum_is_right_to_seven_digits() {
        let one = 1_u64 << 30;
        let near = (0..4_000).map(|by| one + by);
        let powers = (30..63).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]);
        // Sums of 1 to 70,000 terms.
        let dense = (one..70_000 * one).step_by(299_999_977);
        let few = (one..8 * one).step_by(99_991);
        for sum in near.chain(powers.skip(1)).chain(dense).chain(few) {
            let found = f64::from(log_sum(sum)) * STEP;
            let expected = (sum as f64 / one as f64).ln();
            assert!(
                (found - expected).abs() < 2.5e-7,
                "{sum}: {found} {expected}"
            );
        }
        assert_eq!(log_sum(0), log_sum(one));
    }

    #[cfg(feature = "extra-layers")]
    #[test]
    fn products_of_any_size_are_right_or_saturated() {
        let values = (0..64).flat_map(|power| [(1_u64 << power) - 1, 1 << power, 3 << power]);
        for value in values.chain([u64::MAX]) {
            for multiplier in [1, 3, 1 << 29, (1 << 30) - 1, i32::MAX] {
                for shift in 1..64 {
                    let exact = value as f64 * f64::from(multiplier) / 2_f64.powi(shift);
                    let found = scaled(value, multiplier, shift.cast_unsigned());
                    if exact > 9.3e18 {
                        assert_eq!(found, i64::MAX, "{value} {multiplier} {shift}");
                    } else if exact < 9.2e18 {
                        let error = (found as f64 - exact).abs();
                        let allowed = 0.5 + exact * 2.5e-10;
                        assert!(error <= allowed, "{value} {multiplier} {shift}: {found}");
                    }
                }
            }
        }
    }

    #[cfg(feature = "extra-layers")]
    #[test]
    fn the_arc_tangent_is_right_to_six_digits() {
        let near = (-1 << 21..1 << 21).step_by(97);
        for u in (i32::MIN..=i32::MAX).step_by(299_993).chain(near) {
            let found = f64::from(atan(u)) / f64::from(1 << 30);
            let expected = (f64::from(u) / f64::from(1 << 20)).atan();
            assert!((found - expected).abs() < 1e-7, "{u}: {found} {expected}");
        }
        assert_eq!(atan(0), 0);
    }

    #[cfg(feature = "extra-layers")]
    #[test]
    fn the_logarithm_of_a_sigmoid_is_right() {
        for floor in [0.0, 1e-3, 0.5] {
            let floor_in_steps = (floor * f64::from(1 << 30)) as i32;
            let far = (i32::MIN..=i32::MAX).step_by(299_993);
            for u in far.chain((-1 << 26..1 << 26).step_by(10_007)) {
                let found = f64::from(log_sigmoid(u, floor_in_steps)) * STEP;
                let v = 1.0 / (1.0 + (-f64::from(u) * STEP).exp()) + floor;
                // Below a step there is nothing.
                let expected = v.max(2_f64.powi(-30)).ln();
                let error = (found - expected).abs();
                assert!(error < 4e-7 + 3e-9 / v, "{u} {floor}: {found} {expected}");
            }
        }
    }

    #[test]
    fn saturation_is_told() {
        let mut beyond = false;
        assert_eq!(saturated(-5, &mut beyond), -5);
        assert!(!beyond);
        assert_eq!(saturated(1 << 40, &mut beyond), i32::MAX);
        assert!(beyond);
    }

    #[test]
    fn halves_round_upwards() {
        assert_eq!([rounded(3, 1), rounded(-3, 1), rounded(13, 2)], [2, -1, 3]);
    }
}
