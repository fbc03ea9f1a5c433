//! One stage: what it computes, where it reads and writes.

use crate::spec::activation::Activation;
use crate::spec::convolution::Kernel;
use crate::spec::{add, mul};

/// A step of a network: `to = op(from)`, or `to += op(from)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// What is computed.
    pub op: Op,
    /// Where it reads.
    pub from: Slot,
    /// Where it writes.
    pub to: Slot,
    /// Whether the result is added to what is there.
    pub adds: bool,
}

/// Where values stand between two stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// What the network reads: the kept values.
    Input,
    /// The result of the stage before.
    Work,
    /// The sum that residual blocks add to.
    Hidden,
    /// The sum of the skip connections.
    Skip,
    /// What the network gives: raw log-scales and shifts.
    Output,
}

/// What a stage computes at every place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// `activation(W x + b)`: a convolution, which by a window of 1 x 1 is a dense layer.
    Convolution(Convolution),
    /// `x * scale + shift` per channel.
    Norm(Norm),
    /// The activation alone, of so many channels.
    Activation(Activation, usize),
    /// `relu(concat(x, -x))`, from so many channels to twice as many.
    BothSigns(usize),
}

/// A dense layer or a convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convolution {
    /// The window.
    pub kernel: Kernel,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Of the sums.
    pub activation: Option<Activation>,
    /// Whether the weights are `g v / |v|`: gains `g[outputs]`, then panels with `v`. Else panels alone.
    pub normalised: bool,
}

/// A norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Channels.
    pub channels: usize,
    /// `None`: parameters `scale`, `shift`. In training a batch norm with this `eps`: `running_mean`,
    /// `running_var`, `scale`, `shift`. Of `channels` values each.
    pub eps: Option<f32>,
}

impl Convolution {
    /// Values that one output sums.
    #[must_use]
    pub const fn rows(&self) -> usize {
        mul(self.kernel.taps(), self.inputs)
    }

    /// Gains, biases and weights.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let gains = if self.normalised { self.outputs } else { 0 };
        add(gains, self.kernel.param_len(self.inputs, self.outputs))
    }
}

impl Norm {
    /// Its parameters.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        mul(self.channels, if self.eps.is_some() { 4 } else { 2 })
    }
}

impl Stage {
    /// Parameters of the stage.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        match self.op {
            Op::Convolution(convolution) => convolution.param_len(),
            Op::Norm(norm) => norm.param_len(),
            Op::Activation(..) | Op::BothSigns(_) => 0,
        }
    }

    /// Multiply-accumulates at one place, the window whole.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        match self.op {
            Op::Convolution(convolution) => mul(convolution.rows(), convolution.outputs),
            Op::Norm(_) | Op::Activation(..) | Op::BothSigns(_) => 0,
        }
    }

    pub(super) const fn new(op: Op, from: Slot, to: Slot) -> Self {
        Self {
            op,
            from,
            to,
            adds: false,
        }
    }

    /// Whether it is the last of a residual block or of the network: with weights of zero there, the network
    /// starts as the identity map.
    #[cfg(feature = "std")]
    pub(crate) fn ends_branch(&self) -> bool {
        self.to == Slot::Output || (self.to == Slot::Hidden && self.adds)
    }

    pub(super) const fn adding(op: Op, from: Slot, to: Slot) -> Self {
        Self {
            op,
            from,
            to,
            adds: true,
        }
    }
}
