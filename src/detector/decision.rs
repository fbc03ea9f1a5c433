//! What one reading is.

/// What one reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decision {
    /// At least as likely as the threshold.
    Normal,
    /// Less likely than the threshold.
    Anomalous,
    /// Could not be scored; never counts as normal.
    Invalid,
}

impl Decision {
    /// The decision for a log-density at a threshold, both in the same unit.
    #[must_use]
    pub fn at<L: PartialOrd + Copy>(log_prob: L, threshold: L) -> Self {
        // A NaN would compare false and so be anomalous.
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
