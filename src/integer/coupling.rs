//! The coupling in fixed point (paper sections 3.2 and 3.3).
//!
//! Its words: a header, the indices of the kept values (two to a word, as the activations that they become),
//! a record for each transformed value, and the networks: how many hidden layers, then the layers. A raw
//! log-scale is `m sum 2^-k` in Q24 (divided by the clamp if there is one), a shift the same in Q16.
//!
//! What the network reads is held within the range of the calibration. Any function of the kept values
//! makes a coupling, so the density stays a density there; what is transformed is never cut.

use core::hint::black_box;

use super::Progress;
use super::dense::{self, Part};
use super::fixed::{exp, rounded, saturated, tanh};
use super::program::{Program, op};
use super::weights::{QUAD_WORDS, Weights, pair};

/// The nearest number of 16 bits.
#[inline(always)]
pub(super) fn half_word(value: i64) -> i32 {
    value.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i32
}

/// The kept values of `x` as activations; returns their sum.
#[inline(never)]
fn gather(indices: &[i32], shift: i32, x: &[i32], out: &mut [i32]) -> i32 {
    let mut total = 0_i32;
    let value = |index: i32| {
        let value = x.get((index & op::NO_INDEX) as usize).copied().unwrap_or(0);
        half_word(rounded(i64::from(value), shift.cast_unsigned()))
    };
    for (&word, slot) in indices.iter().zip(out) {
        black_box(());
        let (first, second) = (value(word), value(word >> 16));
        total = total.wrapping_add(first).wrapping_add(second);
        *slot = pair(first, second);
    }
    total
}

/// One network on the activations at the front of `scratch`, whose sum is `total`; its sums go to `output`.
#[inline(always)]
fn run_net<'s, W: Weights>(
    program: &mut Program<'_>,
    kept: usize,
    total: i32,
    output: &mut [i32],
    mut source: &'s mut [i32],
    mut target: &'s mut [i32],
) -> Option<()> {
    let &[hidden] = program.header()?;
    let (mut words, mut total) = (kept, total);
    for _ in 0..hidden {
        let mut ahead = *program;
        let &[panels] = ahead.header()?;
        total = dense::forward::<W>(program, Part::Hidden, source.get(..words)?, total, target)?;
        words = (panels as usize).wrapping_mul(QUAD_WORDS);
        core::mem::swap(&mut source, &mut target);
    }
    dense::forward::<W>(program, Part::Last, source.get(..words)?, total, output)?;
    Some(())
}

/// x to y, in place; the program stands after the op.
#[inline(never)]
pub(super) fn forward<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let &[kept, records, front, input_shift, raw_shift, shift_shift] = program.header()?;
    let (kept, records) = (kept as usize, records as usize);
    let indices = program.take(kept)?;
    let (records, _) = program
        .take(records.wrapping_mul(op::RECORD))?
        .as_chunks::<{ op::RECORD }>();
    // One network's sums are raw log-scales, then shifts; of two networks each has its own.
    let count = records.len();
    let scaled_outputs = if kind & (op::AFFINE_COUPLING | op::SHIFT_FIRST) == 0 {
        0
    } else {
        count
    };
    let one = count.wrapping_add(scaled_outputs).next_multiple_of(4);
    let (sums, scratch) = if kind & op::TWO_NETS == 0 {
        let (sums, scratch) = scratch.split_at_mut_checked(one)?;
        let (front, back) = scratch.split_at_mut_checked(front as usize)?;
        let total = gather(indices, input_shift, x, front);
        run_net::<W>(program, kept, total, sums, front, back)?;
        (sums, scaled_outputs)
    } else {
        let each = count.next_multiple_of(4);
        let (sums, scratch) = scratch.split_at_mut_checked(each.wrapping_mul(2))?;
        let (front, back) = scratch.split_at_mut_checked(front as usize)?;
        for sums in sums.chunks_exact_mut(each) {
            let total = gather(indices, input_shift, x, front);
            run_net::<W>(program, kept, total, sums, front, back)?;
        }
        (sums, each)
    };
    let (sums, at) = (&*sums, scratch);
    let shifts = sums.get(at..)?;
    for ((record, &raw), &shift) in records.iter().zip(sums).zip(shifts) {
        let &[index, bound, raw_multiplier, shift_multiplier] = record;
        let x = x.get_mut(index as usize)?;
        let t = scaled(shift, shift_multiplier, shift_shift);
        let raw = scaled(raw, raw_multiplier, raw_shift);
        change(kind, x, raw, bound, t, progress);
    }
    Some(())
}

/// A sum in the steps that its multiplier and shift give it.
#[inline(always)]
fn scaled(sum: i32, multiplier: i32, shift: i32) -> i64 {
    let product = i64::from(sum).wrapping_mul(i64::from(multiplier));
    rounded(product, shift.cast_unsigned())
}

/// `x * exp(s) + t`, or `(x + t) * exp(s)`, or `x + t`.
#[inline(always)]
fn change(kind: i32, x: &mut i32, raw: i64, bound: i32, t: i64, progress: &mut Progress) {
    let mut value = i64::from(*x);
    let mut shift_after = t;
    if kind & op::SHIFT_FIRST != 0 {
        value = i64::from(saturated(value.wrapping_add(t), &mut progress.beyond));
        shift_after = 0;
    }
    if kind & (op::AFFINE_COUPLING | op::SHIFT_FIRST) != 0 {
        let s = log_scale(kind, raw, bound, progress);
        progress.log_det = progress.log_det.wrapping_add(i64::from(s));
        let (mantissa, exponent) = exp(s);
        // Far enough beyond either end there is nothing, or more than 32 bits hold.
        let shift = 30_i32.wrapping_sub(exponent).clamp(0, 62).cast_unsigned();
        value = rounded(value.wrapping_mul(i64::from(mantissa)), shift);
    }
    *x = saturated(value.wrapping_add(shift_after), &mut progress.beyond);
}

/// The log-scale in Q24.
#[inline(always)]
fn log_scale(kind: i32, raw: i64, bound: i32, progress: &mut Progress) -> i32 {
    if kind & op::TANH == 0 {
        return saturated(raw, &mut progress.beyond);
    }
    // Where the tangent is flat, the limit of 32 bits does not matter.
    let tangent = tanh(saturated(raw, &mut false));
    rounded(i64::from(tangent).wrapping_mul(i64::from(bound)), 30) as i32
}
