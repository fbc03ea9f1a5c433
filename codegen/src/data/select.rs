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

use super::asked::{asked_for, is_label, not_numeric};
use super::derived::{self, bases};
use super::error::DataError;
use super::features::shape_words;
use super::find::{Index, position};
use super::frame::{Column, Frame, MOST_READINGS};
use super::gather::gather;
use super::given;
use super::judge::{Question, judge};
use super::labels;
use super::names::join;
use super::{ReadOptions, SkippedColumn, Table, option_value, texts};

/// The error of more columns of numbers than that.
pub(super) fn too_many(path: &Path, columns: usize) -> DataError {
    DataError::Options(format!(
        "{}: {columns} columns of numbers, more than the {MOST_READINGS} that a model of readings can have: choose some with --columns",
        path.display()
    ))
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

/// The table of a model's features, which the files have.
pub(super) fn table_of_model(
    frames: &[Frame],
    features: &[String],
    options: &ReadOptions,
) -> Result<Table, DataError> {
    let first = frames.first().ok_or(DataError::NoFiles)?;
    let labels = labels::read(frames)?;
    asked_for(frames, &bases(first, features), &[])?;
    gather(frames, features.to_vec(), labels, None, options, false)
}

/// The table of these files, their columns judged; `made` are features that were made of columns.
pub(super) fn table(
    frames: &[Frame],
    options: &ReadOptions,
    made: &[String],
) -> Result<Table, DataError> {
    let first = frames.first().ok_or(DataError::NoFiles)?;
    let excluded = excluded(first, &options.exclude)?;
    let mut skipped_columns: Vec<SkippedColumn> = first
        .aside
        .iter()
        .map(|(name, reason)| SkippedColumn {
            name: name.clone(),
            reason: reason.clone(),
        })
        .collect();
    let labels = labels::read(frames)?;
    let about_labels = match &labels {
        Some(read) => labels::mostly_anomalous(frames, read)?,
        None => None,
    };
    let groups = options
        .group
        .as_ref()
        .map(|name| derived::groups(frames, name))
        .transpose()?;
    let given = given::features(frames, options, made, &excluded)?;
    let mut other: Vec<&String> = made.iter().chain(&options.category).chain(&given).collect();
    other.extend(&options.group);
    let columns = match &options.columns {
        Some(wanted) => {
            let wanted: Vec<String> = wanted
                .iter()
                .filter(|name| !other.contains(name))
                .cloned()
                .collect();
            asked_for(frames, &wanted, &excluded)?
        }
        // A map is never cut unless asked to, even where a pixel has no number.
        None if excluded.is_empty() && first.shape.is_some() => {
            asked_for(frames, &first.feature_names(), &excluded)?
        }
        None => {
            let labels = labels.as_ref().map(|read| (&*read.name, &*read.rows));
            numeric(frames, &excluded, &other, labels, &mut skipped_columns)?
        }
    };
    let mut overview = None;
    let mut judged_out: Vec<String> = Vec::new();
    let mut columns = columns;
    if first.shape.is_none() && columns.len() > MOST_READINGS {
        return Err(too_many(&first.path, columns.len()));
    }
    if first.shape.is_none() && !columns.is_empty() {
        let verdict = judge(&Question {
            frames,
            columns: &columns,
            asked: options.columns.is_some(),
            labels: labels.as_ref().map(|read| (&*read.name, &*read.rows)),
            grouped: options.group.is_some(),
            take_all: options.take_all,
        })?;
        judged_out = verdict
            .left_out
            .iter()
            .map(|column| column.name.clone())
            .collect();
        skipped_columns.extend(verdict.left_out);
        columns = verdict.columns;
        overview = Some(verdict.overview);
        if let Some(overview) = overview.as_mut().filter(|_| options.group.is_none()) {
            overview.machines =
                (overview.machines.take()).or_else(|| texts::machines(frames, &skipped_columns));
        }
    }
    if let Some(length) = options.window {
        columns = derived::window(&columns, length);
    }
    columns.extend(made.iter().filter(|name| !given.contains(name)).cloned());
    if columns.is_empty() {
        return Err(nothing_left(first, &skipped_columns, &judged_out));
    }
    let count = given.len();
    columns.splice(0..0, given);
    let may_exclude = options.columns.is_none() && first.shape.is_none();
    let mut table = gather(
        frames,
        columns,
        labels,
        groups.as_deref(),
        options,
        may_exclude,
    )?;
    table.given = count;
    table.overview = overview;
    table.said.extend(about_labels);
    table
        .left_out
        .extend(skipped_columns.iter().map(SkippedColumn::counted));
    table.skipped_columns = skipped_columns;
    Ok(table)
}

/// The columns that the user leaves out, but for those that are no features anyway.
fn excluded(first: &Frame, names: &[String]) -> Result<Vec<String>, DataError> {
    let all = first.names();
    let aside = |name: &&String| first.aside.iter().any(|(aside, _)| aside == *name);
    let names = names.iter().filter(|name| !aside(name));
    names
        .map(|name| {
            let index = position(&first.path, &all, first.named, name)?;
            Ok(first.columns[index].name.clone())
        })
        .collect()
}

/// The error of files without a column of readings.
fn nothing_left(first: &Frame, skipped: &[SkippedColumn], judged_out: &[String]) -> DataError {
    let why: Vec<String> = skipped.iter().map(ToString::to_string).collect();
    let way = if judged_out.is_empty() {
        String::new()
    } else {
        let columns = option_value("columns", &join(judged_out));
        format!("; if they are readings, {columns} uses them")
    };
    DataError::Format {
        path: first.path.clone(),
        reason: format!("no column of readings is left: {}{way}", why.join("; ")),
    }
}

/// All numeric columns of the first file; the other files must have the same.
fn numeric(
    frames: &[Frame],
    excluded: &[String],
    other: &[&String],
    labels: Option<(&str, &[bool])>,
    skipped: &mut Vec<SkippedColumn>,
) -> Result<Vec<String>, DataError> {
    let first = &frames[0];
    let indexes: Vec<Index<'_>> = frames.iter().map(Index::of).collect();
    let mut columns = Vec::new();
    for Column { name, .. } in &first.columns {
        if is_label(first, name) || other.contains(&name) {
            continue;
        }
        if excluded.contains(name) {
            skipped.push(SkippedColumn {
                name: name.clone(),
                reason: "excluded".into(),
            });
            continue;
        }
        let same: Vec<&Column> = indexes.iter().filter_map(|frame| frame.get(name)).collect();
        if let Some(mut reason) = not_numeric(&same) {
            if first.labels.is_none()
                && let Some(question) = texts::label(first, name, &same)
            {
                return Err(question);
            }
            if let Some(more) = texts::advice(name, &same, labels) {
                reason = format!("{reason}; {more}");
            }
            skipped.push(SkippedColumn {
                name: name.clone(),
                reason,
            });
            continue;
        }
        if let Some(at) = indexes.iter().position(|frame| frame.get(name).is_none()) {
            return Err(DataError::Columns {
                path: frames[at].path.clone(),
                difference: format!("lacks the column {name:?}"),
                first: first.path.clone(),
            });
        }
        columns.push(name.clone());
    }
    for frame in &frames[1..] {
        let surplus = frame.columns.iter().find(|column| {
            indexes[0].get(&column.name).is_none()
                && !excluded.contains(&column.name)
                && !is_label(frame, &column.name)
                && !other.contains(&&column.name)
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
