//! One sample or several at once: the number type the kernels are generic over.
//!
//! Every kernel of the engine is written once, for a type `V: Lanes`, but for the innermost loop of a
//! dense layer, which a chip wants otherwise than a desktop. On the chip `V` is `f32`. On the desktop `V` is [`Packet`], which carries 8 or 16 samples side by side; each lane goes through
//! exactly the operations of the scalar kernel in the same order, so its bits are the same, and the
//! compiler turns the lanes into SIMD instructions.
//!
//! ```
//! use nvpico::lanes::{Lanes, Packet};
//!
//! let x = Packet([1.0_f32, 2.0, 3.0, 4.0]);
//! let y = x * Packet::splat(2.0) + Packet::splat(1.0);
//! assert_eq!(y.0, [3.0, 5.0, 7.0, 9.0]);
//! ```

use core::ops::{Add, Div, Mul, Neg, Sub};

#[cfg(feature = "feature-maps")]
use crate::conditioner::convolution;
use crate::conditioner::scalar::{self, Share};
use crate::conditioner::{self, dense};
use crate::math::Math;
use crate::spec::Activation;

/// A value that carries one `f32` per sample: `f32` itself, or a [`Packet`].
pub trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Samples carried.
    const COUNT: usize;

    /// Outputs of a dense layer that are summed side by side, for packets: as many as registers hold.
    const TILE: usize;

    /// The same value in every lane.
    fn splat(value: f32) -> Self;

    /// Applies `function` to each lane on its own.
    #[must_use]
    fn map(self, function: impl Fn(f32) -> f32) -> Self;

    /// Combines two values lane by lane.
    #[must_use]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self;

    /// `other` where the lane is below zero, the lane itself elsewhere. NaN stays: an overflow must
    /// not end as a number.
    #[must_use]
    fn or_if_negative(self, other: Self) -> Self;

    /// [`dense::add_inputs`]: for `f32` one copy in flash, whatever the number of layers; inlined for
    /// packets.
    fn dense<'p>(
        params: &'p [f32],
        inputs: usize,
        done: usize,
        part: &[Self],
        output: &mut [Self],
        activation: Option<Activation>,
    ) -> &'p [f32];

    /// [`dense::forward_pair`], with as large a part of the hidden layer at a time as memory allows.
    fn dense_pair<'p>(
        params: &'p [f32],
        input: &[Self],
        width: usize,
        output: &mut [Self],
        activation: Activation,
    ) -> &'p [f32];

    /// One row of a convolution: for `f32` one copy in flash; inlined for packets.
    #[cfg(feature = "feature-maps")]
    fn convolve(row: convolution::Row<'_, Self>);

    /// The gradients of a convolution on a whole map.
    #[cfg(feature = "std")]
    fn convolve_backward(backward: convolution::Backward<'_, Self>);

    /// `e^x` by the given back end.
    #[must_use]
    fn exp(self, math: Math) -> Self;

    /// Hyperbolic tangent by the given back end.
    #[must_use]
    fn tanh(self, math: Math) -> Self;

    /// The lanes as a slice, in sample order.
    fn as_lanes(&self) -> &[f32];

    /// The lanes as a slice that can be written.
    fn as_lanes_mut(&mut self) -> &mut [f32];
}

impl Lanes for f32 {
    const COUNT: usize = 1;
    // A single sample has its own kernel.
    const TILE: usize = 8;

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
    fn dense<'p>(
        params: &'p [f32],
        inputs: usize,
        done: usize,
        part: &[f32],
        output: &mut [f32],
        activation: Option<Activation>,
    ) -> &'p [f32] {
        let share = Share {
            inputs,
            bias: done == 0,
            before: done.saturating_sub(1),
            part,
            relu: matches!(activation, Some(Activation::Relu)),
        };
        let rest = conditioner::add_inputs(params, share, output);
        if let Some(Activation::LeakyRelu { slope }) = activation {
            scalar::leaky(output, slope);
        }
        rest
    }

    #[inline(always)]
    fn dense_pair<'p>(
        params: &'p [f32],
        input: &[f32],
        width: usize,
        output: &mut [f32],
        activation: Activation,
    ) -> &'p [f32] {
        conditioner::forward_pair(params, input, width, output, activation)
    }

    #[cfg(feature = "feature-maps")]
    #[inline(never)]
    fn convolve(row: convolution::Row<'_, Self>) {
        convolution::scalar::convolve(row);
    }

    #[cfg(feature = "std")]
    fn convolve_backward(backward: convolution::Backward<'_, Self>) {
        let done = backward.run();
        debug_assert!(done.is_some(), "slices fit the spec");
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

/// `a` if `condition`, else `b`, by bit masks: a branch would keep the lanes apart.
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
    // AVX-512 has 32 registers of 16 lanes, AVX2 has 16 of 8.
    const TILE: usize = if N >= 16 { 8 } else { 4 };

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

    #[inline(always)]
    fn dense<'p>(
        params: &'p [f32],
        inputs: usize,
        done: usize,
        part: &[Self],
        output: &mut [Self],
        activation: Option<Activation>,
    ) -> &'p [f32] {
        dense::add_inputs(params, inputs, done, part, output, activation)
    }

    #[inline(always)]
    fn dense_pair<'p>(
        params: &'p [f32],
        input: &[Self],
        width: usize,
        output: &mut [Self],
        activation: Activation,
    ) -> &'p [f32] {
        dense::forward_pair::<Self, 64>(params, input, width, output, activation)
    }

    #[cfg(all(feature = "feature-maps", not(feature = "std")))]
    #[inline(always)]
    fn convolve(row: convolution::Row<'_, Self>) {
        row.run();
    }

    #[cfg(feature = "std")]
    fn convolve(row: convolution::Row<'_, Self>) {
        convolution::training::dispatch_row(row);
    }

    #[cfg(feature = "std")]
    fn convolve_backward(backward: convolution::Backward<'_, Self>) {
        convolution::training::dispatch_backward(backward);
    }

    #[inline(always)]
    fn exp(self, math: Math) -> Self {
        math.exp_lanes(self)
    }

    #[inline(always)]
    fn tanh(self, math: Math) -> Self {
        math.tanh_lanes(self)
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
