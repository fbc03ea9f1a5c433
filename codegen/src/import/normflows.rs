//! normflows 1.7 (`NormalizingFlow`): vector flows of affine couplings.
//!
//! The library stores its flows in the direction of sampling, z to x; the density runs them from the
//! last to the first, inverted, and so does the imported model. An inverted coupling is
//! `y = (x - t) * exp(-s)`: both nets' last layers change sign, which is exact.
//!
//! | class | read from keys | asked of the architecture |
//! | --- | --- | --- |
//! | `MaskedAffineFlow` | mask `b`, nets `s` and `t`, either may be absent | `s_output`: null or `tanh` |
//! | `AffineCouplingBlock` | net `param_map`; whether it scales | `split_mode`; `scale_map` if it scales |
//! | `Permute` | `perm`, `inv_perm` | `permute`: `swap` where the keys hold no permutation |
//! | `ActNorm`, `AffineConstFlow` | `s`, `t` | |
//! | `DiagGaussian` | `q0.loc`, `q0.log_scale`: a last affine layer unless it is the identity | `base` |
//!
//! Also asked: `features`, `flows` (class names), `activation`. An entry may differ between layers, see
//! the source of `Architecture`. `BatchNorm` of this library normalises by the batch at hand, so one
//! sample alone has no density: it is refused.

use std::path::Path;

use super::architecture::{Architecture, asked, unfit};
use super::assemble::{Assembly, Conditioner, refuse_idle};
use super::net::Mlp;
use super::weights::Weights;
use super::{ImportError, Imported, import_with};
use crate::model::{ScaleName, TransformName};

/// Added by the library to what goes into a sigmoid scale.
const SIGMOID_OFFSET: f32 = 2.0;

/// Reads a state dict; `arch` stands in for the header's `architecture` entry.
///
/// # Errors
/// [`ImportError`] that names the entry or tensor that is missing, unknown or does not fit.
pub fn import(path: &Path, arch: Option<&Path>) -> Result<Imported, ImportError> {
    import_with(path, arch, "normflows", build)
}

fn build(architecture: &Architecture, weights: &Weights<'_>) -> Result<Imported, String> {
    architecture.class_among(&["NormalizingFlow"])?;
    let dim = architecture.features()?;
    let flows = architecture.classes("flows")?;
    let mut reader = Reader {
        architecture,
        weights,
        dim,
        assembly: Assembly::new(dim, architecture.activation()?),
    };
    for (index, class) in flows.iter().enumerate().rev() {
        reader.flow(index, class)?;
    }
    let base_layers = reader.base()?;
    Ok(Imported {
        model: reader.assembly.model(),
        base_layers,
    })
}

struct Reader<'a, 'b> {
    architecture: &'a Architecture,
    weights: &'a Weights<'b>,
    dim: usize,
    assembly: Assembly,
}

impl Reader<'_, '_> {
    fn flow(&mut self, index: usize, class: &str) -> Result<(), String> {
        let refused = match class {
            "MaskedAffineFlow" => return self.masked(index),
            "AffineCouplingBlock" => return self.block(index),
            "Permute" => return self.permute(index),
            "ActNorm" | "AffineConstFlow" => return self.constant(index, class),
            "BatchNorm" => {
                "it normalises by the statistics of the batch at hand, so a single sample has no density"
            }
            "Invertible1x1Conv" | "InvertibleAffine" | "LULinearPermute" | "GlowBlock" => {
                "it mixes all features by a matrix, which no layer here does"
            }
            _ => {
                "known are MaskedAffineFlow, AffineCouplingBlock, Permute, ActNorm and AffineConstFlow"
            }
        };
        Err(format!("`flows.{index}` is {class}: {refused}"))
    }

    /// `z = b * x + (1 - b) * (x - t(b * x)) * exp(-s(b * x))`.
    fn masked(&mut self, index: usize) -> Result<(), String> {
        let name = format!("flows.{index}");
        let mask = self.weights.mask(&format!("{name}.b"), self.dim)?;
        let (kept, changed): (Vec<usize>, Vec<usize>) = (0..self.dim).partition(|&i| mask[i]);
        refuse_idle(&name, kept.len(), self.dim)?;
        if let Some(output) = self.architecture.text("t_output", index)?
            && !is_none(output)
        {
            return Err(format!(
                "`{name}`: the architecture's `t_output` is \"{output}\", expected null"
            ));
        }
        let (log_scale, rescale) = self.scale_of_masked(index)?;
        let net = |name: &str| -> Result<Option<Mlp>, String> {
            let prefix = format!("flows.{index}.{name}.net");
            if !self.weights.has_under(&format!("flows.{index}.{name}.")) {
                return Ok(None);
            }
            let mut net = Mlp::read(self.weights, self.architecture, &prefix, true)?;
            net.expect(&prefix, self.dim, self.dim)?;
            net.pick_inputs(&kept);
            net.pick_outputs(&changed);
            Ok(Some(net))
        };
        let (s, t) = (net("s")?, net("t")?);
        let Some(mut s) = s else {
            let Some(mut t) = t else {
                // Neither: the identity.
                return Ok(());
            };
            t.scale_outputs(|_| -1.0);
            return self.assembly.coupling(
                &name,
                &kept,
                TransformName::Additive,
                None,
                Conditioner::One(t),
            );
        };
        let map = match rescale {
            Some(_) => ScaleName::RescaledTanh,
            None => ScaleName::Unbounded,
        };
        s.scale_outputs(|_| log_scale);
        let conditioner = if let Some(mut t) = t {
            t.scale_outputs(|_| -1.0);
            Conditioner::Two { s, t }
        } else {
            s.append_zeros(changed.len());
            Conditioner::One(s)
        };
        let transform = TransformName::ShiftFirst(map);
        self.assembly
            .coupling(&name, &kept, transform, rescale, conditioner)
    }

    /// What multiplies the raw outputs of the net `s`, and `r` if a tanh follows.
    ///
    /// A scaled tanh has one or two constants, `out * tanh(score * raw)`, whose keys follow the last
    /// linear layer: module `last + 1` is the score's factor if there is one, then comes the tanh,
    /// then the output's factor if there is one.
    fn scale_of_masked(&self, index: usize) -> Result<(f64, Option<f64>), String> {
        let prefix = format!("flows.{index}.s.net");
        let choices = "null or tanh";
        let output = self.architecture.text("s_output", index)?;
        if !self.weights.has_under(&format!("flows.{index}.s.")) {
            return Ok((-1.0, None));
        }
        match output {
            None if !self.architecture.mentions("s_output") => Err(asked("s_output", choices)),
            None => Ok((-1.0, None)),
            Some(output) if is_none(output) => Ok((-1.0, None)),
            Some("tanh") => {
                let last = self.weights.numbered(&prefix, "weight");
                let last = last.last().copied().unwrap_or(0);
                let factor = |module: usize| -> Result<Option<f64>, String> {
                    let key = format!("{prefix}.{module}.scale");
                    let found = self.weights.has(&key);
                    found.then(|| self.weights.number(&key)).transpose()
                };
                let score = factor(last.saturating_add(1))?;
                let tanh = last.saturating_add(1 + usize::from(score.is_some()));
                let out = factor(tanh.saturating_add(1))?.unwrap_or(1.0);
                Ok((score.unwrap_or(1.0), Some(-out)))
            }
            Some(other) => Err(format!(
                "`flows.{index}`: the architecture's `s_output` is \"{other}\", expected {choices}"
            )),
        }
    }

    /// The first part feeds the net, the second is changed; shifts stand at even outputs, scales at odd.
    fn block(&mut self, index: usize) -> Result<(), String> {
        let name = format!("flows.{index}");
        let prefix = format!("{name}.flows.1.param_map.net");
        let modes = "channel, channel_inv, checkerboard or checkerboard_inv";
        let mode = self.architecture.needed_text("split_mode", index, modes)?;
        // Of an odd number of features the first half is the larger.
        let half = self.dim.div_ceil(2);
        let kept: Vec<usize> = match mode {
            "channel" => (0..half).collect(),
            "channel_inv" => (half..self.dim).collect(),
            "checkerboard" if self.dim.is_multiple_of(2) => (1..self.dim).step_by(2).collect(),
            "checkerboard_inv" if self.dim.is_multiple_of(2) => (0..self.dim).step_by(2).collect(),
            _ => {
                return Err(format!(
                    "`{name}`: the architecture's `split_mode` is \"{mode}\", expected {modes} (checkerboard for an even number of features)"
                ));
            }
        };
        let changed = self.dim - kept.len();
        let mut net = Mlp::read(self.weights, self.architecture, &prefix, true)?;
        let scaled = net.outputs() != changed;
        net.expect(&prefix, kept.len(), changed * if scaled { 2 } else { 1 })?;
        if let Some(told) = self.architecture.flag("scale", index)?
            && told != scaled
        {
            return Err(format!(
                "tensors `{prefix}.*`: {} outputs for {changed} changed features, the architecture's `scale` is {told}",
                net.outputs()
            ));
        }
        let maps = "exp, sigmoid or sigmoid_inv";
        if !scaled {
            let _ = self.architecture.text("scale_map", index)?;
            net.scale_outputs(|_| -1.0);
            let transform = TransformName::Additive;
            return self
                .assembly
                .coupling(&name, &kept, transform, None, Conditioner::One(net));
        }
        let sigmoid = |inverse| ScaleName::Sigmoid {
            offset: SIGMOID_OFFSET,
            floor: 0.0,
            inverse,
        };
        let (map, sign) = match self.architecture.needed_text("scale_map", index, maps)? {
            "exp" => (ScaleName::Unbounded, -1.0),
            "sigmoid" => (sigmoid(false), 1.0),
            "sigmoid_inv" => (sigmoid(true), 1.0),
            other => {
                return Err(format!(
                    "`{name}`: the architecture's `scale_map` is \"{other}\", expected {maps}"
                ));
            }
        };
        let outputs = 2 * changed;
        let rows: Vec<usize> = (1..outputs)
            .step_by(2)
            .chain((0..outputs).step_by(2))
            .collect();
        net.pick_outputs(&rows);
        net.scale_outputs(|row| if row < changed { sign } else { -1.0 });
        let transform = TransformName::ShiftFirst(map);
        self.assembly
            .coupling(&name, &kept, transform, None, Conditioner::One(net))
    }

    fn permute(&mut self, index: usize) -> Result<(), String> {
        let (key, inverse) = (
            format!("flows.{index}.perm"),
            format!("flows.{index}.inv_perm"),
        );
        let stored = self.weights.has(&key) || self.weights.has(&inverse);
        let mode = self.architecture.text("permute", index)?;
        match (mode, stored) {
            (None | Some("shuffle"), true) => {
                let (_, order) = self.weights.permutations(&key, &inverse, self.dim)?;
                self.assembly.permutation(order);
                Ok(())
            }
            (Some("swap"), false) => {
                let half = self.dim.div_ceil(2);
                self.assembly
                    .permutation((half..self.dim).chain(0..half).collect());
                Ok(())
            }
            (Some("shuffle"), false) => Err(format!("tensor `{key}` is missing")),
            (None, false) => Err(asked(
                "permute",
                &format!("swap, or shuffle and a tensor `{key}`; layer {index} needs it"),
            )),
            (Some(mode), _) => Err(format!(
                "`flows.{index}`: the architecture's `permute` is \"{mode}\", expected swap, or shuffle with a tensor `{key}`"
            )),
        }
    }

    /// `z = (x - t) * exp(-s)`.
    fn constant(&mut self, index: usize, class: &str) -> Result<(), String> {
        let name = format!("flows.{index}");
        if class == "ActNorm" {
            let key = format!("{name}.data_dep_init_done");
            let done = self.weights.number(&key)?;
            if done <= 0.0 {
                return Err(format!(
                    "tensor `{key}` is {done}, expected 1: the layer would set itself from its first batch"
                ));
            }
        }
        let s = self.weights.vector(&format!("{name}.s"), self.dim)?;
        let t = self.weights.vector(&format!("{name}.t"), self.dim)?;
        self.undo(&s, &t);
        Ok(())
    }

    /// Appends the inverse of `x = z * exp(s) + t`.
    fn undo(&mut self, s: &[f64], t: &[f64]) {
        let log_scale: Vec<f64> = s.iter().map(|s| -s).collect();
        let shift: Vec<f64> = s.iter().zip(t).map(|(s, t)| -t * (-s).exp()).collect();
        self.assembly.affine(&log_scale, &shift);
    }

    /// The base distribution; returns how many layers it took.
    fn base(&mut self) -> Result<usize, String> {
        let value = self
            .architecture
            .entry("base")
            .ok_or_else(|| asked("base", "DiagGaussian"))?;
        if value.as_str() != Some("DiagGaussian") {
            return Err(unfit("base", value, "\"DiagGaussian\""));
        }
        let loc = self.weights.vector("q0.loc", self.dim)?;
        let log_scale = self.weights.vector("q0.log_scale", self.dim)?;
        if loc.iter().chain(&log_scale).all(|&v| v == 0.0) {
            return Ok(0);
        }
        self.undo(&log_scale, &loc);
        Ok(1)
    }
}

fn is_none(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("none")
}
