//! What a demo is about: its recordings, how to train on them, and what to look at. The steps are the same for all.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::evaluation::RowGroup;
use crate::fit::recipe::Recipe;
use crate::model::Model;
use crate::samples::Request;

/// Files that a recording was written to.
pub struct Files {
    /// Normal rows, to train on.
    pub normal: PathBuf,
    /// Rows with faults, labelled.
    pub faults: PathBuf,
    /// As many normal rows of another day: do alarms come as rarely as promised?
    pub another_day: PathBuf,
    /// Column of the labels, where the file does not say itself.
    pub label: Option<String>,
}

/// A trained model and its scores of the recording with faults.
pub struct Judged<'a> {
    /// The model.
    pub model: &'a Model,
    /// Log-density of each row.
    pub log_probs: &'a [f32],
    /// The demo's seed.
    pub seed: u64,
}

/// A picture: name of its file, and what is in it.
pub type Picture = (&'static str, Vec<u8>);

/// A demo's recordings, normal ones and some with faults.
pub trait Subject {
    /// Stem of the files' names.
    fn name(&self) -> &'static str;
    /// Says on standard error what was recorded.
    fn describe(&self);
    /// Which features of windows of samples are taken, where rows are raw samples.
    fn samples(&self) -> Option<Request> {
        None
    }
    /// Columns that are given, not judged.
    fn given(&self) -> Vec<String> {
        Vec::new()
    }
    /// Rows a second, where the files do not tell.
    fn rate(&self) -> Option<f32> {
        Some(1.0)
    }
    /// Writes the recordings.
    ///
    /// # Errors
    /// What the file system says.
    fn save(&self, folder: &Path) -> anyhow::Result<Files>;
    /// What there is to learn from normal rows.
    fn lesson(&self) -> &'static str;
    /// How to train.
    fn recipe(&self) -> Recipe;
    /// The fault in each row of the recording with faults; of raw samples in each window.
    fn faults(&self) -> Vec<Option<&'static str>>;
    /// The sensors that the fault of each row moves, by the index of their column; `None` where that is not known.
    fn moved(&self) -> Option<Vec<Vec<usize>>> {
        None
    }
    /// Rows with a fault, by kind.
    fn groups(&self) -> Vec<RowGroup>;
    /// Pictures beside the report that all demos have.
    ///
    /// # Errors
    /// Whatever keeps them from being drawn.
    fn pictures(&self, _judged: &Judged<'_>) -> anyhow::Result<Vec<Picture>> {
        Ok(Vec::new())
    }
    /// What to try next.
    fn next_steps(&self, out: &Path) -> Vec<String>;
}

/// Writes a file, and names it if that fails.
pub fn save(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> anyhow::Result<()> {
    write(path).with_context(|| format!("cannot write {}", path.display()))
}
