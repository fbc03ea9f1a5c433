//! The coupling in fixed point (paper sections 3.2 and 3.3).
//!
//! A raw log-scale is `m sum 2^-k` in Q24 (divided by the clamp, if any), a shift is the same in Q16.
//!
//! The network's inputs saturate at the calibrated range. Any function of the kept values gives a valid
//! coupling, so the density remains a density. Transformed values never saturate.

#[cfg(feature = "feature-maps")]
pub(crate) mod maps;
#[cfg(all(feature = "feature-maps", feature = "extra-layers"))]
pub(crate) mod residual;

use core::hint::black_box;

use crate::arithmetic::fixed::Progress;
#[cfg(feature = "extra-layers")]
use crate::arithmetic::fixed::{atan, log_sigmoid};
use crate::arithmetic::fixed::{exp, linear, tanh};
use crate::image::{
    DenseHeader, LayerHeader, NetworkHeader, PANEL, Program, QUAD_WORDS, Record, high, low, op,
    pair,
};
use crate::kernel::dense::fixed::{self as dense, Part, Weights, activation};
#[cfg(feature = "extra-layers")]
use crate::kernel::residual_dense::fixed as block;

/// The kept values of `x` as activations; returns their sum.
#[inline(never)]
fn gather(indices: &[i32], shift: i32, x: &[i32], out: &mut [i32]) -> i32 {
    let mut total = 0_i32;
    let value = |index: i32| {
        let value = x.get((index & op::NO_INDEX) as usize).copied().unwrap_or(0);
        activation(value, shift)
    };
    for (&word, slot) in indices.iter().zip(out) {
        black_box(());
        let (first, second) = (value(low(word)), value(high(word)));
        total = total.wrapping_add(first).wrapping_add(second);
        *slot = pair(first, second);
    }
    total
}

/// Runs one network on the activations at the front of `scratch`, whose sum is `total`; writes its sums to
/// `output`.
#[inline(always)]
fn run_net<'s, W: Weights>(
    program: &mut Program<'_>,
    kept: usize,
    total: i32,
    output: &mut [i32],
    mut source: &'s mut [i32],
    mut target: &'s mut [i32],
) -> Option<()> {
    let NetworkHeader { hidden } = NetworkHeader::read(program)?;
    let (mut words, mut total) = (kept, total);
    for _ in 0..hidden {
        let mut ahead = *program;
        let LayerHeader { panels, .. } = LayerHeader::read(&mut ahead)?;
        total = dense::forward::<W>(program, Part::Hidden, source.get(..words)?, total, target)?;
        words = (panels as usize).wrapping_mul(QUAD_WORDS);
        core::mem::swap(&mut source, &mut target);
    }
    dense::forward::<W>(program, Part::Last, source.get(..words)?, total, output)?;
    Some(())
}

/// Maps x to y in place; the program is positioned after the op.
#[inline(never)]
pub(crate) fn forward<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let DenseHeader {
        kept,
        records,
        front,
        input_shift,
        raw_shift,
        shift_shift,
    } = DenseHeader::read(program)?;
    let (kept, records) = (kept as usize, records as usize);
    let indices = program.take(kept)?;
    let (records, _) = program
        .take(records.wrapping_mul(Record::WORDS))?
        .as_chunks::<{ Record::WORDS }>();
    let change = Change {
        kind,
        records,
        raw_shift,
        shift_shift,
    };
    // A single network outputs raw log-scales, if any, then shifts; two networks output one of them each.
    let raws = if is_scaled(kind) { records.len() } else { 0 };
    let (each, nets, shifts) = if kind & op::TWO_NETS == 0 {
        (records.len().wrapping_add(raws), 1, raws)
    } else {
        (raws, 2, raws.next_multiple_of(PANEL))
    };
    let each = each.next_multiple_of(PANEL);
    let (sums, scratch) = scratch.split_at_mut_checked(each.wrapping_mul(nets))?;
    let (front, back) = scratch.split_at_mut_checked(front as usize)?;
    for sums in sums.chunks_exact_mut(each.max(1)) {
        let total = gather(indices, input_shift, x, front);
        #[cfg(feature = "extra-layers")]
        if kind & op::BLOCKS != 0 {
            block::run::<W>(program, front, total, sums, back)?;
            continue;
        }
        run_net::<W>(program, kept, total, sums, front, back)?;
    }
    change.all(sums, sums.get(shifts..)?, x, 1, 0, progress)
}

/// How a network's sums transform the values that are not kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// The coupling's op.
    pub kind: i32,
    /// One record per transformed channel.
    pub records: &'a [[i32; Record::WORDS]],
    /// Shift for the multipliers of raw log-scales.
    pub raw_shift: i32,
    /// Shift for the multipliers of shifts.
    pub shift_shift: i32,
}

/// Whether a coupling has log-scales.
fn is_scaled(kind: i32) -> bool {
    kind & (op::AFFINE_COUPLING | op::SHIFT_FIRST) != 0
}

impl Change<'_> {
    /// Transforms the values at one of `places`; `sums` holds raw log-scales, if any, then shifts.
    #[cfg(feature = "feature-maps")]
    #[inline(always)]
    pub(crate) fn place(
        &self,
        sums: &[i32],
        x: &mut [i32],
        places: usize,
        place: usize,
        progress: &mut Progress,
    ) -> Option<()> {
        let at = if is_scaled(self.kind) {
            self.records.len()
        } else {
            0
        };
        self.all(sums, sums.get(at..)?, x, places, place, progress)
    }

    /// Transforms all values at one of `places`.
    #[inline(never)]
    fn all(
        &self,
        raws: &[i32],
        shifts: &[i32],
        x: &mut [i32],
        places: usize,
        place: usize,
        progress: &mut Progress,
    ) -> Option<()> {
        for ((record, &raw), &shift) in self.records.iter().zip(raws).zip(shifts) {
            let record = Record::from_words(record);
            let index = (record.channel as usize).wrapping_mul(places);
            let x = x.get_mut(index.wrapping_add(place))?;
            self.one(record, x, raw, shift, progress);
        }
        Some(())
    }

    /// `x * exp(s) + t`, or `(x + t) * exp(s)`, or `x + t`.
    #[inline(always)]
    fn one(&self, record: Record, x: &mut i32, raw: i32, shift: i32, progress: &mut Progress) {
        let Record {
            bound,
            raw_multiplier,
            shift_multiplier,
            ..
        } = record;
        let beyond = &mut progress.beyond;
        let t = linear(shift, shift_multiplier, self.shift_shift, 0, beyond);
        if !is_scaled(self.kind) {
            *x = linear(*x, 1 << 1, 1, t, beyond);
            return;
        }
        let mut over = false;
        let raw = linear(raw, raw_multiplier, self.raw_shift, 0, &mut over);
        // Saturation is harmless where the log-scale map is flat.
        let s = match self.kind & op::MAP {
            op::TANH => linear(tanh(raw), bound, 30, 0, beyond),
            #[cfg(feature = "extra-layers")]
            op::ATAN => linear(atan(raw), bound, 30, 0, beyond),
            #[cfg(feature = "extra-layers")]
            op::SIGMOID => {
                let s = log_sigmoid(raw, bound);
                if self.kind & op::INVERSE == 0 {
                    s
                } else {
                    s.wrapping_neg()
                }
            }
            _ => {
                *beyond |= over;
                raw
            }
        };
        progress.log_det = progress.log_det.wrapping_add(i64::from(s));
        let (mantissa, exponent) = exp(s);
        // Above e^20 a value of 0.001 overflows 32 bits. Below e^-20 the result is 0.
        *beyond |= exponent > 29;
        let scale = 30_i32.wrapping_sub(exponent).clamp(1, 62);
        *x = if self.kind & op::SHIFT_FIRST == 0 {
            linear(*x, mantissa, scale, t, beyond)
        } else {
            let value = linear(*x, 1 << 1, 1, t, beyond);
            linear(value, mantissa, scale, 0, beyond)
        };
    }
}
