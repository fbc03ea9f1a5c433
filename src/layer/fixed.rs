//! Dispatch to the layers in fixed point.
//!
//! The match is exhaustive over ops, so a new op does not compile until it is handled. Layers that are not
//! compiled in were rejected when the model was created.

use super::affine::fixed as affine;
use super::coupling::fixed as coupling;
#[cfg(feature = "feature-maps")]
use super::logit::fixed as logit;
use super::permutation::fixed as permutation;
#[cfg(feature = "feature-maps")]
use super::squeeze::fixed::{self as squeeze, Way};
use crate::arithmetic::fixed::Progress;
#[cfg(feature = "feature-maps")]
use crate::image::FactorOutHeader;
use crate::image::{AffineChannel, Op, Program, StandardizeChannel};
use crate::kernel::dense::fixed::Weights;

/// Runs a layer on `x` in place; the program is positioned after its op, `kind`. `None` if the words are
/// invalid.
#[inline(always)]
pub(crate) fn forward<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    // Factored-out values are at the end of `x`.
    #[cfg(feature = "feature-maps")]
    let x = {
        let len = x.len().min(progress.left);
        x.get_mut(..len)?
    };
    match Op::of(kind)? {
        Op::Standardize => affine::forward(program, StandardizeChannel::WORDS, x, progress),
        Op::Affine => affine::forward(program, AffineChannel::WORDS, x, progress),
        Op::Permutation => permutation::forward(program, x, scratch),
        Op::Coupling => coupling::forward::<W>(program, kind, x, scratch, progress),
        #[cfg(feature = "feature-maps")]
        Op::Squeeze => squeeze::forward(Way::Squeeze, program, x, scratch),
        #[cfg(feature = "feature-maps")]
        Op::Unsqueeze => squeeze::forward(Way::Unsqueeze, program, x, scratch),
        #[cfg(feature = "feature-maps")]
        Op::FactorOut => {
            progress.left = FactorOutHeader::read(program)?.goes_on as usize;
            Some(())
        }
        #[cfg(feature = "feature-maps")]
        Op::Logit => logit::forward(program, x, progress),
        #[cfg(feature = "feature-maps")]
        Op::Convolution => coupling::maps::forward::<W>(program, kind, x, scratch, progress),
        #[cfg(all(feature = "feature-maps", feature = "foreign"))]
        Op::Residual => coupling::residual::forward::<W>(program, kind, x, scratch, progress),
        #[cfg(not(feature = "feature-maps"))]
        Op::Squeeze | Op::Unsqueeze | Op::FactorOut | Op::Logit | Op::Convolution => None,
        #[cfg(not(all(feature = "feature-maps", feature = "foreign")))]
        Op::Residual => None,
    }
}
