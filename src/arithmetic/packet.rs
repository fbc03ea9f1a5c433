//! Several samples side by side, for SIMD on the desktop.

mod vector;

use core::ops::{Add, Div, Mul, Neg, Sub};

use super::elementary::Math;
use super::lanes::Lanes;

/// `a` if `condition`, else `b`, by bit masks: a branch would prevent vectorisation.
#[inline(always)]
pub(crate) fn select(condition: bool, a: f32, b: f32) -> f32 {
    let mask = u32::from(condition).wrapping_neg();
    f32::from_bits((a.to_bits() & mask) | (b.to_bits() & !mask))
}

/// `N` samples side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(32))]
pub struct Packet<const N: usize>(pub [f32; N]);

macro_rules! operator {
    ($trait:ident, $method:ident, $assign:tt) => {
        impl<const N: usize> $trait for Packet<N> {
            type Output = Self;

            #[inline(always)]
            fn $method(mut self, other: Self) -> Self {
                for (a, b) in self.0.iter_mut().zip(other.0) {
                    *a $assign b;
                }
                self
            }
        }
    };
}

operator!(Add, add, +=);
operator!(Sub, sub, -=);
operator!(Mul, mul, *=);
operator!(Div, div, /=);

impl<const N: usize> Neg for Packet<N> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|a| -a)
    }
}

impl<const N: usize> Lanes for Packet<N> {
    const COUNT: usize = N;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; N])
    }

    #[inline(always)]
    fn map(mut self, function: impl Fn(f32) -> f32) -> Self {
        for a in &mut self.0 {
            *a = function(*a);
        }
        self
    }

    #[inline(always)]
    fn zip(mut self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = function(*a, b);
        }
        self
    }

    #[inline(always)]
    fn or_if_negative(self, other: Self) -> Self {
        self.zip(other, |a, b| select(a < 0.0, b, a))
    }

    /// With the bits of [`Math::exp`] in every lane.
    #[inline(always)]
    fn exp(self, math: Math) -> Self {
        if math == Math::Libm {
            return vector::exp(self);
        }
        self.map(|x| math.exp(x))
    }

    /// With the bits of [`Math::tanh`] in every lane.
    #[inline(always)]
    fn tanh(self, math: Math) -> Self {
        if math == Math::Libm {
            return vector::tanh(self);
        }
        self.map(|x| math.tanh(x))
    }

    #[inline(always)]
    fn as_lanes(&self) -> &[f32] {
        &self.0
    }

    #[inline(always)]
    fn as_lanes_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
