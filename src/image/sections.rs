//! The words after a coupling's records: the sections of its networks.
//!
//! Lengths, check and encoder iterate over the sections; the engine reads them in the same order.

use super::fields::{
    BlocksHeader, KernelHeader, LayerHeader, Narrowing, NetworkHeader, NormRecord, ScalingHeader,
};
use super::sizes::{place_words, sum_words, window_inputs};
use super::width::{PANEL, QUAD, Width};
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, Kernel, ResidualConvolutionSpec,
    ResidualDenseSpec, Shape, add, mul,
};

/// How a layer's sums are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// As activations, with the ranges of a stage.
    Activations {
        /// Index of the stage in the network.
        stage: usize,
    },
    /// Added to values in Q16; a [`Section::Scaling`] follows.
    Added,
    /// As outputs of the network.
    Outputs,
}

/// A layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Places of its window; 1 on a vector.
    pub taps: usize,
    /// Activations per place, including padding.
    pub stride: usize,
    /// Total number of input activations, including padding.
    pub inputs: usize,
    /// Whether each channel has two activations per place, the positive and then the negative part.
    pub signs: bool,
    /// Number of outputs.
    pub outputs: usize,
    /// How its sums are used.
    pub sums: Sums,
}

impl LayerShape {
    /// A layer on a vector.
    const fn dense(inputs: usize, outputs: usize, sums: Sums) -> Self {
        Self {
            taps: 1,
            stride: inputs,
            inputs,
            signs: false,
            outputs,
            sums,
        }
    }

    /// A layer on a window of places with `place` words each.
    const fn over(kernel: Kernel, place: usize, outputs: usize, sums: Sums) -> Self {
        Self {
            taps: kernel.taps(),
            stride: mul(place, 2),
            inputs: window_inputs(kernel, place),
            signs: false,
            outputs,
            sums,
        }
    }

    /// Number of words of its biases and weights.
    pub(super) const fn numbers<W: Width>(&self) -> usize {
        let weights = mul(self.inputs.div_ceil(QUAD), W::QUAD_WORDS);
        mul(self.outputs.div_ceil(PANEL), add(PANEL, weights))
    }
}

/// A part of a network's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Start of a fully connected network.
    Network {
        /// Number of hidden layers.
        hidden: usize,
    },
    /// Start of a network of residual blocks.
    Blocks {
        /// Number of residual blocks.
        blocks: usize,
        /// Width of every hidden layer.
        width: usize,
    },
    /// Start of a convolution.
    Kernel(Kernel),
    /// A layer: header and panels.
    Layer(LayerShape),
    /// Shift and multipliers that convert a layer's sums to Q16.
    Scaling {
        /// Number of outputs of the layer.
        outputs: usize,
    },
    /// Shift that converts values in Q16 to activations.
    Narrowing {
        /// Index of the stage with the ranges of the values.
        stage: usize,
    },
    /// Norms, padded to whole panels of channels.
    Norms {
        /// Number of channels.
        channels: usize,
        /// Index of the stage with the ranges of the activations.
        stage: usize,
    },
}

impl Section {
    /// Number of words.
    #[must_use]
    pub const fn words<W: Width>(&self) -> usize {
        match self {
            Section::Network { .. } => NetworkHeader::WORDS,
            Section::Blocks { .. } => BlocksHeader::WORDS,
            Section::Kernel(_) => KernelHeader::WORDS,
            Section::Layer(layer) => add(LayerHeader::WORDS, layer.numbers::<W>()),
            Section::Scaling { outputs } => add(ScalingHeader::WORDS, sum_words(*outputs)),
            Section::Narrowing { .. } => Narrowing::WORDS,
            Section::Norms { channels, .. } => mul(sum_words(*channels), NormRecord::WORDS),
        }
    }
}

impl CouplingSpec<'_> {
    /// Section `index` of the networks; `None` after the last one.
    #[must_use]
    #[doc(hidden)]
    pub const fn section(&self, shape: Shape, index: usize) -> Option<Section> {
        let (inputs, outputs) = (self.net_inputs(shape), self.net_outputs(shape));
        match &self.conditioner {
            Conditioner::Dense(net) => {
                // One header, the hidden layers and the last layer.
                let each = add(net.hidden.len(), 2);
                if index / each < self.net_count() {
                    Some(dense_section(net, inputs, outputs, index % each))
                } else {
                    None
                }
            }
            Conditioner::ResidualDense(net) => {
                block_section(inputs, net.width, net.blocks, outputs, index)
            }
            Conditioner::Convolution(net) => stack_section(net, inputs, outputs, index),
            Conditioner::ResidualConvolution(net) => residual_section(net, inputs, outputs, index),
        }
    }

    /// Number of words of the networks.
    #[must_use]
    #[doc(hidden)]
    pub const fn network_words<W: Width>(&self, shape: Shape) -> usize {
        let blocks = match self.conditioner {
            Conditioner::Dense(_) | Conditioner::Convolution(_) => {
                return self.section_words::<W>(shape);
            }
            Conditioner::ResidualDense(net) => net.blocks,
            Conditioner::ResidualConvolution(net) => net.blocks,
        };
        // All blocks have the same length; an unvalidated spec may have any number of them.
        let none = self.with_blocks(0).section_words::<W>(shape);
        let one = self.with_blocks(1).section_words::<W>(shape);
        add(none, mul(one.saturating_sub(none), blocks))
    }

    const fn with_blocks(self, blocks: usize) -> Self {
        let conditioner = match self.conditioner {
            Conditioner::ResidualDense(net) => {
                Conditioner::ResidualDense(ResidualDenseSpec { blocks, ..net })
            }
            Conditioner::ResidualConvolution(net) => {
                Conditioner::ResidualConvolution(ResidualConvolutionSpec { blocks, ..net })
            }
            conditioner @ (Conditioner::Dense(_) | Conditioner::Convolution(_)) => conditioner,
        };
        Self {
            conditioner,
            ..self
        }
    }

    const fn section_words<W: Width>(&self, shape: Shape) -> usize {
        let (mut total, mut index) = (0, 0);
        while let Some(section) = self.section(shape, index) {
            total = add(total, section.words::<W>());
            index += 1;
        }
        total
    }
}

/// Item `at` of a slice.
const fn item<T: Copy>(items: &[T], at: usize) -> Option<T> {
    match items.split_at_checked(at) {
        Some((_, [item, ..])) => Some(*item),
        Some((_, [])) | None => None,
    }
}

const fn dense_section(
    net: &DenseSpec<'_>,
    inputs: usize,
    outputs: usize,
    index: usize,
) -> Section {
    let hidden = net.hidden;
    let Some(layer) = index.checked_sub(1) else {
        return Section::Network {
            hidden: hidden.len(),
        };
    };
    let from = match layer.checked_sub(1) {
        Some(before) => item(hidden, before),
        None => None,
    };
    let from = match from {
        Some(width) => width,
        None => inputs,
    };
    Section::Layer(match item(hidden, layer) {
        Some(width) => LayerShape::dense(from, width, Sums::Activations { stage: index }),
        None => LayerShape::dense(from, outputs, Sums::Outputs),
    })
}

/// The sections of a network of residual blocks (nflows). Stages are the input and `h`, then per block the
/// activations of its norm, those between its two layers, and `h`.
const fn block_section(
    inputs: usize,
    width: usize,
    blocks: usize,
    outputs: usize,
    index: usize,
) -> Option<Section> {
    /// Number of sections before the blocks, and per block.
    const FIRST: usize = 3;
    const BLOCK: usize = 4;
    let dense = LayerShape::dense;
    let Some(at) = index.checked_sub(FIRST) else {
        return Some(match index {
            0 => Section::Blocks { blocks, width },
            1 => Section::Layer(dense(inputs, width, Sums::Added)),
            _ => Section::Scaling { outputs: width },
        });
    };
    let before = mul(3, at / BLOCK);
    if at / BLOCK < blocks {
        let stage = add(before, 3);
        return Some(match at % BLOCK {
            0 => Section::Norms {
                channels: width,
                stage: add(before, 2),
            },
            1 => Section::Layer(dense(width, width, Sums::Activations { stage })),
            2 => Section::Layer(dense(width, width, Sums::Added)),
            _ => Section::Scaling { outputs: width },
        });
    }
    match at - mul(blocks, BLOCK) {
        0 => Some(Section::Narrowing {
            stage: add(mul(3, blocks), 1),
        }),
        1 => Some(Section::Layer(dense(width, outputs, Sums::Outputs))),
        _ => None,
    }
}

const fn stack_section(
    net: &ConvolutionSpec<'_>,
    inputs: usize,
    outputs: usize,
    index: usize,
) -> Option<Section> {
    let at = index / 2;
    let place = match at.checked_sub(1) {
        None => place_words(inputs, true),
        Some(before) => match item(net.hidden, before) {
            Some(layer) => place_words(layer.filters, false),
            None => return None,
        },
    };
    let (kernel, layer) = match item(net.hidden, at) {
        Some(layer) => {
            let sums = Sums::Activations { stage: at + 1 };
            let shape = LayerShape::over(layer.kernel, place, layer.filters, sums);
            (layer.kernel, shape)
        }
        None => (
            net.last,
            LayerShape::over(net.last, place, outputs, Sums::Outputs),
        ),
    };
    Some(if index.is_multiple_of(2) {
        Section::Kernel(kernel)
    } else {
        Section::Layer(layer)
    })
}

/// The sections of the paper's residual network. Stages are the kept channels' activations and `h`, then per
/// block the activations of its norm, those between its two layers, and `h`, finally the activations that the
/// outputs are computed from.
const fn residual_section(
    net: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
    index: usize,
) -> Option<Section> {
    /// Number of sections before the blocks, and per block.
    const FIRST: usize = 5;
    const BLOCK: usize = 7;
    let (filters, kernel, blocks) = (net.filters, net.kernel, net.blocks);
    let place = place_words(filters, false);
    let scaling = Section::Scaling { outputs: filters };
    let skip = Section::Layer(LayerShape::over(Kernel::POINT, place, filters, Sums::Added));
    let Some(at) = index.checked_sub(FIRST) else {
        return Some(match index {
            0 => Section::Layer(LayerShape {
                signs: true,
                // Each channel gives two activations, stored in one word.
                ..LayerShape::over(kernel, inputs, filters, Sums::Added)
            }),
            2 => Section::Narrowing { stage: 1 },
            3 => skip,
            _ => scaling,
        });
    };
    let before = mul(3, at / BLOCK);
    if at / BLOCK < blocks {
        let stage = add(before, 3);
        return Some(match at % BLOCK {
            0 => Section::Norms {
                channels: filters,
                stage: add(before, 2),
            },
            1 => Section::Layer(LayerShape::over(
                kernel,
                place,
                filters,
                Sums::Activations { stage },
            )),
            2 => Section::Layer(LayerShape::over(kernel, place, filters, Sums::Added)),
            4 => Section::Narrowing {
                stage: add(before, 4),
            },
            5 => skip,
            _ => scaling,
        });
    }
    match at - mul(blocks, BLOCK) {
        0 => Some(Section::Norms {
            channels: filters,
            stage: add(mul(3, blocks), 2),
        }),
        1 => Some(Section::Layer(LayerShape::over(
            Kernel::POINT,
            place,
            outputs,
            Sums::Outputs,
        ))),
        _ => None,
    }
}
