//! What stands behind a coupling's records: the sections of its networks, one after the other.
//!
//! Lengths and the check are folds over them, and so is the encoder; the engine reads them in this order.

use super::fields::{
    BlocksHeader, KernelHeader, LayerHeader, Narrowing, NetworkHeader, NormRecord, ScalingHeader,
};
use super::sizes::{place_words, sum_words, window_inputs};
use super::width::{PANEL, QUAD, Width};
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, Kernel, ResidualConvolutionSpec,
    ResidualDenseSpec, Shape, add, mul,
};

/// What becomes of a layer's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// Activations that have the ranges of a stage.
    Activations {
        /// Index of the stage in its network.
        stage: usize,
    },
    /// They are added to values in Q16; a [`Section::Scaling`] follows.
    Added,
    /// They are outputs of the network.
    Outputs,
}

/// A layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Places of the window that it reads; 1 of a vector.
    pub taps: usize,
    /// Activations of a place, zeros included.
    pub stride: usize,
    /// Activations that it reads, zeros included.
    pub inputs: usize,
    /// Whether a place has two activations a channel, one for each sign, the negative one behind the other.
    pub signs: bool,
    /// Outputs.
    pub outputs: usize,
    /// What becomes of its sums.
    pub sums: Sums,
}

impl LayerShape {
    /// On a vector.
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

    /// On places of so many words under a window.
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

    /// Words of its biases and weights.
    pub(super) const fn numbers<W: Width>(&self) -> usize {
        let weights = mul(self.inputs.div_ceil(QUAD), W::QUAD_WORDS);
        mul(self.outputs.div_ceil(PANEL), add(PANEL, weights))
    }
}

/// A part of a network's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// A fully connected network begins.
    Network {
        /// Hidden layers.
        hidden: usize,
    },
    /// A network of residual blocks begins.
    Blocks {
        /// Residual blocks.
        blocks: usize,
        /// Outputs of every hidden layer.
        width: usize,
    },
    /// A convolution begins.
    Kernel(Kernel),
    /// A layer's panels, behind their header.
    Layer(LayerShape),
    /// Multipliers that bring a layer's sums to Q16, behind their shift.
    Scaling {
        /// Outputs of the layer.
        outputs: usize,
    },
    /// The shift that makes activations of values in Q16.
    Narrowing {
        /// Index of the stage that says the ranges of the values.
        stage: usize,
    },
    /// Norms of whole panels of channels.
    Norms {
        /// Channels.
        channels: usize,
        /// Index of the stage that says the ranges of the activations.
        stage: usize,
    },
}

impl Section {
    /// How many words it takes.
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
    /// Section `index` of the networks; `None` behind the last one.
    #[must_use]
    pub const fn section(&self, shape: Shape, index: usize) -> Option<Section> {
        let (inputs, outputs) = (self.net_inputs(shape), self.net_outputs(shape));
        match &self.conditioner {
            Conditioner::Dense(net) => {
                // Behind the header the hidden layers and the last one.
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

    /// Words of the networks.
    #[must_use]
    pub const fn network_words<W: Width>(&self, shape: Shape) -> usize {
        let blocks = match self.conditioner {
            Conditioner::Dense(_) | Conditioner::Convolution(_) => {
                return self.section_words::<W>(shape);
            }
            Conditioner::ResidualDense(net) => net.blocks,
            Conditioner::ResidualConvolution(net) => net.blocks,
        };
        // All blocks are alike, and a spec that was not validated may have any number of them.
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

/// The sections of a network of residual blocks of nflows. Stages are the input, `h`, and of each block the
/// activations of its norm, those between its layers, and `h`.
const fn block_section(
    inputs: usize,
    width: usize,
    blocks: usize,
    outputs: usize,
    index: usize,
) -> Option<Section> {
    /// Sections before the blocks, and of a block.
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

/// The sections of the paper's residual network. Stages are the kept channels' activations, `h`, of each block the
/// activations of its norm, those between its layers, and `h`, then the activations that the outputs are made of.
const fn residual_section(
    net: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
    index: usize,
) -> Option<Section> {
    /// Sections before the blocks, and of a block.
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
                // Each channel is two activations, in one word.
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
