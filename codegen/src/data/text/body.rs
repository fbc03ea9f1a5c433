//! The readings below the header, and lines among them that are none.

use std::collections::BTreeMap;

use crate::data::frame::LeftOut;

use super::evidence::Evidence;
use super::head::Head;
use super::lines::{Dialect, Rows};
use super::numbers::{Kind, kind};

/// Goes over the readings of a text.
pub(super) struct Body<'a> {
    pub rows: Rows<'a>,
    head: &'a Head,
    width: usize,
    /// Where each column stands, since a header that named them in another order.
    order: Option<Vec<usize>>,
    /// Header lines that came again, in the same order and in another.
    repeated: (u64, u64),
    /// Lines of delimiters only.
    empty: u64,
}

impl<'a> Body<'a> {
    pub fn new(text: &'a str, dialect: &'a Dialect, head: &'a Head) -> Self {
        Self {
            rows: Rows::new(text, dialect),
            head,
            width: dialect.width,
            order: None,
            repeated: (0, 0),
            empty: 0,
        }
    }

    /// Goes on to the next row of readings, if there is one.
    ///
    /// # Errors
    /// A line that is another header: the readings below it are not known.
    pub fn advance(&mut self) -> Result<bool, String> {
        while self.rows.advance() {
            if self.rows.line < self.head.data_line {
                continue;
            }
            if self.rows.cells.iter().all(str::is_empty) {
                // As spreadsheets leave at the end.
                self.empty += 1;
            } else if !(self.may_be_header() && self.is_header()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The cell of a column.
    pub fn cell(&self, column: usize) -> &str {
        let place = self.order.as_ref().map_or(column, |order| order[column]);
        self.rows.cells.get(place)
    }

    /// A quick look: almost every row is known by it to hold readings.
    fn may_be_header(&self) -> bool {
        let cells = &self.rows.cells;
        let reading = self
            .head
            .readings
            .first()
            .map_or("", |column| cells.get(*column));
        let number =
            reading.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        let numeric = self.head.numeric && self.head.lines[0][0] == cells.get(0);
        numeric || !number || cells.len() != self.width
    }

    fn is_header(&mut self) -> Result<bool, String> {
        let cells = &self.rows.cells;
        let same = |line: &Vec<String>| {
            line.len() == cells.len()
                && cells.iter().zip(line).all(|(cell, name)| alike(cell, name))
        };
        let Some((names, first)) = &self.head.names else {
            return Ok(false);
        };
        if same(names) {
            self.order = None;
            self.repeated.0 += 1;
            return Ok(true);
        }
        if self.head.lines.iter().any(same) {
            self.repeated.0 += 1;
            return Ok(true);
        }
        if cells.len() != self.width {
            return Ok(false);
        }
        if names.len() == self.width {
            let place = |name: &String| cells.iter().position(|cell| alike(cell, name));
            let order: Option<Vec<usize>> = if names.len() <= MOST_NAMES {
                names.iter().map(place).collect()
            } else {
                None
            };
            if let Some(order) = order.filter(|order| is_order(order)) {
                self.order = Some(order);
                self.repeated.1 += 1;
                return Ok(true);
            }
        }
        let mut words: Vec<&str> = self
            .head
            .readings
            .iter()
            .map(|column| cells.get(*column))
            .collect();
        let all = words
            .iter()
            .all(|cell| matches!(kind(cell), Kind::Text | Kind::Hexadecimal | Kind::Word(..)));
        words.sort_unstable();
        words.dedup();
        // The same word everywhere is what a logger writes in place of readings.
        if all && words.len() > 1 && words.len() == self.head.readings.len() {
            return Err(format!(
                "line {} looks like another header, unlike that of line {first}: {}; put the lines from there on in a file \
                 of their own",
                self.rows.line,
                crate::data::features::list(&cells.to_vec())
            ));
        }
        Ok(false)
    }

    /// What was met and is not among the readings.
    pub fn left_out(&self, dialect: &Dialect) -> Vec<LeftOut> {
        let signs = dialect
            .comments
            .iter()
            .map(|sign| format!("{sign:?}"))
            .collect::<Vec<_>>();
        let all = [
            (
                "comment lines",
                self.rows.comments,
                format!("they begin with {}", signs.join(" or ")),
            ),
            (
                "header lines among the rows",
                self.repeated.0,
                "they repeat lines of the header".into(),
            ),
            (
                "header lines among the rows",
                self.repeated.1,
                "they name the columns in another order, which the rows below them follow".into(),
            ),
            ("empty rows", self.empty, "they have delimiters only".into()),
        ];
        let some = all.into_iter().filter(|(_, count, _)| *count > 0);
        some.map(|(what, count, why)| LeftOut {
            what: what.into(),
            count,
            why,
        })
        .collect()
    }
}

/// Most names that are looked for in another order.
const MOST_NAMES: usize = 10_000;

fn alike(cell: &str, name: &str) -> bool {
    cell.eq_ignore_ascii_case(name)
}

/// Whether each place is there once.
fn is_order(order: &[usize]) -> bool {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    sorted
        .iter()
        .enumerate()
        .all(|(index, place)| index == *place)
}

/// Counts over all rows, from which the columns are judged.
pub(super) struct Survey {
    /// For each number of cells how many rows have it, and the line of the first.
    pub widths: BTreeMap<usize, (u64, u64)>,
    pub columns: Vec<Evidence>,
    /// Whether the first column counts the rows, from 0 or 1.
    pub counts: bool,
}

impl Survey {
    pub fn of(text: &str, dialect: &Dialect, head: &Head) -> Result<Self, String> {
        let mut body = Body::new(text, dialect, head);
        let mut survey = Self {
            widths: BTreeMap::new(),
            columns: vec![Evidence::default(); dialect.width],
            counts: true,
        };
        let mut next: Option<u64> = None;
        while body.advance()? {
            let width = body.rows.cells.len();
            survey.widths.entry(width).or_insert((0, body.rows.line)).0 += 1;
            if width != dialect.width {
                continue;
            }
            for (column, evidence) in survey.columns.iter_mut().enumerate() {
                evidence.add(body.cell(column));
            }
            if survey.counts {
                let number: Option<u64> = body.cell(0).parse().ok();
                survey.counts =
                    number.is_some_and(|number| next.map_or(number <= 1, |next| number == next));
                next = number.and_then(|number| number.checked_add(1));
            }
        }
        survey.counts &= survey.rows() > 2;
        Ok(survey)
    }

    pub fn rows(&self) -> u64 {
        self.widths.values().map(|(count, _)| count).sum()
    }
}
