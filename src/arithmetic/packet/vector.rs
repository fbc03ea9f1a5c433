//! Bit-exact `expf` and `tanhf` of `libm` for many lanes at once.
//!
//! The scalar functions select a formula by branching. Here every lane evaluates all formulas and selects the
//! result, so that the compiler can use SIMD instructions. Each formula performs the operations of the pinned
//! `libm` in the same order; the tests below compare bits. The algorithms are from fdlibm (Sun Microsystems,
//! 1993: `e_expf.c`, `s_expm1f.c`; musl's `tanhf.c`).
//!
//! NaN results are NaN in both, but their payloads may differ.

use super::{Lanes, Packet, select};

const INV_LN2: f32 = f32::from_bits(0x3fb8_aa3b);

#[inline(always)]
pub(super) fn exp<const N: usize>(x: Packet<N>) -> Packet<N> {
    x.map(exp_lane)
}

#[inline(always)]
pub(super) fn tanh<const N: usize>(x: Packet<N>) -> Packet<N> {
    x.map(tanh_lane)
}

/// `2^k` for `-126 <= k <= 127`.
#[inline(always)]
fn power_of_two(k: i32) -> f32 {
    f32::from_bits(k.wrapping_add(127).cast_unsigned() << 23)
}

/// `v` truncated to an integer, for `|v| < 2^22`. Same result as `v as i32`, whose saturation would force SIMD
/// code to convert lane by lane.
#[inline(always)]
fn truncated(v: f32) -> i32 {
    // Adding this constant rounds to an integer and leaves it in the low bits.
    const WHOLE: f32 = 12_582_912.0;
    let rounded = (v + WHOLE) - WHOLE;
    let step = select(v < 0.0, -1.0, 1.0);
    let whole = rounded - select(rounded.abs() > v.abs(), step, 0.0);
    (whole + WHOLE)
        .to_bits()
        .wrapping_sub(WHOLE.to_bits())
        .cast_signed()
}

/// The multiple of ln 2 that argument reduction subtracts: 0, +-1 or a rounded quotient.
#[inline(always)]
fn quotient(x: f32, magnitude: u32, one_below: u32) -> i32 {
    let half = select(x < 0.0, -0.5, 0.5);
    let rounded = truncated(INV_LN2 * x + half);
    let one = if x < 0.0 { -1 } else { 1 };
    let k = if magnitude >= one_below { rounded } else { one };
    // |x| > ln(2) / 2
    if magnitude > 0x3eb1_7218 { k } else { 0 }
}

#[inline(always)]
fn exp_lane(x: f32) -> f32 {
    const LN2_HI: f32 = f32::from_bits(0x3f31_7200);
    const LN2_LO: f32 = f32::from_bits(0x35bf_be8e);
    const P1: f32 = 1.666_662_5e-1;
    const P2: f32 = -2.766_733_3e-3;

    // No step over- or underflows inside this range. NaN is clamped to the lower end.
    let inside = select(x > -104.0, x, -104.0);
    let inside = select(inside < 89.0, inside, 89.0);
    let magnitude = inside.to_bits() & 0x7fff_ffff;

    let k = quotient(inside, magnitude, 0x3f85_1593);
    let hi = inside - k as f32 * LN2_HI;
    let lo = k as f32 * LN2_LO;
    let r = hi - lo;
    let rr = r * r;
    let c = r - rr * (P1 + rr * P2);
    let y = 1.0 + (r * c / (2.0 - c) - lo + hi);

    // Scale in two factors so that rounding happens only once near the ends of the exponent range.
    let high = select(k > 127, f32::from_bits(0x7f00_0000), 1.0);
    let first = select(k < -126, f32::from_bits(0x0c80_0000), high);
    let left = if k > 127 { k - 127 } else { k };
    let left = if k < -126 { k + 102 } else { left };
    let scaled = y * first * power_of_two(left);

    let tiny = select(magnitude > 0x3900_0000, scaled, 1.0 + x);
    let upper = select(x >= f32::from_bits(0x42b1_7218), f32::INFINITY, tiny);
    let lower = select(x <= -f32::from_bits(0x42cf_f1b5), 0.0, upper);
    select(x.is_nan(), x, lower)
}

/// `e^x - 1` for the arguments that occur in `tanh`: `-0.52 < x <= 20`.
#[inline(always)]
fn expm1_lane(x: f32) -> f32 {
    const LN2_HI: f32 = f32::from_bits(0x3f31_7180);
    const LN2_LO: f32 = f32::from_bits(0x3717_f7d1);
    const Q1: f32 = -3.333_321_2e-2;
    const Q2: f32 = 1.580_717e-3;

    let magnitude = x.to_bits() & 0x7fff_ffff;
    let k = quotient(x, magnitude, 0x3f85_1592);
    let hi = x - k as f32 * LN2_HI;
    let lo = k as f32 * LN2_LO;
    let r = hi - lo;
    let c = (hi - r) - lo;
    let hfx = 0.5 * r;
    let hxs = r * hfx;
    let r1 = 1.0 + hxs * (Q1 + hxs * Q2);
    let t = 3.0 - r1 * hfx;
    let e = hxs * ((r1 - t) / (6.0 - r * t));

    let zero = r - (r * e - hxs);
    let e = r * (e - c) - c;
    let e = e - hxs;
    let minus_one = 0.5 * (r - e) - 0.5;
    let one_low = -2.0 * (e - (r + 0.5));
    let one_high = 1.0 + 2.0 * (r - e);
    let one = select(r < -0.25, one_low, one_high);
    let up = power_of_two(k);
    let down = power_of_two(k.wrapping_neg());
    let middle = (r - e + (1.0 - down)) * up;
    let large = (r - (e + down) + 1.0) * up;

    let result = select(k < 23, middle, large);
    let result = select(k == 1, one, result);
    let result = select(k == 0, zero, result);
    let result = select(k == -1, minus_one, result);
    select(magnitude < 0x3300_0000, x, result)
}

#[inline(always)]
fn tanh_lane(x: f32) -> f32 {
    let a = x.abs();
    let bits = a.to_bits();
    // NaN and values beyond 10 are replaced below.
    let inside = select(a < 10.0, a, 10.0);
    let upper = bits > 0x3e82_c578;
    let t = expm1_lane(select(upper, 2.0, -2.0) * inside);
    let quotient = select(bits > 0x3f0c_9f54, 2.0, t) / (t + 2.0);
    let large = 1.0 - quotient;
    let small = select(upper, quotient, -quotient);
    let result = select(bits > 0x3f0c_9f54, large, small);
    let result = select(bits < 0x0080_0000, a, result);
    let result = select(bits > 0x4120_0000, 1.0, result);
    let result = select(a.is_nan(), a, result);
    select(x.to_bits() >> 31 == 0, result, -result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares every `step`-th bit pattern, from `start`; a step of 1 is exhaustive.
    fn differing(
        lanes: fn(Packet<16>) -> Packet<16>,
        scalar: fn(f32) -> f32,
        start: u32,
        step: u32,
    ) -> Option<f32> {
        let mut bits = start;
        loop {
            let x = f32::from_bits(bits);
            let mut packet = Packet([0.25; 16]);
            packet.0[7] = x;
            let (found, expected) = (lanes(packet).0[7], scalar(x));
            if found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan()) {
                return Some(x);
            }
            bits = bits.checked_add(step)?;
        }
    }

    #[test]
    fn a_comb_over_all_floats_has_the_bits_of_libm() {
        for start in 0..4 {
            assert_eq!(differing(exp, libm::expf, start, 20_011), None);
            assert_eq!(differing(tanh, libm::tanhf, start, 20_011), None);
        }
    }

    #[test]
    fn the_ends_of_every_branch_have_the_bits_of_libm() {
        let ends = [
            0x0000_0000,
            0x0080_0000,
            0x3300_0000,
            0x3900_0000,
            0x3e82_c578,
            0x3eb1_7218,
            0x3f0c_9f54,
            0x3f85_1592,
            0x4120_0000,
            0x4195_b844,
            0x42ae_ac50,
            0x42b1_7218,
            0x42cf_f1b5,
            0x7f80_0000,
        ];
        for end in ends {
            for near in -2_000_i32..2_000 {
                for sign in [0, 1 << 31] {
                    let x = f32::from_bits((end as u32).wrapping_add_signed(near) ^ sign);
                    for (found, expected) in
                        [(exp_lane(x), libm::expf(x)), (tanh_lane(x), libm::tanhf(x))]
                    {
                        let both_nan = found.is_nan() && expected.is_nan();
                        assert!(both_nan || found.to_bits() == expected.to_bits(), "{x:e}");
                    }
                }
            }
        }
    }
}
