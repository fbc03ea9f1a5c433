//! A model put together layer by layer, structure and parameters at once.

use super::net::Mlp;
use crate::model::{
    ActivationName, ConditionerName, FORMAT, Header, Layer, MaskName, MathName, Model, ModelSpec,
    NetsName, Provenance, ShapeName, TransformName,
};

/// Layers so far, in the order x to z.
pub(crate) struct Assembly {
    dim: usize,
    activation: ActivationName,
    layers: Vec<Layer>,
    params: Vec<f32>,
}

/// The nets of a coupling. Outputs as in the engine: `s` rows before `t` rows.
pub(crate) enum Conditioner {
    One(Mlp),
    Two { s: Mlp, t: Mlp },
}

impl Assembly {
    pub(crate) fn new(dim: usize, activation: ActivationName) -> Self {
        Self {
            dim,
            activation,
            layers: Vec::new(),
            params: Vec::new(),
        }
    }

    /// `y = x * exp(log_scale) + shift`.
    pub(crate) fn affine(&mut self, log_scale: &[f64], shift: &[f64]) {
        self.params.extend(log_scale.iter().map(|s| s.exp() as f32));
        self.params.extend(shift.iter().map(|&t| t as f32));
        self.params.push(log_scale.iter().sum::<f64>() as f32);
        self.layers.push(Layer::Affine);
    }

    /// `y[i] = x[order[i]]`.
    pub(crate) fn permutation(&mut self, order: Vec<usize>) {
        if !order.iter().copied().eq(0..self.dim) {
            self.layers.push(Layer::Permutation { order });
        }
    }

    /// A coupling that keeps the features `kept` (rising). `rescale` is `r` of a rescaled tanh.
    /// `what` names it in messages.
    pub(crate) fn coupling(
        &mut self,
        what: &str,
        kept: &[usize],
        transform: TransformName,
        rescale: Option<f64>,
        conditioner: Conditioner,
    ) -> Result<(), String> {
        refuse_idle(what, kept.len(), self.dim)?;
        if let Some(rescale) = rescale {
            let transformed = self.dim - kept.len();
            self.params
                .extend(std::iter::repeat_n(rescale as f32, transformed));
        }
        let (hidden, nets) = match conditioner {
            Conditioner::One(net) => {
                net.push(&mut self.params);
                (net.hidden(), NetsName::One)
            }
            Conditioner::Two { mut s, mut t } => {
                let hidden = common_hidden(&s.hidden(), &t.hidden()).ok_or_else(|| {
                    format!(
                        "`{what}`: its net of scales has {} hidden layers and its net of shifts {}, expected as many",
                        s.hidden().len(),
                        t.hidden().len()
                    )
                })?;
                s.widen(&hidden);
                t.widen(&hidden);
                s.push(&mut self.params);
                t.push(&mut self.params);
                (hidden, NetsName::Two)
            }
        };
        self.layers.push(Layer::Coupling {
            mask: mask(kept, self.dim),
            transform,
            conditioner: ConditionerName::Dense {
                hidden,
                activation: self.activation,
                nets,
            },
        });
        Ok(())
    }

    /// A coupling whose parameters are in the engine's order already.
    pub(crate) fn ready_coupling(
        &mut self,
        kept: &[usize],
        transform: TransformName,
        hidden: Vec<usize>,
        nets: NetsName,
        params: &[f32],
    ) {
        self.params.extend_from_slice(params);
        self.layers.push(Layer::Coupling {
            mask: mask(kept, self.dim),
            transform,
            conditioner: ConditionerName::Dense {
                hidden,
                activation: self.activation,
                nets,
            },
        });
    }

    pub(crate) fn model(self) -> Model {
        let spec = ModelSpec {
            shape: ShapeName::vector(self.dim),
            math: MathName::Libm,
            layers: self.layers,
        };
        Model {
            header: Header {
                format: FORMAT,
                spec,
                columns: (0..self.dim).map(|i| format!("x{i}")).collect(),
                calibration: None,
                provenance: Provenance::default(),
            },
            params: self.params,
            calibration: Vec::new(),
        }
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

/// Widths that hold both nets.
fn common_hidden(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(&a, &b)| a.max(b)).collect())
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
