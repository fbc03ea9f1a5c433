//! How many words a model and its score take, what the integer engine can run, and whether words are those of
//! a spec.

use super::program::{Program, op};
use super::weights::{I8, PANEL, QUAD, QUAD_WORDS, Weights};
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, FlowSpec, Kernel, LayerSpec, Mask, Nets,
    ScaleMap, Shape, SpecError, Squeeze, Transform, add, max, mul,
};

/// Words that hold so many activations: whole quads.
#[must_use]
pub const fn activation_words(count: usize) -> usize {
    count.div_ceil(QUAD).saturating_mul(QUAD_WORDS)
}

/// Sums of a layer with so many outputs: whole panels.
const fn sum_words(outputs: usize) -> usize {
    outputs.next_multiple_of(PANEL)
}

/// Words of a layer of a network.
const fn layer_words<W: Weights>(inputs: usize, outputs: usize) -> usize {
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
    mul(kernel.taps(), place).next_multiple_of(QUAD_WORDS) * 2
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

/// The first word of a coupling.
#[must_use]
pub const fn coupling_op(spec: &CouplingSpec<'_>) -> i32 {
    let conditioner = match spec.conditioner {
        Conditioner::Dense(_) => op::COUPLING,
        _ => op::CONVOLUTION,
    };
    let transform = match spec.transform {
        Transform::Additive => 0,
        Transform::Affine(_) => op::AFFINE_COUPLING,
        Transform::ShiftFirst(_) => op::SHIFT_FIRST,
    };
    let tanh = match spec.transform.scale_map() {
        Some(ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. }) => op::TANH,
        _ => 0,
    };
    let nets = if spec.net_count() == 2 {
        op::TWO_NETS
    } else {
        0
    };
    conditioner | transform | tanh | nets
}

/// Words of one network.
const fn net_words<W: Weights>(net: &DenseSpec<'_>, inputs: usize, outputs: usize) -> usize {
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

/// Words of the front and of the back of the scratch: layers take turns to write to the back and to the
/// front, where the input stands.
#[must_use]
pub const fn net_scratch(net: &DenseSpec<'_>, inputs: usize) -> [usize; 2] {
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
            LayerSpec::Permutation(_) => channels.saturating_add(HEADER - 1),
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
                    Conditioner::ResidualConvolution(_) => return 0,
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
                Conditioner::ResidualConvolution(_) => 0,
            },
            _ => 0,
        }
    }

    /// Whether the integer engine runs this layer.
    const fn has_integers(&self) -> bool {
        match self {
            LayerSpec::BatchNorm(_) => false,
            LayerSpec::Coupling(spec) => {
                let map = !matches!(
                    spec.transform.scale_map(),
                    Some(ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. })
                );
                let net = match &spec.conditioner {
                    Conditioner::Dense(net) => !matches!(net.nets, Nets::Residual { .. }),
                    Conditioner::Convolution(_) => true,
                    Conditioner::ResidualConvolution(_) => false,
                };
                map && net
            }
            _ => true,
        }
    }

    /// Whether the words that stand in front of the numbers are those of this layer; takes its words.
    const fn has_words<W: Weights>(&self, shape: Shape, program: &mut Program<'_>) -> bool {
        let Some(own) = program.take(self.word_len::<W>(shape)) else {
            return false;
        };
        let mut own = Program::new(own);
        let Some(&[first, second, third]) = own.header() else {
            return false;
        };
        let fits = second as usize == shape.channels && third as usize == shape.pixels();
        match self {
            LayerSpec::Standardize => first == op::STANDARDIZE && fits,
            LayerSpec::Affine => first == op::AFFINE && fits,
            LayerSpec::Permutation(_) => first == op::PERMUTATION && fits,
            LayerSpec::Squeeze(kind) => {
                first == op::SQUEEZE
                    && second == squeeze_kind(*kind)
                    && has_shape(shape, third, own)
            }
            LayerSpec::Unsqueeze(kind) => {
                let Some(after) = self.output_shape(shape) else {
                    return false;
                };
                first == op::UNSQUEEZE
                    && second == squeeze_kind(*kind)
                    && has_shape(after, third, own)
            }
            LayerSpec::FactorOut => {
                first == op::FACTOR_OUT && second as usize == shape.len() / 2 && second == third
            }
            LayerSpec::Logit(_) => first == op::LOGIT && second as usize == shape.len(),
            LayerSpec::Coupling(spec) => {
                first == coupling_op(spec) && spec.has_words::<W>(shape, second, third, own)
            }
            LayerSpec::BatchNorm(_) => false,
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

/// Whether channels, and the two words that follow, are those of a shape.
const fn has_shape(shape: Shape, channels: i32, mut program: Program<'_>) -> bool {
    let Some(&[height, width]) = program.header() else {
        return false;
    };
    channels as usize == shape.channels
        && height as usize == shape.height
        && width as usize == shape.width
}

impl CouplingSpec<'_> {
    /// Whether the second and third word, and those that follow, are those of this coupling.
    const fn has_words<W: Weights>(
        &self,
        shape: Shape,
        kept: i32,
        records: i32,
        mut program: Program<'_>,
    ) -> bool {
        let inputs = self.net_inputs(shape);
        if records as usize != self.mask.transformed(shape.channels) {
            return false;
        }
        match &self.conditioner {
            Conditioner::Dense(net) => {
                let Some(&[front, _, _, _]) = program.header() else {
                    return false;
                };
                kept as usize == activation_words(inputs)
                    && front as usize == net_scratch(net, inputs)[0]
                    && has_values(self.mask, shape, kept as usize, &mut program)
                    && has_nets::<W>(self, net, shape, &mut program)
            }
            Conditioner::Convolution(net) => {
                let Some(&[height, width, parity, window, layers]) = program.header() else {
                    return false;
                };
                let Some(&[_, _, _]) = program.header() else {
                    return false;
                };
                kept as usize == place_words(inputs, true)
                    && height as usize == shape.height
                    && width as usize == shape.width
                    && parity == parity_word(self.mask)
                    && window as usize == stack_lengths::<W>(self, net, shape).window
                    && layers as usize == net.hidden.len() + 1
                    && has_values(self.mask, shape, kept as usize, &mut program)
                    && has_stack::<W>(self, net, shape, &mut program)
            }
            Conditioner::ResidualConvolution(_) => false,
        }
    }
}

/// Whether the layers of a stack have their windows and panels, to the last word.
const fn has_stack<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &ConvolutionSpec<'_>,
    shape: Shape,
    program: &mut Program<'_>,
) -> bool {
    let mut place = place_words(spec.net_inputs(shape), true);
    let mut hidden = net.hidden;
    loop {
        let (kernel, outputs, is_last) = match hidden {
            [layer, ..] => (layer.kernel, layer.filters, false),
            [] => (net.last, spec.net_outputs(shape), true),
        };
        let Some(&[height, width]) = program.header() else {
            return false;
        };
        if height as usize != kernel.height || width as usize != kernel.width {
            return false;
        }
        if !has_layer::<W>(window_inputs(kernel, place), outputs, program) {
            return false;
        }
        if is_last {
            return program.len() == 0;
        }
        place = place_words(outputs, false);
        hidden = hidden.split_at(1).1;
    }
}

/// Whether a layer has its panels; takes its words.
const fn has_layer<W: Weights>(inputs: usize, outputs: usize, program: &mut Program<'_>) -> bool {
    let mut ahead = *program;
    match ahead.header() {
        Some(&[panels]) => {
            panels as usize == outputs.div_ceil(PANEL)
                && program.take(layer_words::<W>(inputs, outputs)).is_some()
        }
        None => false,
    }
}

/// Whether the indices of kept and transformed values are those of a mask.
const fn has_values(mask: Mask<'_>, shape: Shape, words: usize, program: &mut Program<'_>) -> bool {
    let dim = shape.channels;
    let mut kept = 0;
    let mut index = 0;
    let Some(mut words) = program.take(words) else {
        return false;
    };
    while let [word, rest @ ..] = words {
        // The next two kept values.
        let mut half = 0;
        while half < 2 {
            while index < dim && !(mask.parity().is_some() || mask.keeps(index, dim)) {
                index += 1;
            }
            let expected = if kept < mask.kept(dim) {
                index
            } else {
                op::NO_INDEX as usize
            };
            if ((*word >> (16 * half)) & op::NO_INDEX) as usize != expected {
                return false;
            }
            kept += 1;
            index += 1;
            half += 1;
        }
        words = rest;
    }
    index = 0;
    while index < dim {
        if mask.parity().is_some() || !mask.keeps(index, dim) {
            let Some(&[found, _, _, _]) = program.header::<{ op::RECORD }>() else {
                return false;
            };
            if found as usize != index {
                return false;
            }
        }
        index += 1;
    }
    true
}

/// Whether the layers of the networks have their panels, to the last word.
const fn has_nets<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &DenseSpec<'_>,
    shape: Shape,
    program: &mut Program<'_>,
) -> bool {
    let mut count = spec.net_count();
    while count > 0 {
        let Some(&[layers]) = program.header() else {
            return false;
        };
        if layers as usize != net.hidden.len() {
            return false;
        }
        let mut from = spec.net_inputs(shape);
        let mut hidden = net.hidden;
        loop {
            let (width, is_last) = match hidden {
                [width, ..] => (*width, false),
                [] => (spec.net_outputs(shape), true),
            };
            if !has_layer::<W>(from, width, program) {
                return false;
            }
            if is_last {
                break;
            }
            from = width;
            hidden = hidden.split_at(1).1;
        }
        count -= 1;
    }
    program.len() == 0
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
            if !layer.has_integers() {
                return Err(SpecError::NoIntegers { layer: index });
            }
            index += 1;
        }
        Ok(())
    }

    /// Checks that words are those of this structure, but for the numbers of the model.
    pub(super) const fn check_words<W: Weights>(&self, words: &[i32]) -> Result<(), SpecError> {
        let expected = self.word_len::<W>();
        if words.len() != expected {
            return Err(SpecError::ParamLength {
                expected,
                found: words.len(),
            });
        }
        let mut program = Program::new(words);
        let mut walk = self.walk();
        let mut index = 0;
        while let Some((layer, shape)) = walk.next() {
            if !layer.has_words::<W>(shape, &mut program) {
                return Err(SpecError::Words { layer: index });
            }
            index += 1;
        }
        Ok(())
    }
}
