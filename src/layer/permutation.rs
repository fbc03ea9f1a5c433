//! A fixed permutation of the features: `y[i] = x[permutation[i]]`. Log-det 0, no parameters.

use crate::lanes::Lanes;

/// x to y; `scratch` holds at least as many values as `x`.
#[inline(always)]
pub fn forward<V: Lanes>(permutation: &[usize], x: &mut [V], scratch: &mut [V]) {
    for (slot, &from) in scratch.iter_mut().zip(permutation) {
        if let Some(&value) = x.get(from) {
            *slot = value;
        }
    }
    for (x, &value) in x.iter_mut().zip(scratch.iter()) {
        *x = value;
    }
}

/// y to x; `scratch` holds at least as many values as `y`. Also the gradient's way back.
#[inline(always)]
pub fn inverse<V: Lanes>(permutation: &[usize], y: &mut [V], scratch: &mut [V]) {
    for (&value, &to) in y.iter().zip(permutation) {
        if let Some(slot) = scratch.get_mut(to) {
            *slot = value;
        }
    }
    for (y, &value) in y.iter_mut().zip(scratch.iter()) {
        *y = value;
    }
}
