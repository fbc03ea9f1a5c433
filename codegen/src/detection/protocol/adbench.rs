//! `ADBench` and other labelled tables, one-class: a random half of the normal rows trains, the other half and all anomalies
//! test.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{files, name};
use crate::data::{self, ReadOptions};
use crate::detection::{Set, Source};
use crate::output::printable;

/// Rows of a set, at the most.
const MOST_TRAINING: usize = 20_000;
const MOST_TESTS: usize = 60_000;

/// The sets of a folder, an archive of the arrays `X` and `y` each.
///
/// # Errors
/// A folder without archives.
pub fn folder(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let archives = files(folder, "npz")?;
    if archives.is_empty() {
        bail!(
            "{}: there is no .npz file in this folder; name the folder that holds the sets, such as ADBench's \
             datasets/Classical, or the files themselves: nvpico bench FILE...",
            folder.display()
        );
    }
    Ok(tables(&archives, &ReadOptions::default()))
}

/// The sets of labelled files.
#[must_use]
pub fn tables(paths: &[PathBuf], options: &ReadOptions) -> Vec<Source> {
    let source = |path: &PathBuf| {
        let (path, options) = (path.clone(), options.clone());
        // Files of one name in several folders are told apart by their paths.
        let named = |other: &&PathBuf| name(other) == name(&path);
        let name = match paths.iter().filter(named).count() {
            1 => name(&path),
            _ => printable(&path.display().to_string()).into_owned(),
        };
        Source::new(name.clone(), move |seed| read(&path, &name, &options, seed))
    };
    paths.iter().map(source).collect()
}

fn read(path: &Path, name: &str, options: &ReadOptions, seed: u64) -> anyhow::Result<Set> {
    let table = data::read(&[path.to_owned()], options)?;
    let labels = table.labels.as_ref().with_context(|| {
        format!(
            "{}: there are no labels; name the column with --label, or save the array \"y\" beside \"X\"",
            path.display()
        )
    })?;
    ensure!(
        labels.contains(&true),
        "{}: no row is labelled anomalous, so there is nothing to find; give a file that holds some",
        path.display()
    );
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normal: Vec<usize> = (0..table.rows).filter(|&row| !labels[row]).collect();
    shuffle(&mut normal, &mut random);
    let (training, others) = normal.split_at((normal.len() / 2).min(MOST_TRAINING));
    let mut tests = others.to_vec();
    tests.extend((0..table.rows).filter(|&row| labels[row]));
    shuffle(&mut tests, &mut random);
    tests.truncate(MOST_TESTS);
    Set::of(name, &table, labels, training, &tests)
}

fn shuffle(rows: &mut [usize], random: &mut Xoshiro256PlusPlus) {
    for last in (1..rows.len()).rev() {
        rows.swap(last, random.next_u64() as usize % (last + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn half_of_the_normal_rows_trains_and_all_anomalies_test() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.csv");
        let mut text = String::from("a,b,y\n");
        for row in 0..101 {
            let label = u8::from(row % 10 == 3);
            let _ = writeln!(text, "{}.5,{}.25,{label}", row * 7 % 101, row * 13 % 97);
        }
        std::fs::write(&path, text).unwrap();
        let options = ReadOptions {
            label: Some("y".into()),
            ..ReadOptions::default()
        };
        let sources = tables(&[path], &options);
        let set = sources[0].load(3).unwrap();
        assert_eq!((set.name.as_str(), set.dim()), ("small", 2));
        // 10 of 101 are anomalous.
        assert_eq!((set.training.rows, set.labels.len()), (45, 46 + 10));
        assert_eq!(set.labels.iter().filter(|label| **label).count(), 10);
        assert_eq!(sources[0].load(3).unwrap(), set);
        assert_ne!(sources[0].load(4).unwrap().training, set.training);
        // No row is in both parts.
        let rows = set.training.values.chunks(2).chain(set.tests.chunks(2));
        let mut first: Vec<u32> = rows.map(|row| row[0].to_bits()).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 101);
    }

    #[test]
    fn what_is_missing_is_said() {
        let empty = tempfile::tempdir().unwrap();
        let error = folder(empty.path()).unwrap_err().to_string();
        assert!(error.contains("no .npz file"), "{error}");
        let path = empty.path().join("plain.csv");
        std::fs::write(&path, "a,b\n1.5,2.5\n2.5,1.5\n1.7,2.9\n").unwrap();
        let error = tables(&[path], &ReadOptions::default())[0].load(0);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("--label"), "{error}");
        let path = empty.path().join("normal.csv");
        std::fs::write(&path, "a,b,bad\n1.5,2.5,0\n2.5,1.5,0\n1.7,2.9,0\n").unwrap();
        let options = ReadOptions {
            label: Some("bad".into()),
            ..ReadOptions::default()
        };
        let error = tables(&[path], &options)[0].load(0);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("no row is labelled anomalous"), "{error}");
    }
}
