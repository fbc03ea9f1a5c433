//! How well anomalous rows are told from normal ones.

use serde::Serialize;

use crate::data::Table;
use crate::deploy::{Ready, ScoredTable};
use crate::deployed::log_probs;
use crate::evaluation::{Evaluation, evaluate};
use crate::metrics;

/// Points of a curve are at least this far apart.
const APART: f64 = 0.003;

/// What is caught at which price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OperatingPoint {
    /// Share of the normal rows that are called anomalous.
    pub false_alarms: f64,
    /// Share of the anomalous rows that are called so.
    pub caught: f64,
}

/// How well anomalous rows are told from normal ones, row by row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Separation {
    /// As `nvpico eval` prints it.
    pub evaluation: Evaluation,
    /// Area under the curve: how often an anomalous row is less likely than a normal one.
    pub area: f64,
    /// The curve, from (0, 0) to (1, 1).
    pub curve: Vec<OperatingPoint>,
    /// At the threshold; `null` without one.
    pub at_threshold: Option<OperatingPoint>,
}

impl Separation {
    /// Of labelled rows; `None` without labels of both kinds.
    ///
    /// # Errors
    /// Those of an evaluation.
    pub fn of(
        ready: &Ready<'_>,
        table: &Table,
        scored: &ScoredTable,
    ) -> anyhow::Result<Option<Self>> {
        let Some(labels) = &table.labels else {
            return Ok(None);
        };
        let evaluation = evaluate(ready, table, scored, None)?;
        let Some(area) = evaluation.auroc else {
            return Ok(None);
        };
        let judge = ready.judge();
        let log_probs = log_probs(&scored.scores);
        let judged: Vec<usize> = (0..table.rows)
            .filter(|row| !judge.is_given_out_of_range(table.row(*row)))
            .collect();
        let own: Vec<f32> = judged.iter().map(|row| log_probs[*row]).collect();
        let labels: Vec<bool> = judged.iter().map(|row| labels[*row]).collect();
        let whole = metrics::roc_curve(&metrics::scores(&own), &labels);
        Ok(Some(Self {
            area,
            curve: thinned(&whole),
            at_threshold: (evaluation.false_alarm_rate)
                .zip(evaluation.missed_alarm_rate)
                .map(|(false_alarms, missed)| OperatingPoint {
                    false_alarms,
                    caught: 1.0 - missed,
                }),
            evaluation,
        }))
    }
}

/// Without points that a pixel would hide; the ends stay.
fn thinned(curve: &[(f64, f64)]) -> Vec<OperatingPoint> {
    let mut points: Vec<OperatingPoint> = Vec::new();
    for (index, &(false_alarms, caught)) in curve.iter().enumerate() {
        let far = points.last().is_none_or(|last| {
            (false_alarms - last.false_alarms).abs() + (caught - last.caught).abs() > APART
        });
        if far || index + 1 == curve.len() {
            points.push(OperatingPoint {
                false_alarms,
                caught,
            });
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_the_corners() {
        let curve: Vec<(f64, f64)> = (0..=10_000)
            .map(|i| (0.0, f64::from(i) / 1e4))
            .chain([(1.0, 1.0)])
            .collect();
        let thin = thinned(&curve);
        assert!(thin.len() < 400, "{}", thin.len());
        let ends = [thin[0], thin[thin.len() - 1]].map(|p| (p.false_alarms, p.caught));
        assert_eq!(ends, [(0.0, 0.0), (1.0, 1.0)]);
        assert!(thin[thin.len() - 2].caught > 0.99);
    }
}
