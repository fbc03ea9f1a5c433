//! Fully connected conditioners: perceptrons and residual networks.

use super::activation::Activation;
use super::{add, max, mul};

/// A multi-layer perceptron from the kept features to the transform's inputs.
/// One net gives `[s..., t...]`; two nets stand one after the other, `s` first.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DenseSpec<'a> {
    /// Widths of the hidden layers; may be empty.
    pub hidden: &'a [usize],
    /// Between layers; the last layer is linear.
    pub activation: Activation,
    /// Whether `s` and `t` share a net. An additive coupling has one net in either case.
    pub nets: Nets,
}

/// One network of residual blocks (as nflows has them), with both outputs: a linear layer to `width` values
/// `h`, per block `h += W2 a(W1 a(n) + b1) + b2`, a linear layer to the outputs. `a` is the activation, `n`
/// is `h`, or `h * scale + shift` with norms.
///
/// Parameters: the first layer's; per block `scale[width]`, `shift[width]` if there are norms, and its two
/// layers'; the last layer's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResidualDenseSpec {
    /// Values inside.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Inside the blocks.
    pub activation: Activation,
    /// Whether blocks start by a batch norm on its running statistics, as scale and shift.
    pub norm: bool,
}

impl ResidualDenseSpec {
    /// Blocks without norms.
    #[must_use]
    pub const fn new(width: usize, blocks: usize, activation: Activation) -> Self {
        Self {
            width,
            blocks,
            activation,
            norm: false,
        }
    }

    /// The same blocks, with norms or without.
    #[must_use]
    pub const fn with_norm(self, norm: bool) -> Self {
        Self { norm, ..self }
    }

    /// Values of scratch that the network needs.
    #[must_use]
    pub const fn scratch_len(&self, inputs: usize, outputs: usize) -> usize {
        // A block works on its input, the activated input, and its own result.
        let block = if self.blocks == 0 {
            0
        } else {
            mul(self.width, 2)
        };
        add(self.width, max(max(inputs, outputs), block))
    }
}

/// One network for `s` and `t`, or one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Nets {
    /// One network with both outputs.
    One,
    /// A network for `s` and a network for `t`.
    Two,
}

impl<'a> DenseSpec<'a> {
    /// One network with these hidden layers.
    #[must_use]
    pub const fn new(hidden: &'a [usize], activation: Activation) -> Self {
        Self {
            hidden,
            activation,
            nets: Nets::One,
        }
    }

    /// The same layers in another arrangement.
    #[must_use]
    pub const fn with_nets(self, nets: Nets) -> Self {
        Self { nets, ..self }
    }
}

impl DenseSpec<'_> {
    /// Values of scratch that one network needs: the most that a layer's input and output take
    /// together. The last hidden layer is never stored.
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
