//! The interface between a detector and a model: a density that scores samples at once or in steps.

use core::fmt;

use super::{Flow, Pass, Score, ScoreError, base};
#[cfg(feature = "extra-layers")]
use crate::spec::KernelsSpec;

/// A density model: [`Flow`], or [`IntegerFlow`](crate::integer::IntegerFlow) in fixed point.
///
/// Sealed. Use it in bounds; call the inherent methods of the two types.
pub trait Density: sealed::Sealed + Copy + fmt::Debug {
    /// Type of sample values, of the workspace, and of the log-density.
    type Value: Value;
    /// The score of a sample.
    type Score: Copy + fmt::Debug;
    /// Position of a stepwise score; the values are in the workspace.
    type Cursor: Copy + fmt::Debug;
    /// Initial value of the workspace.
    #[doc(hidden)]
    const ZERO: Self::Value;
    /// The log-density of a sample that cannot be scored: the lowest value.
    #[doc(hidden)]
    const IMPOSSIBLE: Self::Value;

    /// Number of values per sample.
    #[doc(hidden)]
    fn dim(&self) -> usize;

    /// Workspace length that a score needs.
    #[doc(hidden)]
    fn workspace_len(&self) -> usize;

    /// Scores a sample of [`dim`](Self::dim) values.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length or, in floats, a value that is not finite.
    #[doc(hidden)]
    fn score(
        &self,
        x: &[Self::Value],
        workspace: &mut [Self::Value],
    ) -> Result<Self::Score, ScoreError>;

    /// The log-density of a score.
    #[doc(hidden)]
    fn log_prob(score: &Self::Score) -> Self::Value;

    /// The component of a score.
    #[doc(hidden)]
    fn component(score: &Self::Score) -> Option<u8>;

    /// Starts a stepwise score.
    ///
    /// # Errors
    /// See [`score`](Self::score).
    #[doc(hidden)]
    fn begin(
        &self,
        x: &[Self::Value],
        workspace: &mut [Self::Value],
    ) -> Result<Self::Cursor, ScoreError>;

    /// Runs the next layer, in the workspace passed to [`begin`](Self::begin). After the last layer runs the base and
    /// returns the score, and on every later call.
    #[doc(hidden)]
    fn step(&self, cursor: &mut Self::Cursor, workspace: &mut [Self::Value])
    -> Option<Self::Score>;
}

/// A value of a sample, of the workspace, or a log-density: `f32`, or a count.
///
/// Sealed: guards and alarms take both alike.
pub trait Value: sealed::Sealed + Copy + PartialOrd + fmt::Debug + 'static {
    /// Nothing.
    #[doc(hidden)]
    const ZERO: Self;

    /// How far apart two values are; at most the largest value.
    #[doc(hidden)]
    #[must_use]
    fn distance(self, other: Self) -> Self;

    /// The sum of two values that are not negative; at most the largest value.
    #[doc(hidden)]
    #[must_use]
    fn plus(self, other: Self) -> Self;

    /// Its bits.
    #[doc(hidden)]
    fn to_word(self) -> u32;

    /// A log-density in steps of 2^-16 nat, the lowest for what is no number.
    #[doc(hidden)]
    fn steps(self) -> i32;
}

impl sealed::Sealed for f32 {}

impl Value for f32 {
    const ZERO: f32 = 0.0;

    fn distance(self, other: f32) -> f32 {
        if self > other {
            self - other
        } else {
            other - self
        }
    }

    fn plus(self, other: f32) -> f32 {
        self + other
    }

    fn to_word(self) -> u32 {
        self.to_bits()
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "a float beyond the integers becomes the last one"
    )]
    fn steps(self) -> i32 {
        const STEPS_PER_NAT: f32 = 65_536.0;
        if self.is_nan() {
            i32::MIN
        } else {
            // By a power of 2: exact.
            (self * STEPS_PER_NAT) as i32
        }
    }
}

impl sealed::Sealed for i32 {}

impl Value for i32 {
    const ZERO: i32 = 0;

    fn distance(self, other: i32) -> i32 {
        i32::try_from(self.abs_diff(other)).unwrap_or(i32::MAX)
    }

    fn plus(self, other: i32) -> i32 {
        self.saturating_add(other)
    }

    fn to_word(self) -> u32 {
        self.cast_unsigned()
    }

    fn steps(self) -> i32 {
        self
    }
}

pub(crate) mod sealed {
    /// Restricts [`Density`](super::Density) to this crate's types.
    pub trait Sealed {}
}

/// Position of a stepwise score.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    pass: Pass<'a>,
    log_det: f32,
    /// Log-density by the kernels; NaN before it is known.
    #[cfg(feature = "extra-layers")]
    second: f32,
    /// Layers that are left in front of the kernels.
    #[cfg(feature = "extra-layers")]
    front: usize,
}

impl sealed::Sealed for Flow<'_> {}

impl<'a> Density for Flow<'a> {
    type Value = f32;
    type Score = Score;
    type Cursor = Cursor<'a>;
    const ZERO: f32 = 0.0;
    const IMPOSSIBLE: f32 = f32::NEG_INFINITY;

    #[inline(always)]
    fn dim(&self) -> usize {
        Flow::dim(self)
    }

    #[inline(always)]
    fn workspace_len(&self) -> usize {
        Flow::workspace_len(self)
    }

    #[inline(always)]
    fn score(&self, x: &[f32], workspace: &mut [f32]) -> Result<Score, ScoreError> {
        Flow::score(self, x, workspace)
    }

    #[inline(always)]
    fn log_prob(score: &Score) -> f32 {
        score.log_prob
    }

    #[inline(always)]
    fn component(score: &Score) -> Option<u8> {
        score.component
    }

    fn begin(&self, x: &[f32], workspace: &mut [f32]) -> Result<Cursor<'a>, ScoreError> {
        self.load(x, workspace)?;
        Ok(Cursor {
            pass: self.start(),
            log_det: 0.0,
            #[cfg(feature = "extra-layers")]
            second: f32::NAN,
            #[cfg(feature = "extra-layers")]
            front: KernelsSpec::behind(self.spec.given),
        })
    }

    #[inline(never)]
    fn step(&self, cursor: &mut Cursor<'a>, workspace: &mut [f32]) -> Option<Score> {
        let Some((x, scratch)) = workspace.split_at_mut_checked(Flow::dim(self)) else {
            // A different workspace than the one it began with.
            return Some(Score::IMPOSSIBLE);
        };
        let Cursor { pass, log_det, .. } = cursor;
        if pass.next(x, scratch, log_det).is_some() {
            #[cfg(feature = "extra-layers")]
            if cursor.front > 0 {
                cursor.front = cursor.front.wrapping_sub(1);
                if cursor.front == 0 {
                    cursor.second = self.by_kernels(x, scratch, *log_det);
                }
            }
            return None;
        }
        let (log_prob, z_norm_sq, log_det) = self.score_latent(x, scratch, pass.params, *log_det);
        #[cfg(feature = "extra-layers")]
        let log_prob = if cursor.second < log_prob {
            cursor.second
        } else {
            log_prob
        };
        Some(Score {
            log_prob,
            z_norm_sq,
            log_det,
            component: base::component(&self.spec, scratch.iter().copied()),
        })
    }
}
