//! The Application Server Dataset: a model for each server, its training part and its test part in arrays of one archive.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};

use super::files;
use crate::data::{NumberArray, Table, read_arrays};
use crate::detection::{Set, Source, Stretch};

/// The servers of a folder: of each archive the arrays `NAME_train`, `NAME_test` and `NAME_test_label`. Beside it may stand
/// `NAME_interpretation.txt`: which metrics the anomalous rows concern.
///
/// # Errors
/// A folder without them, arrays that do not fit each other, an interpretation that does not fit the labels.
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
            let mut set =
                set(server, array, tests, labels).with_context(|| path.display().to_string())?;
            let file = folder.join(format!("{server}_interpretation.txt"));
            set.stretches = match fs::read_to_string(&file) {
                Ok(text) => stretches(&text, &set).with_context(|| file.display().to_string())?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", file.display()));
                }
            };
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

/// Lines such as `760-765:4,5,7`: rows of the test part, from 0, the last one included, and metrics, from 1.
fn stretches(text: &str, set: &Set) -> anyhow::Result<Vec<Stretch>> {
    let stretch = |line: &str| -> Option<Stretch> {
        let (rows, metrics) = line.split_once(':')?;
        let (first, last) = rows.split_once('-')?;
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let metric = |text: &str| text.trim().parse::<usize>().ok()?.checked_sub(1);
        let features = metrics.split(',').map(metric).collect::<Option<Vec<_>>>()?;
        let known = features.iter().all(|at| *at < set.dim());
        let labelled = set.labels.get(first..=last)?.iter().all(|label| *label);
        let rows = [first, (last + 1).checked_sub(first)?];
        (known && labelled && rows[1] > 0).then_some(Stretch { rows, features })
    };
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            stretch(line).with_context(|| {
                format!(
                    "line {}: FROM-TO:METRICS is expected, such as 760-765:4,5, anomalous rows from 0 and metrics from 1 to {}; found {line:?}",
                    at + 1,
                    set.dim()
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{npz, write_npy};

    fn archive(folder: &Path, arrays: &[(&'static str, &[usize], &[f32])]) {
        let bytes = |(name, row, values): &(&'static str, &[usize], &[f32])| {
            let one = folder.join("one.npy");
            write_npy(&one, row, values).unwrap();
            (*name, std::fs::read(one).unwrap())
        };
        let arrays: Vec<(&str, Vec<u8>)> = arrays.iter().map(bytes).collect();
        std::fs::write(folder.join("asd.npz"), npz::archive(&arrays).unwrap()).unwrap();
    }

    #[test]
    fn a_server_has_its_parts() {
        let root = tempfile::tempdir().unwrap();
        let (training, tests) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [7.0, 8.0, 9.0, 10.0]);
        for (axes, good) in [(&[][..], true), (&[1], false)] {
            archive(
                root.path(),
                &[
                    ("b_train", &[2], &training),
                    ("b_test", &[2], &tests),
                    ("b_test_label", axes, &[0.0, 1.0]),
                ],
            );
            let found = folder(root.path());
            assert_eq!(found.is_ok(), good);
            match found {
                Ok(sources) => {
                    let set = sources[0].load(0).unwrap();
                    assert_eq!((&*set.name, set.training.rows), ("b", 3));
                    assert_eq!(
                        (&set.tests[..], &set.labels[..]),
                        (&tests[..], &[false, true][..])
                    );
                }
                Err(error) => assert!(format!("{error:#}").contains("[2, 1]"), "{error:#}"),
            }
        }
    }

    #[test]
    fn interpretations_name_rows_and_metrics() {
        let table = Table {
            columns: vec!["a".into(), "b".into()],
            rows: 6,
            values: vec![0.5; 12],
            ..Table::default()
        };
        let labels = [false, false, true, true, false, true];
        let set = Set::of("s", &table, &labels, &[0, 1], &[1, 2, 3, 4, 5]).unwrap();
        let found = stretches("1-2:1,2\n\n4-4: 2\n", &set).unwrap();
        let (rows, features) = ([1, 2], vec![0, 1]);
        assert_eq!(found[0], Stretch { rows, features });
        assert_eq!((found[1].rows, &found[1].features[..]), ([4, 1], &[1][..]));
        let after_a_line = [
            "x", "1-3:1", "1-2:0", "1-2:3", "1-2:", "2-1:1", "4-9:1", "1:1",
        ];
        for wrong in after_a_line {
            let error = stretches(&format!("4-4:1\n{wrong}\n"), &set).unwrap_err();
            assert!(error.to_string().contains("line 2"), "{wrong}: {error}");
        }
    }

    #[test]
    fn arrays_that_do_not_fit_are_told() {
        let of = |training: &NumberArray, tests: &NumberArray, labels: &NumberArray| {
            set("b", training, tests, labels)
        };
        let array = |shape: &[usize], from: u32| NumberArray {
            name: "a".into(),
            shape: shape.to_vec(),
            values: (from..)
                .take(shape.iter().product())
                .map(f64::from)
                .collect(),
        };
        let (training, tests, labels) = (array(&[3, 2], 1), array(&[2, 2], 7), array(&[2], 0));
        let found = of(&training, &tests, &labels).unwrap();
        assert_eq!((found.training.rows, found.dim()), (3, 2));
        assert_eq!(found.training.row(2), [5.0, 6.0]);
        assert_eq!(found.tests, [7.0, 8.0, 9.0, 10.0]);
        assert_eq!(found.labels, [false, true]);
        assert!(of(&training, &array(&[2, 3], 7), &labels).is_err());
        assert!(of(&training, &tests, &array(&[3], 0)).is_err());
        assert!(of(&array(&[6], 0), &tests, &labels).is_err());
    }
}
