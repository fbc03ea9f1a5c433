//! Lengths for gradients: values kept in a layer's pass, and scratch of its backward pass.

use super::conditioner::Conditioner;
use super::coupling::CouplingSpec;
use super::flow::FlowSpec;
use super::shape::Shape;
use super::{LayerSpec, add, max, mul};

impl CouplingSpec<'_> {
    /// Number of values kept per transformed value if there is a scale: the factor that `exp(s)` multiplies,
    /// `exp(s)`, and the value that the slope of `s` is computed from.
    pub(crate) const KEPT: usize = 3;

    /// [`KEPT`](Self::KEPT) values per transformed value; none without a scale.
    pub(crate) const fn kept_elementwise_len(&self, shape: Shape) -> usize {
        match self.transform.scale_map() {
            None => 0,
            Some(_) => mul(
                mul(Self::KEPT, self.mask.transformed(shape.channels)),
                shape.pixels(),
            ),
        }
    }

    /// Number of values that a pass keeps of the networks: their input (dense networks only), and what each
    /// computes.
    pub(crate) const fn kept_networks_len(&self, shape: Shape) -> usize {
        let kept = mul(self.network(shape).kept_len(shape), self.net_count());
        match self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
                add(kept, self.net_inputs(shape))
            }
            Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => kept,
        }
    }

    /// Length of the gradients of the networks' outputs.
    pub(crate) const fn outputs_len(&self, shape: Shape) -> usize {
        let place = mul(self.net_outputs(shape), self.net_count());
        mul(place, shape.pixels())
    }

    /// Length of the backward pass: kept values, gradients of the outputs, and scratch of one network.
    const fn gradient_len(&self, shape: Shape) -> usize {
        let kept = add(
            self.kept_networks_len(shape),
            self.kept_elementwise_len(shape),
        );
        let scratch = self.network(shape).backward_len(shape);
        add(kept, add(self.outputs_len(shape), scratch))
    }
}

impl LayerSpec<'_> {
    /// Length of the scratch for the layer's step of [`Flow::input_gradient`](crate::Flow::input_gradient).
    const fn gradient_len(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Coupling(spec) => spec.gradient_len(shape),
            LayerSpec::Standardize
            | LayerSpec::Logit(_)
            | LayerSpec::Affine
            | LayerSpec::Linear
            | LayerSpec::BatchNorm(_)
            | LayerSpec::Permutation(_)
            | LayerSpec::Squeeze(_)
            | LayerSpec::Unsqueeze(_)
            | LayerSpec::FactorOut => self.scratch_len(shape),
        }
    }
}

impl FlowSpec<'_> {
    /// Workspace length of [`Flow::input_gradient`](crate::Flow::input_gradient), in values: the sample, and
    /// the largest scratch of any layer there or in a score. For a coupling, this includes everything that its
    /// networks compute, kept until their gradients have read it: a few hundred values for a network with two
    /// hidden layers of 32.
    #[must_use]
    pub const fn gradient_workspace_len(&self) -> usize {
        let mut most = self.scratch_len();
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            most = max(most, layer.gradient_len(shape));
        }
        add(self.dim(), most)
    }

    /// The first layer without a gradient with respect to its input outside of training, if any: one with a
    /// residual network of convolutions.
    #[must_use]
    pub const fn layer_without_gradient(&self) -> Option<usize> {
        let mut walk = self.walk();
        let mut index = 0;
        while let Some((layer, _)) = walk.next() {
            if let LayerSpec::Coupling(spec) = layer
                && let Conditioner::ResidualConvolution(_) = spec.conditioner
            {
                return Some(index);
            }
            index += 1;
        }
        None
    }
}
