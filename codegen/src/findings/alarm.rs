//! What the alarm promises, and what it made of the rows.

use std::ops::Range;

use nvpico::detector::{AlarmEvent, Cause, Guard};
use serde::Serialize;

use crate::calibration::AlarmSettings;
use crate::data::Table;
use crate::deploy::{AlarmRow, Ready, ScoredTable};
use crate::evaluation::{Alarms, alarms_of, change, episodes, replayed};

/// What an alarm promises, and what that rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AlarmPromise {
    /// False alarms a reading, exceeded in at most 5 of 100 records; guards are apart.
    pub promised: f64,
    /// False alarms a reading to be expected.
    pub expected: f64,
    /// False alarms a reading that were asked for; `null` where nothing was.
    pub asked: Option<f64>,
    /// Readings a second, where known.
    pub rate: Option<f64>,
    /// Blocks of the record that the limits were set by.
    pub blocks: usize,
    /// Readings of a block.
    pub block: u32,
    /// Correlations of the record in a block; 20 are wanted.
    pub correlations: f64,
    /// Whether a block is too short for the correlation.
    pub has_short_blocks: bool,
    /// Readings of a record that would carry what was asked for; `null` where this one does.
    pub readings_to_carry: Option<f64>,
    /// Averages that raise it.
    pub averages: usize,
    /// Values that a guard watches.
    pub guards: usize,
}

impl AlarmPromise {
    /// Of a model's settings.
    #[must_use]
    pub fn of(settings: &AlarmSettings) -> Self {
        Self {
            promised: settings.promised,
            expected: settings.expected,
            asked: settings.asked(),
            rate: settings.rate,
            blocks: settings.blocks,
            block: settings.hold_off,
            correlations: settings.correlations,
            has_short_blocks: settings.has_short_blocks(),
            readings_to_carry: settings.readings_to_carry(),
            averages: settings.charts.len(),
            guards: settings.guards.len(),
        }
    }
}

/// Rows with the alarm on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// Place of the first row, from 0.
    pub from: usize,
    /// The place after the last.
    pub to: usize,
    /// Number of the first row among those of all files, from 1.
    pub row: u64,
    /// Why it was raised, in words; `null` where it was on before.
    pub cause: Option<String>,
    /// `low` or `high`.
    pub severity: Option<&'static str>,
    /// Whether a guard raised it, or missing readings: the promise is not for these.
    pub by_guard: bool,
    /// The column whose guard raised it; `null` for another cause.
    pub column: Option<String>,
    /// Whether its first row is labelled anomalous; `null` without labels.
    pub is_right: Option<bool>,
}

/// Rows labelled anomalous, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Episode {
    /// Place of the first row, from 0.
    pub from: usize,
    /// The place after the last.
    pub to: usize,
    /// Number of the first row among those of all files, from 1.
    pub row: u64,
    /// The fault, where it has a name.
    pub fault: Option<&'static str>,
    /// Rows from the beginning to an alarm; `null` where there is none.
    pub delay: Option<usize>,
}

/// What the alarm promises, and what it made of the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlarmFindings {
    /// What it promises.
    pub promise: AlarmPromise,
    /// False alarms, and episodes found, as `nvpico eval` prints them.
    pub outcome: Alarms,
    /// Labelled episodes; empty without labels.
    pub episodes: Vec<Episode>,
    /// Where it is on.
    pub stretches: Vec<Stretch>,
}

impl AlarmFindings {
    /// Of the rows of a table; `None` for a model without an alarm.
    #[must_use]
    pub fn of(
        ready: &Ready<'_>,
        table: &Table,
        scored: &ScoredTable,
        faults: &[Option<&'static str>],
    ) -> Option<Self> {
        let settings = ready.model.header.alarm.as_ref()?;
        let rows = replayed(ready, table, scored, faults)?;
        let outcome = alarms_of(ready, table, faults, &rows)?;
        let labels = table.labels.as_deref();
        let found = episodes(labels.unwrap_or_default(), faults);
        let episode = |own: &Range<usize>| Episode {
            from: own.start,
            to: own.end,
            row: table.row_numbers[own.start],
            fault: faults.get(own.start).copied().flatten(),
            delay: rows[own.clone()].iter().position(begins),
        };
        Some(Self {
            promise: AlarmPromise::of(settings),
            outcome,
            episodes: found.iter().map(episode).collect(),
            stretches: stretches(&rows)
                .into_iter()
                .map(|own| stretch(ready, table, &rows, &own))
                .collect(),
        })
    }
}

/// What is marked beside a curve in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Labelled episodes with the names of their faults; empty for no words.
    pub faults: Vec<(Range<usize>, String)>,
    /// Rows with the alarm on.
    pub alarms: Vec<Range<usize>>,
}

impl AlarmFindings {
    /// What is marked beside a curve of the same rows.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let name = |own: &Episode| {
            own.fault
                .map_or_else(String::new, |name| name.replace('_', " "))
        };
        Marks {
            faults: (self.episodes.iter())
                .map(|own| (own.from..own.to, name(own)))
                .collect(),
            alarms: self.stretches.iter().map(|own| own.from..own.to).collect(),
        }
    }
}

/// Whether an alarm begins with a row.
fn begins(row: &AlarmRow) -> bool {
    matches!(
        row.event,
        Some(AlarmEvent::Raised(..) | AlarmEvent::Resumed(..))
    )
}

/// Rows with the alarm on, from where it begins to where it ends or begins anew.
fn stretches(rows: &[AlarmRow]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        // An alarm of one row is raised in it, and may be cleared with the next.
        if !(row.is_on || begins(row)) {
            continue;
        }
        match found.last_mut() {
            Some(last) if last.end == at && !begins(row) => last.end = at + 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}

fn stretch(ready: &Ready<'_>, table: &Table, rows: &[AlarmRow], own: &Range<usize>) -> Stretch {
    let number = table.row_numbers[own.start];
    let event = rows[own.start].event;
    let why = event.map(|event| change(ready.model, number, event));
    let by_guard = matches!(
        event,
        Some(
            AlarmEvent::Raised(Cause::Guard(_) | Cause::Invalid, _)
                | AlarmEvent::Resumed(Cause::Guard(_) | Cause::Invalid, _)
        )
    );
    let column = event.and_then(|event| match event {
        AlarmEvent::Raised(Cause::Guard(Guard::Dwell(_)), _)
        | AlarmEvent::Resumed(Cause::Guard(Guard::Dwell(_)), _) => None,
        AlarmEvent::Raised(Cause::Guard(guard), _)
        | AlarmEvent::Resumed(Cause::Guard(guard), _) => {
            table.columns.get(usize::from(guard.index())).cloned()
        }
        _ => None,
    });
    let labels = table.labels.as_ref();
    Stretch {
        from: own.start,
        to: own.end,
        row: number,
        severity: why.as_ref().and_then(|why| why.severity),
        cause: why.and_then(|why| why.cause),
        by_guard,
        column,
        is_right: labels.map(|labels| labels[own.start]),
    }
}
