//! Rows as CSV in a file of the host.

use core::ffi::CStr;
use core::fmt::{self, Write as _};

use super::{FEATURES, Reading, RowSink};
use crate::host::{File, Mode};

/// The longest float takes 16 characters (`-0.0000012345678` without exponent is beyond any sensor's reading), so a
/// row of sensor readings fits with room to spare; one that does not is refused, not cut.
const LINE: usize = 32 * FEATURES;

/// A CSV file.
pub struct CsvFile {
    file: File,
}

impl CsvFile {
    /// Makes the file, or empties it; `None` when the host cannot.
    pub fn create(path: &CStr) -> Option<Self> {
        Some(Self {
            file: File::open(path, Mode::Write)?,
        })
    }

    fn line<T: fmt::Display>(&self, cells: &[T]) -> bool {
        let mut line = Line::default();
        for (index, cell) in cells.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            if write!(line, "{separator}{cell}").is_err() {
                return false;
            }
        }
        line.write_str("\n").is_ok() && self.file.write_text(line.text())
    }
}

impl RowSink for CsvFile {
    fn header(&mut self, columns: &[&str]) -> bool {
        self.line(columns)
    }

    fn row(&mut self, reading: &Reading) -> bool {
        // Rust writes the shortest text that reads back as the same float.
        self.line(reading)
    }
}

/// A line under construction.
struct Line {
    bytes: [u8; LINE],
    length: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; LINE],
            length: 0,
        }
    }
}

impl Line {
    fn text(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        // Always whole strings, so always UTF-8.
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
