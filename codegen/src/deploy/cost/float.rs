//! What a score does in floats: how often each loop of the kernels is entered and how far it goes.

use nvpico::LayerSpec;
use nvpico::kernel::dense;
use nvpico::spec::{
    Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform,
};

use super::convolution;
use super::work::{STRIDE, Work, transformed_values};

/// Outputs of the last hidden layer that are computed at a time: they are used at once and never stored.
const CHUNK: usize = 16;

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
        LayerSpec::Coupling(spec) => coupling(work, spec, shape),
        LayerSpec::FactorOut => {}
    }
}

fn coupling(work: &mut Work, coupling: &CouplingSpec<'_>, shape: Shape) {
    work.add("coupling", 1);
    let outputs = coupling.net_outputs(shape);
    match &coupling.conditioner {
        Conditioner::Dense(net) => {
            let nets = coupling.net_count();
            for _ in 0..nets {
                network(work, net, coupling.net_inputs(shape), outputs);
            }
            work.add("net's output set aside", (nets - 1) * outputs);
            changed(work, coupling, coupling.mask.transformed(shape.channels));
            if let Mask::Indices(_) = coupling.mask {
                work.add("index of a list", (nets + 1) * shape.channels);
            }
        }
        // Not measured: `kind` says so.
        Conditioner::ResidualDense(_) => {}
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            convolution::network(work, coupling, shape);
            changed(work, coupling, transformed_values(coupling, shape));
        }
    }
}

/// Values that a coupling changes, by what their log-scales take.
fn changed(work: &mut Work, coupling: &CouplingSpec<'_>, values: usize) {
    let part = match coupling.transform {
        Transform::Additive => "shift",
        Transform::Affine(map) | Transform::ShiftFirst(map) => match map {
            ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. } => "exp of tanh, shift",
            ScaleMap::Unbounded => "exp, shift",
            ScaleMap::Atan { .. } => "exp of atan, shift",
            ScaleMap::Sigmoid { .. } => "sigmoid, shift",
        },
    };
    work.add(part, values);
}

/// A fully connected network: every hidden layer but the last is stored.
fn network(work: &mut Work, net: &DenseSpec<'_>, inputs: usize, outputs: usize) {
    work.add("net", 1);
    work.add("kept value", inputs);
    work.add("hidden layer", net.hidden.len());
    let activation = Some(net.activation);
    let mut from = inputs;
    let Some((&last, stored)) = net.hidden.split_last() else {
        return dense(work, from, outputs, None);
    };
    for &width in stored {
        dense(work, from, width, activation);
        from = width;
    }
    let mut done = 0;
    while done < last {
        let chunk = dense::panels((last - done).min(CHUNK))
            .next()
            .unwrap_or_default();
        work.add("chunk", 1);
        dense(work, from, chunk, activation);
        dense(work, chunk, outputs, None);
        done += chunk;
    }
}

/// A fully connected layer, or the share of some inputs in one.
fn dense(work: &mut Work, inputs: usize, outputs: usize, activation: Option<Activation>) {
    for width in dense::panels(outputs) {
        panel(work, width, inputs);
        match activation {
            None => {}
            Some(Activation::Relu) => work.add("ReLU", width),
            Some(Activation::LeakyRelu { .. }) => work.add("leaky ReLU", width),
        }
    }
}

/// One panel of the dense kernel.
fn panel(work: &mut Work, width: usize, inputs: usize) {
    if width < 4 {
        // Outputs one after the other.
        work.add("narrow panel", 1);
        work.add("narrow panel, output", width);
        work.add("narrow panel, product", width * inputs);
        return;
    }
    work.add(&format!("panel of {width}"), 1);
    work.add(&format!("panel of {width}, stride"), inputs / STRIDE);
    work.add(&format!("panel of {width}, input"), inputs % STRIDE);
}
