//! A perceptron of a state dict: linear layers with an activation between, in float64.

use super::architecture::Architecture;
use super::push_dense;
use super::weights::{Tensor, Weights};
use crate::model::ActivationName;

/// `weight[outputs][inputs]` and `bias[outputs]`.
#[derive(Clone)]
struct Linear {
    inputs: usize,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

/// At least one linear layer; each one's inputs are the outputs of the one before.
#[derive(Clone)]
pub(crate) struct Mlp {
    layers: Vec<Linear>,
    activation: ActivationName,
}

impl Mlp {
    /// Reads `prefix.0.weight`, `prefix.0.bias`, `prefix.2.weight`, ...: a `Sequential` with an
    /// activation after each linear layer but the last. With `dropout` one module more may stand
    /// between two of them. It belongs to layer `layer` of the flow, whose activation the
    /// architecture tells; a single linear layer has none.
    pub(crate) fn read(
        weights: &Weights<'_>,
        architecture: &Architecture,
        layer: usize,
        prefix: &str,
        dropout: bool,
    ) -> Result<Self, String> {
        let numbers = weights.numbered(prefix, "weight");
        if numbers.first() != Some(&0) {
            return Err(format!("tensor `{prefix}.0.weight` is missing"));
        }
        for pair in numbers.windows(2) {
            let step = pair[1] - pair[0];
            if step != 2 && !(dropout && step == 3) {
                return Err(format!(
                    "tensor `{prefix}.{}.weight`: the next is `{prefix}.{}.weight`, expected `{prefix}.{}.weight` (one activation between linear layers)",
                    pair[0],
                    pair[1],
                    pair[0].saturating_add(2)
                ));
            }
        }
        let layers = numbers
            .iter()
            .map(|number| Linear::read(weights, &format!("{prefix}.{number}")))
            .collect::<Result<Vec<_>, _>>()?;
        for (pair, number) in layers.windows(2).zip(&numbers[1..]) {
            if pair[0].bias.len() != pair[1].inputs {
                return Err(format!(
                    "tensor `{prefix}.{number}.weight` has {} columns, expected {}",
                    pair[1].inputs,
                    pair[0].bias.len()
                ));
            }
        }
        let activation = if layers.len() > 1 {
            architecture.activation(layer)?
        } else {
            ActivationName::Relu
        };
        let net = Self { layers, activation };
        architecture.agree_hidden(prefix, &net.hidden())?;
        Ok(net)
    }

    /// Where the linear layers of the net `prefix` stand: in it, or in its `net` as in normflows' MLP.
    pub(crate) fn place(weights: &Weights<'_>, prefix: &str) -> String {
        let inner = format!("{prefix}.net");
        if weights.has_under(&format!("{inner}.")) {
            inner
        } else {
            prefix.to_owned()
        }
    }

    pub(crate) fn activation(&self) -> ActivationName {
        self.activation
    }

    pub(crate) fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].bias.len()
    }

    pub(crate) fn hidden(&self) -> Vec<usize> {
        let (_, hidden) = self.layers.split_last().expect("at least one layer");
        hidden.iter().map(|layer| layer.bias.len()).collect()
    }

    /// Refuses a net of another size.
    pub(crate) fn expect(&self, prefix: &str, inputs: usize, outputs: usize) -> Result<(), String> {
        if (self.inputs(), self.outputs()) == (inputs, outputs) {
            return Ok(());
        }
        Err(format!(
            "tensors `{prefix}.*`: {} inputs and {} outputs, expected {inputs} and {outputs}",
            self.inputs(),
            self.outputs()
        ))
    }

    /// Keeps these inputs only: the others are always zero.
    pub(crate) fn pick_inputs(&mut self, picked: &[usize]) {
        let first = &mut self.layers[0];
        first.weight = first
            .weight
            .chunks_exact(first.inputs)
            .flat_map(|row| picked.iter().map(|&input| row[input]))
            .collect();
        first.inputs = picked.len();
    }

    /// Keeps these outputs, in this order.
    pub(crate) fn pick_outputs(&mut self, picked: &[usize]) {
        let last = self.last_layer();
        last.weight = picked
            .iter()
            .flat_map(|&row| last.weight[row * last.inputs..(row + 1) * last.inputs].to_vec())
            .collect();
        last.bias = picked.iter().map(|&row| last.bias[row]).collect();
    }

    /// Multiplies output `i` by `factor(i)`.
    pub(crate) fn scale_outputs(&mut self, factor: impl Fn(usize) -> f64) {
        let last = self.last_layer();
        for (row, weight) in last.weight.chunks_exact_mut(last.inputs).enumerate() {
            for w in weight {
                *w *= factor(row);
            }
        }
        for (row, bias) in last.bias.iter_mut().enumerate() {
            *bias *= factor(row);
        }
    }

    /// Puts a ReLU after the outputs: one hidden layer more, and outputs that read it.
    ///
    /// A leaky ReLU of slope `a` makes one of two units an output:
    /// `relu(x) = (leaky(x) + a * leaky(-x)) / (1 - a * a)`.
    pub(crate) fn relu_outputs(&mut self) {
        let slope = match self.activation {
            ActivationName::LeakyRelu(slope) if self.layers.len() > 1 => f64::from(slope),
            _ => 0.0,
        };
        let outputs = self.outputs();
        let mut units = outputs;
        if slope > 0.0 {
            units = 2 * outputs;
            let last = self.last_layer();
            last.weight.extend_from_within(..);
            last.bias.extend_from_within(..);
            self.scale_outputs(|row| if row < outputs { 1.0 } else { -1.0 });
        }
        let weight = |row: usize, unit: usize| match unit.checked_sub(row) {
            Some(0) => 1.0 / (1.0 - slope * slope),
            Some(behind) if behind == outputs => slope / (1.0 - slope * slope),
            _ => 0.0,
        };
        self.layers.push(Linear {
            inputs: units,
            weight: (0..outputs)
                .flat_map(|row| (0..units).map(move |unit| weight(row, unit)))
                .collect(),
            bias: vec![0.0; outputs],
        });
    }

    /// Appends `count` outputs that are always zero.
    pub(crate) fn append_zeros(&mut self, count: usize) {
        let last = self.last_layer();
        last.weight
            .resize(last.weight.len() + count * last.inputs, 0.0);
        last.bias.resize(last.bias.len() + count, 0.0);
    }

    /// Widens hidden layers with units that are always zero and feed nothing.
    pub(crate) fn widen(&mut self, hidden: &[usize]) {
        for (index, &width) in hidden.iter().enumerate() {
            let layer = &mut self.layers[index];
            layer.weight.resize(width * layer.inputs, 0.0);
            layer.bias.resize(width, 0.0);
            let next = &mut self.layers[index + 1];
            let old = next.inputs;
            next.weight = next
                .weight
                .chunks_exact(old)
                .flat_map(|row| (0..width).map(|at| row.get(at).copied().unwrap_or(0.0)))
                .collect();
            next.inputs = width;
        }
    }

    /// Appends the parameters in the engine's order.
    pub(crate) fn push(&self, params: &mut Vec<f32>) {
        let single = |values: &[f64]| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
        for layer in &self.layers {
            push_dense(params, &single(&layer.weight), &single(&layer.bias));
        }
    }

    fn last_layer(&mut self) -> &mut Linear {
        self.layers.last_mut().expect("at least one layer")
    }
}

impl Linear {
    fn read(weights: &Weights<'_>, prefix: &str) -> Result<Self, String> {
        let Tensor { shape, values } = weights.tensor(&format!("{prefix}.weight"))?;
        match shape[..] {
            [outputs, inputs] if outputs > 0 && inputs > 0 => Ok(Self {
                inputs,
                weight: values,
                bias: weights.vector(&format!("{prefix}.bias"), outputs)?,
            }),
            _ => Err(format!(
                "tensor `{prefix}.weight` has shape {shape:?}, expected two axes (a linear layer)"
            )),
        }
    }
}
