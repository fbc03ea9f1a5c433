//! The columns that a user names, and what makes a column one of numbers.

use std::collections::HashSet;

use super::error::DataError;
use super::find::{Index, position};
use super::frame::{Column, Frame};

pub(super) fn is_label(frame: &Frame, name: &str) -> bool {
    frame
        .labels
        .as_ref()
        .is_some_and(|labels| labels.name == name)
}

/// The columns the user named, checked in each file.
pub(super) fn asked_for(
    frames: &[Frame],
    wanted: &[String],
    excluded: &[String],
) -> Result<Vec<String>, DataError> {
    let first = &frames[0];
    let all: Vec<Vec<String>> = frames.iter().map(Frame::names).collect();
    let own = Index::of(first);
    let mut seen = HashSet::new();
    let mut columns: Vec<String> = Vec::new();
    for name in wanted {
        let name = match own.get(name) {
            Some(_) => name,
            None => &all[0][position(&first.path, &all[0], first.named, name)?],
        };
        if is_label(first, name) {
            return Err(DataError::Options(format!(
                "the label column {name:?} cannot also be a feature"
            )));
        }
        if !seen.insert(name) {
            return Err(DataError::Options(format!(
                "the column {name:?} is named twice"
            )));
        }
        if !excluded.contains(name) {
            columns.push(name.clone());
        }
    }
    let indexes: Vec<Index<'_>> = frames.iter().map(Index::of).collect();
    for name in &columns {
        let mut same = Vec::new();
        for ((frame, index), all) in frames.iter().zip(&indexes).zip(&all) {
            same.push(match index.get(name) {
                Some(column) => column,
                None => &frame.columns[position(&frame.path, all, frame.named, name)?],
            });
        }
        if let Some(reason) = not_numeric(&same) {
            return Err(DataError::NotNumeric {
                path: first.path.clone(),
                name: name.clone(),
                reason,
            });
        }
    }
    Ok(columns)
}

/// Why a column, as it stands in all files, is not one of numbers.
pub(super) fn not_numeric(same: &[&Column]) -> Option<String> {
    let filled: usize = same.iter().map(|column| column.filled).sum();
    // A decimal comma is a number that needs an option: an error says so, the column is not skipped.
    let numbers: usize = same
        .iter()
        .map(|column| column.numbers + column.commas)
        .sum();
    let example = || {
        let example = same.iter().find_map(|column| column.example.as_ref());
        example.map_or("", String::as_str)
    };
    let sum = |count: fn(&Column) -> usize| same.iter().map(|column| count(column)).sum::<usize>();
    let hexadecimal = sum(|column| column.hexadecimal);
    if filled == 0 {
        Some("empty".into())
    } else if 2 * sum(|column| column.times) >= filled {
        Some(format!("times, such as {:?}", example()))
    } else if 10 * hexadecimal >= filled {
        // Digits alone are decimal and hexadecimal numbers: one letter in ten cells says which.
        Some(format!(
            "hexadecimal numbers, such as {:?}; write them in decimals to use them",
            example()
        ))
    } else if 2 * numbers < filled {
        Some(format!("text, such as {:?}", example()))
    } else {
        None
    }
}
