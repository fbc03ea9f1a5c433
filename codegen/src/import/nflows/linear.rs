//! Linear layers, and batch norms that become part of them.

use crate::import::push_dense;
use crate::import::weights::{Tensor, Weights};

/// Scale and shift of a batch norm on its running statistics.
pub(super) fn norm_within(
    weights: &Weights<'_>,
    name: &str,
    width: usize,
    eps: f64,
) -> Result<(Vec<f64>, Vec<f64>), String> {
    let read = |part: &str| weights.vector(&format!("{name}.{part}"), width);
    let (mean, var) = (read("running_mean")?, read("running_var")?);
    let (weight, bias) = (read("weight")?, read("bias")?);
    weights.skip(&format!("{name}.num_batches_tracked"));
    if var.iter().any(|&var| var < 0.0) {
        return Err(format!("tensor `{name}.running_var` has a negative value"));
    }
    let scale: Vec<f64> = weight
        .iter()
        .zip(&var)
        .map(|(&weight, &var)| weight / (var + eps).sqrt())
        .collect();
    let shift = (0..width)
        .map(|at| bias[at] - mean[at] * scale[at])
        .collect();
    Ok((scale, shift))
}

pub(super) fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// `weight[outputs][inputs]` and `bias[outputs]`.
pub(super) struct Linear {
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
    inputs: usize,
}

impl Linear {
    pub fn read(weights: &Weights<'_>, name: &str, inputs: usize) -> Result<Self, String> {
        let Tensor { shape, values } = weights.tensor(&format!("{name}.weight"))?;
        match shape[..] {
            [outputs, found] if found == inputs && outputs > 0 => Ok(Self {
                weight: values,
                bias: weights.vector(&format!("{name}.bias"), outputs)?,
                inputs,
            }),
            _ => Err(format!(
                "tensor `{name}.weight` has shape {shape:?}, expected any number of rows of {inputs}"
            )),
        }
    }

    /// Each output by its scale, plus its shift.
    pub fn scale_and_shift(&mut self, scale: &[f64], shift: &[f64]) {
        for (row, &scale) in self.weight.chunks_exact_mut(self.inputs).zip(scale) {
            for weight in row {
                *weight *= scale;
            }
        }
        for ((bias, &scale), &shift) in self.bias.iter_mut().zip(scale).zip(shift) {
            *bias = *bias * scale + shift;
        }
    }

    /// Puts the first `count` outputs behind the others.
    pub fn rotate(&mut self, count: usize) {
        self.weight.rotate_left(count * self.inputs);
        self.bias.rotate_left(count);
    }

    pub fn push(&self, params: &mut Vec<f32>) {
        push_dense(params, &single(&self.weight), &single(&self.bias));
    }
}
