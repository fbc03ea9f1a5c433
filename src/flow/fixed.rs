//! A validated model in integers, and its score.

use core::hint::black_box;
use core::marker::PhantomData;

use super::{Density, ScoreError, Stepper, sealed};
use crate::arithmetic::fixed::{HALF_LN_2PI, Progress, Q16, Q24, rounded, saturated};
use crate::image::Program;
use crate::kernel::dense::fixed::Weights;
use crate::layer;
use crate::spec::{FlowSpec, SpecError};

/// A spec with words that fit it, as [`Flow`](crate::Flow) is one with parameters.
#[derive(Clone, Copy, Debug)]
pub struct IntegerFlow<'a, W> {
    words: &'a [i32],
    /// Of the spec, which has then done its work: the words say what the chip needs of it.
    dim: usize,
    workspace_len: usize,
    weights: PhantomData<W>,
}

/// What a sample scores, in fixed point with 16 fraction bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IntegerScore {
    /// `log p(x)` in steps of 2^-16 nat; [`IMPOSSIBLE`](Self::IMPOSSIBLE) where it is below all that 32
    /// bits hold, or a value on the way was.
    pub log_prob: i32,
    /// `sum(z^2)` of the latent in steps of 2^-16, at most `i32::MAX`.
    pub z_norm_sq: i32,
    /// `log |det dz/dx|` in steps of 2^-16 nat, within 32 bits.
    pub log_det: i32,
}

impl IntegerScore {
    /// The lowest log-density: what `-inf` is in floats.
    pub const IMPOSSIBLE: i32 = i32::MIN;

    /// `log_prob`, `z_norm_sq` and `log_det` as plain words.
    #[must_use]
    pub const fn bits(self) -> [u32; 3] {
        [
            self.log_prob.cast_unsigned(),
            self.z_norm_sq.cast_unsigned(),
            self.log_det.cast_unsigned(),
        ]
    }
}

impl<'a, W: Weights> IntegerFlow<'a, W> {
    /// Checks everything there is to check, once. Usable in a `const` context.
    ///
    /// # Errors
    /// [`SpecError`]: what [`Flow::new`](crate::Flow::new) refuses, a layer that the integer engine does
    /// not have, or words that are not those of the spec.
    pub const fn new(spec: FlowSpec<'a>, words: &'a [i32]) -> Result<Self, SpecError> {
        if let Err(error) = spec.validate_integer() {
            return Err(error);
        }
        if let Err(error) = spec.check_words::<W>(words) {
            return Err(error);
        }
        Ok(Self {
            words,
            dim: spec.dim(),
            workspace_len: spec.integer_workspace_len(),
            weights: PhantomData,
        })
    }

    /// Values of a sample.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.dim
    }

    /// Words of workspace that a score needs.
    #[must_use]
    pub const fn workspace_len(&self) -> usize {
        self.workspace_len
    }

    /// The same model with words that nobody checked.
    #[cfg(test)]
    pub(crate) const fn with_words(self, words: &'a [i32]) -> Self {
        Self { words, ..self }
    }

    /// The words, in the order that this module documents.
    #[must_use]
    pub const fn words(&self) -> &'a [i32] {
        self.words
    }

    /// Log-density of one sample, with its parts. `x` holds `dim` counts, of the unit that the model was
    /// made for. A count at a limit of its 32 bits stands for a reading that left them
    /// ([`count`](crate::integer::count)): the sample scores [`IMPOSSIBLE`](IntegerScore::IMPOSSIBLE). `workspace` holds at least [`FlowSpec::integer_workspace_len`] words.
    ///
    /// ```
    /// use nvpico::integer::{I8, IntegerFlow, count, op};
    /// use nvpico::{FlowSpec, LayerSpec, spec::Shape};
    ///
    /// const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// // As `nvpico export --precision i8` writes them: z = (x - 1000) / 16 for both values.
    /// static WORDS: [i32; SPEC.word_len::<I8>()] = [
    ///     op::STANDARDIZE, 2, 1, -363_409, 1000, 1 << 28, 16, 0, 1000, 1 << 28, 16, 0,
    /// ];
    /// let flow = IntegerFlow::<I8>::new(SPEC, &WORDS)?;
    /// let mut workspace = [0; SPEC.integer_workspace_len()];
    /// // Counts of a converter as they are, or of a float in steps of 2^0.
    /// let x = [1016, count(1008.0, 0).unwrap_or(i32::MIN)];
    /// let score = flow.score(&x, &mut workspace)?;
    /// // (1 + 0.25) in steps of 2^-16.
    /// assert_eq!(score.z_norm_sq, 5 << 14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length.
    pub fn score(&self, x: &[i32], workspace: &mut [i32]) -> Result<IntegerScore, ScoreError> {
        let (mut pass, z, scratch) = self.load(x, workspace)?;
        while pass.next::<W>(z, scratch) {}
        Ok(pass.score(z))
    }

    /// [`score`](Self::score) in steps of one layer each, for schedulers that must not be held up; see
    /// [`Flow::stepper`](crate::Flow::stepper). The bits are the same.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    pub fn stepper<'w>(
        &self,
        x: &[i32],
        workspace: &'w mut [i32],
    ) -> Result<IntegerStepper<'a, 'w, W>, ScoreError> {
        Stepper::new(*self, x, workspace)
    }

    /// The pass to come, the sample in its place in the workspace, and the rest of it.
    #[inline(always)]
    fn load<'w>(
        &self,
        x: &[i32],
        workspace: &'w mut [i32],
    ) -> Result<(Pass<'a>, &'w mut [i32], &'w mut [i32]), ScoreError> {
        let dim = self.dim;
        if x.len() != dim {
            return Err(ScoreError::InputLength {
                expected: dim,
                found: x.len(),
            });
        }
        let found = workspace.len();
        let parts = workspace.split_at_mut_checked(dim);
        let Some((z, scratch)) = parts.filter(|_| found >= self.workspace_len) else {
            return Err(ScoreError::WorkspaceLength {
                expected: self.workspace_len,
                found,
            });
        };
        // Its length is known where the model is, and loops would be written out; flash matters more.
        let z = black_box(z);
        let mut pass = Pass::new(self.words);
        for (slot, &value) in z.iter_mut().zip(black_box(x)) {
            // No call of `memcpy`, which takes a kilobyte.
            black_box(());
            *slot = value;
            // The limits are one after the other, around the wrap.
            let above = value.cast_unsigned().wrapping_sub(i32::MAX.cast_unsigned());
            pass.progress.beyond |= above < 2;
        }
        Ok((pass, z, scratch))
    }
}

/// A score under way; [`IntegerFlow::stepper`] begins one.
pub type IntegerStepper<'a, 'w, W> = Stepper<'w, IntegerFlow<'a, W>>;

/// Where a score in steps stands.
#[derive(Clone, Copy, Debug)]
pub struct IntegerCursor<'a>(Pass<'a>);

impl<W> sealed::Sealed for IntegerFlow<'_, W> {}

impl<'a, W: Weights> Density for IntegerFlow<'a, W> {
    type Value = i32;
    type Score = IntegerScore;
    type Cursor = IntegerCursor<'a>;
    const ZERO: i32 = 0;
    const IMPOSSIBLE: i32 = IntegerScore::IMPOSSIBLE;

    #[inline(always)]
    fn dim(&self) -> usize {
        self.dim
    }

    #[inline(always)]
    fn workspace_len(&self) -> usize {
        self.workspace_len
    }

    #[inline(always)]
    fn score(&self, x: &[i32], workspace: &mut [i32]) -> Result<IntegerScore, ScoreError> {
        IntegerFlow::score(self, x, workspace)
    }

    #[inline(always)]
    fn log_prob(score: &IntegerScore) -> i32 {
        score.log_prob
    }

    fn begin(&self, x: &[i32], workspace: &mut [i32]) -> Result<IntegerCursor<'a>, ScoreError> {
        let (pass, _, _) = self.load(x, workspace)?;
        Ok(IntegerCursor(pass))
    }

    #[inline(never)]
    fn step(&self, cursor: &mut IntegerCursor<'a>, workspace: &mut [i32]) -> Option<IntegerScore> {
        let IntegerCursor(pass) = cursor;
        let Some((x, scratch)) = workspace.split_at_mut_checked(self.dim) else {
            // Not the workspace that it began with.
            return Some(IntegerScore {
                log_prob: IntegerScore::IMPOSSIBLE,
                z_norm_sq: i32::MAX,
                log_det: i32::MIN,
            });
        };
        if pass.next::<W>(x, scratch) {
            return None;
        }
        Some(pass.score(x))
    }
}

/// The way from x to z: what is left of the words, and what was gathered.
#[derive(Clone, Copy, Debug)]
struct Pass<'a> {
    program: Program<'a>,
    progress: Progress,
}

impl<'a> Pass<'a> {
    #[inline(always)]
    fn new(words: &'a [i32]) -> Self {
        Self {
            program: Program::new(words),
            progress: Progress::new(),
        }
    }

    /// Runs the next layer on `x`, in place; false after the last one.
    #[inline(always)]
    fn next<W: Weights>(&mut self, x: &mut [i32], scratch: &mut [i32]) -> bool {
        let Some(&[kind]) = self.program.header() else {
            return false;
        };
        let Self { program, progress } = self;
        if layer::forward_fixed::<W>(program, kind, x, scratch, progress).is_none() {
            // The words were checked, so memory has changed since: no number would mean anything.
            progress.beyond = true;
            *program = Program::new(&[]);
        }
        true
    }

    /// `log N(z; 0, I) + log_det`, with its parts.
    #[inline(always)]
    fn score(&self, z: &[i32]) -> IntegerScore {
        score(z, self.progress)
    }
}

/// `log N(z; 0, I) + log_det`, with its parts.
fn score(z: &[i32], progress: Progress) -> IntegerScore {
    let mut z_norm_sq: u64 = 0;
    for &z in z {
        black_box(());
        // Q32 to Q24: sums of the largest squares fit for as many values as any sample has.
        let square = i64::from(z).wrapping_mul(i64::from(z)).cast_unsigned();
        z_norm_sq = z_norm_sq.saturating_add(square >> (2 * Q16 - Q24));
    }
    let z_norm_sq = (z_norm_sq >> 1).cast_signed();
    let constant = HALF_LN_2PI.wrapping_mul(z.len().cast_signed() as i64);
    let log_prob = progress
        .log_det
        .saturating_sub(z_norm_sq)
        .saturating_sub(constant);
    let mut beyond = progress.beyond;
    let log_prob = saturated(rounded(log_prob, Q24 - Q16), &mut beyond);
    IntegerScore {
        log_prob: if beyond {
            IntegerScore::IMPOSSIBLE
        } else {
            log_prob
        },
        z_norm_sq: saturated(rounded(z_norm_sq, Q24 - Q16 - 1), &mut false),
        log_det: saturated(rounded(progress.log_det, Q24 - Q16), &mut false),
    }
}
