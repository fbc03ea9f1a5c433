//! `FrEIA` 0.2 (`SequenceINN`, or a `GraphINN` that is a chain): vector flows of coupling blocks.
//!
//! Modules run from x to z, and the latent is standard normal. A block is two couplings: the first
//! part changes by what the nets say of the second, then the second by the new first part.
//!
//! | class | becomes | asked of the architecture |
//! | --- | --- | --- |
//! | `RNVPCouplingBlock`, `GLOWCouplingBlock` | two couplings, `y = x * exp(s) + t` | `clamp`, `clamp_activation` |
//! | `AffineCouplingOneSided` | one coupling | the same |
//! | `NICECouplingBlock` | two additive couplings | |
//! | `AllInOneBlock` | coupling, affine, permutation or (soft, learned) its matrix | `affine_clamping`, `global_affine_type` |
//! | `PermuteRandom` | a permutation; `permutations` must agree if given | |
//! | `ActNorm`, `LearnedElementwiseScaling` | an affine layer | |
//!
//! `clamp_activation`, with `u` a net's output: `ATAN`, `s = clamp * 0.636 * atan(u)`; `TANH`,
//! `s = clamp * tanh(u)`; `SIGMOID`, `s = clamp * (2 * sigmoid(u) - 1) = clamp * tanh(u / 2)`, the half
//! in the weights, which is exact. Where a block splits is read from its nets' inputs. Also asked:
//! `features`, `modules` (class names), `activation`. Of `AllInOneBlock`, `gin_block` and
//! `reverse_permutation` are false unless the architecture says otherwise, as in the library.

use std::path::Path;

use serde_json::Value;

use super::architecture::Architecture;
use super::assemble::{Assembly, Conditioner, softplus};
use super::matrix::Matrix;
use super::net::Mlp;
use super::weights::{Weights, is_none};
use super::{ImportError, Imported, import_with};
use crate::model::{ScaleName, TransformName};

/// The library's `2 / pi`.
const ATAN_FACTOR: f64 = 0.636;

/// What an `AllInOneBlock` multiplies its net's outputs by.
const ALL_IN_ONE_FACTOR: f64 = 0.1;

/// Reads a state dict; `arch` stands in for the header's `architecture` entry.
///
/// # Errors
/// [`ImportError`] that names the entry or tensor that is missing, unknown or does not fit.
pub fn import(path: &Path, arch: Option<&Path>) -> Result<Imported, ImportError> {
    import_with(path, arch, "freia", build)
}

fn build(architecture: &Architecture, weights: &Weights<'_>) -> Result<Imported, String> {
    architecture.class_among(&["SequenceINN", "GraphINN"])?;
    let dim = architecture.features()?;
    let modules = architecture.classes("modules")?;
    let mut reader = Reader {
        architecture,
        weights,
        dim,
        assembly: Assembly::new(dim),
    };
    for (index, class) in modules.iter().enumerate() {
        reader.module(index, class)?;
    }
    Ok(reader.assembly.model().into())
}

struct Reader<'a, 'b> {
    architecture: &'a Architecture,
    weights: &'a Weights<'b>,
    dim: usize,
    assembly: Assembly,
}

/// How raw scales are clamped.
struct Clamp {
    map: ScaleName,
    rescale: Option<f64>,
    /// Multiplies the rows of `s`.
    factor: f64,
}

impl Reader<'_, '_> {
    fn module(&mut self, index: usize, class: &str) -> Result<(), String> {
        let name = format!("module_list.{index}");
        let refused = match class {
            "RNVPCouplingBlock" => return self.rnvp(index, &name),
            "GLOWCouplingBlock" => return self.glow(index, &name),
            "NICECouplingBlock" => return self.nice(index, &name),
            "AffineCouplingOneSided" => {
                let net = self.net(index, &format!("{name}.subnet"))?;
                let split = net.inputs();
                self.check_split(index, &name, split)?;
                let clamp = self.clamp(index)?;
                return self.shared(&name, "subnet", net, true, split, &clamp);
            }
            "AllInOneBlock" => return self.all_in_one(index, &name),
            "PermuteRandom" => return self.permute(index, &name),
            "ActNorm" => {
                let log_scale = self.weights.vector(&format!("{name}.scale"), self.dim)?;
                let shift = self.weights.vector(&format!("{name}.bias"), self.dim)?;
                self.assembly.affine(&log_scale, &shift);
                return Ok(());
            }
            "LearnedElementwiseScaling" => {
                let log_scale = self.weights.vector(&format!("{name}.s"), self.dim)?;
                self.assembly.affine(&log_scale, &vec![0.0; self.dim]);
                return Ok(());
            }
            "GINCouplingBlock" => {
                "its scales are relative to their mean, which no coupling here computes"
            }
            "FixedLinearTransform" | "OrthogonalTransform" | "HouseholderPerm" | "InvAutoFC" => {
                "its matrix is not read; that of an AllInOneBlock is"
            }
            "ConditionalAffineTransform" => "a model here has no condition",
            _ => {
                "known are RNVPCouplingBlock, GLOWCouplingBlock, NICECouplingBlock, AffineCouplingOneSided, AllInOneBlock, PermuteRandom, ActNorm and LearnedElementwiseScaling"
            }
        };
        Err(format!("`{name}` is {class}: {refused}"))
    }

    fn net(&self, index: usize, prefix: &str) -> Result<Mlp, String> {
        let dropout = self.architecture.value("dropout", index);
        let dropout = dropout.is_some_and(|told| told != &Value::Bool(false));
        if let Some(output) = self.architecture.text("output", index)?
            && !is_none(output)
        {
            return Err(format!(
                "`{prefix}`: the architecture's `output` is \"{output}\", expected none after the last linear layer"
            ));
        }
        let place = Mlp::place(self.weights, prefix);
        Mlp::read(self.weights, self.architecture, index, &place, dropout)
    }

    fn rnvp(&mut self, index: usize, name: &str) -> Result<(), String> {
        let clamp = self.clamp(index)?;
        let split = self.net(index, &format!("{name}.subnet_s1"))?.inputs();
        self.check_split(index, name, split)?;
        for (number, first_kept) in [(2, false), (1, true)] {
            let kept = self.kept(first_kept, split);
            let changed = self.dim.saturating_sub(kept.len());
            let read = |which: &str| -> Result<Mlp, String> {
                let prefix = format!("{name}.subnet_{which}{number}");
                let net = self.net(index, &prefix)?;
                net.expect(&prefix, kept.len(), changed)?;
                Ok(net)
            };
            let (mut s, t) = (read("s")?, read("t")?);
            s.scale_outputs(|_| clamp.factor);
            self.assembly.coupling(
                name,
                &kept,
                TransformName::Affine(clamp.map),
                clamp.rescale,
                Conditioner::Two { s, t },
            )?;
        }
        Ok(())
    }

    fn glow(&mut self, index: usize, name: &str) -> Result<(), String> {
        let clamp = self.clamp(index)?;
        let first = self.net(index, &format!("{name}.subnet1"))?;
        let split = first.inputs();
        self.check_split(index, name, split)?;
        let second = self.net(index, &format!("{name}.subnet2"))?;
        self.shared(name, "subnet2", second, false, split, &clamp)?;
        self.shared(name, "subnet1", first, true, split, &clamp)
    }

    /// One coupling whose net gives `s` rows, then `t` rows.
    fn shared(
        &mut self,
        name: &str,
        which: &str,
        mut net: Mlp,
        first_kept: bool,
        split: usize,
        clamp: &Clamp,
    ) -> Result<(), String> {
        let kept = self.kept(first_kept, split);
        let changed = self.dim.saturating_sub(kept.len());
        net.expect(&format!("{name}.{which}"), kept.len(), 2 * changed)?;
        net.scale_outputs(|row| if row < changed { clamp.factor } else { 1.0 });
        let transform = TransformName::Affine(clamp.map);
        self.assembly
            .coupling(name, &kept, transform, clamp.rescale, Conditioner::One(net))
    }

    fn nice(&mut self, index: usize, name: &str) -> Result<(), String> {
        let split = self.net(index, &format!("{name}.G"))?.inputs();
        self.check_split(index, name, split)?;
        for (which, first_kept) in [("F", false), ("G", true)] {
            let kept = self.kept(first_kept, split);
            let prefix = format!("{name}.{which}");
            let net = self.net(index, &prefix)?;
            net.expect(&prefix, kept.len(), self.dim.saturating_sub(kept.len()))?;
            let transform = TransformName::Additive;
            self.assembly
                .coupling(name, &kept, transform, None, Conditioner::One(net))?;
        }
        Ok(())
    }

    /// Coupling by a net whose outputs count a tenth, a global affine map, a permutation matrix.
    fn all_in_one(&mut self, index: usize, name: &str) -> Result<(), String> {
        let told = |entry| self.architecture.flag(entry, index);
        if told("gin_block")? == Some(true) {
            return Err(format!(
                "`{name}`: the architecture's `gin_block` is true: its scales are relative to their mean, which no coupling here computes"
            ));
        }
        let reversed = told("reverse_permutation")?.unwrap_or(false);
        // What the keys tell as well.
        let _ = told("permute_soft")?;
        let _ = self
            .architecture
            .value("learned_householder_permutation", index);
        let (key, matrix, inverse) = self.permutation_of(name)?;
        if reversed {
            self.assembly.matrix(&key, &inverse)?;
        }
        let split = self.dim.div_ceil(2);
        // A block's `clamp` attribute is what its argument calls `affine_clamping`.
        let clamping = match self.architecture.value("affine_clamping", index) {
            None if self.architecture.value("clamp", index).is_some() => "clamp",
            _ => "affine_clamping",
        };
        let clamp = Clamp {
            map: ScaleName::RescaledTanh,
            rescale: Some(self.architecture.needed_number(clamping, index)?),
            factor: 1.0,
        };
        let mut net = self.net(index, &format!("{name}.subnet"))?;
        net.scale_outputs(|_| ALL_IN_ONE_FACTOR);
        self.shared(name, "subnet", net, true, split, &clamp)?;
        let raw = self
            .weights
            .vector(&format!("{name}.global_scale"), self.dim)?;
        let shift = self
            .weights
            .vector(&format!("{name}.global_offset"), self.dim)?;
        let choices = "SOFTPLUS, SIGMOID or EXP";
        let kind = self
            .architecture
            .needed_text("global_affine_type", index, choices)?;
        let log_scale: fn(f64) -> f64 = match kind {
            // 0.1 * softplus with beta 0.5; 10 * sigmoid(a - 2).
            "SOFTPLUS" => |a| (0.2 * softplus(0.5 * a)).ln(),
            "SIGMOID" => |a| 10.0_f64.ln() - softplus(2.0 - a),
            "EXP" => |a| a,
            other => {
                return Err(format!(
                    "`{name}`: the architecture's `global_affine_type` is \"{other}\", expected {choices}"
                ));
            }
        };
        let log_scale: Vec<f64> = raw.into_iter().map(log_scale).collect();
        self.assembly.affine(&log_scale, &shift);
        self.assembly.matrix(&key, &matrix)
    }

    /// The key and the matrix of a block's permutation, hard or soft, and its inverse: stored, or
    /// the product of a stored one and learned reflections.
    fn permutation_of(&self, name: &str) -> Result<(String, Matrix, Matrix), String> {
        let reflections = format!("{name}.vk_householder");
        if !self.weights.has(&reflections) {
            let (key, inverse_key) = (format!("{name}.w_perm"), format!("{name}.w_perm_inv"));
            let (matrix, inverse) = (self.matrix(&key)?, self.matrix(&inverse_key)?);
            if !matrix.times(&inverse).is_identity() {
                return Err(format!(
                    "tensor `{inverse_key}` is not the inverse of `{key}`"
                ));
            }
            return Ok((key, matrix, inverse));
        }
        let key = format!("{name}.w_0");
        let mut matrix = self.matrix(&key)?;
        let vectors = self.weights.tensor(&reflections)?;
        if vectors.shape.last() != Some(&self.dim) {
            return Err(format!(
                "tensor `{reflections}` has shape {:?}, expected rows of {}",
                vectors.shape, self.dim
            ));
        }
        for vector in vectors.values.chunks_exact(self.dim) {
            let square: f64 = vector.iter().map(|v| v * v).sum();
            let entry = |at: usize| {
                let (row, column) = (at / self.dim, at % self.dim);
                let identity = if row == column { 1.0 } else { 0.0 };
                identity - 2.0 * vector[row] * vector[column] / square
            };
            let reflection = (0..self.dim * self.dim).map(entry).collect();
            matrix = matrix.times(&Matrix::new(self.dim, reflection));
        }
        let inverse = matrix.transposed();
        if !matrix.times(&inverse).is_identity() {
            return Err(format!("tensor `{key}` is not orthogonal"));
        }
        Ok((key, matrix, inverse))
    }

    fn matrix(&self, key: &str) -> Result<Matrix, String> {
        Matrix::read(self.weights, key, self.dim)
    }

    fn permute(&mut self, index: usize, name: &str) -> Result<(), String> {
        let key = format!("{name}.perm");
        let (order, _) = self
            .weights
            .permutations(&key, &format!("{name}.perm_inv"), self.dim)?;
        if let Some(told) = self.architecture.indices("permutations", index)?
            && !told.iter().copied().eq(order.iter().map(|&at| at as u64))
        {
            return Err(format!(
                "tensor `{key}` is {order:?}, the architecture's `permutations` says {told:?}"
            ));
        }
        self.assembly.permutation(order);
        Ok(())
    }

    fn clamp(&self, index: usize) -> Result<Clamp, String> {
        let choices = "ATAN, TANH or SIGMOID";
        let clamp = self.architecture.needed_number("clamp", index)?;
        let kind = self
            .architecture
            .needed_text("clamp_activation", index, choices)?;
        let (map, rescale, factor) = match kind {
            "ATAN" => (ScaleName::Atan((clamp * ATAN_FACTOR) as f32), None, 1.0),
            "TANH" => (ScaleName::RescaledTanh, Some(clamp), 1.0),
            "SIGMOID" => (ScaleName::RescaledTanh, Some(clamp), 0.5),
            other => {
                return Err(format!(
                    "`module_list.{index}`: the architecture's `clamp_activation` is \"{other}\", expected {choices}"
                ));
            }
        };
        Ok(Clamp {
            map,
            rescale,
            factor,
        })
    }

    /// The features of the first part, or of the second.
    fn kept(&self, first: bool, split: usize) -> Vec<usize> {
        let split = split.min(self.dim);
        if first {
            (0..split).collect()
        } else {
            (split..self.dim).collect()
        }
    }

    /// Refuses a `split_len` (a count, or a share rounded half to even) that the nets contradict.
    fn check_split(&self, index: usize, name: &str, found: usize) -> Result<(), String> {
        let Some(value) = self.architecture.value("split_len", index) else {
            return Ok(());
        };
        let told = match value.as_u64() {
            Some(count) => Some(count as f64),
            None => value
                .as_f64()
                .map(|share| (share * self.dim as f64).round_ties_even()),
        };
        if told == Some(found as f64) {
            return Ok(());
        }
        Err(format!(
            "`{name}` splits after {found} of {} features, the architecture's `split_len` says {value}",
            self.dim
        ))
    }
}
