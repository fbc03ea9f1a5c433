//! Writing rows as arrays of `numpy`: `.npy`, and `.npz` with labels. What is written here, [`read`](super::read) reads.
//!
//! Files appear complete or not at all, and the same rows give the same bytes.
//!
//! ```
//! use nvpico_codegen::data::{ReadOptions, read, write_npy};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("maps.npy");
//! write_npy(&file, &[1, 2, 3], &[0.5; 12])?; // two maps of one channel
//! let table = read(&[file], &ReadOptions::default())?;
//! assert_eq!((table.rows, table.shape), (2, Some([1, 2, 3])));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, Write};
use std::path::Path;

use npyz::{AutoSerialize, DType, WriterBuilder};

use super::npz;
use crate::output;

/// Writes rows as an array of 32-bit floats, N x `row_shape`: `&[8]` for eight readings a row, `&[1, 8, 8]` for a map.
///
/// # Errors
/// The file system's error; values that are not a whole number of rows.
pub fn write_npy(path: &Path, row_shape: &[usize], values: &[f32]) -> io::Result<()> {
    let shape = shape_of(row_shape, values.len())?;
    output::write_atomic_with(path, |file| array(file, &shape, values))
}

/// Writes rows with what is known of each as an archive: `X` as [`write_npy`] has it, `y` (1 for an anomalous row), and
/// `kind`, what is wrong with it, as text; empty for nothing.
///
/// # Errors
/// The file system's error; values that are not a whole number of rows, or a wrong number of labels or kinds.
pub fn write_npz(
    path: &Path,
    row_shape: &[usize],
    values: &[f32],
    anomalous: &[bool],
    kinds: &[&str],
) -> io::Result<()> {
    let shape = shape_of(row_shape, values.len())?;
    let rows = values.len() / row_shape.iter().product::<usize>().max(1);
    if anomalous.len() != rows || kinds.len() != rows {
        return Err(invalid(format!(
            "{rows} rows, {} labels and {} kinds",
            anomalous.len(),
            kinds.len()
        )));
    }
    let labels: Vec<u8> = anomalous.iter().map(|label| u8::from(*label)).collect();
    let mut rows_bytes = Vec::new();
    array(&mut rows_bytes, &shape, values)?;
    let mut label_bytes = Vec::new();
    array(&mut label_bytes, &shape[..1], &labels)?;
    let kind_bytes = text_array(kinds)?;
    let arrays = [("X", rows_bytes), ("y", label_bytes), ("kind", kind_bytes)];
    let archive = npz::archive(&arrays)?;
    output::write_atomic(path, &archive)
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// The shape of all rows together.
fn shape_of(row_shape: &[usize], values: usize) -> io::Result<Vec<u64>> {
    let width: usize = row_shape.iter().product();
    if width == 0 || !values.is_multiple_of(width) {
        return Err(invalid(format!(
            "{values} values are not rows of the shape {row_shape:?}"
        )));
    }
    let axes = [values / width]
        .into_iter()
        .chain(row_shape.iter().copied());
    Ok(axes.map(|length| length as u64).collect())
}

fn array<T: AutoSerialize + Copy>(
    to: &mut (impl Write + ?Sized),
    shape: &[u64],
    values: &[T],
) -> io::Result<()> {
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(to)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()
}

/// An array of text, as wide as its longest.
fn text_array(texts: &[&str]) -> io::Result<Vec<u8>> {
    let lengths = texts.iter().map(|text| text.chars().count());
    let width = lengths.max().unwrap_or(0).max(1);
    let kind = format!("<U{width}").parse().map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::<str>::new()
        .dtype(DType::Plain(kind))
        .shape(&[texts.len() as u64])
        .writer(&mut bytes)
        .begin_nd()?;
    for text in texts {
        writer.push(text)?;
    }
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ReadOptions, read};

    #[test]
    fn labelled_maps_come_back_and_repeat_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("maps.npz");
        let values: Vec<f32> = (0u8..16).map(f32::from).collect();
        let write = || {
            let kinds = ["", "hot_spot"];
            write_npz(&file, &[2, 1, 4], &values, &[false, true], &kinds).unwrap();
            std::fs::read(&file).unwrap()
        };
        assert_eq!(write(), write());
        let table = read(std::slice::from_ref(&file), &ReadOptions::default()).unwrap();
        assert_eq!((table.shape, table.values), (Some([2, 1, 4]), values));
        assert_eq!(table.labels, Some(vec![false, true]));
        let archive = std::fs::File::open(&file).unwrap();
        let mut archive = npz::Archive::open(archive).unwrap();
        let kinds = npyz::NpyFile::new(archive.array("kind").unwrap()).unwrap();
        assert_eq!(kinds.into_vec::<String>().unwrap(), ["", "hot_spot"]);
    }

    #[test]
    fn plain_rows_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows.npy");
        write_npy(&file, &[2], &[0.1, f32::MIN_POSITIVE, -0.0, 3e38]).unwrap();
        let table = read(&[file], &ReadOptions::default()).unwrap();
        assert_eq!((table.rows, table.shape), (2, None));
        assert_eq!(table.values, [0.1, f32::MIN_POSITIVE, -0.0, 3e38]);
    }

    #[test]
    fn half_rows_and_missing_labels_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows");
        let error = write_npy(&file, &[1, 2, 2], &[0.0; 6]).unwrap_err();
        assert!(
            error.to_string().contains("6 values are not rows"),
            "{error}"
        );
        assert!(write_npy(&file, &[0], &[]).is_err());
        let error = write_npz(&file, &[2], &[0.0; 4], &[true], &["", ""]).unwrap_err();
        assert!(
            error.to_string().contains("2 rows, 1 labels and 2 kinds"),
            "{error}"
        );
        assert!(!file.exists());
    }
}
