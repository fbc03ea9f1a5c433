//! A mixture over z in fixed point; [`MixtureSpec`] has the formulas.
//!
//! The logarithm of each term, `ln(weight_k N(z; m_k, S_k))`, is kept in Q16. It saturates at -32768 nats; if the
//! largest term does, the sample is impossible.
//!
//! [`Spread::Shared`](crate::spec::Spread::Shared): the panels of the dense layer take z as activations of 16 bits,
//! which reach well beyond all centres. `|z|^2` is that of the same activations, so a term is an exact kernel of the
//! z that the layer reads. A value beyond the activations counts whole in `|z|^2`: the density falls on outside.
//!
//! [`Spread::Full`](crate::spec::Spread::Full): the entries of the triangles are multipliers of 32 bits. Their sums are
//! exact in 64 bits.

use core::hint::black_box;

use crate::arithmetic::fixed::{
    Progress, Q16, Q24, exp_of_negative, log_sum, rounded, saturated, scaled,
};
use crate::image::{
    ComponentHeader, KernelsHeader, MixtureHeader, PANEL, Program, QUAD_WORDS, SharedHeader,
    TriangleRow, op, pair,
};
use crate::kernel::dense::fixed::{self as dense, Part, Weights, activation};
use crate::spec::MixtureSpec;

/// Whether a word is the op of a mixture.
#[inline(always)]
pub(crate) fn is_mixture(kind: i32) -> bool {
    kind == op::SHARED_MIXTURE || kind == op::FULL_MIXTURE
}

/// `ln p(z)`, which goes into `progress`; the program stands behind the op, which is `kind`. `None` where the words are
/// not those of a mixture.
#[inline(never)]
pub(crate) fn run<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    z: &[i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let MixtureHeader { components } = MixtureHeader::read(program)?;
    let components = components as usize;
    let terms = if kind == op::SHARED_MIXTURE {
        shared::<W>(program, components, z, scratch)?
    } else {
        full(program, components, z, scratch, &mut progress.beyond)?
    };
    let (mut largest, mut component) = (i32::MIN, None);
    for (&term, at) in terms.iter().zip(0_u16..) {
        black_box(());
        if term > largest {
            (largest, component) = (term, Some(at));
        }
    }
    progress.component = component.and_then(|at| u8::try_from(at).ok());
    // No term is that likely, but by words that are damaged.
    progress.beyond |= largest == i32::MIN || largest == i32::MAX;
    // In Q30. The largest term is 1.
    let mut sum: u64 = 0;
    for &term in &*terms {
        black_box(());
        let below = i64::from(term).wrapping_sub(i64::from(largest));
        if below >= LEAST {
            let exp = exp_of_negative((below << (Q24 - Q16)) as i32);
            sum = sum.wrapping_add(u64::from(exp.unsigned_abs()));
        }
    }
    let largest = i64::from(largest) << (Q24 - Q16);
    progress.base = Some(largest.wrapping_add(i64::from(log_sum(sum))));
    Some(())
}

/// The log-density by the kernels on the flow's scale, which goes into `progress`; the program stands behind the op.
/// `None` where the words are not those of kernels.
#[inline(never)]
pub(crate) fn run_kernels<W: Weights>(
    program: &mut Program<'_>,
    y: &[i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let KernelsHeader {
        multiplier,
        shift,
        offset,
    } = KernelsHeader::read(program)?;
    let &[kind] = program.header()?;
    // Beyond all kernels the density is the lowest that there is; the flow may still tell such samples apart.
    let mut own = Progress {
        log_det: progress.log_det,
        ..Progress::new()
    };
    run::<W>(program, kind, y, scratch, &mut own)?;
    let log_prob = own.log_det.saturating_add(own.base?);
    let log_prob = saturated(rounded(log_prob, Q24 - Q16), &mut own.beyond);
    let log_prob = i64::from(if own.beyond { i32::MIN } else { log_prob });
    let product = log_prob.wrapping_mul(i64::from(multiplier));
    let second = rounded(product, shift.cast_unsigned()).saturating_add(i64::from(offset));
    progress.second = Some(saturated(second, &mut false));
    Some(())
}

/// Terms that are lower than this beside the largest, in Q16, are left out.
const LEAST: i64 = -((MixtureSpec::NATS as i64) << Q16);

fn shared<'s, W: Weights>(
    program: &mut Program<'_>,
    components: usize,
    z: &[i32],
    scratch: &'s mut [i32],
) -> Option<&'s mut [i32]> {
    let SharedHeader {
        multiplier,
        shift,
        input_shift,
        sum_shift,
    } = SharedHeader::read(program)?;
    let inputs = z.len().div_ceil(2 * QUAD_WORDS).wrapping_mul(QUAD_WORDS);
    let (input, sums) = scratch.split_at_mut_checked(inputs)?;
    let sums = sums.get_mut(..components.div_ceil(PANEL).wrapping_mul(PANEL))?;
    let (total, norm_sq) = narrow(z, input_shift, input);
    dense::forward::<W>(program, Part::Last, input, total, sums)?;
    let less = scaled(norm_sq, multiplier, shift.cast_unsigned());
    let terms = sums.get_mut(..components)?;
    let multipliers = program.take(components)?;
    for (term, &multiplier) in terms.iter_mut().zip(multipliers) {
        black_box(());
        let own = i64::from(*term).wrapping_mul(i64::from(multiplier));
        *term = term_of(rounded(own, sum_shift.cast_unsigned()).saturating_sub(less));
    }
    Some(terms)
}

/// Q24 to Q16, saturating.
#[inline(always)]
fn term_of(log: i64) -> i32 {
    saturated(rounded(log, Q24 - Q16), &mut false)
}

/// z as activations. Returns their sum, and `|z|^2` of them in Q24; a value beyond an activation has its own square.
#[inline(never)]
fn narrow(z: &[i32], shift: i32, input: &mut [i32]) -> (i32, u64) {
    let mut total = 0_i32;
    let mut norm_sq: u64 = 0;
    let mut one = |value: i32| {
        let own = activation(value, shift);
        total = total.wrapping_add(own);
        let is_inside = own > i32::from(i16::MIN) && own < i32::from(i16::MAX);
        let value = if is_inside {
            own.wrapping_shl(shift.cast_unsigned())
        } else {
            value
        };
        let square = i64::from(value).wrapping_mul(i64::from(value));
        norm_sq = norm_sq.saturating_add(square.cast_unsigned());
        own
    };
    let mut values = z.chunks(2);
    for slot in input {
        black_box(());
        let (first, second) = match values.next() {
            Some(&[first, second]) => (one(first), one(second)),
            Some(&[first, ..]) => (one(first), 0),
            _ => (0, 0),
        };
        *slot = pair(first, second);
    }
    // Saturated, the sum is that of the largest squares.
    (total, norm_sq >> (2 * Q16 - Q24))
}

fn full<'s>(
    program: &mut Program<'_>,
    components: usize,
    z: &[i32],
    scratch: &'s mut [i32],
    beyond: &mut bool,
) -> Option<&'s mut [i32]> {
    let (apart, terms) = scratch.split_at_mut_checked(z.len())?;
    let terms = terms.get_mut(..components)?;
    for term in terms.iter_mut() {
        let ComponentHeader { constant } = ComponentHeader::read(program)?;
        let centre = program.take(z.len())?;
        for ((apart, &z), &centre) in apart.iter_mut().zip(z).zip(centre) {
            black_box(());
            *apart = saturated(i64::from(z).wrapping_sub(i64::from(centre)), beyond);
        }
        let mut distance_sq: u64 = 0;
        for row in 1..=z.len() {
            let TriangleRow { shift } = TriangleRow::read(program)?;
            let multipliers = program.take(row)?;
            let mut sum: i64 = 0;
            for (&multiplier, &apart) in multipliers.iter().zip(&*apart) {
                black_box(());
                sum = sum.wrapping_add(i64::from(apart).wrapping_mul(i64::from(multiplier)));
            }
            let value = saturated(rounded(sum, shift.cast_unsigned()), &mut false);
            let square = i64::from(value).wrapping_mul(i64::from(value));
            // Q32 to Q24.
            let square = square.cast_unsigned() >> (2 * Q16 - Q24);
            distance_sq = distance_sq.saturating_add(square);
        }
        let log = i64::from(constant) << (Q24 - Q16);
        *term = term_of(log.saturating_sub((distance_sq >> 1).cast_signed()));
    }
    Some(terms)
}
