//! Lengths for a network's gradients.

use super::Network;
use super::stage::Op;
use super::walk::Stages;
use crate::spec::conditioner::Conditioner;
use crate::spec::shape::Shape;
use crate::spec::{add, max, mul};

impl Network<'_> {
    /// Number of values that a pass keeps of the network: results of its stages and, for a stack of
    /// convolutions, its input. A residual network on a map is trained in another form, with different lengths.
    pub(crate) const fn kept_len(&self, shape: Shape) -> usize {
        let mut total = match self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => 0,
            Conditioner::Convolution(_) => self.inputs,
            Conditioner::ResidualConvolution(_) => return 0,
        };
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            let channels = match stage.op {
                Op::Convolution(convolution) => convolution.outputs,
                Op::Activation(_, channels) => channels,
                Op::Norm(_) | Op::BothSigns(_) => 0,
            };
            total = add(total, mul(channels, times));
        }
        mul(total, shape.pixels())
    }

    /// Length of the scratch for the backward pass, without the gradient of the outputs.
    pub(crate) const fn backward_len(&self, shape: Shape) -> usize {
        let widest = mul(self.widest(), shape.pixels());
        match self.conditioner {
            Conditioner::Dense(_) => mul(widest, 2),
            // Gradients of the sum, of what a block adds, of its activated input, and of the network's input.
            Conditioner::ResidualDense(_) => mul(widest, 4),
            Conditioner::Convolution(_) => add(mul(widest, 2), mul(self.largest_window(), 2)),
            Conditioner::ResidualConvolution(_) => 0,
        }
    }

    /// Number of values in the largest window.
    const fn largest_window(&self) -> usize {
        let mut most = 0;
        let mut stages = Stages::new(self, true);
        while let Some((stage, _)) = stages.next_counted() {
            if let Op::Convolution(convolution) = stage.op {
                most = max(most, convolution.rows());
            }
        }
        most
    }

    /// The largest number of channels of inputs, stages and outputs.
    pub(crate) const fn widest(&self) -> usize {
        let mut widest = self.inputs;
        let mut stages = Stages::new(self, true);
        while let Some((stage, _)) = stages.next_counted() {
            if let Op::Convolution(convolution) = stage.op {
                widest = max(widest, convolution.outputs);
            }
        }
        widest
    }
}
