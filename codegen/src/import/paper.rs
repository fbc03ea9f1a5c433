//! The paper's multi-scale image architecture (arXiv:1605.08803), as `PyTorch` implementations of it name
//! its weights.
//!
//! | what | keys, under `next_block.` once per scale |
//! | --- | --- |
//! | checkerboard couplings | `in_couplings.0` to `.2`; the last scale has a fourth and nothing more |
//! | channel-wise couplings | `out_couplings.0` to `.2`, between squeeze and factoring out |
//! | a coupling | `rescale.weight_g`, `.weight_v` (or `rescale.weight`); `st_net.*` |
//! | `st_net` | `in_norm`, `in_conv`, `in_skip`, `blocks.J.{in_norm, in_conv, out_norm, out_conv}`, `skips.J`, `out_norm`, `out_conv` |
//! | a convolution | `conv.weight_g`, `.weight_v` (or `conv.weight`), `conv.bias` (none in a block's `in_conv`) |
//!
//! `y = (x + t) * exp(s)`, `s = rescale * tanh(raw)`. Weight norms, be it as `parametrizations.weight.*`,
//! and batch norms are resolved. Asked of the architecture: `in_channels`, `height`, `width`,
//! `num_scales`; its other entries must agree with the tensors.

use std::path::Path;

use super::architecture::{Architecture, asked, unfit};
use super::weights::{Tensor, Weights};
use super::{ImportError, Imported, import_with, push_dense};
use crate::model::{
    ConditionerName, Layer, MaskName, MathName, Model, ModelSpec, ScaleName, ShapeName,
    SqueezeName, TransformName,
};

/// `eps` of the batch norms, if it is not told.
const EPS: f64 = 1e-5;
/// Most values of a side or channels that are believed.
const MOST: u64 = 1 << 12;

/// Reads a state dict; `arch` stands in for the header's `architecture` entry.
///
/// # Errors
/// [`ImportError`] that names the entry or tensor that is missing, unknown or does not fit.
pub fn import(path: &Path, arch: Option<&Path>) -> Result<Imported, ImportError> {
    import_with(path, arch, "paper", build)
}

fn count(architecture: &Architecture, name: &str, what: &str) -> Result<usize, String> {
    let value = architecture.entry(name).ok_or_else(|| asked(name, what))?;
    match value.as_u64() {
        Some(count @ 1..=MOST) => Ok(count as usize),
        _ => Err(unfit(name, value, &format!("a number from 1 to {MOST}"))),
    }
}

/// Refuses an entry that is there and not what the tensors say.
fn agree(architecture: &Architecture, name: &str, found: usize) -> Result<(), String> {
    match architecture.entry(name) {
        Some(value) if value.as_u64() != Some(found as u64) => {
            Err(unfit(name, value, &format!("{found}, as the tensors say")))
        }
        _ => Ok(()),
    }
}

fn build(architecture: &Architecture, weights: &Weights<'_>) -> Result<Imported, String> {
    let channels = count(architecture, "in_channels", "channels of an image")?;
    let height = count(architecture, "height", "rows of an image")?;
    let width = count(architecture, "width", "columns of an image")?;
    let scales = count(architecture, "num_scales", "scales of the architecture")?;
    let mut found = 1;
    while weights.has_under(&"next_block.".repeat(found)) {
        found += 1;
    }
    agree(architecture, "num_scales", found)?;
    if architecture.flag("training", 0)? == Some(true) {
        return Err("the model was saved in training mode: call eval() before saving it".into());
    }
    if let Some(layout) = architecture.entry("layout")
        && layout.as_str() != Some("NCHW")
    {
        return Err(unfit("layout", layout, "NCHW"));
    }
    // Says in words what this import is made for.
    architecture.entry("coupling");
    let eps = match architecture.entry("within_eps") {
        Some(value) => (value.as_f64().filter(|eps| *eps >= 0.0))
            .ok_or_else(|| unfit("within_eps", value, "a number, 0 or more"))?,
        None => EPS,
    };
    let cells = 1_usize.checked_shl(scales as u32 - 1).unwrap_or(usize::MAX);
    if (height / cells) * (width / cells) < 2 {
        return Err(format!(
            "images of {height} x {width} are 1 x 1 at the last of {scales} scales, where a checkerboard has no other place"
        ));
    }
    let mut import = Import {
        weights,
        eps,
        layers: Vec::new(),
        params: Vec::new(),
        filters: None,
        blocks: None,
    };
    let mut prefix = String::new();
    let mut inside = channels;
    for scale in 0..scales {
        import.scale(&prefix, inside, scale + 1 == scales)?;
        inside *= 2;
        prefix.push_str("next_block.");
    }
    for (name, found) in [
        ("mid_channels", import.filters),
        ("num_blocks", import.blocks),
    ] {
        if let Some(found) = found {
            agree(architecture, name, found)?;
        }
    }
    let shape = ShapeName([channels, height, width]);
    let spec = ModelSpec {
        shape,
        math: MathName::Libm,
        layers: import.layers,
        base: crate::model::BaseName::Normal,
        kernels: None,
        given: 0,
    };
    Ok(Model::new(spec, import.params).into())
}

/// Layers and parameters so far.
struct Import<'w, 'a> {
    weights: &'w Weights<'a>,
    eps: f64,
    layers: Vec<Layer>,
    params: Vec<f32>,
    /// Of the first coupling.
    filters: Option<usize>,
    blocks: Option<usize>,
}

/// What a batch norm on its running statistics is.
struct Norm {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// A convolution with plain weights, `[outputs][row of the window][column][input]`.
struct Convolution {
    kernel: [usize; 2],
    outputs: usize,
    weights: Vec<f64>,
    bias: Vec<f64>,
}

impl Import<'_, '_> {
    fn scale(&mut self, prefix: &str, channels: usize, last: bool) -> Result<(), String> {
        let checkerboards = if last { 4 } else { 3 };
        for index in 0..checkerboards {
            let mask = if index % 2 == 0 {
                MaskName::CheckerboardOdd
            } else {
                MaskName::CheckerboardEven
            };
            self.coupling(&format!("{prefix}in_couplings.{index}"), mask, channels)?;
        }
        if last {
            return Ok(());
        }
        self.layers.push(Layer::Squeeze(SqueezeName::Cells));
        for index in 0..3 {
            let mask = if index % 2 == 0 {
                MaskName::SecondHalf
            } else {
                MaskName::FirstHalf
            };
            self.coupling(
                &format!("{prefix}out_couplings.{index}"),
                mask,
                2 * channels,
            )?;
        }
        self.layers.push(Layer::Unsqueeze(SqueezeName::Cells));
        self.layers
            .push(Layer::Squeeze(SqueezeName::CellsAlternate));
        self.layers.push(Layer::FactorOut);
        Ok(())
    }

    /// A coupling whose net reads `inputs` channels and changes as many.
    fn coupling(&mut self, name: &str, mask: MaskName, inputs: usize) -> Result<(), String> {
        let net = format!("{name}.st_net");
        if !self.weights.has_under(&format!("{net}.")) {
            return Err(format!("no tensors `{net}.*`"));
        }
        let (key, rescale) = self.weight(&format!("{name}.rescale"))?;
        if rescale.values.len() != inputs || rescale.shape.first() != Some(&inputs) {
            let shape = rescale.shape;
            return Err(format!(
                "tensor `{key}` has shape {shape:?}, expected {inputs} values"
            ));
        }
        self.params.extend(rescale.values.iter().map(|&r| r as f32));

        let mut norm = self.norm(&format!("{net}.in_norm"), inputs)?;
        if matches!(mask, MaskName::CheckerboardOdd | MaskName::CheckerboardEven) {
            // Half of what the net reads is zero.
            for value in norm.scale.iter_mut().chain(&mut norm.shift) {
                *value *= 2.0;
            }
        }
        norm.push(&mut self.params);
        let first = self.convolution(&format!("{net}.in_conv"), 2 * inputs, None, true)?;
        let (filters, kernel) = (first.outputs, first.kernel);
        first.push(&mut self.params);
        self.point(&format!("{net}.in_skip"), filters, filters)?;
        let numbered = |list: &str, name: &str| {
            let prefix = format!("{net}.{list}");
            self.weights.numbered(&prefix, name).len()
        };
        let blocks = numbered("blocks", "in_norm.weight").max(numbered("skips", "conv.bias"));
        for block in 0..blocks {
            let name = format!("{net}.blocks.{block}");
            self.norm(&format!("{name}.in_norm"), filters)?
                .push(&mut self.params);
            let shape = Some((kernel, filters));
            let mut conv = self.convolution(&format!("{name}.in_conv"), filters, shape, false)?;
            conv.absorb(&self.norm(&format!("{name}.out_norm"), filters)?);
            conv.push(&mut self.params);
            self.convolution(&format!("{name}.out_conv"), filters, shape, true)?
                .push(&mut self.params);
            self.point(&format!("{net}.skips.{block}"), filters, filters)?;
        }
        self.norm(&format!("{net}.out_norm"), filters)?
            .push(&mut self.params);
        self.point(&format!("{net}.out_conv"), filters, 2 * inputs)?;
        self.filters.get_or_insert(filters);
        self.blocks.get_or_insert(blocks);
        self.layers.push(Layer::Coupling {
            mask,
            transform: TransformName::ShiftFirst(ScaleName::RescaledTanh),
            conditioner: ConditionerName::ResidualConvolution {
                filters,
                blocks,
                kernel,
                eps: None,
            },
        });
        Ok(())
    }

    fn point(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<(), String> {
        let convolution = self.convolution(name, inputs, Some(([1, 1], outputs)), true)?;
        convolution.push(&mut self.params);
        Ok(())
    }

    fn norm(&self, name: &str, channels: usize) -> Result<Norm, String> {
        let read = |what: &str| self.weights.vector(&format!("{name}.{what}"), channels);
        let (gain, bias) = (read("weight")?, read("bias")?);
        let (mean, var) = (read("running_mean")?, read("running_var")?);
        self.weights.skip(&format!("{name}.num_batches_tracked"));
        let scale: Vec<f64> = gain
            .iter()
            .zip(&var)
            .map(|(g, v)| g / (v + self.eps).sqrt())
            .collect();
        let shift = bias
            .iter()
            .zip(&mean)
            .zip(&scale)
            .map(|((b, m), s)| b - m * s)
            .collect();
        Ok(Norm { scale, shift })
    }

    /// The `weight` of a module, and the key that it is stored as: as it is, or weight-normalised,
    /// `g * v / |v|` with a norm for each place of the first axis.
    fn weight(&self, name: &str) -> Result<(String, Tensor), String> {
        let plain = format!("{name}.weight");
        if self.weights.has(&plain) {
            let weight = self.weights.tensor(&plain)?;
            return Ok((plain, weight));
        }
        let parametrized = format!("{name}.parametrizations.weight.original");
        let [gain, direction] = if self.weights.has_under(&parametrized) {
            ["0", "1"].map(|part| format!("{parametrized}{part}"))
        } else {
            ["g", "v"].map(|part| format!("{plain}_{part}"))
        };
        let Tensor { shape, values } = self.weights.tensor(&gain)?;
        let mut weight = self.weights.tensor(&direction)?;
        let outputs = weight.shape.first().copied().unwrap_or(0);
        if values.len() != outputs || shape.first() != Some(&outputs) {
            let other = weight.shape;
            return Err(format!(
                "tensor `{gain}` has shape {shape:?}, `{direction}` has shape {other:?}: expected one value of the former for each place of the latter's first axis"
            ));
        }
        let len = weight.values.len().checked_div(outputs).unwrap_or(0);
        for (own, gain) in weight.values.chunks_exact_mut(len.max(1)).zip(values) {
            let norm = own.iter().map(|v| v * v).sum::<f64>().sqrt();
            if norm == 0.0 {
                return Err(format!(
                    "tensor `{direction}` is zero for an output: it has no direction"
                ));
            }
            for value in own {
                *value *= gain / norm;
            }
        }
        Ok((direction, weight))
    }

    /// A convolution of `inputs` channels; of `expected` window and outputs, where they are known. A
    /// bias must be there if it is `biased`.
    fn convolution(
        &self,
        name: &str,
        inputs: usize,
        expected: Option<([usize; 2], usize)>,
        biased: bool,
    ) -> Result<Convolution, String> {
        let (weight_key, Tensor { shape, values }) = self.weight(&format!("{name}.conv"))?;
        let &[outputs, found, height, width] = &shape[..] else {
            return Err(format!(
                "tensor `{weight_key}` has shape {shape:?}, expected four axes"
            ));
        };
        let fits = expected.is_none_or(|(kernel, own)| kernel == [height, width] && own == outputs);
        if found != inputs || !fits || height % 2 == 0 || width % 2 == 0 || outputs == 0 {
            let what = match expected {
                Some(([height, width], own)) => format!("[{own}, {inputs}, {height}, {width}]"),
                None => format!("{inputs} inputs and a window of odd height and width"),
            };
            return Err(format!(
                "tensor `{weight_key}` has shape {shape:?}, expected {what}"
            ));
        }
        let len = inputs * height * width;
        let key = format!("{name}.conv.bias");
        let bias = if biased || self.weights.has(&key) {
            self.weights.vector(&key, outputs)?
        } else {
            vec![0.0; outputs]
        };
        let taps = height * width;
        let mut weights = Vec::with_capacity(values.len());
        for own in values.chunks_exact(len) {
            for tap in 0..taps {
                weights.extend((0..inputs).map(|input| own[input * taps + tap]));
            }
        }
        Ok(Convolution {
            kernel: [height, width],
            outputs,
            weights,
            bias,
        })
    }
}

impl Norm {
    fn push(&self, params: &mut Vec<f32>) {
        params.extend(self.scale.iter().chain(&self.shift).map(|&v| v as f32));
    }
}

impl Convolution {
    /// Takes in a norm of its outputs.
    fn absorb(&mut self, norm: &Norm) {
        let len = self.weights.len() / self.outputs;
        let maps = norm.scale.iter().zip(&norm.shift);
        let own = self.weights.chunks_exact_mut(len).zip(&mut self.bias);
        for ((weights, bias), (scale, shift)) in own.zip(maps) {
            for weight in weights {
                *weight *= scale;
            }
            *bias = *bias * scale + shift;
        }
    }

    fn push(&self, params: &mut Vec<f32>) {
        let single = |values: &[f64]| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
        push_dense(params, &single(&self.weights), &single(&self.bias));
    }
}
