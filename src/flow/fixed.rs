//! A validated integer model, and scoring with it.

use core::hint::black_box;
use core::marker::PhantomData;

#[cfg(feature = "extra-layers")]
use super::base::fixed as mixture;
use super::{Density, ScoreError, Stepper, sealed};
use crate::arithmetic::fixed::{HALF_LN_2PI, Progress, Q16, Q24, rounded, saturated};
use crate::image::Program;
use crate::kernel::dense::fixed::Weights;
use crate::layer;
use crate::spec::{FlowSpec, SpecError};

/// A validated integer model: a spec and the words that belong to it, the counterpart of [`Flow`](crate::Flow).
#[derive(Clone, Copy, Debug)]
pub struct IntegerFlow<'a, W> {
    words: &'a [i32],
    /// Copied from the spec, which is not kept: the words contain everything that scoring needs.
    dim: usize,
    workspace_len: usize,
    #[cfg(feature = "extra-layers")]
    given: usize,
    weights: PhantomData<W>,
}

/// Score of a sample, in fixed point with 16 fraction bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IntegerScore {
    /// `log p(x)` in units of 2^-16 nat; [`IMPOSSIBLE`](Self::IMPOSSIBLE) if it, or a value it is computed
    /// from, overflows 32 bits.
    pub log_prob: i32,
    /// `sum(z^2)` of the latent, also where the base is a mixture, in units of 2^-16, saturating at `i32::MAX`.
    pub z_norm_sq: i32,
    /// `log |det dz/dx|` in units of 2^-16 nat, saturating at 32 bits.
    pub log_det: i32,
    /// Of a mixture as base, the component with the largest share of `p(z)`; `None` of another base, or beyond 255.
    pub component: Option<u8>,
}

impl IntegerScore {
    /// The lowest log-density: the counterpart of `-inf`.
    pub const IMPOSSIBLE: i32 = i32::MIN;

    /// `log_prob`, `z_norm_sq` and `log_det` as raw bits.
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
    /// Validates the model once; usable in a `const` context.
    ///
    /// # Errors
    /// [`SpecError`] in the cases of [`Flow::new`](crate::Flow::new), for a layer that the integer engine does
    /// not support, or if the words do not match the spec.
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
            #[cfg(feature = "extra-layers")]
            given: spec.given(),
            weights: PhantomData,
        })
    }

    /// Number of values per sample.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.dim
    }

    /// How many values of a sample are given, its first ones; see [`FlowSpec::with_given`].
    #[cfg(feature = "extra-layers")]
    #[must_use]
    #[inline(always)]
    pub const fn given(&self) -> usize {
        self.given
    }

    /// How many values of a sample are given; 0 without the feature.
    #[cfg(not(feature = "extra-layers"))]
    #[must_use]
    #[inline(always)]
    #[allow(clippy::unused_self, reason = "a number of the model where it has one")]
    pub const fn given(&self) -> usize {
        0
    }

    /// Workspace length for one score, in words.
    #[must_use]
    pub const fn workspace_len(&self) -> usize {
        self.workspace_len
    }

    /// The same model with unchecked words.
    #[cfg(test)]
    pub(crate) const fn with_words(self, words: &'a [i32]) -> Self {
        Self { words, ..self }
    }

    /// The words, in the format that `nvpico export` writes.
    #[must_use]
    pub const fn words(&self) -> &'a [i32] {
        self.words
    }

    /// Exact log-density of one sample, with its terms. `x` has shape `[dim]` and holds counts in the unit of
    /// the model. `workspace` holds at least [`FlowSpec::integer_workspace_len`] words.
    ///
    /// A count of `i32::MIN` or `i32::MAX` stands for a reading out of range (see
    /// [`count`](crate::integer::count)); such a sample scores [`IMPOSSIBLE`](IntegerScore::IMPOSSIBLE).
    ///
    /// ```
    /// use nvpico::integer::{I8, IntegerFlow, count};
    /// use nvpico::{FlowSpec, LayerSpec, spec::Shape};
    ///
    /// const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// // As `nvpico export --precision i8` writes them: z = (x - 1000) / 16 for both values.
    /// static WORDS: [i32; SPEC.word_len::<I8>()] = [
    ///     0, 2, 1, -363_409, 1000, 1 << 28, 16, 0, 1000, 1 << 28, 16, 0,
    /// ];
    /// let flow = IntegerFlow::<I8>::new(SPEC, &WORDS)?;
    /// let mut workspace = [0; SPEC.integer_workspace_len()];
    /// // A raw count of a converter, and a float reading converted to counts of 2^0.
    /// let x = [1016, count(1008.0, 0).unwrap_or(i32::MIN)];
    /// let score = flow.score(&x, &mut workspace)?;
    /// // 1 + 0.25 in units of 2^-16.
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

    /// [`score`](Self::score) in steps of one layer each and one of a mixture, for cooperative schedulers; see
    /// [`Flow::stepper`](crate::Flow::stepper). The result is bit-identical.
    ///
    /// # Errors
    /// See [`score`](Self::score).
    pub fn stepper<'w>(
        &self,
        x: &[i32],
        workspace: &'w mut [i32],
    ) -> Result<IntegerStepper<'a, 'w, W>, ScoreError> {
        Stepper::new(*self, x, workspace)
    }

    /// Checks lengths and copies the sample to the front of the workspace. Returns the pass, the copy and the
    /// rest of the workspace.
    #[inline(always)]
    fn load<'w>(
        &self,
        x: &[i32],
        workspace: &'w mut [i32],
    ) -> Result<(IntegerPass<'a>, &'w mut [i32], &'w mut [i32]), ScoreError> {
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
        // The length is hidden from the compiler, which would unroll the loops where the model is constant;
        // flash size matters more.
        let z = black_box(z);
        let mut pass = IntegerPass::new(self.words);
        for (slot, &value) in z.iter_mut().zip(black_box(x)) {
            // A plain loop instead of `memcpy`, which takes a kilobyte of flash.
            black_box(());
            *slot = value;
            // `i32::MAX` and `i32::MIN` are adjacent modulo 2^32, so one comparison finds both.
            let above = value.cast_unsigned().wrapping_sub(i32::MAX.cast_unsigned());
            pass.progress.beyond |= above < 2;
        }
        Ok((pass, z, scratch))
    }
}

/// A stepwise score; created by [`IntegerFlow::stepper`].
pub type IntegerStepper<'a, 'w, W> = Stepper<'w, IntegerFlow<'a, W>>;

/// Position of a stepwise score.
#[derive(Clone, Copy, Debug)]
pub struct IntegerCursor<'a>(IntegerPass<'a>);

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

    #[inline(always)]
    fn component(score: &IntegerScore) -> Option<u8> {
        score.component
    }

    fn begin(&self, x: &[i32], workspace: &mut [i32]) -> Result<IntegerCursor<'a>, ScoreError> {
        let (pass, _, _) = self.load(x, workspace)?;
        Ok(IntegerCursor(pass))
    }

    #[inline(never)]
    fn step(&self, cursor: &mut IntegerCursor<'a>, workspace: &mut [i32]) -> Option<IntegerScore> {
        let IntegerCursor(pass) = cursor;
        let Some((x, scratch)) = workspace.split_at_mut_checked(self.dim) else {
            // A different workspace than the one it began with.
            return Some(IntegerScore {
                log_prob: IntegerScore::IMPOSSIBLE,
                z_norm_sq: i32::MAX,
                log_det: i32::MIN,
                component: None,
            });
        };
        if pass.next::<W>(x, scratch) {
            return None;
        }
        Some(pass.score(x))
    }
}

/// State of a pass from x to z: the remaining words and the accumulated terms.
#[derive(Clone, Copy, Debug)]
struct IntegerPass<'a> {
    program: Program<'a>,
    progress: Progress,
}

impl<'a> IntegerPass<'a> {
    #[inline(always)]
    fn new(words: &'a [i32]) -> Self {
        Self {
            program: Program::new(words),
            progress: Progress::new(),
        }
    }

    /// Runs the next layer on `x` in place; false after the last one.
    #[inline(always)]
    fn next<W: Weights>(&mut self, x: &mut [i32], scratch: &mut [i32]) -> bool {
        let Some(&[kind]) = self.program.header() else {
            return false;
        };
        let Self { program, progress } = self;
        let done = run::<W>(program, kind, x, scratch, progress);
        if done.is_none() {
            // The words were valid, so memory has changed since. No score can be trusted.
            progress.beyond = true;
            *program = Program::new(&[]);
        }
        true
    }

    /// `ln p(z) + log_det`, with its terms.
    #[inline(always)]
    fn score(&self, z: &[i32]) -> IntegerScore {
        score(z, self.progress)
    }
}

/// Runs a layer, or the base behind the last one. The program stands behind its op, which is `kind`.
#[inline(always)]
fn run<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    #[cfg(feature = "extra-layers")]
    if mixture::is_mixture(kind) {
        return mixture::run::<W>(program, kind, x, scratch, progress);
    }
    #[cfg(feature = "extra-layers")]
    if kind == crate::image::op::KERNELS {
        return mixture::run_kernels::<W>(program, x, scratch, progress);
    }
    layer::forward_fixed::<W>(program, kind, x, scratch, progress)
}

/// `ln p(z) + log_det`, with its terms.
fn score(z: &[i32], progress: Progress) -> IntegerScore {
    let mut z_norm_sq: u64 = 0;
    for &z in z {
        black_box(());
        // Q32 to Q24: even sums of the largest squares fit, for any supported number of values.
        let square = i64::from(z).wrapping_mul(i64::from(z)).cast_unsigned();
        z_norm_sq = z_norm_sq.saturating_add(square >> (2 * Q16 - Q24));
    }
    let z_norm_sq = (z_norm_sq >> 1).cast_signed();
    let constant = HALF_LN_2PI.wrapping_mul(z.len().cast_signed() as i64);
    let log_prob = progress
        .log_det
        .saturating_sub(z_norm_sq)
        .saturating_sub(constant);
    #[cfg(feature = "extra-layers")]
    let log_prob = match progress.base {
        Some(base) => progress.log_det.saturating_add(base),
        None => log_prob,
    };
    let mut beyond = progress.beyond;
    let log_prob = saturated(rounded(log_prob, Q24 - Q16), &mut beyond);
    #[cfg(feature = "extra-layers")]
    let log_prob = progress.second.unwrap_or(i32::MAX).min(log_prob);
    IntegerScore {
        log_prob: if beyond {
            IntegerScore::IMPOSSIBLE
        } else {
            log_prob
        },
        z_norm_sq: saturated(rounded(z_norm_sq, Q24 - Q16 - 1), &mut false),
        log_det: saturated(rounded(progress.log_det, Q24 - Q16), &mut false),
        #[cfg(feature = "extra-layers")]
        component: progress.component,
        #[cfg(not(feature = "extra-layers"))]
        component: None,
    }
}
