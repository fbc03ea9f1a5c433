//! A network as a list of stages: the one description of what a conditioner computes. Lengths, checks, first
//! weights and multiply-accumulates are folds over it, and so can be costs, ranges, integers and a reference.
//!
//! A stage reads one [`Slot`] and writes another. The parameters of a network are those of its stages in order.
//! This module is for tools: who scores a model needs none of it.
//!
//! ```
//! use nvpico::spec::{Activation, Conditioner, DenseSpec, Nets};
//! use nvpico::spec::network::{Network, Op, Slot};
//!
//! let net = DenseSpec { hidden: &[16], activation: Activation::Relu, nets: Nets::One };
//! let network = Network { conditioner: Conditioner::Dense(net), inputs: 3, outputs: 4 };
//! let mut stages = network.stages();
//! let first = stages.next().unwrap();
//! assert_eq!((first.from, first.to), (Slot::Input, Slot::Work));
//! assert_eq!(first.param_len(), (3 + 1) * 16);
//! let Op::Linear(last) = stages.next().unwrap().op else { panic!("it is linear") };
//! assert_eq!((last.inputs, last.outputs, last.activation), (16, 4, None));
//! assert!(stages.next().is_none());
//! assert_eq!(network.param_len(), (3 + 1) * 16 + (16 + 1) * 4);
//! ```

use super::convolution::{ConvolutionLayer, Kernel, ResidualConvolutionSpec, ResidualForm};
use super::coupling::{Activation, Conditioner, ResidualDenseSpec};
use super::shape::Shape;
use super::{add, mul};

/// One network of a coupling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network<'a> {
    /// What it is made of.
    pub conditioner: Conditioner<'a>,
    /// Channels read at a place.
    pub inputs: usize,
    /// Channels given at a place.
    pub outputs: usize,
}

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
    Linear(Linear),
    /// `x * scale + shift` per channel.
    Norm(Norm),
    /// The activation alone, of so many channels.
    Activation(Activation, usize),
    /// `relu(concat(x, -x))`, from so many channels to twice as many.
    BothSigns(usize),
}

/// A dense layer or a convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
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

impl Linear {
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
            Op::Linear(linear) => linear.param_len(),
            Op::Norm(norm) => norm.param_len(),
            Op::Activation(..) | Op::BothSigns(_) => 0,
        }
    }

    /// Multiply-accumulates at one place, the window whole.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        match self.op {
            Op::Linear(linear) => mul(linear.rows(), linear.outputs),
            Op::Norm(_) | Op::Activation(..) | Op::BothSigns(_) => 0,
        }
    }

    const fn new(op: Op, from: Slot, to: Slot) -> Self {
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

    const fn adding(op: Op, from: Slot, to: Slot) -> Self {
        Self {
            op,
            from,
            to,
            adds: true,
        }
    }
}

impl<'a> Network<'a> {
    /// Its stages in order.
    #[must_use]
    pub const fn stages(&self) -> Stages<'a> {
        Stages::new(self, false)
    }

    /// Parameters; `usize::MAX` where that would overflow.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let mut total = 0;
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            total = add(total, mul(stage.param_len(), times));
        }
        total
    }

    /// Multiply-accumulates at one place, windows whole.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        let mut total = 0;
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            total = add(total, mul(stage.multiply_accumulates(), times));
        }
        total
    }

    /// Whether every stage gives values, by windows that have a middle.
    pub(super) const fn is_valid(&self) -> bool {
        let mut stages = Stages::new(self, true);
        while let Some((stage, _)) = stages.next_counted() {
            if let Op::Linear(linear) = stage.op
                && (linear.outputs == 0 || !linear.kernel.is_valid())
            {
                return false;
            }
        }
        true
    }

    /// Scratch of a stack of convolutions on a map: for each the rows that its window reads, and a row of
    /// outputs.
    pub(super) const fn rows_len(&self, shape: Shape) -> usize {
        let mut total = mul(shape.width, self.outputs);
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            if let Op::Linear(linear) = stage.op {
                let rows = mul(linear.kernel.rows(shape), shape.width);
                total = add(total, mul(mul(rows, linear.inputs), times));
            }
        }
        total
    }
}

/// The way through a network's stages.
#[derive(Clone, Copy, Debug)]
pub struct Stages<'a> {
    conditioner: Conditioner<'a>,
    outputs: usize,
    /// Whether blocks that are alike are passed once, with their number.
    once: bool,
    /// Stages passed.
    passed: usize,
    /// Channels that the next linear stage of a stack reads.
    width: usize,
    /// Hidden layers before it in a stack that are not passed yet.
    dense: &'a [usize],
    convolutions: &'a [ConvolutionLayer],
    ended: bool,
}

impl Iterator for Stages<'_> {
    type Item = Stage;

    fn next(&mut self) -> Option<Stage> {
        match self.next_counted() {
            Some((stage, _)) => Some(stage),
            None => None,
        }
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

    /// The next stage, and how often it stands in the network: more than once for the stages of a block where
    /// blocks are passed once.
    pub(super) const fn next_counted(&mut self) -> Option<(Stage, usize)> {
        match self.conditioner {
            Conditioner::Dense(net) => self.of_stack(net.activation, Kernel::POINT),
            Conditioner::ResidualDense(net) => self.of_residual_dense(net),
            Conditioner::Convolution(net) => self.of_stack(net.activation, net.last),
            Conditioner::ResidualConvolution(net) => self.of_residual_convolution(net),
        }
    }

    /// Layers one after the other, the last one linear.
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
        let op = Op::Linear(Linear {
            kernel,
            inputs,
            outputs,
            activation,
            normalised: false,
        });
        Some((Stage::new(op, from, to), 1))
    }

    /// `Hidden` first, then `Hidden += W2 a(W1 a(norm(Hidden)) + b1) + b2` block by block.
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
                // Without a norm a block is a stage shorter.
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
        // The norm inside a block and its activation are stages of their own as long as it is trained.
        let inner = if eps.is_some() { 7 } else { 5 };
        let stage = match self.in_block(at, 4, inner, net.blocks) {
            Within::Before(0) => Stage::new(norm(self.width, eps), Slot::Input, Slot::Work),
            Within::Before(1) => Stage::new(Op::BothSigns(self.width), Slot::Work, Slot::Work),
            Within::Before(2) => {
                let op = linear(net.kernel, mul(self.width, 2), width, None, normalised);
                Stage::new(op, Slot::Work, Slot::Hidden)
            }
            Within::Before(_) => {
                let op = linear(Kernel::POINT, width, width, None, normalised);
                Stage::new(op, Slot::Hidden, Slot::Skip)
            }
            Within::Block(at) => {
                let stage = match (at, eps) {
                    (0, _) => Stage::new(norm(width, eps), Slot::Hidden, Slot::Work),
                    (1, _) => {
                        let op = Op::Activation(relu, width);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (2, None) => {
                        let op = linear(net.kernel, width, width, Some(relu), normalised);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (2, Some(_)) => {
                        let op = linear(net.kernel, width, width, None, normalised);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (3, Some(_)) => Stage::new(norm(width, eps), Slot::Work, Slot::Work),
                    (4, Some(_)) => {
                        let op = Op::Activation(relu, width);
                        Stage::new(op, Slot::Work, Slot::Work)
                    }
                    (5, Some(_)) | (3, None) => {
                        let op = linear(net.kernel, width, width, None, normalised);
                        Stage::adding(op, Slot::Work, Slot::Hidden)
                    }
                    _ => {
                        let op = linear(Kernel::POINT, width, width, None, normalised);
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
                let op = linear(Kernel::POINT, width, self.outputs, None, normalised);
                Stage::new(op, Slot::Work, Slot::Output)
            }
            Within::Behind(_) => return None,
        };
        Some((stage, 1))
    }

    /// Where stage `at` lies in a network of so many blocks of `len` stages, with `before` stages before the
    /// first of them.
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

/// Parts of a network of blocks, with the stage counted in each.
enum Within {
    Before(usize),
    Block(usize),
    Behind(usize),
}

const fn norm(channels: usize, eps: Option<f32>) -> Op {
    Op::Norm(Norm { channels, eps })
}

const fn linear(
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    activation: Option<Activation>,
    normalised: bool,
) -> Op {
    Op::Linear(Linear {
        kernel,
        inputs,
        outputs,
        activation,
        normalised,
    })
}

const fn dense(inputs: usize, outputs: usize, activation: Option<Activation>) -> Op {
    linear(Kernel::POINT, inputs, outputs, activation, false)
}

#[cfg(test)]
mod tests {
    use super::super::coupling::DenseSpec;
    use super::*;
    use std::vec::Vec;

    fn network(conditioner: Conditioner<'_>) -> Network<'_> {
        Network {
            conditioner,
            inputs: 3,
            outputs: 4,
        }
    }

    fn all() -> Vec<Conditioner<'static>> {
        let relu = Activation::Relu;
        let mut all = Vec::new();
        for hidden in [&[][..], &[6], &[6, 5, 7]] {
            all.push(Conditioner::Dense(DenseSpec::new(hidden, relu)));
        }
        for norm in [false, true] {
            for blocks in 0..4 {
                let net = ResidualDenseSpec::new(6, blocks, relu).with_norm(norm);
                all.push(Conditioner::ResidualDense(net));
            }
        }
        for form in [ResidualForm::Deployed, ResidualForm::Trained { eps: 1e-5 }] {
            for blocks in 0..4 {
                all.push(Conditioner::ResidualConvolution(ResidualConvolutionSpec {
                    filters: 6,
                    blocks,
                    kernel: Kernel::SQUARE,
                    form,
                }));
            }
        }
        all
    }

    #[test]
    fn every_stage_reads_what_the_one_before_wrote_and_the_last_gives_the_outputs() {
        for conditioner in all() {
            // Channels that stand in each slot.
            let (mut work, mut hidden, mut skip, mut output) = (None, None, None, None);
            for stage in network(conditioner).stages() {
                assert_eq!(output, None, "{conditioner:?}");
                let found = match stage.from {
                    Slot::Input => Some(3),
                    Slot::Work => work.take(),
                    Slot::Hidden => hidden,
                    Slot::Skip => skip,
                    Slot::Output => None,
                };
                let (inputs, outputs) = match stage.op {
                    Op::Linear(linear) => (linear.inputs, linear.outputs),
                    Op::Norm(norm) => (norm.channels, norm.channels),
                    Op::Activation(_, channels) => (channels, channels),
                    Op::BothSigns(channels) => (channels, 2 * channels),
                };
                assert_eq!(found, Some(inputs), "{stage:?} of {conditioner:?}");
                let target = match stage.to {
                    Slot::Work => &mut work,
                    Slot::Hidden => &mut hidden,
                    Slot::Skip => &mut skip,
                    Slot::Output => &mut output,
                    Slot::Input => panic!("the input is read only"),
                };
                assert_eq!(stage.adds, target.is_some(), "{stage:?} of {conditioner:?}");
                *target = Some(outputs);
            }
            assert_eq!(output, Some(4), "{conditioner:?}");
        }
    }

    #[test]
    fn folds_over_blocks_passed_once_are_those_over_all_stages() {
        for conditioner in all() {
            let network = network(conditioner);
            let params: usize = network.stages().map(|stage| stage.param_len()).sum();
            assert_eq!(network.param_len(), params, "{conditioner:?}");
            let work: usize = (network.stages())
                .map(|stage| stage.multiply_accumulates())
                .sum();
            assert_eq!(network.multiply_accumulates(), work, "{conditioner:?}");
        }
    }

    #[test]
    fn a_count_of_blocks_beyond_all_bounds_saturates_at_once() {
        let endless = network(Conditioner::ResidualConvolution(ResidualConvolutionSpec {
            filters: usize::MAX / 2,
            blocks: usize::MAX,
            kernel: Kernel::SQUARE,
            form: ResidualForm::Deployed,
        }));
        assert_eq!(endless.param_len(), usize::MAX);
        assert_eq!(endless.multiply_accumulates(), usize::MAX);
    }
}
