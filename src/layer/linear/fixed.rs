//! The matrix in fixed point.

use core::hint::black_box;

use crate::arithmetic::fixed::{Progress, Q16, Q24, rounded, saturated};
use crate::image::{AffineChannel, AffineHeader, Program};

/// x to y in fixed point, Q16. A row is an [`AffineChannel`] with the diagonal of U as its multiplier, then the
/// multipliers of all other channels, which share its shift. No sum leaves 64 bits: the check holds the multipliers of
/// a sum within 2^31 together.
#[inline(never)]
pub(crate) fn forward(
    program: &mut Program<'_>,
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
    let len = channels.wrapping_add(AffineChannel::WORDS - 1);
    let words = program.take(channels.wrapping_mul(len))?;
    for place in 0..places {
        black_box(());
        for (row, words) in words.chunks_exact(len.max(1)).enumerate() {
            let (head, others) = words.split_first_chunk()?;
            let AffineChannel {
                multiplier, shift, ..
            } = AffineChannel::from_words(head);
            let at = row.wrapping_mul(places).wrapping_add(place);
            let value = x.get_mut(at)?;
            let start = i64::from(*value).wrapping_mul(i64::from(multiplier));
            let sum = product(others.get(row..)?, x, at.wrapping_add(places), places);
            let sum = rounded(start.wrapping_add(sum), shift.cast_unsigned());
            *x.get_mut(at)? = saturated(sum, &mut progress.beyond);
        }
        for (row, words) in words.chunks_exact(len.max(1)).enumerate().rev() {
            let (head, others) = words.split_first_chunk()?;
            let AffineChannel { shift, offset, .. } = AffineChannel::from_words(head);
            let at = row.wrapping_mul(places).wrapping_add(place);
            let sum = product(others.get(..row)?, x, place, places);
            let sum = rounded(sum, shift.cast_unsigned()).wrapping_add(i64::from(offset));
            let value = x.get_mut(at)?;
            *value = saturated(sum.wrapping_add(i64::from(*value)), &mut progress.beyond);
        }
    }
    Some(())
}

/// `sum of multipliers[j] * x[at + j * stride]`.
#[inline(never)]
fn product(multipliers: &[i32], x: &[i32], at: usize, stride: usize) -> i64 {
    let mut sum: i64 = 0;
    let mut at = at;
    for &multiplier in multipliers {
        black_box(());
        let Some(&x) = x.get(at) else {
            return sum;
        };
        sum = sum.wrapping_add(i64::from(x).wrapping_mul(i64::from(multiplier)));
        at = at.wrapping_add(stride);
    }
    sum
}
