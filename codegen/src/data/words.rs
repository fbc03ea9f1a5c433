//! Features as messages name them.

use super::map::map_shape;

/// What a row has, as a message says it: the shape of a map, or at most twelve names.
///
/// ```
/// use nvpico_codegen::data::{feature_words, map_columns};
///
/// assert_eq!(feature_words(&map_columns([1, 8, 8])), "a map of 1 x 8 x 8 (channels x height x width)");
/// assert_eq!(feature_words(&["flow".into(), "pressure".into()]), r#""flow", "pressure""#);
/// ```
#[must_use]
pub fn feature_words(columns: &[String]) -> String {
    match map_shape(columns) {
        Some(shape) => shape_words(Some(shape), columns.len()),
        None => list(columns),
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
