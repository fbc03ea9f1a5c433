//! What a score does, counted without running it: how often each part of a kernel is entered and how far it goes.
//!
//! The counts follow the loops of the engine's kernels for one sample; what a count costs on a core is what the table
//! of coefficients says. A part that the engine treats alike has one name here.

use std::collections::BTreeMap;

use nvpico::LayerSpec;
use nvpico::kernel::dense;
use nvpico::spec::{
    Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform,
};

use super::activity::active_products;
use super::{convolution, integer};
use crate::model::Deployed;
use crate::precision::Precision;

/// Outputs of the last hidden layer that are computed at a time: they are used at once and never stored.
const CHUNK: usize = 16;
/// Inputs that one turn of a kernel's inner loop takes in.
pub(super) const STRIDE: usize = 4;

/// Values of a sample up to which the compiler unrolls loops over them.
const UNROLLED: usize = 400;

/// Names of parts, with how often each is done in a score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work(BTreeMap<String, f64>);

impl Work {
    /// The work of one score.
    #[must_use]
    pub fn of(deployed: &Deployed, precision: Precision) -> Self {
        let layers = deployed.spec.layers();
        let spec = deployed.spec.flow_spec(&layers);
        let mut work = Self::default();
        work.add("score", 1);
        work.add("value", spec.dim());
        for (index, layer) in spec.layers.iter().enumerate() {
            work.add("layer", 1);
            let shape = spec.shape_at(index);
            if precision == Precision::F32 {
                work.layer(layer, shape);
            } else {
                integer::layer(&mut work, layer, shape);
            }
        }
        if precision != Precision::F32 {
            return work;
        }
        let active = active_products(deployed);
        if active > 0.0 {
            work.0
                .insert("product with an input that is not zero".to_owned(), active);
        }
        work
    }

    /// What takes flash beside parameters: the engine's code, and a model's structure.
    #[must_use]
    pub fn structure(deployed: &Deployed, precision: Precision) -> Self {
        let layers = deployed.spec.layers();
        let spec = deployed.spec.flow_spec(&layers);
        let mut work = Self::default();
        work.add("code", 1);
        if precision != Precision::F32 {
            // The words of a model are its structure, too.
            if spec.dim() <= UNROLLED {
                work.add("unrolled value", spec.dim());
            }
            return work;
        }
        if spec.dim() <= UNROLLED {
            work.add("unrolled value", spec.dim());
        }
        work.add("layer", spec.layers.len());
        for layer in spec.layers {
            let list = match layer {
                LayerSpec::Permutation(order) => order.len(),
                LayerSpec::Coupling(coupling) => {
                    let mask = match coupling.mask {
                        Mask::Indices(list) => list.len(),
                        _ => 0,
                    };
                    mask + match coupling.conditioner {
                        Conditioner::Dense(net) => net.hidden.len(),
                        Conditioner::Convolution(net) => 3 * net.hidden.len(),
                        Conditioner::ResidualConvolution(_) => 0,
                    }
                }
                _ => 0,
            };
            work.add("word of a list", list);
        }
        work
    }

    pub(super) fn add(&mut self, part: &str, count: usize) {
        if count > 0 {
            *self.0.entry(part.to_owned()).or_default() += count as f64;
        }
    }

    /// The parts and their counts.
    pub fn parts(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(part, &count)| (part.as_str(), count))
    }

    /// How often a part is done.
    #[must_use]
    pub fn count(&self, part: &str) -> f64 {
        self.0.get(part).copied().unwrap_or(0.0)
    }

    fn layer(&mut self, layer: &LayerSpec<'_>, shape: Shape) {
        let (channels, values) = (shape.channels, shape.len());
        match layer {
            LayerSpec::Standardize | LayerSpec::Affine | LayerSpec::BatchNorm(_) => {
                self.add("fixed map, channel", channels);
                self.add("fixed map, value", values);
            }
            LayerSpec::Permutation(_) => self.add("moved value", values),
            LayerSpec::Squeeze(_) | LayerSpec::Unsqueeze(_) => self.add("squeezed value", values),
            LayerSpec::Logit(_) => self.add("logit", values),
            LayerSpec::Coupling(coupling) => self.coupling(coupling, shape),
            LayerSpec::FactorOut => {}
        }
    }

    fn coupling(&mut self, coupling: &CouplingSpec<'_>, shape: Shape) {
        self.add("coupling", 1);
        let outputs = coupling.net_outputs(shape);
        match &coupling.conditioner {
            Conditioner::Dense(net) => {
                let nets = coupling.net_count();
                for _ in 0..nets {
                    self.net(net, coupling.net_inputs(shape), outputs);
                }
                self.add("net's output set aside", (nets - 1) * outputs);
                self.changed(coupling, coupling.mask.transformed(shape.channels));
                if let Mask::Indices(_) = coupling.mask {
                    self.add("index of a list", (nets + 1) * shape.channels);
                }
            }
            Conditioner::Convolution(net) => {
                convolution::stack(self, net, coupling, shape);
                self.changed(coupling, transformed_values(coupling, shape));
            }
            Conditioner::ResidualConvolution(net) => {
                convolution::residual(self, net, coupling, shape);
                self.changed(coupling, transformed_values(coupling, shape));
            }
        }
    }

    /// Values that a coupling changes, by what their log-scales take.
    fn changed(&mut self, coupling: &CouplingSpec<'_>, values: usize) {
        let part = match coupling.transform {
            Transform::Additive => "shift",
            Transform::Affine(map) | Transform::ShiftFirst(map) => match map {
                ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. } => "exp of tanh, shift",
                ScaleMap::Unbounded => "exp, shift",
                ScaleMap::Atan { .. } => "exp of atan, shift",
                ScaleMap::Sigmoid { .. } => "sigmoid, shift",
            },
        };
        self.add(part, values);
    }

    /// A fully connected network: every hidden layer but the last is stored.
    fn net(&mut self, net: &DenseSpec<'_>, inputs: usize, outputs: usize) {
        self.add("net", 1);
        self.add("kept value", inputs);
        self.add("hidden layer", net.hidden.len());
        let activation = Some(net.activation);
        let mut from = inputs;
        let Some((&last, stored)) = net.hidden.split_last() else {
            return self.dense(from, outputs, None);
        };
        for &width in stored {
            self.dense(from, width, activation);
            from = width;
        }
        let mut done = 0;
        while done < last {
            let chunk = dense::panels((last - done).min(CHUNK))
                .next()
                .unwrap_or_default();
            self.add("chunk", 1);
            self.dense(from, chunk, activation);
            self.dense(chunk, outputs, None);
            done += chunk;
        }
    }

    /// A fully connected layer, or the share of some inputs in one.
    fn dense(&mut self, inputs: usize, outputs: usize, activation: Option<Activation>) {
        for width in dense::panels(outputs) {
            self.panel(width, inputs);
            match activation {
                None => {}
                Some(Activation::Relu) => self.add("ReLU", width),
                Some(Activation::LeakyRelu { .. }) => self.add("leaky ReLU", width),
            }
        }
    }

    /// One panel of the dense kernel.
    fn panel(&mut self, width: usize, inputs: usize) {
        if width < 4 {
            // Outputs one after the other.
            self.add("narrow panel", 1);
            self.add("narrow panel, output", width);
            self.add("narrow panel, product", width * inputs);
            return;
        }
        self.add(&format!("panel of {width}"), 1);
        self.add(&format!("panel of {width}, stride"), inputs / STRIDE);
        self.add(&format!("panel of {width}, input"), inputs % STRIDE);
    }
}

/// Values of a map that a coupling changes.
pub(super) fn transformed_values(coupling: &CouplingSpec<'_>, shape: Shape) -> usize {
    (0..shape.len())
        .filter(|&value| !coupling.mask.keeps_value(value, shape))
        .count()
}
