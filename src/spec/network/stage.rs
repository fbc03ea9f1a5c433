//! One stage: its computation, and the slots that it reads and writes.

use crate::spec::activation::Activation;
use crate::spec::convolution::Kernel;
use crate::spec::{add, mul};

/// A step of a network: `to = op(from)`, or `to += op(from)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// The computation.
    pub op: Op,
    /// Slot that it reads.
    pub from: Slot,
    /// Slot that it writes.
    pub to: Slot,
    /// Whether the result is added to the slot.
    pub adds: bool,
}

/// Storage between stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The network's input: the kept values.
    Input,
    /// The result of the previous stage.
    Work,
    /// The sum that residual blocks add to.
    Hidden,
    /// The sum of the skip connections.
    Skip,
    /// The network's output: raw log-scales and shifts.
    Output,
}

/// The computation of a stage, at every place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// `activation(W x + b)`: a convolution; with a 1 x 1 window, a dense layer.
    Convolution(Convolution),
    /// `x * scale + shift` per channel.
    Norm(Norm),
    /// An activation alone, on this number of channels.
    Activation(Activation, usize),
    /// `relu(concat(x, -x))`, from this number of channels to twice as many.
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
    /// Applied to the sums.
    pub activation: Option<Activation>,
    /// Whether the weights are `g v / |v|`: gains `g[outputs]`, then panels with `v`. Otherwise panels only.
    pub normalised: bool,
}

/// A norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Number of channels.
    pub channels: usize,
    /// `None`: parameters `scale`, `shift`. In training, the `eps` of a batch norm with parameters
    /// `running_mean`, `running_var`, `scale`, `shift`. Each has `channels` values.
    pub eps: Option<f32>,
}

impl Convolution {
    /// Number of inputs per output.
    #[must_use]
    pub const fn rows(&self) -> usize {
        mul(self.kernel.taps(), self.inputs)
    }

    /// Number of gains, biases and weights.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let gains = if self.normalised { self.outputs } else { 0 };
        add(gains, self.kernel.param_len(self.inputs, self.outputs))
    }
}

impl Norm {
    /// Number of parameters.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        mul(self.channels, if self.eps.is_some() { 4 } else { 2 })
    }
}

impl Stage {
    /// Number of parameters.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        match self.op {
            Op::Convolution(convolution) => convolution.param_len(),
            Op::Norm(norm) => norm.param_len(),
            Op::Activation(..) | Op::BothSigns(_) => 0,
        }
    }

    /// Multiply-accumulates per place with a complete window.
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

    /// Whether it is the last stage of a residual block or of the network. With zero weights there, the network
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
