//! The innermost loops, over the weights of a panel and their inputs, in safe Rust.

use core::hint::black_box;

use crate::image::{PANEL, QUAD_WORDS, high, low};

/// Adds 8-bit weights times inputs to every sum; see [`I8`](crate::image::I8).
#[inline(never)]
pub(crate) fn bytes(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]) {
    let add = quad_adder();
    // Unrolled by hand: firmware is built for size, which keeps loops as loops.
    let [mut a, mut b, mut c, mut d] = *sums;
    let rows = weights.as_chunks::<PANEL>().0;
    for (&[w, x, y, z], &inputs) in rows.iter().zip(input.as_chunks().0) {
        // Keeps the loop from being transformed.
        black_box(());
        (a, b) = (add(a, w, inputs), add(b, x, inputs));
        (c, d) = (add(c, y, inputs), add(d, z, inputs));
    }
    *sums = [a, b, c, d];
}

/// Adds 16-bit weights times inputs to every sum; see [`I16`](crate::image::I16).
#[inline(never)]
pub(crate) fn halves(weights: &[i32], input: &[i32], sums: &mut [i32; PANEL]) {
    let [mut a, mut b, mut c, mut d] = *sums;
    let rows = weights.as_chunks::<PANEL>().0;
    for (&[w, x, y, z], &inputs) in rows.iter().zip(input) {
        black_box(());
        (a, b) = (add_pair(a, w, inputs), add_pair(b, x, inputs));
        (c, d) = (add_pair(c, y, inputs), add_pair(d, z, inputs));
    }
    *sums = [a, b, c, d];
}

/// Adds the products of the low and of the high halves.
#[inline(always)]
fn add_pair(sum: i32, weights: i32, inputs: i32) -> i32 {
    sum.wrapping_add(low(weights).wrapping_mul(low(inputs)))
        .wrapping_add(high(weights).wrapping_mul(high(inputs)))
}

/// Adds the products of four bytes and the halves of two words, for cores with 16-bit multiply instructions: a
/// mask extracts two bytes as halves. The mask is hidden from the compiler, which would otherwise extract each
/// byte separately.
#[cfg(target_abi = "eabihf")]
#[inline(always)]
fn quad_adder() -> impl Fn(i32, i32, [i32; QUAD_WORDS]) -> i32 {
    let mask = black_box(0x00ff_00ff);
    move |sum, weights: i32, [first, second]| {
        let others = weights.cast_unsigned().rotate_right(8).cast_signed();
        add_pair(add_pair(sum, weights & mask, first), others & mask, second)
    }
}

/// Adds the products of four bytes and the halves of two words, one byte at a time.
#[cfg(not(target_abi = "eabihf"))]
#[inline(always)]
fn quad_adder() -> impl Fn(i32, i32, [i32; QUAD_WORDS]) -> i32 {
    |sum, weights: i32, [first, second]| {
        let [a, c, b, d] = weights.to_le_bytes();
        sum.wrapping_add(i32::from(a).wrapping_mul(low(first)))
            .wrapping_add(i32::from(b).wrapping_mul(high(first)))
            .wrapping_add(i32::from(c).wrapping_mul(low(second)))
            .wrapping_add(i32::from(d).wrapping_mul(high(second)))
    }
}
