//! The file of a run that can be resumed: a line of JSON for each finished set and seed.
//!
//! A line counts for the same rows, settings and program alone: its key is a hash of all three.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Set;
use super::blame::Shares;
use super::scoring::{Score, Scoring};
use crate::model::hex;
use crate::output;

/// A set that is done with a seed; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The set.
    pub set: String,
    /// The seed of split, training and baselines.
    pub seed: u64,
    /// Number of features.
    pub features: usize,
    /// Rows to train on.
    pub training_rows: usize,
    /// Rows to test on.
    pub test_rows: usize,
    /// Anomalous rows among them.
    pub anomalous_rows: usize,
    /// What was read otherwise than it stands in the file, and what was left out.
    pub notes: Vec<String>,
    /// What each detector reached.
    pub scores: Vec<Score>,
    /// How well features are blamed, where the set says which.
    #[serde(default)]
    pub blame: Vec<Shares>,
    /// A hash of rows, settings and program.
    pub key: String,
}

/// What a set's figures depend on: its rows, the settings, the seed and the program.
#[must_use]
pub fn key(set: &Set, scoring: &Scoring, seed: u64, program: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(set.digest());
    // Plain data: it has a JSON form.
    hash.update(serde_json::to_vec(scoring).unwrap_or_default());
    hash.update(seed.to_le_bytes());
    hash.update(program);
    hex(&hash.finalize()[..16])
}

/// This program: its version and a hash of its file, so that no figure of another build is taken for its own.
#[must_use]
pub fn program() -> String {
    let bytes = std::env::current_exe().and_then(fs::read);
    let hash = bytes.map(|bytes| hex(&Sha256::digest(bytes)[..8]));
    format!(
        "nvpico {} {}",
        env!("CARGO_PKG_VERSION"),
        hash.unwrap_or_default()
    )
}

/// The finished sets of a run, in a file or in memory alone.
#[derive(Debug, Default)]
pub struct Kept {
    path: Option<PathBuf>,
    finished: Vec<Finished>,
}

impl Kept {
    /// Reads what an earlier run kept; a file that is not there yet is an empty one.
    ///
    /// # Errors
    /// A file that cannot be read or written, or holds something else.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let line = |(at, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| {
                format!(
                    "{}, line {}: a finished set of `nvpico bench --resume` is expected; name a new file, or remove the line",
                    path.display(),
                    at + 1
                )
            })
        };
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.is_empty());
        let kept = Self {
            path: Some(path.to_owned()),
            finished: lines.map(line).collect::<anyhow::Result<_>>()?,
        };
        // Before the work, not after the first part of it.
        kept.write()?;
        Ok(kept)
    }

    /// What is there under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Finished> {
        self.finished.iter().find(|own| own.key == key)
    }

    /// Adds a finished set and writes the file.
    ///
    /// # Errors
    /// The file system's.
    pub fn add(&mut self, finished: Finished) -> anyhow::Result<()> {
        self.finished.push(finished);
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut text = String::new();
        for own in &self.finished {
            text += &serde_json::to_string(own)?;
            text.push('\n');
        }
        output::write_atomic(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(key: &str) -> Finished {
        Finished {
            set: "a".into(),
            seed: 3,
            features: 2,
            training_rows: 20,
            test_rows: 10,
            anomalous_rows: 1,
            notes: vec!["left out column `time`: a time".into()],
            scores: vec![Score {
                detector: "Gaussian".into(),
                auroc: Some(1.0 / 3.0),
                auprc: None,
                held_out_log_prob: Some(-1.5),
                alarms: None,
                flash_bytes: Some(24),
                ram_bytes: Some(16),
                untrained: false,
                failed: None,
            }],
            blame: Vec::new(),
            key: key.into(),
        }
    }

    #[test]
    fn what_was_finished_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.jsonl");
        let mut kept = Kept::open(Some(&path)).unwrap();
        kept.add(finished("one")).unwrap();
        kept.add(finished("two")).unwrap();
        let again = Kept::open(Some(&path)).unwrap();
        assert_eq!(again.get("two"), Some(&finished("two")));
        assert_eq!(again.get("three"), None);
        fs::write(&path, "{}\n").unwrap();
        let error = Kept::open(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
