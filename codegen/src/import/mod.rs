//! Weights trained elsewhere, as models of this program.
//!
//! Each source has a file; all give a [`Model`] without calibration, in the engine's parameter order.

pub mod plain;

use std::path::{Path, PathBuf};

use nvpico::conditioner::dense::panels;
use safetensors::tensor::{Dtype, SafeTensors};

use crate::model::Model;

/// Why weights were not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's contents do not fit.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The imported model disagrees with the reference.
    #[error(
        "row {row} of {path}: log_prob is {found}, the reference says {expected} (difference {difference:.3e}, allowed {allowed:.3e}); nothing was written"
    )]
    Disagrees {
        /// The file of reference vectors.
        path: PathBuf,
        /// The worst row, from 0.
        row: usize,
        /// The reference.
        expected: f64,
        /// What the model gives.
        found: f32,
        /// Absolute difference.
        difference: f64,
        /// Allowed there.
        allowed: f64,
    },
}

/// How an imported model compares with its reference.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Agreement {
    /// Rows compared.
    pub rows: usize,
    /// Largest absolute difference of the log-density, in nats.
    pub largest_error: f64,
    /// The reference library's own float32 error, where the file tells it.
    pub library_float32_error: Option<f64>,
}

/// A row may differ from its float64 reference by this, in nats: a float32 engine on a strong model.
fn allowed(expected: f64, library_error: Option<f64>) -> f64 {
    (2.0 * library_error.unwrap_or(0.0)).max(1e-5 + 1e-6 * expected.abs())
}

/// Replays `x` of a file of reference vectors (`x`, `log_prob`, optionally `log_prob_f32`).
///
/// # Errors
/// [`ImportError`] where the file does not fit or a row disagrees.
pub fn check(model: &Model, path: &Path) -> Result<Agreement, ImportError> {
    let content = |reason: String| ImportError::Content {
        path: path.to_owned(),
        reason,
    };
    let bytes = read(path)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| content(e.to_string()))?;
    let x = floats(&tensors, "x").map_err(content)?;
    let expected = floats(&tensors, "log_prob").map_err(content)?;
    let library = floats(&tensors, "log_prob_f32").ok();
    let dim = model.header.spec.dim;
    if x.len() != expected.len() * dim {
        return Err(content(format!(
            "x holds {} values, {} rows of {dim} features are expected",
            x.len(),
            expected.len()
        )));
    }
    let library_error = library.map(|library| {
        library
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max)
    });
    #[allow(
        clippy::cast_possible_truncation,
        reason = "x was float32 in the file or is rounded to it"
    )]
    let rows: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let scores = model.deploy().score(&rows);
    let mut worst = (0, 0.0_f64, f64::NEG_INFINITY);
    let mut largest = 0.0_f64;
    for (row, (score, &expected)) in scores.iter().zip(&expected).enumerate() {
        let found = score.map_or(f32::NAN, |s| s.log_prob);
        let difference = (f64::from(found) - expected).abs();
        let difference = if difference.is_nan() {
            f64::INFINITY
        } else {
            difference
        };
        largest = largest.max(difference);
        let excess = difference - allowed(expected, library_error);
        if excess > worst.2 {
            worst = (row, difference, excess);
        }
    }
    if worst.2 > 0.0 {
        let (row, difference, _) = worst;
        return Err(ImportError::Disagrees {
            path: path.to_owned(),
            row,
            expected: expected[row],
            found: scores[row].map_or(f32::NAN, |s| s.log_prob),
            difference,
            allowed: allowed(expected[row], library_error),
        });
    }
    Ok(Agreement {
        rows: scores.len(),
        largest_error: largest,
        library_float32_error: library_error,
    })
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    std::fs::read(path).map_err(|source| ImportError::Io {
        path: path.to_owned(),
        source,
    })
}

/// A float tensor's values in row-major order.
pub(crate) fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f64>, String> {
    let tensor = tensors
        .tensor(name)
        .map_err(|_| format!("tensor `{name}` is missing"))?;
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => {
            let (values, _) = data.as_chunks::<4>();
            Ok(values
                .iter()
                .map(|b| f64::from(f32::from_le_bytes(*b)))
                .collect())
        }
        Dtype::F64 => {
            let (values, _) = data.as_chunks::<8>();
            Ok(values.iter().map(|b| f64::from_le_bytes(*b)).collect())
        }
        other => Err(format!("tensor `{name}` is {other:?}, expected F32 or F64")),
    }
}

/// Appends a dense layer's parameters in the engine's panels, from `weight[outputs][inputs]` and
/// `bias[outputs]`.
pub(crate) fn push_dense(params: &mut Vec<f32>, weight: &[f32], bias: &[f32]) {
    let inputs = weight.len() / bias.len().max(1);
    let mut from = 0;
    for width in panels(bias.len()) {
        let panel = from..from + width;
        params.extend_from_slice(&bias[panel.clone()]);
        for input in 0..inputs {
            params.extend(panel.clone().map(|output| weight[output * inputs + input]));
        }
        from += width;
    }
}
