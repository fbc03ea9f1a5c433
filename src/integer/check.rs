//! Whether words are those of a spec. Done once, when a model is made, in a `const` at the best.
//!
//! Three kinds of words:
//! * what the spec states must be just that: ops, channels, places, lengths, indices, windows, panels, slopes,
//!   bounds of log-scales, the constants of a logit;
//! * shifts must lie within the ranges of [`stated`](super::stated), which the arithmetic supports;
//! * all others are free numbers of the model: means, scales and their log-determinants, multipliers, offsets, biases and
//!   weights. Any weights make a coupling, whose density is one.

use super::layout::{
    activation_words, coupling_op, layer_words, net_scratch, parity_word, place_words,
    residual_lengths, squeeze_kind, stack_lengths, window_inputs,
};
use super::program::{Program, op};
use super::stated::{Bound, INPUT_SHIFT, SCALING_SHIFT, SUM_SHIFT, within};
use super::weights::{PANEL, Weights};
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, FlowSpec, Kernel, LayerSpec, LogitSpec,
    Nets, ResidualConvolutionSpec, Shape, SpecError,
};

impl FlowSpec<'_> {
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

impl LayerSpec<'_> {
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
            LayerSpec::Standardize => {
                first == op::STANDARDIZE && fits && has_standardization(shape.channels, own)
            }
            LayerSpec::Affine => first == op::AFFINE && fits && has_affine(shape.channels, own),
            LayerSpec::Permutation(order) => {
                first == op::PERMUTATION && fits && has_order(order, own)
            }
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
            LayerSpec::Logit(spec) => {
                first == op::LOGIT && second as usize == shape.len() && has_logit(*spec, third, own)
            }
            LayerSpec::Coupling(spec) => {
                first == coupling_op(spec) && spec.has_words::<W>(shape, second, third, own)
            }
            LayerSpec::BatchNorm(_) => false,
        }
    }
}

/// Whether the channels of a standardisation have shifts that can be; after the log-determinant.
const fn has_standardization(channels: usize, mut program: Program<'_>) -> bool {
    let mut left = channels;
    if program.take(1).is_none() {
        return false;
    }
    while left > 0 {
        match program.header::<{ op::STANDARDIZE_CHANNEL }>() {
            Some(&[_, _, shift, _]) if within(shift, SCALING_SHIFT) => left -= 1,
            _ => return false,
        }
    }
    program.len() == 0
}

/// Whether the channels of an affine layer have shifts that can be; after the log-determinant.
const fn has_affine(channels: usize, mut program: Program<'_>) -> bool {
    let mut left = channels;
    if program.take(1).is_none() {
        return false;
    }
    while left > 0 {
        match program.header::<{ op::AFFINE_CHANNEL }>() {
            Some(&[_, shift, _]) if within(shift, SCALING_SHIFT) => left -= 1,
            _ => return false,
        }
    }
    program.len() == 0
}

/// Whether the indices are those of a permutation.
const fn has_order(order: &[usize], mut program: Program<'_>) -> bool {
    let mut rest = order;
    while let [index, tail @ ..] = rest {
        match program.header() {
            Some(&[found]) if found as usize == *index => rest = tail,
            _ => return false,
        }
    }
    program.len() == 0
}

/// Whether the highest count, and the words that follow, are those of a logit.
const fn has_logit(spec: LogitSpec, last: i32, mut program: Program<'_>) -> bool {
    let Some(words) = spec.stated_words() else {
        return false;
    };
    let Some(&[multiplier, shift, lowest, half, slope]) = program.header() else {
        return false;
    };
    let [
        stated_last,
        stated_multiplier,
        stated_shift,
        stated_lowest,
        stated_half,
        stated_slope,
    ] = words;
    last == stated_last
        && multiplier == stated_multiplier
        && shift == stated_shift
        && lowest == stated_lowest
        && half == stated_half
        && slope == stated_slope
        && program.len() == 0
}

/// Whether channels, and the two words that follow, are those of a shape.
const fn has_shape(shape: Shape, channels: i32, mut program: Program<'_>) -> bool {
    let Some(&[height, width]) = program.header() else {
        return false;
    };
    channels as usize == shape.channels
        && height as usize == shape.height
        && width as usize == shape.width
        && program.len() == 0
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
        let Some(slope) = self.slope_word() else {
            return false;
        };
        if records as usize != self.mask.transformed(shape.channels) {
            return false;
        }
        match &self.conditioner {
            Conditioner::Dense(net) => {
                let Some(&[front, input, raw, shift]) = program.header() else {
                    return false;
                };
                within(input, INPUT_SHIFT)
                    && within(raw, SCALING_SHIFT)
                    && within(shift, SCALING_SHIFT)
                    && kept as usize == activation_words(inputs)
                    && front as usize == net_scratch(net, inputs)[0]
                    && self.has_values(shape, kept as usize, &mut program)
                    && has_nets::<W>(self, net, shape, slope, &mut program)
            }
            Conditioner::Convolution(net) => {
                let Some(&[height, width, parity, window, layers]) = program.header() else {
                    return false;
                };
                let Some(&[input, raw, shift]) = program.header() else {
                    return false;
                };
                within(input, INPUT_SHIFT)
                    && within(raw, SCALING_SHIFT)
                    && within(shift, SCALING_SHIFT)
                    && kept as usize == place_words(inputs, true)
                    && height as usize == shape.height
                    && width as usize == shape.width
                    && parity == parity_word(self.mask)
                    && window as usize == stack_lengths::<W>(self, net, shape).window
                    && layers as usize == net.hidden.len() + 1
                    && self.has_values(shape, kept as usize, &mut program)
                    && has_stack::<W>(self, net, shape, slope, &mut program)
            }
            Conditioner::ResidualConvolution(net) => {
                let Some(&[height, width, parity, panels]) = program.header() else {
                    return false;
                };
                let Some(&[blocks, kernel_height, kernel_width, window]) = program.header() else {
                    return false;
                };
                let Some(&[raw, shift]) = program.header() else {
                    return false;
                };
                let lengths = residual_lengths::<W>(self, net, shape);
                within(raw, SCALING_SHIFT)
                    && within(shift, SCALING_SHIFT)
                    && kept as usize == inputs
                    && height as usize == shape.height
                    && width as usize == shape.width
                    && parity == parity_word(self.mask)
                    && panels as usize == lengths.channels / PANEL
                    && blocks as usize == net.blocks
                    && kernel_height as usize == net.kernel.height
                    && kernel_width as usize == net.kernel.width
                    && window as usize == lengths.window
                    && self.has_kept_records(shape, &mut program)
                    && self.has_records(shape, &mut program)
                    && has_residual::<W>(self, net, shape, &mut program)
            }
        }
    }
}

/// Whether the layers of a stack have their windows and panels, to the last word.
const fn has_stack<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &ConvolutionSpec<'_>,
    shape: Shape,
    slope: i32,
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
        let sums = if is_last {
            Sums::Whole
        } else {
            Sums::Activations { slope }
        };
        if !has_layer::<W>(window_inputs(kernel, place), outputs, sums, program) {
            return false;
        }
        if is_last {
            return program.len() == 0;
        }
        place = place_words(outputs, false);
        hidden = hidden.split_at(1).1;
    }
}

/// Whether the layers of a residual network have their panels, to the last word.
const fn has_residual<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &ResidualConvolutionSpec,
    shape: Shape,
    program: &mut Program<'_>,
) -> bool {
    let (channels, place) = (
        net.filters.next_multiple_of(PANEL),
        activation_words(net.filters),
    );
    let first = window_inputs(net.kernel, spec.net_inputs(shape));
    let inner = window_inputs(net.kernel, place);
    let point = window_inputs(Kernel::POINT, place);
    if !has_adder::<W>(first, net.filters, program)
        || !has_input_shift(program)
        || !has_adder::<W>(point, net.filters, program)
    {
        return false;
    }
    let mut blocks = net.blocks;
    while blocks > 0 {
        let sums = Sums::Activations { slope: 0 };
        if !has_norms(channels, program)
            || !has_layer::<W>(inner, net.filters, sums, program)
            || !has_adder::<W>(inner, net.filters, program)
            || !has_input_shift(program)
            || !has_adder::<W>(point, net.filters, program)
        {
            return false;
        }
        blocks -= 1;
    }
    has_norms(channels, program)
        && has_layer::<W>(point, spec.net_outputs(shape), Sums::Whole, program)
        && program.len() == 0
}

/// Whether the layers of a network of residual blocks have their panels, to the last word.
const fn has_blocks<W: Weights>(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    (width, blocks): (usize, usize),
    slope: i32,
    program: &mut Program<'_>,
) -> bool {
    let Some(&[found, panels]) = program.header() else {
        return false;
    };
    if found as usize != blocks
        || panels as usize != width.div_ceil(PANEL)
        || !has_adder::<W>(spec.net_inputs(shape), width, program)
    {
        return false;
    }
    let mut left = blocks;
    while left > 0 {
        let sums = Sums::Activations { slope };
        if !has_norms(width.next_multiple_of(PANEL), program)
            || !has_layer::<W>(width, width, sums, program)
            || !has_adder::<W>(width, width, program)
        {
            return false;
        }
        left -= 1;
    }
    has_input_shift(program)
        && has_layer::<W>(width, spec.net_outputs(shape), Sums::Whole, program)
        && program.len() == 0
}

/// What becomes of a layer's sums.
#[derive(Clone, Copy)]
enum Sums {
    /// Activations, with such a slope below zero.
    Activations { slope: i32 },
    /// They leave whole.
    Whole,
}

/// Whether a layer whose sums are added has its panels, a shift that can be and multipliers; takes its words.
const fn has_adder<W: Weights>(inputs: usize, outputs: usize, program: &mut Program<'_>) -> bool {
    has_layer::<W>(inputs, outputs, Sums::Whole, program)
        && matches!(program.header(), Some(&[shift]) if within(shift, SCALING_SHIFT))
        && program.take(outputs.next_multiple_of(PANEL)).is_some()
}

/// Whether a shift that makes activations can be; takes its word.
const fn has_input_shift(program: &mut Program<'_>) -> bool {
    matches!(program.header(), Some(&[shift]) if within(shift, INPUT_SHIFT))
}

/// Whether the norms of so many channels have shifts that can be; takes their words.
const fn has_norms(channels: usize, program: &mut Program<'_>) -> bool {
    let mut left = channels;
    while left > 0 {
        match program.header::<{ op::NORM }>() {
            Some(&[_, shift, _]) if within(shift, SCALING_SHIFT) => left -= 1,
            _ => return false,
        }
    }
    true
}

/// Whether a layer has its panels, its slope, and a shift that can be; takes its words.
const fn has_layer<W: Weights>(
    inputs: usize,
    outputs: usize,
    sums: Sums,
    program: &mut Program<'_>,
) -> bool {
    let Some(&[panels, shift, slope]) = program.header::<{ op::LAYER_HEADER }>() else {
        return false;
    };
    let numbers = layer_words::<W>(inputs, outputs) - op::LAYER_HEADER;
    let fits = match sums {
        Sums::Activations { slope: stated } => within(shift, SUM_SHIFT) && slope == stated,
        Sums::Whole => shift == 0 && slope == 0,
    };
    panels as usize == outputs.div_ceil(PANEL) && fits && program.take(numbers).is_some()
}

impl CouplingSpec<'_> {
    /// Whether a channel has a record among those of the kept or of the transformed channels.
    const fn has_record(&self, channel: usize, shape: Shape, kept: bool) -> bool {
        self.mask.parity().is_some() || self.mask.keeps(channel, shape.channels) == kept
    }

    /// Whether the indices of kept channels and the records of the transformed ones are those of the mask; takes
    /// their words.
    const fn has_values(&self, shape: Shape, words: usize, program: &mut Program<'_>) -> bool {
        let channels = shape.channels;
        let mut kept = 0;
        let mut index = 0;
        let Some(mut words) = program.take(words) else {
            return false;
        };
        while let [word, rest @ ..] = words {
            // The next two kept channels.
            let mut half = 0;
            while half < 2 {
                while index < channels && !self.has_record(index, shape, true) {
                    index += 1;
                }
                let expected = if kept < self.mask.kept(channels) {
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
        self.has_records(shape, program)
    }

    /// Whether the records of the kept channels have their indices, and shifts that can be; takes their words.
    const fn has_kept_records(&self, shape: Shape, program: &mut Program<'_>) -> bool {
        let mut index = 0;
        while index < shape.channels {
            if self.has_record(index, shape, true) {
                let Some(&[found, _, shift, _]) = program.header::<{ op::RECORD }>() else {
                    return false;
                };
                if found as usize != index || !within(shift, SCALING_SHIFT) {
                    return false;
                }
            }
            index += 1;
        }
        true
    }

    /// Whether the records of the transformed channels have their indices and the bounds that the spec states;
    /// takes their words.
    const fn has_records(&self, shape: Shape, program: &mut Program<'_>) -> bool {
        let mut index = 0;
        while index < shape.channels {
            if self.has_record(index, shape, false) {
                let Some(&[found, bound, _, _]) = program.header::<{ op::RECORD }>() else {
                    return false;
                };
                let is_bound = match self.stated_bound() {
                    Bound::Stated(word) => bound == word,
                    Bound::Number => true,
                    Bound::Beyond => false,
                };
                if found as usize != index || !is_bound {
                    return false;
                }
            }
            index += 1;
        }
        true
    }
}

/// Whether the layers of the networks have their panels, to the last word.
const fn has_nets<W: Weights>(
    spec: &CouplingSpec<'_>,
    net: &DenseSpec<'_>,
    shape: Shape,
    slope: i32,
    program: &mut Program<'_>,
) -> bool {
    let mut count = spec.net_count();
    if let (Nets::Residual { .. }, [width, blocks @ ..]) = (net.nets, net.hidden) {
        return has_blocks::<W>(spec, shape, (*width, blocks.len() / 2), slope, program);
    }
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
            let sums = if is_last {
                Sums::Whole
            } else {
                Sums::Activations { slope }
            };
            if !has_layer::<W>(from, width, sums, program) {
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
