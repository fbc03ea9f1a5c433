//! The protocols of public benchmarks: which rows train, which test, and what is read of their files.
//!
//! | protocol | training rows | rows to test on |
//! | --- | --- | --- |
//! | [`adbench`] | a random half of the normal rows | the other half and all anomalies |
//! | [`skab`] | the first 400 rows of a file | the others, in order |
//! | [`asd`] | a server's training part | its test part |
//! | [`fan`] | windows of a fan without a weight | its later windows, and those with a weight |

pub mod adbench;
pub mod asd;
pub mod fan;
pub mod skab;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::output::printable;

/// The files of a folder with an extension, in the order of their names.
fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The name of a file without its extension.
fn name(path: &Path) -> String {
    printable(&path.file_stem().unwrap_or_default().to_string_lossy()).into_owned()
}
