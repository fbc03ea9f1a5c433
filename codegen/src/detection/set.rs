//! A set of a benchmark: rows to train on and labelled rows to test on.

use anyhow::ensure;
use sha2::{Digest as _, Sha256};

use crate::data::{LeftOut, Table};
use crate::model::hex;

/// Rows to train on, rows to test on and which of these are anomalous.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// Its name in tables.
    pub name: String,
    /// Rows to train on, all taken as normal.
    pub training: Table,
    /// Rows to test on, row-major.
    pub tests: Vec<f32>,
    /// True for each row to test on that is anomalous.
    pub labels: Vec<bool>,
    /// Where the set says which features anomalous rows concern.
    pub stretches: Vec<Stretch>,
    /// What was read otherwise than it stands in the file, and what was left out.
    pub notes: Vec<String>,
}

/// Anomalous rows in a row, and the features that they concern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first of the rows to test on, and how many.
    pub rows: [usize; 2],
    /// Indices of the features.
    pub features: Vec<usize>,
}

impl Set {
    /// A set of some rows of a table: those of `training`, and those of `tests` with their labels.
    ///
    /// # Errors
    /// Rows to test on of one class alone, or too few rows to train on.
    pub fn of(
        name: &str,
        table: &Table,
        labels: &[bool],
        training: &[usize],
        tests: &[usize],
    ) -> anyhow::Result<Self> {
        ensure!(
            !training.is_empty() && !tests.is_empty(),
            "{name}: {} rows to train on and {} to test on; the protocol needs both",
            training.len(),
            tests.len()
        );
        Ok(Self {
            name: name.to_owned(),
            training: pick(table, training),
            tests: pick(table, tests).values,
            labels: tests.iter().map(|&row| labels[row]).collect(),
            stretches: Vec::new(),
            notes: notes(table),
        })
    }

    /// Number of features.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.training.dim()
    }

    /// The set with each row replaced by the mean of it and the rows before it, `length` in all; fewer at the start. The rows
    /// to test on follow those to train on, as in a recording.
    #[must_use]
    pub fn with_means_of(mut self, length: usize) -> Self {
        if length > 1 {
            let dim = self.dim();
            let at = self.training.values.len();
            let mut all = std::mem::take(&mut self.training.values);
            all.extend_from_slice(&self.tests);
            let mut means = trailing_means(&all, dim, length);
            self.tests = means.split_off(at);
            self.training.values = means;
        }
        self
    }

    /// A hash of all values and labels.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        for column in &self.training.columns {
            hash.update([0]);
            hash.update(column.as_bytes());
        }
        if self.training.given > 0 {
            hash.update([1, self.training.given as u8]);
        }
        for value in self.training.values.iter().chain(&self.tests) {
            hash.update(value.to_bits().to_le_bytes());
        }
        let labels: Vec<u8> = self.labels.iter().map(|&label| label.into()).collect();
        hash.update(labels);
        for stretch in &self.stretches {
            let numbers = stretch.rows.iter().chain(&stretch.features);
            numbers.for_each(|&number| hash.update((number as u64).to_le_bytes()));
        }
        hex(&hash.finalize())
    }
}

fn notes(table: &Table) -> Vec<String> {
    let left_out = table.left_out.iter().map(|left| {
        let LeftOut { what, count, why } = left;
        match count {
            1 => format!("left out {what}: {why}"),
            _ => format!("left out {what} ({count}): {why}"),
        }
    });
    table.said.iter().cloned().chain(left_out).collect()
}

/// Some rows of a table, without labels.
fn pick(table: &Table, rows: &[usize]) -> Table {
    Table {
        columns: table.columns.clone(),
        shape: table.shape,
        given: table.given,
        rows: rows.len(),
        values: rows
            .iter()
            .flat_map(|&row| table.row(row).iter().copied())
            .collect(),
        row_numbers: rows.iter().map(|&row| row as u64 + 1).collect(),
        ..Table::default()
    }
}

fn trailing_means(values: &[f32], dim: usize, length: usize) -> Vec<f32> {
    let mut means = Vec::with_capacity(values.len());
    for row in 0..values.len() / dim.max(1) {
        let first = (row + 1).saturating_sub(length);
        let count = (row + 1 - first) as f64;
        for column in 0..dim {
            let cells = (first..=row).map(|row| f64::from(values[row * dim + column]));
            means.push((cells.sum::<f64>() / count) as f32);
        }
    }
    means
}

type Load = Box<dyn Fn(u64) -> anyhow::Result<Set> + Send + Sync>;

/// A set that is read when its turn comes: all of them at once may not fit into memory.
pub struct Source {
    /// Its name in tables.
    pub name: String,
    load: Load,
}

impl Source {
    /// A set by its name; `load` takes the seed of the split, which a protocol without chance ignores.
    pub fn new(
        name: impl Into<String>,
        load: impl Fn(u64) -> anyhow::Result<Set> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            load: Box::new(load),
        }
    }

    /// Reads the set and splits it by a seed.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub fn load(&self, seed: u64) -> anyhow::Result<Set> {
        (self.load)(seed)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_look_back_and_run_on_into_the_tests() {
        let set = Set {
            name: "a".into(),
            training: Table {
                columns: vec!["x".into(), "y".into()],
                rows: 2,
                values: vec![1.0, 10.0, 3.0, 20.0],
                ..Table::default()
            },
            tests: vec![5.0, 30.0],
            labels: vec![true],
            stretches: Vec::new(),
            notes: Vec::new(),
        };
        let digest = set.digest();
        let means = set.clone().with_means_of(2);
        assert_eq!(means.training.values, [1.0, 10.0, 2.0, 15.0]);
        assert_eq!(means.tests, [4.0, 25.0]);
        assert_ne!(means.digest(), digest);
        assert_eq!(set.clone().with_means_of(1), set);
        assert_eq!(set.digest(), digest);
    }
}
