//! The labels of all files, read together: what -1 and 1 mean shows only in all of them.

use super::error::DataError;
use super::frame::{Frame, Labels, Words};

/// Labels for each row of each file.
pub(super) struct Read {
    pub name: String,
    pub rows: Vec<bool>,
    /// How they were read, where that is not plain.
    pub said: Option<String>,
}

/// The labels of these files, where all have them. They are never left out: a cell that is none is an error.
pub(super) fn read(frames: &[Frame]) -> Result<Option<Read>, DataError> {
    let all: Option<Vec<&Labels>> = frames.iter().map(|frame| frame.labels.as_ref()).collect();
    let Some(all) = all.filter(|all| !all.is_empty()) else {
        return Ok(None);
    };
    let words = || all.iter().flat_map(|labels| &labels.cells.dictionary);
    let signed = are_signed(words().map(String::as_str));
    let mut rows = Vec::new();
    for (frame, labels) in frames.iter().zip(&all) {
        let meaning: Vec<Option<bool>> = (labels.cells.dictionary.iter())
            .map(|word| {
                if signed {
                    Some(number(word) == Some(-1.0))
                } else {
                    parse(word)
                }
            })
            .collect();
        for (row, code) in labels.cells.codes.iter().enumerate() {
            let Some(label) = meaning.get(*code as usize).copied().flatten() else {
                let cell = labels.cells.word(*code);
                let what = cell.map_or("the cell is empty".into(), |cell| {
                    format!("{cell:?} is not a label (0 or 1, true or false, normal or anomaly; -1 or 1, alone, with -1 for anomalous)")
                });
                return Err(DataError::Format {
                    path: frame.path.clone(),
                    reason: format!(
                        "{}, column {:?}: {what}; no row is left out for its label: correct it, or take the row away",
                        frame.places[row], labels.name
                    ),
                });
            };
            rows.push(label);
        }
    }
    let name = all[0].name.clone();
    let said = signed.then(|| {
        format!("label `{name}`: 1 is read as normal and -1 as anomalous, as scikit-learn has it")
    });
    Ok(Some(Read { name, rows, said }))
}

/// Whether every cell is a label.
pub(super) fn are_labels(labels: &Labels) -> bool {
    let words = || labels.cells.dictionary.iter().map(String::as_str);
    let none = labels.cells.codes.contains(&Words::NONE);
    !none && (are_signed(words()) || words().all(|word| parse(word).is_some()))
}

/// Whether labels are 1 and -1, as scikit-learn has them.
fn are_signed<'a>(words: impl Iterator<Item = &'a str> + Clone) -> bool {
    words.clone().any(|word| number(word) == Some(-1.0))
        && words
            .into_iter()
            .all(|word| [Some(-1.0), Some(1.0)].contains(&number(word)))
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

/// A label by itself.
pub(super) fn parse(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "true" | "anomaly" | "anomalous" | "abnormal" | "outlier" | "fault" | "faulty" | "yes" => {
            Some(true)
        }
        "false" | "normal" | "inlier" | "healthy" | "no" => Some(false),
        number => match number.parse() {
            Ok(0.0) => Some(false),
            Ok(1.0) => Some(true),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_in_the_usual_spellings() {
        for cell in ["1", "1.0", " TRUE", "Anomaly", "outlier"] {
            assert_eq!(parse(cell), Some(true), "{cell}");
        }
        for cell in ["0", "0.0", "-0", "false", "normal"] {
            assert_eq!(parse(cell), Some(false), "{cell}");
        }
        for cell in ["", "2", "0.5", "yes?", "nan", "-1"] {
            assert_eq!(parse(cell), None, "{cell}");
        }
    }
}
