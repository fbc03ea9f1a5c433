//! The rows of the chosen columns, in `f32`, without those that have a bad cell.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::derived::source;
use super::error::{DataError, Fault};
use super::find::Index;
use super::frame::{Column, Frame, LeftOut, MOST_READINGS};
use super::hint::Hint;
use super::labels;
use super::map::map_shape;
use super::samples::Continuity;
use super::{ReadOptions, SourceFile, Table};

/// Gathers the rows, in order. Rows with bad cells are left out where `skip_bad` allows the share that they are;
/// `may_exclude` says whether a column could be left out instead.
pub(super) fn gather(
    frames: &[Frame],
    columns: Vec<String>,
    labels: Option<labels::Read>,
    groups: Option<&[u32]>,
    options: &ReadOptions,
    may_exclude: bool,
) -> Result<Table, DataError> {
    let skip_bad = options.skip_bad;
    let timed = options.samples || may_have_times(frames, &columns);
    let continuity = timed.then(|| Continuity::of(frames, &columns));
    let mut table = Table {
        shape: shape_of(&frames[0], &columns),
        columns,
        said: labels.iter().filter_map(|read| read.said.clone()).collect(),
        labels: labels.is_some().then(Vec::new),
        groups: groups.is_some().then(Vec::new),
        rate: continuity.as_ref().and_then(|own| own.rate(frames)),
        ..Table::default()
    };
    let labels = labels.map(|read| read.rows);
    let mut left = Left::default();
    let (mut before, mut at) = (0, 0);
    for frame in frames {
        let index = Index::of(frame);
        let sources: Vec<(&Column, usize)> = table
            .columns
            .iter()
            .filter_map(|name| source(&index, name))
            .collect();
        let mut chosen: Vec<&Column> = sources.iter().map(|(column, _)| *column).collect();
        let mut seen = HashSet::new();
        chosen.retain(|column| seen.insert(&column.name));
        if let Some(error) = first_error(frame, &chosen) {
            if skip_bad.is_none() {
                return Err(error);
            }
            left.first.get_or_insert(error);
        }
        // Not-a-number stays one, and what is too large becomes infinite.
        let holds = |column: &Column, row: usize| (column.values[row] as f32).is_finite();
        let bad = |row: usize| chosen.iter().any(|column| !holds(column, row));
        let mut alone = vec![0usize; chosen.len()];
        let length = 1 + sources.iter().map(|(_, lag)| *lag).max().unwrap_or(0);
        let group = |row: usize| groups.map(|groups| groups[at + row]);
        let start = table.rows;
        left.bad += frame.total_rows - frame.rows;
        // Of the row that was kept last in this file.
        let mut last: Option<usize> = None;
        for row in 0..frame.rows {
            let own = labels.as_ref().map(|labels| labels[at + row]);
            if bad(row) {
                let mut without = (0..chosen.len()).filter(|at| !holds(chosen[*at], row));
                if let (Some(at), None) = (without.next(), without.next()) {
                    alone[at] += 1;
                }
                left.bad += 1;
                left.anomalous += usize::from(own == Some(true));
                continue;
            }
            let whole = |first: usize| {
                frame.positions[row] - frame.positions[first] == (row - first) as u64
                    && (first..row).all(|other| !bad(other) && group(other) == group(row))
            };
            let Some(first) = (row + 1).checked_sub(length).filter(|first| whole(*first)) else {
                left.without_window += 1;
                continue;
            };
            table.values.extend(
                sources
                    .iter()
                    .map(|(column, lag)| column.values[row - lag] as f32),
            );
            table.row_numbers.push(before + frame.positions[row] + 1);
            if let Some(continuity) = &continuity {
                let follows = last.is_some_and(|last| {
                    frame.positions[row] - frame.positions[last] == 1
                        && group(last) == group(row)
                        && continuity.follows(frame, row, at + row)
                });
                if !follows {
                    table.stretches.push(table.rows);
                }
                last = Some(row);
            }
            if let (Some(kept), Some(labels)) = (&mut table.labels, &labels) {
                kept.push(labels[at + first..=at + row].contains(&true));
            }
            if let (Some(kept), Some(group)) = (&mut table.groups, group(row)) {
                kept.push(group);
            }
            table.rows += 1;
        }
        let mostly = chosen.iter().zip(alone);
        for (column, rows) in mostly.filter(|(_, rows)| may_exclude && *rows > 0) {
            *left.alone.entry(column.name.clone()).or_default() += rows;
        }
        left.length = length;
        at += frame.rows;
        before += frame.total_rows as u64;
        table.source.push(source_file(frame, table.rows - start));
        table.said.extend(frame.said.iter().cloned());
        table.left_out.extend(frame.left_out.iter().cloned());
    }
    table.skipped_rows = left.bad;
    left.count(&mut table, before as usize, skip_bad.unwrap_or(0.0))?;
    Ok(table)
}

/// Of maps, and of more columns than sensors, nobody asks when they were recorded.
fn may_have_times(frames: &[Frame], columns: &[String]) -> bool {
    let few = |frame: &Frame| frame.columns.len() <= MOST_READINGS;
    shape_of(&frames[0], columns).is_none() && frames.iter().all(few)
}

/// A file of which so many rows are used.
fn source_file(frame: &Frame, rows: usize) -> SourceFile {
    let name = frame.path.file_name().unwrap_or_default();
    SourceFile {
        file: name.to_string_lossy().into_owned(),
        sha256: frame.sha256.clone(),
        rows,
    }
}

/// Rows that were left out.
#[derive(Default)]
struct Left {
    /// For a bad cell, and how many of them are labelled anomalous.
    bad: usize,
    anomalous: usize,
    /// For a bad cell in this column alone.
    alone: BTreeMap<String, usize>,
    /// The first reason.
    first: Option<DataError>,
    /// Rows without so many rows before them.
    without_window: usize,
    length: usize,
}

impl Left {
    /// The column without which most of the rows could stay, where too many are bad.
    fn to_exclude(&self, table: &Table, share: f64, rows: usize) -> Option<&String> {
        let found = self.bad as f64 / rows as f64;
        let (column, alone) = self.alone.iter().max_by_key(|(_, rows)| **rows)?;
        let others = table.columns.iter().filter(|name| *name != column).count();
        let most = 2 * alone > self.bad && self.bad > 1 && found > share;
        (most && others > 0).then_some(column)
    }

    fn column_of_bad_cells(&self, column: &str, first: &DataError, rows: usize) -> DataError {
        let path = match first {
            DataError::Cell { path, .. } | DataError::Ragged { path, .. } => path.clone(),
            _ => PathBuf::new(),
        };
        let needed = needed(self.bad, rows);
        let exclude = Hint {
            exclude: vec![column.into()],
            ..Hint::default()
        };
        let skip_bad = Hint {
            skip_bad: Some(needed),
            ..Hint::default()
        };
        let reason = format!(
            "{} of {rows} rows ({:.1} %) have bad cells, {} of them in column {column:?} alone: {exclude} leaves that column \
             out, {skip_bad} these rows; the first: {}",
            self.bad,
            100.0 * self.bad as f64 / rows as f64,
            self.alone[column],
            without_hint(first),
        );
        // A sensor is worth more than some rows.
        let hint = if needed > 0.5 { exclude } else { skip_bad };
        DataError::Unclear {
            path,
            reason,
            hint: Box::new(hint),
        }
    }

    /// Adds the counts to the table, and refuses more bad rows than the share allowed.
    fn count(mut self, table: &mut Table, rows: usize, share: f64) -> Result<(), DataError> {
        if self.without_window > 0 {
            table.left_out.push(LeftOut {
                what: "rows without a full window".into(),
                count: self.without_window as u64,
                why: format!(
                    "a window is {} rows in a row: the first rows of a file, and those after a row that was left out, have none",
                    self.length
                ),
            });
        }
        let Some(first) = self.first.take() else {
            return Ok(());
        };
        if let Some(column) = self.to_exclude(table, share, rows) {
            return Err(self.column_of_bad_cells(column, &first, rows));
        }
        if self.bad == rows {
            return Err(DataError::NothingLeft {
                rows,
                first: Box::new(first),
            });
        }
        let why = without_hint(&first);
        let found = self.bad as f64 / rows as f64;
        // One row may always go: a tenth of nine rows is none.
        if found > share && self.bad > 1 {
            let needed = needed(self.bad, rows);
            return Err(DataError::Options(format!(
                "{} of {rows} rows ({:.1} %) have bad cells, and --skip-bad leaves out at most {} %; the first: {why}; \
                 --skip-bad={needed} allows it",
                self.bad,
                100.0 * found,
                100.0 * share,
            )));
        }
        let labelled = match self.anomalous {
            0 => String::new(),
            count => format!("; {count} of them are labelled anomalous"),
        };
        table.left_out.push(LeftOut {
            what: "rows with missing or bad cells".into(),
            count: self.bad as u64,
            why: format!("the first: {why}{labelled}"),
        });
        Ok(())
    }
}

/// An error without the option that answers it.
fn without_hint(error: &DataError) -> String {
    let text = error.to_string();
    text.replace(" (--skip-bad leaves such rows out)", "")
}

/// The share, in whole percent, that leaves so many rows out.
fn needed(bad: usize, rows: usize) -> f64 {
    let found = bad as f64 / rows as f64;
    ((100.0 * found).floor() + 1.0).min(100.0) / 100.0
}

/// The shape of a row of these columns. Of a CSV file the columns that are left may be a map, text beside them or not;
/// a choice of some of a map's values is no map.
fn shape_of(frame: &Frame, columns: &[String]) -> Option<[usize; 3]> {
    if frame.named {
        map_shape(columns)
    } else {
        frame.shape.filter(|_| columns == frame.feature_names())
    }
}

/// The first thing wrong in a file, of what is used of it.
fn first_error(frame: &Frame, chosen: &[&Column]) -> Option<DataError> {
    let faults = chosen.iter().filter_map(|column| {
        let (row, fault, count) = too_large(column)
            .into_iter()
            .chain(
                column
                    .first_bad
                    .clone()
                    .map(|(row, fault)| (row, fault, column.bad)),
            )
            .min_by_key(|(row, ..)| *row)?;
        Some((row, &column.name, fault, count))
    });
    let cell = faults
        .min_by_key(|(row, ..)| *row)
        .map(|(row, name, fault, bad)| DataError::Cell {
            path: frame.path.clone(),
            place: frame.places[row],
            column: name.clone(),
            fault,
            more: bad - 1,
        });
    frame.ragged_error().or(cell)
}

/// The first value that no `f32` holds, and how many there are.
fn too_large(column: &Column) -> Option<(usize, Fault, usize)> {
    let beyond = |x: &f64| x.is_finite() && !(*x as f32).is_finite();
    let row = column.values.iter().position(beyond)?;
    let count = column.values.iter().filter(|x| beyond(x)).count();
    Some((
        row,
        Fault::TooLarge(format!("{:?}", column.values[row])),
        count,
    ))
}
