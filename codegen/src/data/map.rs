//! Names for the values of maps, such as thermal images. A CSV file has no other place for a map's shape: there, and
//! only there, it is read back from the names.
//!
//! ```
//! use nvpico_codegen::data::map_columns;
//!
//! assert_eq!(map_columns([1, 2, 2]), ["c0.y0.x0", "c0.y0.x1", "c0.y1.x0", "c0.y1.x1"]);
//! ```

/// Names of the values of a map of these channels, height and width, in the order in which rows hold them: the column
/// of the picture (`x`) runs fastest, the channel (`c`) slowest.
#[must_use]
pub fn map_columns(shape: [usize; 3]) -> Vec<String> {
    let [channels, height, width] = shape;
    let places = (0..channels).flat_map(|c| (0..height).map(move |y| (c, y)));
    places
        .flat_map(|(c, y)| (0..width).map(move |x| format!("c{c}.y{y}.x{x}")))
        .collect()
}

/// The shape of which these are the names, all of them and in order.
pub(super) fn map_shape(columns: &[String]) -> Option<[usize; 3]> {
    let (channel, place) = columns.last()?.strip_prefix('c')?.split_once(".y")?;
    let (row, column) = place.split_once(".x")?;
    let length = |index: &str| index.parse::<usize>().ok()?.checked_add(1);
    let shape = [length(channel)?, length(row)?, length(column)?];
    // The lengths are what a file says: compared before any name is made of them.
    let values = shape[0].checked_mul(shape[1])?.checked_mul(shape[2])?;
    (values == columns.len() && map_columns(shape) == columns).then_some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_shape_they_were_made_of() {
        for shape in [[1, 1, 1], [1, 8, 8], [3, 2, 5], [4, 1, 12], [2, 11, 1]] {
            let columns = map_columns(shape);
            assert_eq!(columns.len(), shape.iter().product::<usize>());
            assert_eq!(map_shape(&columns), Some(shape));
        }
        assert_eq!(map_columns([2, 0, 3]), [""; 0]);
    }

    #[test]
    fn other_names_tell_none() {
        let shape =
            |names: &[&str]| map_shape(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(shape(&[]), None);
        assert_eq!(shape(&["c0"]), None);
        assert_eq!(shape(&["flow", "c0.y0.x1"]), None);
        assert_eq!(shape(&["c0.y0.x1", "c0.y0.x0"]), None);
        assert_eq!(shape(&["c0.y0.x01"]), None);
        assert_eq!(shape(&["c0.y0.x18446744073709551615"]), None);
        assert_eq!(shape(&["c0.y4294967296.x4294967296"]), None);
    }
}
