//! The Application Server Dataset: a model for each server, its training part and its test part in arrays of one archive.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};

use super::files;
use crate::data::{NumberArray, Table, read_arrays};
use crate::detection::{Set, Source};

/// The servers of a folder: of each archive the arrays `NAME_train`, `NAME_test` and `NAME_test_label`.
///
/// # Errors
/// A folder without them, arrays that do not fit each other.
pub fn folder(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in files(folder, "npz")? {
        let arrays = read_arrays(&path)?;
        let get = |name: String| {
            let found = arrays.iter().find(|array| array.name == name);
            found.with_context(|| format!("{}: there is no array {name:?}", path.display()))
        };
        for array in &arrays {
            let Some(server) = array.name.strip_suffix("_train") else {
                continue;
            };
            let tests = get(format!("{server}_test"))?;
            let labels = get(format!("{server}_test_label"))?;
            let set =
                set(server, array, tests, labels).with_context(|| path.display().to_string())?;
            let set = Arc::new(set);
            sources.push(Source::new(server, move |_| Ok((*set).clone())));
        }
    }
    if sources.is_empty() {
        bail!(
            "{}: no .npz file in this folder has arrays NAME_train, NAME_test and NAME_test_label; name the folder with asd.npz",
            folder.display()
        );
    }
    Ok(sources)
}

fn set(
    name: &str,
    training: &NumberArray,
    tests: &NumberArray,
    labels: &NumberArray,
) -> anyhow::Result<Set> {
    let (&[rows, dim], &[count, other]) = (&training.shape[..], &tests.shape[..]) else {
        bail!(
            "arrays of rows x metrics are expected, found {:?} to train on and {:?} to test on",
            training.shape,
            tests.shape
        );
    };
    ensure!(
        dim == other && labels.shape == [count],
        "{name}: {dim} metrics to train on, {other} to test on, and labels of the shape {:?} for {count} rows",
        labels.shape
    );
    let table = Table {
        columns: (0..dim).map(|column| format!("c{column}")).collect(),
        rows: rows + count,
        values: [training.finite()?, tests.finite()?].concat(),
        ..Table::default()
    };
    let mut all = vec![false; rows];
    all.extend(labels.values.iter().map(|label| *label > 0.5));
    let indices: Vec<usize> = (0..rows + count).collect();
    Set::of(name, &table, &all, &indices[..rows], &indices[rows..])
}
