//! A single training step, for tests of gradients only. To train, use [`train`](super::train()).

use std::vec;
use std::vec::Vec;

use super::parametrization;
use super::step;
use crate::spec::FlowSpec;

/// Number of rows per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneCount {
    /// Eight if the machine has AVX2, otherwise sixteen.
    Eight,
    /// Sixteen on every machine.
    Sixteen,
}

/// Result of one batch.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Mean negative log-likelihood in nats.
    pub loss: f64,
    /// Its gradient, in the order of the parameters.
    pub gradient: Vec<f32>,
    /// The parameters with updated running statistics.
    pub params: Vec<f32>,
}

/// Loss and gradient of row-major `rows`, from layer `first` on. `keep` is the weight of the running statistics
/// in the normalisation, `momentum` their weight in the updated ones.
#[must_use]
pub fn step(
    spec: FlowSpec<'_>,
    first: usize,
    params: &[f32],
    rows: &[f32],
    (keep, momentum): (f64, f64),
    width: LaneCount,
) -> Outcome {
    let count = rows.len() / spec.dim();
    let mut params = params.to_vec();
    let mut gradient = vec![0.0; params.len()];
    let mut step = match width {
        LaneCount::Eight => step::narrow(spec, first, count, keep, momentum),
        LaneCount::Sixteen => step::wide(spec, first, count, keep, momentum),
    };
    let loss = step.run(&mut params, rows, &mut gradient);
    Outcome {
        loss,
        gradient,
        params,
    }
}

/// Whether a flow is always trained with sixteen lanes.
#[must_use]
pub fn needs_sixteen_lanes(spec: &FlowSpec<'_>) -> bool {
    parametrization::needs_sixteen_lanes(spec)
}
