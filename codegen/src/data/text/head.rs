//! Where the table begins in a text, and what its columns are called.
//!
//! Files begin with names, with several lines of names, units and kinds, with lines about the device, with comments, or
//! at once with readings. What is a name is told by the rows below: a header has words where these have numbers.

use crate::data::frame::LeftOut;

use super::dialect::LABVIEW_END;
use super::format::Evidence;
use super::lines::{Cells, Dialect, Rows, is_comment};
use super::numbers::{Form, Kind, kind, looks_like_data};
use super::units::are_units;

/// Rows and bytes looked at to find the header; some rows always are.
const SAMPLE: (usize, usize, usize) = (1000, 1 << 20, 8);
/// Rows that must have decimals before a row of other whole numbers above them counts as a header.
const ROWS_UNLIKE: usize = 10;

/// What stands above the readings.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The cells of the line with the names, and that line.
    pub names: Option<(Vec<String>, u64)>,
    /// Rows before this line are none of the table.
    pub data_line: u64,
    /// All lines of the header: they may come again.
    pub lines: Vec<Vec<String>>,
    /// Columns that hold numbers or times, as far as the first rows tell.
    pub readings: Vec<usize>,
    /// Whether the names are numbers.
    pub numeric: bool,
    pub said: Vec<String>,
    pub left_out: Vec<LeftOut>,
}

/// A row of the sample.
struct Row {
    line: u64,
    cells: Vec<String>,
    /// Comments right above it.
    comments: Vec<String>,
}

impl Row {
    fn looks_like_data(&self) -> bool {
        looks_like_data(self.cells.iter().map(String::as_str))
    }
}

/// How a row compares with the columns below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// Numbers where the columns have numbers.
    Data,
    /// Words there.
    Header,
    /// Nothing there.
    Neither,
}

impl Head {
    /// Finds the head of a text. `header` says whether there is a line of names, where the user did.
    pub fn find(text: &str, dialect: &Dialect, header: Option<bool>) -> Self {
        let rows = sample(text, dialect);
        let width = dialect.width;
        let columns = Columns::of(&rows, width);
        let mut head = Self {
            readings: columns.readings(),
            ..Self::default()
        };
        let skipped = dialect.start.1 - 1;
        if skipped > 0 && text.starts_with("LabVIEW") {
            head.said.push(format!(
                "the first {skipped} lines are the header of a LabVIEW measurement"
            ));
            head.leave_out(skipped, format!("up to {LABVIEW_END}"));
        }
        if head.logger(&rows, header) {
            return head;
        }
        let first_wide = rows.iter().position(|row| row.cells.len() == width);
        let data = columns
            .first_data(&rows)
            .or(first_wide)
            .unwrap_or(rows.len());
        let found = match header {
            Some(true) => first_wide,
            Some(false) => None,
            None => columns
                .names(&rows[..data])
                .or_else(|| columns.short_names(&rows, data)),
        };
        let numeric = header.is_none() && found.is_none() && columns.numbers_are_names(&rows, data);
        let found = found.or(numeric.then_some(data));
        // A file of words has no row that is data: its first one has the names.
        let found = found.or_else(|| {
            let words = header.is_none() && head.readings.is_empty();
            first_wide.filter(|row| words && !rows[*row].looks_like_data())
        });
        if let Some(names) = found {
            head.name(&rows, names, &columns);
            head.numeric = numeric;
            if numeric {
                let names = rows[names]
                    .cells
                    .iter()
                    .take(4)
                    .cloned()
                    .collect::<Vec<_>>();
                head.said.push(format!(
                    "line {} ({} ...) is a header: whole numbers unlike those below",
                    rows[data].line,
                    names.join(&(dialect.delimiter as char).to_string())
                ));
            }
            return head;
        }
        if header.is_none()
            && let Some(names) = columns.comment_names(&rows, data, dialect)
        {
            let line = rows[data].line;
            head.said.push(format!(
                "the names of the columns are those of the comment before line {line}"
            ));
            head.lines.push(names.clone());
            head.names = Some((names, line));
        }
        head.begin(&rows, data, &columns);
        head
    }

    /// Takes a row as the names, what stands above it as no part of the table, and what follows up to the readings as
    /// further lines of the header.
    fn name(&mut self, rows: &[Row], names: usize, columns: &Columns) {
        self.names = Some((rows[names].cells.clone(), rows[names].line));
        self.lines.push(rows[names].cells.clone());
        let data = names
            + 1
            + rows[names + 1..]
                .iter()
                .take_while(|row| columns.likeness(row) == Likeness::Header)
                .count();
        for row in &rows[..names] {
            self.lines.push(row.cells.clone());
        }
        for row in &rows[names + 1..data] {
            self.lines.push(row.cells.clone());
        }
        self.leave_out(
            names as u64,
            "they stand before the names of the columns".into(),
        );
        let below = (data - names - 1) as u64;
        if below > 0 {
            self.said.push(format!(
                "the names of the columns are those of line {}; {below} more {} of the header {} left out",
                rows[names].line,
                if below == 1 { "line" } else { "lines" },
                if below == 1 { "is" } else { "are" }
            ));
            self.left_out.push(LeftOut {
                what: "lines of the header".into(),
                count: below,
                why: "they have units or descriptions, no names".into(),
            });
        }
        self.data_line = rows.get(data).map_or(u64::MAX, |row| row.line);
        if data == rows.len() {
            self.data_line = rows[data - 1].line + 1;
        }
    }

    /// Begins without names at the first row that may be data.
    fn begin(&mut self, rows: &[Row], data: usize, columns: &Columns) {
        let first = rows[..data]
            .iter()
            .position(|row| {
                let wide = row.cells.len() == columns.width;
                row.looks_like_data() || (wide && columns.likeness(row) == Likeness::Neither)
            })
            .unwrap_or(data);
        self.leave_out(
            first as u64,
            format!("they are no rows of {} cells", columns.width),
        );
        self.data_line = rows.get(first).map_or(1, |row| row.line);
    }

    fn leave_out(&mut self, count: u64, why: String) {
        if count > 0 {
            self.left_out.push(LeftOut {
                what: "lines before the table".into(),
                count,
                why,
            });
        }
    }

    /// The header of Campbell's loggers: where they come from, names and, in one of two formats, units and kinds.
    fn logger(&mut self, rows: &[Row], header: Option<bool>) -> bool {
        let [about, names, ..] = rows else {
            return false;
        };
        let lines = match about.cells[0].as_str() {
            "TOA5" => 4,
            "TOACI1" => 2,
            _ => return false,
        };
        if header.is_some() || rows.len() < lines {
            return false;
        }
        let format = &about.cells[0];
        self.said.push(format!(
            "the first {lines} lines are a data logger's header ({format})"
        ));
        self.leave_out(
            lines as u64 - 1,
            format!("a data logger's header ({format})"),
        );
        self.names = Some((names.cells.clone(), names.line));
        self.lines = rows[..lines].iter().map(|row| row.cells.clone()).collect();
        self.data_line = rows.get(lines).map_or(u64::MAX, |row| row.line);
        true
    }
}

fn sample(text: &str, dialect: &Dialect) -> Vec<Row> {
    let mut reader = Rows::new(text, dialect);
    let mut rows = Vec::new();
    let mut size = 0;
    let mut comments: Vec<String> = Vec::new();
    while rows.len() < SAMPLE.0 && (size < SAMPLE.1 || rows.len() < SAMPLE.2) && reader.advance() {
        comments.extend(reader.above.iter().map(ToString::to_string));
        if reader.cells.iter().all(str::is_empty) {
            continue;
        }
        let cells = reader.cells.to_vec();
        size += cells.iter().map(|cell| cell.len() + 1).sum::<usize>();
        rows.push(Row {
            line: reader.line,
            cells,
            comments: std::mem::take(&mut comments),
        });
    }
    rows
}

/// What the columns are, judged by the later half of the sample.
struct Columns {
    width: usize,
    evidence: Vec<Evidence>,
}

impl Columns {
    fn of(rows: &[Row], width: usize) -> Self {
        let wide: Vec<&Row> = rows.iter().filter(|row| row.cells.len() == width).collect();
        let mut evidence = vec![Evidence::default(); width];
        for row in &wide[wide.len() / 2..] {
            for (column, cell) in evidence.iter_mut().zip(&row.cells) {
                column.add(cell);
            }
        }
        Self { width, evidence }
    }

    fn readings(&self) -> Vec<usize> {
        (0..self.width)
            .filter(|column| self.evidence[*column].is_reading())
            .collect()
    }

    fn likeness(&self, row: &Row) -> Likeness {
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
                Kind::Hexadecimal if column.is_hexadecimal() => fits += 1,
                Kind::Word(..) if column.pair().is_some() => fits += 1,
                // Names such as "a", "add" and "no" are among these.
                Kind::Text | Kind::Time | Kind::Hexadecimal | Kind::Word(..) => words += 1,
            }
        }
        match (fits, words) {
            (0, 0) => Likeness::Neither,
            _ if fits > words => Likeness::Data,
            _ => Likeness::Header,
        }
    }

    fn first_data(&self, rows: &[Row]) -> Option<usize> {
        rows.iter()
            .position(|row| row.cells.len() == self.width && self.likeness(row) == Likeness::Data)
    }

    /// The line of names among the rows above the readings.
    fn names(&self, above: &[Row]) -> Option<usize> {
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
    fn short_names(&self, rows: &[Row], data: usize) -> Option<usize> {
        let above = data.checked_sub(1).map(|above| &rows[above])?;
        let title = above.cells.len() == 1 && self.width != 2;
        (above.cells.len() != self.width && !title && !above.looks_like_data()).then_some(data - 1)
    }

    /// Whether the first row, of whole numbers, is a header: 0, 1, 2 ... or numbers above columns of decimals.
    fn numbers_are_names(&self, rows: &[Row], data: usize) -> bool {
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
    fn comment_names(&self, rows: &[Row], data: usize, dialect: &Dialect) -> Option<Vec<String>> {
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
