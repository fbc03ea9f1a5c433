//! Whole files through [`read`] and [`read_for`].

use std::fs;
use std::path::PathBuf;

use npyz::WriterBuilder;
use tempfile::TempDir;

use super::*;

mod arrays;
mod kinds;
mod maps;
mod shared;
mod text;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    fn read(&self, contents: impl AsRef<[u8]>) -> Result<Table, DataError> {
        read(&[self.file("t.csv", contents)], &ReadOptions::default())
    }

    /// The error without the folder in front of the file's name.
    fn error(&self, contents: impl AsRef<[u8]>, options: &ReadOptions) -> String {
        let error = read(&[self.file("t.csv", contents)], options)
            .unwrap_err()
            .to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }

    fn npy<T: npyz::AutoSerialize + Copy>(
        &self,
        name: &str,
        values: &[T],
        shape: &[u64],
        fortran: bool,
    ) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, npy(values, shape, fortran)).unwrap();
        path
    }

    fn npz(&self, arrays: &[(&str, Vec<u8>)]) -> PathBuf {
        let path = self.0.path().join("t.npz");
        fs::write(&path, super::npz::archive(arrays).unwrap()).unwrap();
        path
    }
}

fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], shape: &[u64], fortran: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let order = if fortran {
        npyz::Order::Fortran
    } else {
        npyz::Order::C
    };
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .order(order)
        .shape(shape)
        .writer(&mut bytes)
        .begin_nd()
        .unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn labelled(label: &str) -> ReadOptions {
    ReadOptions {
        label: Some(label.into()),
        ..ReadOptions::default()
    }
}

#[test]
fn the_hash_is_of_the_file() {
    let table = Folder::new().read("a\n1\n").unwrap();
    assert_eq!(table.source[0].file, "t.csv");
    assert_eq!(
        table.source[0].sha256,
        "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc"
    );
}
