//! A permutation of channels in fixed point; only moves words.

use core::hint::black_box;

use crate::image::{PermutationHeader, Program};

/// Channel `i` of y is the channel of x given by the `i`-th word.
#[inline(never)]
pub(crate) fn forward(program: &mut Program<'_>, x: &mut [i32], scratch: &mut [i32]) -> Option<()> {
    let PermutationHeader { channels, places } = PermutationHeader::read(program)?;
    let mut next = scratch.iter_mut();
    for &from in program.take(channels as usize)? {
        for at in 0..places {
            black_box(());
            let index = from.wrapping_mul(places).wrapping_add(at);
            *next.next()? = *x.get(index as usize)?;
        }
    }
    for (x, &value) in x.iter_mut().zip(scratch.iter()) {
        black_box(());
        *x = value;
    }
    Some(())
}
