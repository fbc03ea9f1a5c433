//! Numbers of 31 bits with an exponent of their own, for the last steps of a feature: sums of many bits are divided, and have roots and
//! logarithms, without floating point.

use crate::arithmetic::fixed::{Q24, ln, rounded};

/// `mantissa * 2^exponent`, the mantissa's magnitude within `2^30 ..= 2^31 - 1`, or 0. Every operation is within a relative
/// error of `2^-29`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wide {
    pub mantissa: i32,
    pub exponent: i32,
}

/// With the sign of a product or quotient of `a` and `b`.
#[inline(always)]
fn with_sign(size: u32, a: i32, b: i32) -> i32 {
    let size = size.cast_signed();
    if a ^ b < 0 { size.wrapping_neg() } else { size }
}

impl Wide {
    /// A whole number times a power of two, truncated.
    #[inline(never)]
    pub(super) fn new(value: i64, exponent: i32) -> Self {
        let own = Self::of_size(value.unsigned_abs(), exponent);
        Self {
            mantissa: if value < 0 {
                own.mantissa.wrapping_neg()
            } else {
                own.mantissa
            },
            ..own
        }
    }

    /// Of a number that is not negative.
    #[inline(never)]
    pub(super) fn of_size(size: u64, exponent: i32) -> Self {
        if size == 0 {
            return Self::default();
        }
        // Bits beyond 31.
        let surplus = 33_i32.wrapping_sub(size.leading_zeros().cast_signed());
        let mantissa = if surplus > 0 {
            size.wrapping_shr(surplus.cast_unsigned()) as u32
        } else {
            // All of it is in the lower half.
            (size as u32).wrapping_shl(surplus.unsigned_abs())
        };
        Self {
            mantissa: mantissa.cast_signed(),
            exponent: exponent.wrapping_add(surplus),
        }
    }

    pub(super) fn whole(value: usize) -> Self {
        Self::of_size(value as u64, 0)
    }

    /// A positive normal number: exact.
    pub(super) const fn of_float(value: f32) -> Self {
        let bits = value.to_bits();
        let exponent = ((bits >> 23) & 0xff).cast_signed();
        Self {
            mantissa: ((bits & 0x7f_ffff) | 0x80_0000).cast_signed() << 7,
            exponent: exponent.wrapping_sub(127 + 30),
        }
    }

    /// Times a power of two.
    pub(super) fn shifted(self, by: i32) -> Self {
        Self {
            exponent: self.exponent.wrapping_add(by),
            ..self
        }
    }

    #[inline(never)]
    pub(super) fn times(self, other: Self) -> Self {
        let (a, b) = (self.mantissa.unsigned_abs(), other.mantissa.unsigned_abs());
        // From 2^60 to below 2^62.
        let product = (u64::from(a).wrapping_mul(u64::from(b)) >> 30) as u32;
        if product == 0 {
            return Self::default();
        }
        let surplus = product >> 31;
        let exponent = self.exponent.wrapping_add(other.exponent);
        Self {
            mantissa: with_sign(product.wrapping_shr(surplus), self.mantissa, other.mantissa),
            exponent: exponent
                .wrapping_add(30)
                .wrapping_add(surplus.cast_signed()),
        }
    }

    /// 0 if there is nothing to divide by.
    #[inline(never)]
    pub(super) fn over(self, other: Self) -> Self {
        let (mut rest, by) = (self.mantissa.unsigned_abs(), other.mantissa.unsigned_abs());
        if rest == 0 || by == 0 {
            return Self::default();
        }
        // Bit by bit: a call for 64 bits takes longer on a core without a long division. `rest` is below 2 `by`.
        let mut quotient = 0_u32;
        for _ in 0..32 {
            quotient <<= 1;
            if rest >= by {
                rest = rest.wrapping_sub(by);
                quotient |= 1;
            }
            rest <<= 1;
        }
        // The first bit is 0 if the mantissa was below the other.
        let surplus = quotient >> 31;
        let exponent = self.exponent.wrapping_sub(other.exponent).wrapping_sub(31);
        Self {
            mantissa: with_sign(
                quotient.wrapping_shr(surplus),
                self.mantissa,
                other.mantissa,
            ),
            exponent: exponent.wrapping_add(surplus.cast_signed()),
        }
    }

    #[inline(never)]
    pub(super) fn plus(self, other: Self) -> Self {
        if self.mantissa == 0 {
            return other;
        }
        if other.mantissa == 0 {
            return self;
        }
        let (large, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        // 31 bits for those that the smaller one reaches below.
        let apart = large.exponent.wrapping_sub(small.exponent).cast_unsigned();
        if apart > 61 {
            return large;
        }
        let sum = (i64::from(large.mantissa) << 31)
            .wrapping_add((i64::from(small.mantissa) << 31).wrapping_shr(apart));
        Self::new(sum, large.exponent.wrapping_sub(31))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.plus(Self {
            mantissa: other.mantissa.wrapping_neg(),
            ..other
        })
    }

    /// Square root; 0 of negative numbers.
    #[inline(never)]
    pub(super) fn root(self) -> Self {
        if self.mantissa <= 0 {
            return Self::default();
        }
        // An even exponent, and 31 or 32 bits.
        let odd = self.exponent & 1;
        let mut square = (self.mantissa.cast_unsigned()).wrapping_shl(odd.cast_unsigned());
        // Two bits of the number give one of the root: its first 16.
        let (mut rest, mut root) = (0_u32, 0_u32);
        for _ in 0..16 {
            rest = rest << 2 | square >> 30;
            square <<= 2;
            let trial = root << 2 | 1;
            root <<= 1;
            if rest >= trial {
                rest = rest.wrapping_sub(trial);
                root |= 1;
            }
        }
        // The other 15 by a division: what that leaves out is less than the last bit.
        let by = root << 1;
        for _ in 0..15 {
            root <<= 1;
            rest <<= 1;
            if rest >= by {
                rest = rest.wrapping_sub(by);
                root |= 1;
            }
        }
        Self {
            mantissa: root.cast_signed(),
            exponent: (self.exponent.wrapping_sub(odd) >> 1).wrapping_sub(15),
        }
    }

    /// The larger of two that are not negative.
    pub(super) fn or_more(self, least: Self) -> Self {
        if self.mantissa == 0 {
            return least;
        }
        let is_above = (self.exponent, self.mantissa) > (least.exponent, least.mantissa);
        if least.mantissa == 0 || is_above {
            self
        } else {
            least
        }
    }

    /// `log10` of a positive number, within 2e-7; the lowest number for 0.
    #[inline(never)]
    pub(super) fn log10(self) -> Self {
        /// `log10(e)` and `log10(2)` in Q30.
        const LOG10_E: i64 = 466_320_149;
        const LOG10_2: i64 = 323_228_497;
        if self.mantissa <= 0 {
            return Self::new(i64::MIN, 0);
        }
        let exponent = i64::from(self.exponent.wrapping_add(30));
        let fraction = i64::from(ln(self.mantissa)).wrapping_mul(LOG10_E) >> Q24;
        Self::new(exponent.wrapping_mul(LOG10_2).wrapping_add(fraction), -30)
    }

    /// In units of `2^unit`, rounded to nearest; saturates at 32 bits.
    pub(super) fn in_units(self, unit: i32) -> i32 {
        let shift = self.exponent.wrapping_sub(unit);
        let mantissa = i64::from(self.mantissa);
        match shift {
            ..=-32 => 0,
            -31..=-1 => rounded(mantissa, shift.unsigned_abs()) as i32,
            0 => self.mantissa,
            1.. if mantissa == 0 => 0,
            1.. if mantissa < 0 => i32::MIN,
            1.. => i32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: Wide) -> f64 {
        f64::from(value.mantissa) * 2_f64.powi(value.exponent)
    }

    fn is_near(found: Wide, expected: f64) -> bool {
        let is_normal = found.mantissa == 0 || found.mantissa.unsigned_abs() >> 30 == 1;
        is_normal && (float(found) - expected).abs() <= expected.abs() * 2_f64.powi(-29)
    }

    #[test]
    fn operations_are_right_to_29_bits() {
        let numbers = [
            1,
            -1,
            3,
            1000,
            -65_535,
            123_456_789,
            i64::MAX,
            -i64::MAX,
            1 << 40,
            (1 << 31) - 1,
        ];
        for a in numbers {
            assert!(is_near(Wide::new(a, -7), a as f64 / 128.0));
            assert!(is_near(
                Wide::new(a, 4).root(),
                (a.max(0) as f64).sqrt() * 4.0
            ));
            for b in numbers {
                let (x, y) = (Wide::new(a, 0), Wide::new(b, 3));
                let (p, q) = (float(x), float(y));
                assert!(is_near(x.times(y), p * q), "{a} * {b}");
                assert!(is_near(x.over(y), p / q), "{a} / {b}");
                let error = (float(x.plus(y)) - (p + q)).abs();
                assert!(error <= p.abs().max(q.abs()) * 2_f64.powi(-29), "{a} + {b}");
                if a > 0 && b > 0 {
                    let more = float(x.or_more(y));
                    assert!((more - p.max(q)).abs() <= 0.0, "{a} or {b}");
                }
            }
        }
        let (one, none) = (Wide::whole(1), Wide::default());
        assert_eq!((one.or_more(none), none.or_more(one)), (one, one));
        assert_eq!((one.over(none), none.over(one)), (none, none));
        assert_eq!((one.times(none), none.root()), (none, none));
        assert!(is_near(Wide::of_float(0.1), f64::from(0.1_f32)));
        assert!(is_near(Wide::of_float(1e-12), f64::from(1e-12_f32)));
    }

    #[test]
    fn results_come_in_units() {
        assert_eq!(Wide::whole(3).over(Wide::whole(2)).in_units(-4), 24);
        assert_eq!(Wide::whole(3).over(Wide::whole(2)).in_units(0), 2);
        assert_eq!(Wide::new(1 << 40, 0).in_units(0), i32::MAX);
        assert_eq!(Wide::new(-1 << 40, 0).in_units(0), i32::MIN);
        assert_eq!(Wide::new(1, -100).in_units(-16), 0);
        assert_eq!(Wide::default().in_units(-200), 0);
    }

    #[test]
    fn logarithms_are_right_to_seven_digits() {
        for value in [1_i64, 2, 10, 999, 123_456_789, 1 << 62] {
            for exponent in [-300, -1, 0, 200] {
                let expected = (value as f64).log10() + f64::from(exponent) * 2_f64.log10();
                let found = float(Wide::new(value, exponent).log10());
                assert!(
                    (found - expected).abs() < 2e-7,
                    "{value}: {found} {expected}"
                );
            }
        }
        assert_eq!(Wide::default().log10().in_units(-20), i32::MIN);
    }
}
