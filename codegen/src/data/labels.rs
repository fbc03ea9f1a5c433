//! The labels of all files, read together: what -1 and 1 mean shows only in all of them.

use super::error::DataError;
use super::frame::{Frame, Labels, parse_label};

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
    let number = |word: &str| word.parse::<f64>().ok();
    let signed = words().any(|word| number(word) == Some(-1.0))
        && words().all(|word| [Some(-1.0), Some(1.0)].contains(&number(word)));
    let mut rows = Vec::new();
    for (frame, labels) in frames.iter().zip(&all) {
        let meaning: Vec<Option<bool>> = (labels.cells.dictionary.iter())
            .map(|word| {
                if signed {
                    Some(number(word) == Some(-1.0))
                } else {
                    parse_label(word)
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
