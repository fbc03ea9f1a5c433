//! `libm`'s `expf` and `tanhf` for many lanes at once, bit for bit.
//!
//! First version: lane by lane through the scalar functions.

use crate::lanes::{Lanes, Packet};

#[inline(always)]
pub(super) fn exp<const N: usize>(x: Packet<N>) -> Packet<N> {
    x.map(libm::expf)
}

#[inline(always)]
pub(super) fn tanh<const N: usize>(x: Packet<N>) -> Packet<N> {
    x.map(libm::tanhf)
}
