//! How a text is cut: the delimiter, the signs of comments, the usual number of cells.
//!
//! ```
//! use nvpico_codegen::data::detect_delimiter;
//!
//! assert_eq!(detect_delimiter("time;flow\n2020-02-08 13:30:47;1.5\n"), b';');
//! assert_eq!(detect_delimiter("\"a, b\"\tc\n1\t2\n"), b'\t');
//! ```

use std::collections::HashMap;

use super::lines::{Cells, Dialect, is_comment, lines};
use super::numbers::{Kind, kind, looks_like_data};

/// Lines and bytes looked at to find out.
const SAMPLE: (usize, usize) = (1000, 1 << 18);
/// Signs with which comments begin.
const SIGNS: [&str; 5] = ["#", "%", ";", "//", "!"];
/// The line between the header of a `LabVIEW` measurement and its table.
pub(super) const LABVIEW_END: &str = "***End_of_Header***";

/// The delimiter among semicolon, tab, bar, comma, space, caret and tilde that cuts the first rows into the most
/// numbers, in rows of equal length. Quotes are respected.
#[must_use]
pub fn detect_delimiter(text: &str) -> u8 {
    detect(text, 0, line_end(text))
}

fn detect(text: &str, start: usize, end: u8) -> u8 {
    let mut best = (0.0, b',');
    for delimiter in *b";\t|, ^~" {
        let value = fitness(text, start, end, delimiter);
        if value > best.0 {
            best = (value, delimiter);
        }
    }
    best.1
}

fn line_end(text: &str) -> u8 {
    // Files of old end their lines with a carriage return alone.
    if text.contains('\n') { b'\n' } else { b'\r' }
}

/// The first lines that say something.
fn sample(text: &str, start: usize, end: u8) -> impl Iterator<Item = &str> {
    lines(text, start, end)
        .take_while(move |(line, after)| after - start <= SAMPLE.1 + line.len())
        .map(|(line, _)| line.trim_end_matches('\r'))
        .filter(|line| !line.trim().is_empty())
        .take(SAMPLE.0)
}

/// How well a delimiter fits: numbers in a row, times the share of cells that are numbers, times
/// the share of rows of the usual length. Tables of words count by their columns, but less.
fn fitness(text: &str, start: usize, end: u8, delimiter: u8) -> f64 {
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    let (mut numbers, mut all, mut rows) = (0, 0, 0);
    let mut cells = Cells::default();
    for line in sample(text, start, end) {
        if !cells.cut(line, delimiter) {
            continue;
        }
        numbers += cells
            .iter()
            .filter(|cell| matches!(kind(cell), Kind::Number(_) | Kind::Quantity))
            .count();
        all += cells.len();
        rows += 1;
        *lengths.entry(cells.len()).or_default() += 1;
    }
    let Some((usual, count)) = lengths
        .into_iter()
        .max_by_key(|(length, count)| (*count, *length))
    else {
        return 0.0;
    };
    if usual < 2 {
        return 0.0;
    }
    let rows = f64::from(rows);
    let share = numbers as f64 / all.max(1) as f64;
    (numbers as f64 / rows * share + 1e-3 * usual as f64) * count as f64 / rows
}

impl Dialect {
    /// How a text is cut, its delimiter given or found.
    pub fn of(text: &str, delimiter: Option<u8>) -> Self {
        let end = line_end(text);
        let (start, named) = start(text, end);
        let delimiter = delimiter
            .or(named)
            .unwrap_or_else(|| detect(text, start.0, end));
        let mut dialect = Self {
            delimiter,
            end,
            comments: SIGNS
                .iter()
                .copied()
                .filter(|sign| sign.as_bytes() != [delimiter])
                .collect(),
            width: 0,
            start,
        };
        dialect.width = dialect.usual_width(text);
        dialect.comments = dialect.comment_signs(text);
        dialect.width = dialect.usual_width(text);
        dialect
    }

    /// The usual number of cells, of lines of numbers if there are some, since those are of the table.
    fn usual_width(&self, text: &str) -> usize {
        let mut widths: HashMap<usize, (usize, usize)> = HashMap::new();
        let mut cells = Cells::default();
        for line in sample(text, self.start.0, self.end) {
            if self.comments.iter().any(|sign| is_comment(line, sign)) {
                continue;
            }
            if !cells.cut(line, self.delimiter) {
                cells.cut_literally(line, self.delimiter);
            }
            let count = widths.entry(cells.len()).or_default();
            count.0 += usize::from(looks_like_data(cells.iter()));
            count.1 += 1;
        }
        let data: usize = widths.values().map(|count| count.0).sum();
        let all: usize = widths.values().map(|count| count.1).sum();
        let of_data = 10 * data >= all;
        let usual = widths
            .into_iter()
            .max_by_key(|(width, count)| (if of_data { count.0 } else { count.1 }, *width));
        usual.map_or(0, |(width, _)| width)
    }

    /// The signs that begin comments here: few of their lines are rows.
    fn comment_signs(&self, text: &str) -> Vec<&'static str> {
        let mut plain = 0;
        let mut marked = vec![(0, 0); self.comments.len()];
        let mut cells = Cells::default();
        for (line, _) in lines(text, self.start.0, self.end) {
            let sign = self.comments.iter().position(|sign| is_comment(line, sign));
            let Some(sign) = sign else {
                plain += usize::from(!line.trim().is_empty());
                continue;
            };
            cells.cut_literally(line.trim_end_matches('\r'), self.delimiter);
            marked[sign].0 += 1;
            marked[sign].1 += usize::from(cells.len() == self.width && self.width > 1);
        }
        let signs = self.comments.iter().zip(marked);
        let comments = signs.filter(|(_, (all, rows))| {
            *all > 0 && plain > 0 && (10 * rows <= plain || 2 * rows <= *all)
        });
        comments.map(|(sign, _)| *sign).collect()
    }
}

/// Where lines begin that may be of the table, and the delimiter that the file names.
fn start(text: &str, end: u8) -> ((usize, u64), Option<u8>) {
    let mut start = (0, 1);
    let mut delimiter = None;
    let labview = text.starts_with("LabVIEW Measurement");
    for ((line, after), number) in lines(text, 0, end).take(SAMPLE.0).zip(1u64..) {
        let line = line.trim();
        // The first line by which spreadsheets are told the delimiter.
        if let (1, Some([sign])) = (number, line.strip_prefix("sep=").map(str::as_bytes)) {
            delimiter = Some(*sign);
            start = (after, 2);
        }
        if labview && line.starts_with(LABVIEW_END) {
            start = (after, number + 1);
        }
    }
    (start, delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_delimiter() {
        for (delimiter, name) in [
            (b',', ","),
            (b';', ";"),
            (b'\t', "\t"),
            (b'|', "|"),
            (b' ', " "),
            (b'^', "^"),
            (b'~', "~"),
        ] {
            let text = "a_b,2020 x,1.5\nb,2021 y,-2e3\n"
                .replace(' ', "_")
                .replace(',', name);
            assert_eq!(detect_delimiter(&text), delimiter, "{text}");
        }
        // Decimal commas beside semicolons, blanks beside commas, delimiters inside quotes.
        assert_eq!(detect_delimiter("1,5;2,5\n3,5;4,5\n"), b';');
        assert_eq!(detect_delimiter("t;x\n10:00 1;20,5\n10:00 2;20,7\n"), b';');
        assert_eq!(
            detect_delimiter("2020-01-01 10:00:00, 1, 2\n2020-01-01 10:00:01, 3, 4\n"),
            b','
        );
        assert_eq!(detect_delimiter("\"1;2;3;4\",5\n\"6;7;8;9\",1\n"), b',');
        assert_eq!(detect_delimiter("  1.0   2.0\n 10.0  -3.0\n"), b' ');
        assert_eq!(detect_delimiter("1.5 V;2.5 A\n3.5 V;4.5 A\n"), b';');
        assert_eq!(detect_delimiter("1.5 V,2.5 A\n3.5 V,4.5 A\n"), b',');
        assert_eq!(detect_delimiter("word\n1\n"), b',');
        assert_eq!(detect_delimiter("name,kind\nx,y\n"), b',');
        assert_eq!(detect_delimiter(""), b',');
    }

    #[test]
    fn comments_are_found_by_their_lines() {
        let signs = |text: &str| Dialect::of(text, None).comments;
        assert_eq!(signs("# hall 3\na,b\n1,2\n3,4\n"), ["#"]);
        assert_eq!(signs("% x\n// y\na,b\n1,2\n! z\n"), ["%", "//", "!"]);
        assert_eq!(signs("; x\na,b\n1,2\n"), [";"]);
        assert_eq!(signs("; x\na;b\n1;2\n"), [""; 0]);
        // A column of tags.
        assert_eq!(signs("tag,a\n#1,2\n#2,3\n#3,4\n"), [""; 0]);
        assert_eq!(signs("#1,2\n#2,3\n"), [""; 0]);
    }

    #[test]
    fn the_width_is_that_of_the_rows_of_numbers() {
        let width = |text: &str| Dialect::of(text, None).width;
        assert_eq!(width("a,b\nx,y\nz,w\n1,2,3\n"), 3);
        assert_eq!(width("sep=;\na;b;c\n1;2;3\n"), 3);
        assert_eq!(
            width("LabVIEW Measurement\t\n***End_of_Header***\t\nx\ty\n1\t2\n"),
            2
        );
        assert_eq!(width(""), 0);
    }
}
