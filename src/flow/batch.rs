//! Batch scoring on the desktop (feature `std`): the engine's kernels with one sample per lane.
//!
//! Instruction sets are selected at run time and rows are distributed over rayon's threads. Neither changes a
//! bit of any score.
//!
//! ```
//! # use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};
//! # use nvpico::{Flow, FlowSpec, LayerSpec};
//! # let layers = [LayerSpec::Coupling(CouplingSpec::new(Mask::Even, Transform::Additive,
//! #     Conditioner::Dense(DenseSpec::new(&[], Activation::Relu))))];
//! # let spec = FlowSpec::new(Shape::vector(2), &layers);
//! # let flow = Flow::new(spec, &[0.0, 0.5])?;
//! let rows = [0.1, 0.2, -0.3, f32::NAN];
//! let scores = nvpico::batch::score(&flow, &rows);
//! assert_eq!(scores[0]?, flow.score(&rows[..2], &mut [0.0; 8])?);
//! assert!(scores[1].is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::vec;
use std::vec::Vec;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::{Flow, Score, ScoreError, base};
use crate::arithmetic::dispatch::{Instructions as _, Registers, registers};
use crate::arithmetic::{Lanes, Packet};

/// Rows per rayon task; a multiple of every lane count.
const TASK_ROWS: usize = 256;

/// Scores the rows of a row-major table of shape `[rows, dim]`; values after the last whole row are ignored.
/// Returns one result per row: [`ScoreError`] for a row with a non-finite feature.
#[must_use]
pub fn score(flow: &Flow<'_>, rows: &[f32]) -> Vec<Result<Score, ScoreError>> {
    let dim = flow.dim();
    let count = rows.len() / dim;
    let empty = Err(ScoreError::InputLength {
        expected: dim,
        found: 0,
    });
    let mut scores = vec![empty; count];
    let registers = registers();
    scores
        .par_chunks_mut(TASK_ROWS)
        .zip(rows.par_chunks(TASK_ROWS * dim))
        .for_each(|(scores, rows)| match registers {
            #[cfg(all(
                not(any(test, debug_assertions)),
                any(target_arch = "x86", target_arch = "x86_64")
            ))]
            Registers::Sixteen(simd) => simd.run(ScoreRows::<16> { flow, rows, scores }),
            #[cfg(all(not(test), any(target_arch = "x86", target_arch = "x86_64")))]
            Registers::Eight(simd) => simd.run(ScoreRows::<8> { flow, rows, scores }),
            Registers::Baseline(simd) => simd.run(ScoreRows::<8> { flow, rows, scores }),
        });
    scores
}

struct ScoreRows<'s, 'f, const N: usize> {
    flow: &'s Flow<'f>,
    rows: &'s [f32],
    scores: &'s mut [Result<Score, ScoreError>],
}

impl<const N: usize> NullaryFnOnce for ScoreRows<'_, '_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let dim = self.flow.dim();
        let mut x = vec![Packet::<N>::splat(0.0); dim];
        let mut scratch = vec![Packet::<N>::splat(0.0); self.flow.spec().scratch_len()];
        for (scores, rows) in self.scores.chunks_mut(N).zip(self.rows.chunks(N * dim)) {
            gather(rows, &mut x);
            let (log_prob, z_norm_sq, log_det) = self.flow.score_lanes(&mut x, &mut scratch);
            let lanes = log_prob.0.iter().zip(z_norm_sq.0).zip(log_det.0);
            let rows = rows.chunks_exact(dim);
            for (lane, ((slot, row), ((&log_prob, z_norm_sq), log_det))) in
                scores.iter_mut().zip(rows).zip(lanes).enumerate()
            {
                let shares = scratch
                    .iter()
                    .filter_map(|share| share.0.get(lane).copied());
                *slot = match row.iter().position(|x| !x.is_finite()) {
                    Some(index) => Err(ScoreError::NonFinite { index }),
                    None => Ok(Score {
                        log_prob,
                        z_norm_sq,
                        log_det,
                        component: base::component(&self.flow.spec, shares),
                    }),
                };
            }
        }
    }
}

/// Transposes up to `N` rows of a row-major table into one packet per feature, one row per lane. Unused lanes
/// repeat the first row.
#[inline(always)]
pub(crate) fn gather<const N: usize>(rows: &[f32], x: &mut [Packet<N>]) {
    let dim = x.len();
    for lane in 0..N {
        let start = if lane * dim < rows.len() {
            lane * dim
        } else {
            0
        };
        let row = rows.get(start..).unwrap_or(&[]);
        for (x, &value) in x.iter_mut().zip(row) {
            if let Some(slot) = x.0.get_mut(lane) {
                *slot = value;
            }
        }
    }
}
