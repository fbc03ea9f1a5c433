//! What a detector needs of a model: a density that scores samples, whole or in steps.

use core::fmt;

use super::{Flow, Pass, Score, ScoreError};

/// A density over samples: [`Flow`], or [`IntegerFlow`](crate::integer::IntegerFlow) in fixed point.
///
/// Sealed: a user names it in bounds, and calls what the two types have themselves.
pub trait Density: sealed::Sealed + Copy + fmt::Debug {
    /// A value of a sample and of the workspace; also the log-density's number.
    type Value: Copy + PartialOrd + fmt::Debug;
    /// What a sample scores.
    type Score: Copy + fmt::Debug;
    /// Where a score in steps stands; the values themselves are in the workspace.
    type Cursor: Copy + fmt::Debug;
    /// What a workspace is filled with before its first use.
    const ZERO: Self::Value;
    /// The log-density of what cannot be scored: the lowest.
    const IMPOSSIBLE: Self::Value;

    /// Values of a sample.
    fn dim(&self) -> usize;

    /// Values of workspace that a score needs.
    fn workspace_len(&self) -> usize;

    /// Scores a sample of [`dim`](Self::dim) values.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length or, in floats, a value that is not finite.
    fn score(
        &self,
        x: &[Self::Value],
        workspace: &mut [Self::Value],
    ) -> Result<Self::Score, ScoreError>;

    /// The log-density of a score.
    fn log_prob(score: &Self::Score) -> Self::Value;

    /// Begins a score in steps.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    fn begin(
        &self,
        x: &[Self::Value],
        workspace: &mut [Self::Value],
    ) -> Result<Self::Cursor, ScoreError>;

    /// Runs the next layer in the workspace that [`begin`](Self::begin) was given. After the last one, and from then
    /// on, the score.
    fn step(&self, cursor: &mut Self::Cursor, workspace: &mut [Self::Value])
    -> Option<Self::Score>;
}

pub(crate) mod sealed {
    /// Keeps [`Density`](super::Density) to the types of this crate.
    pub trait Sealed {}
}

/// Where a score in steps stands.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    pass: Pass<'a>,
    log_det: f32,
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

    fn begin(&self, x: &[f32], workspace: &mut [f32]) -> Result<Cursor<'a>, ScoreError> {
        self.load(x, workspace)?;
        Ok(Cursor {
            pass: self.start(),
            log_det: 0.0,
        })
    }

    #[inline(never)]
    fn step(&self, cursor: &mut Cursor<'a>, workspace: &mut [f32]) -> Option<Score> {
        let Some((x, scratch)) = workspace.split_at_mut_checked(Flow::dim(self)) else {
            // Not the workspace that it began with.
            return Some(Score::IMPOSSIBLE);
        };
        let Cursor { pass, log_det } = cursor;
        if pass.next(x, scratch, log_det).is_some() {
            return None;
        }
        let (log_prob, z_norm_sq, log_det) = self.score_latent(x, *log_det);
        Some(Score {
            log_prob,
            z_norm_sq,
            log_det,
        })
    }
}
