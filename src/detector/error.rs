//! Errors of creating a detector.

use core::fmt;

/// Why [`Detector::new`](super::Detector::new) rejected its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DetectorError {
    /// `DIM` differs from the model's dimension, or `WORKSPACE` is too small.
    Size {
        /// The model's dimension and workspace length.
        expected: (usize, usize),
        /// `(DIM, WORKSPACE)`.
        found: (usize, usize),
    },
    /// The threshold is NaN.
    Threshold,
    /// The number of ranges does not divide the model's dimension.
    Ranges,
    /// Not `clear < raise <= HISTORY`.
    Rule,
    /// Quantiles that are not in ascending order, no chart or too many, or a chart with a limit on the wrong side of 0.
    Alarm,
}

impl DetectorError {
    /// The error without numbers, for a `panic!` at compile time, which can only take a string.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            DetectorError::Size { .. } => {
                "DIM must be the model's dimension, and WORKSPACE at least what a score needs"
            }
            DetectorError::Threshold => "the threshold is NaN",
            DetectorError::Ranges => {
                "there must be one range for each channel of the model, of a vector one for each value"
            }
            DetectorError::Rule => "the alarm rule must have clear < raise <= HISTORY",
            DetectorError::Alarm => {
                "the alarm needs quantiles in ascending order and 1 to 8 charts with lower < 0 < upper"
            }
        }
    }
}

impl fmt::Display for DetectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        match self {
            DetectorError::Size { expected, found } => write!(
                f,
                ": the model needs (DIM, WORKSPACE) {expected:?}, the detector has {found:?}"
            ),
            DetectorError::Threshold
            | DetectorError::Ranges
            | DetectorError::Rule
            | DetectorError::Alarm => Ok(()),
        }
    }
}

impl core::error::Error for DetectorError {}
