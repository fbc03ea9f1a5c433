//! Maximum likelihood training on the engine's kernels (feature `std`).
//!
//! The forward pass of training is the forward pass of the chip with activations kept; each layer's `backward`
//! is next to its `forward`. The same seed gives the same bits with any number of threads and on any x86-64.
//!
//! ```
//! use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, ScaleMap, Shape, Transform};
//! use nvpico::train::{TrainOptions, init, train};
//! use nvpico::{FlowSpec, LayerSpec};
//!
//! let coupling = |mask| LayerSpec::Coupling(CouplingSpec::new(
//!     mask,
//!     Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.0 }),
//!     Conditioner::Dense(DenseSpec::new(&[8], Activation::Relu)),
//! ));
//! let layers = [LayerSpec::Standardize, coupling(Mask::FirstHalf), coupling(Mask::SecondHalf)];
//! let spec = FlowSpec::new(Shape::vector(2), &layers);
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
#[allow(
    clippy::indexing_slicing,
    reason = "desktop only; lengths come from the rows"
)]
pub mod mixture;
mod options;
mod parametrization;
#[doc(hidden)]
pub mod probe;
mod run;
#[allow(
    clippy::indexing_slicing,
    reason = "desktop only; ranges come from the spec it was built from"
)]
mod step;
#[doc(hidden)]
#[allow(
    clippy::indexing_slicing,
    reason = "desktop only; lengths come from the dimension"
)]
pub mod triangle;

use std::vec::Vec;

pub use fold::{Folded, fold};
pub use init::init;
#[doc(hidden)]
pub use init::standardization;
pub use options::{BatchNormTraining, TrainError, TrainOptions};

use crate::flow::batch;
use crate::flow::{Flow, ScoreError};
use crate::spec::FlowSpec;
use options::check;
use run::Run;

/// Result of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Mean log-density of the training rows (with noise, as trained on), in nats.
    pub train_log_prob: f64,
    /// Mean log-density of the held-out rows with running statistics, in nats.
    pub held_out_log_prob: f64,
    /// Whether it is the best so far.
    pub best: bool,
    /// Learning rate of the epoch.
    pub learning_rate: f32,
    /// Number of batches skipped because loss or gradient overflowed.
    pub skipped_batches: usize,
}

/// The best state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Parameters in the spec's order; batch norms are not folded.
    pub params: Vec<f32>,
    /// Mean log-density of the held-out rows, in nats.
    pub held_out_log_prob: f64,
    /// The epoch that the parameters are from; 0 is the initial state.
    pub best_epoch: usize,
    /// Number of epochs run.
    pub epochs: usize,
}

/// How parameters are rounded where the model is used, for example to 8-bit weights.
#[doc(hidden)]
pub trait Rounding {
    /// The rounded parameters, in the same order; running statistics are unchanged. `None` if parameters are
    /// not rounded.
    fn rounded(&self, params: &[f32]) -> Option<Vec<f32>>;
}

/// Parameters are not rounded.
#[derive(Clone, Copy, Debug, Default)]
#[doc(hidden)]
pub struct NoRounding;

impl Rounding for NoRounding {
    fn rounded(&self, _params: &[f32]) -> Option<Vec<f32>> {
        None
    }
}

/// Trains on `rows` (`[rows, dim]`, row-major, in the user's units), starting from the parameters `start`;
/// keeps the state with the best mean log-density on `held_out`. `on_epoch` is called after every epoch and
/// ends the run by returning `false`. Runs on rayon's current thread pool.
///
/// # Errors
/// [`TrainError`] for an invalid spec, data or options, or if the run diverges.
pub fn train(
    spec: &FlowSpec<'_>,
    start: Vec<f32>,
    rows: &[f32],
    held_out: &[f32],
    options: &TrainOptions,
    on_epoch: impl FnMut(&Epoch) -> bool,
) -> Result<Trained, TrainError> {
    let never = || false;
    train_rounded(
        spec,
        start,
        rows,
        held_out,
        options,
        &NoRounding,
        &never,
        on_epoch,
    )
}

/// Trains through a rounding by the straight-through estimator (arXiv:1308.3432): log-densities and gradients
/// are those of the rounded parameters, and steps are applied to the unrounded ones, which [`Trained::params`]
/// contains. `stop` is asked after every batch and ends the run without finishing the epoch.
///
/// # Errors
/// [`TrainError`] for an invalid spec, data or options, or if the run diverges.
#[doc(hidden)]
#[allow(
    clippy::too_many_arguments,
    reason = "all of them are different things"
)]
pub fn train_rounded(
    spec: &FlowSpec<'_>,
    start: Vec<f32>,
    rows: &[f32],
    held_out: &[f32],
    options: &TrainOptions,
    rounding: &dyn Rounding,
    stop: &dyn Fn() -> bool,
    mut on_epoch: impl FnMut(&Epoch) -> bool,
) -> Result<Trained, TrainError> {
    check(spec, &start, [rows, held_out], options)?;
    let mut params = start;
    let mut run = Run::new(spec, &params, rows, options);
    let judge = |params: &[f32]| {
        let rounded = rounding.rounded(params);
        mean_log_prob(spec, rounded.as_deref().unwrap_or(params), held_out)
    };
    let mut best = Trained {
        held_out_log_prob: judge(&params)?,
        params: params.clone(),
        best_epoch: 0,
        epochs: 0,
    };
    let (mut since_best, mut since_decay) = (0, 0);
    for epoch in 1..=options.epochs {
        let (train_log_prob, skipped_batches) = run.epoch(&mut params, rounding, stop);
        if stop() {
            break;
        }
        if !train_log_prob.is_finite() {
            return Err(TrainError::Diverged { epoch });
        }
        let held_out_log_prob = judge(&params)?;
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

/// Mean log-density of a table as deployed: the model is folded and scored by the engine.
///
/// # Errors
/// [`TrainError`] if the model is invalid or a row is non-finite.
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
