//! The worst alarms: what is to blame, the readings around them, and what they should have been.

use std::fmt::Write as _;

use super::Section;
use super::html::{Rows, count, digits, figure, labelled, maybe, nats, text};
use crate::findings::{Event, Findings};
use crate::report::plot::{PlotError, readings_around};

/// The least part of the largest gain that is worth a plot.
const LEAST_GAIN: f32 = 0.05;

pub(super) fn section(findings: &Findings) -> Result<Section, PlotError> {
    let mut body = String::new();
    if findings.events.is_empty() {
        body += "<p>There is no alarm to explain.</p>\n";
    } else {
        body += "<p>The alarms with the least likely rows, one of each kind first, in the order of time. <q>Should be</q> is the nearest value \
                 with which the row would be normal, all else as it is; where no single value is enough alone, it is that of the nearest typical \
                 reading. Blame names values, not causes.</p>\n";
    }
    if let Some(why) = &findings.no_blame {
        let _ = writeln!(
            body,
            "<p>No values are blamed: {}.</p>",
            text(&why.replace("--blame", "blame"))
        );
    }
    for (at, event) in findings.events.iter().enumerate() {
        body += &one(findings, at, event)?;
    }
    Ok(Section {
        anchor: "events",
        heading: "The worst alarms, and what is to blame",
        body,
    })
}

fn one(findings: &Findings, at: usize, event: &Event) -> Result<String, PlotError> {
    let place = |key: &str| format!("/events/{at}/{key}");
    let label = match (event.fault, event.is_fault) {
        (Some(fault), _) => format!(", labelled {}", text(&fault.replace('_', " "))),
        (None, Some(true)) => ", labelled anomalous".into(),
        (None, Some(false)) => ", labelled normal".into(),
        (None, None) => String::new(),
    };
    let mut html = format!(
        "<article data-from=\"{}\" data-to=\"{}\">\n<h3>Row {}{label}</h3>\n<p>{}Log-density {} nats, p-value {}.</p>\n",
        event.from,
        event.to,
        figure(&place("row"), event.row, &count(event.row as usize)),
        event.cause.as_ref().map_or_else(String::new, |cause| {
            format!(
                "Alarm: {} (severity {}). ",
                text(cause),
                event.severity.unwrap_or("-")
            )
        }),
        maybe(&place("log_prob"), event.log_prob, nats),
        maybe(&place("p_value"), event.p_value, digits)
    );
    if event.blamed.is_empty() {
        if findings.no_blame.is_none() {
            html += "<p>No value is to blame for this row alone: its log-density is a normal one. The alarm has another cause, which stands above.</p>\n";
        }
        return Ok(html + "</article>\n");
    }
    let mut table = Rows::new(
        &format!("Row {}: what is to blame", count(event.row as usize)),
        &[
            "value",
            "read",
            "should be",
            "log-density gained, nats",
            "enough alone",
        ],
    );
    for (rank, own) in event.blamed.iter().enumerate() {
        let place = |key: &str| format!("/events/{at}/blamed/{rank}/{key}");
        table.row([
            text(&own.column),
            maybe(&place("value"), own.value, |value| digits(value.into())),
            maybe(&place("normal"), own.normal, |value| digits(value.into())),
            maybe(&place("gain"), own.gain, |value| digits(value.into())),
            if own.enough {
                "yes".into()
            } else {
                "no".into()
            },
        ]);
    }
    html += &table.end();
    html += "<div class=\"side\">\n";
    let most = event
        .blamed
        .iter()
        .filter_map(|own| own.gain)
        .fold(0.0, f32::max);
    for (rank, around) in event.around.iter().enumerate() {
        // What gains next to nothing is not worth a plot.
        let gain = event.blamed.get(rank).and_then(|own| own.gain);
        let is_guarded = event.guarded.as_ref() == Some(&around.column);
        if !is_guarded && gain.is_some_and(|gain| gain < LEAST_GAIN * most) {
            continue;
        }
        let svg = readings_around(
            event,
            around,
            findings.timeline.rows,
            findings.timeline.rate,
        )?;
        let (value, normal) = event
            .blamed
            .iter()
            .find(|own| own.column == around.column)
            .map_or((None, None), |own| (own.value, own.normal));
        let words = |value: Option<f32>| {
            value.map_or_else(|| "no number".into(), |value| digits(value.into()))
        };
        let shows = format!(
            "Readings of {} around row {}: {} was read, it should be {}.",
            around.column,
            count(event.row as usize),
            words(value),
            words(normal)
        );
        let _ = writeln!(
            html,
            "<figure>{}<figcaption>{}. {}</figcaption></figure>",
            labelled(&svg, &shows),
            rank + 1,
            text(&shows)
        );
    }
    html += "</div>\n</article>\n";
    Ok(html)
}
