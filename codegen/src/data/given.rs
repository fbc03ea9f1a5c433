//! Columns that are given, not judged: they stand first among a table's features.

use super::asked::asked_for;
use super::error::DataError;
use super::frame::Frame;
use super::{ReadOptions, derived::is_word_of};

/// The features of the given columns: a column of numbers, or all that were made of a category. They are not asked whether they
/// are sensors: whoever names them knows what they are. `made` are the features that were made of columns.
pub(super) fn features(
    frames: &[Frame],
    options: &ReadOptions,
    made: &[String],
    excluded: &[String],
) -> Result<Vec<String>, DataError> {
    let Some(first) = frames.first().filter(|_| !options.given.is_empty()) else {
        return Ok(Vec::new());
    };
    if first.shape.is_some() {
        return Err(DataError::Options(format!(
            "{}: --given names columns of a table, and a row here is a map: leave it out",
            first.path.display()
        )));
    }
    let mut given = Vec::new();
    for name in &options.given {
        if options.group.as_ref() == Some(name) {
            return Err(DataError::Options(format!(
                "the column {name:?} of --group names machines: leave it out of --given, or out of --group"
            )));
        }
        if options.category.contains(name) {
            given.extend(made.iter().filter(|own| is_word_of(own, name)).cloned());
            continue;
        }
        let found = asked_for(frames, std::slice::from_ref(name), excluded);
        let found = found.map_err(|error| match error {
            DataError::NotNumeric { path, name, reason } => DataError::NotNumeric {
                path,
                reason: format!(
                    "{reason}; if it is a state of the machine, name it in --category as well"
                ),
                name,
            },
            other => other,
        })?;
        if found.is_empty() {
            return Err(DataError::Options(format!(
                "the column {name:?} is excluded and given: leave it out of one of --exclude and --given"
            )));
        }
        given.extend(found);
    }
    let repeated = |at: usize| given[..at].contains(&given[at]);
    if let Some(at) = (0..given.len()).find(|&at| repeated(at)) {
        return Err(DataError::Options(format!(
            "the column {:?} is given twice",
            given[at]
        )));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::data::{DataError, ReadOptions, Table, read};

    #[allow(
        clippy::needless_pass_by_value,
        reason = "tests make the options for this call"
    )]
    fn table(options: ReadOptions) -> Result<Table, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fan.csv");
        let mut text = String::from("x,speed,y,mode\n");
        for row in 0..40_u32 {
            let value = |prime: u32| f64::from(row * prime % 101) / 7.0;
            let mode = if row % 3 == 0 { "auto" } else { "hand" };
            let _ = writeln!(text, "{},{},{},{mode}", value(37), row % 4, value(53));
        }
        std::fs::write(&file, text).unwrap();
        read(&[file], &options)
    }

    fn given(names: &[&str]) -> ReadOptions {
        ReadOptions {
            given: names.iter().map(ToString::to_string).collect(),
            ..ReadOptions::default()
        }
    }

    #[test]
    fn given_columns_stand_first() {
        let found = table(given(&["speed"])).unwrap();
        assert_eq!(
            (found.given, &found.columns[..]),
            (1, &["speed", "x", "y"].map(String::from)[..])
        );
        assert_eq!(found.row(3)[0].to_bits(), 3_f32.to_bits());
        assert_eq!(table(ReadOptions::default()).unwrap().given, 0);
        let of_category = ReadOptions {
            category: vec!["mode".into()],
            window: Some(2),
            ..given(&["mode", "speed"])
        };
        let found = table(of_category).unwrap();
        let names = [
            "mode=auto",
            "mode=hand",
            "speed",
            "x@-1",
            "y@-1",
            "x@0",
            "y@0",
        ];
        assert_eq!(
            (found.given, &found.columns[..]),
            (3, &names.map(String::from)[..])
        );
        // The row's own.
        assert_eq!(found.row(0)[2].to_bits(), 1_f32.to_bits());
        let chosen = ReadOptions {
            columns: Some(vec!["y".into()]),
            ..given(&["speed"])
        };
        assert_eq!(table(chosen).unwrap().columns, ["speed", "y"]);
    }

    #[test]
    fn what_cannot_be_given_is_said() {
        let error = |options| table(options).unwrap_err().to_string();
        let text = error(given(&["mode"]));
        assert!(
            text.contains("mode") && text.contains("--category"),
            "{text}"
        );
        assert!(error(given(&["sped"])).contains("sped"));
        assert!(error(given(&["speed", "speed"])).contains("twice"));
        let excluded = ReadOptions {
            exclude: vec!["speed".into()],
            ..given(&["speed"])
        };
        assert!(error(excluded).contains("--exclude"));
        let group = ReadOptions {
            group: Some("speed".into()),
            ..given(&["speed"])
        };
        assert!(error(group).contains("--group"));
    }
}
