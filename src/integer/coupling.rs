//! The coupling in fixed point (paper sections 3.2 and 3.3).
//!
//! Words: the shift from a kept value to 16 bits, the shifts of the multipliers of raw log-scales and of
//! shifts; for log-scales by hyperbolic tangent the factor of each in Q24; then each network, layer by layer,
//! and after its last layer a multiplier for each output. A raw log-scale is `m sum 2^-k` in Q24 (divided
//! by the clamp if there is one), a shift the same in Q16.
//!
//! What the network reads is held within the range of the calibration. Any function of the kept values
//! makes a coupling, so the density stays a density there; what is transformed is never cut.

use super::Progress;
use super::dense;
use super::fixed::{exp, rounded, saturated, tanh};
use super::layout::{
    COUPLING_HEADER, HIDDEN_HEADER, activation_words, amplitude_words, panel_words, sum_words,
};
use super::weights::{Weights, pair};
use crate::spec::{Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};

/// The nearest number of 16 bits.
#[inline(always)]
pub(super) fn half_word(value: i64) -> i32 {
    value.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i32
}

/// The kept features of `x` as activations.
#[inline(always)]
fn gather(mask: Mask<'_>, shift: i32, x: &[i32], out: &mut [i32]) {
    let mut kept = mask.kept_features(x.len()).map(|index| {
        let value = x.get(index).copied().unwrap_or(0);
        half_word(rounded(i64::from(value), shift.cast_unsigned()))
    });
    for slot in out {
        let low = kept.next().unwrap_or(0);
        *slot = pair(low, kept.next().unwrap_or(0));
    }
}

/// A source at one end of `scratch`, and room at the other.
#[inline(always)]
fn ends(
    scratch: &mut [i32],
    source_at_front: bool,
    source: usize,
    target: usize,
) -> Option<(&[i32], &mut [i32])> {
    let at_end = if source_at_front { target } else { source };
    let (front, end) = scratch.split_at_mut_checked(scratch.len().checked_sub(at_end)?)?;
    if source_at_front {
        Some((front.get(..source)?, end))
    } else {
        Some((end, front.get_mut(..target)?))
    }
}

/// One network on the input that stands at the front of `scratch`: its sums go to `output`. Returns the
/// words behind it.
#[inline(always)]
fn run_net<'w, W: Weights>(
    net: &DenseSpec<'_>,
    inputs: usize,
    outputs: usize,
    words: &'w [i32],
    output: &mut [i32],
    scratch: &mut [i32],
) -> Option<&'w [i32]> {
    let (mut words, mut from, mut at_front) = (words, inputs, true);
    for &width in net.hidden {
        let len = panel_words::<W>(from, width).saturating_add(HIDDEN_HEADER);
        let (own, rest) = words.split_at_checked(len)?;
        let (source, target) = (activation_words(from), activation_words(width));
        let (input, output) = ends(scratch, at_front, source, target)?;
        dense::hidden::<W>(own, input, output);
        (words, from, at_front) = (rest, width, !at_front);
    }
    let (own, rest) = words.split_at_checked(panel_words::<W>(from, outputs))?;
    let (input, _) = ends(scratch, at_front, activation_words(from), 0)?;
    dense::sums::<W>(own, input, output);
    Some(rest)
}

/// x to y, in place.
#[inline(always)]
pub(super) fn forward<W: Weights>(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    words: &[i32],
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let Conditioner::Dense(net) = &spec.conditioner else {
        return None;
    };
    let (&[input_shift, raw_shift, shift_shift], words) =
        words.split_first_chunk::<COUPLING_HEADER>()?;
    let (amplitudes, mut words) = words.split_at_checked(amplitude_words(spec, shape))?;
    let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
    let padded = sum_words(outputs);
    let (sums, scratch) = scratch.split_at_mut_checked(padded.saturating_mul(spec.net_count()))?;
    let mut multipliers: [&[i32]; 2] = [&[]; 2];
    for (sums, multipliers) in sums.chunks_mut(padded).zip(&mut multipliers) {
        let kept = scratch.get_mut(..activation_words(inputs))?;
        gather(spec.mask, input_shift, x, kept);
        words = run_net::<W>(net, inputs, outputs, words, sums, scratch)?;
        (*multipliers, words) = words.split_at_checked(outputs)?;
    }
    // One network's sums are raw log-scales, then shifts; of two networks each has its own.
    let [first, second] = multipliers;
    let transformed = spec.mask.transformed(shape.channels);
    let (raw, shifts) = if spec.net_count() == 2 {
        let (raw, shifts) = sums.split_at_checked(padded)?;
        (raw.iter().zip(first), shifts.iter().zip(second))
    } else {
        let at = outputs.checked_sub(transformed)?;
        let (raw, shifts) = (sums.get(..at)?, sums.get(at..)?);
        (raw.iter().zip(first), shifts.iter().zip(first.get(at..)?))
    };
    let mut logs = raw.map(|(&sum, &multiplier)| scaled(sum, multiplier, raw_shift));
    let mut amplitudes = amplitudes.iter();
    let shifts = shifts.map(|(&sum, &multiplier)| scaled(sum, multiplier, shift_shift));
    for (index, shift) in spec.mask.transformed_features(x.len()).zip(shifts) {
        let x = x.get_mut(index)?;
        let raw = logs.next();
        let s = log_scale(raw, amplitudes.next(), progress);
        change(spec.transform, x, s, shift, progress);
    }
    Some(())
}

/// A sum in the steps that its multiplier and shift give it.
#[inline(always)]
fn scaled(sum: i32, multiplier: i32, shift: i32) -> i64 {
    let product = i64::from(sum).wrapping_mul(i64::from(multiplier));
    rounded(product, shift.cast_unsigned())
}

/// The log-scale in Q24; `None` for an additive coupling.
#[inline(always)]
fn log_scale(raw: Option<i64>, amplitude: Option<&i32>, progress: &mut Progress) -> Option<i32> {
    let raw = raw?;
    let Some(&amplitude) = amplitude else {
        return Some(saturated(raw, &mut progress.beyond));
    };
    // Where the tangent is flat, the limit of 32 bits does not matter.
    let tangent = tanh(saturated(raw, &mut false));
    Some(rounded(i64::from(tangent).wrapping_mul(i64::from(amplitude)), 30) as i32)
}

/// `x * exp(s) + t`, or `(x + t) * exp(s)`, or `x + t`.
#[inline(always)]
fn change(transform: Transform, x: &mut i32, s: Option<i32>, t: i64, progress: &mut Progress) {
    let value = i64::from(*x);
    let Some(s) = s else {
        *x = saturated(value.wrapping_add(t), &mut progress.beyond);
        return;
    };
    progress.log_det = progress.log_det.wrapping_add(i64::from(s));
    let (mantissa, exponent) = exp(s);
    // Far enough beyond either end there is nothing, or more than 32 bits hold.
    let shift = 30_i32.wrapping_sub(exponent).clamp(0, 62).cast_unsigned();
    let scale = |value: i32| rounded(i64::from(value).wrapping_mul(i64::from(mantissa)), shift);
    let y = if let Transform::ShiftFirst(_) = transform {
        scale(saturated(value.wrapping_add(t), &mut progress.beyond))
    } else {
        scale(*x).wrapping_add(t)
    };
    *x = saturated(y, &mut progress.beyond);
}
