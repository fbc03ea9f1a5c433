//! The worst alarms: which values are to blame, the readings around them, and what they should have been.

use std::ops::Range;

use serde::Serialize;

use super::alarm::AlarmFindings;
use crate::data::Table;
use crate::deploy::Ready;
use crate::evaluation::{Blame, BlamedColumn};
use crate::output;

/// Events that are told.
const MOST: usize = 5;
/// Columns that are blamed for one, and those whose readings are shown.
const BLAMED: usize = 3;
/// Rows shown before and behind the worst one; the beginning of the event, too, where it is not farther away than that.
const AROUND: usize = 40;
const FARTHEST: usize = 200;
const BEFORE: usize = 20;
/// Rows of them that are blamed.
const MOST_CROSSES: usize = 60;
/// Without an alarm, rows below the threshold that are as near belong together.
const NEAR: usize = 8;

/// A reading of a column beside the worst row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// Place of the row among the rows, from 0.
    pub at: usize,
    /// What was read; `null` where that is no number.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub value: Option<f32>,
    /// What it should have been; `null` where the column is not to blame for the row.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub normal: Option<f32>,
}

/// The readings of a blamed column around the worst row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Around {
    /// The column, or the feature.
    pub column: String,
    /// Lowest and highest value of the normal rows that the model has seen; `null` where it does not know.
    pub seen: Option<[f32; 2]>,
    /// Row by row.
    pub readings: Vec<Reading>,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Place of its first row, from 0.
    pub from: usize,
    /// The place after its last.
    pub to: usize,
    /// Place of the least likely row.
    pub worst: usize,
    /// Number of that row among those of all files, from 1.
    pub row: u64,
    /// Its log-density, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub log_prob: Option<f32>,
    /// Share of the calibration rows that are at most as likely.
    pub p_value: Option<f64>,
    /// Why the alarm was raised, in words; `null` for a model without an alarm.
    pub cause: Option<String>,
    /// `low` or `high`.
    pub severity: Option<&'static str>,
    /// The column whose guard raised the alarm, which is to blame before others; `null` for another cause.
    pub guarded: Option<String>,
    /// Whether a row of it is labelled anomalous; `null` without labels.
    pub is_fault: Option<bool>,
    /// The fault, where it has a name.
    pub fault: Option<&'static str>,
    /// What is to blame for the worst row.
    pub blamed: Vec<BlamedColumn>,
    /// Readings around it.
    pub around: Vec<Around>,
}

/// The alarms with the least likely rows, and why no values are blamed.
pub(super) fn worst(
    ready: &Ready<'_>,
    table: &Table,
    log_probs: &[f32],
    alarm: Option<&AlarmFindings>,
) -> (Vec<Event>, Option<String>) {
    let rank = |row: &usize| {
        if log_probs[*row].is_nan() {
            f32::NEG_INFINITY
        } else {
            log_probs[*row]
        }
    };
    let lowest = |rows: Range<usize>| {
        let start = rows.start;
        rows.min_by(|a, b| rank(a).total_cmp(&rank(b)))
            .unwrap_or(start)
    };
    let mut found: Vec<Event> = spans(ready, table, log_probs, alarm)
        .into_iter()
        .map(|(rows, cause, severity, guarded)| {
            let worst = lowest(rows.clone());
            let labels = table.labels.as_ref();
            Event {
                from: rows.start,
                to: rows.end,
                worst,
                row: table.row_numbers[worst],
                log_prob: Some(log_probs[worst]),
                p_value: ready.p_value(log_probs[worst]),
                cause,
                severity,
                guarded,
                is_fault: labels.map(|labels| labels[rows].contains(&true)),
                fault: alarm.and_then(|alarm| {
                    let mut own = alarm.episodes.iter();
                    own.find(|own| (own.from..own.to).contains(&worst))?.fault
                }),
                blamed: Vec::new(),
                around: Vec::new(),
            }
        })
        .collect();
    found.sort_by(|a, b| rank(&a.worst).total_cmp(&rank(&b.worst)));
    let mut kept = one_of_each_kind(found);
    kept.sort_by_key(|event| event.from);
    if ready.model.map_shape().is_some() {
        let why = "the model takes maps, and blame is for models of columns";
        return (kept, Some(why.into()));
    }
    let blame = match Blame::new(ready, table, BLAMED) {
        Ok(blame) => blame,
        Err(error) => return (kept, Some(error.to_string())),
    };
    for event in &mut kept {
        explain(&blame, ready, (table, log_probs), event);
    }
    (kept, None)
}

type Span = (
    Range<usize>,
    Option<String>,
    Option<&'static str>,
    Option<String>,
);

/// Rows of each alarm; without an alarm, rows that are not normal.
fn spans(
    ready: &Ready<'_>,
    table: &Table,
    log_probs: &[f32],
    alarm: Option<&AlarmFindings>,
) -> Vec<Span> {
    if let Some(alarm) = alarm {
        let own = alarm.stretches.iter();
        return own
            .map(|own| {
                let rows = own.from..own.to;
                (rows, own.cause.clone(), own.severity, own.column.clone())
            })
            .collect();
    }
    let Some(threshold) = ready.threshold() else {
        return Vec::new();
    };
    let judge = ready.judge();
    let mut found: Vec<Span> = Vec::new();
    for (row, log_prob) in log_probs.iter().enumerate() {
        let reading = table.row(row);
        let outside = judge.out_of_range(reading).is_some();
        // Where a given value was never seen the row is not judged.
        if judge.is_given_out_of_range(reading) || (!outside && *log_prob >= threshold) {
            continue;
        }
        match found.last_mut() {
            Some((last, ..)) if row < last.end + NEAR => last.end = row + 1,
            _ => found.push((row..row + 1, None, None, None)),
        }
    }
    found
}

/// The first of each fault, or of each cause, before others of the same kind: five alarms of one kind tell less.
fn one_of_each_kind(sorted: Vec<Event>) -> Vec<Event> {
    let kind = |event: &Event| match (event.fault, &event.cause) {
        (Some(fault), _) => fault.to_owned(),
        (None, cause) => format!("{cause:?} {:?}", event.is_fault),
    };
    let (mut first, mut others): (Vec<Event>, Vec<Event>) = (Vec::new(), Vec::new());
    for event in sorted {
        if first.iter().any(|own| kind(own) == kind(&event)) {
            others.push(event);
        } else {
            first.push(event);
        }
    }
    first.extend(others);
    first.truncate(MOST);
    first
}

/// The rows around the worst one that are shown.
fn shown(event: &Event, table: &Table) -> Range<usize> {
    let mut first = event.worst.saturating_sub(AROUND);
    let beginning = event.from.saturating_sub(BEFORE);
    if event.worst - beginning.min(event.worst) <= FARTHEST {
        first = first.min(beginning);
    }
    let end = (event.worst + AROUND + 1).min(table.rows);
    // What another recording holds does not follow.
    let begins = table.stretches.iter().copied();
    let start = begins.clone().filter(|at| *at <= event.worst).max();
    let next = begins.filter(|at| *at > event.worst).min();
    first.max(start.unwrap_or(0))..end.min(next.unwrap_or(end))
}

fn explain(
    blame: &Blame<'_>,
    ready: &Ready<'_>,
    (table, log_probs): (&Table, &[f32]),
    event: &mut Event,
) {
    let rows = shown(event, table);
    let judge = ready.judge();
    let threshold = ready.threshold();
    let is_unlikely = |row: &usize| {
        let reading = table.row(*row);
        let below = threshold.is_some_and(|limit| log_probs[*row] < limit);
        let outside = judge.out_of_range(reading).is_some();
        (below || outside) && !judge.is_given_out_of_range(reading)
    };
    let mut unlikely: Vec<usize> = rows.clone().filter(is_unlikely).collect();
    // Each takes hundreds of scores, and so many crosses are enough for a picture.
    let step = unlikely.len().div_ceil(MOST_CROSSES).max(1);
    unlikely = unlikely.into_iter().step_by(step).collect();
    if let Err(place) = unlikely.binary_search(&event.worst) {
        unlikely.insert(place, event.worst);
    }
    let blamed = blame.rows(&unlikely);
    let of_row = |row: usize| {
        let at = unlikely.binary_search(&row).ok()?;
        blamed.get(at)
    };
    event.blamed = of_row(event.worst).cloned().unwrap_or_default();
    // A density says little about what a guard sees.
    let guarded = event.guarded.as_ref();
    event.blamed.sort_by_key(|own| Some(&own.column) != guarded);
    let seen = ready.model.header.seen.as_ref();
    event.around = (event.blamed.iter())
        .filter_map(|own| {
            let column = table.columns.iter().position(|name| *name == own.column)?;
            let reading = |at: usize| {
                let value = table.row(at)[column];
                let found = of_row(at).into_iter().flatten();
                let mut found = found.filter(|other| other.column == own.column);
                Reading {
                    at,
                    value: value.is_finite().then_some(value),
                    normal: found.next().and_then(|other| other.normal),
                }
            };
            Some(Around {
                column: own.column.clone(),
                seen: seen.and_then(|seen| seen.ranges.get(column)).copied(),
                readings: rows.clone().map(reading).collect(),
            })
        })
        .collect();
}
