//! Moving averages of rarities, with limits.

use super::quantiles::{BIT, MOST};

/// An average has so many binary places more than a rarity.
const PLACES: u32 = 8;
/// No rarity counts as less.
const LEAST: i32 = -8 * BIT;
/// The longest averages.
const MOST_SHIFT: u8 = 15;

/// An exponentially weighted moving average of rarities with control limits (EWMA chart: Roberts 1959, Technometrics 1). The
/// first chart of an alarm is usually of single readings; long averages find small faults that last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Chart {
    /// The average is over about `2^shift` readings.
    shift: u8,
    /// A reading counts as no rarer than this, in steps of 2^-8 bit.
    most: i32,
    /// Limits of the average, in steps of 2^-16 bit.
    upper: i32,
    lower: i32,
}

/// On which side of its limits an average lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Within,
    /// Too unlikely; whether by more than half of the limit.
    Above {
        far: bool,
    },
    /// Too likely.
    Below,
}

impl Chart {
    /// An average over about `2^shift` readings (0 to 15), each of which counts as no rarer than `most` steps of 2^-8 bit. It is too
    /// high above `upper` steps of 2^-16 bit.
    #[must_use]
    pub const fn new(shift: u8, most: i32, upper: i32) -> Self {
        Self {
            shift,
            most,
            upper,
            lower: i32::MIN,
        }
    }

    /// The same, too low below `lower` steps of 2^-16 bit: readings that are too likely, for too long.
    #[must_use]
    pub const fn with_lower(self, lower: i32) -> Self {
        Self { lower, ..self }
    }

    pub(super) const fn is_valid(&self) -> bool {
        self.shift <= MOST_SHIFT
            && self.most > 0
            && self.most <= MOST
            && self.upper > 0
            && self.lower < 0
    }

    /// Takes a rarity into the average.
    pub(super) fn note(&self, rarity: i32, average: &mut i32) {
        let rarity = rarity.min(self.most).max(LEAST);
        let change = rarity.wrapping_shl(PLACES).wrapping_sub(*average);
        *average = average.wrapping_add(change.wrapping_shr(self.shift.into()));
    }

    pub(super) fn side(&self, average: i32) -> Side {
        if average > self.upper {
            let far = average > self.upper.saturating_add(self.upper >> 1);
            Side::Above { far }
        } else if average < self.lower {
            Side::Below
        } else {
            Side::Within
        }
    }

    /// Whether the average is back within half of its limits.
    pub(super) fn is_calm(&self, average: i32) -> bool {
        average <= self.upper >> 1 && average >= self.lower >> 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: Chart = Chart::new(2, 8 * BIT, 3 << 16).with_lower(-2 << 16);

    #[test]
    fn averages_follow_and_forget() {
        let mut average = 0;
        let mut seen = [0.0; 5];
        for (seen, rarity) in seen.iter_mut().zip([8, 8, 0, 0, 100]) {
            CHART.note(rarity * BIT, &mut average);
            *seen = f64::from(average) / 65_536.0;
        }
        assert_eq!(seen, [2.0, 3.5, 2.625, 1.96875, 3.476_562_5]);
    }

    #[test]
    fn a_chart_of_single_readings_is_the_reading() {
        let chart = Chart::new(0, MOST, 10 << 16);
        let mut average = 12345;
        chart.note(11 * BIT, &mut average);
        assert_eq!(average, 11 << 16);
        assert_eq!(chart.side(average), Side::Above { far: false });
        chart.note(16 * BIT, &mut average);
        assert_eq!(chart.side(average), Side::Above { far: true });
        chart.note(-100 * BIT, &mut average);
        assert_eq!((average, chart.side(average)), (-8 << 16, Side::Within));
    }

    #[test]
    fn limits_have_two_sides_and_calm_is_half_of_them() {
        let sides = [4, 3, 2, 1, 0, -1, -2, -3].map(|bits| {
            let average = bits << 16;
            (CHART.side(average), CHART.is_calm(average))
        });
        let within = |calm| (Side::Within, calm);
        let above = (Side::Above { far: false }, false);
        assert_eq!(
            sides,
            [
                above,
                within(false),
                within(false),
                within(true),
                within(true),
                within(true),
                within(false),
                (Side::Below, false)
            ]
        );
    }
}
