//! `y = x * scale + shift` in fixed point: standardisation of counts, and folded batch norms.
//!
//! A channel of an affine layer has a multiplier `m`, a right shift `k` and an offset in Q16: `y = m x 2^-k +
//! offset`, with x and y in Q16. A channel of a standardisation also has a mean, an integer count: `y = m (x -
//! mean) 2^-k + offset`, with x in counts and y in Q16; the offset includes the fractional part of the mean.

use core::hint::black_box;

use crate::arithmetic::fixed::Progress;
use crate::arithmetic::fixed::{Q16, Q24, linear};
use crate::image::{AffineChannel, AffineHeader, Program};

/// Maps x to y; `stride` is the number of words per channel.
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
        // In a standardisation the channel's mean precedes the fields of an affine channel.
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
