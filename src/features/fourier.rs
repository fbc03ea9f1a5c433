//! Power of a real frame at each frequency, in floats: a transform of half the length on pairs of samples, in passes of
//! radix 8 or 4, then 4.
//!
//! Plain multiplies and adds in a fixed order, like the rest of the engine; one size of code for all lengths.

/// Half of the root of 2, rounded.
const ROOT_HALF: f32 = core::f32::consts::FRAC_1_SQRT_2;

type Complex = [f32; 2];

/// Replaces the `n` samples of a frame by four times `|X[k]|^2` for `k` in `0 ..= n / 2`. `first` is the spec's first
/// pass, `waves` begins with its twiddle factors.
pub(super) fn power(frame: &mut [f32], first: usize, waves: &[f32]) {
    let (values, _) = frame.as_chunks_mut::<2>();
    reorder(values);
    let mut waves = waves;
    if first == 8 {
        for block in values.as_chunks_mut::<8>().0 {
            eight(block);
        }
    } else {
        for block in values.as_chunks_mut::<4>().0 {
            four(block);
        }
    }
    let mut quarter = first;
    while quarter < values.len() {
        let Some((own, rest)) = waves.split_at_checked(quarter.saturating_mul(6)) else {
            return;
        };
        pass(values, quarter, own.as_chunks::<6>().0);
        waves = rest;
        quarter = quarter.saturating_mul(4);
    }
    part(values, waves.as_chunks::<2>().0);
    compact(frame);
}

/// Bit-reversed order.
fn reorder(values: &mut [Complex]) {
    let unused = values.len().leading_zeros().saturating_add(1);
    for at in 0..values.len() {
        let to = at.reverse_bits().wrapping_shr(unused);
        if at < to
            && let Some((before, [second, ..])) = values.split_at_mut_checked(to)
            && let Some(first) = before.get_mut(at)
        {
            // Value by value: built for size, a swap of arrays is a loop.
            let ([a, b], [c, d]) = (*first, *second);
            *first = [c, d];
            *second = [a, b];
        }
    }
}

#[inline(always)]
fn plus(a: Complex, b: Complex) -> Complex {
    [a[0] + b[0], a[1] + b[1]]
}

#[inline(always)]
fn minus(a: Complex, b: Complex) -> Complex {
    [a[0] - b[0], a[1] - b[1]]
}

/// `a - i b`.
#[inline(always)]
fn minus_turned(a: Complex, b: Complex) -> Complex {
    [a[0] + b[1], a[1] - b[0]]
}

/// `a + i b`.
#[inline(always)]
fn plus_turned(a: Complex, b: Complex) -> Complex {
    [a[0] - b[1], a[1] + b[0]]
}

/// `a (cos - i sin)`.
#[inline(always)]
fn turned(a: Complex, cos: f32, sin: f32) -> Complex {
    [a[0] * cos + a[1] * sin, a[1] * cos - a[0] * sin]
}

/// A transform of 4 values in bit-reversed order.
#[inline(always)]
fn of_four([a, c, b, d]: [Complex; 4]) -> [Complex; 4] {
    let (sum, difference) = (plus(a, c), minus(a, c));
    let (other, turn) = (plus(b, d), minus(b, d));
    [
        plus(sum, other),
        minus_turned(difference, turn),
        minus(sum, other),
        plus_turned(difference, turn),
    ]
}

#[inline(always)]
fn four(block: &mut [Complex; 4]) {
    *block = of_four(*block);
}

#[inline(always)]
fn eight(block: &mut [Complex; 8]) {
    let [a, b, c, d, e, f, g, h] = *block;
    let [a, b, c, d] = of_four([a, b, c, d]);
    let [e, f, g, h] = of_four([e, f, g, h]);
    // An eighth of a turn, and three.
    let f = [(f[0] + f[1]) * ROOT_HALF, (f[1] - f[0]) * ROOT_HALF];
    let h = [(h[1] - h[0]) * ROOT_HALF, (h[0] + h[1]) * ROOT_HALF];
    *block = [
        plus(a, e),
        plus(b, f),
        minus_turned(c, g),
        [d[0] + h[0], d[1] - h[1]],
        minus(a, e),
        minus(b, f),
        plus_turned(c, g),
        [d[0] - h[0], d[1] + h[1]],
    ];
}

/// Joins four transforms of `quarter` values each to one.
#[inline(always)]
fn pass(values: &mut [Complex], quarter: usize, waves: &[[f32; 6]]) {
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
        for ((((a, c), b), d), wave) in quarters.zip(waves) {
            let [cos, sin, cos_2, sin_2, cos_3, sin_3] = *wave;
            [*a, *c, *b, *d] = of_four([
                *a,
                turned(*c, cos_2, sin_2),
                turned(*b, cos, sin),
                turned(*d, cos_3, sin_3),
            ]);
        }
        if rest.is_empty() {
            return;
        }
    }
}

/// Powers from the transform of pairs, each in the first half of the place of its bin; the last bin's in the second half
/// of the first place.
#[inline(always)]
fn part(values: &mut [Complex], waves: &[Complex]) {
    let Some((zero, values)) = values.split_first_mut() else {
        return;
    };
    let (first, last) = (zero[0] + zero[1], zero[0] - zero[1]);
    *zero = [4.0 * (first * first), 4.0 * (last * last)];
    let middle = values.len() / 2;
    let Some((low, high)) = values.split_at_mut_checked(middle) else {
        return;
    };
    let Some((middle, high)) = high.split_first_mut() else {
        return;
    };
    middle[0] = 4.0 * (middle[0] * middle[0] + middle[1] * middle[1]);
    for ((a, b), &[cos, sin]) in low.iter_mut().zip(high.iter_mut().rev()).zip(waves) {
        let even = [a[0] + b[0], a[1] - b[1]];
        let odd = turned([a[1] + b[1], b[0] - a[0]], cos, sin);
        let (above, below) = (plus(even, odd), minus(even, odd));
        a[0] = above[0] * above[0] + above[1] * above[1];
        b[0] = below[0] * below[0] + below[1] * below[1];
    }
}

/// Brings the powers together at the front, each from the first half of its pair.
fn compact(frame: &mut [f32]) {
    let Some(&last) = frame.get(1) else {
        return;
    };
    // Those of an octave move to where those of the octave below were.
    let mut length = 4;
    while let Some(own) = frame.get_mut(..length)
        && let Some((front, back)) = own.split_at_mut_checked(length / 2)
        && let Some((_, front)) = front.split_at_mut_checked(length / 4)
    {
        for (place, &[power, _]) in front.iter_mut().zip(back.as_chunks::<2>().0) {
            *place = power;
        }
        length = length.saturating_mul(2);
    }
    let half = frame.len() / 2;
    if let Some(place) = frame.get_mut(half) {
        *place = last;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::spec::features::{Feature, FeatureSpec, SpectrumSpec, Taper};

    #[test]
    fn powers_are_those_of_the_definition() {
        for power_of_two in 3..12 {
            let length = 1 << power_of_two;
            let spectrum = SpectrumSpec::one(length, Taper::None);
            let spec =
                FeatureSpec::new(1, length, 1, 1.0, &[Feature::Centroid]).with_spectrum(spectrum);
            let mut waves = std::vec![f32::NAN; spec.table_len()];
            spec.fill_tables(&mut waves);
            assert!(waves.iter().all(|wave| wave.is_finite()), "filled");
            let mut state = 1_u32;
            let mut frame: Vec<f32> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) as f32 / f32::from_bits((127 + 23) << 23) - 1.0
                })
                .collect();
            let x: Vec<f64> = frame.iter().map(|&x| f64::from(x)).collect();
            power(&mut frame, spectrum.first_pass(), &waves);
            let whole: f64 = x.iter().map(|x| x * x).sum();
            for (bin, &found) in frame.iter().enumerate().take(length / 2 + 1) {
                let (mut re, mut im) = (0.0, 0.0);
                for (at, x) in x.iter().enumerate() {
                    let angle = (at * bin % length) as f64 / length as f64;
                    let (sin, cos) = (angle * core::f64::consts::TAU).sin_cos();
                    re += x * cos;
                    im += x * sin;
                }
                let expected = 4.0 * (re * re + im * im);
                let error = (f64::from(found) - expected).abs();
                // The documented bound: each value is off by a share of the frame's norm.
                let off = 5e-7 * (4.0 * whole).sqrt();
                let allowed = 2.0 * expected.sqrt() * off + off * off + 1e-7 * expected;
                assert!(error <= allowed, "{length}, {bin}: {found} {expected}");
            }
        }
    }
}
