//! A model put together layer by layer, structure and parameters at once.

use super::net::Mlp;
use super::weights::Weights;
use crate::model::{
    ConditionerName, Layer, MaskName, MathName, Model, ModelSpec, NetsName, ShapeName,
    TransformName,
};

/// Means of more standard deviations than this are large.
const LARGE_MEAN: f64 = 8.0;

/// Layers so far, in the order x to z.
pub(crate) struct Assembly {
    dim: usize,
    layers: Vec<Layer>,
    params: Vec<f32>,
}

/// The nets of a coupling. Outputs as in the engine: `s` rows before `t` rows.
pub(crate) enum Conditioner {
    One(Mlp),
    Two { s: Mlp, t: Mlp },
}

impl Assembly {
    pub(crate) fn new(dim: usize) -> Self {
        Self {
            dim,
            layers: Vec::new(),
            params: Vec::new(),
        }
    }

    /// `y = (x - mean) * exp(log_scale)`. A large mean is subtracted first, so that it costs no digits.
    pub(crate) fn standardize(&mut self, mean: &[f64], log_scale: &[f64]) {
        let shift = mean.iter().zip(log_scale).map(|(m, s)| -m * s.exp());
        let shift: Vec<f64> = shift.collect();
        if shift.iter().all(|shift| shift.abs() <= LARGE_MEAN) {
            self.affine(log_scale, &shift);
            return;
        }
        self.params.extend(mean.iter().map(|&m| m as f32));
        self.params.extend(log_scale.iter().map(|s| s.exp() as f32));
        self.params.push(log_scale.iter().sum::<f64>() as f32);
        self.layers.push(Layer::Standardize);
    }

    /// `y = x * exp(log_scale) + shift`.
    pub(crate) fn affine(&mut self, log_scale: &[f64], shift: &[f64]) {
        self.params.extend(log_scale.iter().map(|s| s.exp() as f32));
        self.params.extend(shift.iter().map(|&t| t as f32));
        self.params.push(log_scale.iter().sum::<f64>() as f32);
        self.layers.push(Layer::Affine);
    }

    /// `y = L U x + bias`, both triangles in one row-major matrix; nothing where that is the identity.
    pub(crate) fn linear(&mut self, factors: &[f64], bias: &[f64]) {
        let dim = self.dim;
        let entry = |at: usize| if at / dim == at % dim { 1.0 } else { 0.0 };
        let rest = factors.iter().enumerate().map(|(at, f)| f - entry(at));
        if rest.chain(bias.iter().copied()).all(|value| value == 0.0) {
            return;
        }
        let diagonal = factors.iter().step_by(dim + 1);
        let log_det: f64 = diagonal.map(|u| u.abs().ln()).sum();
        self.params.extend(factors.iter().map(|&f| f as f32));
        self.params.extend(bias.iter().map(|&b| b as f32));
        self.params.push(log_det as f32);
        self.layers.push(Layer::Linear);
    }

    /// `LULinear` of nflows, which normflows has as well: `y = L U x + bias`, the entries of the triangles row by row,
    /// the diagonal of U `softplus(unconstrained) + eps`.
    pub(crate) fn lu_linear(
        &mut self,
        weights: &Weights<'_>,
        name: &str,
        eps: f64,
    ) -> Result<(), String> {
        let dim = self.dim;
        let entries = dim * (dim - 1) / 2;
        let read = |part: &str, len| weights.vector(&format!("{name}.{part}"), len);
        let mut lower = read("lower_entries", entries)?.into_iter();
        let mut upper = read("upper_entries", entries)?.into_iter();
        let diagonal = read("unconstrained_upper_diag", dim)?;
        let bias = read("bias", dim)?;
        let mut factors = Vec::with_capacity(dim * dim);
        for (row, &raw) in diagonal.iter().enumerate() {
            factors.extend(lower.by_ref().take(row));
            factors.push(softplus(raw) + eps);
            factors.extend(upper.by_ref().take(dim - row - 1));
        }
        self.linear(&factors, &bias);
        Ok(())
    }

    /// `y[i] = x[order[i]]`; two in a row become one, and none if they cancel.
    pub(crate) fn permutation(&mut self, order: Vec<usize>) {
        let mut order = order;
        if let Some(Layer::Permutation { order: before }) = self.layers.last() {
            order = order.into_iter().map(|at| before[at]).collect();
            self.layers.pop();
        }
        if !order.iter().copied().eq(0..self.dim) {
            self.layers.push(Layer::Permutation { order });
        }
    }

    /// A coupling that keeps the features `kept` (rising). `rescale` is `r` of a rescaled tanh.
    /// `what` names it in messages. Two nets of different depth or activation make two couplings.
    pub(crate) fn coupling(
        &mut self,
        what: &str,
        kept: &[usize],
        transform: TransformName,
        rescale: Option<f64>,
        conditioner: Conditioner,
    ) -> Result<(), String> {
        refuse_idle(what, kept.len(), self.dim)?;
        match (conditioner, transform) {
            (Conditioner::One(net), _) => self.push(kept, transform, rescale, &net, None),
            (Conditioner::Two { mut s, mut t }, _) if alike(&s, &t) => {
                let hidden: Vec<usize> = s
                    .hidden()
                    .into_iter()
                    .zip(t.hidden())
                    .map(|(a, b)| a.max(b))
                    .collect();
                s.widen(&hidden);
                t.widen(&hidden);
                self.push(kept, transform, rescale, &s, Some(&t));
            }
            (Conditioner::Two { mut s, t }, _) => {
                s.append_zeros(t.outputs());
                let shift_first = matches!(transform, TransformName::ShiftFirst(_));
                if shift_first {
                    self.push(kept, TransformName::Additive, None, &t, None);
                }
                self.push(kept, transform, rescale, &s, None);
                if !shift_first {
                    self.push(kept, TransformName::Additive, None, &t, None);
                }
            }
        }
        Ok(())
    }

    /// A coupling of one net, or of two that differ in their weights only.
    fn push(
        &mut self,
        kept: &[usize],
        transform: TransformName,
        rescale: Option<f64>,
        first: &Mlp,
        second: Option<&Mlp>,
    ) {
        if let Some(rescale) = rescale {
            let transformed = self.dim - kept.len();
            self.params
                .extend(std::iter::repeat_n(rescale as f32, transformed));
        }
        first.push(&mut self.params);
        if let Some(second) = second {
            second.push(&mut self.params);
        }
        self.layers.push(Layer::Coupling {
            mask: mask(kept, self.dim),
            transform,
            conditioner: ConditionerName::Dense {
                hidden: first.hidden(),
                activation: first.activation(),
                nets: match second {
                    Some(_) => NetsName::Two,
                    None => NetsName::One,
                },
            },
        });
    }

    /// A coupling whose parameters are in the engine's order already.
    pub(crate) fn ready_coupling(
        &mut self,
        kept: &[usize],
        transform: TransformName,
        conditioner: ConditionerName,
        params: &[f32],
    ) {
        self.params.extend_from_slice(params);
        self.layers.push(Layer::Coupling {
            mask: mask(kept, self.dim),
            transform,
            conditioner,
        });
    }

    pub(crate) fn model(self) -> Model {
        let spec = ModelSpec {
            shape: ShapeName::vector(self.dim),
            math: MathName::Libm,
            layers: self.layers,
            base: crate::model::BaseName::Normal,
            kernels: None,
            given: 0,
        };
        Model::new(spec, self.params)
    }
}

/// Refuses a coupling that keeps nothing or everything.
pub(crate) fn refuse_idle(what: &str, kept: usize, dim: usize) -> Result<(), String> {
    if (1..dim).contains(&kept) {
        return Ok(());
    }
    Err(format!(
        "`{what}` keeps {kept} of {dim} features, expected 1 to {}",
        dim - 1
    ))
}

/// `ln(1 + exp(a))`.
pub(crate) fn softplus(a: f64) -> f64 {
    a.max(0.0) + (-a.abs()).exp().ln_1p()
}

/// Whether nets fit into one coupling once both are as wide.
fn alike(a: &Mlp, b: &Mlp) -> bool {
    a.hidden().len() == b.hidden().len() && a.activation() == b.activation()
}

/// The shortest name of a mask.
fn mask(kept: &[usize], dim: usize) -> MaskName {
    let is = |features: &mut dyn Iterator<Item = usize>| features.eq(kept.iter().copied());
    if is(&mut (0..dim / 2)) {
        MaskName::FirstHalf
    } else if is(&mut (dim / 2..dim)) {
        MaskName::SecondHalf
    } else if is(&mut (0..dim).step_by(2)) {
        MaskName::Even
    } else if is(&mut (1..dim).step_by(2)) {
        MaskName::Odd
    } else {
        MaskName::Indices(kept.to_vec())
    }
}
