//! How rare a log-density is among those of normal readings, in bits.
//!
//! For a reading with the p-value p, the share of normal readings that are at most as likely, the rarity is `-log2(2 p)` where p
//! is at most 1/2, and `log2(2 (1 - p))` beyond: 0 at the median, 3 for one reading in 16 at the unlikely end, -3 for one in 16 at
//! the likely end. Of normal readings it has a mean of about 0, whatever their distribution.

/// A bit of rarity.
pub(super) const BIT: i32 = 1 << 8;
/// No rarity is above it.
pub(super) const MOST: i32 = 64 * BIT;
/// In bits.
const MOST_FIRST: u8 = 64;
/// Rates have so many binary places.
const RATE_PLACES: u32 = 24;

/// A quantile of the log-densities of normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quantile {
    /// Log-density, in steps of 2^-16 nat.
    log_prob: i32,
    /// Rarity from here to the next quantile by a step of log-density, in steps of 2^-32 bit.
    rate: u32,
}

impl Quantile {
    /// A log-density in steps of 2^-16 nat, and how much the rarity falls by a step from here on, in steps of 2^-32 bit:
    /// `2^32` over the steps to the next quantile.
    #[must_use]
    pub const fn new(log_prob: i32, rate: u32) -> Self {
        Self { log_prob, rate }
    }
}

/// Quantiles a bit of rarity apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct QuantileTable<'a> {
    quantiles: &'a [Quantile],
    /// Rarity of the first, in bits.
    first: u8,
    /// How fast the rarity grows below the first, by a step of log-density, in steps of 2^-32.
    tail: u32,
}

impl<'a> QuantileTable<'a> {
    /// Quantiles in ascending order, the first at a rarity of `first` bits, each of the others one bit below the one before it. Below
    /// the first, the rarity grows by `log2(1 + x)`, where `x` grows by `tail` steps of 2^-32 for a step of log-density: a reading may be
    /// rarer than any of the record without end, but how much rarer the record does not tell.
    #[must_use]
    pub const fn new(quantiles: &'a [Quantile], first: u8, tail: u32) -> Self {
        Self {
            quantiles,
            first,
            tail,
        }
    }

    /// Whether there are quantiles, in ascending order, and none is rarer than a rarity can be.
    pub(super) const fn is_valid(&self) -> bool {
        if self.first >= MOST_FIRST {
            return false;
        }
        let Some((first, mut rest)) = self.quantiles.split_first() else {
            return false;
        };
        let mut last = first.log_prob;
        while let Some((next, others)) = rest.split_first() {
            if next.log_prob < last {
                return false;
            }
            (last, rest) = (next.log_prob, others);
        }
        true
    }

    /// The rarity of a log-density in steps of 2^-16 nat, in steps of 2^-8 bit.
    pub(super) fn rarity(&self, log_prob: i32) -> i32 {
        let mut rarity = i32::from(self.first).wrapping_mul(BIT);
        let Some((first, rest)) = self.quantiles.split_first() else {
            return MOST;
        };
        if log_prob < first.log_prob {
            let beyond = grown(log_prob, first.log_prob, self.tail);
            return rarity.saturating_add(log2_of_one_and(beyond)).min(MOST);
        }
        let mut last = first;
        for next in rest {
            if log_prob < next.log_prob {
                break;
            }
            last = next;
            rarity = rarity.wrapping_sub(BIT);
        }
        rarity.wrapping_sub(grown(last.log_prob, log_prob, last.rate).min(BIT))
    }
}

/// `log2(1 + x)` of steps of 2^-8, with straight lines between powers of 2.
fn log2_of_one_and(x: i32) -> i32 {
    let sum = x.saturating_add(BIT).max(BIT).cast_unsigned();
    let places = 31_u32.wrapping_sub(sum.leading_zeros());
    // At least 8 places, so that these are the 8 behind the first.
    let rest = sum >> places.saturating_sub(8);
    let whole = places.saturating_sub(8).wrapping_mul(BIT.cast_unsigned());
    let rest = rest.wrapping_sub(BIT.cast_unsigned());
    whole.wrapping_add(rest).cast_signed()
}

/// What a rate makes of the steps between two log-densities, in steps of 2^-8 bit.
fn grown(from: i32, to: i32, rate: u32) -> i32 {
    /// More steps are 16,000 nats, and with any rate beyond what fits.
    const MOST_STEPS: i64 = 1 << 30;
    let steps = i64::from(to).wrapping_sub(i64::from(from)).min(MOST_STEPS);
    let grown = steps.wrapping_mul(i64::from(rate)) >> RATE_PLACES;
    i32::try_from(grown).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One, two and four nats apart.
    const QUANTILES: [Quantile; 4] = [
        Quantile::new(-10 << 16, 1 << 16),
        Quantile::new(-9 << 16, 1 << 15),
        Quantile::new(-7 << 16, 1 << 14),
        Quantile::new(-3 << 16, 1 << 14),
    ];
    const TABLE: QuantileTable<'static> = QuantileTable::new(&QUANTILES, 2, 1 << 14);

    #[test]
    fn rarity_falls_from_quantile_to_quantile_and_is_straight_between_them() {
        assert!(TABLE.is_valid());
        let nats = [-10.0, -9.5, -9.0, -8.0, -7.0, -5.0, -3.0, -1.0, 1.0, 1e4];
        let bits = [2.0, 1.5, 1.0, 0.5, 0.0, -0.5, -1.0, -1.5, -2.0, -2.0];
        for (nats, bits) in nats.into_iter().zip(bits) {
            let rarity = TABLE.rarity((nats * 65_536.0) as i32);
            assert_eq!(f64::from(rarity) / 256.0, bits, "{nats}");
        }
    }

    #[test]
    fn below_the_first_quantile_it_grows_to_a_limit() {
        assert_eq!(TABLE.rarity(-14 << 16), 3 * BIT);
        assert_eq!(TABLE.rarity(-22 << 16), 4 * BIT);
        assert!((14 * BIT..MOST).contains(&TABLE.rarity(i32::MIN)));
        for rate in [0, 1, u32::MAX] {
            let steep = QuantileTable::new(&QUANTILES, 63, rate);
            assert!((2 * BIT..=MOST).contains(&steep.rarity(i32::MIN)));
            assert!(steep.rarity(i32::MAX) <= MOST);
        }
    }

    #[test]
    fn it_never_rises_with_the_log_density() {
        let mut last = i32::MAX;
        for log_prob in (-20 << 16..5 << 16).step_by(997) {
            let rarity = TABLE.rarity(log_prob);
            assert!(rarity <= last);
            last = rarity;
        }
    }

    #[test]
    fn without_order_it_is_refused() {
        let mut other = QUANTILES;
        other.swap(1, 2);
        assert!(!QuantileTable::new(&other, 2, 0).is_valid());
        assert!(!QuantileTable::new(&[], 2, 0).is_valid());
        assert!(!QuantileTable::new(&QUANTILES, 64, 0).is_valid());
        assert_eq!(QuantileTable::new(&[], 2, 0).rarity(0), MOST);
    }
}
