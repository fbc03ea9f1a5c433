//! What stands below the readings: sums and means that a spreadsheet or a logger adds, and closing words.

use crate::data::frame::LeftOut;

use super::head::Head;
use super::lines::{Cells, Dialect, is_comment, lines};
use super::numbers::{Kind, kind};

/// Lines at the end that are looked at.
const LINES: usize = 24;
/// Words that begin a row of figures about the rows above.
const SUMMARIES: [&str; 36] = [
    "mean",
    "average",
    "avg",
    "minimum",
    "min",
    "maximum",
    "max",
    "median",
    "std",
    "stdev",
    "stddev",
    "sd",
    "deviation",
    "variance",
    "var",
    "rms",
    "sum",
    "total",
    "totals",
    "subtotal",
    "count",
    "mittelwert",
    "mittel",
    "durchschnitt",
    "summe",
    "gesamt",
    "anzahl",
    "standardabweichung",
    "stabw",
    "moyenne",
    "somme",
    "écart-type",
    "promedio",
    "media",
    "suma",
    "standard",
];

/// Where the readings end, and what is below them.
pub(super) fn find(text: &str, dialect: &Dialect, head: &Head) -> (usize, Option<LeftOut>) {
    let none = (text.len(), None);
    if dialect.width < 2 && head.readings.is_empty() {
        return none;
    }
    let start = start(text, dialect.end).max(dialect.start.0);
    let mut cells = Cells::default();
    let mut tail: Vec<(usize, Line)> = Vec::new();
    let mut at = start;
    for (line, after) in lines(text, start, dialect.end) {
        let begin = std::mem::replace(&mut at, after);
        let comment = dialect.comments.iter().any(|sign| is_comment(line, sign));
        let line = line.trim_end_matches('\r');
        if comment || line.trim().is_empty() {
            continue;
        }
        cells.cut(line, dialect.delimiter);
        tail.push((begin, Line::of(&cells, dialect.width, head)));
    }
    // Header lines of a file of few rows are none of it.
    let body = tail
        .iter()
        .position(|(_, line)| matches!(line, Line::Row))
        .unwrap_or(tail.len());
    let first = (body..tail.len()).find(|from| {
        let below = &tail[*from..];
        let (mut figures, mut rows, mut words) = (0, 0, 0);
        for (_, line) in below {
            match line {
                Line::Summary(_) => figures += 1,
                Line::Row => rows += 1,
                Line::Words(_) => words += 1,
            }
        }
        !matches!(below[0].1, Line::Row) && (rows == 0 || (figures > 0 && figures + words >= rows))
    });
    let Some(first) = first else {
        return none;
    };
    let (begin, line) = &tail[first];
    let (Line::Summary(example) | Line::Words(example)) = line else {
        return none;
    };
    let left_out = LeftOut {
        what: "lines below the table".into(),
        count: (tail.len() - first) as u64,
        why: match line {
            Line::Summary(_) => format!("they sum the rows up, as {example:?} says"),
            _ => format!("they are words, such as {example:?}"),
        },
    };
    (*begin, Some(left_out))
}

/// What a line at the end is.
enum Line {
    Row,
    /// A word for a mean or a sum where the columns have readings.
    Summary(String),
    /// No row, and no number in it.
    Words(String),
}

impl Line {
    fn of(cells: &Cells, width: usize, head: &Head) -> Self {
        let summary = (head.readings.iter())
            .filter(|column| **column < cells.len())
            .map(|column| cells.get(*column))
            .find(|cell| is_summary(cell));
        if let Some(cell) = summary {
            return Self::Summary(cell.into());
        }
        // `300 rows exported` is a number with a unit, as far as it goes.
        let sentence = cells.len() == 1 && width > 1 && cells.get(0).contains(' ');
        let told = |cell: &str| match kind(cell) {
            Kind::Text | Kind::Missing | Kind::Word(..) => true,
            Kind::Quantity => sentence,
            _ => false,
        };
        let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
        let closing = cells.len() != width || (filled == 1 && width > 2);
        let first = cells
            .iter()
            .find(|cell| matches!(kind(cell), Kind::Text | Kind::Quantity));
        match first {
            Some(cell) if closing && cells.iter().all(told) => Self::Words(cell.into()),
            _ => Self::Row,
        }
    }
}

/// `Mean`, `Average:`, `Std. dev.`, `Total rows`.
fn is_summary(cell: &str) -> bool {
    if !cell.starts_with(char::is_alphabetic) || cell.len() > 40 {
        return false;
    }
    let cell = cell.to_lowercase();
    let mut words = cell
        .split([' ', '.', ':', '_', '('])
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    SUMMARIES.contains(&first) && words.count() < 3
}

/// The byte at which the last lines begin.
fn start(text: &str, end: u8) -> usize {
    let ends = memchr::memrchr_iter(end, text.trim_end().as_bytes());
    ends.take(LINES).last().map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// How many lines of the text are readings, and what is said of the rest.
    fn foot(below: &str) -> (usize, Option<LeftOut>) {
        let mut text = String::from("n,temp,rpm\n");
        for row in 0..40 {
            let _ = writeln!(text, "{row},{}.5,{}", 20 + row % 3, 900 + row % 7);
        }
        text.push_str(below);
        let dialect = Dialect::of(&text, None);
        let head = Head::find(&text, &dialect, None);
        let (end, left_out) = find(&text, &dialect, &head);
        (text[..end].lines().count() - 1, left_out)
    }

    #[test]
    fn sums_and_closing_words_are_no_readings() {
        for (below, lines) in [
            ("Mean,20.9,903\nStd,0.8,2\n", 2),
            ("Total,840,36000", 1),
            ("\nAverage:,,\n40,20.9,903\nMax,,\n39,22.5,906\n", 4),
            ("End of data\n40 rows exported\n", 2),
            ("\x1a", 1),
            ("(40 rows)\n", 1),
            ("Summe,840,36000\nEnde der Datei\n", 2),
            ("End of test,,\n", 1),
        ] {
            let (rows, left_out) = foot(below);
            assert_eq!(rows - usize::from(below.starts_with('\n')), 40, "{below}");
            assert_eq!(left_out.unwrap().count, lines, "{below}");
        }
        assert!(foot("Mean,1,2\n").1.unwrap().why.contains("\"Mean\""));
    }

    #[test]
    fn rows_are_not() {
        for below in [
            "",
            "40,20.5",
            "40,20.5,\n",
            "40,NaN,900\n",
            "NaN,,\n",
            "40,ERR,901\n",
            "40,max,901\n41,20.5,900\n42,20.5,900\n",
        ] {
            let (rows, left_out) = foot(below);
            assert_eq!(
                (rows, left_out),
                (40 + below.lines().count(), None),
                "{below}"
            );
        }
        for text in ["", "max,min\n1,2\n", "a\nb\nc\n", "mean,max\nx,y\n"] {
            let dialect = Dialect::of(text, None);
            let head = Head::find(text, &dialect, None);
            assert_eq!(find(text, &dialect, &head), (text.len(), None), "{text}");
        }
    }
}
