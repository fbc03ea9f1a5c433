//! What each value has learned.

use super::kept::Kept;
use super::number::Number;

/// What a value has learned, and the readings that it is learning from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trace<V> {
    /// How far the value lies from its centre.
    pub(super) shift: V,
    /// The shift at the last commissioning.
    pub(super) anchor: V,
    /// Mean step between two readings.
    pub(super) spread: V,
    /// The reading before.
    pub(super) previous: V,
    /// Of a block the mean of what is off; of a commissioning the mean step.
    pub(super) sum: V,
    /// Of a commissioning the means of its quarters, else the last readings.
    pub(super) four: [V; 4],
}

impl<V: Number> Default for Trace<V> {
    fn default() -> Self {
        Self::at(V::ZERO, V::ZERO)
    }
}

impl<V: Number> Trace<V> {
    /// At a place, with a spread.
    pub(super) fn at(shift: V, spread: V) -> Self {
        Self {
            shift,
            anchor: shift,
            spread,
            previous: V::ZERO,
            sum: V::ZERO,
            four: [shift; 4],
        }
    }

    /// How far the value lies from its centre, in the unit of the limits.
    #[must_use]
    pub fn shift(&self) -> V {
        self.shift
    }

    /// Mean step between two readings, in the unit of the limits.
    #[must_use]
    pub fn spread(&self) -> V {
        self.spread
    }

    /// What is worth keeping over a reset.
    #[must_use]
    pub fn kept(&self) -> Kept<V> {
        Kept {
            shift: self.shift,
            anchor: self.anchor,
            spread: self.spread,
        }
    }

    /// The mean of some of the four, from one to before another.
    pub(super) fn mean(&self, from: u8, to: u8) -> V {
        let own = self.four.iter().zip(0_u8..);
        let mut mean = V::ZERO;
        for (value, at) in own {
            if from <= at && at < to {
                let count = at.saturating_sub(from).saturating_add(1);
                mean = mean.plus(value.minus(mean).over(count));
            }
        }
        mean
    }

    /// Takes a reading among the last `2^bits`, as the one with this number, and gives their mean. Without one before it, it stands for
    /// all of them.
    pub(super) fn smoothed(&mut self, offset: V, bits: u8, number: u8, began: bool) -> V {
        if !began {
            self.four = [offset; 4];
        }
        let length = 1_u8 << bits.min(2);
        let at = usize::from(number & length.wrapping_sub(1));
        if let Some(place) = self.four.get_mut(at) {
            *place = offset;
        }
        self.mean(0, length)
    }
}
