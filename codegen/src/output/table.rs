//! Tables of text for a terminal.

use std::fmt;

/// A table of text, its columns aligned: numbers to the right, anything else to the left.
#[derive(Clone, Debug, Default)]
pub struct TextTable {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these column titles. Empty titles only: no title line is printed.
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Missing cells stay empty, surplus ones are shown without a title.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) -> &mut Self {
        self.rows.push(cells.into_iter().collect());
        self
    }
}

/// Whether a cell is right-aligned: a number, perhaps with a unit or a percent sign, or nothing.
fn is_number(cell: &str) -> bool {
    let start = cell.split(' ').next().unwrap_or("");
    let plain: String = start
        .chars()
        .filter(|c| !matches!(c, ',' | '_' | '%' | 'x'))
        .collect();
    cell.is_empty() || cell == "-" || plain.parse::<f64>().is_ok()
}

impl fmt::Display for TextTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.rows.iter().map(Vec::len).chain([self.header.len()]);
        let columns: Vec<(usize, bool)> = (0..count.max().unwrap_or(0))
            .map(|column| {
                let cells = || self.rows.iter().filter_map(|row| row.get(column));
                let title = self.header.get(column);
                let width = cells().chain(title).map(|cell| cell.chars().count()).max();
                (width.unwrap_or(0), cells().all(|cell| is_number(cell)))
            })
            .collect();
        let titled = self.header.iter().any(|title| !title.is_empty());
        for row in titled.then_some(&self.header).into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, (width, right)) in columns.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let space = " ".repeat(width - cell.chars().count());
                let gap = if column == 0 { "" } else { "  " };
                let (before, after) = if *right {
                    (space, String::new())
                } else {
                    (String::new(), space)
                };
                line.extend([gap, &before, cell, &after]);
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_numbers_right_and_text_left() {
        let mut table = TextTable::new(&["core", "rows", "note"]);
        table.row(["m4f".into(), "9405".into(), "größer".into()]);
        table.row(["m0".into(), "12".into()]);
        assert_eq!(
            table.to_string(),
            "core  rows  note\nm4f   9405  größer\nm0      12\n"
        );
        assert_eq!(TextTable::new(&[]).to_string(), "");
    }
}
