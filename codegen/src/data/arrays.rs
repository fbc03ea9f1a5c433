//! Arrays of `numpy`, `.npy` and `.npz`: rows and, in an archive, labels `y`.
//!
//! Rows are plain (N x features) or maps (N x height x width, N x channels x height x width).
//!
//! ```
//! use nvpico_codegen::data::{DataError, ReadOptions, read};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("cut-short.npy");
//! std::fs::write(&file, b"\x93NUMPY\x01\x00")?;
//! let error = read(&[file], &ReadOptions::default()).unwrap_err();
//! assert!(matches!(error, DataError::Format { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{Cursor, Read};
use std::path::Path;

use npyz::npz::NpzArchive;
use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};

use super::ReadOptions;
use super::error::{DataError, Place};
use super::features::{Features, shape_words};
use super::frame::{Column, Frame, Labels, finite};

/// An array of any supported type, in row-major order.
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// Reads a `.npy` file.
pub(super) fn read_npy(
    path: &Path,
    bytes: &[u8],
    sha256: String,
    options: &ReadOptions,
) -> Result<Frame, DataError> {
    let array = parse(bytes).map_err(|reason| format(path, reason))?;
    let mut frame = frame(path, sha256, &array).map_err(|reason| format(path, reason))?;
    if let Some(label) = &options.label {
        label_from_column(&mut frame, label)?;
    }
    check_rows(frame)
}

/// Reads a `.npz` file: the rows are its array `X`, or its only array.
pub(super) fn read_npz(
    path: &Path,
    bytes: &[u8],
    sha256: String,
    options: &ReadOptions,
) -> Result<Frame, DataError> {
    let mut archive = NpzArchive::new(Cursor::new(bytes))
        .map_err(|error| format(path, format!("is not a readable .npz archive: {error}")))?;
    let mut names: Vec<String> = archive.array_names().map(str::to_string).collect();
    names.sort();
    if names.is_empty() {
        let reason = "is a zip archive without arrays; save a spreadsheet as CSV".into();
        return Err(format(path, reason));
    }
    let label = options.label.as_deref().unwrap_or("y");
    let rows = match names
        .iter()
        .filter(|name| *name != label)
        .collect::<Vec<_>>()[..]
    {
        [only] => only.clone(),
        _ if names.iter().any(|name| name == "X") => "X".into(),
        _ => {
            let reason = format!("has no array \"X\"; its arrays are {}", names.join(", "));
            return Err(format(path, reason));
        }
    };
    let mut load = |name: &str| -> Result<Array, DataError> {
        let mut contents = Vec::new();
        archive
            .zip_archive()
            .by_name(&npyz::npz::file_name_from_array_name(name))
            .map_err(|error| error.to_string())
            .and_then(|mut file| {
                file.read_to_end(&mut contents)
                    .map_err(|error| error.to_string())
            })
            .and_then(|_| parse(&contents))
            .map_err(|reason| format(path, format!("array {name:?}: {reason}")))
    };
    let array = load(&rows)?;
    let mut frame = frame(path, sha256, &array)
        .map_err(|reason| format(path, format!("array {rows:?}: {reason}")))?;
    if names.iter().any(|name| name == label) {
        let y = load(label)?;
        let count: usize = y.shape.iter().product();
        let flat = y.shape.iter().filter(|length| **length != 1).count() <= 1;
        if !flat || count != frame.rows {
            let reason = format!(
                "array {label:?} has the shape {:?} where {} labels belong",
                y.shape, frame.rows
            );
            return Err(format(path, reason));
        }
        let mut labels = Labels {
            name: label.into(),
            ..Labels::default()
        };
        y.values
            .iter()
            .for_each(|value| labels.push(&value.to_string()));
        if labels.bad == 0 || options.label.is_some() {
            frame.labels = Some(labels);
        } else {
            // A target of a regression, say: nobody asked for it as labels.
            frame
                .aside
                .push((label.into(), "no labels of 0 and 1".into()));
        }
    } else if let Some(label) = &options.label {
        label_from_column(&mut frame, label)?;
    }
    check_rows(frame)
}

fn format(path: &Path, reason: String) -> DataError {
    DataError::Format {
        path: path.into(),
        reason,
    }
}

fn check_rows(frame: Frame) -> Result<Frame, DataError> {
    if frame.rows == 0 {
        return Err(DataError::Empty {
            path: frame.path,
            what: "the array has no rows",
        });
    }
    Ok(frame)
}

/// A frame of an array, its columns named by number or by their place in the map.
fn frame(path: &Path, sha256: String, array: &Array) -> Result<Frame, String> {
    let (rows, features) = match array.shape[..] {
        [rows, width] => {
            let names: Vec<String> = (0..width).map(|index| format!("c{index}")).collect();
            (rows, Features::named(&names))
        }
        [rows, height, width] => (rows, Features::map([1, height, width])),
        [rows, channels, height, width] => (rows, Features::map([channels, height, width])),
        _ => {
            return Err(format!(
                "has {} dimension{}; rows and columns are needed, a two-dimensional array, or maps: \
                 N x height x width, N x channels x height x width",
                array.shape.len(),
                if array.shape.len() == 1 { "" } else { "s" },
            ));
        }
    };
    let mut columns: Vec<Column> = features.columns.into_iter().map(Column::named).collect();
    for row in array.values.chunks_exact(columns.len().max(1)) {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(finite(*value, || value.to_string()));
        }
    }
    Ok(Frame {
        path: path.into(),
        sha256,
        named: false,
        shape: features.shape.filter(|_| !columns.is_empty()),
        columns,
        labels: None,
        rows,
        positions: (0..rows as u64).collect(),
        places: (1..=rows as u64).map(Place::Row).collect(),
        ragged: None,
        total_rows: rows,
        aside: Vec::new(),
        said: Vec::new(),
        left_out: Vec::new(),
    })
}

fn label_from_column(frame: &mut Frame, label: &str) -> Result<(), DataError> {
    if let Some(shape) = frame.shape {
        let maps = shape_words(Some(shape), frame.columns.len());
        let reason = format!(
            "each row is {maps}, without a label; labels belong beside them, in an .npz archive with an array {label:?}"
        );
        return Err(format(&frame.path, reason));
    }
    let at = super::select::position(&frame.path, &frame.names(), false, label)?;
    let column = &frame.columns[at];
    let mut labels = Labels {
        name: column.name.clone(),
        ..Labels::default()
    };
    column
        .values
        .iter()
        .for_each(|value| labels.push(&value.to_string()));
    frame.labels = Some(labels);
    Ok(())
}

/// Parses the bytes of a `.npy` file.
fn parse(bytes: &[u8]) -> Result<Array, String> {
    let file =
        NpyFile::new(bytes).map_err(|error| format!("is not a readable NumPy array: {error}"))?;
    let DType::Plain(kind) = file.dtype() else {
        return Err("is an array of records; nvpico needs an array of numbers".into());
    };
    let mut shape = Vec::new();
    let mut count = 1usize;
    for length in file.shape() {
        let length = usize::try_from(*length).map_err(|_| "is too large")?;
        count = count.checked_mul(length).ok_or("is too large")?;
        shape.push(length);
    }
    // Before anything is allocated for it: a broken header may promise any number of rows.
    if count
        .checked_mul(kind.num_bytes().unwrap_or(1))
        .is_none_or(|needed| needed > bytes.len())
    {
        return Err("is shorter than its header says".into());
    }
    let order = file.order();
    let values = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => numbers::<f64>(file, |value| value),
        (TypeChar::Float, 4) => numbers::<f32>(file, f64::from),
        (TypeChar::Int, 8) => numbers::<i64>(file, |value| value as f64),
        (TypeChar::Int, 4) => numbers::<i32>(file, f64::from),
        (TypeChar::Int, 2) => numbers::<i16>(file, f64::from),
        (TypeChar::Int, 1) => numbers::<i8>(file, f64::from),
        (TypeChar::Uint, 8) => numbers::<u64>(file, |value| value as f64),
        (TypeChar::Uint, 4) => numbers::<u32>(file, f64::from),
        (TypeChar::Uint, 2) => numbers::<u16>(file, f64::from),
        (TypeChar::Uint, 1) => numbers::<u8>(file, f64::from),
        (TypeChar::Bool, _) => numbers::<bool>(file, |value| f64::from(u8::from(value))),
        _ => {
            return Err(format!(
                "has the type {kind}; floats, integers or booleans are needed"
            ));
        }
    }?;
    let values = match order {
        Order::Fortran => row_major(&shape, &values),
        Order::C => values,
    };
    Ok(Array { shape, values })
}

/// Values whose first index runs fastest, put in the order in which the last one does.
fn row_major(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |step, length| {
            let stride = *step;
            *step *= length;
            Some(stride)
        })
        .collect();
    let place = |index: usize| {
        let axes = shape.iter().zip(&strides).rev();
        let (place, _) = axes.fold((0, index), |(place, left), (length, stride)| {
            (place + left % length * stride, left / length)
        });
        place
    };
    (0..values.len())
        .map(|index| values[place(index)])
        .collect()
}

fn numbers<T: Deserialize>(
    file: NpyFile<&[u8]>,
    wide: impl Fn(T) -> f64,
) -> Result<Vec<f64>, String> {
    let data = file.data::<T>().map_err(|error| error.to_string())?;
    data.map(|value| {
        value
            .map(&wide)
            .map_err(|error| format!("cannot be read: {error}"))
    })
    .collect()
}
