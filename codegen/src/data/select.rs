//! Choosing the columns and rows of files that make one table.
//!
//! A column counts as numeric when at least half of its filled cells, over all files, are numbers;
//! its other cells are then errors. Anything else is text and is set aside by name.
//!
//! ```
//! use nvpico_codegen::data::{ReadOptions, read};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("pump.csv");
//! std::fs::write(&file, "time,flow,state\n10:00,1.5,on\n10:01,1.6,on\n")?;
//! let table = read(&[file], &ReadOptions::default())?;
//! assert_eq!(table.columns, ["flow"]);
//! assert_eq!(table.skipped_columns[1].to_string(), "state (text, such as \"on\")");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;

use super::error::{DataError, closest};
use super::features::shape_words;
use super::frame::{Column, Frame};
use super::map::map_shape;
use super::{ReadOptions, SkippedColumn, SourceFile, Table};

/// The position of a column by its name or, in a file without names, by its number from 0.
pub(super) fn position(
    path: &Path,
    names: &[String],
    named: bool,
    wanted: &str,
) -> Result<usize, DataError> {
    let by_number = || {
        wanted
            .parse()
            .ok()
            .filter(|index| !named && *index < names.len())
    };
    names
        .iter()
        .position(|name| name == wanted)
        .or_else(by_number)
        .ok_or_else(|| DataError::UnknownColumn {
            path: path.into(),
            name: wanted.into(),
            closest: closest(wanted, names),
            available: names.to_vec(),
        })
}

/// Refuses files whose rows are maps of different shapes. Files with column names are not compared with others: there
/// the columns decide.
pub(super) fn same_shapes(frames: &[Frame]) -> Result<(), DataError> {
    let Some((first, others)) = frames.split_first() else {
        return Ok(());
    };
    let expected = first.shape;
    for frame in others {
        let found = frame.shape;
        let both_maps = found.is_some() && expected.is_some();
        if found != expected && (both_maps || !(frame.named || first.named)) {
            return Err(DataError::Shape {
                path: frame.path.clone(),
                found: shape_words(found, frame.feature_names().len()),
                owner: first.path.display().to_string(),
                expected: shape_words(expected, first.feature_names().len()),
            });
        }
    }
    Ok(())
}

fn is_label(frame: &Frame, name: &str) -> bool {
    frame
        .labels
        .as_ref()
        .is_some_and(|labels| labels.name == name)
}

/// The table of these files.
pub(super) fn table(frames: &[Frame], options: &ReadOptions) -> Result<Table, DataError> {
    let first = frames.first().ok_or(DataError::NoFiles)?;
    let mut excluded = Vec::new();
    for name in &options.exclude {
        let index = position(&first.path, &first.names(), first.named, name)?;
        excluded.push(first.columns[index].name.clone());
    }
    let mut skipped_columns: Vec<SkippedColumn> = first
        .aside
        .iter()
        .map(|(name, reason)| SkippedColumn {
            name: name.clone(),
            reason: reason.clone(),
        })
        .collect();
    let columns = match &options.columns {
        Some(wanted) => asked_for(frames, wanted, &excluded)?,
        // A map is never cut unless asked to, even where a pixel has no number.
        None if excluded.is_empty() && first.shape.is_some() => {
            asked_for(frames, &first.feature_names(), &excluded)?
        }
        None => numeric(frames, &excluded, &mut skipped_columns)?,
    };
    if columns.is_empty() {
        return Err(DataError::Empty {
            path: first.path.clone(),
            what: "no column of numbers is left",
        });
    }
    gather(frames, columns, skipped_columns, options.skip_bad)
}

/// The columns the user named, checked in each file.
fn asked_for(
    frames: &[Frame],
    wanted: &[String],
    excluded: &[String],
) -> Result<Vec<String>, DataError> {
    let first = &frames[0];
    let mut columns: Vec<String> = Vec::new();
    let all = first.names();
    for name in wanted {
        let name = all[position(&first.path, &all, first.named, name)?].clone();
        if is_label(first, &name) {
            return Err(DataError::Options(format!(
                "the label column {name:?} cannot also be a feature"
            )));
        }
        if columns.contains(&name) {
            return Err(DataError::Options(format!(
                "the column {name:?} is named twice"
            )));
        }
        if !excluded.contains(&name) {
            columns.push(name);
        }
    }
    let all: Vec<Vec<String>> = frames.iter().map(Frame::names).collect();
    for name in &columns {
        let mut same = Vec::new();
        for (frame, all) in frames.iter().zip(&all) {
            same.push(&frame.columns[position(&frame.path, all, frame.named, name)?]);
        }
        if let Some(reason) = not_numeric(&same) {
            return Err(DataError::NotNumeric {
                path: first.path.clone(),
                name: name.clone(),
                reason,
            });
        }
    }
    Ok(columns)
}

/// All numeric columns of the first file; the other files must have the same.
fn numeric(
    frames: &[Frame],
    excluded: &[String],
    skipped: &mut Vec<SkippedColumn>,
) -> Result<Vec<String>, DataError> {
    let first = &frames[0];
    let mut columns = Vec::new();
    for Column { name, .. } in &first.columns {
        if is_label(first, name) {
            continue;
        }
        if excluded.contains(name) {
            skipped.push(SkippedColumn {
                name: name.clone(),
                reason: "excluded".into(),
            });
            continue;
        }
        let same: Vec<&Column> = frames
            .iter()
            .filter_map(|frame| find(frame, name))
            .collect();
        if let Some(reason) = not_numeric(&same) {
            skipped.push(SkippedColumn {
                name: name.clone(),
                reason,
            });
            continue;
        }
        if let Some(frame) = frames.iter().find(|frame| find(frame, name).is_none()) {
            return Err(DataError::Columns {
                path: frame.path.clone(),
                difference: format!("lacks the column {name:?}"),
                first: first.path.clone(),
            });
        }
        columns.push(name.clone());
    }
    for frame in &frames[1..] {
        let surplus = frame.columns.iter().find(|column| {
            find(first, &column.name).is_none()
                && !excluded.contains(&column.name)
                && !is_label(frame, &column.name)
                && not_numeric(&[column]).is_none()
        });
        if let Some(column) = surplus {
            return Err(DataError::Columns {
                path: frame.path.clone(),
                difference: format!("has a column {:?}", column.name),
                first: first.path.clone(),
            });
        }
    }
    Ok(columns)
}

fn find<'a>(frame: &'a Frame, name: &str) -> Option<&'a Column> {
    frame.columns.iter().find(|column| column.name == name)
}

/// Why a column, as it stands in all files, is not one of numbers.
fn not_numeric(same: &[&Column]) -> Option<String> {
    let filled: usize = same.iter().map(|column| column.filled).sum();
    // A decimal comma is a number that needs an option: an error says so, the column is not skipped.
    let numbers: usize = same
        .iter()
        .map(|column| column.numbers + column.commas)
        .sum();
    if filled == 0 {
        Some("empty".into())
    } else if 2 * numbers < filled {
        let example = same.iter().find_map(|column| column.example.as_ref());
        Some(format!(
            "text, such as {:?}",
            example.map_or("", String::as_str)
        ))
    } else {
        None
    }
}

/// The rows of the chosen columns, in order.
fn gather(
    frames: &[Frame],
    columns: Vec<String>,
    skipped_columns: Vec<SkippedColumn>,
    skip_bad: Option<f64>,
) -> Result<Table, DataError> {
    let labelled = frames.iter().all(|frame| frame.labels.is_some());
    let mut table = Table {
        shape: shape_of(&frames[0], &columns),
        columns,
        skipped_columns,
        labels: labelled.then(Vec::new),
        ..Table::default()
    };
    let mut before = 0;
    let mut first_fault = None;
    for frame in frames {
        let chosen: Vec<&Column> = table
            .columns
            .iter()
            .filter_map(|name| find(frame, name))
            .collect();
        let labels = frame.labels.as_ref().filter(|_| labelled);
        if let Some(error) = first_error(frame, &chosen) {
            if skip_bad.is_none() {
                return Err(error);
            }
            first_fault.get_or_insert(error);
        }
        let start = table.rows;
        for row in 0..frame.rows {
            let label = labels.map(|labels| labels.values[row]);
            if label == Some(None) || chosen.iter().any(|column| column.values[row].is_nan()) {
                continue;
            }
            table
                .values
                .extend(chosen.iter().map(|column| column.values[row] as f32));
            table.row_numbers.push(before + frame.positions[row] + 1);
            if let (Some(labels), Some(Some(label))) = (&mut table.labels, label) {
                labels.push(label);
            }
            table.rows += 1;
        }
        table.skipped_rows += frame.total_rows - (table.rows - start);
        before += frame.total_rows as u64;
        table.source.push(SourceFile {
            file: frame
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            sha256: frame.sha256.clone(),
            rows: table.rows - start,
        });
    }
    match first_fault {
        Some(first) if table.rows == 0 => Err(DataError::NothingLeft {
            rows: table.skipped_rows,
            first: Box::new(first),
        }),
        _ => Ok(table),
    }
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
    let columns = chosen
        .iter()
        .map(|column| (&column.name, &column.first_bad, column.bad));
    let labels = frame
        .labels
        .iter()
        .map(|labels| (&labels.name, &labels.first_bad, labels.bad));
    let cell = columns
        .chain(labels)
        .filter_map(|(name, first, bad)| {
            first.as_ref().map(|(row, fault)| (*row, name, fault, bad))
        })
        .min_by_key(|(row, ..)| *row)
        .map(|(row, name, fault, bad)| DataError::Cell {
            path: frame.path.clone(),
            place: frame.places[row],
            column: name.clone(),
            fault: fault.clone(),
            more: bad - 1,
        });
    frame.ragged_error().or(cell)
}
