//! The number type that kernels and layers are generic over.

use core::ops::{Add, Div, Mul, Neg, Sub};

use super::elementary::Math;

/// A value with one `f32` per sample: `f32` itself, or a [`Packet`](super::Packet).
pub trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Number of samples per value.
    const COUNT: usize;

    /// The same value in every lane.
    fn splat(value: f32) -> Self;

    /// Applies `function` to each lane.
    #[must_use]
    fn map(self, function: impl Fn(f32) -> f32) -> Self;

    /// Combines two values lane by lane.
    #[must_use]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self;

    /// `other` where the lane is negative, otherwise the lane itself. NaN is kept, so an overflow cannot turn
    /// into a number.
    #[must_use]
    fn or_if_negative(self, other: Self) -> Self;

    /// `e^x` by the given back end.
    #[must_use]
    fn exp(self, math: Math) -> Self;

    /// Hyperbolic tangent by the given back end.
    #[must_use]
    fn tanh(self, math: Math) -> Self;

    /// The lanes as a slice, in sample order.
    fn as_lanes(&self) -> &[f32];

    /// The lanes as a mutable slice.
    fn as_lanes_mut(&mut self) -> &mut [f32];
}

impl Lanes for f32 {
    const COUNT: usize = 1;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn map(self, function: impl Fn(f32) -> f32) -> Self {
        function(self)
    }

    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        function(self, other)
    }

    #[inline(always)]
    fn or_if_negative(self, other: Self) -> Self {
        if self < 0.0 { other } else { self }
    }

    #[inline(always)]
    fn exp(self, math: Math) -> Self {
        math.exp(self)
    }

    #[inline(always)]
    fn tanh(self, math: Math) -> Self {
        math.tanh(self)
    }

    #[inline(always)]
    fn as_lanes(&self) -> &[f32] {
        core::slice::from_ref(self)
    }

    #[inline(always)]
    fn as_lanes_mut(&mut self) -> &mut [f32] {
        core::slice::from_mut(self)
    }
}
