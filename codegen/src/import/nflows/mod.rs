//! nflows 0.14 (`SimpleRealNVP`, or a `Flow` of the same parts): affine or additive couplings whose
//! nets are residual, perhaps with batch norms between couplings and within the nets.
//!
//! | what | read from keys `_transform._transforms.I.*` |
//! | --- | --- |
//! | coupling | `identity_features`, `transform_features`, `transform_net.*`; additive if the net has one output a feature |
//! | net | `initial_layer`, `blocks.J.linear_layers.0` and `.1`, `final_layer`; rows of shifts before rows of scales |
//! | norm within a net | `blocks.J.batch_norm_layers.0` and `.1`: the first stays a scale and shift, the second goes into the linear layer before it |
//! | norm between couplings | `running_mean`, `running_var`, `unconstrained_weight`, `bias`: becomes an affine layer |
//! | permutation | `_permutation` |
//! | `PointwiseAffineTransform` | `_scale`, `_shift`: an affine layer |
//! | `LULinear` | `lower_entries`, `upper_entries`, `unconstrained_upper_diag`, `bias`: a matrix |
//!
//! A scale is `sigmoid(raw + 2) + 1e-3`. The architecture must give `features` and `activation`; it may give
//! `transforms` (class names), `base`, and the norms' `within_eps` (1e-3) and `between_eps` (1e-5), and `linear_eps` (1e-3) of `LULinear`. Its other entries
//! must agree with the tensors. Nets with context are refused.

use std::path::Path;

mod linear;
mod seen;

use super::architecture::{Architecture, unfit};
use super::assemble::{Assembly, softplus};
use super::weights::Weights;
use super::{ImportError, Imported, import_with};
use crate::model::{ActivationName, ConditionerName, ScaleName, TransformName};
use linear::{Linear, norm_within, single};
use seen::Seen;

/// Added to what goes into the sigmoid, and to what comes out.
const SCALE: ScaleName = ScaleName::Sigmoid {
    offset: 2.0,
    floor: 1e-3,
    inverse: false,
};
/// `eps` of batch norms within nets, unless the architecture tells another.
const WITHIN_EPS: f64 = 1e-3;
/// `eps` of batch norms between couplings, unless the architecture tells another.
const BETWEEN_EPS: f64 = 1e-5;
/// Added to the diagonal of U of an `LULinear`, unless the architecture tells another.
const LINEAR_EPS: f64 = 1e-3;
/// A mean of more standard deviations than this is subtracted first.
const FAR: f64 = 4.0;

/// Reads a state dict; `arch` stands in for the header's `architecture` entry.
///
/// # Errors
/// [`ImportError`] that names the entry or tensor that is missing, unknown or does not fit.
pub fn import(path: &Path, arch: Option<&Path>) -> Result<Imported, ImportError> {
    import_with(path, arch, "nflows", build)
}

fn build(architecture: &Architecture, weights: &Weights<'_>) -> Result<Imported, String> {
    architecture.class_among(&["SimpleRealNVP", "Flow"])?;
    let dim = architecture.features()?;
    if architecture.flag("training", 0)? == Some(true) {
        return Err("the model was saved in training mode: call eval() before saving it".into());
    }
    if let Some(base) = architecture.entry("base")
        && base.as_str() != Some("StandardNormal")
    {
        return Err(unfit("base", base, "\"StandardNormal\""));
    }
    // In evaluation mode it does nothing.
    architecture.entry("dropout_probability");
    let mut reader = Reader {
        architecture,
        weights,
        dim,
        assembly: Assembly::new(dim),
        seen: Seen::default(),
        layers: 0,
    };
    reader.transforms("_transform")?;
    reader.known_classes()?;
    reader.seen.agree(architecture)?;
    if weights.has("_distribution._log_z") {
        weights.skip("_distribution._log_z");
    }
    Ok(reader.assembly.model().into())
}

struct Reader<'a, 'b> {
    architecture: &'a Architecture,
    weights: &'a Weights<'b>,
    dim: usize,
    assembly: Assembly,
    seen: Seen,
    /// Layers read so far, those in nested composites too.
    layers: usize,
}

impl Reader<'_, '_> {
    /// The layers of a composite, which may hold composites.
    fn transforms(&mut self, name: &str) -> Result<(), String> {
        let has = |part: &str| self.weights.has(&format!("{name}.{part}"));
        if self.weights.has_under(&format!("{name}._transforms.")) {
            for index in 0.. {
                let inner = format!("{name}._transforms.{index}");
                if !self.weights.has_under(&format!("{inner}.")) {
                    return Ok(());
                }
                self.transforms(&inner)?;
            }
        } else if has("identity_features") {
            self.coupling(name)?;
        } else if has("unconstrained_weight") {
            self.norm_between(name)?;
        } else if has("lower_entries") {
            let eps = self.eps("linear_eps", LINEAR_EPS)?;
            self.assembly.lu_linear(self.weights, name, eps)?;
        } else if has("_permutation") {
            let order = self
                .weights
                .order(&format!("{name}._permutation"), self.dim)?;
            self.assembly.permutation(order);
        } else if has("_scale") {
            self.pointwise(name)?;
        } else {
            return Err(format!(
                "tensors `{name}.*` are not a coupling, batch norm, permutation, LULinear or PointwiseAffineTransform"
            ));
        }
        self.layers += 1;
        Ok(())
    }

    /// Refuses classes that keys alone would mistake for others.
    fn known_classes(&self) -> Result<(), String> {
        let known = [
            "AffineCouplingTransform",
            "AffineTransform",
            "AdditiveCouplingTransform",
            "BatchNorm",
            "LULinear",
            "Permutation",
            "PointwiseAffineTransform",
            "RandomPermutation",
            "ReversePermutation",
        ];
        if self.architecture.entry("transforms").is_none() {
            return Ok(());
        }
        let classes = self.architecture.classes("transforms")?;
        if let Some(at) = classes.iter().position(|class| !known.contains(class)) {
            return Err(format!(
                "transform {at} is {}: known are {}",
                classes[at],
                known.join(", ")
            ));
        }
        if classes.len() != self.layers {
            return Err(format!(
                "the architecture's `transforms` names {}, the tensors tell {}",
                classes.len(),
                self.layers
            ));
        }
        Ok(())
    }

    /// An `eps` that the architecture may tell.
    fn eps(&self, name: &str, otherwise: f64) -> Result<f64, String> {
        match self.architecture.value(name, self.layers) {
            Some(value) => match value.as_f64() {
                Some(eps) if eps >= 0.0 => Ok(eps),
                _ => Err(unfit(name, value, "a number, 0 or more")),
            },
            None => Ok(otherwise),
        }
    }
    fn coupling(&mut self, name: &str) -> Result<(), String> {
        let (weights, dim) = (self.weights, self.dim);
        let key = format!("{name}.identity_features");
        let kept = weights.indices(&key, dim)?;
        let changed = weights.indices(&format!("{name}.transform_features"), dim)?;
        let mut all = [&kept[..], &changed[..]].concat();
        all.sort_unstable();
        if !kept.is_sorted() || !changed.is_sorted() || !all.into_iter().eq(0..dim) {
            return Err(format!(
                "tensors `{key}` and `{name}.transform_features` hold {kept:?} and {changed:?}, expected the features 0 to {} once, rising",
                dim - 1
            ));
        }
        let net = format!("{name}.transform_net");
        let mut params = Vec::new();
        let first = Linear::read(weights, &format!("{net}.initial_layer"), kept.len())?;
        let width = first.bias.len();
        first.push(&mut params);
        let (mut blocks, mut norm) = (0, false);
        let eps = self.eps("within_eps", WITHIN_EPS)?;
        while weights.has_under(&format!("{net}.blocks.{blocks}.")) {
            let block = format!("{net}.blocks.{blocks}");
            if weights.has_under(&format!("{block}.context_layer.")) {
                return Err(format!(
                    "tensor `{block}.context_layer.weight`: a net with context: a flow over readings alone has none"
                ));
            }
            let mut inner = Linear::read(weights, &format!("{block}.linear_layers.0"), width)?;
            let outer = Linear::read(weights, &format!("{block}.linear_layers.1"), width)?;
            let normed = weights.has_under(&format!("{block}.batch_norm_layers."));
            if blocks > 0 && normed != norm {
                return Err(format!(
                    "`{block}` and the block before: only one has batch norms"
                ));
            }
            norm = normed;
            if norm {
                let (scale, shift) =
                    norm_within(weights, &format!("{block}.batch_norm_layers.0"), width, eps)?;
                params.extend(single(&scale));
                params.extend(single(&shift));
                let (scale, shift) =
                    norm_within(weights, &format!("{block}.batch_norm_layers.1"), width, eps)?;
                inner.scale_and_shift(&scale, &shift);
            }
            inner.push(&mut params);
            outer.push(&mut params);
            blocks += 1;
        }
        let mut last = Linear::read(weights, &format!("{net}.final_layer"), width)?;
        let additive = last.bias.len() == changed.len();
        if !additive && last.bias.len() != 2 * changed.len() {
            return Err(format!(
                "tensor `{net}.final_layer.bias` holds {} values, expected {} (additive) or {} (affine)",
                last.bias.len(),
                changed.len(),
                2 * changed.len()
            ));
        }
        if !additive {
            last.rotate(changed.len());
        }
        last.push(&mut params);
        let activation = if blocks > 0 {
            self.architecture.activation(self.layers)?
        } else {
            ActivationName::Relu
        };
        self.seen.couplings += 1;
        self.seen.additive &= additive;
        self.seen.blocks = Some(blocks);
        self.seen.hidden = Some(width);
        self.seen.norms_within |= norm;
        let transform = if additive {
            TransformName::Additive
        } else {
            TransformName::Affine(SCALE)
        };
        let network = ConditionerName::ResidualDense {
            width,
            blocks,
            activation,
            norm,
        };
        self.assembly
            .ready_coupling(&kept, transform, network, &params);
        Ok(())
    }

    /// `x * scale + shift`, one number for all features or one for each.
    fn pointwise(&mut self, name: &str) -> Result<(), String> {
        let read = |part: &str| -> Result<Vec<f64>, String> {
            let key = format!("{name}.{part}");
            let values = match self.weights.number(&key) {
                Ok(value) => vec![value; self.dim],
                Err(_) => self.weights.vector(&key, self.dim)?,
            };
            match values.iter().position(|value| !(*value as f32).is_finite()) {
                Some(at) => Err(format!("tensor `{key}` is {} at {at}", values[at])),
                None => Ok(values),
            }
        };
        let (shift, scale) = (read("_shift")?, read("_scale")?);
        if let Some(at) = (scale.iter()).position(|&scale| (scale as f32) < f32::MIN_POSITIVE) {
            return Err(format!(
                "tensor `{name}._scale` is {} at {at}, expected numbers above 0",
                scale[at]
            ));
        }
        let mean: Vec<f64> = shift.iter().zip(&scale).map(|(t, s)| -t / s).collect();
        let log_scale: Vec<f64> = scale.iter().map(|scale| scale.ln()).collect();
        self.assembly.standardize(&mean, &log_scale);
        Ok(())
    }

    /// `weight * (x - mean) / sqrt(var + eps) + bias`, `weight = softplus(unconstrained) + eps`.
    fn norm_between(&mut self, name: &str) -> Result<(), String> {
        let read = |part: &str| self.weights.vector(&format!("{name}.{part}"), self.dim);
        let (mean, var) = (read("running_mean")?, read("running_var")?);
        let (raw, bias) = (read("unconstrained_weight")?, read("bias")?);
        let eps = self.eps("between_eps", BETWEEN_EPS)?;
        let log_scale: Vec<f64> = raw
            .iter()
            .zip(&var)
            .map(|(&raw, &var)| (softplus(raw) + eps).ln() - 0.5 * (var + eps).ln())
            .collect();
        if log_scale.iter().any(|s| !s.is_finite()) {
            return Err(format!(
                "tensor `{name}.running_var` has a negative value: was the model trained?"
            ));
        }
        let at_zero: Vec<f64> = mean
            .iter()
            .zip(&log_scale)
            .map(|(mean, s)| -mean * s.exp())
            .collect();
        if at_zero.iter().any(|shift| shift.abs() > FAR) {
            // A folded shift would be large and cancel: the digits of the mean are spent first.
            self.assembly.standardize(&mean, &log_scale);
            if bias.iter().any(|&bias| bias != 0.0) {
                self.assembly.affine(&vec![0.0; self.dim], &bias);
            }
        } else {
            let shift: Vec<f64> = bias
                .iter()
                .zip(&at_zero)
                .map(|(bias, at)| bias + at)
                .collect();
            self.assembly.affine(&log_scale, &shift);
        }
        self.seen.norms_between = true;
        Ok(())
    }
}
