//! How many words a model and its score take, and what the integer engine can run.

use super::program::op;
use super::weights::{I8, PANEL, QUAD, QUAD_WORDS, Weights};
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, Feature, FlowSpec, Kernel, LayerSpec,
    Mask, Nets, ResidualConvolutionSpec, ResidualForm, ScaleMap, Shape, SpecError, Squeeze,
    Transform, add, max, mul,
};

/// Words that hold so many activations: whole quads.
#[must_use]
pub const fn activation_words(count: usize) -> usize {
    count.div_ceil(QUAD).saturating_mul(QUAD_WORDS)
}

/// Sums of a layer with so many outputs: whole panels.
const fn sum_words(outputs: usize) -> usize {
    mul(outputs.div_ceil(PANEL), PANEL)
}

/// Words of a layer of a network.
pub(super) const fn layer_words<W: Weights>(inputs: usize, outputs: usize) -> usize {
    let weights = inputs.div_ceil(QUAD).saturating_mul(W::QUAD_WORDS);
    let panel = PANEL.saturating_add(weights);
    let panels = outputs.div_ceil(PANEL).saturating_mul(panel);
    panels.saturating_add(op::LAYER_HEADER)
}

/// Words of a place's channels as a network on a map reads them: of the kept ones pairs, of a hidden layer's
/// whole quads.
#[must_use]
pub const fn place_words(channels: usize, is_input: bool) -> usize {
    if is_input {
        channels.div_ceil(2)
    } else {
        activation_words(channels)
    }
}

/// Lengths of a stack of convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackLengths {
    /// Words of its layers.
    pub words: usize,
    /// Words of the largest window.
    pub window: usize,
    /// Words of scratch, the window among them.
    pub scratch: usize,
}

/// Activations of what a window covers: those of whole quads of words.
#[must_use]
pub const fn window_inputs(kernel: Kernel, place: usize) -> usize {
    let words = mul(kernel.taps(), place);
    mul(words.div_ceil(QUAD_WORDS), 2 * QUAD_WORDS)
}

/// Lengths of a coupling's stack of convolutions.
#[must_use]
pub const fn stack_lengths<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &ConvolutionSpec<'_>,
    shape: Shape,
) -> StackLengths {
    let mut place = place_words(spec.net_inputs(shape), true);
    let (mut words, mut window, mut rings): (usize, usize, usize) = (0, 0, 0);
    let mut hidden = net.hidden;
    loop {
        let (kernel, outputs, is_last) = match hidden {
            [layer, ..] => (layer.kernel, layer.filters, false),
            [] => (net.last, spec.net_outputs(shape), true),
        };
        let rows = if kernel.height < shape.height {
            kernel.height
        } else {
            shape.height
        };
        rings = add(rings, mul(mul(rows, shape.width), place));
        let inputs = window_inputs(kernel, place);
        window = max(window, activation_words(inputs));
        words = add(words, add(layer_words::<W>(inputs, outputs), 2));
        if is_last {
            let scratch = add(add(window, rings), sum_words(outputs));
            return StackLengths {
                words,
                window,
                scratch,
            };
        }
        place = place_words(outputs, false);
        hidden = hidden.split_at(1).1;
    }
}

/// Lengths of a coupling's residual network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidualLengths {
    /// Words of its layers.
    pub words: usize,
    /// Channels of `h` and `skip`: whole panels.
    pub channels: usize,
    /// Words of the largest window.
    pub window: usize,
    /// Words of scratch, the window among them.
    pub scratch: usize,
}

/// Lengths of a coupling's residual network. Each kept channel is two activations, one for each sign.
#[must_use]
pub const fn residual_lengths<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &ResidualConvolutionSpec,
    shape: Shape,
) -> ResidualLengths {
    let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
    let (channels, place) = (sum_words(net.filters), activation_words(net.filters));
    let first = window_inputs(net.kernel, inputs);
    let inner = window_inputs(net.kernel, place);
    let point = window_inputs(Kernel::POINT, place);
    let skip = add(1, adder_words::<W>(point, net.filters));
    let norm = mul(channels, op::NORM);
    let layer = layer_words::<W>(inner, net.filters);
    let block = add(
        add(norm, skip),
        add(layer, adder_words::<W>(inner, net.filters)),
    );
    let words = add(
        add(adder_words::<W>(first, net.filters), skip),
        add(
            mul(net.blocks, block),
            add(norm, layer_words::<W>(point, outputs)),
        ),
    );
    let rows = if net.kernel.height < shape.height {
        net.kernel.height
    } else {
        shape.height
    };
    let row = mul(rows, shape.width);
    let (mut window, mut rings) = (max(first, point), mul(row, inputs));
    if net.blocks > 0 {
        window = max(window, inner);
        rings = max(rings, mul(row, mul(2, place)));
    }
    let window = activation_words(window);
    let sums = max(
        channels,
        sum_words(mul(2, spec.mask.transformed(shape.channels))),
    );
    let maps = mul(mul(shape.pixels(), channels), 2);
    ResidualLengths {
        words,
        channels,
        window,
        scratch: add(add(maps, rings), add(window, sums)),
    }
}

/// The first word of a coupling.
#[must_use]
pub const fn coupling_op(spec: &CouplingSpec<'_>) -> i32 {
    let conditioner = match spec.conditioner {
        Conditioner::Dense(_) => op::COUPLING,
        Conditioner::Convolution(_) => op::CONVOLUTION,
        Conditioner::ResidualConvolution(_) => op::RESIDUAL,
    };
    let transform = match spec.transform {
        Transform::Additive => 0,
        Transform::Affine(_) => op::AFFINE_COUPLING,
        Transform::ShiftFirst(_) => op::SHIFT_FIRST,
    };
    let map = match spec.transform.scale_map() {
        Some(ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. }) => op::TANH,
        Some(ScaleMap::Atan { .. }) => op::ATAN,
        Some(ScaleMap::Sigmoid { inverse: false, .. }) => op::SIGMOID,
        Some(ScaleMap::Sigmoid { inverse: true, .. }) => op::SIGMOID | op::INVERSE,
        Some(ScaleMap::Unbounded) | None => 0,
    };
    let nets = match &spec.conditioner {
        Conditioner::Dense(net) if matches!(net.nets, Nets::Residual { .. }) => op::BLOCKS,
        _ if spec.net_count() == 2 => op::TWO_NETS,
        _ => 0,
    };
    conditioner | transform | map | nets
}

/// Words of one network.
const fn net_words<W: Weights>(net: &DenseSpec<'_>, inputs: usize, outputs: usize) -> usize {
    if let (Nets::Residual { .. }, [width, blocks @ ..]) = (net.nets, net.hidden) {
        return block_words::<W>(inputs, *width, blocks.len() / 2, outputs);
    }
    // How many hidden layers.
    let mut total: usize = 1;
    let mut from = inputs;
    let mut hidden = net.hidden;
    while let [width, rest @ ..] = hidden {
        total = total.saturating_add(layer_words::<W>(from, *width));
        from = *width;
        hidden = rest;
    }
    total.saturating_add(layer_words::<W>(from, outputs))
}

/// Words of a layer whose sums are added: a shift and a multiplier for each of its outputs follow it.
pub(super) const fn adder_words<W: Weights>(inputs: usize, outputs: usize) -> usize {
    add(
        layer_words::<W>(inputs, outputs),
        add(1, sum_words(outputs)),
    )
}

/// Words of a network of residual blocks.
const fn block_words<W: Weights>(
    inputs: usize,
    width: usize,
    blocks: usize,
    outputs: usize,
) -> usize {
    let norm = mul(sum_words(width), op::NORM);
    let layers = add(
        layer_words::<W>(width, width),
        adder_words::<W>(width, width),
    );
    let first = add(2, adder_words::<W>(inputs, width));
    let last = add(1, layer_words::<W>(width, outputs));
    add(add(first, last), mul(blocks, add(norm, layers)))
}

/// Words of the front and of the back of the scratch: layers take turns to write to the back and to the
/// front, where the input stands. Of residual blocks the back has values, sums, and twice activations.
#[must_use]
pub const fn net_scratch(net: &DenseSpec<'_>, inputs: usize) -> [usize; 2] {
    if let (Nets::Residual { .. }, [width, ..]) = (net.nets, net.hidden) {
        return [activation_words(inputs), mul(3, sum_words(*width))];
    }
    let (mut front, mut back) = (activation_words(inputs), 0);
    let mut at_back = true;
    let mut hidden = net.hidden;
    while let [width, rest @ ..] = hidden {
        let words = activation_words(*width);
        if at_back && words > back {
            back = words;
        } else if !at_back && words > front {
            front = words;
        }
        at_back = !at_back;
        hidden = rest;
    }
    [front, back]
}

impl LayerSpec<'_> {
    /// Words of this layer on a map of this shape in an [`IntegerFlow`](super::IntegerFlow).
    #[must_use]
    pub const fn word_len<W: Weights>(&self, shape: Shape) -> usize {
        // Op, channels, places, log-determinant.
        const HEADER: usize = 4;
        let channels = shape.channels;
        match self {
            LayerSpec::Standardize => {
                HEADER.saturating_add(channels.saturating_mul(op::STANDARDIZE_CHANNEL))
            }
            LayerSpec::Affine => HEADER.saturating_add(channels.saturating_mul(op::AFFINE_CHANNEL)),
            LayerSpec::Permutation(_) => add(channels, HEADER - 1),
            LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => 5,
            LayerSpec::FactorOut => 3,
            LayerSpec::Logit(_) => 8,
            LayerSpec::Coupling(spec) => {
                let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
                let records = mul(spec.mask.transformed(channels), op::RECORD);
                let own = match &spec.conditioner {
                    Conditioner::Dense(net) => {
                        let nets = mul(net_words::<W>(net, inputs, outputs), spec.net_count());
                        add(nets, add(activation_words(inputs), op::COUPLING_HEADER))
                    }
                    Conditioner::Convolution(net) => {
                        let stack = stack_lengths::<W>(spec, net, shape).words;
                        add(
                            stack,
                            add(place_words(inputs, true), op::CONVOLUTION_HEADER),
                        )
                    }
                    Conditioner::ResidualConvolution(net) => add(
                        residual_lengths::<W>(spec, net, shape).words,
                        add(mul(inputs, op::RECORD), op::RESIDUAL_HEADER),
                    ),
                };
                add(own, records)
            }
            LayerSpec::BatchNorm(_) => 0,
        }
    }

    const fn integer_scratch(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Permutation(_) | LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => {
                shape.len()
            }
            LayerSpec::Coupling(spec) => match &spec.conditioner {
                Conditioner::Dense(net) => {
                    let [front, back] = net_scratch(net, spec.net_inputs(shape));
                    let sums = mul(sum_words(spec.net_outputs(shape)), spec.net_count());
                    add(sums, add(front, back))
                }
                // Either width of weights has the same scratch.
                Conditioner::Convolution(net) => stack_lengths::<I8>(spec, net, shape).scratch,
                Conditioner::ResidualConvolution(net) => {
                    residual_lengths::<I8>(spec, net, shape).scratch
                }
            },
            _ => 0,
        }
    }

    /// Whether it has the paper's network, which is compiled in with other residual ones.
    const fn is_residual(&self) -> bool {
        matches!(
            self,
            LayerSpec::Coupling(CouplingSpec {
                conditioner: Conditioner::ResidualConvolution(_),
                ..
            })
        )
    }

    /// Whether the integer engine runs this layer.
    const fn has_integers(&self) -> bool {
        match self {
            LayerSpec::BatchNorm(_) => false,
            LayerSpec::Coupling(spec) => {
                // Sigmoid and floor have two bits before the point together.
                let map = match spec.transform.scale_map() {
                    Some(ScaleMap::Sigmoid { floor, .. }) => floor < 0.9,
                    _ => true,
                };
                let net = match &spec.conditioner {
                    Conditioner::Dense(_) | Conditioner::Convolution(_) => true,
                    Conditioner::ResidualConvolution(net) => {
                        matches!(net.form, ResidualForm::Deployed)
                    }
                };
                map && net
            }
            _ => true,
        }
    }
}

/// The word for a kind of squeeze.
#[must_use]
pub const fn squeeze_kind(kind: Squeeze) -> i32 {
    match kind {
        Squeeze::Cells => op::CELLS,
        Squeeze::CellsAlternate => op::CELLS_ALTERNATE,
        Squeeze::Pairs => op::PAIRS,
    }
}

/// The word for a checkerboard's parity, 2 for another mask.
#[must_use]
pub const fn parity_word(mask: Mask<'_>) -> i32 {
    match mask.parity() {
        Some(0) => 0,
        Some(_) => 1,
        None => 2,
    }
}

impl FlowSpec<'_> {
    /// Words of an [`IntegerFlow`](super::IntegerFlow) with this structure.
    #[must_use]
    pub const fn word_len<W: Weights>(&self) -> usize {
        let mut total: usize = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            total = total.saturating_add(layer.word_len::<W>(shape));
        }
        total
    }

    /// Words of workspace for one sample in integers: the sample, and the most scratch that any layer
    /// asks for.
    #[must_use]
    pub const fn integer_workspace_len(&self) -> usize {
        let mut most: usize = 0;
        let mut walk = self.walk();
        while let Some((layer, shape)) = walk.next() {
            let own = layer.integer_scratch(shape);
            if own > most {
                most = own;
            }
        }
        self.dim().saturating_add(most)
    }

    /// Checks what [`validate`](Self::validate) checks, and that the integer engine runs every layer.
    ///
    /// # Errors
    /// The first [`SpecError`] found.
    pub const fn validate_integer(&self) -> Result<(), SpecError> {
        if let Err(error) = self.validate() {
            return Err(error);
        }
        // Indices have 16 bits, the highest of which stands for none.
        if self.dim() >= op::NO_INDEX as usize {
            return Err(SpecError::Overflow);
        }
        let mut walk = self.walk();
        let mut index = 0;
        while let Some((layer, _)) = walk.next() {
            if layer.is_residual() && !cfg!(feature = "foreign") {
                return Err(SpecError::missing(index, Feature::Foreign));
            }
            if !layer.has_integers() {
                return Err(SpecError::NoIntegers { layer: index });
            }
            index += 1;
        }
        Ok(())
    }
}
