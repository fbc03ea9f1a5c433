//! `y = x * scale + shift` in fixed point: standardisation of counts, and folded batch norms.
//!
//! A channel of an affine layer has a multiplier `m`, its shift `k` and a shift in Q16:
//! `y = m x 2^-k + shift`, x and y in Q16. A channel of a standardisation has before these its mean, a
//! whole count: `y = m (x - mean) 2^-k + shift`, x a count, y in Q16; the shift holds what the mean lacks
//! of a count.

use core::hint::black_box;

use crate::arithmetic::fixed::Progress;
use crate::arithmetic::fixed::{Q16, Q24, linear};
use crate::image::{AffineChannel, AffineHeader, Program};

/// x to y; `stride` words to a channel.
#[inline(never)]
pub(crate) fn forward(
    program: &mut Program<'_>,
    stride: usize,
    x: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let AffineHeader {
        channels,
        places,
        log_det,
    } = AffineHeader::read(program)?;
    progress.log_det = progress
        .log_det
        .wrapping_add(i64::from(log_det) << (Q24 - Q16));
    let (channels, places) = (channels as usize, places as usize);
    let words = program.take(channels.wrapping_mul(stride))?;
    let mut x = x.iter_mut();
    for channel in words.chunks_exact(stride.max(1)) {
        // A standardisation's channel has its mean before what an affine layer's has.
        let (mean, words) = match channel {
            [mean, rest @ ..] if rest.len() == AffineChannel::WORDS => (*mean, rest.first_chunk()?),
            _ => (0, channel.first_chunk()?),
        };
        let AffineChannel {
            multiplier,
            shift,
            offset,
        } = AffineChannel::from_words(words);
        for _ in 0..places {
            black_box(());
            let x = x.next()?;
            let (centred, over) = x.overflowing_sub(mean);
            progress.beyond |= over;
            *x = linear(centred, multiplier, shift, offset, &mut progress.beyond);
        }
    }
    Some(())
}
