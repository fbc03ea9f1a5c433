//! Lines cut into cells, and rows of a table one after another.
//!
//! A quote that opens a cell and is never closed would swallow all rows up to the next quote. So a quoted cell may
//! run over lines only where that gives a row of the usual width and swallows no line that is a row itself; any
//! other such quote is a character like another.

use memchr::{memchr, memchr_iter};

/// Lines and bytes looked at for the end of a quoted cell.
const LONGEST_CELL: (usize, usize) = (100, 1 << 16);

/// Comment lines kept above a row.
const MOST_ABOVE: usize = 20;

/// Words that stand for errors in cells of spreadsheets: lines that begin with one are no comments.
const ERROR_WORDS: [&str; 6] = ["#N/A", "#NA", "#VALUE!", "#DIV/0!", "#NUM!", "#REF!"];

/// How a text is cut into cells.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    /// Between cells; runs of spaces are one delimiter.
    pub delimiter: u8,
    /// At the end of a line: a line feed or, in files of old, a carriage return.
    pub end: u8,
    /// What comment lines begin with.
    pub comments: Vec<&'static str>,
    /// Cells of most rows.
    pub width: usize,
    /// The first byte and its line, after what is known to be no table.
    pub start: (usize, u64),
}

/// The cells of one row, without the blanks around them.
#[derive(Debug, Default)]
pub(super) struct Cells {
    buffer: String,
    ranges: Vec<(usize, usize)>,
}

impl Cells {
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// A cell; empty beyond the last.
    pub fn get(&self, index: usize) -> &str {
        let (start, end) = self.ranges.get(index).copied().unwrap_or((0, 0));
        &self.buffer[start..end]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.ranges
            .iter()
            .map(|(start, end)| &self.buffer[*start..*end])
    }

    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(String::from).collect()
    }

    /// Cuts a line, and is false where a quote is open at its end.
    pub fn cut(&mut self, line: &str, delimiter: u8) -> bool {
        if memchr(b'"', line.as_bytes()).is_none() {
            self.cut_literally(line, delimiter);
            return true;
        }
        self.cut_quoted(line, delimiter)
    }

    /// Cuts a line whose quotes are characters like others.
    pub fn cut_literally(&mut self, line: &str, delimiter: u8) {
        self.clear();
        self.buffer.push_str(line);
        let mut start = 0;
        for end in memchr_iter(delimiter, line.as_bytes()).chain([line.len()]) {
            self.push(start, end, delimiter == b' ');
            start = end + 1;
        }
    }

    fn cut_quoted(&mut self, line: &str, delimiter: u8) -> bool {
        self.clear();
        let bytes = line.as_bytes();
        let blank = |byte: &u8| *byte == b' ' || (*byte == b'\t' && delimiter != b'\t');
        let mut at = 0;
        loop {
            let start = self.buffer.len();
            let blanks = bytes[at..].iter().take_while(|byte| blank(byte)).count();
            let quoted = bytes.get(at + blanks) == Some(&b'"');
            if quoted {
                at += blanks + 1;
                loop {
                    let Some(length) = memchr(b'"', &bytes[at..]) else {
                        self.buffer.push_str(&line[at..]);
                        self.push(start, self.buffer.len(), false);
                        return false;
                    };
                    self.buffer.push_str(&line[at..at + length]);
                    at += length + 1;
                    if bytes.get(at) != Some(&b'"') {
                        break;
                    }
                    self.buffer.push('"');
                    at += 1;
                }
            }
            let end = memchr(delimiter, &bytes[at..]).map_or(line.len(), |length| at + length);
            self.buffer.push_str(&line[at..end]);
            self.push(start, self.buffer.len(), delimiter == b' ' && !quoted);
            if end == line.len() {
                return true;
            }
            at = end + 1;
        }
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.ranges.clear();
    }

    fn push(&mut self, start: usize, end: usize, unless_empty: bool) {
        let cell = &self.buffer[start..end];
        let trimmed = cell.trim();
        if unless_empty && trimmed.is_empty() {
            return;
        }
        let start = start + (cell.len() - cell.trim_start().len());
        // A blank cell trims to its end.
        let start = if trimmed.is_empty() { end } else { start };
        let end = start + trimmed.len();
        // Quotes of the other kind.
        let quoted = trimmed.len() > 1 && trimmed.starts_with('\'') && trimmed.ends_with('\'');
        let (start, end) = if quoted {
            (start + 1, end - 1)
        } else {
            (start, end)
        };
        self.ranges.push((start, end));
    }
}

/// Whether a quote is open at the end of a line that begins inside a quoted cell.
fn ends_open(line: &[u8], delimiter: u8) -> bool {
    let mut at = 0;
    loop {
        // In quotes: up to the quote that is not doubled.
        loop {
            let Some(length) = memchr(b'"', &line[at..]) else {
                return true;
            };
            at += length + 1;
            if line.get(at) != Some(&b'"') {
                break;
            }
            at += 1;
        }
        // Outside: up to the next cell that begins with one.
        loop {
            let Some(length) = memchr(delimiter, &line[at..]) else {
                return false;
            };
            at += length + 1;
            at += line[at..].iter().take_while(|byte| **byte == b' ').count();
            if line.get(at) == Some(&b'"') {
                at += 1;
                break;
            }
        }
    }
}

/// Lines from a byte on: each with the byte after its end.
pub(super) fn lines(text: &str, start: usize, end: u8) -> impl Iterator<Item = (&str, usize)> {
    let mut at = start;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let length = memchr(end, rest.as_bytes());
        // Files that were put one behind the other have marks of the encoding between them.
        let line = rest[..length.unwrap_or(rest.len())].trim_start_matches('\u{feff}');
        at += length.map_or(rest.len(), |length| length + 1);
        Some((line, at))
    })
}

/// Whether a line is a comment of this sign.
pub(super) fn is_comment(line: &str, sign: &str) -> bool {
    let line = line.trim_start();
    // A whole comment in quotes, as spreadsheets save it; a cell "#" alone is a name.
    let quoted = line.strip_prefix('"').filter(|rest| {
        let after = rest.strip_prefix(sign);
        after.is_some_and(|after| !after.starts_with('"'))
    });
    let line = quoted.unwrap_or(line);
    line.starts_with(sign) && !ERROR_WORDS.iter().any(|word| line.starts_with(word))
}

/// The rows of a text, comment lines and blank ones left out.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    text: &'a str,
    dialect: &'a Dialect,
    at: usize,
    next_line: u64,
    /// The line on which the row begins, as an editor counts them.
    pub line: u64,
    pub cells: Cells,
    spare: Cells,
    /// Whether a quote opens in the row and is not closed in it.
    pub open: bool,
    /// Comment lines so far.
    pub comments: u64,
    /// The last of them between the row and the one before.
    pub above: Vec<&'a str>,
    /// Rows whose quotes were taken as characters, and the line of the first.
    pub literal: (u64, u64),
}

impl<'a> Rows<'a> {
    pub fn new(text: &'a str, dialect: &'a Dialect) -> Self {
        Self {
            text,
            dialect,
            at: dialect.start.0,
            next_line: dialect.start.1,
            line: 0,
            cells: Cells::default(),
            spare: Cells::default(),
            open: false,
            comments: 0,
            above: Vec::new(),
            literal: (0, 0),
        }
    }

    /// Goes on to the next row, if there is one.
    pub fn advance(&mut self) -> bool {
        self.above.clear();
        let Dialect { delimiter, end, .. } = *self.dialect;
        while let Some((line, after)) = lines(self.text, self.at, end).next() {
            self.line = self.next_line;
            let start = self.at;
            self.at = after;
            self.next_line += 1;
            if line.trim().is_empty() {
                continue;
            }
            if self
                .dialect
                .comments
                .iter()
                .any(|sign| is_comment(line, sign))
            {
                self.comments += 1;
                if self.above.len() == MOST_ABOVE {
                    self.above.remove(0);
                }
                self.above.push(line);
                continue;
            }
            let line = line.trim_end_matches('\r');
            self.open = false;
            if !self.cells.cut(line, delimiter) {
                self.close(start, line);
            } else if self.cells.len() != self.dialect.width && line.contains('"') {
                // Two stray quotes in one line.
                self.spare.cut_literally(line, delimiter);
                if self.spare.len() == self.dialect.width {
                    self.take_literally();
                }
            }
            return true;
        }
        false
    }

    fn take_literally(&mut self) {
        std::mem::swap(&mut self.cells, &mut self.spare);
        if self.literal.0 == 0 {
            self.literal.1 = self.line;
        }
        self.literal.0 += 1;
    }

    /// Decides what an open quote is: a cell of several lines, or a character.
    fn close(&mut self, start: usize, line: &str) {
        let Dialect {
            delimiter,
            end,
            width,
            ..
        } = *self.dialect;
        let mut swallowed = false;
        let mut last_is_row = false;
        let mut open = true;
        let mut after = (self.at, self.next_line);
        for (next, next_end) in lines(self.text, self.at, end).take(LONGEST_CELL.0) {
            swallowed |= last_is_row;
            if swallowed || next_end - start > LONGEST_CELL.1 {
                break;
            }
            last_is_row = self.is_row(next);
            after = (next_end, after.1 + 1);
            open = ends_open(next.as_bytes(), delimiter);
            if !open {
                let whole = self.text[start..next_end].trim_end_matches(['\r', '\n']);
                self.cells.cut(whole, delimiter);
                break;
            }
        }
        self.spare.cut_literally(line, delimiter);
        let one_row = !open && !swallowed && self.cells.len() == width;
        if one_row && !(last_is_row && self.spare.len() == width) {
            (self.at, self.next_line) = after;
        } else {
            self.open = self.spare.len() != width;
            self.take_literally();
        }
    }

    /// Whether a line is a row by itself.
    fn is_row(&mut self, line: &str) -> bool {
        let Dialect {
            delimiter, width, ..
        } = *self.dialect;
        if !self.spare.cut(line, delimiter) {
            self.spare.cut_literally(line, delimiter);
        }
        self.spare.len() == width && width > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str, delimiter: u8) -> Vec<String> {
        let mut cells = Cells::default();
        assert!(cells.cut(line, delimiter));
        cells.to_vec()
    }

    fn rows(text: &str, width: usize) -> Vec<(u64, Vec<String>)> {
        let dialect = Dialect {
            delimiter: b',',
            end: if text.contains('\n') { b'\n' } else { b'\r' },
            comments: vec!["#"],
            width,
            start: (0, 1),
        };
        let mut rows = Rows::new(text, &dialect);
        let mut all = Vec::new();
        while rows.advance() {
            all.push((rows.line, rows.cells.to_vec()));
        }
        all
    }

    fn places(text: &str, width: usize) -> Vec<(u64, usize)> {
        let rows = rows(text, width).into_iter();
        rows.map(|(line, cells)| (line, cells.len())).collect()
    }

    #[test]
    fn cells_by_hand() {
        assert_eq!(cut("a, b ,,", b','), ["a", "b", "", ""]);
        assert_eq!(cut("\"a,\"\"b\"\"\" , \"c\"", b','), ["a,\"b\"", "c"]);
        assert_eq!(cut("\"\",\"\"", b','), ["", ""]);
        assert_eq!(
            cut("  1.0   \"two words\" \"\"  ", b' '),
            ["1.0", "two words", ""]
        );
        assert_eq!(cut("3/4\" pipe,5", b','), ["3/4\" pipe", "5"]);
        assert_eq!(
            cut("'a', '1.5','it''s','", b','),
            ["a", "1.5", "it''s", "'"]
        );
        assert_eq!(cut("", b','), [""]);
        assert_eq!(cut("\u{a0}1\u{a0},\u{a0}", b','), ["1", ""]);
        assert!(!Cells::default().cut("1,\"open", b','));
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        let text = "a,b\r\n\r\n1,\"two\nlines\"\r\n3,4\n\n\n5,6";
        assert_eq!(places(text, 2), [(1, 2), (3, 2), (5, 2), (8, 2)]);
        assert_eq!(places("a,b\r1,2\r3,4", 2), [(1, 2), (2, 2), (3, 2)]);
        assert_eq!(rows("\u{feff}a,b\n\u{feff}1,2\n", 2)[1].1, ["1", "2"]);
        assert_eq!(places("# x\na,b\n#1,2\n3,4\n", 2), [(2, 2), (4, 2)]);
    }

    #[test]
    fn a_quoted_cell_may_run_over_lines() {
        let text = "t,a,b\n\"x, or\nso\",1,2.5\n\"p\nq\nr\",3,4\n";
        assert_eq!(places(text, 3), [(1, 3), (2, 3), (4, 3)]);
    }

    #[test]
    fn a_stray_quote_swallows_no_row() {
        let once = "a,b\n1,\"3/4 pump\n2,ok\n3,ok\n";
        assert_eq!(places(once, 2), [(1, 2), (2, 2), (3, 2), (4, 2)]);
        assert_eq!(rows(once, 2)[1].1, ["1", "\"3/4 pump"]);
        let always = "a,b\n1,\"3/4\n2,\"3/4\n3,\"3/4\n";
        assert_eq!(places(always, 2), [(1, 2), (2, 2), (3, 2), (4, 2)]);
        let first = "a,b\n\"3/4,1\n\"3/8,2\nx,3\n";
        assert_eq!(places(first, 2), [(1, 2), (2, 2), (3, 2), (4, 2)]);
        let twice = "a,b,c\n\"3/4,5/8\",1\nx,y,2\n";
        assert_eq!(places(twice, 3), [(1, 3), (2, 3), (3, 3)]);
        // Neither way gives a row: it stands alone, and the rows after it are kept.
        let odd = "a,b\n1,\"3/4, steel\n2,ok\n3,\"x\"\n";
        assert_eq!(places(odd, 2), [(1, 2), (2, 3), (3, 2), (4, 2)]);
        let end = "a,b\n1,ok\n2,\"open";
        assert_eq!(places(end, 2), [(1, 2), (2, 2), (3, 2)]);
    }

    #[test]
    fn comments_are_told_from_cells() {
        assert!(is_comment("  # hall 3", "#"));
        assert!(is_comment("\"# hall 3, pump\",,", "#"));
        assert!(!is_comment("\"#\",temp", "#"));
        assert!(!is_comment("#N/A,1", "#"));
        assert!(is_comment("// x", "//"));
    }
}
