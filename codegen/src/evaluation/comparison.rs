//! How well faults are found, fault by fault and beside a Gaussian.

use serde::Serialize;

use crate::data::Table;
use crate::fit::gaussian::Gaussian;
use crate::metrics;

/// Rows with a fault that are reported together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowGroup {
    /// The fault, such as `hot_spot`.
    pub name: &'static str,
    /// Which rows of the recording have it.
    pub included: Vec<bool>,
}

impl RowGroup {
    /// See the fields.
    #[must_use]
    pub fn new(name: &'static str, included: Vec<bool>) -> Self {
        Self { name, included }
    }
}

/// How well the rows of one kind are told from normal ones; the names are those of `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Rows with the fault.
    pub rows: usize,
    /// Area under the ROC curve against all normal rows, of the flow.
    pub auroc: Option<f64>,
    /// The same of a full-covariance Gaussian.
    pub gaussian_auroc: Option<f64>,
    /// Share of the rows that the flow finds at its threshold.
    pub found: Option<f64>,
    /// The same of the Gaussian, at the threshold that gives it as many false alarms.
    pub gaussian_found: Option<f64>,
}

/// By kind, in the order given.
pub type ByFault = Vec<(&'static str, Comparison)>;

/// Compares two scores on the rows of each group, and on all anomalous rows; the flow calls scores above `limit`
/// anomalous, the Gaussian is given as many false alarms.
#[must_use]
pub fn by_fault(
    flow: &[f64],
    limit: f64,
    gaussian: &[f64],
    anomalous: &[bool],
    groups: &[RowGroup],
) -> ByFault {
    let all = RowGroup::new("all", anomalous.to_vec());
    let false_alarms = metrics::Confusion::at(flow, anomalous, limit).false_positive;
    let gaussian_limit = limit_for(false_alarms, gaussian, anomalous);
    groups
        .iter()
        .chain([&all])
        .map(|group| {
            let of = |scores: &[f64], limit: f64| {
                let rows = scores.iter().zip(anomalous).zip(&group.included);
                let (scores, labels): (Vec<f64>, Vec<bool>) = rows
                    .filter(|((_, anomalous), included)| !**anomalous || **included)
                    .map(|((score, anomalous), _)| (*score, *anomalous))
                    .unzip();
                let missed = metrics::Confusion::at(&scores, &labels, limit).missed_alarm_rate();
                (
                    metrics::auroc(&scores, &labels),
                    missed.map(|missed| 1.0 - missed),
                )
            };
            let (auroc, found) = of(flow, limit);
            let (gaussian_auroc, gaussian_found) = of(gaussian, gaussian_limit);
            let rows = group.included.iter().filter(|included| **included).count();
            let report = Comparison {
                rows,
                auroc,
                gaussian_auroc,
                found,
                gaussian_found,
            };
            (group.name, report)
        })
        .collect()
}

/// The score that this many of the normal rows exceed.
fn limit_for(false_alarms: usize, scores: &[f64], anomalous: &[bool]) -> f64 {
    let normal = scores.iter().zip(anomalous).filter(|(_, label)| !**label);
    let mut normal: Vec<f64> = normal.map(|(score, _)| *score).collect();
    normal.sort_by(|a, b| b.total_cmp(a));
    normal.get(false_alarms).copied().unwrap_or(f64::INFINITY)
}

/// Scores by a full-covariance Gaussian fitted to the same normal rows.
#[must_use]
pub fn gaussian_scores(normal: &[f32], labelled: &Table) -> Vec<f64> {
    let gaussian = Gaussian::fit(normal, labelled.dim());
    let log_prob = |row| gaussian.as_ref().map_or(f64::NAN, |g| g.log_prob(row));
    labelled.iter().map(|row| -log_prob(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_compared_with_all_normal_rows_at_the_same_false_alarms() {
        // 100 normal rows with scores 0 .. 99, then two faults of a kind and one of another.
        let mut flow: Vec<f64> = (0..100).map(f64::from).collect();
        let mut gaussian = flow.clone();
        flow.extend([98.5, 200.0, 50.5]);
        gaussian.extend([10.5, 200.0, 50.5]);
        let anomalous: Vec<bool> = (0..103).map(|row| row >= 100).collect();
        let rows = |from: usize, to: usize| (0..103).map(|row| row >= from && row < to).collect();
        let groups = [
            RowGroup::new("spot", rows(100, 102)),
            RowGroup::new("dead", rows(102, 103)),
        ];
        let report = by_fault(&flow, 98.0, &gaussian, &anomalous, &groups);
        let report: std::collections::BTreeMap<_, _> = report.into_iter().collect();
        assert_eq!(report["spot"].rows, 2);
        assert_eq!(report["spot"].auroc, Some(0.995));
        assert_eq!(report["spot"].gaussian_auroc, Some(0.555));
        assert_eq!(report["spot"].found, Some(1.0));
        assert_eq!(report["spot"].gaussian_found, Some(0.5));
        assert_eq!(report["dead"].found, Some(0.0));
        assert_eq!(report["all"].rows, 3);
    }
}
