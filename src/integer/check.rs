//! Whether words are those of a spec: what stands in front of a layer's numbers says what the spec says, to the
//! last word. Done once, when a model is made, in a `const` at the best.

use super::layout::{
    activation_words, adder_words, coupling_op, layer_words, net_scratch, parity_word, place_words,
    residual_lengths, squeeze_kind, stack_lengths, window_inputs,
};
use super::program::{Program, op};
use super::weights::{PANEL, Weights};
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, FlowSpec, Kernel, LayerSpec, Mask, Nets,
    ResidualConvolutionSpec, Shape, SpecError,
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
            Conditioner::ResidualConvolution(net) => {
                let Some(&[height, width, parity, panels]) = program.header() else {
                    return false;
                };
                let Some(&[blocks, kernel_height, kernel_width, window]) = program.header() else {
                    return false;
                };
                let Some(&[_, _]) = program.header() else {
                    return false;
                };
                let lengths = residual_lengths::<W>(self, net, shape);
                kept as usize == inputs
                    && height as usize == shape.height
                    && width as usize == shape.width
                    && parity == parity_word(self.mask)
                    && panels as usize * PANEL == lengths.channels
                    && blocks as usize == net.blocks
                    && kernel_height as usize == net.kernel.height
                    && kernel_width as usize == net.kernel.width
                    && window as usize == lengths.window
                    && has_records(self.mask, shape, true, &mut program)
                    && has_records(self.mask, shape, false, &mut program)
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
    let norm = channels * op::NORM;
    let first = window_inputs(net.kernel, spec.net_inputs(shape));
    let inner = window_inputs(net.kernel, place);
    let point = window_inputs(Kernel::POINT, place);
    if !has_adder::<W>(first, net.filters, program)
        || program.take(1).is_none()
        || !has_adder::<W>(point, net.filters, program)
    {
        return false;
    }
    let mut blocks = net.blocks;
    while blocks > 0 {
        if program.take(norm).is_none()
            || !has_layer::<W>(inner, net.filters, program)
            || !has_adder::<W>(inner, net.filters, program)
            || program.take(1).is_none()
            || !has_adder::<W>(point, net.filters, program)
        {
            return false;
        }
        blocks -= 1;
    }
    program.take(norm).is_some()
        && has_layer::<W>(point, spec.net_outputs(shape), program)
        && program.len() == 0
}

/// Whether the layers of a network of residual blocks have their panels, to the last word.
const fn has_blocks<W: Weights>(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    width: usize,
    blocks: usize,
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
        if program
            .take(width.next_multiple_of(PANEL) * op::NORM)
            .is_none()
            || !has_layer::<W>(width, width, program)
            || !has_adder::<W>(width, width, program)
        {
            return false;
        }
        left -= 1;
    }
    program.take(1).is_some()
        && has_layer::<W>(width, spec.net_outputs(shape), program)
        && program.len() == 0
}

/// Whether a layer whose sums are added has its panels; takes its words, and those that follow it.
const fn has_adder<W: Weights>(inputs: usize, outputs: usize, program: &mut Program<'_>) -> bool {
    let own = adder_words::<W>(inputs, outputs) - layer_words::<W>(inputs, outputs);
    has_layer::<W>(inputs, outputs, program) && program.take(own).is_some()
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
    has_records(mask, shape, false, program)
}

/// Whether records are those of the kept or of the transformed channels of a mask: their first words say.
const fn has_records(mask: Mask<'_>, shape: Shape, kept: bool, program: &mut Program<'_>) -> bool {
    let mut index = 0;
    while index < shape.channels {
        if mask.parity().is_some() || mask.keeps(index, shape.channels) == kept {
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
    if let (Nets::Residual { .. }, [width, blocks @ ..]) = (net.nets, net.hidden) {
        return has_blocks::<W>(spec, shape, *width, blocks.len() / 2, program);
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
