//! What is promised, and what that rests on.

use super::Section;
use super::html::{counted, digits, facts, figure, maybe, nats};
use crate::calibration::{Calibration, Method, rate_words, time_words};
use crate::findings::{AlarmPromise, Findings};
use crate::output::percent;

pub(super) fn section(findings: &Findings) -> Section {
    let mut body = String::new();
    if let Some(alarm) = &findings.alarm {
        body += &of_alarm(&alarm.promise);
    }
    if let Some(calibration) = &findings.model.calibration {
        body += &of_threshold(calibration, findings);
    }
    if body.is_empty() {
        body += "<p>The model promises nothing: it was not calibrated. <code>nvpico calibrate</code> sets a threshold from normal rows.</p>\n";
    } else {
        body += "<p>A promise holds for rows like those of the record. The record must know all that is normal: one of a day does not know the \
                 weekend. When the normal state drifts, false alarms rise.</p>\n";
    }
    Section {
        anchor: "promise",
        heading: "What is promised, and what that rests on",
        body,
    }
}

fn of_alarm(own: &AlarmPromise) -> String {
    let place = |key: &str| format!("/alarm/promise/{key}");
    let rate = |key: &str, value: f64| figure(&place(key), value, &rate_words(value, own.rate));
    let time = |key: &str, value: f64| figure(&place(key), value, &time_words(value, own.rate));
    let mut rows = vec![
        (
            "false alarms, at most, in 95 of 100 records",
            rate("promised", own.promised),
        ),
        (
            "false alarms to be expected",
            rate("expected", own.expected),
        ),
        (
            "asked for",
            maybe(&place("asked"), own.asked, |value| {
                rate_words(value, own.rate)
            }),
        ),
        (
            "rests on",
            format!(
                "{} blocks of {}",
                counted(&place("blocks"), own.blocks),
                time_words(own.block.into(), own.rate)
            ),
        ),
        (
            "a block is as long as",
            format!(
                "{} correlations of the record{}",
                figure(
                    &place("correlations"),
                    own.correlations,
                    &digits(own.correlations)
                ),
                if own.has_short_blocks {
                    "; 20 are wanted, a longer record makes the promise firmer"
                } else {
                    ""
                }
            ),
        ),
        (
            "averages that raise it",
            counted(&place("averages"), own.averages),
        ),
        (
            "values with a guard (no statistics, not promised)",
            counted(&place("guards"), own.guards),
        ),
    ];
    if let Some(readings) = own.readings_to_carry {
        rows.push((
            "a record that would carry what was asked for",
            time("readings_to_carry", readings),
        ));
    }
    facts("The alarm", &rows)
}

fn of_threshold(own: &Calibration, findings: &Findings) -> String {
    let place = |key: &str| format!("/model/calibration/{key}");
    let which = match own.method {
        Method::HeldOut => "rows that were held out of the training",
        Method::StoppingRows => {
            "held-out rows that also decided when to stop: new rows may raise more alarms"
        }
        Method::CrossValidation => {
            "rows, each scored by a model that was trained without it and its neighbours"
        }
        Method::GivenRows => "rows given to nvpico calibrate",
    };
    let interval = &own.interval;
    let rows = [
        (
            "threshold",
            format!("{} nats", maybe("/threshold", findings.threshold, nats)),
        ),
        (
            "normal rows below it, at most",
            figure(
                &place("false_alarm_rate"),
                own.false_alarm_rate,
                &percent(own.false_alarm_rate),
            ),
        ),
        (
            "asked for",
            figure(
                &place("asked_false_alarm_rate"),
                own.asked_false_alarm_rate,
                &percent(own.asked_false_alarm_rate),
            ),
        ),
        (
            "a new record has",
            format!(
                "{} to {} below it, in {} of cases",
                figure(&place("interval/low"), interval.low, &percent(interval.low)),
                figure(
                    &place("interval/high"),
                    interval.high,
                    &percent(interval.high)
                ),
                figure(
                    &place("interval/share"),
                    interval.share,
                    &percent(interval.share)
                )
            ),
        ),
        (
            "rests on",
            format!(
                "{} {which}; they stand for {} independent ones",
                counted(&place("rows"), own.rows),
                figure(
                    &place("effective_rows"),
                    own.effective_rows,
                    &super::html::count(own.effective_rows.round() as usize)
                )
            ),
        ),
    ];
    facts("The threshold for single rows", &rows)
}
