//! What the alarm makes of a record in time: alarms, episodes found, delays.

use std::collections::BTreeMap;
use std::ops::Range;

use nvpico::detector::{AlarmEvent, Cause, Guard};
use serde::Serialize;

use crate::data::Table;
use crate::deploy::{AlarmRow, Ready, ScoredTable};
use crate::metrics;
use crate::model::Model;

/// Anomalous rows in a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Episodes {
    /// How many there are.
    pub episodes: usize,
    /// How many of them have an alarm.
    pub found: usize,
    /// How many began while an alarm was on: whether they would have raised one nobody knows.
    pub already_on: usize,
    /// Rows from the beginning to the alarm, in the middle of those that are found.
    pub median_delay: Option<f64>,
}

impl Episodes {
    /// Of delays; `None` for an episode that is not found.
    #[must_use]
    pub fn of(delays: &[Option<usize>]) -> Self {
        let known: Vec<f64> = delays.iter().flatten().map(|own| *own as f64).collect();
        Self {
            episodes: delays.len(),
            found: known.len(),
            already_on: 0,
            median_delay: metrics::median(known),
        }
    }
}

impl Episodes {
    /// The same by the fault of each episode, of those whose fault has a name.
    #[must_use]
    pub fn by_fault(
        episodes: &[Range<usize>],
        delays: &[Option<usize>],
        faults: &[Option<&'static str>],
    ) -> BTreeMap<&'static str, Self> {
        let mut found: BTreeMap<&'static str, Vec<Option<usize>>> = BTreeMap::new();
        for (episode, delay) in episodes.iter().zip(delays) {
            if let Some(name) = faults.get(episode.start).copied().flatten() {
                found.entry(name).or_default().push(*delay);
            }
        }
        let groups = found.into_iter();
        groups
            .map(|(name, delays)| (name, Self::of(&delays)))
            .collect()
    }
}

/// A change of the alarm; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Number of the row in its file, from 1.
    pub row: u64,
    /// `raised`, `resumed` or `cleared`.
    pub event: &'static str,
    /// Why, in words.
    pub cause: Option<String>,
    /// `low` or `high`.
    pub severity: Option<&'static str>,
}

/// What the alarm made of a record; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarms {
    /// Normal rows; all where there are no labels.
    pub normal_rows: usize,
    /// Rows a second, where known.
    pub rate: Option<f64>,
    /// Alarms raised on normal rows, those of guards and of missing readings included.
    pub raised: usize,
    /// Those among them that guards raised: the promise is not for them.
    pub by_guards: usize,
    /// The same by row.
    pub per_row: f64,
    /// What is promised, by row.
    pub promised: f64,
    /// Labelled episodes; `None` without labels.
    pub episodes: Option<Episodes>,
    /// The same by fault, where faults have names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_fault: BTreeMap<&'static str, Episodes>,
    /// All changes, in order.
    pub changes: Vec<Change>,
}

/// Labelled stretches of anomalous rows, each of one fault.
#[must_use]
pub fn episodes(labels: &[bool], faults: &[Option<&'static str>]) -> Vec<Range<usize>> {
    let fault = |row: usize| faults.get(row).copied().flatten();
    let mut found: Vec<Range<usize>> = Vec::new();
    for row in (0..labels.len()).filter(|row| labels[*row]) {
        match found.last_mut() {
            Some(last) if last.end == row && fault(row) == fault(row - 1) => last.end = row + 1,
            _ => found.push(row..row + 1),
        }
    }
    found
}

/// The alarm after each row of a table, in time. Where it has labels, the machine is repaired at the end of an episode and somebody
/// acknowledges the alarm: evidence begins anew. `faults` names the fault of each row; empty where there are no names. `None` for a
/// model without an alarm.
#[must_use]
pub fn replayed(
    ready: &Ready<'_>,
    table: &Table,
    scored: &ScoredTable,
    faults: &[Option<&'static str>],
) -> Option<Vec<AlarmRow>> {
    let labels = table.labels.as_deref().unwrap_or_default();
    let episodes = episodes(labels, faults);
    let repaired: Vec<usize> = episodes.iter().map(|own| own.end - 1).collect();
    ready.replay_scored(table, scored, &repaired)
}

/// What the alarm makes of the rows of a table; arguments and `None` as for [`replayed`].
#[must_use]
pub fn alarms(
    ready: &Ready<'_>,
    table: &Table,
    scored: &ScoredTable,
    faults: &[Option<&'static str>],
) -> Option<Alarms> {
    let rows = replayed(ready, table, scored, faults)?;
    alarms_of(ready, table, faults, &rows)
}

/// The same of rows that were [`replayed`].
#[must_use]
pub fn alarms_of(
    ready: &Ready<'_>,
    table: &Table,
    faults: &[Option<&'static str>],
    rows: &[AlarmRow],
) -> Option<Alarms> {
    let settings = ready.model.header.alarm.as_ref()?;
    let labels = table.labels.as_deref().unwrap_or_default();
    let episodes = episodes(labels, faults);
    let is_normal = |row: usize| !labels.get(row).copied().unwrap_or(false);
    let raised = |row: &AlarmRow| matches!(row.event, Some(AlarmEvent::Raised(..)));
    let normal_rows = (0..table.rows).filter(|row| is_normal(*row)).count();
    let false_alarms = (0..table.rows)
        .filter(|row| is_normal(*row) && raised(&rows[*row]))
        .count();
    let by_guards = (0..table.rows).filter(|row| {
        let by_guard = matches!(
            rows[*row].event,
            Some(AlarmEvent::Raised(Cause::Guard(_) | Cause::Invalid, _))
        );
        is_normal(*row) && by_guard
    });
    let by_guards = by_guards.count();
    let delay = |own: &Range<usize>| {
        let mut found = rows[own.clone()].iter();
        found.position(|row| {
            matches!(
                row.event,
                Some(AlarmEvent::Raised(..) | AlarmEvent::Resumed(..))
            )
        })
    };
    let delays: Vec<Option<usize>> = episodes.iter().map(delay).collect();
    // On at the first row, and not by an event there.
    let began_on = |own: &&Range<usize>| rows[own.start].is_on && rows[own.start].event.is_none();
    let already_on = episodes.iter().filter(began_on).count();
    let changes = rows.iter().zip(&table.row_numbers);
    Some(Alarms {
        normal_rows,
        rate: table.rate.or(settings.rate),
        raised: false_alarms,
        by_guards,
        per_row: false_alarms as f64 / normal_rows.max(1) as f64,
        promised: settings.promised,
        episodes: table.labels.is_some().then(|| Episodes {
            already_on,
            ..Episodes::of(&delays)
        }),
        by_fault: Episodes::by_fault(&episodes, &delays, faults),
        changes: changes
            .filter_map(|(row, number)| Some(change(ready.model, *number, row.event?)))
            .collect(),
    })
}

/// How single readings find the episodes: an alarm is a score above the `rank`-th highest of the highest ones in blocks of normal rows, so
/// that it is false as often as an alarm whose limits are set by the same blocks.
#[must_use]
pub fn by_single_readings(
    normal: &[f64],
    (block, rank): (usize, usize),
    scores: &[f64],
    episodes: &[Range<usize>],
) -> Vec<Option<usize>> {
    let blocks = normal.chunks_exact(block.max(1));
    let mut highest: Vec<f64> = blocks
        .map(|own| own.iter().copied().fold(f64::MIN, f64::max))
        .collect();
    highest.sort_by(|a, b| b.total_cmp(a));
    let limit = highest
        .get(rank.max(1) - 1)
        .copied()
        .unwrap_or(f64::INFINITY);
    let delay = |own: &Range<usize>| scores[own.clone()].iter().position(|score| *score > limit);
    episodes.iter().map(delay).collect()
}

/// A change of the alarm in words.
#[must_use]
pub fn change(model: &Model, row: u64, event: AlarmEvent) -> Change {
    let (event, why) = match event {
        AlarmEvent::Raised(cause, severity) => ("raised", Some((cause, severity))),
        AlarmEvent::Resumed(cause, severity) => ("resumed", Some((cause, severity))),
        AlarmEvent::Cleared => ("cleared", None),
    };
    Change {
        row,
        event,
        cause: why.map(|(cause, _)| cause_words(model, cause)),
        severity: why.map(|(_, severity)| severity.as_str()),
    }
}

/// Why there is an alarm, in words.
fn cause_words(model: &Model, cause: Cause) -> String {
    let readings = |chart: u8| {
        let charts = model.header.alarm.as_ref().map(|alarm| &alarm.charts);
        let chart = charts.and_then(|charts| charts.get(usize::from(chart)));
        match chart.map_or(0, |chart| chart.shift) {
            0 => "a single reading".to_owned(),
            shift => format!("about {} readings", 1_u32 << shift),
        }
    };
    match cause {
        Cause::Unlikely(chart) | Cause::TooLikely(chart) => {
            format!("{} {}", readings(chart), cause.as_str())
        }
        Cause::Invalid => cause.as_str().to_owned(),
        // States have no names.
        Cause::Guard(guard @ Guard::Dwell(_)) => {
            format!(
                "stays in state {}, which it only passes through",
                guard.index()
            )
        }
        Cause::Guard(guard) => {
            let column = model.header.columns.get(usize::from(guard.index()));
            let column = column.map_or("a value", String::as_str);
            format!("{column} {}", guard.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_end_with_their_fault() {
        let labels = [false, true, true, true, false, true];
        assert_eq!(episodes(&labels, &[]), [1..4, 5..6]);
        let faults = [None, Some("a"), Some("a"), Some("b"), None, Some("b")];
        assert_eq!(episodes(&labels, &faults), [1..3, 3..4, 5..6]);
        assert!(episodes(&[], &[]).is_empty());
    }

    #[test]
    fn single_readings_have_the_limit_of_the_highest_block() {
        let normal = [1.0, 5.0, 2.0, 3.0, 9.0, 0.0, 7.0];
        let scores = [0.0, 6.0, 8.0, 10.0];
        let found = |rank| by_single_readings(&normal, (2, rank), &scores, &[0..3, 1..4]);
        assert_eq!(found(1), [None, Some(2)]);
        assert_eq!(found(2), [Some(1), Some(0)]);
    }

    #[test]
    fn the_middle_delay_is_that_of_episodes_found() {
        let of = |delays: &[Option<usize>]| {
            let found = Episodes::of(delays);
            (found.episodes, found.found, found.median_delay)
        };
        assert_eq!(of(&[Some(9), None, Some(1), Some(2)]), (4, 3, Some(2.0)));
        assert_eq!(of(&[Some(4), Some(1)]), (2, 2, Some(2.5)));
        assert_eq!(of(&[None]), (1, 0, None));
        assert_eq!(of(&[]), (0, 0, None));
    }
}
