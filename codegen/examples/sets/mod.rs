//! Public labelled sets, split into rows to train on and rows to test on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nvpico_codegen::data::{self, ReadOptions, Table};
use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Rows of an `ADBench` set, at the most.
const MOST_TRAINING: usize = 20_000;
const MOST_TESTS: usize = 60_000;

/// Rows to train on, rows to test on and which of these are anomalous.
pub struct Set {
    pub name: String,
    pub training: Table,
    pub tests: Vec<f32>,
    pub labels: Vec<bool>,
}

/// Some rows of a table, without labels.
pub fn pick(table: &Table, rows: &[usize]) -> Table {
    Table {
        columns: table.columns.clone(),
        rows: rows.len(),
        values: rows
            .iter()
            .flat_map(|&row| table.row(row).to_vec())
            .collect(),
        row_numbers: rows.iter().map(|&row| row as u64 + 1).collect(),
        ..Table::default()
    }
}

fn shuffle(rows: &mut [usize], random: &mut Xoshiro256PlusPlus) {
    for last in (1..rows.len()).rev() {
        rows.swap(last, random.next_u64() as usize % (last + 1));
    }
}

pub fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
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

pub fn name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

pub fn adbench(path: &Path, seed: u64) -> anyhow::Result<Set> {
    let table = data::read(&[path.to_owned()], &ReadOptions::default())?;
    let labels = table.labels.clone().context("no labels")?;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normal: Vec<usize> = (0..table.rows).filter(|&row| !labels[row]).collect();
    shuffle(&mut normal, &mut random);
    let (training, others) = normal.split_at((normal.len() / 2).min(MOST_TRAINING));
    let mut tests = others.to_vec();
    tests.extend((0..table.rows).filter(|&row| labels[row]));
    shuffle(&mut tests, &mut random);
    tests.truncate(MOST_TESTS);
    Ok(Set {
        name: name(path),
        training: pick(&table, training),
        labels: tests.iter().map(|&row| labels[row]).collect(),
        tests: pick(&table, &tests).values,
    })
}
