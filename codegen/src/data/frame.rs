//! One file as it was read, before columns are chosen.
//!
//! Cells that are no finite number are kept as not-a-number beside a note of the first of them, so
//! that only the columns that are used can fail, and only with the words for what stands there.

use std::path::PathBuf;

use serde::Serialize;

use super::error::{DataError, Fault, Place};
use super::features::Features;

/// Most columns that are judged and trained on: more than any microcontroller has sensors, and few enough to compare each
/// with each.
pub(super) const MOST_READINGS: usize = 1024;

/// One file.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub path: PathBuf,
    pub sha256: String,
    /// False when the names were made up (`c0`, `c1`, ..., or those of a map).
    pub named: bool,
    pub columns: Vec<Column>,
    /// Channels, height and width of each row that is a map.
    pub shape: Option<[usize; 3]>,
    /// Labels, when they were asked for and found, or stood beside the rows in an archive.
    pub labels: Option<Labels>,
    /// Rows whose cells could be told apart.
    pub rows: usize,
    /// Position of each of them among all data rows of the file, from 0.
    pub positions: Vec<u64>,
    /// 1-based place of each of them.
    pub places: Vec<Place>,
    /// The first row with another number of cells.
    pub ragged: Option<Ragged>,
    /// All data rows, ragged ones too.
    pub total_rows: usize,
    /// Columns that are not used, by name, with the reason for the user.
    pub aside: Vec<(String, String)>,
    /// What the reader did that the user must know, a sentence each.
    pub said: Vec<String>,
    /// What the file holds and the frame does not.
    pub left_out: Vec<LeftOut>,
    /// Samples a second, where the file states it.
    pub rate: Option<f64>,
    /// Rows of each recording, where the file holds several.
    pub recording: Option<usize>,
}

/// Rows with another number of cells than there are columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ragged {
    /// Where the first of them is.
    pub place: Place,
    /// Its cells.
    pub found: usize,
    /// The number of columns.
    pub expected: usize,
    /// How many such rows there are.
    pub others: u64,
    /// Whether a quote opens in it and is not closed in it.
    pub quote: bool,
}

/// Something in a file that was not read, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What it is, in the plural, as in `comment lines`.
    pub what: String,
    /// How many of them.
    pub count: u64,
    /// Why, as in `they begin with "#"`.
    pub why: String,
}

/// Words that come again and again: each once, and which of them stands in each row.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// The different cells, in the order in which they came.
    pub dictionary: Vec<String>,
    /// For each row the position in the dictionary, or [`Words::NONE`].
    pub codes: Vec<u32>,
}

impl Words {
    /// The code of an empty cell, and of one beyond the dictionary.
    pub const NONE: u32 = u32::MAX;
    /// Most different words that are kept.
    pub const MOST: usize = 64;

    /// Adds a cell; false when the dictionary is full.
    pub fn push(&mut self, cell: &str) -> bool {
        let mut code = Self::NONE;
        let last = self.codes.last().copied().unwrap_or(Self::NONE);
        if self.word(last) == Some(cell) {
            code = last;
        } else if !cell.is_empty() {
            let known = self.dictionary.iter().position(|word| word == cell);
            let full = known.is_none() && self.dictionary.len() == Self::MOST;
            if full {
                self.codes.push(code);
                return false;
            }
            code = known.unwrap_or(self.dictionary.len()) as u32;
            if known.is_none() {
                self.dictionary.push(cell.into());
            }
        }
        self.codes.push(code);
        true
    }

    /// The word of a code.
    pub fn word(&self, code: u32) -> Option<&str> {
        self.dictionary.get(code as usize).map(String::as_str)
    }
}

impl Frame {
    /// Names of all columns.
    pub fn names(&self) -> Vec<String> {
        let names = self.columns.iter().map(|column| column.name.clone());
        names.collect()
    }

    /// Names of all columns but the labels'.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = self.names();
        if let Some(labels) = &self.labels {
            names.retain(|name| *name != labels.name);
        }
        names
    }

    /// The error of the rows that have another number of cells.
    pub fn ragged_error(&self) -> Option<DataError> {
        self.ragged.map(|ragged| DataError::Ragged {
            path: self.path.clone(),
            place: ragged.place,
            found: ragged.found,
            expected: ragged.expected,
            named: self.named,
            fitting: self.total_rows as u64 - ragged.others,
            rows: self.total_rows as u64,
            quote: ragged.quote,
        })
    }

    /// What each row holds, labels left out.
    pub fn features(&self) -> Features {
        Features {
            columns: self.feature_names(),
            shape: self.shape,
        }
    }
}

/// One column of numbers; not-a-number marks a bad cell.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub name: String,
    /// Finite; a value that no `f32` holds is a fault of the row that uses it.
    pub values: Vec<f64>,
    /// Cells that are not empty.
    pub filled: usize,
    /// Cells that are numbers, finite or not.
    pub numbers: usize,
    /// Cells that would be numbers with a decimal comma.
    pub commas: usize,
    /// Row index and fault of the first bad cell.
    pub first_bad: Option<(usize, Fault)>,
    /// Number of bad cells.
    pub bad: usize,
    /// The first cell that is neither empty nor a number.
    pub example: Option<String>,
    /// Cells that are dates or times of day.
    pub times: usize,
    /// Their seconds since 1970, or since midnight without a date, as far as they were read; not-a-number where the
    /// cell is no time. Empty in a column without times.
    pub seconds: Vec<f64>,
    /// Cells that are true or false, read as 1 and 0; they are `numbers` too.
    pub booleans: usize,
    /// Cells that are hexadecimal numbers; bad cells.
    pub hexadecimal: usize,
    /// Cells with thousands separators, whether they were read or are faults.
    pub thousands: usize,
    /// The cells as they stand, while at most [`Words::MOST`] differ; `None` for arrays.
    pub words: Option<Words>,
}

impl Column {
    pub fn named(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    pub fn push(&mut self, cell: Result<f64, Fault>) {
        match cell {
            Ok(value) => {
                self.filled += 1;
                self.numbers += 1;
                self.values.push(value);
            }
            Err(fault) => {
                match &fault {
                    Fault::Missing(_) => {}
                    Fault::Infinite(_) | Fault::TooLarge(_) => {
                        self.filled += 1;
                        self.numbers += 1;
                    }
                    Fault::Unit(cell, _) => {
                        self.filled += 1;
                        self.numbers += 1;
                        self.example.get_or_insert_with(|| cell.clone());
                    }
                    Fault::DecimalComma(cell)
                    | Fault::Text(cell)
                    | Fault::Time(cell)
                    | Fault::Hexadecimal(cell)
                    | Fault::Thousands(cell)
                    | Fault::Percent(cell) => {
                        self.filled += 1;
                        self.commas += usize::from(matches!(fault, Fault::DecimalComma(_)));
                        self.example.get_or_insert_with(|| cell.clone());
                    }
                }
                self.bad += 1;
                self.first_bad.get_or_insert((self.values.len(), fault));
                self.values.push(f64::NAN);
            }
        }
    }
}

/// The label column; what its cells mean shows in all files together.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub name: String,
    /// The cells as they stand.
    pub cells: Words,
}

impl Labels {
    pub fn push(&mut self, cell: &str) {
        self.cells.push(cell.trim());
    }
}

/// A finite number, or why not.
pub(super) fn finite(value: f64, text: impl Fn() -> String) -> Result<f64, Fault> {
    if value.is_nan() {
        Err(Fault::Missing(text()))
    } else if value.is_infinite() {
        Err(Fault::Infinite(text()))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_while_they_are_few() {
        let mut words = Words::default();
        for word in ["on", "on", "", "off", "on"] {
            assert!(words.push(word));
        }
        assert_eq!(words.dictionary, ["on", "off"]);
        assert_eq!(words.codes, [0, 0, Words::NONE, 1, 0]);
        assert_eq!(
            (words.word(1), words.word(Words::NONE)),
            (Some("off"), None)
        );
        let mut many = Words::default();
        let fits = (0..=Words::MOST)
            .filter(|word| many.push(&word.to_string()))
            .count();
        assert_eq!(fits, Words::MOST);
    }
}
