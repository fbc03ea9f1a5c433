//! `y = x * scale + shift` in fixed point: standardisation of counts, and folded batch norms.
//!
//! A channel of an affine layer has a multiplier `m`, its shift `k` and a shift in Q16:
//! `y = m x 2^-k + shift`, x and y in Q16. A channel of a standardisation has before these its mean, a
//! whole count: `y = m (x - mean) 2^-k + shift`, x a count, y in Q16; the shift holds what the mean lacks
//! of a count.

use core::hint::black_box;

use super::Progress;
use super::fixed::{Q16, Q24, linear};
use super::program::Program;

/// x to y; `stride` words to a channel.
#[inline(never)]
pub(super) fn forward(
    program: &mut Program<'_>,
    stride: usize,
    x: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let &[channels, places, log_det] = program.header()?;
    progress.log_det = progress
        .log_det
        .wrapping_add(i64::from(log_det) << (Q24 - Q16));
    let (channels, places) = (channels as usize, places as usize);
    let words = program.take(channels.wrapping_mul(stride))?;
    let mut x = x.iter_mut();
    for channel in words.chunks_exact(stride.max(1)) {
        let (mean, &[scale, shift, offset]) = match channel {
            [mean, rest @ ..] if rest.len() == 3 => (*mean, rest.first_chunk()?),
            _ => (0, channel.first_chunk()?),
        };
        for _ in 0..places {
            black_box(());
            let x = x.next()?;
            let (centred, over) = x.overflowing_sub(mean);
            progress.beyond |= over;
            *x = linear(centred, scale, shift, offset, &mut progress.beyond);
        }
    }
    Some(())
}
