//! Functions behind the last linear layer of a net.

use crate::import::net::Mlp;
use crate::import::weights::{Weights, is_none};

/// What follows the last linear layer of a net: `out * function(score * raw)`, with the two factors
/// of a scaled output, 1 without.
pub(super) enum Output {
    None,
    Relu { score: f64, out: f64 },
    Tanh { score: f64, out: f64 },
    Sigmoid { score: f64, out: f64 },
}

pub(super) const OUTPUTS: &str = "null, relu, tanh or sigmoid";

impl Output {
    /// `told` is the architecture's `entry`. The keys of the factors follow the last linear layer:
    /// module `last + 1` is the score's if there is one, then comes the function, then the output's.
    pub fn read(
        weights: &Weights<'_>,
        prefix: &str,
        entry: &str,
        told: Option<&str>,
    ) -> Result<Self, String> {
        let Some(told) = told.filter(|told| !is_none(told)) else {
            return Ok(Output::None);
        };
        let last = weights.numbered(prefix, "weight");
        let last = last.last().copied().unwrap_or(0);
        let factor = |module: usize| -> Result<Option<f64>, String> {
            let key = format!("{prefix}.{module}.scale");
            let found = weights.has(&key);
            found.then(|| weights.number(&key)).transpose()
        };
        let score = factor(last.saturating_add(1))?;
        let function = last.saturating_add(1 + usize::from(score.is_some()));
        let out = factor(function.saturating_add(1))?.unwrap_or(1.0);
        let score = score.unwrap_or(1.0);
        match told {
            "relu" => Ok(Output::Relu { score, out }),
            "tanh" => Ok(Output::Tanh { score, out }),
            "sigmoid" => Ok(Output::Sigmoid { score, out }),
            other => Err(format!(
                "`{prefix}`: the architecture's `{entry}` is \"{other}\", expected {OUTPUTS}"
            )),
        }
    }

    /// Puts it into a net whose outputs are used as they are.
    pub fn linear(self, net: &mut Mlp, prefix: &str) -> Result<(), String> {
        match self {
            Output::None => Ok(()),
            Output::Relu { score, out } => {
                net.scale_outputs(|_| score);
                net.relu_outputs();
                net.scale_outputs(|_| out);
                Ok(())
            }
            Output::Tanh { .. } | Output::Sigmoid { .. } => Err(format!(
                "`{prefix}`: a tanh or sigmoid after its last linear layer, where shifts have none here; only `s` of a MaskedAffineFlow may"
            )),
        }
    }
}
