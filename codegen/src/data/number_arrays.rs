//! All arrays of an archive as they are, for data that is no table of rows.
//!
//! ```
//! use nvpico_codegen::data::read_arrays;
//!
//! let error = read_arrays("no-such.npz".as_ref()).unwrap_err();
//! assert_eq!(error.to_string(), "no-such.npz: there is no such file");
//! ```

use std::io::Cursor;
use std::path::Path;

use super::arrays::with_array;
use super::error::DataError;
use super::npz::Archive;
use super::source;

/// An array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberArray {
    /// Its name in the archive.
    pub name: String,
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// Its values, the last axis running fastest.
    pub values: Vec<f64>,
}

impl NumberArray {
    /// The values in 32 bits.
    ///
    /// # Errors
    /// A value that is not finite, with its place.
    pub fn finite(&self) -> Result<Vec<f32>, DataError> {
        let narrow = |(at, value): (usize, &f64)| {
            let value = *value as f32;
            value.is_finite().then_some(value).ok_or_else(|| {
                let row = at / self.shape.iter().skip(1).product::<usize>().max(1);
                DataError::Options(format!(
                    "array {:?}, row {}: a finite number is expected, found {}",
                    self.name,
                    row + 1,
                    self.values[at]
                ))
            })
        };
        self.values.iter().enumerate().map(narrow).collect()
    }
}

/// Reads all arrays of a `.npz` file, in the order of their names.
///
/// # Errors
/// What is wrong with the file; arrays of text or records.
pub fn read_arrays(path: &Path) -> Result<Vec<NumberArray>, DataError> {
    let bytes = source::read(path)?;
    let path = source::name(path);
    let fail = |reason: String| DataError::Format {
        path: path.into(),
        reason,
    };
    let mut archive = Archive::open(Cursor::new(&bytes[..]))
        .map_err(|error| fail(format!("is not a readable .npz archive: {error}")))?;
    let names = archive.names();
    let one = |name: String| {
        let read = with_array(&mut archive, &name, bytes.len() as u64, |array| {
            if array.is_by_column() {
                return Err(
                    "is stored column by column; save numpy.ascontiguousarray of it".into(),
                );
            }
            let shape = array.shape.clone();
            let mut values = Vec::with_capacity(array.count);
            array.read(|value| values.push(value))?;
            Ok((shape, values))
        });
        let (shape, values) = read.map_err(|reason| fail(format!("array {name:?}: {reason}")))?;
        Ok(NumberArray {
            name,
            shape,
            values,
        })
    };
    names.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{npz, write_npy};

    #[test]
    fn arrays_are_read_by_name_and_infinities_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut arrays = Vec::new();
        for (name, last) in [("b", 4.0), ("a", f32::INFINITY)] {
            let file = folder.path().join("one.npy");
            write_npy(&file, &[2], &[1.0, 2.0, 3.0, last]).unwrap();
            arrays.push((name, std::fs::read(file).unwrap()));
        }
        std::fs::write(&path, npz::archive(&arrays).unwrap()).unwrap();
        let found = read_arrays(&path).unwrap();
        assert_eq!((&*found[0].name, &*found[1].name), ("a", "b"));
        assert_eq!(found[1].shape, [2, 2]);
        assert_eq!(found[1].finite().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        let error = found[0].finite().unwrap_err().to_string();
        assert!(error.contains("\"a\", row 2"), "{error}");
        std::fs::write(&path, "PK").unwrap();
        assert!(read_arrays(&path).is_err());
    }
}
