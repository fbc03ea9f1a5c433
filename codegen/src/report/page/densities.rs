//! How log-densities are spread, and how well anomalous rows are told from normal ones.

use super::Section;
use super::html::{Rows, counted, figure, labelled, maybe, nats, picture, text};
use crate::findings::{Findings, Spread};
use crate::output::percent;
use crate::report::plot::{PlotError, density_histogram, roc};

pub(super) fn section(findings: &Findings) -> Result<Section, PlotError> {
    let densities = &findings.densities;
    let svg = density_histogram(densities, findings.threshold)?;
    let words = |own: &Spread| {
        format!(
            "{} rows, median {} nats, {}",
            own.rows,
            own.median.map_or_else(|| "none".into(), nats),
            own.below_threshold
                .map_or_else(String::new, |below| format!("{below} below the threshold"))
        )
    };
    let shows = format!(
        "Histogram of log-densities. Normal: {}.{}{}",
        words(&densities.normal),
        densities
            .anomalous
            .as_ref()
            .map_or_else(String::new, |own| format!(
                " Labelled anomalous: {}.",
                words(own)
            )),
        findings.threshold.map_or_else(String::new, |own| format!(
            " Threshold: {} nats.",
            nats(own)
        ))
    );
    let mut table = Rows::new(
        "Log-densities in nats: medians and quantiles, which a few far rows do not move",
        &[
            "rows",
            "how many",
            "below the threshold",
            "lowest",
            "1 %",
            "25 %",
            "median",
            "75 %",
            "highest",
        ],
    );
    let labelled = densities.anomalous.is_some() || findings.data.anomalous_rows.is_some();
    table.row(cells(
        if labelled { "normal" } else { "all" },
        "/densities/normal",
        &densities.normal,
    ));
    if let Some(own) = &densities.anomalous {
        table.row(cells("labelled anomalous", "/densities/anomalous", own));
    }
    Ok(Section {
        anchor: "densities",
        heading: "How likely the rows are",
        body: picture(
            &svg.replacen("<svg", "<svg data-size=\"small\"", 1),
            &shows,
            "The axis fits the bulk of the normal rows; all that lies further down is in the bar at the left. What is left of the threshold is \
             called anomalous.",
        ) + &table.end(),
    })
}

fn cells(name: &str, place: &str, own: &Spread) -> Vec<String> {
    let quantile = |key: &str, value: Option<f32>| maybe(&format!("{place}/{key}"), value, nats);
    let below = own.below_threshold.map_or_else(
        || "no threshold".into(),
        |below| {
            let share = below as f64 / own.rows.max(1) as f64;
            format!(
                "{} ({})",
                counted(&format!("{place}/below_threshold"), below),
                percent(share)
            )
        },
    );
    vec![
        text(name),
        counted(&format!("{place}/rows"), own.rows),
        below,
        quantile("lowest", own.lowest),
        quantile("percentile_1", own.percentile_1),
        quantile("quartile_1", own.quartile_1),
        quantile("median", own.median),
        quantile("quartile_3", own.quartile_3),
        quantile("highest", own.highest),
    ]
}

/// The receiver operating characteristic.
pub(super) fn separation(findings: &Findings) -> Result<Section, PlotError> {
    let mut section = Section {
        anchor: "separation",
        heading: "What single rows tell",
        body: String::new(),
    };
    let Some(own) = &findings.separation else {
        return Ok(section);
    };
    let at = own.at_threshold.map_or_else(String::new, |point| {
        format!(
            " The model catches {} of the anomalous rows at {} false alarms.",
            percent(point.caught),
            percent(point.false_alarms)
        )
    });
    let svg = roc(own)?.replacen("<svg", "<svg data-size=\"square\"", 1);
    let shows = format!("ROC curve: its area is {:.3}.{at}", own.area);
    let evaluation = &own.evaluation;
    let place = |key: &str| format!("/separation/evaluation/{key}");
    let three = |value: f64| format!("{value:.3}");
    let mut table = Rows::new("Row by row, without the alarm", &["figure", "value"]);
    for (name, cell) in [
        (
            "area under the ROC curve (AUROC)",
            figure("/separation/area", own.area, &three(own.area)),
        ),
        (
            "average precision (AUPRC)",
            maybe(&place("auprc"), evaluation.auprc, three),
        ),
        (
            "F1 at the threshold",
            maybe(&place("f1"), evaluation.f1, three),
        ),
        (
            "anomalous rows caught",
            maybe(
                "/separation/at_threshold/caught",
                own.at_threshold.map(|p| p.caught),
                percent,
            ),
        ),
        (
            "false alarms, of normal rows",
            maybe(
                &place("false_alarm_rate"),
                evaluation.false_alarm_rate,
                percent,
            ),
        ),
        (
            "promised: at most",
            maybe(
                &place("calibrated_false_alarm_rate"),
                evaluation.calibrated_false_alarm_rate,
                percent,
            ),
        ),
    ] {
        table.row([text(name), cell]);
    }
    section.body = format!(
        "<figure>\n<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"plot\">{}</div>\n<figcaption>Each threshold is a point of the \
         curve: how many anomalous rows it catches, at which price in false alarms. The circle is the model's decision: its threshold, and the range of each value, for which it may lie above the curve.{}</figcaption>\n</figure>\n{}",
        labelled(&svg, &shows),
        text(&at),
        table.end()
    );
    Ok(section)
}
