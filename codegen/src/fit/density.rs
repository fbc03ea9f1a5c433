//! The densities that a model of vectors has beside its couplings.
//!
//! A flow onto a standard normal ties clusters together by thin bridges, and some hundreds of rows do not determine its
//! networks. Where a mixture of Gaussians gives the held-out rows a higher density, it is the model: a flow without couplings,
//! with that mixture as its base. Either has smooth, global structure. What nearest neighbours have, local structure,
//! comes from a second density, of kernels around representative rows, and a row is as unlikely as the less favourable of the two
//! says ([`nvpico::spec::KernelsSpec`]).

use std::borrow::Cow;
use std::iter::repeat_n;

use nvpico::spec::{BaseSpec, MixtureSpec, Spread};
use nvpico::train::mixture::{self, Choice, Kernels};
use nvpico::{Flow, batch};

use super::front::{Front, front_len, params_of_front};
use super::given::Given;
use crate::calibration::ascending;
use crate::data::step;
use crate::deployed::log_probs;
use crate::metrics;
use crate::model::{BaseName, ModelSpec, SpreadName};
use crate::random::Source;

/// Bytes that a model's parameters take in floats, where the rows decide how many kernels and Gaussians it has.
const MOST_BYTES: usize = 62 << 10;
/// Bytes of them that a mixture takes.
const MIXTURE_BYTES: usize = 38 << 10;
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
/// How far made-up outliers go on beyond a row, as a share of its difference from a near one; that is the nearest of so many; how many
/// outliers there are at the least, and their seed.
const BEYOND: (f64, f64) = (0.3, 1.2);
const NEAREST_OF: usize = 20;
const BEYOND_ROWS: usize = 2_000;
const BEYOND_SEED: u64 = 0x6265_796f;
/// What a model's AUROC on them gains by kernels of full weight decides their weight: this much without gain or loss, so much more for each
/// point of a hundred, and never outside these limits. `docs/detection.md` has the figures.
const WEIGHT: f64 = 1.0;
const WEIGHT_PER_POINT: f64 = 0.5;
const WEIGHTS: (f64, f64) = (0.3, 1.0);

/// Rows as the first layer leaves them; with given features as the coupling behind it does.
pub(super) struct Standardized {
    dim: usize,
    /// The first features, which are given.
    given: usize,
    /// The layers that the rows went through.
    front: Front,
    rows: Vec<f64>,
    /// With each value anywhere within its step.
    held_out: Vec<f64>,
    held_out_as_read: Vec<f64>,
    /// The step in which each feature comes, 0 for one in full digits.
    steps: Vec<f64>,
    /// The held-out rows in the sensors' units, each value anywhere within its step.
    within_steps: Vec<f32>,
    /// Mean log-determinant of the front at the held-out rows with each value anywhere within its step, in nats.
    log_det: f64,
    /// The log-determinant at each held-out row as read.
    log_dets: Vec<f64>,
}

impl Standardized {
    /// `params` are those of the standardisation of `dim` features: means, scales, log-determinant. `None` where the rows do not
    /// tell how features depend on given ones.
    pub(super) fn new(
        rows: &[f32],
        held_out: &[f32],
        dim: usize,
        given: &Given,
        params: &[f32],
    ) -> Option<Self> {
        let front = Front::new(rows, dim, given, params)?;
        let (scale, given) = (&params[dim..2 * dim], given.columns);
        let step_of = |(at, scale): (usize, &f32)| {
            let column = rows.iter().skip(at).step_by(dim);
            let column: Vec<f64> = column.map(|&x| f64::from(x)).collect();
            // Given values are known as they are.
            if at < given {
                return 0.0;
            }
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
        let (held_out_as_read, log_dets) = front.rows(held_out);
        let (held_out, own) = front.rows(&within_steps);
        Some(Self {
            dim,
            given,
            rows: front.rows(rows).0,
            held_out,
            held_out_as_read,
            log_det: own.iter().sum::<f64>() / own.len().max(1) as f64,
            front,
            steps,
            within_steps,
            log_dets,
        })
    }

    /// The parameters of the coupling of given features; none without any.
    pub(super) fn conditional_params(&self) -> Vec<f32> {
        self.front.conditional_params()
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
        let one = MixtureSpec::new(1, Spread::Full);
        let component = 4 * BaseSpec::Mixture(one).param_len(self.dim, self.given);
        let most = MIXTURE_BYTES / component;
        if most == 0 {
            return None;
        }
        let (rows, steps) = (&self.rows, &self.steps);
        mixture::choose(rows, &self.held_out, steps, self.given, most, seed)
    }

    /// Mean log-density of the held-out rows under a chosen mixture, in nats of the sensors' units.
    pub(super) fn held_out_log_prob(&self, choice: &Choice) -> f64 {
        choice.held_out_log_prob + self.log_det
    }

    /// Structure and parameters of a flow without couplings whose base is a chosen mixture, fitted to the training rows, and with `all` to
    /// the held-out rows as well.
    pub(super) fn mixture(
        &self,
        spec: &ModelSpec,
        choice: &Choice,
        start: &[f32],
        seed: u64,
        all: bool,
    ) -> Option<(ModelSpec, Vec<f32>)> {
        let rows: Cow<'_, [f64]> = if all {
            self.all().into()
        } else {
            self.rows.as_slice().into()
        };
        let mixture = choice.fit(&rows, &self.steps, seed)?;
        let base = BaseName::Mixture {
            components: mixture.components(),
            spread: SpreadName::Full,
        };
        let front = front_len(spec);
        let spec = ModelSpec {
            layers: spec.layers[..front].to_vec(),
            base,
            ..spec.clone()
        };
        let mut params = start[..params_of_front(&spec)].to_vec();
        params.extend(mixture.params());
        Some((spec, params))
    }

    /// Training rows and held-out rows.
    fn all(&self) -> Vec<f64> {
        let rows = self.rows.iter().chain(&self.held_out_as_read);
        rows.copied().collect()
    }

    /// At most `count` kernels for a model, fewer where flash or rows are short of them, `None` where they are too few. `held_out` are
    /// the rows that chose the bandwidth, in the sensors' units; they choose the weight as well, where it is not given.
    pub(super) fn kernels(
        &self,
        spec: &ModelSpec,
        params: &[f32],
        held_out: &[f32],
        count: usize,
        weight: Option<f64>,
        seed: u64,
    ) -> anyhow::Result<Option<Beside>> {
        let count = self.room(params.len(), count);
        if count < LEAST_KERNELS {
            return Ok(None);
        }
        let found = mixture::kernels(
            &self.rows,
            &self.held_out,
            self.dim,
            self.given,
            count,
            seed,
        );
        let Some(kernels) = found.map(|kernels| kernels.sharper(SHARPER)) else {
            return Ok(None);
        };
        let flow = Scale::of(&log_probs_of(spec, params, held_out)?);
        let own = self.held_out_as_read.chunks_exact(self.dim);
        let own: Vec<f32> = (own.zip(&self.log_dets))
            .map(|(row, log_det)| (kernels.log_prob(row) + log_det) as f32)
            .collect();
        let mut found = Beside {
            slope: 1.0,
            offset: 0.0,
            weight: WEIGHTS.1,
            kernels,
        };
        let own = Scale::of(&own);
        found.bring(own, flow);
        if !found.is_usable() {
            return Ok(None);
        }
        found.weight = match weight {
            Some(weight) => weight,
            None => self.weight(&found, spec, params)?,
        };
        found.bring(own, flow);
        Ok(Some(found))
    }

    /// The same kernels around training and held-out rows; `params` are those of the model without them.
    pub(super) fn around_all(&self, beside: &Beside, params: &[f32], seed: u64) -> Option<Beside> {
        let count = self.room(params.len(), beside.kernels.count());
        let kernels = beside.kernels.around_others(&self.all(), count, seed)?;
        Some(Beside {
            kernels,
            ..beside.clone()
        })
    }

    /// As many kernels as fit beside a number of parameters.
    fn room(&self, params: usize, count: usize) -> usize {
        let one = 4 * (self.dim + if self.given > 0 { 2 } else { 1 });
        count.min(MOST_BYTES.saturating_sub(4 * params) / one)
    }

    /// The nearest of some training rows.
    fn near(&self, row: &[f64], random: &mut Source) -> &[f64] {
        let mut nearest = (f64::INFINITY, self.rows.as_slice());
        for _ in 0..NEAREST_OF {
            let at = random.index(self.rows.len() / self.dim) * self.dim;
            let other = &self.rows[at..at + self.dim];
            let pairs = row.iter().zip(other);
            let distance: f64 = (pairs.skip(self.given))
                .map(|(a, b)| (a - b) * (a - b))
                .sum();
            if distance < nearest.0 {
                nearest = (distance, other);
            }
        }
        nearest.1
    }

    /// The weight of kernels, by how well they tell rows from others that go on beyond them, away from a near one.
    ///
    /// Where anomalies lie in directions of large variance, kernels find more of them than a global density; where sensors follow tight
    /// relations, they find fewer. Of a dozen kinds of made-up outliers this one told best which of the two it is (`docs/detection.md`).
    fn weight(&self, beside: &Beside, spec: &ModelSpec, params: &[f32]) -> anyhow::Result<f64> {
        let mut random = Source::new(BEYOND_SEED);
        let (mut made_up, mut labels) = (Vec::new(), Vec::new());
        let (held_out, dim) = (self.held_out_as_read.len() / self.dim, self.dim);
        let repeats = BEYOND_ROWS.div_ceil(held_out.max(1));
        let stride = held_out.div_ceil(BEYOND_ROWS).max(1);
        for row in self.held_out.chunks_exact(dim).step_by(stride) {
            made_up.extend(self.front.back(&mut row.to_vec()));
            labels.push(false);
            labels.extend(repeat_n(true, repeats));
            for _ in 0..repeats {
                let near = self.near(row, &mut random);
                let far = random.uniform(BEYOND.0, BEYOND.1);
                let mut beyond = row.to_vec();
                let pairs = beyond.iter_mut().zip(near).skip(self.given);
                for (x, other) in pairs {
                    *x += far * (*x - other);
                }
                made_up.extend(self.front.back(&mut beyond));
            }
        }
        let alone = log_probs_of(spec, params, &made_up)?;
        let (mut with_spec, mut with_params) = (spec.clone(), params.to_vec());
        beside.add_to(&mut with_spec, &mut with_params);
        let both = log_probs_of(&with_spec, &with_params, &made_up)?;
        let auroc = |log_probs: &[f32]| metrics::auroc(&metrics::scores(log_probs), &labels);
        let gain = auroc(&both)
            .zip(auroc(&alone))
            .map(|(both, alone)| both - alone);
        let weight = WEIGHT + WEIGHT_PER_POINT * 100.0 * gain.unwrap_or(0.0);
        Ok(weight.clamp(WEIGHTS.0, WEIGHTS.1))
    }
}

/// Kernels beside a flow, on its scale.
#[derive(Clone)]
pub(super) struct Beside {
    slope: f32,
    offset: f32,
    weight: f64,
    kernels: Kernels,
}

impl Beside {
    /// Brings log-densities of the scale `from` to the scale `to`, by the weight closer to its median.
    fn bring(&mut self, from: Scale, to: Scale) {
        self.slope = self.weight as f32 * to.spread / from.spread;
        self.offset = to.median - self.slope * from.median;
    }

    fn is_usable(&self) -> bool {
        self.slope > 0.0 && self.slope.is_finite() && self.offset.is_finite()
    }

    /// 1 for as much as the flow, less for less.
    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    /// Appends them to a model that has none.
    pub(super) fn add_to(&self, spec: &mut ModelSpec, params: &mut Vec<f32>) {
        params.extend([self.slope, self.offset]);
        params.extend(self.kernels.params());
        spec.kernels = Some(self.kernels.count());
    }
}

/// Log-densities of rows, in the sensors' units, under a model.
fn log_probs_of(spec: &ModelSpec, params: &[f32], rows: &[f32]) -> anyhow::Result<Vec<f32>> {
    let layers = spec.layers();
    let flow = Flow::new(spec.flow_spec(&layers), params)?;
    Ok(log_probs(&batch::score(&flow, rows)))
}

/// The median of log-densities, and how far a low quantile is below it.
#[derive(Clone, Copy)]
struct Scale {
    median: f32,
    spread: f32,
}

impl Scale {
    fn of(log_probs: &[f32]) -> Self {
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
        Self {
            median,
            spread: median - at(LOW),
        }
    }
}
