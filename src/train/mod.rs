//! Maximum likelihood training on the engine's kernels (feature `std`).
//!
//! The forward pass of training is the forward pass of the chip, with activations kept; each layer's
//! `backward` stands beside its `forward`. The same seed gives the same bits with any number of
//! threads and on any x86-64.
//!
//! ```
//! use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Nets, ScaleMap, Shape, Transform};
//! use nvpico::train::{TrainOptions, init, train};
//! use nvpico::{FlowSpec, LayerSpec, Math};
//!
//! let coupling = |mask| LayerSpec::Coupling(CouplingSpec {
//!     mask,
//!     transform: Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.0 }),
//!     conditioner: Conditioner::Dense(DenseSpec { hidden: &[8], activation: Activation::Relu, nets: Nets::One }),
//! });
//! let layers = [LayerSpec::Standardize, coupling(Mask::FirstHalf), coupling(Mask::SecondHalf)];
//! let spec = FlowSpec { shape: Shape::vector(2), math: Math::Libm, layers: &layers };
//!
//! // A bent line: the second feature follows the square of the first.
//! let rows: Vec<f32> = (0..400)
//!     .flat_map(|i| { let a = (i * 37 % 100) as f32 / 50.0 - 1.0; [a, a * a + (i % 7) as f32 * 0.01] })
//!     .collect();
//! let (fit, held_out) = rows.split_at(600);
//! let options = TrainOptions { epochs: 20, batch: 64, learning_rate: 1e-2, ..TrainOptions::default() };
//! let start = init(&spec, fit, options.seed);
//! let before = nvpico::train::mean_log_prob(&spec, &start, held_out)?;
//! let trained = train(&spec, start, fit, held_out, &options, |_| true)?;
//! assert!(trained.held_out_log_prob > before + 0.2);
//! # Ok::<(), nvpico::train::TrainError>(())
//! ```

mod adam;
mod fold;
mod init;
mod parametrization;
#[allow(
    clippy::indexing_slicing,
    reason = "desktop only; ranges come from the spec it was built from"
)]
mod step;
#[cfg(test)]
mod step_tests;

use core::fmt;
use std::vec;
use std::vec::Vec;

use pulp::Arch;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

pub use fold::{Folded, fold};
pub use init::{init, standardization};

use crate::dispatch::has_wide_registers;
use crate::flow::{Flow, ScoreError};
use crate::layer::standardize;
use crate::spec::{Conditioner, FlowSpec, LayerSpec, ResidualForm, SpecError};
use crate::{batch, train::adam::Adam};
use step::{BatchStep, Step};

/// How batch norm uses its statistics while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchNormTraining {
    /// The paper's appendix E: a batch is normalised by the running statistics after they have taken
    /// in the batch's; gradients flow through the batch's part.
    Running {
        /// Weight of the old running statistics, `0 .. 1`.
        momentum: f64,
    },
    /// A batch is normalised by its own statistics; the running ones are kept for inference.
    Batch {
        /// Weight of the old running statistics, `0 .. 1`.
        momentum: f64,
    },
}

/// Everything that decides a training run besides spec and data.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// The most passes over the rows.
    pub epochs: usize,
    /// Rows of a batch.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// L2 decay of weights (the paper: 5e-5).
    pub l2: f32,
    /// The gradient's norm is clipped to this.
    pub clip: f32,
    /// Standard deviation of Gaussian noise on the input, in standardised units; 0 for none. A flow
    /// that begins with a logit is given dequantisation noise instead, uniform within a count's cell.
    pub noise: f32,
    /// Epochs without a better held-out log-density after which training stops.
    pub patience: usize,
    /// Epochs without a better one after which the learning rate is multiplied by `decay`.
    pub plateau: usize,
    /// See `plateau`.
    pub decay: f32,
    /// Statistics of batch norm.
    pub batch_norm: BatchNormTraining,
    /// Decides shuffles and noise.
    pub seed: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            epochs: 200,
            batch: 256,
            learning_rate: 1e-3,
            l2: 5e-5,
            clip: 10.0,
            noise: 0.05,
            patience: 20,
            plateau: 6,
            decay: 0.5,
            batch_norm: BatchNormTraining::Running { momentum: 0.9 },
            seed: 0,
        }
    }
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Counts from 1.
    pub epoch: usize,
    /// Mean log-density of the training rows (with noise, as trained on), in nats.
    pub train_log_prob: f64,
    /// Mean log-density of the held-out rows on running statistics, in nats.
    pub held_out_log_prob: f64,
    /// Whether it is the best so far.
    pub best: bool,
    /// Learning rate of the epoch.
    pub learning_rate: f32,
    /// Batches left out because loss or gradient overflowed.
    pub skipped_batches: usize,
}

/// The best state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Parameters, in the spec's order; batch norms unfolded.
    pub params: Vec<f32>,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: f64,
    /// The epoch it comes from; 0 is the initial state.
    pub best_epoch: usize,
    /// Epochs run.
    pub epochs: usize,
}

/// Why training did not run or gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainError {
    /// The spec or the first parameters are not valid.
    Spec(SpecError),
    /// A table is empty or not a whole number of rows.
    Rows {
        /// Values given.
        values: usize,
        /// Features of a row.
        dim: usize,
    },
    /// A value of the data is NaN or infinite.
    NonFinite {
        /// Row, counted from 0; held-out rows follow the training rows.
        row: usize,
        /// Feature.
        column: usize,
    },
    /// An option is out of its range.
    Option(&'static str),
    /// Loss or gradient overflowed for a whole epoch.
    Diverged {
        /// The epoch.
        epoch: usize,
    },
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainError::Spec(error) => write!(f, "{error}"),
            TrainError::Rows { values, dim } => {
                write!(
                    f,
                    "{values} values are not one or more rows of {dim} features"
                )
            }
            TrainError::NonFinite { row, column } => {
                write!(f, "row {row}, feature {column} is NaN or infinite")
            }
            TrainError::Option(what) => write!(f, "{what}"),
            TrainError::Diverged { epoch } => write!(
                f,
                "training diverged in epoch {epoch}: try a lower learning rate or a bounded log-scale"
            ),
        }
    }
}

impl core::error::Error for TrainError {}

impl From<SpecError> for TrainError {
    fn from(error: SpecError) -> Self {
        TrainError::Spec(error)
    }
}

fn check(
    spec: &FlowSpec<'_>,
    params: &[f32],
    tables: [&[f32]; 2],
    options: &TrainOptions,
) -> Result<(), TrainError> {
    Flow::new(*spec, params)?;
    let is_deployed = |layer: &LayerSpec<'_>| {
        matches!(layer, LayerSpec::Coupling(c) if matches!(c.conditioner,
            Conditioner::ResidualConvolution(net) if net.form == ResidualForm::Deployed))
    };
    if spec.layers.iter().any(is_deployed) {
        return Err(TrainError::Option(
            "a residual convolutional network in its deployed form cannot be trained: keep the trained form",
        ));
    }
    let mut before = 0;
    for table in tables {
        if table.is_empty() || !table.len().is_multiple_of(spec.dim()) {
            return Err(TrainError::Rows {
                values: table.len(),
                dim: spec.dim(),
            });
        }
        if let Some(at) = table.iter().position(|x| !x.is_finite()) {
            return Err(TrainError::NonFinite {
                row: before + at / spec.dim(),
                column: at % spec.dim(),
            });
        }
        before += table.len() / spec.dim();
    }
    let positive = |x: f32| x > 0.0 && x.is_finite();
    let (BatchNormTraining::Running { momentum } | BatchNormTraining::Batch { momentum }) =
        options.batch_norm;
    for (good, what) in [
        (options.batch > 0, "the batch size must be positive"),
        (
            positive(options.learning_rate),
            "the learning rate must be positive",
        ),
        (
            options.l2 >= 0.0 && options.l2.is_finite(),
            "the L2 decay must not be negative",
        ),
        (positive(options.clip), "the gradient clip must be positive"),
        (
            options.noise >= 0.0 && options.noise.is_finite(),
            "the noise must not be negative",
        ),
        (
            positive(options.decay) && options.decay <= 1.0,
            "the learning-rate decay must be within 0 .. 1",
        ),
        (
            (0.0..1.0).contains(&momentum),
            "the batch norm momentum must be within 0 .. 1",
        ),
    ] {
        if !good {
            return Err(TrainError::Option(what));
        }
    }
    Ok(())
}

/// Trains from the parameters `start` on `rows` (`[rows, dim]`, row-major, the user's units); keeps
/// the state with the best mean log-density on `held_out`. `on_epoch` is told of every epoch and ends
/// the run by returning `false`. Runs on rayon's current thread pool.
///
/// # Errors
/// [`TrainError`]: wrong spec, data or options, or a diverged run.
pub fn train(
    spec: &FlowSpec<'_>,
    start: Vec<f32>,
    rows: &[f32],
    held_out: &[f32],
    options: &TrainOptions,
    mut on_epoch: impl FnMut(&Epoch) -> bool,
) -> Result<Trained, TrainError> {
    check(spec, &start, [rows, held_out], options)?;
    let mut params = start;
    let mut run = Run::new(spec, &params, rows, options);
    let mut best = Trained {
        held_out_log_prob: mean_log_prob(spec, &params, held_out)?,
        params: params.clone(),
        best_epoch: 0,
        epochs: 0,
    };
    let (mut since_best, mut since_decay) = (0, 0);
    for epoch in 1..=options.epochs {
        let (train_log_prob, skipped_batches) = run.epoch(&mut params);
        if !train_log_prob.is_finite() {
            return Err(TrainError::Diverged { epoch });
        }
        let held_out_log_prob = mean_log_prob(spec, &params, held_out)?;
        let is_best = held_out_log_prob > best.held_out_log_prob;
        best.epochs = epoch;
        let learning_rate = run.learning_rate;
        if is_best {
            best.held_out_log_prob = held_out_log_prob;
            best.params.copy_from_slice(&params);
            best.best_epoch = epoch;
            (since_best, since_decay) = (0, 0);
        } else {
            since_best += 1;
            since_decay += 1;
            if since_decay >= options.plateau {
                run.learning_rate *= options.decay;
                since_decay = 0;
            }
        }
        let go_on = on_epoch(&Epoch {
            epoch,
            train_log_prob,
            held_out_log_prob,
            best: is_best,
            learning_rate,
            skipped_batches,
        });
        if !go_on || (!is_best && since_best >= options.patience) {
            break;
        }
    }
    Ok(best)
}

/// Mean log-density of a table on running statistics, as deployed: folded, by the engine.
///
/// # Errors
/// [`TrainError`] where the model does not fit or a row is non-finite.
pub fn mean_log_prob(spec: &FlowSpec<'_>, params: &[f32], rows: &[f32]) -> Result<f64, TrainError> {
    let folded = fold(spec, params);
    let flow = Flow::new(folded.spec(spec), &folded.params)?;
    let scores = batch::score(&flow, rows);
    let mut sum = 0.0;
    for (row, score) in scores.iter().enumerate() {
        match score {
            Ok(score) => sum += f64::from(score.log_prob),
            Err(ScoreError::NonFinite { index }) => {
                let column = *index;
                return Err(TrainError::NonFinite { row, column });
            }
            // The table's rows are as wide as the model.
            Err(_) => {}
        }
    }
    Ok(sum / scores.len() as f64)
}

/// What a run carries from batch to batch.
struct Run<'s> {
    dim: usize,
    /// Rows as the first trained layer sees them.
    rows: Vec<f32>,
    order: Vec<usize>,
    /// Log-determinant of the standardisation that `rows` went through, in nats.
    log_det: f64,
    step: std::boxed::Box<dyn BatchStep + 's>,
    adam: Adam,
    decay: Vec<f32>,
    gradient: Vec<f32>,
    input: Vec<f32>,
    random: Xoshiro256PlusPlus,
    arch: Arch,
    batch: usize,
    clip: f64,
    noise: f32,
    /// Whether rows are counts, which noise spreads over their cells.
    counts: bool,
    learning_rate: f32,
}

impl<'s> Run<'s> {
    fn new(spec: &FlowSpec<'s>, params: &[f32], rows: &[f32], options: &TrainOptions) -> Self {
        let dim = spec.dim();
        let mut rows = rows.to_vec();
        let mut log_det = 0.0;
        let mut first = 0;
        if let Some(LayerSpec::Standardize) = spec.layers.first() {
            first = 1;
            for row in rows.chunks_exact_mut(dim) {
                log_det = 0.0;
                standardize::forward(spec.shape, params, row, &mut log_det);
            }
        }
        let (keep, momentum) = match options.batch_norm {
            BatchNormTraining::Running { momentum } => (momentum, momentum),
            BatchNormTraining::Batch { momentum } => (0.0, momentum),
        };
        let count = rows.len() / dim;
        let batch = options.batch.min(count);
        let arch = Arch::new();
        let step: std::boxed::Box<dyn BatchStep + 's> =
            if has_wide_registers(arch) || parametrization::needs_sixteen_lanes(spec) {
                std::boxed::Box::new(Step::<16>::new(*spec, arch, first, batch, keep, momentum))
            } else {
                std::boxed::Box::new(Step::<8>::new(*spec, arch, first, batch, keep, momentum))
            };
        Self {
            dim,
            rows,
            order: (0..count).collect(),
            log_det: f64::from(log_det),
            step,
            adam: Adam::new(params.len()),
            decay: init::decay(spec, options.l2),
            gradient: vec![0.0; params.len()],
            input: Vec::with_capacity(batch * dim),
            random: Xoshiro256PlusPlus::seed_from_u64(options.seed ^ 0x6e76_7069_636f),
            arch,
            batch,
            clip: f64::from(options.clip),
            noise: options.noise,
            counts: matches!(spec.layers.first(), Some(LayerSpec::Logit(_))),
            learning_rate: options.learning_rate,
        }
    }

    /// One pass over all rows in a new order; mean log-density and batches left out.
    fn epoch(&mut self, params: &mut [f32]) -> (f64, usize) {
        shuffle(&mut self.order, &mut self.random);
        let order = core::mem::take(&mut self.order);
        let (mut sum, mut rows, mut skipped) = (0.0, 0, 0);
        for picked in order.chunks(self.batch) {
            self.load(picked);
            self.gradient.fill(0.0);
            let loss = self.step.run(params, &self.input, &mut self.gradient);
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
            self.adam.step(
                self.arch,
                params,
                &self.gradient,
                &self.decay,
                scale as f32,
                self.learning_rate,
            );
            sum -= loss * picked.len() as f64;
            rows += picked.len();
        }
        self.order = order;
        (sum / rows as f64 + self.log_det, skipped)
    }

    /// The picked rows, with noise.
    fn load(&mut self, picked: &[usize]) {
        self.input.clear();
        for &row in picked {
            let from = row * self.dim;
            let row = self.rows.get(from..from + self.dim).unwrap_or(&[]);
            self.input.extend_from_slice(row);
        }
        if self.counts {
            for x in &mut self.input {
                let unit = (self.random.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0);
                let moved = *x + (unit - 0.5);
                // What rounding puts on the end of the cell would be beyond the highest count.
                if moved < *x + 0.5 {
                    *x = moved;
                }
            }
        } else if self.noise > 0.0 {
            for x in &mut self.input {
                let noise: f32 = StandardNormal.sample(&mut self.random);
                *x += self.noise * noise;
            }
        }
    }
}

/// Fisher and Yates.
fn shuffle(order: &mut [usize], random: &mut impl Rng) {
    for last in (1..order.len()).rev() {
        let wide = u128::from(random.next_u64()) * (last as u128 + 1);
        order.swap(last, (wide >> 64) as usize);
    }
}

/// Euclidean norm; sixteen sums side by side in a fixed order.
fn norm(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 16];
    for chunk in values.chunks(16) {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    sums.iter().sum::<f64>().sqrt()
}
