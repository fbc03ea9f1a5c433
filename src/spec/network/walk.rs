//! Iteration over a network's stages: the only place that defines the order of a conditioner's computation.

use super::Network;
use super::stage::{Convolution, Norm, Op, Slot, Stage};
use crate::spec::activation::Activation;
use crate::spec::conditioner::Conditioner;
use crate::spec::convolution::{ConvolutionLayer, Kernel, ResidualConvolutionSpec, ResidualForm};
use crate::spec::dense::ResidualDenseSpec;
use crate::spec::{add, mul};

/// Iterates over a network's stages.
#[derive(Clone, Copy, Debug)]
pub struct Stages<'a> {
    conditioner: Conditioner<'a>,
    outputs: usize,
    /// Whether to visit identical blocks only once, with their count.
    once: bool,
    /// Number of stages visited.
    passed: usize,
    /// Number of channels that the next linear stage of a stack reads.
    width: usize,
    /// Hidden layers of a stack that are not visited yet.
    dense: &'a [usize],
    convolutions: &'a [ConvolutionLayer],
    ended: bool,
}

#[allow(
    clippy::copy_iterator,
    reason = "a `const` walk copies where it stands"
)]
impl Iterator for Stages<'_> {
    type Item = Stage;

    fn next(&mut self) -> Option<Stage> {
        self.next_counted().map(|(stage, _)| stage)
    }
}

impl<'a> Stages<'a> {
    pub(super) const fn new(network: &Network<'a>, once: bool) -> Self {
        let (dense, convolutions): (&[usize], &[ConvolutionLayer]) = match network.conditioner {
            Conditioner::Dense(net) => (net.hidden, &[]),
            Conditioner::Convolution(net) => (&[], net.hidden),
            Conditioner::ResidualDense(_) | Conditioner::ResidualConvolution(_) => (&[], &[]),
        };
        Self {
            conditioner: network.conditioner,
            outputs: network.outputs,
            once,
            passed: 0,
            width: network.inputs,
            dense,
            convolutions,
            ended: false,
        }
    }

    /// The next stage, and how often it occurs in the network: more than once for stages of a block if
    /// identical blocks are visited only once.
    pub(super) const fn next_counted(&mut self) -> Option<(Stage, usize)> {
        match self.conditioner {
            Conditioner::Dense(net) => self.of_stack(net.activation, Kernel::POINT),
            Conditioner::ResidualDense(net) => self.of_residual_dense(net),
            Conditioner::Convolution(net) => self.of_stack(net.activation, net.last),
            Conditioner::ResidualConvolution(net) => self.of_residual_convolution(net),
        }
    }

    /// Layers in sequence, the last one a convolution.
    const fn of_stack(&mut self, activation: Activation, last: Kernel) -> Option<(Stage, usize)> {
        if self.ended {
            return None;
        }
        let inputs = self.width;
        let from = if self.passed == 0 {
            Slot::Input
        } else {
            Slot::Work
        };
        let (kernel, outputs) = if let [width, rest @ ..] = self.dense {
            self.dense = rest;
            (Kernel::POINT, *width)
        } else if let [layer, rest @ ..] = self.convolutions {
            self.convolutions = rest;
            (layer.kernel, layer.filters)
        } else {
            self.ended = true;
            (last, self.outputs)
        };
        self.passed = add(self.passed, 1);
        self.width = outputs;
        let (activation, to) = if self.ended {
            (None, Slot::Output)
        } else {
            (Some(activation), Slot::Work)
        };
        let op = Op::Convolution(Convolution {
            kernel,
            inputs,
            outputs,
            activation,
            normalised: false,
        });
        Some((Stage::new(op, from, to), 1))
    }

    /// `Hidden` first, then `Hidden += W2 a(W1 a(norm(Hidden)) + b1) + b2` per block.
    const fn of_residual_dense(&mut self, net: ResidualDenseSpec) -> Option<(Stage, usize)> {
        let ResidualDenseSpec {
            width,
            blocks,
            norm,
            ..
        } = net;
        let activation = net.activation;
        let at = self.passed;
        self.passed = add(at, 1);
        let inner = if norm { 4 } else { 3 };
        let stage = match self.in_block(at, 1, inner, blocks) {
            Within::Before(_) => {
                Stage::new(dense(self.width, width, None), Slot::Input, Slot::Hidden)
            }
            Within::Block(at) => {
                // Without a norm, a block has one stage less.
                let stage = match (at, norm) {
                    (0, true) => Stage::new(self::norm(width, None), Slot::Hidden, Slot::Work),
                    (1, true) => {
                        let op = Op::Activation(activation, width);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (0, false) => {
                        let op = Op::Activation(activation, width);
                        Stage::new(op, Slot::Hidden, Slot::Work)
                    }
                    (2, true) | (1, false) => {
                        let op = dense(width, width, Some(activation));
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    _ => {
                        let op = dense(width, width, None);
                        Stage::adding(op, Slot::Work, Slot::Hidden)
                    }
                };
                return Some((stage, self.times(blocks)));
            }
            Within::Behind(0) => {
                Stage::new(dense(width, self.outputs, None), Slot::Hidden, Slot::Output)
            }
            Within::Behind(_) => return None,
        };
        Some((stage, 1))
    }

    /// The paper's residual network; see [`ResidualConvolutionSpec`].
    const fn of_residual_convolution(
        &mut self,
        net: ResidualConvolutionSpec,
    ) -> Option<(Stage, usize)> {
        let (width, relu) = (net.filters, Activation::Relu);
        let eps = match net.form {
            ResidualForm::Deployed => None,
            ResidualForm::Trained { eps } => Some(eps),
        };
        let normalised = eps.is_some();
        let at = self.passed;
        self.passed = add(at, 1);
        // In the trained form, the norm inside a block and its activation are separate stages.
        let inner = if eps.is_some() { 7 } else { 5 };
        let stage = match self.in_block(at, 4, inner, net.blocks) {
            Within::Before(0) => Stage::new(norm(self.width, eps), Slot::Input, Slot::Work),
            Within::Before(1) => Stage::new(Op::BothSigns(self.width), Slot::Work, Slot::Work),
            Within::Before(2) => {
                let op = convolution(net.kernel, mul(self.width, 2), width, None, normalised);
                Stage::new(op, Slot::Work, Slot::Hidden)
            }
            Within::Before(_) => {
                let op = convolution(Kernel::POINT, width, width, None, normalised);
                Stage::new(op, Slot::Hidden, Slot::Skip)
            }
            Within::Block(at) => {
                let stage = match (at, eps) {
                    (0, _) => Stage::new(norm(width, eps), Slot::Hidden, Slot::Work),
                    (1, _) | (4, Some(_)) => {
                        let op = Op::Activation(relu, width);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (2, None) => {
                        let op = convolution(net.kernel, width, width, Some(relu), normalised);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (2, Some(_)) => {
                        let op = convolution(net.kernel, width, width, None, normalised);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (3, Some(_)) => Stage::new(norm(width, eps), Slot::Work, Slot::Work),
                    (5, Some(_)) | (3, None) => {
                        let op = convolution(net.kernel, width, width, None, normalised);
                        Stage::adding(op, Slot::Work, Slot::Hidden)
                    }
                    _ => {
                        let op = convolution(Kernel::POINT, width, width, None, normalised);
                        Stage::adding(op, Slot::Hidden, Slot::Skip)
                    }
                };
                return Some((stage, self.times(net.blocks)));
            }
            Within::Behind(0) => Stage::new(norm(width, eps), Slot::Skip, Slot::Work),
            Within::Behind(1) => {
                let op = Op::Activation(relu, width);
                Stage::new(op, Slot::Work, Slot::Work)
            }
            Within::Behind(2) => {
                let op = convolution(Kernel::POINT, width, self.outputs, None, normalised);
                Stage::new(op, Slot::Work, Slot::Output)
            }
            Within::Behind(_) => return None,
        };
        Some((stage, 1))
    }

    /// Position of stage `at` in a network of `blocks` blocks with `len` stages each, after `before` other
    /// stages.
    const fn in_block(&self, at: usize, before: usize, len: usize, blocks: usize) -> Within {
        if at < before {
            return Within::Before(at);
        }
        let at = at - before;
        let blocks = if self.once && blocks > 1 { 1 } else { blocks };
        if at / len < blocks {
            Within::Block(at % len)
        } else {
            Within::Behind(at - blocks * len)
        }
    }

    const fn times(&self, blocks: usize) -> usize {
        if self.once { blocks } else { 1 }
    }
}

/// Parts of a network of blocks, with the index of the stage in each.
enum Within {
    Before(usize),
    Block(usize),
    Behind(usize),
}

const fn norm(channels: usize, eps: Option<f32>) -> Op {
    Op::Norm(Norm { channels, eps })
}

const fn convolution(
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    activation: Option<Activation>,
    normalised: bool,
) -> Op {
    Op::Convolution(Convolution {
        kernel,
        inputs,
        outputs,
        activation,
        normalised,
    })
}

const fn dense(inputs: usize, outputs: usize, activation: Option<Activation>) -> Op {
    convolution(Kernel::POINT, inputs, outputs, activation, false)
}
