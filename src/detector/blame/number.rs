//! The little arithmetic that blame needs, in floats and in integers.

use crate::flow::Value;

/// A distance counts no more than this, in parts of 2^-8 of a standard deviation: two of these.
const MOST_APART: u32 = 512;

/// Values and log-densities to blame by. Nothing overflows, whatever the values.
pub trait Number: Value {
    /// `low` and `high` in the proportion of `share / 2^bits` from the low one; `bits` is at most 7.
    fn between(low: Self, high: Self, share: u8, bits: u8) -> Self;

    /// By how much a log-density is above another one.
    #[must_use]
    fn above(self, other: Self) -> Self;

    /// A part of it.
    #[must_use]
    fn part(self, of: u8) -> Self;

    /// How far apart two values are, in parts of 2^-8 of `scale`, at most two of them.
    fn apart(self, other: Self, scale: Self) -> u32;
}

impl Number for f32 {
    fn between(low: f32, high: f32, share: u8, bits: u8) -> f32 {
        // Exact: both shares are whole numbers of a power of two. Not `low + share (high - low)`, which may overflow.
        let share = f32::from(share) / f32::from(1_u8.wrapping_shl(u32::from(bits)));
        let between = low * (1.0 - share) + high * share;
        // Rounding may lead outside.
        between.max(low.min(high)).min(low.max(high))
    }

    fn above(self, other: f32) -> f32 {
        // Differences and sums of these are numbers.
        const LEAST: f32 = -1e30;
        self.max(LEAST) - other.max(LEAST)
    }

    fn part(self, of: u8) -> f32 {
        self / f32::from(of)
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a few hundred"
    )]
    fn apart(self, other: f32, scale: f32) -> u32 {
        let distance = self.distance(other);
        if distance <= 0.0 {
            return 0;
        }
        let parts = distance / scale * 256.0;
        // What is no number is far.
        if parts < 512.0 {
            parts as u32
        } else {
            MOST_APART
        }
    }
}

impl Number for i32 {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "it lies between two values that fit"
    )]
    fn between(low: i32, high: i32, share: u8, bits: u8) -> i32 {
        // 33 bits times 7.
        let width = i64::from(high).wrapping_sub(i64::from(low));
        let part = width.wrapping_mul(i64::from(share)) >> bits.min(7);
        i64::from(low).wrapping_add(part) as i32
    }

    fn above(self, other: i32) -> i32 {
        self.saturating_sub(other)
    }

    fn part(self, of: u8) -> i32 {
        self.checked_div(i32::from(of)).unwrap_or(self)
    }

    fn apart(self, other: i32, scale: i32) -> u32 {
        let distance = u64::from(self.abs_diff(other)).wrapping_mul(256);
        let parts = distance.checked_div(u64::from(scale.unsigned_abs()).max(1));
        let parts = parts.and_then(|parts| u32::try_from(parts).ok());
        parts.unwrap_or(MOST_APART).min(MOST_APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_and_nothing_overflows() {
        assert_eq!(f32::between(-1.0, 3.0, 1, 2), 0.0);
        assert_eq!(f32::between(f32::MIN, f32::MAX, 1, 1), 0.0);
        assert_eq!(f32::between(5.0, 5.0, 3, 4), 5.0);
        assert_eq!(i32::between(-1, 3, 1, 2), 0);
        assert_eq!(i32::between(i32::MIN, i32::MAX, 127, 7), 2_113_929_215);
        assert_eq!(i32::between(7, 8, 1, 1), 7);
        assert_eq!(i32::between(8, 7, 1, 1), 7);
    }

    #[test]
    fn differences_are_numbers() {
        let none = f32::NEG_INFINITY;
        assert_eq!(none.above(none), 0.0);
        assert!((-3.0_f32).above(none) > 1e29 && none.above(-3.0) < -1e29);
        assert_eq!((-3.0_f32).above(-4.0), 1.0);
        assert_eq!(i32::MIN.above(i32::MIN), 0);
        assert_eq!(5_i32.above(i32::MIN), i32::MAX);
        assert_eq!((-4_i32).above(-3), -1);
        assert_eq!((9_i32.part(3), 7.5_f32.part(3)), (3, 2.5));
    }

    #[test]
    fn distances_end_at_two_standard_deviations() {
        assert_eq!(1.0_f32.apart(2.0, 2.0), 128);
        assert_eq!(1.0_f32.apart(9.0, 2.0), 512);
        assert_eq!(1.0_f32.apart(1.0, 0.0), 0);
        assert_eq!(1.0_f32.apart(2.0, 0.0), 512);
        assert_eq!(f32::MIN.apart(f32::MAX, 1.0), 512);
        assert_eq!(1_i32.apart(2, 2), 128);
        assert_eq!(i32::MIN.apart(i32::MAX, 1), 512);
        assert_eq!(1_i32.apart(1, 0), 0);
        assert_eq!(1_i32.apart(2, 0), 256);
    }
}
