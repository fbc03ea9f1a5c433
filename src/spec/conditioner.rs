//! The networks that a coupling may have.

use super::convolution::{ConvolutionSpec, ResidualConvolutionSpec};
use super::dense::{DenseSpec, ResidualDenseSpec};

/// The network of a coupling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conditioner<'a> {
    /// Fully connected layers, for vectors.
    Dense(DenseSpec<'a>),
    /// Residual blocks of fully connected layers, for vectors. Needs feature `extra-layers`.
    ResidualDense(ResidualDenseSpec),
    /// A stack of convolutions, for maps. Needs feature `feature-maps`, like the next one.
    Convolution(ConvolutionSpec<'a>),
    /// The paper's residual convolutional network, for maps.
    ResidualConvolution(ResidualConvolutionSpec),
}
