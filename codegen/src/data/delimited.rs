//! Text tables: the delimiter, the header, and the cells.
//!
//! ```
//! use nvpico_codegen::data::detect_delimiter;
//!
//! assert_eq!(detect_delimiter(b"time;flow\n2020-02-08 13:30:47;1.5\n"), b';');
//! assert_eq!(detect_delimiter(b"\"a, b\"\tc\n1\t2\n"), b'\t');
//! ```

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use super::ReadOptions;
use super::error::{DataError, Place};
use super::frame::{Column, Frame, Labels, parse_number};
use super::map::map_shape;

/// Rows looked at to find the delimiter.
const SAMPLE_ROWS: usize = 100;

/// The delimiter among comma, semicolon, tab, bar and space that cuts the first rows into the most
/// numbers, in rows of equal length. Quotes are respected.
#[must_use]
pub fn detect_delimiter(text: &[u8]) -> u8 {
    let mut best = (0.0, b',');
    for delimiter in *b",;\t| " {
        let value = fitness(text, delimiter);
        if value > best.0 {
            best = (value, delimiter);
        }
    }
    best.1
}

/// How well a delimiter fits: numbers in a row, times the share of cells that are numbers, times
/// the share of rows of the usual length. Tables of words count by their columns, but less.
fn fitness(text: &[u8], delimiter: u8) -> f64 {
    let mut lengths = Vec::new();
    let mut numbers = 0;
    for record in records(text, delimiter).take(SAMPLE_ROWS) {
        let Ok(record) = record else { break };
        // With a comma as delimiter none can stand in a number.
        numbers += cells(&record, delimiter)
            .filter(|cell| parse_number(&String::from_utf8_lossy(cell), delimiter != b',').is_ok())
            .count();
        lengths.push(cells(&record, delimiter).count());
    }
    let rows = lengths.len() as f64;
    let Some((usual, count)) = lengths
        .iter()
        .map(|length| {
            (
                *length,
                lengths.iter().filter(|other| *other == length).count(),
            )
        })
        .max_by_key(|(length, count)| (*count, *length))
    else {
        return 0.0;
    };
    if usual < 2 {
        return 0.0;
    }
    let share = numbers as f64 / lengths.iter().sum::<usize>().max(1) as f64;
    (numbers as f64 / rows * share + 1e-3 * usual as f64) * count as f64 / rows
}

fn records(text: &[u8], delimiter: u8) -> csv::ByteRecordsIntoIter<&[u8]> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text)
        .into_byte_records()
}

/// The cells of a record; runs of spaces are one delimiter.
fn cells(record: &ByteRecord, delimiter: u8) -> impl Iterator<Item = &[u8]> {
    record
        .iter()
        .filter(move |cell| delimiter != b' ' || !cell.is_empty())
}

/// Lines as an editor counts them, for records met in order.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which a record begins, blank lines before it left out.
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let start = record
            .position()
            .map_or(0, |position| position.byte() as usize);
        let blank = self.text[start..]
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let start = start + blank.count();
        let passed = &self.text[self.byte..start];
        // Files of old end their lines with a carriage return alone.
        let count = |end: u8| passed.split(|byte| *byte == end).count() - 1;
        let ends = match count(b'\n') {
            0 => count(b'\r'),
            feeds => feeds,
        };
        self.line += ends as u64;
        self.byte = start;
        self.line
    }
}

/// Reads a text table.
pub(super) fn read(
    path: &Path,
    bytes: &[u8],
    sha256: &str,
    options: &ReadOptions,
) -> Result<Frame, DataError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let reason = "the text is in UTF-16; save it as UTF-8".into();
        return Err(DataError::Format {
            path: path.into(),
            reason,
        });
    }
    if text.iter().take(4096).any(|byte| *byte == 0) {
        let reason = "this is neither text nor a NumPy array (.npy, .npz)".into();
        return Err(DataError::Format {
            path: path.into(),
            reason,
        });
    }
    let delimiter = options.delimiter.unwrap_or_else(|| detect_delimiter(text));
    let mut lines = Lines {
        text,
        byte: 0,
        line: 1,
    };
    let mut frame: Option<(Frame, Option<usize>)> = None;
    for record in records(text, delimiter) {
        let record = record.map_err(|error| DataError::Format {
            path: path.into(),
            reason: format!("cannot be read as a table: {error}"),
        })?;
        let line = lines.of(&record);
        let row: Vec<String> = cells(&record, delimiter)
            .map(|cell| String::from_utf8_lossy(cell).trim().to_string())
            .collect();
        if row.iter().all(String::is_empty) {
            // A line of delimiters or spaces, as spreadsheets leave at the end.
            continue;
        }
        if let Some((frame, label)) = &mut frame {
            push(frame, *label, &row, line, options.decimal_comma);
        } else {
            let (mut first, label) = start(path, sha256, &row, options)?;
            if !first.named {
                push(&mut first, label, &row, line, options.decimal_comma);
            }
            frame = Some((first, label));
        }
    }
    match frame {
        None => Err(DataError::Empty {
            path: path.into(),
            what: "the file is empty",
        }),
        Some((frame, _)) if frame.total_rows == 0 => Err(DataError::Empty {
            path: path.into(),
            what: "the file has a header and no rows",
        }),
        Some((frame, _)) => Ok(frame),
    }
}

/// The frame of a file with this first row, and the position of its label column.
fn start(
    path: &Path,
    sha256: &str,
    row: &[String],
    options: &ReadOptions,
) -> Result<(Frame, Option<usize>), DataError> {
    let named = options
        .header
        .unwrap_or_else(|| !looks_like_data(row, options.decimal_comma));
    let names = column_names(row, named);
    let label = match &options.label {
        None => None,
        Some(label) => Some(super::select::position(path, &names, named, label)?),
    };
    let mut features = names.clone();
    if let Some(label) = label {
        features.remove(label);
    }
    let frame = Frame {
        path: path.into(),
        sha256: sha256.into(),
        named,
        labels: label.map(|label| Labels {
            name: names[label].clone(),
            ..Labels::default()
        }),
        shape: map_shape(&features),
        columns: names.into_iter().map(Column::named).collect(),
        rows: 0,
        positions: Vec::new(),
        places: Vec::new(),
        ragged: None,
        total_rows: 0,
        aside: Vec::new(),
        said: Vec::new(),
        left_out: Vec::new(),
    };
    Ok((frame, label))
}

/// A first row is data when every cell in it that says something starts as numbers and times do,
/// and one at least is a number.
fn looks_like_data(row: &[String], decimal_comma: bool) -> bool {
    let number = |cell: &String| parse_number(cell, decimal_comma).is_ok();
    let starts = |cell: &String| {
        let digit = cell.trim_start_matches(['+', '-', '.']).chars().next();
        cell.is_empty() || number(cell) || digit.is_some_and(|c| c.is_ascii_digit())
    };
    row.iter().any(number) && row.iter().all(starts)
}

/// The header's names, or `c0`, `c1`, ... where there is none; a name that comes again gets a
/// number, so that each is unique.
fn column_names(row: &[String], named: bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(row.len());
    for (index, cell) in row.iter().enumerate() {
        let name = if named && !cell.is_empty() {
            cell.clone()
        } else {
            format!("c{index}")
        };
        let mut unique = name.clone();
        let mut copy = 2;
        while names.contains(&unique) {
            unique = format!("{name}.{copy}");
            copy += 1;
        }
        names.push(unique);
    }
    names
}

fn push(frame: &mut Frame, label: Option<usize>, row: &[String], line: u64, decimal_comma: bool) {
    let position = frame.total_rows as u64;
    frame.total_rows += 1;
    if row.len() != frame.columns.len() {
        frame.ragged.get_or_insert((Place::Line(line), row.len()));
        return;
    }
    for (column, cell) in frame.columns.iter_mut().zip(row) {
        column.push(parse_number(cell, decimal_comma));
    }
    if let (Some(labels), Some(label)) = (&mut frame.labels, label) {
        labels.push(&row[label]);
    }
    frame.rows += 1;
    frame.positions.push(position);
    frame.places.push(Place::Line(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_delimiter() {
        for (delimiter, name) in [
            (b',', ","),
            (b';', ";"),
            (b'\t', "\t"),
            (b'|', "|"),
            (b' ', " "),
        ] {
            let text = "a_b,2020 x,1.5\nb,2021 y,-2e3\n"
                .replace(' ', "_")
                .replace(',', name);
            assert_eq!(detect_delimiter(text.as_bytes()), delimiter, "{text}");
        }
        // Decimal commas beside semicolons, blanks beside commas, delimiters inside quotes.
        assert_eq!(detect_delimiter(b"1,5;2,5\n3,5;4,5\n"), b';');
        assert_eq!(
            detect_delimiter(b"2020-01-01 10:00:00, 1, 2\n2020-01-01 10:00:01, 3, 4\n"),
            b','
        );
        assert_eq!(detect_delimiter(b"\"1;2;3;4\",5\n\"6;7;8;9\",1\n"), b',');
        assert_eq!(detect_delimiter(b"  1.0   2.0\n 10.0  -3.0\n"), b' ');
        assert_eq!(detect_delimiter(b"word\n1\n"), b',');
        assert_eq!(detect_delimiter(b"name,kind\nx,y\n"), b',');
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        let text = b"a,b\r\n\r\n1,\"two\nlines\"\r\n3,4\n\n\n5,6";
        let mut lines = Lines {
            text,
            byte: 0,
            line: 1,
        };
        let found: Vec<u64> = records(text, b',')
            .map(|record| lines.of(&record.unwrap()))
            .collect();
        assert_eq!(found, [1, 3, 5, 8]);
        let old = b"a,b\r1,2\r3,4";
        let mut lines = Lines {
            text: old,
            byte: 0,
            line: 1,
        };
        let found: Vec<u64> = records(old, b',')
            .map(|record| lines.of(&record.unwrap()))
            .collect();
        assert_eq!(found, [1, 2, 3]);
    }

    #[test]
    fn names_are_unique() {
        let row = ["x", "", "x", "x"].map(String::from);
        assert_eq!(column_names(&row, true), ["x", "c1", "x.2", "x.3"]);
        assert_eq!(column_names(&row, false), ["c0", "c1", "c2", "c3"]);
    }

    #[test]
    fn a_header_is_told_from_data() {
        let data = |row: &[&str]| {
            looks_like_data(
                &row.iter().map(ToString::to_string).collect::<Vec<_>>(),
                false,
            )
        };
        assert!(data(&["1", "-2.5", ""]));
        assert!(data(&["2020-02-08 13:30:47", "0.5"]));
        assert!(!data(&["time", "400", "410"]));
        assert!(!data(&["a", "b"]));
    }
}
