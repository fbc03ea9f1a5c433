//! What recalibration may do: the limits of every value, and how long a commissioning takes.

use core::fmt;

use super::number::Number;

/// Limits and settings of an [`Adapter`](super::Adapter), as `nvpico export` writes them. Counts are in steps of
/// `2^-fraction` of the model's counts, but for `centre`; floats are in the unit of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptSpec<'a, V = f32> {
    /// Where each value lay in the training rows.
    pub centre: &'a [V],
    /// Mean step from one training row to the next, above 0.
    pub spread: &'a [V],
    /// A block mean farther than this from where the value is expected teaches nothing.
    pub near: &'a [V],
    /// How far the expected place of a value moves in a block at most: as fast as it drifted in training.
    pub speed: &'a [V],
    /// How far it moves at most from where the last commissioning, or training, found it.
    pub track: &'a [V],
    /// How far it may lie from the centre after a commissioning. A value with 0, such as a given one, is left as it is.
    pub reach: &'a [V],
    /// Values by which the sensor's own position is seen, such as the mean acceleration of an axis, and the step between two
    /// readings that means a move: then a commissioning begins by itself. Such a value is not judged.
    pub witnesses: &'a [(u16, V)],
    /// Bits behind the point of a count in here; 0 for floats.
    pub fraction: u8,
    /// A block for slow tracking has `2^block` readings; at most 2^7.
    pub block: u8,
    /// Each block moves a value by `2^-rate` of what it is off.
    pub rate: u8,
    /// What is scored is the mean of `2^smooth` readings, of 1, 2 or 4.
    pub smooth: u8,
    /// The spread of a value may widen to `2^widen` of that in training.
    pub widen: u8,
    /// Readings of a commissioning: a multiple of 4, at most 128.
    pub windows: u8,
    /// Readings in front of them that are waited for.
    pub settle: u8,
    /// A commissioning is refused if its first quarter, half or three quarters differ from the rest by more than this: the mean over
    /// all values, in spreads and steps of 2^-8, for the half and for the quarters.
    pub steady: [u32; 2],
}

/// Why an [`AdaptSpec`] was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AdaptError {
    /// The limits are not one for each value.
    Lengths,
    /// A limit is negative or no number, or a spread is not above 0.
    Limit,
    /// `windows` is not a multiple of 4 in `4 ..= 128`, or `block`, `smooth`, `widen`, `rate` or `fraction` is too large.
    Settings,
    /// What was kept is not one for each value, or no number.
    Kept,
}

impl AdaptError {
    /// The error as text, also for a `panic!` at compile time.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            AdaptError::Lengths => "every limit needs one number for each value of a reading",
            AdaptError::Limit => {
                "limits must be numbers of at least 0, and spreads above 0; export the model again"
            }
            AdaptError::Settings => {
                "windows must be a multiple of 4 up to 128, block at most 7, smooth at most 2, widen, rate and fraction at most 15"
            }
            AdaptError::Kept => {
                "what was kept is not one number for each value: recalibration starts as the model was trained"
            }
        }
    }
}

impl fmt::Display for AdaptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for AdaptError {}

impl<'a, V> AdaptSpec<'a, V> {
    /// The limits of all values: centre, spread, near, speed, track and reach, each a slice with a number for each value. A
    /// commissioning takes 8 readings after 2 that are waited for, and is never refused until [`steady`](Self::with_steady) is set.
    #[must_use]
    pub const fn new([centre, spread, near, speed, track, reach]: [&'a [V]; 6]) -> Self {
        Self {
            centre,
            spread,
            near,
            speed,
            track,
            reach,
            witnesses: &[],
            fraction: 0,
            block: 4,
            rate: 1,
            smooth: 0,
            widen: 4,
            windows: 8,
            settle: 2,
            steady: [u32::MAX; 2],
        }
    }

    /// Values by which a move of the sensor is seen, each with the step that means one.
    #[must_use]
    pub const fn with_witnesses(mut self, witnesses: &'a [(u16, V)]) -> Self {
        self.witnesses = witnesses;
        self
    }

    /// Counts in here have so many bits behind the point.
    #[must_use]
    pub const fn with_fraction(mut self, bits: u8) -> Self {
        self.fraction = bits;
        self
    }

    /// Blocks of `2^block` readings, each of which moves a value by `2^-rate` of what it is off.
    #[must_use]
    pub const fn with_tracking(mut self, block: u8, rate: u8) -> Self {
        self.block = block;
        self.rate = rate;
        self
    }

    /// What is scored is the mean of `2^bits` readings.
    #[must_use]
    pub const fn with_smoothing(mut self, bits: u8) -> Self {
        self.smooth = bits;
        self
    }

    /// The spread of a value may widen to `2^bits` of that in training.
    #[must_use]
    pub const fn with_widening(mut self, bits: u8) -> Self {
        self.widen = bits;
        self
    }

    /// A commissioning takes so many readings, a multiple of 4, after some that are waited for.
    #[must_use]
    pub const fn with_commissioning(mut self, windows: u8, settle: u8) -> Self {
        self.windows = windows;
        self.settle = settle;
        self
    }

    /// The changes of half and of quarters from which on a commissioning is refused.
    #[must_use]
    pub const fn with_steady(mut self, steady: [u32; 2]) -> Self {
        self.steady = steady;
        self
    }
}

impl<V: Number> AdaptSpec<'_, V> {
    /// Checks it for readings of so many values.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, values: usize) -> Result<(), AdaptError> {
        let limits = [self.spread, self.near, self.speed, self.track, self.reach];
        let witnesses = self.witnesses.iter();
        if self.centre.len() != values
            || limits.iter().any(|limit| limit.len() != values)
            || witnesses.clone().any(|(at, _)| usize::from(*at) >= values)
        {
            return Err(AdaptError::Lengths);
        }
        let good = |limit: &V| limit.is_reading() && *limit >= V::ZERO;
        if !(self.centre.iter().all(|value| value.is_reading())
            && limits.iter().all(|limit| limit.iter().all(good))
            && witnesses.clone().all(|(_, step)| good(step))
            && self.spread.iter().all(|spread| *spread > V::ZERO))
        {
            return Err(AdaptError::Limit);
        }
        let fits = self.windows >= 4
            && self.windows <= 128
            && self.windows.is_multiple_of(4)
            && self.block <= 7
            && self.smooth <= 2
            && self.widen <= 15
            && self.rate <= 15
            && self.fraction <= 15;
        if fits {
            Ok(())
        } else {
            Err(AdaptError::Settings)
        }
    }
}
