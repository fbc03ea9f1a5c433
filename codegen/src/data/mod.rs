//! Reading tables of sensor readings: CSV and its relatives, `.npy`, `.npz`; and writing arrays.
//!
//! One or more files become one [`Table`] of finite `f32`. Text columns are set aside by name, a
//! bad cell in a used column is an error that names file, line and column, and what was read is
//! known by its SHA-256. Arrays may hold a map a row, N x channels x height x width, or N x height x
//! width for one channel: the rows are then flat, and the table knows their [`shape`](Table::shape).
//!
//! ```
//! use nvpico_codegen::data::{ReadOptions, read};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("pump.csv");
//! std::fs::write(&file, "time;flow;pressure;anomaly\n10:00;1.5;2;0.0\n10:01;1.6;9;1.0\n")?;
//!
//! let options = ReadOptions { label: Some("anomaly".into()), ..ReadOptions::default() };
//! let table = read(&[file], &options)?;
//! assert_eq!(table.columns, ["flow", "pressure"]);
//! assert_eq!(table.row(1), [1.6, 9.0]);
//! assert_eq!(table.labels, Some(vec![false, true]));
//! assert_eq!(table.skipped_columns[0].name, "time");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archives;
mod arrays;
mod asked;
mod autocorrelation;
mod derived;
mod error;
mod features;
mod find;
mod frame;
mod gather;
mod given;
mod hint;
mod judge;
pub(crate) use judge::step;
mod labels;
mod layout;
mod map;
mod mark;
mod missing;
mod model_columns;
mod names;
pub mod npz;
mod number_arrays;
mod overview;
mod samples;
mod select;
mod source;
mod stats;
#[cfg(test)]
mod tests;
mod text;
mod texts;
mod wav;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use error::{DataError, Fault, Place, closest};
pub use features::Features;
pub use frame::LeftOut;
pub use hint::{Hint, SKIP_BAD, value as option_value};
pub use layout::Layout;
pub use map::map_columns;
pub use missing::Missing;
pub use names::{join as join_names, shell as shell_quoted, split_names};
pub use number_arrays::{NumberArray, read_arrays};
pub use overview::{ColumnOverview, Overview, TimeSpan};
pub use samples::Windows;
pub use stats::{ColumnStats, column_stats, constant_columns};
pub use text::detect_delimiter;
pub use write::{write_npy, write_npz};

use frame::Frame;

/// Finite readings, one row after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the features, in the order of the values; `c0`, `c1`, ... in files without names.
    pub columns: Vec<String>,
    /// Channels, height and width of a row that is a map, flat in this order; `None` for a list of readings, and for a
    /// choice of some of a map's values.
    pub shape: Option<[usize; 3]>,
    /// How many features are given, the first ones: they are not judged.
    pub given: usize,
    /// Number of rows kept.
    pub rows: usize,
    /// Row-major, `rows * columns.len()`, all finite.
    pub values: Vec<f32>,
    /// True for an anomalous row, where the files have labels.
    pub labels: Option<Vec<bool>>,
    /// Columns that are not features, and why.
    pub skipped_columns: Vec<SkippedColumn>,
    /// Rows left out because of a bad cell.
    pub skipped_rows: usize,
    /// The files, in order.
    pub source: Vec<SourceFile>,
    /// What was read otherwise than it stands, a sentence each.
    pub said: Vec<String>,
    /// What the files hold and the table does not: columns, rows and other things.
    pub left_out: Vec<LeftOut>,
    /// The columns in short, judged; `None` for maps and for the columns of a model.
    pub overview: Option<Overview>,
    /// For each row the number of its machine, where a column names them.
    pub groups: Option<Vec<u32>>,
    /// For each kept row its number from 1 among all data rows of all files, left-out ones counted.
    pub row_numbers: Vec<u64>,
    /// The rows that do not follow the row before, as the first of a file does not; none for maps.
    pub stretches: Vec<usize>,
    /// How many rows there are in a second, where the files tell.
    pub rate: Option<f64>,
    /// Of rows that are features of samples: the samples.
    pub windows: Option<Windows>,
}

impl Table {
    /// Number of features.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.columns.len()
    }

    /// The features of a row.
    #[must_use]
    pub fn features(&self) -> Features {
        Features {
            columns: self.columns.clone(),
            shape: self.shape,
        }
    }

    /// One row.
    ///
    /// # Panics
    /// If there are fewer rows.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim()..(index + 1) * self.dim()]
    }

    /// All rows, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim().max(1))
    }
}

/// A column that is not a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedColumn {
    /// Its name.
    pub name: String,
    /// Why, as in `text, such as "on"`.
    pub reason: String,
}

impl SkippedColumn {
    fn counted(&self) -> LeftOut {
        LeftOut {
            what: format!("column `{}`", self.name),
            count: 1,
            why: self.reason.clone(),
        }
    }
}

impl fmt::Display for SkippedColumn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.name, self.reason)
    }
}

/// Where rows come from: enough to know the file again, and nothing about the machine it lay on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// File name without folders.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Rows used of it.
    pub rows: usize,
}

/// What to read and how.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The features, by name (by number from 0 in files without names); all numeric columns if not
    /// given.
    pub columns: Option<Vec<String>>,
    /// Columns that are not features.
    pub exclude: Vec<String>,
    /// The column (or array of an archive) with the labels. Archives give an array `y` unasked.
    pub label: Option<String>,
    /// The array of an archive with the rows; `X` or the only one besides the labels if not given.
    pub array: Option<String>,
    /// Leave out rows with bad cells, and count them, instead of failing; the largest share of rows that may be.
    pub skip_bad: Option<f64>,
    /// Numbers that stand for a missing value, such as -999.
    pub missing: Vec<Missing>,
    /// A value far outside the others that repeats is a reading: it is not asked for.
    pub take_all: bool,
    /// Rows are samples that follow each other in time; recordings of an array are put one after the other.
    pub samples: bool,
    /// Each row becomes a window of so many consecutive rows.
    pub window: Option<usize>,
    /// Columns that are read as categories: a feature of 0 and 1 for each of their words.
    pub category: Vec<String>,
    /// Columns that are given: they are not judged, and stand first. A category gives all of its features.
    pub given: Vec<String>,
    /// The column that names the machine of each row; never a feature.
    pub group: Option<String>,
    /// What the axes of an array of three or four dimensions are; asked for where it is not plain.
    pub layout: Option<Layout>,
    /// The delimiter of text files; detected if not given.
    pub delimiter: Option<u8>,
    /// Whether text files begin with names; detected if not given.
    pub header: Option<bool>,
    /// Read `1,5` as 1.5.
    pub decimal_comma: bool,
}

/// Reads files into one table. Files with names are matched by them, in the first file's order; maps must be of one
/// shape. What the axes of an array of three dimensions are has to be said: `options.layout`.
///
/// # Errors
/// See [`DataError`]: each names the file and, where there is one, line and column.
pub fn read(paths: &[PathBuf], options: &ReadOptions) -> Result<Table, DataError> {
    let mut frames = frames(paths, options, None)?;
    let made = derived::categories(&mut frames, &options.category)?;
    select::table(&frames, options, &made)
}

/// Reads just the features of a model, in its order. A file without names is taken by position when
/// it has, besides the label and excluded columns, just as many; maps must have the shape of the model's.
/// `options.columns` is not used.
///
/// # Errors
/// As [`read`]; a file that lacks columns is told which, beside those expected and those found.
pub fn read_for(
    model: &Features,
    paths: &[PathBuf],
    options: &ReadOptions,
) -> Result<Table, DataError> {
    let mut frames = frames(paths, options, Some(model))?;
    for frame in &mut frames {
        let bases = Features {
            columns: derived::bases(frame, &model.columns),
            shape: model.shape,
        };
        derived::categories_of_model(frame, &bases.columns)?;
        model_columns::fit_to_model(frame, &bases, &options.exclude)?;
    }
    let table = select::table_of_model(&frames, &model.columns, options)?;
    Ok(Table {
        shape: model.shape,
        ..table
    })
}

fn frames(
    paths: &[PathBuf],
    options: &ReadOptions,
    model: Option<&Features>,
) -> Result<Vec<Frame>, DataError> {
    if paths.is_empty() {
        return Err(DataError::NoFiles);
    }
    let mut frames: Vec<Frame> = paths
        .iter()
        .map(|path| frame(path, options, model))
        .collect::<Result<_, _>>()?;
    if options.samples {
        frames.iter_mut().try_for_each(samples::unfold)?;
    }
    select::same_shapes(&frames)?;
    mark::mark_missing(&mut frames, &options.missing)?;
    Ok(frames)
}

fn frame(path: &Path, options: &ReadOptions, model: Option<&Features>) -> Result<Frame, DataError> {
    let bytes = source::read(path)?;
    let path = source::name(path);
    let mut sha256 = String::with_capacity(64);
    for byte in Sha256::digest(&bytes) {
        sha256.extend(
            [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
        );
    }
    // By contents rather than by name: a file may be called anything.
    let archive = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    if let Some(array) = options.array.as_ref().filter(|_| !archive) {
        return Err(DataError::Format {
            path: path.into(),
            reason: format!("is no .npz archive, which --array {array} takes its rows from"),
        });
    }
    if bytes.starts_with(b"\x93NUMPY") {
        arrays::read_npy(path, &bytes, sha256, options, model)
    } else if archive {
        archives::read_npz(path, &bytes, sha256, options, model)
    } else if wav::is_wav(&bytes) {
        wav::read(path, &bytes, sha256)
    } else {
        text::read(path, &bytes, &sha256, options, model.is_some())
    }
}
