//! Text tables, from their bytes to columns.
//!
//! The bytes are decoded, cut into cells, and gone over twice: once to learn what the columns hold, once to read them by
//! that. Whatever is not taken as it stands is said, and whatever is left out is counted.

use std::path::Path;

use super::ReadOptions;
use super::error::{DataError, Place};
use super::frame::MOST_READINGS;
use super::frame::{Column, Frame, Labels, Ragged, Words};
use super::map::map_shape;
use super::select::too_many;

mod body;
mod columns;
mod dialect;
pub(super) mod encoding;
mod evidence;
mod foot;
mod format;
mod head;
mod likeness;
mod lines;
mod numbers;
mod tidy;
mod times;
mod units;
mod vocabulary;

use body::{Body, Survey};
use columns::Names;
use evidence::Evidence;
use format::{Format, Signs};
use head::Head;
use lines::Dialect;

pub use dialect::detect_delimiter;

fn check_delimiter(delimiter: Option<u8>) -> Result<(), DataError> {
    let wrong = |own: u8| !own.is_ascii() || matches!(own, b'"' | b'\n' | b'\r');
    if delimiter.is_some_and(wrong) {
        let reason =
            "the delimiter must be one ASCII character, and neither a quote nor a line end".into();
        return Err(DataError::Options(reason));
    }
    Ok(())
}

/// Reads a text table; `for_model` where a model says which columns are used.
pub(super) fn read(
    path: &Path,
    bytes: &[u8],
    sha256: &str,
    options: &ReadOptions,
    for_model: bool,
) -> Result<Frame, DataError> {
    check_delimiter(options.delimiter)?;
    let format_error = |reason: String| DataError::Format {
        path: path.into(),
        reason,
    };
    let empty = |what| DataError::Empty {
        path: path.into(),
        what,
    };
    let (text, decoded) = encoding::decode(bytes).map_err(format_error)?;
    let (text, tidied) = tidy::tidy(&text);
    let dialect = Dialect::of(&text, options.delimiter);
    if dialect.width == 0 {
        return Err(empty("the file is empty"));
    }
    let head = Head::find(&text, &dialect, options.header);
    if let Some(reason) = &head.another_table {
        return Err(format_error(reason.clone()));
    }
    let (end, below) = foot::find(&text, &dialect, &head);
    let text = &text[..end];
    let survey = Survey::of(text, &dialect, &head).map_err(format_error)?;
    if survey.rows() == 0 {
        return Err(empty("the file has a header and no rows"));
    }
    let names = Names::of(&head, &survey, &dialect).map_err(format_error)?;
    let label = match &options.label {
        None => None,
        Some(label) => Some(super::find::position(
            path,
            &names.all,
            head.names.is_some(),
            label,
        )?),
    };
    let shape = shape(&names.all, label);
    if !for_model && options.columns.is_none() && shape.is_none() {
        few_enough(path, &survey, options)?;
    }
    // The words of numbers are those of a category.
    let categories = for_model || !options.category.is_empty() || options.group.is_some();
    let words = |column: &Evidence| categories || !column.has_numbers_alone();
    let mut frame = Frame {
        path: path.into(),
        sha256: sha256.into(),
        named: head.names.is_some(),
        shape,
        labels: label.map(|label| Labels {
            name: names.all[label].clone(),
            ..Labels::default()
        }),
        said: decoded
            .into_iter()
            .chain(tidied)
            .chain(head.said.clone())
            .chain(names.said)
            .collect(),
        left_out: head
            .left_out
            .iter()
            .cloned()
            .chain(names.left_out)
            .chain(below)
            .collect(),
        columns: (names.all.into_iter().zip(&survey.columns))
            .map(|(name, evidence)| Column {
                words: words(evidence).then(Words::default),
                ..Column::named(name)
            })
            .collect(),
        ..Frame::default()
    };
    let signs = Signs::of(&survey.columns);
    let mut formats: Vec<Format> = survey
        .columns
        .iter()
        .map(|column| Format::of(column, signs, options.decimal_comma))
        .collect();
    let mut body = Body::new(text, &dialect, &head);
    while body.advance().map_err(format_error)? {
        push(&mut frame, &body, &mut formats, label);
    }
    frame.left_out.extend(body.left_out(&dialect));
    let numbers = frame
        .columns
        .iter()
        .zip(&formats)
        .filter_map(|(column, format)| format.said(column));
    frame.said.extend(numbers);
    if let (count @ 1.., line) = body.rows.literal {
        let rows = if count == 1 { "row" } else { "rows" };
        frame.said.push(format!(
            "{count} {rows} with quotes that open and do not close, the first in line {line}: they are read as characters"
        ));
    }
    for sentence in &mut frame.said {
        *sentence = format!("{}: {sentence}", path.display());
    }
    Ok(frame)
}

/// Refuses more columns of numbers than a model of readings can have, before all of them are read.
fn few_enough(path: &Path, survey: &Survey, options: &ReadOptions) -> Result<(), DataError> {
    let numeric = survey.columns.iter().filter(|column| column.is_numeric());
    let numeric = numeric.count();
    // All of them will be features but for these.
    let named = [&options.label, &options.group].into_iter().flatten();
    let other = options.category.len() + options.exclude.len() + named.count();
    if numeric > MOST_READINGS + other {
        return Err(too_many(path, numeric));
    }
    Ok(())
}

/// Adds a row, or counts it as one with another number of cells.
fn push(frame: &mut Frame, body: &Body, formats: &mut [Format], label: Option<usize>) {
    let position = frame.total_rows as u64;
    frame.total_rows += 1;
    let place = Place::Line(body.rows.line);
    let width = body.rows.cells.len();
    let columns = frame.columns.len();
    // A delimiter at the end of a row is no cell.
    if width != columns && !(width == columns + 1 && body.rows.cells.get(columns).is_empty()) {
        let first = Ragged {
            place,
            found: width,
            expected: columns,
            others: 0,
            quote: body.rows.open,
        };
        frame.ragged.get_or_insert(first).others += 1;
        return;
    }
    for (index, (column, format)) in frame.columns.iter_mut().zip(formats).enumerate() {
        format.push(column, body.cell(index));
    }
    if let (Some(labels), Some(label)) = (&mut frame.labels, label) {
        labels.push(body.cell(label));
    }
    frame.rows += 1;
    frame.positions.push(position);
    frame.places.push(place);
}

fn shape(names: &[String], label: Option<usize>) -> Option<[usize; 3]> {
    let mut features = names.to_vec();
    if let Some(label) = label {
        features.remove(label);
    }
    map_shape(&features)
}
