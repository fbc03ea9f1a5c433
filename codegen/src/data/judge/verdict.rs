//! All judgements together: which columns stay, which are left out, and what is asked of the user.

use std::borrow::Cow;

use rayon::prelude::*;

use super::super::autocorrelation::{drift, independent};
use super::super::error::DataError;
use super::super::find::Index;
use super::super::frame::Frame;
use super::super::hint::value;
use super::super::missing::short;
use super::super::names::{join, shell};
use super::super::overview::{ColumnOverview, Overview};
use super::super::{Hint, SkippedColumn};
use super::absent::refuse_fills;
use super::columns::values;
use super::fill::{Fill, Outside, outside};
use super::{Series, copies, counter, flat, identifier, label, span, step, time};

/// What is to be judged.
pub(in super::super) struct Question<'a> {
    pub frames: &'a [Frame],
    /// The columns of numbers.
    pub columns: &'a [String],
    /// The user has named them: none is judged away.
    pub asked: bool,
    /// The label's name, and for each row of all files whether it is anomalous.
    pub labels: Option<(&'a str, &'a [bool])>,
    /// The user has named the column of the machines.
    pub grouped: bool,
    /// Values far outside that repeat are readings: the user says so.
    pub take_all: bool,
}

/// What stays.
pub(in super::super) struct Verdict {
    pub columns: Vec<String>,
    pub left_out: Vec<SkippedColumn>,
    pub overview: Overview,
}

enum Kind {
    Feature,
    LeftOut(String),
    /// It names the machine of each row.
    Machine(String),
    Label {
        why: String,
        two_classes: bool,
    },
}

impl Kind {
    /// Why a column of this name and kind is left out, if it is.
    fn why_left_out(self, name: &str, grouped: bool) -> Option<String> {
        match self {
            Self::LeftOut(why) => Some(why),
            Self::Machine(why) if grouped => Some(why),
            Self::Machine(why) => {
                let option = value("group", &shell(name));
                Some(format!("{why}; {option} holds whole machines out"))
            }
            Self::Feature | Self::Label { .. } => None,
        }
    }
}

/// Judges the columns.
pub(in super::super) fn judge(question: &Question<'_>) -> Result<Verdict, DataError> {
    let frames = question.frames;
    let starts: Vec<usize> = frames[..frames.len() - 1]
        .iter()
        .scan(0, |row, frame| {
            *row += frame.rows;
            Some(*row)
        })
        .collect();
    let indexes: Vec<Index<'_>> = frames.iter().map(Index::of).collect();
    let kinds: Vec<Kind> = (question.columns.par_iter())
        .map(|name| {
            if question.asked {
                return Kind::Feature;
            }
            kind(
                name,
                &Series::new(values(&indexes, name), &starts),
                question,
            )
        })
        .collect();
    refuse_labels(question, &kinds)?;
    // A model is trained on normal rows: readings are judged by them alone.
    let normal: Option<Vec<usize>> = question.labels.map(|(_, labels)| {
        let rows = labels.iter().enumerate();
        rows.filter_map(|(row, anomalous)| (!anomalous).then_some(row))
            .collect()
    });
    let mut left_out: Vec<SkippedColumn> = Vec::new();
    let machines = (question.columns.iter().zip(&kinds))
        .find(|(_, kind)| matches!(kind, Kind::Machine(_)) && !question.grouped)
        .map(|(name, _)| name.clone());
    let mut kept: Vec<(&String, Cow<'_, [f64]>)> = Vec::new();
    for (name, kind) in question.columns.iter().zip(kinds) {
        let reason = kind.why_left_out(name, question.grouped);
        if let Some(reason) = reason {
            left_out.push(SkippedColumn {
                name: name.clone(),
                reason,
            });
            continue;
        }
        let all = values(&indexes, name);
        let readings = match &normal {
            Some(rows) => rows.iter().map(|row| all[*row]).collect(),
            None => all,
        };
        kept.push((name, readings));
    }
    if !question.asked {
        left_out.extend(leave_copies_out(&mut kept));
    }
    let starts = match &normal {
        Some(rows) => (starts.iter())
            .map(|start| rows.partition_point(|row| row < start))
            .collect(),
        None => starts,
    };
    let place = |row: usize| place(frames, normal.as_ref().map_or(row, |rows| rows[row]));
    let mut judged: Vec<(ColumnOverview, Outside)> = (kept.par_iter())
        .map(|(name, readings)| {
            let series = Series::new(Cow::Borrowed(&**readings), &starts);
            column(name, &series, &place)
        })
        .collect();
    // A machine that stands still has a temperature: where every column is 0, there is no reading.
    let nothing = |fill: &Fill| fill.value == 0.0;
    let all_zero = (judged.iter())
        .all(|(_, outside)| outside.states.iter().chain(&outside.fills).any(nothing));
    for (column, outside) in &mut judged {
        let states = std::mem::take(&mut outside.states);
        for state in states {
            if all_zero && nothing(&state) {
                outside.fills.push(state);
            } else {
                let Fill { value, count, rest } = state;
                let value = short(value);
                column.notes.push(format!(
                    "it is {value} in {count} rows, far outside the other values ({} to {}): if that is no reading, --missing={} says so",
                    short(rest.0),
                    short(rest.1),
                    join([format!("{}={value}", column.name)])
                ));
            }
        }
    }
    if !question.take_all {
        refuse_fills(&frames[0].path, &kept, &judged)?;
    }
    Ok(Verdict {
        columns: kept.iter().map(|(name, _)| (*name).clone()).collect(),
        overview: Overview {
            rows: kept.first().map_or(0, |(_, readings)| readings.len()),
            time: span::of(frames, &indexes, &left_out),
            columns: judged.into_iter().map(|(column, _)| column).collect(),
            machines,
        },
        left_out,
    })
}

/// Where a row of all files is, as a message says it.
fn place(frames: &[Frame], mut row: usize) -> String {
    for frame in frames {
        if let Some(place) = frame.places.get(row) {
            let file = frame.path.file_name().unwrap_or_default().display();
            return match frames.len() {
                1 => place.to_string(),
                _ => format!("{file}, {place}"),
            };
        }
        row -= frame.rows;
    }
    String::new()
}

/// What a column is.
fn kind(name: &str, series: &Series<'_>, question: &Question<'_>) -> Kind {
    let told = question.labels.and_then(|(label, rows)| {
        let told = label::tells(series, rows, label);
        told.or_else(|| label::scores(name, series, rows, label))
    });
    if let Some(why) = told.or_else(|| label::by_name(name, series)) {
        let two_classes = label::two_classes(series);
        return Kind::Label { why, two_classes };
    }
    if let Some(why) = identifier::machine(name, series) {
        return Kind::Machine(why);
    }
    time::time(name, series)
        .or_else(|| time::calendar(name, series))
        .or_else(|| counter::counter(series))
        .or_else(|| identifier::identifier(name, series))
        .map_or(Kind::Feature, Kind::LeftOut)
}

/// Asks about columns that look like labels.
fn refuse_labels(question: &Question<'_>, kinds: &[Kind]) -> Result<(), DataError> {
    let mut found = Vec::new();
    for (name, kind) in question.columns.iter().zip(kinds) {
        if let Kind::Label { why, two_classes } = kind {
            found.push((name, why, *two_classes));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let what: Vec<String> = (found.iter())
        .map(|(name, why, _)| format!("column {name:?} {why}"))
        .collect();
    let exclude = |label: Option<&String>| Hint {
        label: label.cloned(),
        exclude: (found.iter().map(|(name, ..)| (*name).clone()))
            .filter(|name| Some(name) != label)
            .collect(),
        ..Hint::default()
    };
    let label = found.iter().find(|(_, _, two_classes)| *two_classes);
    let none = exclude(None);
    let them = if found.len() == 1 { "it" } else { "them" };
    let (hint, text) = match label.filter(|_| question.labels.is_none()) {
        Some((label, ..)) => {
            let hint = exclude(Some(label));
            let text = format!("{hint} takes {label:?} as the label, {none} leaves {them} out");
            (hint, text)
        }
        None => (none.clone(), format!("{none} leaves {them} out")),
    };
    let reason = format!(
        "{}; {text}, --columns NAMES uses the columns it names",
        what.join("; ")
    );
    Err(refusal(question, reason, hint))
}

fn refusal(question: &Question<'_>, reason: String, hint: Hint) -> DataError {
    DataError::Unclear {
        path: question.frames[0].path.clone(),
        reason,
        hint: Box::new(hint),
    }
}

/// Takes away the columns that an earlier one gives exactly.
fn leave_copies_out(kept: &mut Vec<(&String, Cow<'_, [f64]>)>) -> Vec<SkippedColumn> {
    let slices: Vec<&[f64]> = kept.iter().map(|(_, readings)| &**readings).collect();
    let copies = copies::copies(&slices);
    let left_out = (copies.iter())
        .map(|copy| SkippedColumn {
            name: kept[copy.column].0.clone(),
            reason: copy.reason(kept[copy.of].0),
        })
        .collect();
    for copy in copies.iter().rev() {
        kept.remove(copy.column);
    }
    left_out
}

/// Figures of a column, and the values in it that stand for no reading.
fn column(
    name: &str,
    series: &Series<'_>,
    place: &dyn Fn(usize) -> String,
) -> (ColumnOverview, Outside) {
    let outside = outside(series);
    let mut notes = Vec::new();
    if let Some(spikes) = &outside.spikes {
        let (count, (low, high)) = (spikes.count, spikes.rest);
        let (verb, farthest) = if count == 1 {
            ("lies", "")
        } else {
            ("lie", "the farthest ")
        };
        let noun = if count == 1 { "reading" } else { "readings" };
        let at = place(spikes.row);
        notes.push(format!(
            "{count} {noun} {verb} far outside the others ({} to {}): {farthest}{} at {at}",
            short(low),
            short(high),
            short(spikes.farthest)
        ));
    }
    if let Some((value, others)) = flat::nearly_constant(series) {
        let all = series.readings();
        notes.push(format!(
            "it is {} but for {others} of {all} rows",
            short(value)
        ));
    } else if let Some(flat) = flat::stretch(series) {
        let (value, rows, at) = (short(flat.value), flat.rows, place(flat.row));
        notes.push(format!(
            "it stays at {value} for {rows} rows from {at}, where it changes elsewhere"
        ));
    }
    if let Some((all, left)) = step::lost_in_f32(series) {
        notes.push(format!(
            "32-bit floats, in which models compute, tell only {left} of its {all} values apart: take an offset off"
        ));
    }
    (figures(name, series, notes), outside)
}

fn figures(name: &str, series: &Series<'_>, notes: Vec<String>) -> ColumnOverview {
    let (min, max) = series.range();
    let distinct: Vec<f64> = series.distinct().collect();
    let (pairs, same) = (series.pairs()).fold((0usize, 0usize), |(all, same), (a, b)| {
        (all + 1, same + usize::from(a == b))
    });
    ColumnOverview {
        name: name.into(),
        min,
        max,
        step: step::step(&distinct),
        distinct: distinct.len(),
        repeated: same as f64 / pairs.max(1) as f64,
        missing: series.values.len() - series.readings(),
        independent: independent(&series.values),
        drift: drift(&series.values),
        notes,
    }
}
