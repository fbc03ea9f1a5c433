//! The computation of networks: dense layers, convolutions, residual networks.
//!
//! [`dense`] holds a fully connected layer, [`convolution`] makes networks for feature maps of it. A kernel
//! is written once for every type of [`Lanes`], but for the innermost loop, which a chip wants otherwise
//! than a desktop: [`Kernels`] has the one for each number type. That for a single sample is in safe Rust
//! and, as an option, in assembly. The gradients (feature `std`) stand beside what they are the gradients of.

#[cfg(feature = "feature-maps")]
pub mod convolution;
pub mod dense;
pub(crate) mod perceptron;
pub(crate) mod ping_pong;
#[cfg(feature = "foreign")]
pub(crate) mod residual_dense;

use crate::arithmetic::{Lanes, Packet};
use crate::spec::Activation;
use dense::scalar::{self, Share};

/// A number type with inner loops of its own: small code for `f32`, inlined and tiled by registers for a
/// [`Packet`].
pub trait Kernels: Lanes {
    /// Outputs of a dense layer that are summed side by side, for packets: as many as registers hold.
    const TILE: usize;

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
}

impl Kernels for f32 {
    // A single sample has its own kernel.
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
