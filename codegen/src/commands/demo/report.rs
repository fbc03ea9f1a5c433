//! How well faults are found, kind by kind and beside a Gaussian; and the charts of it.

use std::collections::BTreeMap;

use nvpico::detector::Decision;
use serde::Serialize;

use super::subject::{Judged, Picture, Rows};
use crate::data::Table;
use crate::gaussian::Gaussian;
use crate::metrics;
use crate::output::TextTable;
use crate::plot::{self, Span};

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

/// Compares two scores on the rows of each kind; the flow calls those above `limit` anomalous.
pub fn by_fault(
    flow: &[f64],
    limit: f64,
    gaussian: &[f64],
    anomalous: &[bool],
    groups: &[Rows],
) -> ByFault {
    let all = Rows::new("all", anomalous.to_vec());
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

/// The score that so many of the normal rows exceed.
fn limit_for(false_alarms: usize, scores: &[f64], anomalous: &[bool]) -> f64 {
    let normal = scores.iter().zip(anomalous).filter(|(_, label)| !**label);
    let mut normal: Vec<f64> = normal.map(|(score, _)| *score).collect();
    normal.sort_by(|a, b| b.total_cmp(a));
    normal.get(false_alarms).copied().unwrap_or(f64::INFINITY)
}

/// Scores by a full-covariance Gaussian fitted to the same normal rows.
pub fn gaussian_scores(normal: &[f32], labelled: &Table) -> Vec<f64> {
    let gaussian = Gaussian::fit(normal, labelled.dim());
    let log_prob = |row| gaussian.as_ref().map_or(f64::NAN, |g| g.log_prob(row));
    labelled.iter().map(|row| -log_prob(row)).collect()
}

/// The comparison as a person reads it.
pub fn table(by_fault: &ByFault) -> String {
    let number = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    let share =
        |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{:.1} %", 100.0 * v));
    let mut table = TextTable::new(&["fault", "rows", "AUROC", "Gaussian", "found", "Gaussian"]);
    for (name, found) in by_fault {
        table.row([
            name.replace('_', " "),
            found.rows.to_string(),
            number(found.auroc),
            number(found.gaussian_auroc),
            share(found.found),
            share(found.gaussian_found),
        ]);
    }
    format!(
        "\n{table}found: share of these rows below the model's threshold, and found by a full-covariance Gaussian\n\
         that was fitted to the same rows and raises as many false alarms\n"
    )
}

/// The same for `--json`.
pub fn as_map(by_fault: &ByFault) -> BTreeMap<&'static str, Comparison> {
    by_fault.iter().copied().collect()
}

/// Rows from the first to the last of each fault.
fn spans(faults: &[Option<&'static str>]) -> Vec<Span> {
    let mut spans: Vec<(std::ops::Range<usize>, &'static str)> = Vec::new();
    for (row, fault) in faults.iter().enumerate() {
        let Some(name) = *fault else { continue };
        match spans.last_mut() {
            Some((rows, last)) if rows.end == row && *last == name => rows.end += 1,
            _ => spans.push((row..row + 1, name)),
        }
    }
    let span = |(rows, name): (std::ops::Range<usize>, &str)| Span {
        rows,
        label: name.replace('_', " "),
    };
    spans.into_iter().map(span).collect()
}

/// Histogram, timeline and ROC curves.
///
/// # Errors
/// Whatever keeps them from being drawn.
pub fn charts(
    judged: &Judged<'_>,
    faults: &[Option<&'static str>],
    gaussian: &[f64],
    timeline_rows: usize,
) -> anyhow::Result<Vec<Picture>> {
    let threshold = judged.model.threshold();
    let log_probs = judged.log_probs;
    let anomalous: Vec<bool> = faults.iter().map(Option::is_some).collect();
    let is_alarm = |l: &f32| threshold.is_some_and(|t| Decision::at(*l, t) != Decision::Normal);
    let alarms: Vec<bool> = log_probs.iter().map(is_alarm).collect();
    let curve = |name: &str, scores: &[f64]| {
        let points = metrics::roc_curve(scores, &anomalous);
        (name.to_owned(), points)
    };
    let curves = [
        curve("Real NVP", &metrics::scores(log_probs)),
        curve("Gaussian", gaussian),
    ];
    let histogram = plot::density_histogram(log_probs, &anomalous, threshold)?;
    let rows = timeline_rows.min(faults.len());
    let timeline = plot::density_over_time(
        &log_probs[..rows],
        &alarms[..rows],
        &spans(&faults[..rows]),
        threshold,
        "time in seconds",
    )?;
    Ok(vec![
        ("histogram.svg", histogram.into_bytes()),
        ("timeline.svg", timeline.into_bytes()),
        ("roc.svg", plot::roc(&curves)?.into_bytes()),
    ])
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
            Rows::new("spot", rows(100, 102)),
            Rows::new("dead", rows(102, 103)),
        ];
        let report = as_map(&by_fault(&flow, 98.0, &gaussian, &anomalous, &groups));
        assert_eq!(report["spot"].rows, 2);
        assert_eq!(report["spot"].auroc, Some(0.995));
        assert_eq!(report["spot"].gaussian_auroc, Some(0.555));
        assert_eq!(report["spot"].found, Some(1.0));
        assert_eq!(report["spot"].gaussian_found, Some(0.5));
        assert_eq!(report["dead"].found, Some(0.0));
        assert_eq!(report["all"].rows, 3);
    }

    #[test]
    fn faults_that_follow_each_other_are_told_apart() {
        let (a, b) = (Some("hot_spot"), Some("dead_pixel"));
        let spans = spans(&[None, a, a, b, None, b]);
        let found: Vec<_> = spans
            .iter()
            .map(|s| (s.rows.clone(), s.label.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (1..3, "hot spot"),
                (3..4, "dead pixel"),
                (5..6, "dead pixel")
            ]
        );
    }
}
