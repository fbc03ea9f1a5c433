//! The densities that a model of vectors has beside its couplings.
//!
//! A flow onto a standard normal ties clusters together by thin bridges, and some hundreds of rows do not determine its
//! networks. Where a mixture of Gaussians gives the held-out rows a higher density, it is the model: a flow without couplings,
//! with that mixture as its base. Either has smooth, global structure. What nearest neighbours have, local structure,
//! comes from a second density, of kernels around representative rows, and a row is as unlikely as the less favourable of the two
//! says ([`nvpico::spec::KernelsSpec`]).

use nvpico::spec::LayerSpec;
use nvpico::train::mixture::{self, Choice};
use nvpico::{Flow, batch};

use crate::calibration::ascending;
use crate::data::step;
use crate::model::{BaseName, Layer, ModelSpec, SpreadName};
use crate::random::Source;

/// Bytes that a model's parameters take in floats, where the rows decide how many kernels and Gaussians it has.
const MOST_BYTES: usize = 62 << 10;
/// Fewer kernels are no density of anything.
const LEAST_KERNELS: usize = 16;
/// The held-out rows choose the bandwidth of the highest density. Anomalies are told apart better by a narrower one
/// (`docs/detection.md`).
const SHARPER: f64 = 0.6;
/// The two densities are brought to one scale by their medians and by this quantile of the held-out rows.
const LOW: f64 = 0.1;
/// A standardised step below this is none.
const NARROWEST_STEP: f64 = 1e-6;
/// Seed of where held-out values lie within their steps.
const STEP_SEED: u64 = 0x7374_6570;
/// A standardised step is no wider than this: a column of two values has no noise of its size.
const WIDEST_STEP: f64 = 2.0;

/// Rows as the first layer leaves them.
pub(super) struct Standardized {
    dim: usize,
    rows: Vec<f64>,
    held_out: Vec<f64>,
    /// The step in which each feature comes, 0 for one in full digits.
    steps: Vec<f64>,
    /// The held-out rows in the sensors' units, each value anywhere within its step.
    within_steps: Vec<f32>,
    /// Log-determinant of the standardisation, in nats.
    log_det: f64,
}

impl Standardized {
    /// `params` are those of the standardisation of `dim` features: means, scales, log-determinant.
    pub(super) fn new(rows: &[f32], held_out: &[f32], dim: usize, params: &[f32]) -> Self {
        let (mean, scale) = (&params[..dim], &params[dim..2 * dim]);
        let all = |values: &[f32]| standardize(values, mean, scale);
        let step_of = |(at, scale): (usize, &f32)| {
            let column = rows.iter().skip(at).step_by(dim);
            let column: Vec<f64> = column.map(|&x| f64::from(x)).collect();
            let wide = step(&column).unwrap_or(0.0) * f64::from(*scale);
            // Narrower ones are the digits of an f32.
            if wide > NARROWEST_STEP {
                wide.min(WIDEST_STEP)
            } else {
                0.0
            }
        };
        let steps: Vec<f64> = scale.iter().enumerate().map(step_of).collect();
        let mut random = Source::new(STEP_SEED);
        let mut within = |(&x, (&step, &scale)): (&f32, (&f64, &f32))| {
            if step > 0.0 {
                let moved = random.uniform(-0.5, 0.5) * step / f64::from(scale);
                (f64::from(x) + moved) as f32
            } else {
                x
            }
        };
        let features = steps.iter().zip(scale).cycle();
        let within_steps = held_out
            .iter()
            .zip(features)
            .map(&mut within)
            .collect::<Vec<f32>>();
        Self {
            dim,
            rows: all(rows),
            held_out: all(&within_steps),
            steps,
            within_steps,
            log_det: scale.iter().map(|&scale| f64::from(scale).ln()).sum(),
        }
    }

    /// The step of each feature, in standardised units.
    pub(super) fn steps(&self) -> Vec<f32> {
        self.steps.iter().map(|&step| step as f32).collect()
    }

    /// The held-out rows with each value anywhere within its step: rows that lie on a lattice would reward spikes there.
    pub(super) fn within_steps(&self) -> &[f32] {
        &self.within_steps
    }

    /// The mixture that gives the held-out rows the highest density; `None` where its parameters take too much flash.
    pub(super) fn choose(&self, seed: u64) -> Option<Choice> {
        let component = 4 * (1 + self.dim + self.dim * (self.dim + 1) / 2);
        let most = MOST_BYTES / 2 / component;
        if most == 0 {
            return None;
        }
        mixture::choose(&self.rows, &self.held_out, &self.steps, most, seed)
    }

    /// Mean log-density of the held-out rows under a chosen mixture, in nats of the sensors' units.
    pub(super) fn held_out_log_prob(&self, choice: &Choice) -> f64 {
        choice.held_out_log_prob + self.log_det
    }

    /// Structure and parameters of a flow without couplings whose base is a chosen mixture.
    pub(super) fn mixture(
        &self,
        spec: &ModelSpec,
        choice: &Choice,
        start: &[f32],
        seed: u64,
    ) -> Option<(ModelSpec, Vec<f32>)> {
        let mixture = choice.fit(&self.rows, &self.steps, seed)?;
        let base = BaseName::Mixture {
            components: mixture.components(),
            spread: SpreadName::Full,
        };
        let spec = ModelSpec {
            layers: vec![Layer::Standardize],
            base,
            ..spec.clone()
        };
        let standardize = LayerSpec::Standardize.param_len(spec.shape.into());
        let mut params = start[..standardize].to_vec();
        params.extend(mixture.params());
        Some((spec, params))
    }

    /// Adds kernels to a model: at most `count`, fewer where flash or rows are short of them. `held_out` are the rows that chose the
    /// bandwidth, in the sensors' units.
    pub(super) fn add_kernels(
        &self,
        spec: &mut ModelSpec,
        params: &mut Vec<f32>,
        held_out: &[f32],
        count: usize,
        seed: u64,
    ) -> anyhow::Result<()> {
        let left = MOST_BYTES.saturating_sub(4 * params.len()) / (4 * (self.dim + 1));
        let count = count.min(left);
        if count < LEAST_KERNELS {
            return Ok(());
        }
        let found = mixture::kernels(&self.rows, &self.held_out, self.dim, count, seed);
        let Some(kernels) = found.map(|kernels| kernels.sharper(SHARPER)) else {
            return Ok(());
        };
        let layers = spec.layers();
        let flow = Flow::new(spec.flow_spec(&layers), params)?;
        let scores = batch::score(&flow, held_out);
        let flow_log_probs: Vec<f32> = (scores.iter())
            .map(|score| {
                score
                    .as_ref()
                    .map_or(f32::NEG_INFINITY, |score| score.log_prob)
            })
            .collect();
        let (mean, scale_of) = (&params[..self.dim], &params[self.dim..2 * self.dim]);
        let own: Vec<f32> = standardize(held_out, mean, scale_of)
            .chunks_exact(self.dim)
            .map(|row| (kernels.log_prob(row) + self.log_det) as f32)
            .collect();
        let ((median, spread), (own_median, own_spread)) = (scale(&flow_log_probs), scale(&own));
        let slope = spread / own_spread;
        let offset = median - slope * own_median;
        if !(slope > 0.0 && slope.is_finite() && offset.is_finite()) {
            return Ok(());
        }
        params.extend([slope, offset]);
        params.extend(kernels.params());
        spec.kernels = Some(kernels.count());
        Ok(())
    }
}

/// Rows as the first layer leaves them.
fn standardize(rows: &[f32], mean: &[f32], scale: &[f32]) -> Vec<f64> {
    let features = mean.iter().zip(scale).cycle();
    let values = rows.iter().zip(features);
    values
        .map(|(x, (mean, scale))| f64::from((x - mean) * scale))
        .collect()
}

/// The median of log-densities, and how far a low quantile is below it.
fn scale(log_probs: &[f32]) -> (f32, f32) {
    let sorted = ascending(log_probs);
    let at = |share: f64| {
        let place = share * (sorted.len().saturating_sub(1)) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        let part = (place - below as f64) as f32;
        match (sorted.get(below), sorted.get(above)) {
            (Some(a), Some(b)) => a + (b - a) * part,
            _ => f32::NAN,
        }
    };
    let median = at(0.5);
    (median, median - at(LOW))
}
