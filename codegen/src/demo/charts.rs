//! The charts that all demos have.

use nvpico::detector::Decision;

use super::subject::{Judged, Picture};
use crate::evaluation::episodes;
use crate::metrics;
use crate::report::plot::{self, Span};

/// Rows from the first to the last of each fault.
fn spans(faults: &[Option<&'static str>]) -> Vec<Span> {
    let anomalous: Vec<bool> = faults.iter().map(Option::is_some).collect();
    let span = |rows: std::ops::Range<usize>| Span {
        label: faults[rows.start].unwrap_or_default().replace('_', " "),
        rows,
    };
    episodes(&anomalous, faults).into_iter().map(span).collect()
}

/// Histogram, timeline and ROC curves.
///
/// # Errors
/// Whatever keeps them from being drawn.
pub fn charts(
    judged: &Judged<'_>,
    faults: &[Option<&'static str>],
    gaussian: &[f64],
    (timeline_rows, time_axis): (usize, &str),
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
        time_axis,
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
