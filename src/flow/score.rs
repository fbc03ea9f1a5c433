//! Scores, and errors of scoring.

use core::fmt;

/// Score of a sample: `log_prob` and its two terms (paper equation 3); of a mixture as base, `log_prob` has
/// `ln p(z)` in place of that of `z_norm_sq`. No field is ever NaN.
///
/// The flow may overflow on samples far from the training data. A term that overflowed is infinite and makes
/// `log_prob = -inf`; the other term keeps its value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// `log p(x)` in nats; `-inf` if the flow overflowed.
    pub log_prob: f32,
    /// `sum(z^2)` of the latent, also where the base is a mixture; `inf` if it overflowed.
    pub z_norm_sq: f32,
    /// `log |det dz/dx|` in nats; `-inf` if it overflowed in either direction.
    pub log_det: f32,
    /// Of a mixture as base, the component with the largest share of `p(z)`; `None` of another base, beyond 255, or where a value overflowed.
    pub component: Option<u8>,
}

impl Score {
    /// Score of an impossible sample: density 0.
    pub(crate) const IMPOSSIBLE: Self = Self {
        log_prob: f32::NEG_INFINITY,
        z_norm_sq: f32::INFINITY,
        log_det: f32::NEG_INFINITY,
        component: None,
    };

    /// `log_prob`, `z_norm_sq` and `log_det` as raw bits.
    #[must_use]
    pub const fn bits(self) -> [u32; 3] {
        [
            self.log_prob.to_bits(),
            self.z_norm_sq.to_bits(),
            self.log_det.to_bits(),
        ]
    }
}

/// Why a sample cannot be scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ScoreError {
    /// A feature is NaN or infinite.
    NonFinite {
        /// Index of the first such feature.
        index: usize,
    },
    /// The sample does not have `dim` features.
    InputLength {
        /// The model's dimension.
        expected: usize,
        /// Number of features given.
        found: usize,
    },
    /// The workspace is too short for the pass.
    WorkspaceLength {
        /// Number of values needed.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// The gradient does not have as many values as the sample.
    GradientLength {
        /// The model's dimension.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// The model has a layer whose gradient with respect to its input is not implemented: a coupling with a residual
    /// network of convolutions. A stack of convolutions has one.
    NoGradient {
        /// Index of the first such layer, from 0 in the order of `forward`.
        layer: usize,
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
            ScoreError::GradientLength { expected, found } => {
                write!(
                    f,
                    "the gradient has {expected} values, the slice given for it {found}"
                )
            }
            ScoreError::NoGradient { layer } => {
                write!(
                    f,
                    "layer {layer} is a coupling with a residual network of convolutions, which has no gradient with \
                     respect to its input; use a stack of convolutions"
                )
            }
        }
    }
}

impl core::error::Error for ScoreError {}
