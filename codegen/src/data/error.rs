//! What can be wrong with a table; each error names the file and, where there is one, line and column.
//!
//! ```
//! use nvpico_codegen::data::{ReadOptions, read};
//!
//! let error = read(&["no-such.csv".into()], &ReadOptions::default()).unwrap_err();
//! assert_eq!(error.to_string(), "no-such.csv: there is no such file");
//! ```

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::features::{Features, list};

/// Where a cell is: lines of text files are counted as an editor does, rows of arrays from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// 1-based line of a text file, the header included.
    Line(u64),
    /// 1-based row of an array.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(out, "line {line}"),
            Self::Row(row) => write!(out, "row {row}"),
        }
    }
}

/// What is wrong with one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Empty, or a word for a missing value (`NA`, `NaN`, `null`).
    Missing(String),
    /// An infinity.
    Infinite(String),
    /// A number that is too large for an `f32`.
    TooLarge(String),
    /// A number with a decimal comma.
    DecimalComma(String),
    /// A date or a time of day.
    Time(String),
    /// A hexadecimal number.
    Hexadecimal(String),
    /// A number with thousands separators that may be a decimal comma as well.
    Thousands(String),
    /// A percentage in a column of other numbers.
    Percent(String),
    /// A number that is not in the unit of the column, and that unit.
    Unit(String, String),
    /// Not a number.
    Text(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(cell) if cell.is_empty() => write!(out, "the cell is empty"),
            Self::Missing(cell) => write!(out, "the value is missing ({cell:?})"),
            Self::Infinite(cell) => write!(out, "{cell:?} is not finite"),
            Self::TooLarge(cell) => write!(out, "{cell:?} is too large for a 32-bit float"),
            Self::DecimalComma(cell) => write!(
                out,
                "{cell:?} has a decimal comma (--decimal-comma reads it)"
            ),
            Self::Time(cell) => write!(out, "{cell:?} is a time, not a number"),
            Self::Hexadecimal(cell) => {
                write!(
                    out,
                    "{cell:?} is a hexadecimal number; most of this column is no decimal number"
                )
            }
            Self::Thousands(cell) if cell.contains(',') => write!(
                out,
                "{cell:?} may have a comma between thousands or before decimals: write it without the one, or with a point \
                 for the other"
            ),
            Self::Thousands(cell) => write!(
                out,
                "{cell:?} may have a point between thousands, beside numbers with a decimal comma (--decimal-comma reads it \
                 so)"
            ),
            Self::Percent(cell) => write!(
                out,
                "{cell:?} has a percent sign, where other cells of the column have none"
            ),
            Self::Unit(cell, unit) => write!(
                out,
                "{cell:?} is not in {unit:?}, as other cells of the column are: write all of them in one unit"
            ),
            Self::Text(cell) => write!(out, "{cell:?} is not a number"),
        }
    }
}

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No file was named.
    #[error("no data file was given")]
    NoFiles,
    /// The file is not there.
    #[error("{}: there is no such file", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// A folder where a file should be.
    #[error("{}: is a directory; give the files in it", path.display())]
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file has nothing to learn from.
    #[error("{}: {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        what: &'static str,
    },
    /// The file has an unknown format.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// A row with more or fewer cells than the first.
    #[error(
        "{}: {place} has {} where the {} has {expected}, as {fitting} of {rows} rows have{} (--skip-bad leaves such rows out)",
        path.display(), cells(*found), if *named { "header" } else { "first row" }, open_quote(*quote)
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// Its cells.
        found: usize,
        /// Cells of the header.
        expected: usize,
        /// Whether there is a header.
        named: bool,
        /// Rows with as many cells.
        fitting: u64,
        /// All rows.
        rows: u64,
        /// Whether a quote opens in the row and is not closed.
        quote: bool,
    },
    /// A cell of a used column that is not a finite number.
    #[error(
        "{}: {place}, column {column:?}: {fault}{} (--skip-bad leaves such rows out)",
        path.display(),
        others(*more)
    )]
    Cell {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// The column's name.
        column: String,
        /// What is wrong.
        fault: Fault,
        /// Further bad cells in the same column of the same file.
        more: usize,
    },
    /// A column that was asked for is not there.
    #[error("{}: no column {name:?}{}; there are {}", path.display(), suggestion(closest.as_ref()), list(available))]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// A name that is nearly the same.
        closest: Option<String>,
        /// What there is.
        available: Vec<String>,
    },
    /// A column that was asked for holds no numbers.
    #[error("{}: column {name:?} has no numbers: {reason}", path.display())]
    NotNumeric {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
        /// What it has.
        reason: String,
    },
    /// Columns or values of which only the user knows what they are.
    #[error("{}: {reason}", path.display())]
    Unclear {
        /// The file.
        path: PathBuf,
        /// What they are, and the options that settle it.
        reason: String,
        /// Those of the options that the message names first.
        hint: Box<super::Hint>,
    },
    /// The options contradict each other.
    #[error("{0}")]
    Options(String),
    /// Two files of one table differ in their columns.
    #[error(
        "{}: {difference}, unlike {} (--columns chooses columns that all files have)",
        path.display(), first.display()
    )]
    Columns {
        /// The file that differs.
        path: PathBuf,
        /// How, as in "lacks the column \"flow\"".
        difference: String,
        /// The file it is compared with.
        first: PathBuf,
    },
    /// Rows of another shape than those of the first file, or of the model.
    #[error("{}: each row is {found}, where {owner} has {expected}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What its rows are, as in "a map of 1 x 8 x 8 (channels x height x width)".
        found: String,
        /// Whose shape it has to be: that of the first file, or "the model".
        owner: String,
        /// What rows are there.
        expected: String,
    },
    /// The file does not have the columns the model was trained on.
    #[error(
        "{}: {} missing; it expects {}; the file has {}",
        path.display(), missing_words(missing, expected), expected, found
    )]
    Model {
        /// The file.
        path: PathBuf,
        /// Expected and not found.
        missing: Vec<String>,
        /// The model's features.
        expected: Box<Features>,
        /// The file's features.
        found: Box<Features>,
    },
    /// A file without header has another number of columns than the model.
    #[error(
        "{}: the model expects {} values per row ({}), but the file, which has no column names, has {found}",
        path.display(), expected.dim(), expected
    )]
    Count {
        /// The file.
        path: PathBuf,
        /// The model's features.
        expected: Features,
        /// The file's number of columns.
        found: usize,
    },
    /// Every row was left out.
    #[error("none of the {rows} rows can be used; the first error: {first}")]
    NothingLeft {
        /// Rows read.
        rows: usize,
        /// The first reason.
        first: Box<DataError>,
    },
}

fn cells(count: usize) -> String {
    let cells = if count == 1 { "cell" } else { "cells" };
    format!("{count} {cells}")
}

fn open_quote(quote: bool) -> &'static str {
    if quote {
        "; a quote opens in it and is not closed"
    } else {
        ""
    }
}

fn others(more: usize) -> String {
    match more {
        0 => String::new(),
        1 => ", and one more bad cell in this column".into(),
        _ => format!(", and {more} more bad cells in this column"),
    }
}

fn suggestion(closest: Option<&String>) -> String {
    closest.map_or(String::new(), |name| format!(" (did you mean {name:?}?)"))
}

/// Names, or the number of values for a map, whose names say nothing.
fn missing_words(missing: &[String], expected: &Features) -> String {
    if expected.shape.is_some() {
        let (missing, all) = (missing.len(), expected.dim());
        return format!("{missing} of the model's {all} values are");
    }
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("the model's {} {verb}", list(missing))
}

/// The available name closest to a mistyped one, if there is one: case is ignored, and up to a third of the letters
/// may differ.
#[must_use]
pub fn closest(name: &str, available: &[String]) -> Option<String> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let distance =
        |other: &String| edit_distance(&wanted, &other.to_lowercase().chars().collect::<Vec<_>>());
    available
        .iter()
        .map(|other| (distance(other), other))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, other)| {
            *distance <= wanted.len().max(other.chars().count()) / 3
                || other.to_lowercase().starts_with(&name.to_lowercase())
        })
        .map(|(_, other)| other.clone())
}

/// Levenshtein's: insertions, deletions and replacements from one to the other.
fn edit_distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let available = names(&["Current", "Pressure", "Volume Flow RateRMS"]);
        assert_eq!(closest("current", &available).unwrap(), "Current");
        assert_eq!(closest("Presure", &available).unwrap(), "Pressure");
        assert_eq!(closest("humidity", &available), None);
        assert_eq!(closest("x", &[]), None);
    }

    #[test]
    fn edit_distance_by_hand() {
        let distance = |a: &str, b: &str| {
            edit_distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("flow", "flow"), 0);
    }
}
