//! A row as a line of CSV.

use core::fmt::{self, Write as _};

/// The longest reading of a sensor, and the longest name of a column, take fewer characters with their comma.
const CELL: usize = 32;

/// A line of CSV under construction, for rows of `N` values.
///
/// ```
/// use nvpico_app::Line;
///
/// let line = Line::<3>::of(&[1.5, -0.25, 300.0]).expect("three short cells");
/// assert_eq!(line.text(), "1.5,-0.25,300\n");
/// ```
#[derive(Debug)]
pub struct Line<const N: usize> {
    bytes: [[u8; CELL]; N],
    length: usize,
}

impl<const N: usize> Line<N> {
    /// The cells with commas between and a line feed after; `None` where they do not fit. Nothing is cut.
    ///
    /// Rust writes the shortest text that reads back as the same float.
    pub fn of<T: fmt::Display>(cells: &[T; N]) -> Option<Self> {
        let mut line = Self {
            bytes: [[0; CELL]; N],
            length: 0,
        };
        for (index, cell) in cells.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(line, "{separator}{cell}").ok()?;
        }
        line.write_str("\n").ok()?;
        Some(line)
    }

    /// The line.
    pub fn text(&self) -> &str {
        let bytes = self.bytes.as_flattened();
        let bytes = bytes.get(..self.length).unwrap_or_default();
        // Always whole strings, so always UTF-8.
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Line<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let bytes = self.bytes.as_flattened_mut();
        let room = bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Line::<1>::of(&["x".repeat(31)]).is_some());
        assert!(Line::<1>::of(&["x".repeat(32)]).is_none());
    }

    #[test]
    fn floats_read_back_as_they_were() {
        let values = [0.1_f32, -1.0 / 3.0, 14.636_364];
        let line = Line::<3>::of(&values).expect("it fits");
        let mut back = line.text().trim_end().split(',');
        for value in values {
            assert_eq!(back.next().and_then(|cell| cell.parse().ok()), Some(value));
        }
    }
}
