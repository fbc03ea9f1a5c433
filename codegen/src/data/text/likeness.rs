//! How the first rows of a text compare with those below them: which are readings, and which have the names.

use super::evidence::Evidence;
use super::lines::{Cells, Dialect, is_comment};
use super::numbers::{Form, Kind, kind, looks_like_data, quantity};
use super::units::are_units;

/// Rows that must have decimals before a row of other whole numbers above them counts as a header.
const ROWS_UNLIKE: usize = 10;

/// A row of the sample.
pub(super) struct Row {
    pub line: u64,
    pub cells: Vec<String>,
    /// Comments right above it.
    pub comments: Vec<String>,
}

impl Row {
    pub fn looks_like_data(&self) -> bool {
        looks_like_data(self.cells.iter().map(String::as_str))
    }
}

/// How a row compares with the columns below it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Numbers where the columns have numbers.
    Data,
    /// Words there.
    Header,
    /// Nothing there.
    Neither,
}

/// What the columns are, judged by the later half of the sample.
pub(super) struct Columns {
    pub width: usize,
    evidence: Vec<Evidence>,
}

impl Columns {
    pub fn of(rows: &[Row], width: usize) -> Self {
        let wide: Vec<&Row> = rows.iter().filter(|row| row.cells.len() == width).collect();
        let mut evidence = vec![Evidence::default(); width];
        for row in &wide[wide.len() / 2..] {
            for (column, cell) in evidence.iter_mut().zip(&row.cells) {
                column.add(cell);
            }
        }
        Self { width, evidence }
    }

    pub fn readings(&self) -> Vec<usize> {
        (0..self.width)
            .filter(|column| self.evidence[*column].is_reading())
            .collect()
    }

    pub fn likeness(&self, row: &Row) -> Likeness {
        if row.cells.len() != self.width {
            let numbers = row
                .cells
                .iter()
                .any(|cell| matches!(kind(cell), Kind::Number(_)));
            return if numbers {
                Likeness::Neither
            } else {
                Likeness::Header
            };
        }
        let (mut fits, mut words) = (0, 0);
        for (cell, column) in row
            .cells
            .iter()
            .zip(&self.evidence)
            .filter(|(_, column)| column.is_reading())
        {
            match kind(cell) {
                Kind::Missing => {}
                Kind::Time if column.is_time() => fits += 1,
                // A word for a time is one of a header, however many numbers stand beside it.
                Kind::Text | Kind::Hexadecimal | Kind::Word(..) if column.is_time() => {
                    return Likeness::Header;
                }
                Kind::Number(_) if column.is_time() => {}
                Kind::Number(_) => fits += 1,
                Kind::Quantity | Kind::Hexadecimal
                    if column.unit().is_some() && quantity(cell).is_some() =>
                {
                    fits += 1;
                }
                Kind::Hexadecimal if column.is_hexadecimal() => fits += 1,
                Kind::Word(..) if column.pair().is_some() => fits += 1,
                // Names such as "a", "add" and "no" are among these.
                Kind::Text | Kind::Quantity | Kind::Time | Kind::Hexadecimal | Kind::Word(..) => {
                    words += 1;
                }
            }
        }
        match (fits, words) {
            (0, 0) => Likeness::Neither,
            _ if fits > words => Likeness::Data,
            _ => Likeness::Header,
        }
    }

    pub fn first_data(&self, rows: &[Row]) -> Option<usize> {
        rows.iter()
            .position(|row| row.cells.len() == self.width && self.likeness(row) == Likeness::Data)
    }

    /// The line of names among the rows above the readings.
    pub fn names(&self, above: &[Row]) -> Option<usize> {
        let lines: Vec<usize> = (0..above.len())
            .filter(|row| {
                above[*row].cells.len() == self.width
                    && self.likeness(&above[*row]) == Likeness::Header
            })
            .collect();
        let full: Vec<usize> = lines
            .iter()
            .copied()
            .filter(|line| is_full(&above[*line].cells) && !are_units(&above[*line].cells))
            .collect();
        // In two columns a name and its value about the device look like a header; the last line is it.
        let best = if self.width == 2 {
            full.last()
        } else {
            full.first()
        };
        let filled = |line: &usize| {
            above[*line]
                .cells
                .iter()
                .filter(|cell| !cell.is_empty())
                .count()
        };
        let most = || lines.iter().copied().rev().max_by_key(filled);
        best.copied().or_else(most)
    }

    /// A line of words right above the readings that has another number of cells than they.
    pub fn short_names(&self, rows: &[Row], data: usize) -> Option<usize> {
        let above = data.checked_sub(1).map(|above| &rows[above])?;
        let title = above.cells.len() == 1 && self.width != 2;
        (above.cells.len() != self.width && !title && !above.looks_like_data()).then_some(data - 1)
    }

    /// The names in a line of one cell that another delimiter cuts into as many words as there are columns.
    pub fn names_otherwise(&self, row: &Row, dialect: &Dialect) -> Option<(Vec<String>, u8)> {
        let [line] = &row.cells[..] else {
            return None;
        };
        let others = *b";\t|, ";
        let mut cells = Cells::default();
        others
            .into_iter()
            .filter(|sign| *sign != dialect.delimiter)
            .find_map(|sign| {
                cells.cut(line, sign);
                let names = cells.to_vec();
                let word = |name: &String| {
                    matches!(kind(name), Kind::Text | Kind::Word(..) | Kind::Hexadecimal)
                };
                (self.width > 1
                    && names.len() == self.width
                    && names.iter().all(word)
                    && is_full(&names))
                .then_some((names, sign))
            })
    }

    /// Whether the first row, of whole numbers, is a header: 0, 1, 2 ... or numbers above columns of decimals.
    pub fn numbers_are_names(&self, rows: &[Row], data: usize) -> bool {
        let Some(first) = rows.get(data) else {
            return false;
        };
        let whole = |cell: &String| {
            let plain = cell.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| cell.parse::<u64>().ok()).flatten()
        };
        let Some(names) = first.cells.iter().map(whole).collect::<Option<Vec<u64>>>() else {
            return false;
        };
        let mut different = names.clone();
        different.sort_unstable();
        different.dedup();
        let below: Vec<&Row> = rows[data + 1..]
            .iter()
            // The header may come again.
            .filter(|row| row.cells.len() == self.width && row.cells != first.cells)
            .collect();
        if different.len() != names.len() || below.is_empty() {
            return false;
        }
        let counts = names[0] <= 1
            && names
                .windows(2)
                .all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        let decimals = (0..self.width).any(|column| {
            let mut cells = below.iter().map(|row| kind(&row.cells[column])).filter(|kind| *kind != Kind::Missing);
            let decimal = |kind: Kind| {
                matches!(kind, Kind::Number(number) if matches!(number.form, Form::Point | Form::PointGroup | Form::Comma))
            };
            cells.next().is_some_and(decimal) && cells.all(decimal)
        });
        if counts && self.width > 2 {
            decimals || self.far(&names, &below)
        } else {
            decimals && below.len() >= ROWS_UNLIKE
        }
    }

    /// Whether a number lies further from its column than that is wide.
    fn far(&self, names: &[u64], below: &[&Row]) -> bool {
        (0..self.width).any(|column| {
            let values: Vec<f64> = below
                .iter()
                .filter_map(|row| row.cells[column].parse().ok())
                .collect();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let name = names[column] as f64;
            values.len() >= 3 && (name < least - (most - least) || name > most + (most - least))
        })
    }

    /// The names in the last comment above the readings, as numerical programs write them.
    pub fn comment_names(
        &self,
        rows: &[Row],
        data: usize,
        dialect: &Dialect,
    ) -> Option<Vec<String>> {
        let comments = &rows.get(data)?.comments;
        comments
            .iter()
            .rev()
            .find_map(|comment| self.names_of(comment, dialect))
    }

    fn names_of(&self, comment: &str, dialect: &Dialect) -> Option<Vec<String>> {
        let sign = dialect
            .comments
            .iter()
            .find(|sign| is_comment(comment, sign))?;
        let bare = comment.trim().strip_prefix(sign)?;
        let mut cells = Cells::default();
        for line in [comment.trim(), bare.trim()] {
            cells.cut(line, dialect.delimiter);
            let mut names = cells.to_vec();
            let word =
                |name: &String| !matches!(kind(name), Kind::Number(_) | Kind::Time | Kind::Missing);
            if names.len() == self.width && names.iter().all(word) {
                let first = names[0]
                    .strip_prefix(sign)
                    .filter(|first| *sign == "#" || first.starts_with(' '));
                if let Some(first) = first.map(str::trim).filter(|first| !first.is_empty()) {
                    names[0] = first.into();
                }
                return Some(names);
            }
        }
        None
    }
}

/// Whether each cell says something, and something else.
fn is_full(cells: &[String]) -> bool {
    let mut sorted: Vec<&String> = cells.iter().collect();
    sorted.sort_unstable();
    let length = sorted.len();
    sorted.dedup();
    sorted.len() == length && cells.iter().all(|cell| !cell.is_empty())
}
