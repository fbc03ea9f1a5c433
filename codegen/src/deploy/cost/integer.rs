//! What a score does in integers: how often each loop of `nvpico::integer` is entered and how far it goes.

use nvpico::LayerSpec;
use nvpico::image::{PANEL, QUAD, activation_words, place_words, window_inputs};
use nvpico::spec::network::{Convolution, Network, Op};
use nvpico::spec::{Activation, Conditioner, CouplingSpec, ScaleMap, Shape, Transform};

use super::work::{Work, transformed_values};

/// Adds a layer's work.
pub(super) fn layer(work: &mut Work, layer: &LayerSpec<'_>, shape: Shape) {
    let (channels, values) = (shape.channels, shape.len());
    match layer {
        LayerSpec::Standardize | LayerSpec::Affine | LayerSpec::BatchNorm(_) => {
            work.add("fixed map, channel", channels);
            work.add("fixed map, value", values);
        }
        LayerSpec::Permutation(_) => work.add("moved value", values),
        LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => work.add("squeezed value", values),
        LayerSpec::Logit(_) => work.add("logit", values),
        LayerSpec::FactorOut => {}
        LayerSpec::Coupling(spec) => {
            work.add("coupling", 1);
            match &spec.conditioner {
                Conditioner::Dense(_) => {
                    for _ in 0..spec.net_count() {
                        dense(work, &spec.network(shape));
                    }
                    changed(work, spec, spec.mask.transformed(channels));
                }
                Conditioner::Convolution(_) => {
                    stack(work, spec, shape);
                    changed(work, spec, transformed_values(spec, shape));
                }
                // Not measured: `kind` says so.
                Conditioner::ResidualDense(_) | Conditioner::ResidualConvolution(_) => {}
            }
        }
    }
}

/// Values that a coupling changes.
fn changed(work: &mut Work, spec: &CouplingSpec<'_>, values: usize) {
    let part = match spec.transform {
        Transform::Additive => "shift",
        Transform::Affine(ScaleMap::Unbounded) | Transform::ShiftFirst(ScaleMap::Unbounded) => {
            "exp, shift"
        }
        Transform::Affine(_) | Transform::ShiftFirst(_) => "exp of tanh, shift",
    };
    work.add(part, values);
}

/// A fully connected network.
fn dense(work: &mut Work, network: &Network<'_>) {
    work.add("net", 1);
    work.add("kept word", activation_words(network.inputs));
    for layer in layers(network) {
        panels(work, layer.inputs, &layer, 1);
    }
}

/// The layers of a network that has nothing else.
fn layers<'n>(network: &Network<'n>) -> impl Iterator<Item = Convolution> + use<'n> {
    network.stages().filter_map(|stage| match stage.op {
        Op::Convolution(own) => Some(own),
        Op::Norm(_) | Op::Activation(..) | Op::BothSigns(_) => None,
    })
}

/// A layer's panels of so many inputs each, `times` over.
fn panels(work: &mut Work, inputs: usize, layer: &Convolution, times: usize) {
    let count = layer.outputs.div_ceil(PANEL) * times;
    let part = match layer.activation {
        None => "panel of sums",
        Some(Activation::Relu) => "panel",
        Some(Activation::LeakyRelu { .. }) => "panel, leaky",
    };
    work.add("layer of a network", times);
    work.add(part, count);
    work.add("quad of a panel", count * inputs.div_ceil(QUAD));
}

/// A stack of convolutions.
fn stack(work: &mut Work, spec: &CouplingSpec<'_>, shape: Shape) {
    let places = shape.height * shape.width;
    let mut place = place_words(spec.net_inputs(shape), true);
    work.add("stack", 1);
    work.add("kept place", places);
    work.add("kept word of a place", places * place);
    let wanted = if spec.mask.parity().is_some() {
        places / 2
    } else {
        places
    };
    for layer in layers(&spec.network(shape)) {
        let is_hidden = layer.activation.is_some();
        let times = if is_hidden { places } else { wanted };
        let taps = layer.kernel.taps();
        work.add("row of a convolution", shape.height);
        work.add("tap of a window", times * taps);
        work.add("word of a window", times * taps * place);
        panels(work, window_inputs(layer.kernel, place), &layer, times);
        place = place_words(layer.outputs, false);
    }
}
