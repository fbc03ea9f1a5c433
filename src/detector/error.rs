//! Why a detector was refused.

use core::fmt;

/// What [`Detector::new`](super::Detector::new) found wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DetectorError {
    /// `DIM` is not the model's dimension, or `WORKSPACE` is less than it needs.
    Size {
        /// The model's dimension and workspace.
        expected: (usize, usize),
        /// `(DIM, WORKSPACE)`.
        found: (usize, usize),
    },
    /// The threshold is NaN.
    Threshold,
    /// Not `clear < raise <= HISTORY`.
    Rule,
}

impl DetectorError {
    /// What is wrong, without the numbers: for a `panic!` at compile time, which takes no more than a text.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            DetectorError::Size { .. } => {
                "DIM must be the model's dimension, and WORKSPACE at least what a score needs"
            }
            DetectorError::Threshold => "the threshold is NaN",
            DetectorError::Rule => "the alarm rule must have clear < raise <= HISTORY",
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
            DetectorError::Threshold | DetectorError::Rule => Ok(()),
        }
    }
}

impl core::error::Error for DetectorError {}
