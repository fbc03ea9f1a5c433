//! Features that are made of columns: earlier readings of a column, and the words of a category. Their names say how,
//! so that a model's features are made again from the names alone.
//!
//! | name | is |
//! | --- | --- |
//! | `temp@-2` | the reading of `temp` two rows before; `temp@0` is the row's own |
//! | `mode=auto` | 1 in rows whose `mode` is `auto`, otherwise 0; -9 in rows whose `mode` the training did not have |

use std::collections::{HashMap, HashSet};

use super::error::{DataError, Fault};
use super::find::{Index, find, position};
use super::frame::{Column, Frame, Words};
use super::names::join;

/// The names of a window of consecutive rows, the oldest row first.
pub(super) fn window(columns: &[String], length: usize) -> Vec<String> {
    let lags = (0..length).rev();
    lags.flat_map(|lag| {
        let sign = if lag > 0 { "-" } else { "" };
        columns
            .iter()
            .map(move |name| format!("{name}@{sign}{lag}"))
    })
    .collect()
}

/// The column of a reading of a window, and how many rows before.
fn lagged(name: &str) -> Option<(&str, usize)> {
    let (column, lag) = name.rsplit_once('@')?;
    let lag = if lag == "0" {
        0
    } else {
        lag.strip_prefix('-')?.parse().ok()?
    };
    Some((column, lag))
}

/// The column of a feature of this name in a file, and how many rows before its reading stands.
pub(super) fn source<'a>(frame: &Index<'a>, name: &str) -> Option<(&'a Column, usize)> {
    if let Some(own) = frame.get(name) {
        return Some((own, 0));
    }
    let (column, lag) = lagged(name)?;
    Some((frame.get(column)?, lag))
}

/// The columns that a model's features are made of, each once.
pub(super) fn bases(frame: &Frame, features: &[String]) -> Vec<String> {
    let own: HashSet<&str> = frame.columns.iter().map(|column| &*column.name).collect();
    let mut seen = HashSet::new();
    let base = |name: &String| {
        let base = match lagged(name) {
            Some((column, _)) if !own.contains(&**name) => column,
            _ => name,
        };
        seen.insert(base.to_owned()).then(|| base.to_owned())
    };
    features.iter().filter_map(base).collect()
}

/// The cells of a column as words: numbers in one spelling; `None` for a cell without any.
pub(super) fn words(frame: &Frame, column: &Column) -> Result<Vec<Option<String>>, DataError> {
    let text = |row: usize| {
        let words: &Words = column.words.as_ref()?;
        words.word(*words.codes.get(row)?).map(str::to_owned)
    };
    if column.words.is_none() && column.bad > 0 {
        return Err(DataError::Format {
            path: frame.path.clone(),
            reason: format!(
                "column {:?} has more than {} different words; write numbers instead",
                column.name,
                Words::MOST
            ),
        });
    }
    let cells = column.values.iter().enumerate();
    Ok(cells
        .map(|(row, value)| {
            if value.is_finite() {
                Some((value + 0.0).to_string())
            } else {
                text(row)
            }
        })
        .collect())
}

/// Most different words of a category.
const MOST_WORDS: usize = 64;

/// Whether a feature was made of a word of this category.
pub(super) fn is_word_of(feature: &str, category: &str) -> bool {
    let rest = feature.strip_prefix(category);
    rest.is_some_and(|rest| rest.starts_with('='))
}

/// Adds to each file, for each category, a column for each of its words; their names.
pub(super) fn categories(frames: &mut [Frame], names: &[String]) -> Result<Vec<String>, DataError> {
    let mut made = Vec::new();
    for name in names {
        let mut cells = Vec::new();
        for frame in &*frames {
            let at = position(&frame.path, &frame.names(), frame.named, name)?;
            cells.push(words(frame, &frame.columns[at])?);
        }
        let mut words: Vec<String> = Vec::new();
        for word in cells.iter().flatten().flatten() {
            if words.last() != Some(word) && !words.contains(word) {
                words.push(word.clone());
                if words.len() > MOST_WORDS {
                    return Err(DataError::Options(format!(
                        "--category {}: the column has more than {MOST_WORDS} different values; it is no category",
                        join([name])
                    )));
                }
            }
        }
        words.sort();
        for word in &words {
            let column = format!("{name}={word}");
            for (frame, cells) in frames.iter_mut().zip(&cells) {
                add(frame, &column, word, &words, cells);
            }
            made.push(column);
        }
    }
    Ok(made)
}

/// Adds the columns of a model's categories to a file, and says where it has values that the model does not know.
pub(super) fn categories_of_model(frame: &mut Frame, bases: &[String]) -> Result<(), DataError> {
    // Of each category the words that the model knows.
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    for base in bases {
        if find(frame, base).is_none()
            && let Some((name, word)) = base.split_once('=')
        {
            known
                .entry(name.to_owned())
                .or_default()
                .push(word.to_owned());
        }
    }
    for (name, known) in known {
        let Some(column) = find(frame, &name) else {
            continue;
        };
        let cells = words(frame, column)?;
        let strange: Vec<&String> = cells
            .iter()
            .flatten()
            .filter(|word| !known.contains(word))
            .collect();
        if let Some(first) = strange.first() {
            let text = format!(
                "{}: column `{name}` has values that the training did not have, in {} rows, such as {first:?}: such a row is not normal",
                frame.path.display(),
                strange.len()
            );
            frame.said.push(text);
        }
        for word in &known {
            add(frame, &format!("{name}={word}"), word, &known, &cells);
        }
    }
    Ok(())
}

/// The features of a category in rows with a word that the training did not have: far from 0 and 1, so that the row is
/// not normal, whatever the other features are.
const STRANGE: f64 = -9.0;

/// Adds the column of a word; `known` are the words of the category.
fn add(frame: &mut Frame, name: &str, word: &str, known: &[String], cells: &[Option<String>]) {
    let mut column = Column::named(name.to_owned());
    for cell in cells {
        column.push(match cell {
            Some(cell) if cell == word => Ok(1.0),
            Some(cell) if known.contains(cell) => Ok(0.0),
            Some(_) => Ok(STRANGE),
            None => Err(Fault::Missing(String::new())),
        });
    }
    frame.columns.push(column);
}

/// For each row of all files the number of its machine.
pub(super) fn groups(frames: &[Frame], name: &str) -> Result<Vec<u32>, DataError> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut groups = Vec::new();
    for frame in frames {
        let at = position(&frame.path, &frame.names(), frame.named, name)?;
        for (row, word) in words(frame, &frame.columns[at])?.into_iter().enumerate() {
            let Some(word) = word else {
                return Err(DataError::Format {
                    path: frame.path.clone(),
                    reason: format!(
                        "{}, column {name:?}: no machine is named",
                        frame.places[row]
                    ),
                });
            };
            let next = numbers.len() as u32;
            groups.push(*numbers.entry(word).or_insert(next));
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_window() {
        let names = window(&["a".into(), "b@x".into()], 2);
        assert_eq!(names, ["a@-1", "b@x@-1", "a@0", "b@x@0"]);
        assert_eq!(lagged("b@x@-1"), Some(("b@x", 1)));
        assert_eq!(lagged("a@0"), Some(("a", 0)));
        for other in ["a", "a@1", "a@-", "a@-x"] {
            assert_eq!(lagged(other), None, "{other}");
        }
    }
}
