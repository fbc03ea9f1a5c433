//! Convolutional conditioners: plain stacks and the paper's residual network.

use super::activation::Activation;
use super::shape::Shape;
use super::{add, max, mul};

/// Height and width of a convolution's window; both odd. Inputs beyond the edges count as zero and are not
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Kernel {
    /// Rows of the window.
    pub height: usize,
    /// Columns of the window.
    pub width: usize,
}

impl Kernel {
    /// A window with the given number of rows and columns.
    #[must_use]
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// 1 x 1: acts on every place separately.
    pub const POINT: Self = Self {
        height: 1,
        width: 1,
    };
    /// 1 x 3, for time windows.
    pub const ROW: Self = Self {
        height: 1,
        width: 3,
    };
    /// 3 x 3.
    pub const SQUARE: Self = Self {
        height: 3,
        width: 3,
    };

    /// Number of places in the window.
    #[must_use]
    pub const fn taps(self) -> usize {
        self.height.saturating_mul(self.width)
    }

    /// Number of parameters of a convolution: for each panel of outputs the biases, then one row of weights per
    /// place of the window, row by row, and input channel.
    #[must_use]
    pub const fn param_len(self, inputs: usize, outputs: usize) -> usize {
        mul(add(mul(self.taps(), inputs), 1), outputs)
    }

    /// Number of input rows that a convolution reads for one row of output.
    pub(crate) const fn rows(self, shape: Shape) -> usize {
        if self.height < shape.height {
            self.height
        } else {
            shape.height
        }
    }

    pub(super) const fn is_valid(self) -> bool {
        self.height % 2 == 1 && self.width % 2 == 1
    }
}

/// A hidden layer of a stack of convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ConvolutionLayer {
    /// Output channels.
    pub filters: usize,
    /// The window.
    pub kernel: Kernel,
}

impl ConvolutionLayer {
    /// A layer with `filters` output channels.
    #[must_use]
    pub const fn new(filters: usize, kernel: Kernel) -> Self {
        Self { filters, kernel }
    }
}

/// A stack of convolutions with activations in between. Computed row by row, holding only those rows of each
/// hidden layer that the next layer reads.
///
/// Parameters: those of each layer, see [`Kernel::param_len`]; the outputs are `[s..., t...]`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConvolutionSpec<'a> {
    /// Hidden layers; may be empty.
    pub hidden: &'a [ConvolutionLayer],
    /// The window of the last, linear layer.
    pub last: Kernel,
    /// Activation of the hidden layers.
    pub activation: Activation,
}

/// The paper's residual network with skip connections (section 4.1 and its figures), pre-activated:
///
/// `a = relu(concat(n, -n))`, `n = norm(x)`; `h = conv(a)`; `skip = point(h)`; per block
/// `h += conv(relu(norm(conv(relu(norm(h))))))`, `skip += point(h)`; outputs
/// `point(relu(norm(skip)))`, `[s..., t...]`.
///
/// `conv` is a convolution with window `kernel`, `point` one of 1 x 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ResidualConvolutionSpec {
    /// Channels of `h` and `skip`.
    pub filters: usize,
    /// Number of residual blocks.
    pub blocks: usize,
    /// The window.
    pub kernel: Kernel,
    /// Storage format of the parameters.
    pub form: ResidualForm,
}

/// Storage format of a residual convolutional network's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ResidualForm {
    /// As the chip runs it. A norm is `scale[channels]`, `shift[channels]`; a convolution is its panels; the
    /// norm inside a block is folded into the convolution before it. Order: first norm, convolution, skip; per
    /// block norm, convolution, convolution, skip; last norm, outputs.
    Deployed,
    /// As it is trained. A norm is a batch norm: `running_mean`, `running_var`, `scale`, `shift`, with
    /// `channels` values each. A convolution is weight-normalised, `w = g v / |v|` over all inputs of an
    /// output: `g[outputs]`, then panels with `v`. A block's inner norm follows its first convolution.
    /// `train::fold` converts to the deployed form.
    Trained {
        /// Added to variances; positive.
        eps: f32,
    },
}

impl<'a> ConvolutionSpec<'a> {
    /// A stack of these hidden layers and a linear last layer.
    #[must_use]
    pub const fn new(hidden: &'a [ConvolutionLayer], last: Kernel, activation: Activation) -> Self {
        Self {
            hidden,
            last,
            activation,
        }
    }
}

impl ResidualConvolutionSpec {
    /// A network in the deployed form.
    #[must_use]
    pub const fn new(filters: usize, blocks: usize, kernel: Kernel) -> Self {
        Self {
            filters,
            blocks,
            kernel,
            form: ResidualForm::Deployed,
        }
    }

    /// The same network with another storage format.
    #[must_use]
    pub const fn with_form(self, form: ResidualForm) -> Self {
        Self { form, ..self }
    }

    /// `h` and `skip` as whole maps; the rows between a block's convolutions; one row of outputs.
    pub(super) const fn scratch_len(&self, shape: Shape, inputs: usize, outputs: usize) -> usize {
        let rows = mul(self.kernel.rows(shape), shape.width);
        let first = mul(rows, mul(2, inputs));
        let block = if self.blocks == 0 {
            0
        } else {
            mul(rows, mul(2, self.filters))
        };
        let rings = max(max(first, block), mul(shape.width, outputs));
        add(mul(mul(shape.pixels(), self.filters), 2), rings)
    }

    pub(super) const fn has_valid_constants(&self) -> bool {
        match self.form {
            ResidualForm::Deployed => true,
            ResidualForm::Trained { eps } => eps > 0.0 && eps.is_finite(),
        }
    }
}
