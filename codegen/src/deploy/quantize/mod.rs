//! A trained model in integers: what `nvpico::integer` runs, made from floats and from the ranges that its
//! values have on normal rows.
//!
//! Every output of a layer has a step of its own, the finest that its weights' 8 or 16 bits allow and under
//! which its sum cannot leave 32 bits, whatever the inputs. A hidden unit hands its step on to the
//! next layer's weights, so there is no multiplier between layers; only the last layer has one for each output.

mod base;
mod layer;
mod network;
mod number;
mod ranges;
mod residual;
mod row;
#[cfg(test)]
mod tests;
mod units;

use anyhow::{Context as _, bail};
use nvpico::integer::{I8, I16, IntegerFlow, IntegerScore, Weights};
use nvpico::spec::Conditioner;
use nvpico::{FlowSpec, LayerSpec, Score, ScoreError};
use rayon::prelude::*;

use crate::deployed::Deployed;
use crate::model::ModelSpec;
use crate::precision::Precision;
pub use ranges::Ranges;
pub use units::{units, units_of_columns};

/// The unit of values between layers.
const IN_Q16: i32 = -16;

/// A model as the chip runs it in integers.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// The folded structure.
    pub spec: ModelSpec,
    /// [`Precision::I8`] or [`Precision::I16`].
    pub precision: Precision,
    /// A sample counts value `i` in steps of `2^units[i]`.
    pub units: Vec<i32>,
    /// What [`IntegerFlow`] takes.
    pub words: Vec<i32>,
}

impl Quantized {
    /// Quantises. `units` are those of [`units`].
    ///
    /// # Errors
    /// A layer that the integer engine does not have, or a number beyond it.
    pub fn new(
        model: &Deployed,
        precision: Precision,
        units: &[i32],
        ranges: &Ranges,
    ) -> anyhow::Result<Self> {
        let words = match precision {
            Precision::I8 => words::<I8>(model, units, ranges)?,
            Precision::I16 => words::<I16>(model, units, ranges)?,
            Precision::F32 => bail!("floats are not quantised"),
        };
        let own = Self {
            spec: model.spec.clone(),
            precision,
            units: units.to_vec(),
            words,
        };
        let layers = own.spec.layers();
        let spec = own.spec.flow_spec(&layers);
        match precision {
            Precision::I8 => IntegerFlow::<I8>::new(spec, &own.words).map(|_| ()),
            _ => IntegerFlow::<I16>::new(spec, &own.words).map(|_| ()),
        }?;
        Ok(own)
    }

    /// A row's values in counts; `None` where one is not finite.
    #[must_use]
    pub fn counts(&self, row: &[f32]) -> Option<Vec<i32>> {
        let count = |(&x, &unit): (&f32, &i32)| nvpico::integer::count(x, unit);
        row.iter().zip(&self.units).map(count).collect()
    }

    /// Values of finite rows in counts, one row after the other; or the scales of values.
    #[must_use]
    pub fn counts_of_rows(&self, rows: &[f32]) -> Vec<i32> {
        let values = rows.iter().zip(self.units.iter().cycle());
        let count = |(&x, &unit)| nvpico::integer::count(x, unit).unwrap_or_default();
        values.map(count).collect()
    }

    /// The ranges of the channels' values in counts: what lies inside lies inside in counts too.
    #[must_use]
    pub fn count_ranges(&self, ranges: &[[f32; 2]]) -> Vec<[i32; 2]> {
        let places = self.spec.dim() / ranges.len().max(1);
        let units = self.units.iter().step_by(places.max(1));
        let count = |value, unit| nvpico::integer::count(value, unit).unwrap_or_default();
        let counts = ranges.iter().zip(units);
        counts
            .map(|(range, &unit)| range.map(|value| count(value, unit)))
            .collect()
    }

    /// Scores samples in counts (row-major) as the chip would.
    #[must_use]
    pub fn integer_scores(&self, counts: &[i32]) -> Vec<Result<IntegerScore, ScoreError>> {
        match self.precision {
            Precision::I8 => self.run::<I8>(counts),
            _ => self.run::<I16>(counts),
        }
    }

    fn run<W: Weights + Send + Sync>(
        &self,
        counts: &[i32],
    ) -> Vec<Result<IntegerScore, ScoreError>> {
        let layers = self.spec.layers();
        let spec = self.spec.flow_spec(&layers);
        let flow = IntegerFlow::<W>::new(spec, &self.words).expect("checked when it was made");
        let workspace = || vec![0; spec.integer_workspace_len()];
        let samples = counts.par_chunks_exact(spec.dim());
        samples
            .map_init(workspace, |workspace, sample| flow.score(sample, workspace))
            .collect()
    }

    /// Scores rows (row-major, in the units of the sensors) as the chip would, as floats: exact but for
    /// log-densities beyond 256 nats, which keep their first 24 bits.
    #[must_use]
    pub fn score(&self, rows: &[f32]) -> Vec<Result<Score, ScoreError>> {
        let scores = self.score_exactly(rows).into_iter();
        scores.map(|score| score.map(to_floats)).collect()
    }

    /// The same in the engine's own integers.
    #[must_use]
    pub fn score_exactly(&self, rows: &[f32]) -> Vec<Result<IntegerScore, ScoreError>> {
        let dim = self.spec.dim();
        let rows = rows.chunks_exact(dim);
        let counts: Vec<Option<Vec<i32>>> = rows.clone().map(|row| self.counts(row)).collect();
        let finite: Vec<i32> = counts.iter().flatten().flatten().copied().collect();
        let mut scores = self.integer_scores(&finite).into_iter();
        rows.zip(counts)
            .map(|(row, counts)| {
                let index = row.iter().position(|x| !x.is_finite()).unwrap_or_default();
                let refused = Err(ScoreError::NonFinite { index });
                counts.and_then(|_| scores.next()).unwrap_or(refused)
            })
            .collect()
    }
}

/// A score in nats.
#[must_use]
pub fn to_floats(score: IntegerScore) -> Score {
    Score {
        log_prob: nats(score.log_prob),
        z_norm_sq: score.z_norm_sq as f32 / 65_536.0,
        log_det: score.log_det as f32 / 65_536.0,
        component: score.component,
    }
}

/// A log-density in nats; `-inf` for the lowest.
fn nats(log_prob: i32) -> f32 {
    if log_prob == IntegerScore::IMPOSSIBLE {
        f32::NEG_INFINITY
    } else {
        log_prob as f32 / 65_536.0
    }
}

/// The lowest log-density that is no less than a threshold in nats: what the chip compares with.
#[must_use]
pub fn threshold(nats_: f32) -> i32 {
    // The last of those whose float is below, and one more.
    let (mut below, mut least) = (i64::from(i32::MIN), i64::from(i32::MAX));
    while least - below > 1 {
        let middle = i64::midpoint(below, least);
        if nats(middle as i32) < nats_ {
            below = middle;
        } else {
            least = middle;
        }
    }
    least as i32
}

/// The parameters that integers stand for: weights and biases of networks and the base in whole steps, all else as it
/// is.
/// `params` are in the order of the spec, of a structure that the integer engine runs once it is folded;
/// networks that folding changes stay as they are.
///
/// # Errors
/// A number beyond 32 bits.
pub fn rounded(
    spec: &FlowSpec<'_>,
    params: &[f32],
    precision: Precision,
    ranges: &Ranges,
) -> anyhow::Result<Vec<f32>> {
    let mut rest = params;
    let mut rounded = Vec::with_capacity(params.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let shape = spec.shape_at(index);
        let (own, others) = rest.split_at(layer.param_len(shape));
        rest = others;
        let LayerSpec::Coupling(coupling) = layer else {
            rounded.extend_from_slice(own);
            continue;
        };
        let (rescale, nets) = own.split_at(coupling.rescale_len(shape));
        rounded.extend_from_slice(rescale);
        let ranges = ranges.coupling(spec, index);
        let networks = match (precision, &coupling.conditioner) {
            (Precision::F32, _) | (_, Conditioner::ResidualConvolution(_)) => {
                rounded.extend_from_slice(nets);
                continue;
            }
            (Precision::I16, _) => network::all::<I16>(coupling, shape, nets, &ranges),
            (Precision::I8, _) => network::all::<I8>(coupling, shape, nets, &ranges),
        };
        rounded.extend(networks?.rounded);
    }
    let (own, kernels) = rest.split_at(spec.base_param_len());
    let found = match precision {
        Precision::F32 => {
            rounded.extend_from_slice(rest);
            return Ok(rounded);
        }
        Precision::I16 => [
            base::base::<I16>(spec.base, spec.dim(), own)?,
            base::kernels::<I16>(spec.kernels, spec.dim(), kernels)?,
        ],
        Precision::I8 => [
            base::base::<I8>(spec.base, spec.dim(), own)?,
            base::kernels::<I8>(spec.kernels, spec.dim(), kernels)?,
        ],
    };
    rounded.extend(found.into_iter().flat_map(|part| part.rounded));
    Ok(rounded)
}

fn words<W: Weights>(model: &Deployed, units: &[i32], ranges: &Ranges) -> anyhow::Result<Vec<i32>> {
    let layers = model.spec.layers();
    let spec = model.spec.flow_spec(&layers);
    let of_kernels = spec
        .kernels
        .map_or(0, |kernels| kernels.param_len(spec.dim(), spec.given()));
    let (mut params, kernels) = model.params.split_at(model.params.len() - of_kernels);
    let kernels = base::kernels::<W>(spec.kernels, spec.dim(), kernels)?;
    let mut words = Vec::new();
    for (index, layer) in spec.layers.iter().enumerate() {
        let shape = spec.shape_at(index);
        let (own, rest) = params.split_at(layer.param_len(shape));
        params = rest;
        let pixels = shape.height * shape.width;
        // What follows a layer is no count any more.
        let unit = |channel: usize| {
            if index == 0 {
                units[channel * pixels]
            } else {
                IN_Q16
            }
        };
        let units: Vec<i32> = (0..shape.channels).map(unit).collect();
        let ranges = ranges.coupling(&spec, index);
        let own = layer::words::<W>(layer, shape, own, &units, &ranges);
        words.extend(own.with_context(|| format!("layer {index}"))?);
        if index == 0 {
            words.extend(kernels.words.iter());
        }
    }
    let (own, _) = params.split_at(spec.base_param_len());
    words.extend(base::base::<W>(spec.base, spec.dim(), own)?.words);
    Ok(words)
}
