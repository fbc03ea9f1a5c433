//! How many words a model and its score take, what the integer engine can run, and whether words are those of
//! a spec.

use super::program::{Program, op};
use super::weights::{PANEL, QUAD, QUAD_WORDS, Weights};
use crate::spec::{
    Conditioner, CouplingSpec, DenseSpec, FlowSpec, LayerSpec, Mask, Nets, ScaleMap, Shape,
    SpecError, Transform,
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

/// The first word of a coupling.
#[must_use]
pub const fn coupling_op(spec: &CouplingSpec<'_>) -> i32 {
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
    op::COUPLING | transform | tanh | nets
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
            LayerSpec::Coupling(spec) => {
                let Conditioner::Dense(net) = &spec.conditioner else {
                    return 0;
                };
                let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
                let records = spec.mask.transformed(channels).saturating_mul(op::RECORD);
                net_words::<W>(net, inputs, outputs)
                    .saturating_mul(spec.net_count())
                    .saturating_add(activation_words(inputs))
                    .saturating_add(records)
                    .saturating_add(op::COUPLING_HEADER)
            }
            _ => 0,
        }
    }

    const fn integer_scratch(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Permutation(_) => shape.len(),
            LayerSpec::Coupling(spec) => {
                let Conditioner::Dense(net) = &spec.conditioner else {
                    return 0;
                };
                let [front, back] = net_scratch(net, spec.net_inputs(shape));
                sum_words(spec.net_outputs(shape))
                    .saturating_mul(spec.net_count())
                    .saturating_add(front)
                    .saturating_add(back)
            }
            _ => 0,
        }
    }

    /// Whether the integer engine runs this layer.
    const fn has_integers(&self) -> bool {
        match self {
            LayerSpec::Standardize | LayerSpec::Affine | LayerSpec::Permutation(_) => true,
            LayerSpec::Coupling(spec) => {
                let map = !matches!(
                    spec.transform.scale_map(),
                    Some(ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. })
                );
                let net = match &spec.conditioner {
                    Conditioner::Dense(net) => !matches!(net.nets, Nets::Residual { .. }),
                    _ => false,
                };
                map && net
            }
            _ => false,
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
            LayerSpec::Coupling(spec) => {
                let Conditioner::Dense(net) = &spec.conditioner else {
                    return false;
                };
                let Some(&[front, _, _, _]) = own.header() else {
                    return false;
                };
                let inputs = spec.net_inputs(shape);
                let transformed = spec.mask.transformed(shape.channels);
                first == coupling_op(spec)
                    && second as usize == activation_words(inputs)
                    && third as usize == transformed
                    && front as usize == net_scratch(net, inputs)[0]
                    && has_values(spec.mask, shape, &mut own)
                    && has_nets::<W>(spec, net, shape, &mut own)
            }
            _ => false,
        }
    }
}

/// Whether the indices of kept and transformed values are those of a mask.
const fn has_values(mask: Mask<'_>, shape: Shape, program: &mut Program<'_>) -> bool {
    let dim = shape.channels;
    let mut kept = 0;
    let mut index = 0;
    let Some(mut words) = program.take(activation_words(mask.kept(dim))) else {
        return false;
    };
    while let [word, rest @ ..] = words {
        // The next two kept values.
        let mut half = 0;
        while half < 2 {
            while index < dim && !mask.keeps(index, dim) {
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
        if !mask.keeps(index, dim) {
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
            let mut ahead = *program;
            let Some(&[panels]) = ahead.header() else {
                return false;
            };
            if panels as usize != width.div_ceil(PANEL)
                || program.take(layer_words::<W>(from, width)).is_none()
            {
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
