//! The computation of networks: dense layers, convolutions, residual networks.
//!
//! [`dense`] is a fully connected layer; `convolution` builds networks for feature maps on top of it. A kernel
//! is written once, generic over [`Lanes`], except for the innermost loop, which needs different code on a chip
//! and on the desktop: [`Kernels`] provides it for each number type. For a single sample it exists in safe Rust
//! and optionally in assembly. Gradients are next to their forward passes.

#[cfg(feature = "feature-maps")]
pub mod convolution;
pub mod dense;
pub(crate) mod perceptron;
pub(crate) mod ping_pong;
#[cfg(feature = "extra-layers")]
pub(crate) mod residual_dense;

use crate::arithmetic::{Lanes, Packet};
use crate::spec::Activation;
use dense::scalar::{self, Share};

/// A number type with its own inner loops: compact code for `f32`; inlined and tiled to fit registers for a
/// [`Packet`].
pub trait Kernels: Lanes {
    /// For packets: outputs of a dense layer that are accumulated at a time, as many as fit in registers.
    const TILE: usize;

    /// [`dense::add_inputs`]. For `f32` there is one copy in flash for all layers; for packets it is inlined.
    fn dense<'p>(
        params: &'p [f32],
        inputs: usize,
        done: usize,
        part: &[Self],
        output: &mut [Self],
        activation: Option<Activation>,
    ) -> &'p [f32];

    /// [`dense::forward_pair`], with the largest chunk of the hidden layer that memory allows.
    fn dense_pair<'p>(
        params: &'p [f32],
        input: &[Self],
        width: usize,
        output: &mut [Self],
        activation: Activation,
    ) -> &'p [f32];

    /// One row of a convolution. For `f32` there is one copy in flash; for packets it is inlined.
    #[cfg(feature = "feature-maps")]
    fn convolve(row: convolution::Row<'_, Self>);

    /// Gradients of a convolution on a whole map.
    #[cfg(feature = "std")]
    fn convolve_backward(backward: convolution::Backward<'_, Self>);
}

impl Kernels for f32 {
    // Not used for a single sample, which has its own kernel.
    const TILE: usize = 8;

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
        let rest = dense::single::add_inputs(params, share, output);
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
        dense::single::forward_pair(params, input, width, output, activation)
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
}

impl<const N: usize> Kernels for Packet<N> {
    // AVX-512 has 32 registers of 16 lanes, AVX2 has 16 of 8.
    const TILE: usize = if N >= 16 { 8 } else { 4 };

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
}
