//! A training run: order of the rows, noise, batches and Adam steps.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use pulp::Arch;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::adam::Adam;
use super::options::{BatchNormTraining, TrainOptions};
use super::step::{self, BatchStep};
use super::{Rounding, init};
use crate::layer::linear::Diagonals;
use crate::layer::standardize;
use crate::spec::{FlowSpec, LayerSpec};

/// State of a run between batches.
pub(super) struct Run<'s> {
    dim: usize,
    /// Rows as the input of the first trained layer.
    rows: Vec<f32>,
    order: Vec<usize>,
    /// Log-determinant of the standardisation already applied to `rows`, in nats.
    log_det: f64,
    step: Box<dyn BatchStep + 's>,
    adam: Adam,
    diagonals: Diagonals,
    decay: Vec<f32>,
    gradient: Vec<f32>,
    input: Vec<f32>,
    random: Xoshiro256PlusPlus,
    arch: Arch,
    batch: usize,
    clip: f64,
    noise: f32,
    /// Width of uniform noise by feature; empty for none.
    steps: Vec<f32>,
    /// The first values of a row, which get no noise.
    given: usize,
    /// Whether rows are counts, with noise uniform in their cells.
    counts: bool,
    pub(super) learning_rate: f32,
}

impl<'s> Run<'s> {
    pub(super) fn new(
        spec: &FlowSpec<'s>,
        params: &[f32],
        rows: &[f32],
        options: &TrainOptions,
    ) -> Self {
        let dim = spec.dim();
        let mut rows = rows.to_vec();
        let mut log_det = 0.0;
        let mut first = 0;
        if let Some(LayerSpec::Standardize) = spec.layers.first() {
            first = 1;
            for row in rows.chunks_exact_mut(dim) {
                log_det = 0.0;
                let done = standardize::forward(spec.shape, params, row, &mut log_det);
                debug_assert!(done.is_some(), "the parameters fit the spec");
            }
        }
        let (keep, momentum) = match options.batch_norm {
            BatchNormTraining::Running { momentum } => (momentum, momentum),
            BatchNormTraining::Batch { momentum } => (0.0, momentum),
        };
        let count = rows.len() / dim;
        let batch = options.batch.min(count);
        let arch = Arch::new();
        let step = step::best(*spec, first, batch, keep, momentum);
        Self {
            dim,
            rows,
            order: (0..count).collect(),
            log_det: f64::from(log_det),
            step,
            adam: Adam::new(params.len()),
            diagonals: Diagonals::of(spec),
            decay: init::decay(spec, options.l2),
            gradient: vec![0.0; params.len()],
            input: Vec::with_capacity(batch * dim),
            random: Xoshiro256PlusPlus::seed_from_u64(options.seed ^ 0x6e76_7069_636f),
            arch,
            batch,
            clip: f64::from(options.clip),
            noise: options.noise,
            steps: judged_steps(options.steps.clone(), spec.given()),
            given: spec.given(),
            counts: matches!(spec.layers.first(), Some(LayerSpec::Logit(_))),
            learning_rate: options.learning_rate,
        }
    }

    /// One pass over all rows in a new order, unless `stop` ends it; returns mean log-density and number of skipped batches.
    pub(super) fn epoch(
        &mut self,
        params: &mut [f32],
        rounding: &dyn Rounding,
        stop: &dyn Fn() -> bool,
    ) -> (f64, usize) {
        shuffle(&mut self.order, &mut self.random);
        let order = core::mem::take(&mut self.order);
        let (mut sum, mut rows, mut skipped) = (0.0, 0, 0);
        for picked in order.chunks(self.batch) {
            if stop() {
                break;
            }
            self.load(picked);
            self.gradient.fill(0.0);
            let loss = self.loss(params, rounding);
            self.diagonals.pull_back(params, &mut self.gradient);
            let norm = norm(&self.gradient);
            if !loss.is_finite() || !norm.is_finite() {
                skipped += 1;
                continue;
            }
            let scale = if norm > self.clip {
                self.clip / norm
            } else {
                1.0
            };
            let diagonals = self.diagonals.take(params);
            self.adam.step(
                self.arch,
                params,
                &self.gradient,
                &self.decay,
                scale as f32,
                self.learning_rate,
            );
            self.diagonals.put_back(&diagonals, params);
            sum -= loss * picked.len() as f64;
            rows += picked.len();
        }
        self.order = order;
        (sum / rows as f64 + self.log_det, skipped)
    }

    /// Loss and gradient of the loaded rows at the rounded parameters.
    fn loss(&mut self, params: &mut [f32], rounding: &dyn Rounding) -> f64 {
        let Some(rounded) = rounding.rounded(params) else {
            return self.step.run(params, &self.input, &mut self.gradient);
        };
        let mut moved = rounded.clone();
        let loss = self.step.run(&mut moved, &self.input, &mut self.gradient);
        // A step itself changes only the running statistics.
        for (param, (before, after)) in params.iter_mut().zip(rounded.iter().zip(moved)) {
            if after.to_bits() != before.to_bits() {
                *param = after;
            }
        }
        loss
    }

    /// Loads the given rows, with noise.
    fn load(&mut self, picked: &[usize]) {
        self.input.clear();
        for &row in picked {
            let from = row * self.dim;
            let row = self.rows.get(from..from + self.dim).unwrap_or(&[]);
            self.input.extend_from_slice(row);
        }
        if self.counts {
            for x in &mut self.input {
                let moved = *x + centred(&mut self.random);
                // Rounding could move a value at the end of its cell beyond the highest count.
                if moved < *x + 0.5 {
                    *x = moved;
                }
            }
        } else if self.noise > 0.0 {
            // Given values are known as they are.
            let given = self.given;
            let judged = self
                .input
                .chunks_exact_mut(self.dim)
                .flat_map(|row| row.iter_mut().skip(given));
            for x in judged {
                let noise: f32 = StandardNormal.sample(&mut self.random);
                *x += self.noise * noise;
            }
        }
        if !self.counts && self.steps.iter().any(|step| *step > 0.0) {
            let steps = self.steps.iter().cycle();
            for (x, step) in self.input.iter_mut().zip(steps) {
                *x += step * centred(&mut self.random);
            }
        }
    }
}

/// The steps of features, with none for the given ones.
fn judged_steps(mut steps: Vec<f32>, given: usize) -> Vec<f32> {
    for step in steps.iter_mut().take(given) {
        *step = 0.0;
    }
    steps
}

/// Uniform in `-1/2 .. 1/2`.
fn centred(random: &mut impl Rng) -> f32 {
    (random.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0) - 0.5
}

/// Fisher-Yates shuffle.
fn shuffle(order: &mut [usize], random: &mut impl Rng) {
    for last in (1..order.len()).rev() {
        let wide = u128::from(random.next_u64()) * (last as u128 + 1);
        order.swap(last, (wide >> 64) as usize);
    }
}

/// Euclidean norm, with sixteen partial sums in a fixed order.
fn norm(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 16];
    for chunk in values.chunks(16) {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    sums.iter().sum::<f64>().sqrt()
}
