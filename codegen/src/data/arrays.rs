//! Arrays of `numpy`, `.npy`: rows, or what an archive has them for.
//!
//! Rows are plain (N x features) or maps; [`layout`](super::layout) says what the axes of a map are. Values are put
//! into their columns as they are read, and what a header or an archive promises is compared with what there is before
//! anything is allocated for it.
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

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};

use super::ReadOptions;
use super::error::{DataError, Place};
use super::features::{Features, shape_words};
use super::frame::{Column, Frame, Labels, LeftOut, finite};
use super::layout::Axes;
use super::npz::Archive;

/// The longest header of an array, the bound of numpy's own reader.
const LONGEST_HEADER: usize = 10_000;
/// The deepest brackets in it: a dictionary, a list of fields, a field, its shape.
const DEEPEST: usize = 8;
/// Bytes that values may take however small the archive is, and beyond which they may take so many times its size.
const EXPANSION: (u64, u64) = (256 << 20, 100);

/// Reads a `.npy` file.
pub(super) fn read_npy(
    path: &Path,
    bytes: &[u8],
    sha256: String,
    options: &ReadOptions,
    model: Option<&Features>,
) -> Result<Frame, DataError> {
    let array = Array::open(bytes, bytes.len() as u64).map_err(|reason| format(path, reason))?;
    let mut frame = frame(array, options, model).map_err(|reason| format(path, reason))?;
    frame.path = path.into();
    frame.sha256 = sha256;
    if let Some(label) = &options.label {
        label_from_column(&mut frame, label)?;
    }
    Ok(frame)
}

pub(super) fn format(path: &Path, reason: String) -> DataError {
    DataError::Format {
        path: path.into(),
        reason,
    }
}

/// Opens an array of an archive of `size` bytes.
pub(super) fn with_array<T>(
    archive: &mut Archive<Cursor<&[u8]>>,
    name: &str,
    size: u64,
    then: impl FnOnce(Array<&mut dyn Read>) -> Result<T, String>,
) -> Result<T, String> {
    let mut file = archive.array(name)?;
    let stated = file.size();
    let mut file = BufReader::new(&mut file);
    let array = Array::open(&mut file as &mut dyn Read, stated)?;
    let needed = 8 * array.count as u64;
    if needed > EXPANSION.0.max(size.saturating_mul(EXPANSION.1)) {
        return Err(format!(
            "its {} values take {} MB in memory, {} times the size of the archive; save it as .npy if it is meant",
            array.count,
            needed >> 20,
            needed / size.max(1)
        ));
    }
    then(array)
}

/// An array whose values have not been read.
pub(super) struct Array<R: Read> {
    file: NpyFile<std::io::Chain<Cursor<Vec<u8>>, R>>,
    pub(super) shape: Vec<usize>,
    pub(super) count: usize,
    /// Bytes behind its values.
    behind: u64,
}

impl<R: Read> Array<R> {
    /// Reads the header of an array of which there are so many bytes.
    fn open(mut source: R, bytes: u64) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("is not a readable NumPy array: {error}");
        let header = header(&mut source).map_err(unreadable)??;
        let before = header.len() as u64;
        let file = NpyFile::new(Cursor::new(header).chain(source)).map_err(unreadable)?;
        let DType::Plain(kind) = file.dtype() else {
            return Err("is an array of records; nvpico needs an array of numbers".into());
        };
        let shape = file.shape();
        if shape.contains(&0) {
            let what = if shape[0] == 0 { "rows" } else { "values" };
            return Err(format!("the array has no {what}: its shape is {shape:?}"));
        }
        let count = shape
            .iter()
            .try_fold(1u64, |count, length| count.checked_mul(*length));
        let needed =
            count.and_then(|count| count.checked_mul(kind.num_bytes().unwrap_or(1).max(1) as u64));
        // Before anything is allocated for it: a broken header may promise any number of rows.
        let there = bytes.saturating_sub(before);
        let Some(behind) = needed.and_then(|needed| there.checked_sub(needed)) else {
            return Err(format!(
                "is shorter than its header says: its shape is {shape:?}"
            ));
        };
        let lengths = shape
            .iter()
            .map(|length| usize::try_from(*length))
            .collect::<Result<_, _>>();
        let shape: Vec<usize> = lengths.map_err(|_| "is too large")?;
        let count = shape.iter().product();
        Ok(Self {
            file,
            shape,
            count,
            behind,
        })
    }

    /// Whether the first axis runs fastest.
    pub(super) fn is_by_column(&self) -> bool {
        self.shape.len() > 1 && self.file.order() == Order::Fortran
    }

    /// Gives each value to `take`, in the order in which they are stored.
    pub(super) fn read(self, take: impl FnMut(f64)) -> Result<(), String> {
        let DType::Plain(kind) = self.file.dtype() else {
            return Ok(());
        };
        let file = self.file;
        match (kind.type_char(), kind.size_field()) {
            (TypeChar::Float, 8) => each::<f64, R>(file, |value| value, take),
            (TypeChar::Float, 4) => each::<f32, R>(file, f64::from, take),
            (TypeChar::Float, 2) => each::<half::f16, R>(file, f64::from, take),
            (TypeChar::Int, 8) => each::<i64, R>(file, |value| value as f64, take),
            (TypeChar::Int, 4) => each::<i32, R>(file, f64::from, take),
            (TypeChar::Int, 2) => each::<i16, R>(file, f64::from, take),
            (TypeChar::Int, 1) => each::<i8, R>(file, f64::from, take),
            (TypeChar::Uint, 8) => each::<u64, R>(file, |value| value as f64, take),
            (TypeChar::Uint, 4) => each::<u32, R>(file, f64::from, take),
            (TypeChar::Uint, 2) => each::<u16, R>(file, f64::from, take),
            (TypeChar::Uint, 1) => each::<u8, R>(file, f64::from, take),
            (TypeChar::Bool, _) => each::<bool, R>(file, |value| f64::from(u8::from(value)), take),
            _ => Err(format!(
                "has the type {kind}; floats, integers or booleans are needed"
            )),
        }
    }

    /// The values of labels, one for each row.
    pub(super) fn label_values(self, rows: usize) -> Result<Vec<f64>, String> {
        let flat = self.shape.iter().filter(|length| **length != 1).count() <= 1;
        if !flat || self.count != rows {
            return Err(format!(
                "has the shape {:?} where {rows} labels belong",
                self.shape
            ));
        }
        let mut values = Vec::with_capacity(rows);
        self.read(|value| values.push(value))?;
        Ok(values)
    }
}

/// The bytes of an array up to its values. The outer error is that of the source.
fn header(source: &mut impl Read) -> std::io::Result<Result<Vec<u8>, String>> {
    let mut header = vec![0; 10];
    source.read_exact(&mut header)?;
    let mut length = usize::from(u16::from_le_bytes([header[8], header[9]]));
    if header[6] > 1 {
        let mut more = [0; 2];
        source.read_exact(&mut more)?;
        length |= usize::from(u16::from_le_bytes(more)) << 16;
        header.extend(more);
    }
    if length > LONGEST_HEADER {
        let reason = format!(
            "its header has {length} bytes, as that of an array of records; nvpico needs an array of numbers"
        );
        return Ok(Err(reason));
    }
    let start = header.len();
    header.resize(start + length, 0);
    source.read_exact(&mut header[start..])?;
    let mut digits = header[start..].split(|byte| !byte.is_ascii_digit());
    let lengths = digits.try_fold(1u64, |product, digits| match digits {
        [] => Some(product),
        _ => product.checked_mul(
            std::str::from_utf8(digits)
                .ok()?
                .parse::<u64>()
                .ok()?
                .max(1),
        ),
    });
    // The reader multiplies them unchecked.
    if lengths.is_none() {
        return Ok(Err(
            "its header promises more values than there can be".into()
        ));
    }
    let mut depth = 0usize;
    for byte in &header[start..] {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Ok(Err(
                "is not a readable NumPy array: its header has brackets in brackets".into(),
            ));
        }
    }
    Ok(Ok(header))
}

fn each<T: Deserialize, R: Read>(
    file: NpyFile<std::io::Chain<Cursor<Vec<u8>>, R>>,
    wide: impl Fn(T) -> f64,
    mut take: impl FnMut(f64),
) -> Result<(), String> {
    let data = file.data::<T>().map_err(|error| error.to_string())?;
    for value in data {
        take(wide(
            value.map_err(|error| format!("cannot be read: {error}"))?,
        ));
    }
    Ok(())
}

/// A frame of an array, its columns named by number or by their place in the map.
pub(super) fn frame<R: Read>(
    array: Array<R>,
    options: &ReadOptions,
    model: Option<&Features>,
) -> Result<Frame, String> {
    let axes = if options.samples {
        Axes::of_samples(&array.shape, options.layout, model)?
    } else {
        Axes::of(&array.shape, options.layout, model)?
    };
    let rows = array.shape[0];
    let features = match axes.map {
        Some(map) => Features::map(map),
        None => Features::named(
            &(0..axes.values())
                .map(|index| format!("c{index}"))
                .collect::<Vec<_>>(),
        ),
    };
    let mut columns: Vec<Column> = features.columns.into_iter().map(Column::named).collect();
    for column in &mut columns {
        column.values.reserve_exact(rows);
    }
    let behind = array.behind;
    let fortran = array.file.order() == Order::Fortran;
    let places = axes.places(fortran);
    let mut index = 0;
    array.read(|value| {
        // Either way the rows of a column come in order.
        let place = if fortran {
            index / rows
        } else {
            index % places.len()
        };
        index += 1;
        columns[places[place]].push(finite(value, || value.to_string()));
    })?;
    Ok(Frame {
        shape: features.shape,
        columns,
        rows,
        positions: (0..rows as u64).collect(),
        places: (1..=rows as u64).map(Place::Row).collect(),
        total_rows: rows,
        // As one array saved behind another.
        left_out: (behind > 0)
            .then(|| LeftOut {
                what: "bytes behind the array".into(),
                count: behind,
                why: "its header says that it ends before; save each array in a file of its own"
                    .into(),
            })
            .into_iter()
            .collect(),
        ..Frame::default()
    })
}

pub(super) fn labels_of(name: &str, values: &[f64]) -> Labels {
    let mut labels = Labels {
        name: name.into(),
        ..Labels::default()
    };
    for value in values {
        labels.push(&value.to_string());
    }
    labels
}

pub(super) fn label_from_column(frame: &mut Frame, label: &str) -> Result<(), DataError> {
    if let Some(shape) = frame.shape {
        let maps = shape_words(Some(shape), frame.columns.len());
        let reason = format!(
            "each row is {maps}, without a label; labels belong beside them, in an .npz archive with an array {label:?}"
        );
        return Err(format(&frame.path, reason));
    }
    let at = super::find::position(&frame.path, &frame.names(), false, label)?;
    let column = &frame.columns[at];
    frame.labels = Some(labels_of(&column.name, &column.values));
    Ok(())
}
