//! The score in time, with alarms and episodes.

use super::Section;
use super::html::{Rows, count, counted, figure, maybe, nats, picture, text};
use crate::calibration::time_words;
use crate::findings::{AlarmFindings, Findings, Stretch};
use crate::report::plot::{PlotError, density_over_time};

/// Alarms and episodes that are listed.
const MOST_LISTED: usize = 40;

pub(super) fn section(findings: &Findings) -> Result<Section, PlotError> {
    let alarm = findings.alarm.as_ref();
    let marks = alarm.map(AlarmFindings::marks).unwrap_or_default();
    let svg = density_over_time(&findings.timeline, &marks, findings.threshold)?;
    let timeline = &findings.timeline;
    let shows = format!(
        "Log-density of {} rows in time{}: {} alarms{}. {} rows lie below the axis.",
        timeline.rows,
        findings
            .threshold
            .map_or_else(String::new, |own| format!(", threshold {} nats", nats(own))),
        marks.alarms.len(),
        if marks.faults.is_empty() {
            String::new()
        } else {
            format!(", {} labelled episodes", marks.faults.len())
        },
        timeline.below
    );
    let caption = format!(
        "Rows that are far below are drawn at the edge.{} {}",
        if timeline.group > 1 {
            format!(
                " Of {} rows in a row the lowest and the highest are drawn, so that no dip is lost.",
                count(timeline.group)
            )
        } else {
            String::new()
        },
        if marks.faults.is_empty() {
            "Alarms are in the strip above the curve."
        } else {
            "Labelled episodes are shaded; alarms are in the strip above the curve. At the end of an episode the alarm is taken as acknowledged."
        }
    );
    let mut body = picture(&svg, &shows, &caption);
    match alarm {
        Some(alarm) => {
            body += &episodes(alarm);
            body += &by_fault(alarm);
            body += &alarms(alarm);
        }
        None => {
            body += "<p>The model has no alarm: <code>nvpico calibrate</code> sets one by a longer record of normal rows.</p>\n";
        }
    }
    Ok(Section {
        anchor: "time",
        heading: "The score in time",
        body,
    })
}

fn episodes(alarm: &AlarmFindings) -> String {
    if alarm.episodes.is_empty() {
        return String::new();
    }
    let rate = alarm.outcome.rate;
    let heads = ["first row", "length", "found after", "fault"];
    let named = alarm.episodes.iter().any(|own| own.fault.is_some());
    // Most files do not name their faults.
    let mut table = Rows::new(
        "Labelled episodes",
        &heads[..heads.len() - usize::from(!named)],
    );
    for (at, own) in alarm.episodes.iter().enumerate().take(MOST_LISTED) {
        let place = |key: &str| format!("/alarm/episodes/{at}/{key}");
        table.row([
            figure(&place("row"), own.row, &count(own.row as usize)),
            time_words((own.to - own.from) as f64, rate),
            match own.delay {
                Some(delay) => figure(&place("delay"), delay, &time_words(delay as f64, rate)),
                None => "not found".into(),
            },
            own.fault
                .map_or_else(String::new, |name| text(&name.replace('_', " "))),
        ]);
    }
    table.end() + &more(alarm.episodes.len(), "episodes")
}

fn by_fault(alarm: &AlarmFindings) -> String {
    if alarm.outcome.by_fault.is_empty() {
        return String::new();
    }
    let rate = alarm.outcome.rate;
    let mut table = Rows::new(
        "The same by fault",
        &["fault", "episodes", "found", "median delay"],
    );
    for (name, own) in &alarm.outcome.by_fault {
        let place = |key: &str| format!("/alarm/outcome/by_fault/{name}/{key}");
        table.row([
            text(&name.replace('_', " ")),
            counted(&place("episodes"), own.episodes),
            counted(&place("found"), own.found),
            maybe(&place("median_delay"), own.median_delay, |delay| {
                time_words(delay, rate)
            }),
        ]);
    }
    table.end()
}

fn alarms(alarm: &AlarmFindings) -> String {
    if alarm.stretches.is_empty() {
        return "<p>There is no alarm.</p>\n".into();
    }
    let rate = alarm.outcome.rate;
    let mut table = Rows::new(
        "Alarms",
        &[
            "first row",
            "length",
            "cause",
            "severity",
            "in a labelled episode",
        ],
    );
    for (at, own) in alarm.stretches.iter().enumerate().take(MOST_LISTED) {
        let place = |key: &str| format!("/alarm/stretches/{at}/{key}");
        table.row([
            figure(&place("row"), own.row, &count(own.row as usize)),
            time_words((own.to - own.from) as f64, rate),
            cause(own),
            own.severity.unwrap_or("-").into(),
            match own.is_right {
                Some(true) => "yes".into(),
                Some(false) => "no".into(),
                None => "no labels".into(),
            },
        ]);
    }
    table.end() + &more(alarm.stretches.len(), "alarms")
}

fn cause(own: &Stretch) -> String {
    let words = own.cause.as_deref().unwrap_or("on before");
    let guard = if own.by_guard { " (not promised)" } else { "" };
    format!("{}{guard}", text(words))
}

fn more(all: usize, what: &str) -> String {
    if all > MOST_LISTED {
        format!(
            "<p class=\"quiet\">The first {MOST_LISTED} of {} {what}; all of them with --json.</p>\n",
            count(all)
        )
    } else {
        String::new()
    }
}
