//! Fully connected conditioners: perceptrons and residual networks.

use super::activation::Activation;
use super::{add, max, mul};

/// A multi-layer perceptron from the kept features to log-scales and shifts. A single network outputs `[s...,
/// t...]`; with two networks, that for `s` comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DenseSpec<'a> {
    /// Widths of the hidden layers; may be empty.
    pub hidden: &'a [usize],
    /// Activation of the hidden layers; the last layer is linear.
    pub activation: Activation,
    /// Whether `s` and `t` share a network. An additive coupling has a single network in either case.
    pub nets: Nets,
}

/// A single network of residual blocks (as in nflows) for both outputs: a linear layer to `width` values `h`,
/// per block `h += W2 a(W1 a(n) + b1) + b2`, a linear layer to the outputs. `a` is the activation; `n` is `h`,
/// or `h * scale + shift` with norms.
///
/// Parameters: the first layer; per block `scale[width]`, `shift[width]` if there are norms, and its two
/// layers; the last layer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResidualDenseSpec {
    /// Number of hidden values.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Activation inside the blocks.
    pub activation: Activation,
    /// Whether each block starts with a batch norm, stored as scale and shift.
    pub norm: bool,
}

impl ResidualDenseSpec {
    /// A network without norms.
    #[must_use]
    pub const fn new(width: usize, blocks: usize, activation: Activation) -> Self {
        Self {
            width,
            blocks,
            activation,
            norm: false,
        }
    }

    /// The same network, with or without norms.
    #[must_use]
    pub const fn with_norm(self, norm: bool) -> Self {
        Self { norm, ..self }
    }

    /// Length of the scratch that the network needs.
    #[must_use]
    pub const fn scratch_len(&self, inputs: usize, outputs: usize) -> usize {
        // A block holds its input, the activated input, and its result.
        let block = if self.blocks == 0 {
            0
        } else {
            mul(self.width, 2)
        };
        add(self.width, max(max(inputs, outputs), block))
    }
}

/// Whether `s` and `t` have a common network or one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Nets {
    /// One network with both outputs.
    One,
    /// A network for `s` and a network for `t`.
    Two,
}

impl<'a> DenseSpec<'a> {
    /// A single network with these hidden layers.
    #[must_use]
    pub const fn new(hidden: &'a [usize], activation: Activation) -> Self {
        Self {
            hidden,
            activation,
            nets: Nets::One,
        }
    }

    /// The same layers as one network or two.
    #[must_use]
    pub const fn with_nets(self, nets: Nets) -> Self {
        Self { nets, ..self }
    }
}

impl DenseSpec<'_> {
    /// Length of the scratch that one network needs: the largest sum of a layer's input and output. The last
    /// hidden layer is never stored.
    #[must_use]
    pub const fn scratch_len(&self, inputs: usize, outputs: usize) -> usize {
        let mut most = 0;
        let mut from = inputs;
        let mut hidden = self.hidden;
        while let [width, _, ..] = hidden {
            most = max(most, add(from, *width));
            from = *width;
            hidden = hidden.split_at(1).1;
        }
        max(most, add(from, outputs))
    }
}
