//! The level of a channel within a window, and the moments of values, in floats.

use crate::arithmetic::elementary::{log10, sqrt};
use crate::spec::features::FeatureSpec;

/// Values that are summed together before they join the sum: rounding errors then grow with `BLOCK + n / BLOCK`.
const BLOCK: usize = 32;

/// `log10(2)`.
const LOG10_2: f32 = core::f32::consts::LOG10_2;

/// Sum of a function of values, oldest first.
#[inline(always)]
pub(super) fn sum<T: Copy>(values: &[T], mut of: impl FnMut(T) -> f32) -> f32 {
    let (total, _, _) = sums(values, |&value| (of(value), 0.0, 0.0));
    total
}

/// Sums of three functions of values, oldest first.
#[inline(always)]
fn sums<T>(values: &[T], mut of: impl FnMut(&T) -> (f32, f32, f32)) -> (f32, f32, f32) {
    let mut total = (0.0, 0.0, 0.0);
    for block in values.chunks(BLOCK) {
        let mut own = (0.0, 0.0, 0.0);
        for value in block {
            let value = of(value);
            own = (own.0 + value.0, own.1 + value.1, own.2 + value.2);
        }
        total = (total.0 + own.0, total.1 + own.1, total.2 + own.2);
    }
    total
}

/// Where a channel lies and how far it goes. `y = ((x - pivot) - offset) * scale`, whose largest magnitude is within 1 to
/// 2: neither faint nor loud samples leave the range of floats in powers up to the fourth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// The oldest sample: a window that does not change has a difference of exactly 0 from it.
    pub pivot: f32,
    /// Mean of `x - pivot`.
    pub offset: f32,
    /// A power of two; 0 if the channel does not change.
    pub scale: f32,
    /// `mean(y^2)`; 0 if the channel does not change, at least `1 / n` otherwise.
    pub square: f32,
}

/// The least and the largest sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub least: f32,
    pub largest: f32,
}

/// `2^-e` for the exponent `e` of a positive normal value.
fn down(value: f32) -> f32 {
    let exponent = (value.to_bits() >> 23) & 0xff;
    f32::from_bits(254_u32.saturating_sub(exponent) << 23)
}

/// Exponent of a power of two.
fn exponent(power: f32) -> i32 {
    ((power.to_bits() >> 23) & 0xff)
        .cast_signed()
        .saturating_sub(127)
}

impl Level {
    /// Level of values within [`FeatureSpec::LARGEST`]; `square` is not known yet.
    pub(super) fn of(values: &[f32]) -> (Self, Range) {
        let pivot = values.first().copied().unwrap_or(0.0);
        let mut range = Range {
            least: pivot,
            largest: pivot,
        };
        let total = sum(values, |value| {
            if value < range.least {
                range.least = value;
            }
            if value > range.largest {
                range.largest = value;
            }
            value - pivot
        });
        let offset = total / values.len() as f32;
        // Rounding keeps the order of values, so these are the outermost of all.
        let above = (range.largest - pivot) - offset;
        let below = offset - (range.least - pivot);
        let peak = if above > below { above } else { below };
        let scale = if peak >= FeatureSpec::SMALLEST {
            down(peak)
        } else {
            0.0
        };
        let level = Self {
            pivot,
            offset,
            scale,
            square: 0.0,
        };
        (level, range)
    }

    /// `y` of a sample.
    #[inline(always)]
    pub(super) fn centred(&self, value: f32) -> f32 {
        ((value - self.pivot) - self.offset) * self.scale
    }

    pub(super) fn is_constant(&self) -> bool {
        // A positive scale comes with a square of at least 1 / n.
        self.scale <= 0.0
    }

    /// From `y` to the unit of the samples; 1 if the channel does not change.
    pub(super) fn unit(&self) -> f32 {
        if self.is_constant() {
            1.0
        } else {
            down(self.scale)
        }
    }

    pub(super) fn mean(&self) -> f32 {
        self.pivot + self.offset
    }

    pub(super) fn deviation(&self) -> f32 {
        sqrt(self.square) * self.unit()
    }

    /// Root mean square, of the samples as they are.
    pub(super) fn rms(&self) -> f32 {
        let (mean, deviation) = (self.mean().abs(), self.deviation());
        let (large, small) = if mean > deviation {
            (mean, deviation)
        } else {
            (deviation, mean)
        };
        if large > 0.0 {
            let ratio = small / large;
            large * sqrt(1.0 + ratio * ratio)
        } else {
            0.0
        }
    }

    /// `log10` of a power of `y`, in the unit of the samples; at least that of `floor`.
    pub(super) fn log_power(&self, power: f32, floor: f32) -> f32 {
        let scaled = log10(power) - exponent(self.unit_scale()).saturating_mul(2) as f32 * LOG10_2;
        let least = log10(floor);
        // Minus infinity, of no power, is below.
        if scaled > least { scaled } else { least }
    }

    fn unit_scale(&self) -> f32 {
        if self.is_constant() { 1.0 } else { self.scale }
    }
}

/// Sums of squares, cubes and fourth powers, divided by the number of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub square: f32,
    pub cube: f32,
    pub fourth: f32,
}

impl Moments {
    /// Moments of `y`, computed from each value by `of`.
    #[inline(always)]
    pub(super) fn of<T>(values: &[T], of: impl Fn(&T) -> f32) -> Self {
        let (square, cube, fourth) = sums(values, |value| {
            let value = of(value);
            let square = value * value;
            (square, square * value, square * square)
        });
        let count = values.len() as f32;
        Self {
            square: square / count,
            cube: cube / count,
            fourth: fourth / count,
        }
    }

    /// 0 of values that do not change.
    pub(super) fn skewness(self) -> f32 {
        if self.square > 0.0 {
            self.cube / (self.square * sqrt(self.square))
        } else {
            0.0
        }
    }

    /// 0 of values that do not change.
    pub(super) fn kurtosis(self) -> f32 {
        if self.square > 0.0 {
            self.fourth / (self.square * self.square) - 3.0
        } else {
            0.0
        }
    }
}

/// A sum in blocks, for values that do not lie in a slice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    total: f32,
    own: f32,
    count: usize,
}

impl Blocks {
    #[inline(always)]
    pub(super) fn add(&mut self, value: f32) {
        self.own += value;
        self.count = self.count.wrapping_add(1);
        if self.count == BLOCK {
            self.total += self.own;
            self.own = 0.0;
            self.count = 0;
        }
    }

    pub(super) fn total(self) -> f32 {
        self.total + self.own
    }
}
