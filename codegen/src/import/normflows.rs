//! normflows 1.7 (`NormalizingFlow`): vector flows of affine couplings and matrices.
//!
//! The library stores its flows in the direction of sampling, z to x; the density runs them from the
//! last to the first, inverted, and so does the imported model. An inverted coupling is
//! `y = (x - t) * exp(-s)`: both nets' last layers change sign, which is exact.
//!
//! | class | read from keys | asked of the architecture |
//! | --- | --- | --- |
//! | `MaskedAffineFlow` | mask `b`, nets `s` and `t`, either may be absent | `s_output`: null, `relu`, `tanh` or `sigmoid`; `t_output`: null or `relu` |
//! | `AffineCouplingBlock` | net `param_map`; whether it scales | `split_mode`; `scale_map` if it scales; `output`: null or `relu` |
//! | `Permute` | `perm`, `inv_perm` | `permute`: `swap` where the keys hold no permutation |
//! | `ActNorm`, `AffineConstFlow` | `s`, `t` | |
//! | `Invertible1x1Conv`, `InvertibleAffine` | `W`, or `P`, `L`, `U`, `sign_S`, `log_S`: a matrix | |
//! | `LULinearPermute` | `permutation._permutation`, `linear.*`: a permutation and a matrix | |
//! | `DiagGaussian` | `q0.loc`, `q0.log_scale`: a last affine layer unless it is the identity | `base` |
//!
//! Also asked: `features`, `flows` (class names), `activation`. An entry may differ between layers, see
//! the source of `Architecture`. `BatchNorm` of this library normalises by the batch at hand, so one
//! sample alone has no density: it is refused.

mod output;

use std::cmp::Ordering;
use std::path::Path;

use super::architecture::{Architecture, asked, unfit};
use super::assemble::{Assembly, Conditioner, refuse_idle};
use super::matrix::Matrix;
use super::net::Mlp;
use super::weights::Weights;
use super::{ImportError, Imported, import_with};
use crate::model::{ScaleName, TransformName};
use output::{OUTPUTS, Output};

/// Added by the library to what goes into a sigmoid scale.
const SIGMOID_OFFSET: f32 = 2.0;
/// Added by the library to the diagonal of U of an `LULinearPermute`.
const LU_EPS: f64 = 1e-3;

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
        assembly: Assembly::new(dim),
    };
    for (index, class) in flows.iter().enumerate().rev() {
        reader.flow(index, class)?;
    }
    let base_layers = reader.base()?;
    // The density that the model was fitted to.
    weights.skip_under("p.");
    Ok(Imported {
        model: reader.assembly.model(),
        base_layers,
        scaler: None,
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
            "Invertible1x1Conv" => return self.mixed(index, false),
            "InvertibleAffine" => return self.mixed(index, true),
            "LULinearPermute" => return self.lu_permute(index),
            "GlowBlock" => "it is for images, which are not imported from this library",
            _ => {
                "known are MaskedAffineFlow, AffineCouplingBlock, Permute, ActNorm, AffineConstFlow, Invertible1x1Conv, InvertibleAffine and LULinearPermute"
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
        let s = self.masked_net(index, "s", &kept, &changed)?;
        let t = self.masked_net(index, "t", &kept, &changed)?;
        let Some((mut s, s_output)) = s else {
            let Some((mut t, t_output)) = t else {
                // Neither: the identity.
                return Ok(());
            };
            t_output.linear(&mut t, &format!("{name}.t"))?;
            t.scale_outputs(|_| -1.0);
            return self.assembly.coupling(
                &name,
                &kept,
                TransformName::Additive,
                None,
                Conditioner::One(t),
            );
        };
        // `exp(-s)`: s comes with its sign changed, by its last layer or by `r`. A sigmoid is
        // `out * sigmoid(u) = out / 2 * tanh(u / 2) + out / 2`, the second part a constant scale.
        let (map, rescale, constant) = match s_output {
            Output::Tanh { score, out } => {
                s.scale_outputs(|_| score);
                (ScaleName::RescaledTanh, Some(-out), None)
            }
            Output::Sigmoid { score, out } => {
                s.scale_outputs(|_| 0.5 * score);
                (ScaleName::RescaledTanh, Some(-0.5 * out), Some(-0.5 * out))
            }
            other => {
                other.linear(&mut s, &format!("{name}.s"))?;
                s.scale_outputs(|_| -1.0);
                (ScaleName::Unbounded, None, None)
            }
        };
        let conditioner = if let Some((mut t, output)) = t {
            output.linear(&mut t, &format!("{name}.t"))?;
            t.scale_outputs(|_| -1.0);
            Conditioner::Two { s, t }
        } else {
            s.append_zeros(changed.len());
            Conditioner::One(s)
        };
        let transform = TransformName::ShiftFirst(map);
        self.assembly
            .coupling(&name, &kept, transform, rescale, conditioner)?;
        if let Some(constant) = constant {
            let log_scale: Vec<f64> = mask
                .iter()
                .map(|&b| if b { 0.0 } else { constant })
                .collect();
            self.assembly.affine(&log_scale, &vec![0.0; self.dim]);
        }
        Ok(())
    }

    /// The net `s` or `t` of a masked flow on the features that count, and what follows it.
    fn masked_net(
        &mut self,
        index: usize,
        which: &str,
        kept: &[usize],
        changed: &[usize],
    ) -> Result<Option<(Mlp, Output)>, String> {
        let prefix = format!("flows.{index}.{which}");
        let entry = format!("{which}_output");
        let output = self.architecture.text(&entry, index)?;
        if !self.weights.has_under(&format!("{prefix}.")) {
            return Ok(None);
        }
        if which == "s" && output.is_none() && !self.architecture.mentions(&entry) {
            return Err(asked(&entry, OUTPUTS));
        }
        let place = Mlp::place(self.weights, &prefix);
        let mut net = Mlp::read(self.weights, self.architecture, index, &place, true)?;
        net.expect(&place, self.dim, self.dim)?;
        net.pick_inputs(kept);
        net.pick_outputs(changed);
        let output = Output::read(self.weights, &place, &entry, output)?;
        Ok(Some((net, output)))
    }

    /// The first part feeds the net, the second is changed; shifts stand at even outputs, scales at odd.
    fn block(&mut self, index: usize) -> Result<(), String> {
        let name = format!("flows.{index}");
        let prefix = Mlp::place(self.weights, &format!("{name}.flows.1.param_map"));
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
        let mut net = Mlp::read(self.weights, self.architecture, index, &prefix, true)?;
        let output = self.architecture.text("output", index)?;
        Output::read(self.weights, &prefix, "output", output)?.linear(&mut net, &prefix)?;
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

    /// `z = W x`, or `z = W^T x` where the library multiplies rows; `W` as it is or `P L U`.
    fn mixed(&mut self, index: usize, transposed: bool) -> Result<(), String> {
        let name = format!("flows.{index}");
        let read = |part: &str| Matrix::read(self.weights, &format!("{name}.{part}"), self.dim);
        let (key, matrix) = if self.weights.has(&format!("{name}.W")) {
            (format!("{name}.W"), read("W")?)
        } else {
            let (lower, upper) = (read("L")?, read("U")?);
            let sign = self.weights.vector(&format!("{name}.sign_S"), self.dim)?;
            let log = self.weights.vector(&format!("{name}.log_S"), self.dim)?;
            self.weights.skip(&format!("{name}.eye"));
            let lower = Matrix::of(self.dim, |row, column| match row.cmp(&column) {
                Ordering::Less => 0.0,
                Ordering::Equal => 1.0,
                Ordering::Greater => lower.at(row, column),
            });
            let upper = Matrix::of(self.dim, |row, column| match row.cmp(&column) {
                Ordering::Less => upper.at(row, column),
                Ordering::Equal => sign[row] * log[row].exp(),
                Ordering::Greater => 0.0,
            });
            (format!("{name}.P"), read("P")?.times(&lower).times(&upper))
        };
        let matrix = if transposed {
            matrix.transposed()
        } else {
            matrix
        };
        self.assembly.matrix(&key, &matrix)
    }

    /// A permutation, then `z = L U x + b`.
    fn lu_permute(&mut self, index: usize) -> Result<(), String> {
        let name = format!("flows.{index}");
        let key = format!("{name}.permutation._permutation");
        let order = self.weights.order(&key, self.dim)?;
        self.assembly.permutation(order);
        let linear = format!("{name}.linear");
        self.assembly.lu_linear(self.weights, &linear, LU_EPS)
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
        self.assembly.standardize(t, &log_scale);
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
