//! What a score does in integers: how often each loop of `nvpico::integer` is entered and how far it goes.

use nvpico::image::{PANEL, QUAD, activation_words, place_words, window_inputs};
use nvpico::spec::{
    Activation, Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, ScaleMap, Shape, Transform,
};

use super::work::{Work, transformed_values};

/// Adds a coupling's work.
pub(super) fn coupling(work: &mut Work, spec: &CouplingSpec<'_>, shape: Shape) {
    work.add("coupling", 1);
    match &spec.conditioner {
        Conditioner::Dense(net) => {
            for _ in 0..spec.net_count() {
                dense(work, net, spec.net_inputs(shape), spec.net_outputs(shape));
            }
            changed(work, spec, spec.mask.transformed(shape.channels));
        }
        Conditioner::Convolution(net) => {
            stack(work, net, spec, shape);
            changed(work, spec, transformed_values(spec, shape));
        }
        // Not measured: `kind` says so.
        Conditioner::ResidualDense(_) | Conditioner::ResidualConvolution(_) => {}
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
fn dense(work: &mut Work, net: &DenseSpec<'_>, inputs: usize, outputs: usize) {
    work.add("net", 1);
    work.add("kept word", activation_words(inputs));
    let mut from = inputs;
    for &width in net.hidden {
        panels(work, from, width, Some(net.activation), 1);
        from = width;
    }
    panels(work, from, outputs, None, 1);
}

/// A layer's panels, so many times.
fn panels(
    work: &mut Work,
    inputs: usize,
    outputs: usize,
    activation: Option<Activation>,
    times: usize,
) {
    let count = outputs.div_ceil(PANEL) * times;
    let part = match activation {
        None => "panel of sums",
        Some(Activation::Relu) => "panel",
        Some(Activation::LeakyRelu { .. }) => "panel, leaky",
    };
    work.add("layer of a network", times);
    work.add(part, count);
    work.add("quad of a panel", count * inputs.div_ceil(QUAD));
}

/// A stack of convolutions.
fn stack(work: &mut Work, net: &ConvolutionSpec<'_>, spec: &CouplingSpec<'_>, shape: Shape) {
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
    let layers = net.hidden.iter().map(|own| (own.kernel, own.filters, true));
    let last = (net.last, spec.net_outputs(shape), false);
    for (kernel, outputs, is_hidden) in layers.chain([last]) {
        let times = if is_hidden { places } else { wanted };
        work.add("row of a convolution", shape.height);
        work.add("tap of a window", times * kernel.taps());
        work.add("word of a window", times * kernel.taps() * place);
        let activation = is_hidden.then_some(net.activation);
        panels(
            work,
            window_inputs(kernel, place),
            outputs,
            activation,
            times,
        );
        place = place_words(outputs, false);
    }
}
