//! A fixed permutation of the channels (for a vector, of its features): channel `i` of y is channel
//! `permutation[i]` of x. Log-determinant 0, no parameters.

pub(crate) mod fixed;

use crate::spec::Shape;

/// Maps x to y; `scratch` holds at least as many values as `x`.
#[inline(always)]
pub fn forward<V: Copy>(shape: Shape, permutation: &[usize], x: &mut [V], scratch: &mut [V]) {
    let pixels = shape.pixels();
    let mut next = scratch.iter_mut();
    for &from in permutation {
        for pixel in 0..pixels {
            let at = from.saturating_mul(pixels).saturating_add(pixel);
            if let (Some(slot), Some(&value)) = (next.next(), x.get(at)) {
                *slot = value;
            }
        }
    }
    for (x, &value) in x.iter_mut().zip(scratch.iter()) {
        *x = value;
    }
}

/// Maps y to x; `scratch` holds at least as many values as `y`. Also maps gradients backwards.
#[inline(always)]
pub fn inverse<V: Copy>(shape: Shape, permutation: &[usize], y: &mut [V], scratch: &mut [V]) {
    let pixels = shape.pixels();
    let mut next = y.iter();
    for &to in permutation {
        for pixel in 0..pixels {
            let at = to.saturating_mul(pixels).saturating_add(pixel);
            if let (Some(&value), Some(slot)) = (next.next(), scratch.get_mut(at)) {
                *slot = value;
            }
        }
    }
    for (y, &value) in y.iter_mut().zip(scratch.iter()) {
        *y = value;
    }
}
