//! Columns over all files.

use std::borrow::Cow;

use super::super::find::Index;

/// The values of a column over all files.
pub(super) fn values<'a>(frames: &[Index<'a>], name: &str) -> Cow<'a, [f64]> {
    let empty: &[f64] = &[];
    match frames {
        [only] => Cow::Borrowed(only.get(name).map_or(empty, |column| &column.values)),
        _ => (frames.iter().filter_map(|frame| frame.get(name)))
            .flat_map(|column| column.values.iter().copied())
            .collect(),
    }
}
