//! Columns of text: labels in words, categories, and names of machines.

use std::collections::{BTreeSet, HashMap};

use super::error::DataError;
use super::find::Index;
use super::frame::{Column, Frame, Words};
use super::hint::value;
use super::judge::{Series, identifier, label as judged};
use super::labels;
use super::names::{join, shell};
use super::{Hint, SkippedColumn};

/// What to answer about a column of words that looks like a label, if it does.
pub(super) fn label(first: &Frame, name: &str, same: &[&Column]) -> Option<DataError> {
    let all: Option<Vec<&Words>> = same.iter().map(|column| column.words.as_ref()).collect();
    let all = all?;
    let words: BTreeSet<&str> = (all.iter())
        .flat_map(|words| words.dictionary.iter().map(String::as_str))
        .collect();
    let good = words.iter().filter(|word| labels::is_good(word)).count();
    let bad = words.iter().filter(|word| labels::is_bad(word)).count();
    if !judged::in_words(name, words.len(), good, bad) {
        return None;
    }
    let hint = |label: Option<String>, exclude: Vec<String>| Hint {
        label,
        exclude,
        ..Hint::default()
    };
    let none = hint(None, vec![name.into()]);
    let gaps = all.iter().any(|words| words.codes.contains(&Words::NONE));
    let example = words.iter().next().map_or("", |word| *word);
    let what = format!("column {name:?} looks like a label in words, such as {example:?}");
    let out = format!(
        "{none} leaves it out and trains on all rows, --columns NAMES uses the columns it names"
    );
    let (hint, how) = if !gaps && labels::are_words_of_label(name, words.iter().copied()) {
        let label = hint(Some(name.into()), Vec::new());
        let how = format!("{label} takes it as the label, {out}");
        (label, how)
    } else {
        let how = format!(
            "to take it as the label, write 0 for normal and 1 for anomalous in each row; {out}"
        );
        (none, how)
    };
    Some(DataError::Unclear {
        path: first.path.clone(),
        reason: format!("{what}; {how}"),
        hint: Box::new(hint),
    })
}

/// A column of few words that come often.
fn is_category(same: &[&Column]) -> bool {
    same.iter().all(|column| {
        let few = |words: &Words| {
            (2..=16).contains(&words.dictionary.len())
                && words.codes.len() >= 5 * words.dictionary.len()
        };
        column.times == 0 && column.words.as_ref().is_some_and(few)
    })
}

/// What a column of text may be read as.
pub(super) fn advice(
    name: &str,
    same: &[&Column],
    labels: Option<(&str, &[bool])>,
) -> Option<String> {
    if names_machine(name, same) {
        let option = value("group", &shell(name));
        return Some(format!(
            "it names machines: {option} holds whole machines out"
        ));
    }
    if !is_category(same) {
        return None;
    }
    let told = labels.and_then(|(label, rows)| {
        let codes = codes(same)?;
        judged::tells(&Series::new(codes.into(), &[]), rows, label)
    });
    Some(told.map_or_else(
        || format!("--category {} reads it", join([name])),
        |told| format!("it {told}"),
    ))
}

/// The first of these columns that names the machine of each row.
pub(super) fn machines(frames: &[Frame], columns: &[SkippedColumn]) -> Option<String> {
    let indexes: Vec<Index<'_>> = frames.iter().map(Index::of).collect();
    let found = columns.iter().find(|column| {
        let same: Option<Vec<&Column>> = indexes
            .iter()
            .map(|frame| frame.get(&column.name))
            .collect();
        same.is_some_and(|same| {
            same.iter().all(|column| 2 * column.numbers < column.filled)
                && names_machine(&column.name, &same)
        })
    });
    found.map(|column| column.name.clone())
}

fn names_machine(name: &str, same: &[&Column]) -> bool {
    identifier::says(name)
        && codes(same).is_some_and(|codes| {
            identifier::machine(name, &Series::new(codes.into(), &[])).is_some()
        })
}

/// A number for each word, from 1 on; not-a-number where there is none. Nothing for a column of many words.
fn codes(same: &[&Column]) -> Option<Vec<f64>> {
    let mut numbers: HashMap<&str, f64> = HashMap::new();
    let mut codes = Vec::new();
    for column in same {
        let words = column.words.as_ref()?;
        let mut own = Vec::with_capacity(words.dictionary.len());
        for word in &words.dictionary {
            let next = numbers.len() as f64 + 1.0;
            own.push(*numbers.entry(word).or_insert(next));
        }
        let code = |code: &u32| own.get(*code as usize).copied().unwrap_or(f64::NAN);
        codes.extend(words.codes.iter().map(code));
    }
    Some(codes)
}
