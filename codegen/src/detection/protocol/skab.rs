//! SKAB, the leaderboard for outliers: a model for each file, trained on its first 400 rows and tested on the others in order.
//! Alarms are counted over all files.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::{files, name};
use crate::data::{self, ReadOptions};
use crate::detection::{Set, Source};

/// Rows of a file that train.
const FIRST: usize = 400;
/// The folders of experiments; `anomaly-free` is not used.
const GROUPS: [&str; 3] = ["valve1", "valve2", "other"];

/// The experiments of a folder.
///
/// # Errors
/// A folder without them.
pub fn folder(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for group in GROUPS {
        let own = folder.join(group);
        if !own.is_dir() {
            continue;
        }
        for path in files(&own, "csv")? {
            let full = format!("{group}/{}", name(&path));
            sources.push(Source::new(full.clone(), move |_| read(&path, &full)));
        }
    }
    if sources.is_empty() {
        bail!(
            "{}: there are no experiments in this folder; name the one that holds {}",
            folder.display(),
            GROUPS.join(", ")
        );
    }
    Ok(sources)
}

fn read(path: &Path, name: &str) -> anyhow::Result<Set> {
    let options = ReadOptions {
        label: Some("anomaly".into()),
        exclude: vec!["changepoint".into(), "datetime".into()],
        ..ReadOptions::default()
    };
    let table = data::read(&[path.to_owned()], &options)?;
    let labels = table
        .labels
        .as_ref()
        .with_context(|| format!("{}: there is no column `anomaly`", path.display()))?;
    let rows: Vec<usize> = (0..table.rows).collect();
    let (training, tests) = rows.split_at(FIRST.min(rows.len()));
    Set::of(name, &table, labels, training, tests)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_first_rows_train() {
        let root = tempfile::tempdir().unwrap();
        assert!(
            folder(root.path())
                .unwrap_err()
                .to_string()
                .contains("valve1")
        );
        std::fs::create_dir(root.path().join("valve1")).unwrap();
        let mut text = String::from("datetime;Flow;Current;anomaly;changepoint\n");
        for row in 0..450_u32 {
            let (flow, current) = (row * 7919 % 1000, row * 104_729 % 997);
            let label = u8::from(row >= 430);
            let _ = writeln!(
                text,
                "2020-03-09 10:{:02}:{:02};{flow}.5;{current}.25;{label}.0;0.0",
                row / 60,
                row % 60
            );
        }
        std::fs::write(root.path().join("valve1/0.csv"), text).unwrap();
        let sources = folder(root.path()).unwrap();
        assert_eq!(sources.len(), 1);
        let set = sources[0].load(0).unwrap();
        assert_eq!(set.name, "valve1/0");
        assert_eq!(set.training.columns, ["Flow", "Current"]);
        assert_eq!((set.training.rows, set.labels.len()), (400, 50));
        assert_eq!(set.labels.iter().position(|label| *label), Some(30));
        assert_eq!(
            set.tests[..2],
            [
                (400 * 7919 % 1000) as f32 + 0.5,
                400.0 * 104_729.0 % 997.0 + 0.25
            ]
        );
    }
}
