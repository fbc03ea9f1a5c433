//! Where the table begins in a text, and what its columns are called.
//!
//! Files begin with names, with several lines of names, units and kinds, with lines about the device, with comments, or
//! at once with readings. What is a name is told by the rows below: a header has words where these have numbers.

use crate::data::frame::LeftOut;

use super::dialect::LABVIEW_END;
use super::likeness::{Columns, Likeness, Row};
use super::lines::{Dialect, Rows};

/// Rows and bytes looked at to find the header; some rows always are.
const SAMPLE: (usize, usize, usize) = (1000, 1 << 20, 8);
/// Fewest rows of readings above a table that are another one.
const ANOTHER: usize = 10;

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
    /// Why the rows above the table are another one, if they are.
    pub another_table: Option<String>,
}

impl Head {
    /// Finds the head of a text. `header` says whether there is a line of names, where the user did.
    pub fn find(text: &str, dialect: &Dialect, header: Option<bool>) -> Self {
        let mut rows = sample(text, dialect);
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
        if head.logger(&rows, header) || head.attributes(&rows, &columns) {
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
        let found = found.or_else(|| {
            let above = data.checked_sub(1).filter(|_| header.is_none())?;
            let (names, delimiter) = columns.names_otherwise(rows.get(above)?, dialect)?;
            head.said.push(format!(
                "the names of line {} are separated by {:?}, unlike the readings",
                rows[above].line, delimiter as char
            ));
            rows[above].cells = names;
            Some(above)
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
        self.refuse_readings(&rows[..names]);
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
        self.refuse_readings(&rows[..first]);
        self.leave_out(
            first as u64,
            format!("they are no rows of {} cells", columns.width),
        );
        self.data_line = rows.get(first).map_or(1, |row| row.line);
    }

    /// Rows of readings above the table are another one.
    fn refuse_readings(&mut self, above: &[Row]) {
        let readings = |row: &&Row| row.cells.len() > 1 && row.looks_like_data();
        let (count, first) = (
            above.iter().filter(readings).count(),
            above.iter().find(readings),
        );
        if let (Some(first), Some(last)) = (first, above.last())
            && count >= ANOTHER
        {
            self.another_table = Some(format!(
                "lines {} to {} are another table, of {} cells a row: put each in a file of its own",
                first.line,
                last.line,
                first.cells.len()
            ));
        }
    }

    /// The header of a file of attributes, ARFF: a line for each name.
    fn attributes(&mut self, rows: &[Row], columns: &Columns) -> bool {
        let begins = |row: &Row, word: &str| {
            let start = row.cells[0].get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let Some(end) = rows.iter().position(|row| begins(row, "@data")) else {
            return false;
        };
        let above = rows[..end].iter().filter(|row| begins(row, "@attribute"));
        let names: Vec<String> = above
            .map(|row| {
                let text = row.cells.join(",");
                let rest = text["@attribute".len()..].trim_start();
                let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let name = match quote {
                    Some(quote) => rest[1..].split(quote).next(),
                    None => rest.split([' ', '\t', ',']).find(|word| !word.is_empty()),
                };
                name.unwrap_or_default().into()
            })
            .collect();
        if names.len() != columns.width {
            return false;
        }
        self.said.push(format!(
            "the names of the columns are those of {} attributes",
            names.len()
        ));
        self.leave_out(end as u64 + 1, "the header of a file of attributes".into());
        self.lines.push(names.clone());
        self.names = Some((names, rows[end].line));
        self.data_line = rows.get(end + 1).map_or(u64::MAX, |row| row.line);
        true
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
