//! How many words a model and its score take, and what the integer engine can run.

use super::weights::{PANEL, QUAD, QUAD_WORDS, Weights};
use crate::spec::{
    Conditioner, CouplingSpec, DenseSpec, FlowSpec, LayerSpec, Nets, ScaleMap, Shape, SpecError,
};

/// Words before the parts of a coupling: the three shifts.
pub(super) const COUPLING_HEADER: usize = 3;
/// Words before the panels of a hidden layer: shift and slope.
pub(super) const HIDDEN_HEADER: usize = 2;
/// Words before the channels of an affine layer: log-determinant and shift.
pub(super) const AFFINE_HEADER: usize = 2;
/// Words of a channel of an affine layer: scale and shift.
pub(super) const AFFINE_CHANNEL: usize = 2;
/// Words of a channel of a standardisation: mean, scale, shift of the scale, shift.
pub(super) const STANDARDIZE_CHANNEL: usize = 4;

/// Words that hold so many activations: whole quads.
pub(super) const fn activation_words(count: usize) -> usize {
    count.div_ceil(QUAD).saturating_mul(QUAD_WORDS)
}

/// Sums of a layer with so many outputs: whole panels.
pub(super) const fn sum_words(outputs: usize) -> usize {
    outputs.next_multiple_of(PANEL)
}

/// Words of the panels of a layer: biases and weights.
pub(super) const fn panel_words<W: Weights>(inputs: usize, outputs: usize) -> usize {
    let weights = inputs.div_ceil(QUAD).saturating_mul(W::QUAD_WORDS);
    let panel = PANEL.saturating_add(weights);
    outputs.div_ceil(PANEL).saturating_mul(panel)
}

/// Whether log-scales go through a hyperbolic tangent.
pub(super) const fn has_tanh(spec: &CouplingSpec<'_>) -> bool {
    matches!(
        spec.transform.scale_map(),
        Some(ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. })
    )
}

/// Factors after the hyperbolic tangent, one per transformed channel.
pub(super) const fn amplitude_words(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    if has_tanh(spec) {
        spec.mask.transformed(shape.channels)
    } else {
        0
    }
}

/// Words of one network: hidden layers, the last layer, its multipliers.
const fn net_words<W: Weights>(net: &DenseSpec<'_>, inputs: usize, outputs: usize) -> usize {
    let mut total = outputs;
    let mut from = inputs;
    let mut hidden = net.hidden;
    while let [width, rest @ ..] = hidden {
        total = total
            .saturating_add(HIDDEN_HEADER)
            .saturating_add(panel_words::<W>(from, *width));
        from = *width;
        hidden = rest;
    }
    total.saturating_add(panel_words::<W>(from, outputs))
}

/// The most words that a layer's input and output take together; the last layer's output has its own.
const fn net_scratch(net: &DenseSpec<'_>, inputs: usize) -> usize {
    let mut from = activation_words(inputs);
    let mut most = from;
    let mut hidden = net.hidden;
    while let [width, rest @ ..] = hidden {
        let to = activation_words(*width);
        if from.saturating_add(to) > most {
            most = from.saturating_add(to);
        }
        from = to;
        hidden = rest;
    }
    most
}

impl LayerSpec<'_> {
    /// Words of this layer on a map of this shape in an [`IntegerFlow`](super::IntegerFlow).
    #[must_use]
    pub const fn word_len<W: Weights>(&self, shape: Shape) -> usize {
        let channels = shape.channels;
        match self {
            LayerSpec::Standardize => {
                AFFINE_HEADER.saturating_add(channels.saturating_mul(STANDARDIZE_CHANNEL))
            }
            LayerSpec::Affine => {
                AFFINE_HEADER.saturating_add(channels.saturating_mul(AFFINE_CHANNEL))
            }
            LayerSpec::Coupling(spec) => {
                let Conditioner::Dense(net) = &spec.conditioner else {
                    return 0;
                };
                let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
                net_words::<W>(net, inputs, outputs)
                    .saturating_mul(spec.net_count())
                    .saturating_add(amplitude_words(spec, shape))
                    .saturating_add(COUPLING_HEADER)
            }
            _ => 0,
        }
    }

    const fn integer_scratch(&self, shape: Shape) -> usize {
        match self {
            LayerSpec::Permutation(_) | LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => {
                shape.len()
            }
            LayerSpec::Coupling(spec) => {
                let Conditioner::Dense(net) = &spec.conditioner else {
                    return 0;
                };
                sum_words(spec.net_outputs(shape))
                    .saturating_mul(spec.net_count())
                    .saturating_add(net_scratch(net, spec.net_inputs(shape)))
            }
            _ => 0,
        }
    }

    /// Whether the integer engine runs this layer.
    const fn has_integers(&self) -> bool {
        match self {
            LayerSpec::BatchNorm(_) | LayerSpec::Logit(_) => false,
            LayerSpec::Coupling(spec) => {
                let map = match spec.transform.scale_map() {
                    Some(ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. }) => false,
                    _ => true,
                };
                let net = match &spec.conditioner {
                    Conditioner::Dense(net) => !matches!(net.nets, Nets::Residual { .. }),
                    Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => false,
                };
                map && net
            }
            _ => true,
        }
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
}
