//! What a score will cost on a core.

use serde::Serialize;

use crate::deploy::Deployed;
use crate::deploy::cost::{self, Cost};
use crate::harness::Core;
use crate::precision::Precision;

/// What a score costs on a core in one precision; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreCost {
    /// The core.
    pub core: Core,
    /// The number format.
    pub precision: Precision,
    /// The figures; absent where nothing was measured.
    #[serde(flatten)]
    pub cost: Option<Cost>,
    /// A score's time at the clock asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
}

/// The costs on some cores, in every precision; `clock` is in hertz.
#[must_use]
pub fn costs(deployed: &Deployed, cores: &[Core], clock: Option<f64>) -> Vec<CoreCost> {
    let pairs =
        (cores.iter()).flat_map(|&core| Precision::ALL.into_iter().map(move |own| (core, own)));
    pairs
        .map(|(core, precision)| {
            let estimate = cost::estimate(deployed, precision, core);
            let cost = estimate.as_ref().ok().copied();
            CoreCost {
                core,
                precision,
                cost,
                seconds: cost
                    .zip(clock)
                    .map(|(cost, hertz)| cost.cycles as f64 / hertz),
                not_measured: estimate.err().map(|error| error.to_string()),
            }
        })
        .collect()
}
