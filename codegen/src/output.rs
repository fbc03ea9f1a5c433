//! Output: files written atomically, aligned tables, numbers in JSON.
//!
//! A file appears complete or not at all: it is written under a temporary name in the same folder
//! and then renamed. A table for the terminal keeps numbers right-aligned. JSON has no infinity,
//! so [`json_number`] writes `"-inf"` and `"inf"` as strings and an undefined number as `null`.
//!
//! ```
//! use nvpico_codegen::output::{TextTable, json_number};
//!
//! let mut table = TextTable::new(&["metric", "value"]);
//! table.row(["AUROC".into(), "0.912".into()]);
//! table.row(["F1".into(), "0.8".into()]);
//! assert_eq!(table.to_string(), "metric  value\nAUROC   0.912\nF1        0.8\n");
//!
//! assert_eq!(json_number(f64::NEG_INFINITY), "-inf");
//! ```

use std::fmt;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::Value;

/// Writes `bytes` to `path` under a temporary name in the same folder, then renames.
///
/// # Errors
/// The file system's error; an existing file is left unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomic`], for contents written piece by piece.
///
/// An existing path that is not a regular file (`/dev/stdout`, a pipe) is written directly:
/// a rename would replace the device by a file. A symbolic link keeps pointing where it does.
///
/// # Errors
/// The error of the file system or of `fill`; an existing file is left unchanged.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if let Ok(existing) = fs::metadata(&target) {
        if existing.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a directory, not a file",
            ));
        }
        if !existing.is_file() {
            let mut file = BufWriter::new(fs::OpenOptions::new().write(true).open(&target)?);
            fill(&mut file)?;
            return file.flush();
        }
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nvpico-");
    // Temporary files are private by default; a result should follow the user's umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = BufWriter::new(builder.tempfile_in(folder)?);
    fill(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    // Without this a crash of the machine could leave the new name on an empty file.
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// A number for JSON: finite numbers as they are, `"inf"`, `"-inf"`, and `null` for not-a-number.
#[must_use]
pub fn json_number(value: f64) -> Value {
    if value.is_nan() {
        Value::Null
    } else if value == f64::INFINITY {
        "inf".into()
    } else if value == f64::NEG_INFINITY {
        "-inf".into()
    } else {
        value.into()
    }
}

/// An `f32` for JSON, with the fewest digits that read back to the same bits (0.1, not
/// 0.10000000149011612); infinities and not-a-number as [`json_number`].
#[must_use]
pub fn json_f32(value: f32) -> Value {
    json_number(format!("{value:?}").parse().unwrap_or(f64::NAN))
}

/// For `#[serde(serialize_with = "...")]` on an `f64`: see [`json_number`].
///
/// # Errors
/// The serializer's error.
pub fn serialize_number<S: serde::Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&json_number(*value), to)
}

/// For `#[serde(serialize_with = "...")]` on an `Option<f64>`; nothing is `null`.
///
/// # Errors
/// The serializer's error.
pub fn serialize_option<S: serde::Serializer>(
    value: &Option<f64>,
    to: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&value.map_or(Value::Null, json_number), to)
}

/// For `#[serde(serialize_with = "...")]` on an `Option<f32>`: see [`json_f32`]; nothing is `null`.
///
/// # Errors
/// The serializer's error.
pub fn serialize_f32_option<S: serde::Serializer>(
    value: &Option<f32>,
    to: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&value.map_or(Value::Null, json_f32), to)
}

/// A table of text, its columns aligned: numbers to the right, anything else to the left.
#[derive(Clone, Debug, Default)]
pub struct TextTable {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these column titles. Empty titles only: no title line is printed.
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Missing cells stay empty, surplus ones are shown without a title.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) -> &mut Self {
        self.rows.push(cells.into_iter().collect());
        self
    }
}

/// Whether a cell is right-aligned: a number, perhaps with a unit or a percent sign, or nothing.
fn is_number(cell: &str) -> bool {
    let start = cell.split(' ').next().unwrap_or("");
    let plain: String = start
        .chars()
        .filter(|c| !matches!(c, ',' | '_' | '%' | 'x'))
        .collect();
    cell.is_empty() || cell == "-" || plain.parse::<f64>().is_ok()
}

impl fmt::Display for TextTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.rows.iter().map(Vec::len).chain([self.header.len()]);
        let columns: Vec<(usize, bool)> = (0..count.max().unwrap_or(0))
            .map(|column| {
                let cells = || self.rows.iter().filter_map(|row| row.get(column));
                let title = self.header.get(column);
                let width = cells().chain(title).map(|cell| cell.chars().count()).max();
                (width.unwrap_or(0), cells().all(|cell| is_number(cell)))
            })
            .collect();
        let titled = self.header.iter().any(|title| !title.is_empty());
        for row in titled.then_some(&self.header).into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, (width, right)) in columns.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let space = " ".repeat(width - cell.chars().count());
                let gap = if column == 0 { "" } else { "  " };
                let (before, after) = if *right {
                    (space, String::new())
                } else {
                    (String::new(), space)
                };
                line.extend([gap, &before, cell, &after]);
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_whole_or_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // No temporary file stays behind, after success or failure.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_a_directory_and_a_missing_folder() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(folder.path(), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        let error = write_atomic(&folder.path().join("no/file"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn keeps_links_and_gives_ordinary_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        symlink(&real, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&real), mode(&plain));
    }

    #[test]
    fn aligns_numbers_right_and_text_left() {
        let mut table = TextTable::new(&["core", "rows", "note"]);
        table.row(["m4f".into(), "9405".into(), "größer".into()]);
        table.row(["m0".into(), "12".into()]);
        assert_eq!(
            table.to_string(),
            "core  rows  note\nm4f   9405  größer\nm0      12\n"
        );
        assert_eq!(TextTable::new(&[]).to_string(), "");
    }

    #[test]
    fn json_has_no_infinity_and_short_floats() {
        assert_eq!(json_number(1.5), 1.5);
        assert_eq!(json_number(f64::INFINITY), "inf");
        assert_eq!(json_number(f64::NAN), Value::Null);
        assert_eq!(json_f32(0.1).to_string(), "0.1");
        assert_eq!(json_f32(f32::NEG_INFINITY), "-inf");
        let smallest = f32::from_bits(1);
        let text = json_f32(smallest).to_string();
        assert_eq!(text.parse::<f32>().unwrap().to_bits(), 1);
    }

    #[test]
    fn serializes_through_serde() {
        #[derive(serde::Serialize)]
        struct Report {
            #[serde(serialize_with = "serialize_number")]
            mean: f64,
            #[serde(serialize_with = "serialize_option")]
            auroc: Option<f64>,
        }
        let report = Report {
            mean: f64::NEG_INFINITY,
            auroc: None,
        };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"mean":"-inf","auroc":null}"#
        );
    }
}
