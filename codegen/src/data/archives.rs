//! Archives of arrays, `.npz`: which array has the rows, and which the labels.
//!
//! ```
//! use nvpico_codegen::data::{ReadOptions, npz, read, write_npy};
//!
//! let folder = tempfile::tempdir()?;
//! let part = folder.path().join("part.npy");
//! write_npy(&part, &[2], &[1.0, 2.5, 3.0, 4.5])?;
//! let part = std::fs::read(part)?;
//! let file = folder.path().join("two.npz");
//! std::fs::write(&file, npz::archive(&[("monday", part.clone()), ("tuesday", part)])?)?;
//! let error = read(&[file.clone()], &ReadOptions::default()).unwrap_err().to_string();
//! assert!(error.contains("--array monday"));
//! let options = ReadOptions { array: Some("monday".into()), ..ReadOptions::default() };
//! assert_eq!(read(&[file], &options)?.rows, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::Cursor;
use std::path::Path;

use super::ReadOptions;
use super::arrays::{format, frame, label_from_column, labels_of, with_array};
use super::error::DataError;
use super::features::Features;
use super::frame::{Frame, LeftOut};
use super::hint::{Hint, exclude, value};
use super::judge::label::{names_fault, words};
use super::labels::are_labels;
use super::names::shell;
use super::npz::Archive;

/// Reads a `.npz` file: the rows are its array `X`, or its only array.
pub(super) fn read_npz(
    path: &Path,
    bytes: &[u8],
    sha256: String,
    options: &ReadOptions,
    model: Option<&Features>,
) -> Result<Frame, DataError> {
    let mut archive = Archive::open(Cursor::new(bytes))
        .map_err(|error| format(path, format!("is not a readable .npz archive: {error}")))?;
    let names = archive.names();
    if names.is_empty() {
        let reason = "is a zip archive without arrays; save a spreadsheet as CSV".into();
        return Err(format(path, reason));
    }
    let label = options.label.as_deref().unwrap_or("y");
    let rows = rows_of(&names, options, label).map_err(|reason| format(path, reason))?;
    let within = |name: &str, reason: String| format(path, format!("array {name:?}: {reason}"));
    let mut frame = with_array(&mut archive, &rows, bytes.len() as u64, |array| {
        frame(array, options, model)
    })
    .map_err(|reason| within(&rows, reason))?;
    frame.path = path.into();
    frame.sha256 = sha256;
    let asked = options.label.is_some();
    if label != rows && names.iter().any(|name| name == label) {
        let expected = frame.rows;
        let values = with_array(&mut archive, label, bytes.len() as u64, |array| {
            array.label_values(expected)
        });
        let excluded = !asked && options.exclude.iter().any(|name| name == label);
        match values.map(|values| labels_of(label, &values)) {
            _ if excluded => frame.aside.push((label.into(), "excluded".into())),
            Ok(labels) if are_labels(&labels) || asked => frame.labels = Some(labels),
            // A target of a regression, say: nobody asked for it as labels.
            Ok(_) => frame.aside.push((label.into(), "no labels".into())),
            // It may belong to other rows than those that were asked for.
            Err(reason) if !asked && options.array.is_some() => {
                frame
                    .aside
                    .push((label.into(), format!("no labels: {reason}")));
            }
            Err(reason) if asked => return Err(within(label, reason)),
            Err(reason) => {
                let reason = format!("{reason}; {} reads the rows without it", exclude(label));
                return Err(within(label, reason));
            }
        }
    } else if asked {
        label_from_column(&mut frame, label)?;
    }
    let others = names.iter().filter(|name| **name != rows && *name != label);
    if frame.labels.is_none() && options.columns.is_none() && model.is_none() {
        for name in others.clone() {
            let words = words(name);
            let (named, target) = (names_fault(&words), words.iter().any(|word| word == "y"));
            if !named && !target {
                continue;
            }
            let values = with_array(&mut archive, name, bytes.len() as u64, |array| {
                array.label_values(frame.rows)
            });
            // `y_train` beside `X_train`, as far as its values say so too; labels of other rows are none of these.
            let target = match &values {
                Ok(values) => target && are_labels(&labels_of(name, values)),
                Err(_) if options.array.is_some() => continue,
                Err(_) => false,
            };
            if !named && !target {
                continue;
            }
            if options.exclude.contains(name) {
                frame.aside.push((name.clone(), "excluded".into()));
                continue;
            }
            let hint = Hint {
                label: Some(name.clone()),
                ..Hint::default()
            };
            return Err(DataError::Unclear {
                path: path.into(),
                reason: format!(
                    "array {name:?} looks like a label, by its name{}; {hint} takes it as the label, {} trains on all rows",
                    if target { " and values" } else { "" },
                    exclude(name)
                ),
                hint: Box::new(hint),
            });
        }
    }
    frame.left_out.extend(others.map(|name| LeftOut {
        what: format!("array {name:?}"),
        count: 1,
        why: format!("the rows are array {rows:?}"),
    }));
    Ok(frame)
}

/// The array with the rows: the one asked for, `X`, or the only one besides the labels.
fn rows_of(names: &[String], options: &ReadOptions, label: &str) -> Result<String, String> {
    let list = || {
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        all.join(", ")
    };
    if let Some(array) = &options.array {
        if array == label && options.label.is_some() {
            return Err(format!(
                "array {array:?} cannot be both the rows and the label"
            ));
        }
        if !names.contains(array) {
            return Err(format!(
                "has no array {array:?}, which --array names; its arrays are {}",
                list()
            ));
        }
        return Ok(array.clone());
    }
    let mut others = names.iter().filter(|name| *name != label);
    match (others.next(), others.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ if names.iter().any(|name| name == "X") => Ok("X".into()),
        (None, _) if options.label.is_some() => {
            Err(format!("has no array but {label:?}, which --label names"))
        }
        (None, _) => Err(format!(
            "has no array but {label:?}, which has labels; {} takes the rows from it",
            value("array", &shell(label))
        )),
        (Some(first), Some(_)) => Err(format!(
            "has no array \"X\"; its arrays are {}; --array NAME takes the rows from one of them, such as {}",
            list(),
            value("array", &shell(first))
        )),
    }
}
