//! An imported model against the float64 results of the library it comes from.

use std::path::Path;

use nvpico::{Flow, Score, ScoreError};
use safetensors::tensor::SafeTensors;

use super::{ImportError, content, floats, read};
use crate::deploy::Deployed;
use crate::model::Model;
use crate::output;

/// Reference rows farther out than this are not the model's: root mean square of the latent values, 1 for its own rows.
const FARTHEST: f64 = 100.0;

/// How an imported model compares with its reference.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Agreement {
    /// Rows compared.
    pub rows: usize,
    /// Largest absolute difference of the log-density, in nats.
    #[serde(serialize_with = "output::serialize_number")]
    pub largest_error: f64,
    /// The float32 error of the reference library itself, where the file states it.
    #[serde(serialize_with = "output::serialize_option")]
    pub library_float32_error: Option<f64>,
    /// Largest absolute difference of a latent value, where the file has `z`.
    #[serde(serialize_with = "output::serialize_option")]
    pub z_error: Option<f64>,
    /// Largest absolute difference of a sample's value, where the file has `z_sample` and `x_sample`.
    #[serde(serialize_with = "output::serialize_option")]
    pub x_error: Option<f64>,
}

/// Replays a file of reference vectors: `x` to `log_prob`, and where it has them also `x` to `z` and
/// `z_sample` to `x_sample`; `log_prob_f32` is the library's own float32 result.
///
/// A value may differ from its float64 reference by the larger of `1e-5 + 1e-6 * |value|` and twice
/// the library's largest float32 error of `log_prob`. The latter also stands for `z` and `x_sample`:
/// what makes a log-density inexact is mostly the error of its `z`, times `z`, and a model that
/// expands in one direction does so in the other too. Where the file has float32 results of them,
/// `z_f32` or `x_sample_f32`, the library's error there counts if it is larger.
///
/// # Errors
/// [`ImportError`] where the file does not fit or a row disagrees.
pub fn check(model: &Model, path: &Path) -> Result<Agreement, ImportError> {
    compare(model, 0, path)
}

/// [`check`] for a library whose `z` is what goes into the last `base_layers` layers.
pub(super) fn compare(
    model: &Model,
    base_layers: usize,
    path: &Path,
) -> Result<Agreement, ImportError> {
    let bytes = read(path)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| content(path, e.to_string()))?;
    let dim = model.header.spec.dim();
    let get = |name: &str| floats(&tensors, name).map_err(|reason| content(path, reason));
    let table = |name: &str, rows: usize| -> Result<Vec<f64>, ImportError> {
        let values = get(name)?;
        if values.len() == rows * dim {
            return Ok(values);
        }
        Err(content(
            path,
            format!(
                "{name} holds {} values, {rows} rows of {dim} features are expected",
                values.len()
            ),
        ))
    };
    let has = |name: &str| tensors.tensor(name).is_ok();

    let expected = get("log_prob")?;
    if expected.is_empty() {
        return Err(content(path, "log_prob holds no rows".into()));
    }
    let x = single(&table("x", expected.len())?);
    let library = if has("log_prob_f32") {
        let own = get("log_prob_f32")?;
        if own.len() != expected.len() {
            let found = own.len();
            return Err(content(
                path,
                format!(
                    "log_prob_f32 holds {found} rows, {} are expected",
                    expected.len()
                ),
            ));
        }
        Some(library_error(&own, &expected))
    } else {
        None
    };
    let judge = Judge {
        path,
        library: library.unwrap_or(0.0),
    };
    // Of `z` and `x_sample`, where the file also has float32 results for them.
    let judge_of = |name: &str, expected: &[f64]| -> Result<Judge<'_>, ImportError> {
        let name = format!("{name}_f32");
        if !has(&name) {
            return Ok(judge);
        }
        let own = table(&name, expected.len() / dim)?;
        let library = judge.library.max(library_error(&own, expected));
        Ok(Judge { path, library })
    };
    let deployed = model.deploy();
    let scores = deployed.score(&x);
    near(&scores, dim).map_err(|reason| content(path, reason))?;
    let found: Vec<f32> = scores
        .iter()
        .map(|score| score.map_or(f32::NAN, |s| s.log_prob))
        .collect();
    let largest_error = judge.compare(&found, &expected, |at| (at, "log_prob".to_owned()))?;

    let flow = without_last(deployed, base_layers);
    let feature =
        |name: &'static str| move |at: usize| (at / dim, format!("feature {} of {name}", at % dim));
    let z_error = if has("z") {
        let found = map_rows(&flow, &x, |flow, row, scratch| {
            flow.forward(row, scratch).is_ok()
        });
        let expected = table("z", expected.len())?;
        let judge = judge_of("z", &expected)?;
        Some(judge.compare(&found, &expected, feature("z"))?)
    } else {
        None
    };
    let x_error = if has("z_sample") || has("x_sample") {
        let z = get("z_sample")?;
        let rows = z.len() / dim;
        let z = single(&table("z_sample", rows)?);
        let found = map_rows(&flow, &z, |flow, row, scratch| {
            flow.inverse(row, scratch).is_ok()
        });
        let expected = table("x_sample", rows)?;
        let judge = judge_of("x_sample", &expected)?;
        Some(judge.compare(&found, &expected, feature("x_sample"))?)
    } else {
        None
    };
    Ok(Agreement {
        rows: expected.len(),
        largest_error,
        library_float32_error: library,
        z_error,
        x_error,
    })
}

/// Refuses rows of which most lie where no row of the training can have been: there float32 is so inexact that everything
/// agrees.
fn near(scores: &[Result<Score, ScoreError>], dim: usize) -> Result<(), String> {
    let mut norms: Vec<f32> = (scores.iter().flatten())
        .map(|score| score.z_norm_sq)
        .collect();
    norms.sort_by(f32::total_cmp);
    let Some(&median) = norms.get(norms.len() / 2) else {
        return Ok(());
    };
    let deviations = (f64::from(median) / dim as f64).sqrt();
    if deviations <= FARTHEST {
        return Ok(());
    }
    Err(format!(
        "half of its rows lie more than {deviations:.0} standard deviations from what the model knows, so that they show \
         nothing: was it trained on standardised rows? Then give these to scripts/convert.py, and here --mean and --scale, \
         or --scaler FILE, of the standardisation"
    ))
}

#[derive(Clone, Copy)]
struct Judge<'a> {
    path: &'a Path,
    library: f64,
}

impl Judge<'_> {
    fn allowed(&self, expected: f64) -> f64 {
        (2.0 * self.library).max(1e-5 + 1e-6 * expected.abs())
    }

    /// The largest difference, or the worst disagreement. `place` says which row a value stands in
    /// and what it is.
    fn compare(
        &self,
        found: &[f32],
        expected: &[f64],
        place: impl Fn(usize) -> (usize, String),
    ) -> Result<f64, ImportError> {
        let mut worst = (0, 0.0_f64, 0.0_f64);
        let mut largest = 0.0_f64;
        for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let difference = distance(f64::from(found), expected);
            largest = largest.max(difference);
            let excess = difference - self.allowed(expected);
            if excess > worst.2 {
                worst = (at, difference, excess);
            }
        }
        let (at, difference, excess) = worst;
        if excess <= 0.0 {
            return Ok(largest);
        }
        let (row, what) = place(at);
        Err(ImportError::Disagrees {
            path: self.path.to_owned(),
            what,
            row,
            expected: expected[at],
            found: found[at],
            difference,
            allowed: self.allowed(expected[at]),
        })
    }
}

/// Absolute difference; infinite where one is NaN, or only one is infinite.
fn distance(a: f64, b: f64) -> f64 {
    let difference = (a - b).abs();
    if difference.is_finite() {
        difference
    } else if a.is_infinite() && a.total_cmp(&b).is_eq() {
        0.0
    } else {
        f64::INFINITY
    }
}

fn library_error(single: &[f64], double: &[f64]) -> f64 {
    single
        .iter()
        .zip(double)
        .map(|(a, b)| (a - b).abs())
        .filter(|error| error.is_finite())
        .fold(0.0, f64::max)
}

/// The flow without its last layers.
fn without_last(mut deployed: Deployed, layers: usize) -> Deployed {
    for _ in 0..layers {
        deployed.spec.layers.pop();
    }
    let layers = deployed.spec.layers();
    let left = deployed.spec.flow_spec(&layers).param_len();
    drop(layers);
    deployed.params.truncate(left);
    deployed
}

/// Rows after `pass`; NaN for a row that it does not take.
fn map_rows(
    deployed: &Deployed,
    rows: &[f32],
    pass: impl Fn(&Flow<'_>, &mut [f32], &mut [f32]) -> bool,
) -> Vec<f32> {
    deployed.with_flow(|flow| {
        let mut scratch = vec![0.0; flow.spec().scratch_len()];
        let mut mapped = rows.to_vec();
        for row in mapped.chunks_exact_mut(flow.dim()) {
            if !pass(flow, row, &mut scratch) {
                row.fill(f32::NAN);
            }
        }
        mapped
    })
}

/// What was float32 in the file, or is rounded to it.
fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}
