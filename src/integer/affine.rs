//! `y = x * scale + shift` in fixed point: standardisation of counts, and folded batch norms.
//!
//! Words of a layer: its log-determinant in Q16, a shift `k`, then for each channel
//!
//! * of an affine layer: a multiplier `m` and `shift` in Q16: `y = m x 2^-k + shift`, x and y in Q16;
//! * of a standardisation: the mean, a whole count; a multiplier `m`, its shift, and `shift` in Q16, which
//!   holds what the mean lacks of a count: `y = m (x - mean) 2^-shift + shift`, x a count and y in Q16.

use super::Progress;
use super::fixed::{Q16, Q24, rounded, saturated};
use super::layout::AFFINE_HEADER;
use crate::layer::by_channel;
use crate::spec::Shape;

/// x to y; `stride` words to a channel.
#[inline(always)]
pub(super) fn forward(
    shape: Shape,
    words: &[i32],
    stride: usize,
    x: &mut [i32],
    progress: &mut Progress,
) {
    let Some(([log_det, common], channels)) = words.split_first_chunk::<AFFINE_HEADER>() else {
        return;
    };
    progress.log_det = progress
        .log_det
        .wrapping_add(i64::from(*log_det) << (Q24 - Q16));
    let mut beyond = false;
    by_channel(shape, x, channels.chunks(stride), |x, channel| {
        let (mean, scale, shift, offset) = match *channel {
            [mean, scale, shift, offset] => (mean, scale, shift, offset),
            [scale, offset] => (0, scale, *common, offset),
            _ => return,
        };
        let centred = i64::from(*x).wrapping_sub(i64::from(mean));
        let centred = saturated(centred, &mut beyond);
        let scaled = rounded(
            i64::from(centred).wrapping_mul(i64::from(scale)),
            shift.cast_unsigned(),
        );
        *x = saturated(scaled.wrapping_add(i64::from(offset)), &mut beyond);
    });
    progress.beyond |= beyond;
}
