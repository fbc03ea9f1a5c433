//! The log-density row by row, thinned so that no dip is lost.

use serde::Serialize;

use super::density::{axis, is_anomalous};
use crate::output;

/// Groups of rows that a curve is drawn of: enough to look closer.
const GROUPS: usize = 3_000;

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Dot {
    /// Place of the row among the rows, from 0.
    pub at: usize,
    /// Its log-density, in nats.
    #[serde(serialize_with = "output::serialize_f32")]
    pub log_prob: f32,
}

/// The log-density in time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// Rows.
    pub rows: usize,
    /// Rows a second, where known.
    pub rate: Option<f64>,
    /// The lowest log-density that is drawn, in nats: what lies below is at the edge.
    pub low: f64,
    /// The highest that is drawn.
    pub high: f64,
    /// Rows at the edge.
    pub below: usize,
    /// A group of as many rows is drawn by its lowest and its highest.
    pub group: usize,
    /// The curve.
    pub curve: Vec<Dot>,
}

impl Timeline {
    /// Of log-densities in the order of the rows.
    #[must_use]
    pub fn of(
        log_probs: &[f32],
        labels: Option<&[bool]>,
        threshold: Option<f32>,
        rate: Option<f64>,
    ) -> Self {
        let rows = log_probs.iter().enumerate();
        let normal: Vec<f32> = rows
            .filter(|(row, _)| !is_anomalous(labels, *row))
            .map(|(_, value)| *value)
            .collect();
        let (low, high) = axis(
            if normal.is_empty() {
                log_probs
            } else {
                &normal
            },
            threshold,
        );
        let group = log_probs.len().div_ceil(GROUPS).max(1);
        let mut curve = Vec::new();
        for start in (0..log_probs.len()).step_by(group) {
            let rows = start..(start + group).min(log_probs.len());
            let by_value = |a: &usize, b: &usize| log_probs[*a].total_cmp(&log_probs[*b]);
            let lowest = rows.clone().min_by(by_value).unwrap_or(start);
            let highest = rows.max_by(by_value).unwrap_or(start);
            let mut both = vec![lowest.min(highest), lowest.max(highest)];
            both.dedup();
            curve.extend(both.into_iter().map(|at| Dot {
                at,
                log_prob: log_probs[at],
            }));
        }
        Self {
            rows: log_probs.len(),
            rate,
            low,
            high,
            below: (log_probs.iter())
                .filter(|value| value.is_nan() || f64::from(**value) < low)
                .count(),
            group,
            curve,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_record_keeps_its_dips() {
        let mut log_probs = vec![0.0; 100_000];
        log_probs[54_321] = -9.0;
        let found = Timeline::of(&log_probs, None, Some(-3.0), Some(1.0));
        assert!(found.curve.len() <= 2 * GROUPS, "{}", found.curve.len());
        let lowest = found
            .curve
            .iter()
            .min_by(|a, b| a.log_prob.total_cmp(&b.log_prob));
        assert_eq!(lowest.map(|dot| dot.at), Some(54_321));
        assert!(found.curve.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert_eq!((found.group, found.below), (34, 1));
    }

    #[test]
    fn infinities_are_numbers_in_json() {
        let dot = Dot {
            at: 3,
            log_prob: f32::NEG_INFINITY,
        };
        let text = serde_json::to_string(&dot).unwrap();
        assert_eq!(text, r#"{"at":3,"log_prob":-1.7976931348623157e+308}"#);
    }
}
