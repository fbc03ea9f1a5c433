//! A validated model in integers, and its score.

use core::marker::PhantomData;

use super::fixed::{HALF_LN_2PI, Q16, Q24, rounded, saturated};
use super::layout::{AFFINE_CHANNEL, STANDARDIZE_CHANNEL};
use super::weights::Weights;
use super::{Progress, affine, coupling};
use crate::flow::ScoreError;
use crate::layer::permutation;
#[cfg(feature = "feature-maps")]
use crate::layer::squeeze;
use crate::spec::{FlowSpec, LayerSpec, SpecError};

/// A spec with words that fit it, as [`Flow`](crate::Flow) is one with parameters.
#[derive(Clone, Copy, Debug)]
pub struct IntegerFlow<'a, W> {
    spec: FlowSpec<'a>,
    words: &'a [i32],
    /// [`FlowSpec::integer_workspace_len`], which would cost a walk through all layers in every score.
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
}

impl<'a, W: Weights> IntegerFlow<'a, W> {
    /// Checks everything there is to check, once. Usable in a `const` context.
    ///
    /// # Errors
    /// [`SpecError`]: what [`Flow::new`](crate::Flow::new) refuses, a layer that the integer engine does
    /// not have, or a wrong number of words.
    pub const fn new(spec: FlowSpec<'a>, words: &'a [i32]) -> Result<Self, SpecError> {
        if let Err(error) = spec.validate_integer() {
            return Err(error);
        }
        let expected = spec.word_len::<W>();
        if words.len() != expected {
            return Err(SpecError::ParamLength {
                expected,
                found: words.len(),
            });
        }
        Ok(Self {
            spec,
            words,
            workspace_len: spec.integer_workspace_len(),
            weights: PhantomData,
        })
    }

    /// The structure.
    #[must_use]
    pub const fn spec(&self) -> &FlowSpec<'a> {
        &self.spec
    }

    /// Values of a sample.
    #[must_use]
    #[inline(always)]
    pub const fn dim(&self) -> usize {
        self.spec.dim()
    }

    /// The words, in the order that this module documents.
    #[must_use]
    pub const fn words(&self) -> &'a [i32] {
        self.words
    }

    /// Log-density of one sample, with its parts. `x` holds `dim` counts, of the unit that the model was
    /// made for; `workspace` at least [`FlowSpec::integer_workspace_len`] words.
    ///
    /// # Errors
    /// [`ScoreError`] for a wrong length.
    pub fn score(&self, x: &[i32], workspace: &mut [i32]) -> Result<IntegerScore, ScoreError> {
        let dim = self.dim();
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
        for (slot, &value) in z.iter_mut().zip(x) {
            *slot = value;
        }
        let progress = self.forward(z, scratch);
        Ok(score(z, progress))
    }

    /// x to z in place; lengths are the caller's promise.
    #[inline(always)]
    fn forward(&self, x: &mut [i32], scratch: &mut [i32]) -> Progress {
        let mut progress = Progress::default();
        let mut words = self.words;
        let mut walk = self.spec.walk();
        while let Some((layer, shape)) = walk.next() {
            let (Some((own, rest)), Some(x)) = (
                words.split_at_checked(layer.word_len::<W>(shape)),
                x.get_mut(..shape.len()),
            ) else {
                break;
            };
            words = rest;
            match layer {
                LayerSpec::Standardize => {
                    affine::forward(shape, own, STANDARDIZE_CHANNEL, x, &mut progress);
                }
                LayerSpec::Affine => {
                    affine::forward(shape, own, AFFINE_CHANNEL, x, &mut progress);
                }
                LayerSpec::Coupling(spec) => {
                    coupling::forward::<W>(spec, shape, own, x, scratch, &mut progress);
                }
                LayerSpec::Permutation(order) => permutation::forward(shape, order, x, scratch),
                #[cfg(feature = "feature-maps")]
                LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, x, scratch),
                #[cfg(feature = "feature-maps")]
                LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, walk.shape, x, scratch),
                // Nothing to do, or refused by `new`.
                _ => {}
            }
        }
        progress
    }
}

/// `log N(z; 0, I) + log_det`, with its parts.
fn score(z: &[i32], progress: Progress) -> IntegerScore {
    let mut z_norm_sq: u64 = 0;
    for &z in z {
        // Q32 to Q24: sums of the largest squares fit for as many values as any sample has.
        let square = i64::from(z).wrapping_mul(i64::from(z)).cast_unsigned();
        z_norm_sq = z_norm_sq.saturating_add(square >> (2 * Q16 - Q24));
    }
    let z_norm_sq = (z_norm_sq >> 1).cast_signed();
    let constant = HALF_LN_2PI.wrapping_mul(z.len() as i64);
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
