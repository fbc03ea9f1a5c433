//! Training options, and reasons why training fails.

use core::fmt;
use std::vec::Vec;

use crate::flow::Flow;
use crate::spec::{Conditioner, FlowSpec, LayerSpec, ResidualForm, SpecError};

/// How batch norm uses its statistics while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchNormTraining {
    /// The paper's appendix E: a batch is normalised by the running statistics, updated with the batch's;
    /// gradients flow through the batch's part.
    Running {
        /// Weight of the old running statistics, `0 .. 1`.
        momentum: f64,
    },
    /// A batch is normalised by its own statistics; running statistics are tracked for inference.
    Batch {
        /// Weight of the old running statistics, `0 .. 1`.
        momentum: f64,
    },
}

/// Everything that determines a training run besides spec and data.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// Maximum number of passes over the rows.
    pub epochs: usize,
    /// Rows per batch.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// L2 decay of weights (the paper: 5e-5).
    pub l2: f32,
    /// Maximum norm of the gradient; larger ones are clipped.
    pub clip: f32,
    /// Standard deviation of Gaussian noise added to the input, in standardised units; 0 for none. A flow that
    /// starts with a logit gets dequantisation noise instead, uniform within a count's cell.
    pub noise: f32,
    /// Width of the uniform noise added to each feature, in standardised units: a value that comes in steps lies anywhere
    /// within one. Empty for none.
    pub steps: Vec<f32>,
    /// Training stops after this many epochs without a better held-out log-density.
    pub patience: usize,
    /// The learning rate is multiplied by `decay` after this many epochs without a better one.
    pub plateau: usize,
    /// See `plateau`.
    pub decay: f32,
    /// Batch norm statistics used in training.
    pub batch_norm: BatchNormTraining,
    /// Seed for shuffling and noise.
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
            steps: Vec::new(),
            patience: 20,
            plateau: 6,
            decay: 0.5,
            batch_norm: BatchNormTraining::Running { momentum: 0.9 },
            seed: 0,
        }
    }
}

/// Why training did not start, or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainError {
    /// The spec or the initial parameters are invalid.
    Spec(SpecError),
    /// A table is empty or not a whole number of rows.
    Rows {
        /// Number of values given.
        values: usize,
        /// Number of features per row.
        dim: usize,
    },
    /// A value of the data is NaN or infinite.
    NonFinite {
        /// Index of the row, from 0; held-out rows follow the training rows.
        row: usize,
        /// Index of the feature.
        column: usize,
    },
    /// An option is out of range.
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

/// Checks everything before the first batch.
pub(super) fn check(
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
            options
                .steps
                .iter()
                .all(|step| *step >= 0.0 && step.is_finite()),
            "the steps must not be negative",
        ),
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
