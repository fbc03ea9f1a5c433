//! The error of a precision: its log-densities against double precision, on the rows themselves and on rows
//! far outside, where a quantised flow may fail although averages look fine.
//!
//! | figure | on |
//! | --- | --- |
//! | largest error, error that 99.9 % stay below | the rows, and the same moved away from their mean |
//! | false normals by rounding | moved rows that double precision calls anomalous |
//! | change in AUROC | labelled rows |

use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::{Deployed, Ready};
use crate::metrics;

use crate::output::{self, TextTable};
use crate::precision::Precision;
use nvpico_reference as reference;

/// Factors by which rows are moved away from their mean.
const FAR: [f32; 3] = [4.0, 16.0, 64.0];
/// The most multiply-accumulates in double precision; more rows are thinned out.
const MOST_WORK: usize = 4_000_000_000;
/// Rows drawn from the model where none are given.
const DRAWN: usize = 2000;

/// Errors of log-densities, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Rows compared: those whose log-density is finite on both sides.
    pub rows: usize,
    /// The largest error.
    #[serde(serialize_with = "output::serialize_option")]
    pub largest: Option<f64>,
    /// All but a thousandth of the errors are below it.
    #[serde(serialize_with = "output::serialize_option")]
    pub most: Option<f64>,
}

/// The error of a precision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Certificate {
    /// The precision.
    pub precision: Precision,
    /// On the rows.
    pub near: Errors,
    /// On the rows moved away from their mean.
    pub far: Errors,
    /// Of the moved rows, those that double precision calls anomalous and this precision does not; `null`
    /// without a threshold.
    pub passed_by_rounding: Option<usize>,
    /// AUROC less that of double precision; `null` without labels.
    pub auroc_change: Option<f64>,
}

impl Certificate {
    /// Compares on rows (row-major, in the units of the sensors).
    #[must_use]
    pub fn new(ready: &Ready<'_>, rows: &[f32], labels: Option<&[bool]>) -> Self {
        let deployed = ready.model.deploy();
        let dim = deployed.spec.dim();
        let step = stride(rows.len() / dim, &deployed);
        let labels: Option<Vec<bool>> = labels.map(|l| l.iter().step_by(step).copied().collect());
        let labels = labels.as_deref();
        let rows = &thinned(rows, dim, step);
        let exact = exact_log_probs(&deployed, rows);
        let found = ready.log_probs(rows);
        let normal = normal_rows(rows, dim, labels);
        let far: Vec<f32> = FAR.iter().flat_map(|&by| moved(&normal, dim, by)).collect();
        let (far_exact, far_found) = (exact_log_probs(&deployed, &far), ready.log_probs(&far));
        let passed = ready.threshold().map(|threshold| {
            let pairs = far_exact.iter().zip(&far_found);
            let is_raised = |(exact, found): &(&f64, &f32)| {
                **exact < f64::from(threshold) && **found >= threshold
            };
            pairs.filter(is_raised).count()
        });
        let auroc_change = labels.and_then(|labels| {
            let exact: Vec<f64> = exact.iter().map(|l| -l).collect();
            let found = metrics::auroc(&metrics::scores(&found), labels)?;
            Some(found - metrics::auroc(&exact, labels)?)
        });
        Self {
            precision: ready.precision(),
            near: errors(&exact, &found),
            far: errors(&far_exact, &far_found),
            passed_by_rounding: passed,
            auroc_change,
        }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = TextTable::new(&["log-density", "rows", "largest error", "99.9 % below"]);
        for (name, errors) in [("rows", self.near), ("moved 4, 16, 64 times out", self.far)] {
            let nats =
                |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2e} nats"));
            table.row([
                name.to_owned(),
                errors.rows.to_string(),
                nats(errors.largest),
                nats(errors.most),
            ]);
        }
        writeln!(f, "{} against double precision:", self.precision)?;
        write!(f, "{table}")?;
        if let Some(passed) = self.passed_by_rounding {
            writeln!(f, "moved rows that pass for normal by rounding: {passed}")?;
        }
        if let Some(change) = self.auroc_change {
            writeln!(f, "AUROC: {change:+.5}")?;
        }
        Ok(())
    }
}

/// Rows that a model draws by itself.
#[must_use]
pub fn drawn(model: &Deployed) -> Vec<f32> {
    model.drawn(2, DRAWN)
}

/// The step between rows that double precision has time for.
fn stride(rows: usize, model: &Deployed) -> usize {
    let layers = model.spec.layers();
    let work = model.spec.flow_spec(&layers).multiply_accumulates().max(1);
    rows.div_ceil((MOST_WORK / work).max(1)).max(1)
}

fn thinned(rows: &[f32], dim: usize, step: usize) -> Vec<f32> {
    let rows = rows.chunks_exact(dim).step_by(step);
    rows.flatten().copied().collect()
}

fn exact_log_probs(model: &Deployed, rows: &[f32]) -> Vec<f64> {
    let layers = model.spec.layers();
    let spec = model.spec.flow_spec(&layers);
    let params = reference::wide(&model.params);
    let log_prob = |row: &[f32]| {
        let found = reference::forward(&spec, &params, &reference::wide(row)).log_prob;
        if found.is_nan() {
            f64::NEG_INFINITY
        } else {
            found
        }
    };
    rows.par_chunks_exact(spec.dim()).map(log_prob).collect()
}

fn normal_rows(rows: &[f32], dim: usize, labels: Option<&[bool]>) -> Vec<f32> {
    let is_normal = |at: usize| labels.is_none_or(|labels| !labels[at]);
    let rows = rows.chunks_exact(dim).enumerate();
    rows.filter(|(at, row)| is_normal(*at) && row.iter().all(|x| x.is_finite()))
        .flat_map(|(_, row)| row)
        .copied()
        .collect()
}

/// The rows, `by` times as far from their mean.
fn moved(rows: &[f32], dim: usize, by: f32) -> Vec<f32> {
    let count = (rows.len() / dim).max(1) as f64;
    let mut means = vec![0.0_f64; dim];
    for row in rows.chunks_exact(dim) {
        for (mean, &x) in means.iter_mut().zip(row) {
            *mean += f64::from(x) / count;
        }
    }
    let move_value = |(at, &x): (usize, &f32)| {
        let mean = means[at % dim] as f32;
        mean + by * (x - mean)
    };
    rows.iter().enumerate().map(move_value).collect()
}

fn errors(exact: &[f64], found: &[f32]) -> Errors {
    let pairs = exact.iter().zip(found);
    let finite = pairs.filter(|(exact, found)| exact.is_finite() && found.is_finite());
    let mut errors: Vec<f64> = finite.map(|(e, &f)| (e - f64::from(f)).abs()).collect();
    errors.sort_by(f64::total_cmp);
    let rows = errors.len();
    Errors {
        rows,
        largest: errors.last().copied(),
        most: errors.get((rows as f64 * 0.999) as usize).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_ranked() {
        let exact = [1.0, 2.0, f64::NEG_INFINITY, 4.0];
        let found = [1.5, 2.0, 0.0, 3.0];
        let errors = errors(&exact, &found);
        assert_eq!((errors.rows, errors.largest), (3, Some(1.0)));
    }

    #[test]
    fn moved_rows_keep_their_mean() {
        let moved = moved(&[1.0, 10.0, 3.0, 30.0], 2, 4.0);
        assert_eq!(moved, [-2.0, -20.0, 6.0, 60.0]);
    }
}
