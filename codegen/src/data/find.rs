//! Columns by their names.

use std::collections::HashMap;
use std::path::Path;

use super::error::{DataError, closest};
use super::frame::{Column, Frame};

/// The position of a column by its name or, in a file without names, by its number from 0.
pub(super) fn position(
    path: &Path,
    names: &[String],
    named: bool,
    wanted: &str,
) -> Result<usize, DataError> {
    let by_number = || {
        wanted
            .parse()
            .ok()
            .filter(|index| !named && *index < names.len())
    };
    names
        .iter()
        .position(|name| name == wanted)
        .or_else(by_number)
        .ok_or_else(|| DataError::UnknownColumn {
            path: path.into(),
            name: wanted.into(),
            closest: closest(wanted, names),
            available: names.to_vec(),
        })
}

/// The column of this name.
pub(super) fn find<'a>(frame: &'a Frame, name: &str) -> Option<&'a Column> {
    frame.columns.iter().find(|column| column.name == name)
}

/// The columns of a file by name, where many are asked for.
pub(super) struct Index<'a>(HashMap<&'a str, &'a Column>);

impl<'a> Index<'a> {
    pub fn of(frame: &'a Frame) -> Self {
        Self(
            frame
                .columns
                .iter()
                .map(|column| (&*column.name, column))
                .collect(),
        )
    }

    pub fn get(&self, name: &str) -> Option<&'a Column> {
        self.0.get(name).copied()
    }
}
