//! The few operations that recalibration needs, on floats and on counts. None panics, none gives a NaN.

/// A value of a reading: `f32`, or `i32` for a model in integers. Sealed.
pub trait Number: Copy + PartialOrd + core::fmt::Debug + sealed::Sealed {
    /// Nothing.
    #[doc(hidden)]
    const ZERO: Self;

    /// Whether it is a reading at all.
    #[doc(hidden)]
    #[must_use]
    fn is_reading(self) -> bool;
    /// The sum, within the type's range.
    #[doc(hidden)]
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// The difference, within the type's range.
    #[doc(hidden)]
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// In units finer by `2^bits`; floats have no units.
    #[doc(hidden)]
    #[must_use]
    fn finer(self, bits: u8) -> Self;
    /// In units coarser by `2^bits`, rounded; floats have no units.
    #[doc(hidden)]
    #[must_use]
    fn coarser(self, bits: u8) -> Self;
    /// Times `2^-bits`, rounded.
    #[doc(hidden)]
    #[must_use]
    fn halved(self, bits: u8) -> Self;
    /// Times `2^bits`, within the type's range.
    #[doc(hidden)]
    #[must_use]
    fn doubled(self, bits: u8) -> Self;
    /// Divided by a count above 0.
    #[doc(hidden)]
    #[must_use]
    fn over(self, count: u8) -> Self;
    /// `self * numerator / denominator`, of numbers above 0 with `numerator <= denominator`.
    #[doc(hidden)]
    #[must_use]
    fn scaled(self, numerator: Self, denominator: Self) -> Self;
    /// `self / denominator` in steps of 2^-8, at most 4; both are not negative.
    #[doc(hidden)]
    #[must_use]
    fn share_of(self, denominator: Self) -> u32;

    /// Its bits.
    #[doc(hidden)]
    #[must_use]
    fn to_word(self) -> u32;
    /// The number with these bits.
    #[doc(hidden)]
    #[must_use]
    fn from_word(word: u32) -> Self;

    /// The smaller of two.
    #[doc(hidden)]
    #[must_use]
    fn least(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// The larger of two.
    #[doc(hidden)]
    #[must_use]
    fn most(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    /// Its distance from 0.
    #[doc(hidden)]
    #[must_use]
    fn magnitude(self) -> Self {
        self.most(Self::ZERO.minus(self))
    }

    /// Within `limit` of 0, which is not negative.
    #[doc(hidden)]
    #[must_use]
    fn within(self, limit: Self) -> Self {
        self.least(limit).most(Self::ZERO.minus(limit))
    }
}

mod sealed {
    /// Restricts [`Number`](super::Number) to the two types.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i32 {}
}

/// The most that [`Number::share_of`] gives.
pub(super) const MOST_SHARE: u32 = 4 << 8;

/// Floats stay within it, so that sums of some of them are finite.
const LARGEST: f32 = 1e30;

/// `2^-bits`.
fn power(bits: u8) -> f32 {
    f32::from_bits(127_u32.saturating_sub(u32::from(bits)).max(1) << 23)
}

impl Number for f32 {
    const ZERO: Self = 0.0;

    fn is_reading(self) -> bool {
        self.is_finite()
    }

    fn plus(self, other: Self) -> Self {
        (self + other).within(LARGEST)
    }

    fn minus(self, other: Self) -> Self {
        (self - other).clamp(-LARGEST, LARGEST)
    }

    fn finer(self, _: u8) -> Self {
        self
    }

    fn coarser(self, _: u8) -> Self {
        self
    }

    fn halved(self, bits: u8) -> Self {
        self * power(bits)
    }

    fn doubled(self, bits: u8) -> Self {
        (self / power(bits)).within(LARGEST)
    }

    fn over(self, count: u8) -> Self {
        self / f32::from(count.max(1))
    }

    fn scaled(self, numerator: Self, denominator: Self) -> Self {
        if numerator < denominator {
            self * (numerator / denominator)
        } else {
            self
        }
    }

    fn share_of(self, denominator: Self) -> u32 {
        // `as` gives 0 for NaN and saturates.
        let share = (self / denominator * 256.0) as u32;
        if denominator > 0.0 {
            share.min(MOST_SHARE)
        } else {
            0
        }
    }

    fn to_word(self) -> u32 {
        self.to_bits()
    }

    fn from_word(word: u32) -> Self {
        Self::from_bits(word)
    }
}

impl Number for i32 {
    const ZERO: Self = 0;

    fn is_reading(self) -> bool {
        true
    }

    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }

    fn finer(self, bits: u8) -> Self {
        self.doubled(bits)
    }

    fn coarser(self, bits: u8) -> Self {
        self.halved(bits)
    }

    fn halved(self, bits: u8) -> Self {
        let bits = u32::from(bits).min(30);
        let half = (1_i32 << bits) >> 1;
        self.saturating_add(half) >> bits
    }

    fn doubled(self, bits: u8) -> Self {
        self.saturating_mul(1 << u32::from(bits).min(30))
    }

    fn over(self, count: u8) -> Self {
        self.checked_div(i32::from(count)).unwrap_or(self)
    }

    fn scaled(self, numerator: Self, denominator: Self) -> Self {
        if numerator >= denominator {
            return self;
        }
        // A ratio in steps of 2^-30: one division of 64 bits.
        let ratio = (i64::from(numerator) << 30)
            .checked_div(i64::from(denominator))
            .unwrap_or(1 << 30);
        let product = i64::from(self).wrapping_mul(ratio);
        // Below 2^31, as the ratio is at most 1.
        (product >> 30) as i32
    }

    fn share_of(self, denominator: Self) -> u32 {
        let share = (i64::from(self) << 8)
            .checked_div(i64::from(denominator))
            .unwrap_or(0);
        share.clamp(0, i64::from(MOST_SHARE)) as u32
    }

    fn to_word(self) -> u32 {
        self.cast_unsigned()
    }

    fn from_word(word: u32) -> Self {
        word.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_stay_numbers() {
        assert_eq!(i32::MAX.plus(1), i32::MAX);
        assert_eq!(i32::MIN.minus(1), i32::MIN);
        assert_eq!(i32::MIN.magnitude(), i32::MAX);
        assert_eq!(i32::MAX.halved(2), i32::MAX >> 2);
        assert_eq!((-5_i32).halved(1), -2);
        assert_eq!(6_i32.halved(0), 6);
        assert_eq!(1000_i32.scaled(1, 4), 250);
        assert_eq!(i32::MAX.scaled(i32::MAX, 1), i32::MAX);
        assert!(i32::MIN.scaled(i32::MAX - 1, i32::MAX) < i32::MIN + 4);
        assert_eq!(7_i32.over(0), 7);
        assert_eq!(f32::MAX.minus(f32::MIN), LARGEST);
        assert_eq!(f32::MAX.plus(f32::MAX), LARGEST);
        assert_eq!(3.0_f32.scaled(2.0, 0.0), 3.0);
        assert_eq!(f32::MAX.doubled(40), LARGEST);
    }

    #[test]
    fn shares_are_capped() {
        assert_eq!(1_i32.share_of(2), 128);
        assert_eq!(1.0_f32.share_of(2.0), 128);
        assert_eq!(i32::MAX.share_of(1), MOST_SHARE);
        assert_eq!(1e30_f32.share_of(1e-30), MOST_SHARE);
        assert_eq!((0_i32.share_of(0), 0.0_f32.share_of(0.0)), (0, 0));
    }
}
