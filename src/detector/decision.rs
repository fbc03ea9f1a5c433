//! Classification of a single reading.

/// Classification of a single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decision {
    /// Log-density at or above the threshold.
    Normal,
    /// Log-density below the threshold.
    Anomalous,
    /// The value with this index, the first such, lies outside its range
    /// ([`Criterion::or_outside`](super::Criterion::or_outside)). Counts as not normal.
    OutOfRange(u16),
    /// The given value with this index, the first such, lies outside what was seen: nobody knows what is normal there. Not
    /// judged, so neither normal nor anomalous: the alarm stays as it is.
    GivenOutOfRange(u16),
    /// Could not be scored. Counts as not normal.
    Invalid,
}

impl Decision {
    /// The decision in lower-case words, as logs and tables have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Decision::Normal => "normal",
            Decision::Anomalous => "anomalous",
            Decision::OutOfRange(_) => "out of range",
            Decision::GivenOutOfRange(_) => "given out of range",
            Decision::Invalid => "invalid",
        }
    }

    /// Compares a log-density with a threshold in the same unit. NaN is [`Anomalous`](Self::Anomalous).
    #[must_use]
    pub fn at<L: PartialOrd + Copy>(log_prob: L, threshold: L) -> Self {
        // Comparisons with NaN are false, so NaN is anomalous.
        if log_prob >= threshold {
            Decision::Normal
        } else {
            Decision::Anomalous
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_normal() {
        assert_eq!(Decision::at(-3.0, -3.0), Decision::Normal);
        assert_eq!(Decision::at(-3.1, -3.0), Decision::Anomalous);
        for (log_prob, threshold) in [(f32::NAN, f32::NEG_INFINITY), (0.0, f32::NAN)] {
            assert_eq!(Decision::at(log_prob, threshold), Decision::Anomalous);
        }
    }
}
