//! What a sample scores, or why it has no score.

use core::fmt;

/// What a sample scores: `log_prob` and the two terms it is made of (paper equation 3). No field is ever NaN.
///
/// On readings far beyond the training data the flow may overflow. Each term that did so is infinite and
/// makes `log_prob = -inf`; a term that did not keeps its value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// `log p(x)` in nats; `-inf` where the flow overflowed.
    pub log_prob: f32,
    /// `sum(z^2)` of the latent; `inf` where it overflowed.
    pub z_norm_sq: f32,
    /// `log |det dz/dx|` in nats; `-inf` where it overflowed, upwards too.
    pub log_det: f32,
}

impl Score {
    /// Of a sample that is as unlikely as can be.
    pub(crate) const IMPOSSIBLE: Self = Self {
        log_prob: f32::NEG_INFINITY,
        z_norm_sq: f32::INFINITY,
        log_det: f32::NEG_INFINITY,
    };

    /// `log_prob`, `z_norm_sq` and `log_det` as plain words.
    #[must_use]
    pub const fn bits(self) -> [u32; 3] {
        [
            self.log_prob.to_bits(),
            self.z_norm_sq.to_bits(),
            self.log_det.to_bits(),
        ]
    }
}

/// Why a sample has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ScoreError {
    /// A feature is NaN or infinite.
    NonFinite {
        /// The first such feature.
        index: usize,
    },
    /// The sample has not `dim` features.
    InputLength {
        /// The model's dimension.
        expected: usize,
        /// Features given.
        found: usize,
    },
    /// The workspace is shorter than the pass needs.
    WorkspaceLength {
        /// Values needed.
        expected: usize,
        /// Values given.
        found: usize,
    },
}

impl fmt::Display for ScoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ScoreError::NonFinite { index } => {
                write!(f, "feature {index} is NaN or infinite")
            }
            ScoreError::InputLength { expected, found } => {
                write!(f, "the model takes {expected} features, {found} were given")
            }
            ScoreError::WorkspaceLength { expected, found } => {
                write!(
                    f,
                    "the workspace holds {found} values, {expected} are needed"
                )
            }
        }
    }
}

impl core::error::Error for ScoreError {}
