//! The features of a row, and how messages name them.
//!
//! ```
//! use nvpico_codegen::data::Features;
//!
//! assert_eq!(Features::map([1, 8, 8]).to_string(), "a map of 1 x 8 x 8 (channels x height x width)");
//! assert_eq!(Features::named(&["flow", "pressure"]).to_string(), r#""flow", "pressure""#);
//! ```

use std::fmt;

use super::map::map_columns;

/// The features of a row, in the order of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Their names.
    pub columns: Vec<String>,
    /// Channels, height and width of a row that is a map; `None` for a list of readings.
    pub shape: Option<[usize; 3]>,
}

impl Features {
    /// A list of readings.
    #[must_use]
    pub fn named<S: ToString>(columns: &[S]) -> Self {
        Self {
            columns: columns.iter().map(ToString::to_string).collect(),
            shape: None,
        }
    }

    /// The values of a map of these channels, height and width.
    #[must_use]
    pub fn map(shape: [usize; 3]) -> Self {
        Self {
            columns: map_columns(shape),
            shape: Some(shape),
        }
    }

    /// Number of features.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.columns.len()
    }
}

/// The shape of a map, or at most twelve names.
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Some(_) => f.write_str(&shape_words(self.shape, self.dim())),
            None => f.write_str(&list(&self.columns)),
        }
    }
}

/// What a row is, as a message says it.
pub(super) fn shape_words(shape: Option<[usize; 3]>, values: usize) -> String {
    shape.map_or_else(
        || format!("a list of {values} values"),
        |[channels, height, width]| {
            format!("a map of {channels} x {height} x {width} (channels x height x width)")
        },
    )
}

/// At most twelve names.
pub(super) fn list(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(12)
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    match names.len() {
        0 => text.push_str("none"),
        1..=12 => {}
        all => text.extend([" and ", &(all - 12).to_string(), " more"]),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let many: Vec<String> = (0..20).map(|i| format!("c{i}")).collect();
        assert!(list(&many).ends_with("\"c11\" and 8 more"));
        assert_eq!(list(&[]), "none");
    }
}
