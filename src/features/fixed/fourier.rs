//! Power of a real frame at each frequency, in integers: the passes of the [transform in floats](super::super::fourier) on 16 bits, block
//! floating. Before each pass the values are scaled so that it cannot overflow, and what was scaled away is counted.
//!
//! A complex value is a word: the real part in its lower half, the imaginary one in its upper half. Twiddle factors have 14
//! fraction bits, so 1 is exact, and are packed the same way. Sums within a pass have two more bits than values; each value is
//! rounded once a pass.

/// Fraction bits of twiddle factors.
pub(super) const Q14: u32 = 14;
/// Bits that sums within a pass have below a value's.
const GUARD: u32 = 2;
/// Bits that a value is shifted up by to be doubled and have them.
const UP: u32 = GUARD + 1;
/// Half of the root of 2, in Q14.
const ROOT_HALF: i32 = 11_585;

/// Parts of a packed value.
#[inline(always)]
fn parts(word: i32) -> (i32, i32) {
    (i32::from(word as i16), word >> 16)
}

/// Packs two values of 16 bits.
#[inline(always)]
pub(super) const fn packed(re: i32, im: i32) -> i32 {
    (im << 16) | (re & 0xffff)
}

#[inline(always)]
fn plus(a: (i32, i32), b: (i32, i32)) -> (i32, i32) {
    (a.0.wrapping_add(b.0), a.1.wrapping_add(b.1))
}

#[inline(always)]
fn minus(a: (i32, i32), b: (i32, i32)) -> (i32, i32) {
    (a.0.wrapping_sub(b.0), a.1.wrapping_sub(b.1))
}

/// `a - i b`.
#[inline(always)]
fn minus_turned(a: (i32, i32), b: (i32, i32)) -> (i32, i32) {
    (a.0.wrapping_add(b.1), a.1.wrapping_sub(b.0))
}

/// `a + i b`.
#[inline(always)]
fn plus_turned(a: (i32, i32), b: (i32, i32)) -> (i32, i32) {
    (a.0.wrapping_sub(b.1), a.1.wrapping_add(b.0))
}

/// `a (cos - i sin)`, with `bits` fraction bits dropped.
#[inline(always)]
fn turned(a: (i32, i32), wave: i32, bits: u32) -> (i32, i32) {
    let (cos, sin) = parts(wave);
    let re = a.0.wrapping_mul(cos).wrapping_add(a.1.wrapping_mul(sin));
    let im = a.1.wrapping_mul(cos).wrapping_sub(a.0.wrapping_mul(sin));
    (re >> bits, im >> bits)
}

/// Drops so many bits, and notes in `seen` where neighbouring bits of both parts differ.
#[inline(always)]
fn kept(value: (i32, i32), shift: u32, seen: &mut i32) -> i32 {
    let word = packed(value.0.wrapping_shr(shift), value.1.wrapping_shr(shift));
    *seen |= word ^ (word << 1);
    word
}

/// Bits of the largest magnitude among values whose neighbouring bits differ where `seen` says: all are from `-2^b` to `2^b - 1`.
fn bits(seen: i32) -> u32 {
    // Of both halves; the lowest bit of the upper one differs from nothing of its own, and counts for nothing.
    let both = (seen >> 16 | seen) & 0xffff;
    31_u32.saturating_sub(both.leading_zeros())
}

/// Adds half of what is dropped.
#[inline(always)]
fn biased(value: (i32, i32), half: i32) -> (i32, i32) {
    (value.0.wrapping_add(half), value.1.wrapping_add(half))
}

/// Takes the pairs of samples of a frame, in their order.
pub(super) struct Loader<'f> {
    /// A word for each pair.
    values: &'f mut [i32],
    /// Where the next one goes: in bit-reversed order.
    to: usize,
    seen: i32,
}

impl<'f> Loader<'f> {
    /// `frame` has a word for each pair and one more.
    pub(super) fn new(frame: &'f mut [i32]) -> Self {
        let values = frame
            .split_last_mut()
            .map_or(&mut [][..], |(_, pairs)| pairs);
        Self {
            values,
            to: 0,
            seen: 0,
        }
    }

    #[inline(always)]
    pub(super) fn put(&mut self, word: i32) {
        self.seen |= word ^ (word << 1);
        if let Some(place) = self.values.get_mut(self.to) {
            *place = word;
        }
        // Counted along: cores without an instruction to reverse bits take long to do it.
        let mut bit = self.values.len() >> 1;
        while self.to & bit != 0 {
            self.to ^= bit;
            bit >>= 1;
        }
        self.to |= bit;
    }

    /// What [`power`] takes.
    pub(super) fn seen(&self) -> i32 {
        self.seen
    }
}

/// Replaces the pairs of a frame's samples, as [`Loader`] has put them, by four times `|X[k]|^2`, in units of `2^(2 e)`, for `k` in
/// `0 ..= n / 2`; `e` is returned. `values` has a word for each pair and one more.
pub(super) fn power(values: &mut [i32], first: usize, waves: &[i32], seen: i32) -> u32 {
    let Some((last, values)) = values.split_last_mut() else {
        return 0;
    };
    let mut waves = waves;
    let mut seen_before = seen;
    let mut seen = 0;
    // Eight values of a magnitude of 2^b at most sum up to less than 2^(b + 3.5), four to less than 2^(b + 2.5).
    let mut exponent;
    if first == 8 {
        exponent = bits(seen_before).saturating_sub(11);
        for block in values.as_chunks_mut::<8>().0 {
            eight(block, exponent, &mut seen);
        }
    } else {
        exponent = bits(seen_before).saturating_sub(12);
        let half = 1_i32.wrapping_shl(exponent) >> 1;
        for block in values.as_chunks_mut::<4>().0 {
            let [a, b, c, d] = *block;
            let all = of_four([biased(parts(a), half), parts(b), parts(c), parts(d)]);
            *block = all.map(|value| kept(value, exponent, &mut seen));
        }
    }
    let mut quarter = first;
    while quarter < values.len() {
        let Some((own, rest)) = waves.split_at_checked(quarter.saturating_mul(3)) else {
            return exponent;
        };
        waves = rest;
        seen_before = seen;
        seen = 0;
        let shift = bits(seen_before).saturating_sub(12);
        pass(values, quarter, own.as_chunks::<3>().0, shift, &mut seen);
        exponent = exponent.wrapping_add(shift);
        quarter = quarter.saturating_mul(4);
    }
    let shift = bits(seen).saturating_sub(12);
    *last = part(values, waves, shift);
    exponent.wrapping_add(shift)
}

/// A transform of 4 values in bit-reversed order.
#[inline(always)]
fn of_four([a, c, b, d]: [(i32, i32); 4]) -> [(i32, i32); 4] {
    let (sum, difference) = (plus(a, c), minus(a, c));
    let (other, turn) = (plus(b, d), minus(b, d));
    [
        plus(sum, other),
        minus_turned(difference, turn),
        minus(sum, other),
        plus_turned(difference, turn),
    ]
}

/// A transform of 8 values in bit-reversed order.
#[inline(always)]
fn eight(block: &mut [i32; 8], shift: u32, seen: &mut i32) {
    let half = 1_i32.wrapping_shl(shift) >> 1;
    let [a, b, c, d, e, f, g, h] = *block;
    let [e, f, g, h] = of_four([parts(e), parts(f), parts(g), parts(h)]);
    // An eighth of a turn, and three. Of four values: 18 bits, times 15 with a sign each.
    let root = |value: i32| {
        let value = value >> 2;
        value.wrapping_mul(ROOT_HALF) >> (Q14 - 2)
    };
    let f = (root(f.0.wrapping_add(f.1)), root(f.1.wrapping_sub(f.0)));
    let h = (root(h.1.wrapping_sub(h.0)), root(h.0.wrapping_add(h.1)));
    let [a, b, c, d] = of_four([biased(parts(a), half), parts(b), parts(c), parts(d)]);
    let three = (d.0.wrapping_add(h.0), d.1.wrapping_sub(h.1));
    let seven = (d.0.wrapping_sub(h.0), d.1.wrapping_add(h.1));
    let mut round = |value| kept(value, shift, seen);
    *block = [
        round(plus(a, e)),
        round(plus(b, f)),
        round(minus_turned(c, g)),
        round(three),
        round(minus(a, e)),
        round(minus(b, f)),
        round(plus_turned(c, g)),
        round(seven),
    ];
}

/// Joins four transforms of `quarter` values each to one.
#[inline(always)]
fn pass(values: &mut [i32], quarter: usize, waves: &[[i32; 3]], shift: u32, seen: &mut i32) {
    let shift = shift.wrapping_add(GUARD);
    let half = 1_i32.wrapping_shl(shift) >> 1;
    let mut rest = values;
    while let Some((block, behind)) = rest.split_at_mut_checked(quarter.saturating_mul(4)) {
        rest = behind;
        let Some((first, block)) = block.split_at_mut_checked(quarter) else {
            return;
        };
        let Some((second, block)) = block.split_at_mut_checked(quarter) else {
            return;
        };
        let Some((third, fourth)) = block.split_at_mut_checked(quarter) else {
            return;
        };
        let quarters = first.iter_mut().zip(second).zip(third).zip(fourth);
        for ((((a, c), b), d), &[wave, twice, thrice]) in quarters.zip(waves) {
            let (re, im) = parts(*a);
            let [w, x, y, z] = of_four([
                biased((re << GUARD, im << GUARD), half),
                turned(parts(*c), twice, Q14 - GUARD),
                turned(parts(*b), wave, Q14 - GUARD),
                turned(parts(*d), thrice, Q14 - GUARD),
            ]);
            *a = kept(w, shift, seen);
            *c = kept(x, shift, seen);
            *b = kept(y, shift, seen);
            *d = kept(z, shift, seen);
        }
        if rest.is_empty() {
            return;
        }
    }
}

/// Square of the magnitude of a value with guard bits, after these are dropped: 16 bits are left.
#[inline(always)]
fn square(value: (i32, i32), shift: u32) -> i32 {
    let (re, im) = (value.0.wrapping_shr(shift), value.1.wrapping_shr(shift));
    // Below 2^31.
    re.wrapping_mul(re).wrapping_add(im.wrapping_mul(im))
}

/// Powers from the transform of pairs, each in the place of its bin; that of the last bin is returned.
#[inline(always)]
fn part(values: &mut [i32], waves: &[i32], shift: u32) -> i32 {
    let shift = shift.wrapping_add(GUARD);
    let half = 1_i32.wrapping_shl(shift) >> 1;
    let Some((zero, values)) = values.split_first_mut() else {
        return 0;
    };
    let (re, im) = parts(*zero);
    let (first, last) = (re.wrapping_add(im) << UP, re.wrapping_sub(im) << UP);
    *zero = square((first.wrapping_add(half), 0), shift);
    let last = square((last.wrapping_add(half), 0), shift);
    let middle = values.len() / 2;
    let Some((low, high)) = values.split_at_mut_checked(middle) else {
        return last;
    };
    let Some((middle, high)) = high.split_first_mut() else {
        return last;
    };
    let (re, im) = parts(*middle);
    *middle = square(biased((re << UP, im << UP), half), shift);
    for ((low, high), &wave) in low.iter_mut().zip(high.iter_mut().rev()).zip(waves) {
        let (a, b) = (parts(*low), parts(*high));
        let even = (a.0.wrapping_add(b.0), a.1.wrapping_sub(b.1));
        let odd = (a.1.wrapping_add(b.1), b.0.wrapping_sub(a.0));
        // 17 bits with a sign, times 15: the sum of two products has 31, and a sign.
        let odd = turned(odd, wave, Q14 - GUARD);
        let even = biased((even.0 << GUARD, even.1 << GUARD), half);
        *low = square(plus(even, odd), shift);
        *high = square(minus(even, odd), shift);
    }
    last
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::spec::features::{Feature, FeatureSpec, SpectrumSpec, Taper};

    fn spec(length: usize) -> FeatureSpec<'static> {
        FeatureSpec::new(1, length, 1, 1.0, &[Feature::Centroid])
            .with_spectrum(SpectrumSpec::one(length, Taper::None))
    }

    /// Largest error of a value of the transform, as a share of the largest value that a frame of that peak can have.
    fn error(samples: &[i16]) -> f64 {
        let length = samples.len();
        let spec = spec(length);
        let mut waves = std::vec![0; spec.integer_table_len()];
        spec.fill_integer_tables(&mut waves);
        let mut values = std::vec![-1; length / 2 + 1];
        let mut loader = Loader::new(&mut values);
        for &[re, im] in samples.as_chunks::<2>().0 {
            loader.put(packed(re.into(), im.into()));
        }
        let seen = loader.seen();
        let first = spec.spectrum.unwrap().first_pass();
        let exponent = power(&mut values, first, &waves, seen);
        let norm: f64 = samples.iter().map(|&x| f64::from(x).powi(2)).sum();
        let mut worst = 0.0_f64;
        for (bin, &found) in values.iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (at, &x) in samples.iter().enumerate() {
                let angle = (at * bin % length) as f64 / length as f64;
                let (sin, cos) = (angle * core::f64::consts::TAU).sin_cos();
                re += f64::from(x) * cos;
                im += f64::from(x) * sin;
            }
            assert!(found >= 0, "no overflow");
            let found = f64::from(found).sqrt() * 2_f64.powi(exponent.cast_signed()) / 2.0;
            worst = worst.max((found - re.hypot(im)).abs());
        }
        worst / (norm * length as f64).sqrt().max(1.0)
    }

    fn noise(length: usize, seed: u32, peak: f64) -> Vec<i16> {
        let mut state = seed;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((f64::from(state >> 8) / f64::from(1 << 23) - 1.0) * peak) as i16
            })
            .collect()
    }

    #[test]
    fn powers_are_those_of_the_definition() {
        for power_of_two in 3..13 {
            let length = 1_usize << power_of_two;
            let tone = |turns: f64, peak: f64| -> Vec<i16> {
                let step = turns / length as f64 * core::f64::consts::TAU;
                (0..length)
                    .map(|at| ((at as f64 * step).sin() * peak).round() as i16)
                    .collect()
            };
            let frames = [
                noise(length, 1, 32_767.0),
                noise(length, 2, 20_000.0),
                tone(3.0, 32_767.0),
                tone(length as f64 / 5.3, 32_767.0),
                tone(length as f64 / 4.0, 30_000.0),
                std::vec![i16::MIN; length],
                std::vec![i16::MAX; length],
                (0..length)
                    .map(|at| if at % 2 == 0 { i16::MAX } else { i16::MIN })
                    .collect(),
                (0..length)
                    .map(|at| if at == 1 { i16::MIN } else { 0 })
                    .collect(),
                // A clipped tone.
                tone(7.0, 32_767.0)
                    .iter()
                    .map(|&x| x.clamp(-20_000, 20_000))
                    .collect(),
                std::vec![0; length],
            ];
            for (at, frame) in frames.iter().enumerate() {
                let error = error(frame);
                assert!(error < 1.5e-4, "{length}, frame {at}: {error:e}");
            }
        }
        for seed in 0..500 {
            for peak in [32_767.0, 25_000.0, 17_000.0] {
                let error = error(&noise(64, seed, peak));
                assert!(error < 1.5e-4, "{seed}, {peak}: {error:e}");
            }
        }
    }
}
