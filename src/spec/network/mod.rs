//! A network as a list of stages: the single description of what a conditioner computes. Lengths, checks,
//! initial weights and multiply-accumulates are folds over it; costs, ranges, integer encodings and reference
//! implementations can be, too.
//!
//! A stage reads one [`Slot`] and writes another. The parameters of a network are those of its stages in order.
//! This module is for tools; applications that score a model do not need it.
//!
//! ```
//! use nvpico::spec::{Activation, Conditioner, DenseSpec};
//! use nvpico::spec::network::{Network, Op, Slot};
//!
//! let net = DenseSpec::new(&[16], Activation::Relu);
//! let network = Network { conditioner: Conditioner::Dense(net), inputs: 3, outputs: 4 };
//! let mut stages = network.stages();
//! let first = stages.next().unwrap();
//! assert_eq!((first.from, first.to), (Slot::Input, Slot::Work));
//! assert_eq!(first.param_len(), (3 + 1) * 16);
//! let Op::Convolution(last) = stages.next().unwrap().op else { panic!("the last stage is linear") };
//! assert_eq!((last.inputs, last.outputs, last.activation), (16, 4, None));
//! assert!(stages.next().is_none());
//! assert_eq!(network.param_len(), (3 + 1) * 16 + (16 + 1) * 4);
//! ```

mod gradient;
mod stage;
mod walk;

use super::conditioner::Conditioner;
use super::shape::Shape;
use super::{add, mul};
pub use stage::{Convolution, Norm, Op, Slot, Stage};
pub use walk::Stages;

/// One network of a coupling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network<'a> {
    /// The network's spec.
    pub conditioner: Conditioner<'a>,
    /// Number of channels read per place.
    pub inputs: usize,
    /// Number of channels output per place.
    pub outputs: usize,
}

impl<'a> Network<'a> {
    /// The stages in order.
    #[must_use]
    pub const fn stages(&self) -> Stages<'a> {
        Stages::new(self, false)
    }

    /// Number of parameters; `usize::MAX` on overflow.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        let mut total = 0;
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            total = add(total, mul(stage.param_len(), times));
        }
        total
    }

    /// Multiply-accumulates per place with complete windows.
    #[must_use]
    pub const fn multiply_accumulates(&self) -> usize {
        let mut total = 0;
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            total = add(total, mul(stage.multiply_accumulates(), times));
        }
        total
    }

    /// Whether every stage has outputs, and windows of odd size.
    pub(super) const fn is_valid(&self) -> bool {
        let mut stages = Stages::new(self, true);
        while let Some((stage, _)) = stages.next_counted() {
            if let Op::Convolution(convolution) = stage.op
                && (convolution.outputs == 0 || !convolution.kernel.is_valid())
            {
                return false;
            }
        }
        true
    }

    /// Scratch of a stack of convolutions on a map: the rows that each window covers, and one row of outputs.
    pub(super) const fn rows_len(&self, shape: Shape) -> usize {
        let mut total = mul(shape.width, self.outputs);
        let mut stages = Stages::new(self, true);
        while let Some((stage, times)) = stages.next_counted() {
            if let Op::Convolution(convolution) = stage.op {
                let rows = mul(convolution.kernel.rows(shape), shape.width);
                total = add(total, mul(mul(rows, convolution.inputs), times));
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::Activation;
    use super::super::convolution::{Kernel, ResidualConvolutionSpec, ResidualForm};
    use super::super::dense::{DenseSpec, ResidualDenseSpec};
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
            // Number of channels in each slot.
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
                    Op::Convolution(convolution) => (convolution.inputs, convolution.outputs),
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
