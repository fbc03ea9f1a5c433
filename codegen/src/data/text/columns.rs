//! The names of the columns, one for each cell of a row.

use std::collections::HashMap;

use crate::data::frame::LeftOut;

use super::body::Survey;
use super::head::Head;
use super::lines::Dialect;

/// The columns of a table.
pub(super) struct Names {
    pub all: Vec<String>,
    pub said: Vec<String>,
    pub left_out: Vec<LeftOut>,
}

impl Names {
    /// The header's names, or `c0`, `c1`, ... where there is none.
    ///
    /// # Errors
    /// A header that has not as many names as the rows have cells, for no reason that is known.
    pub fn of(head: &Head, survey: &Survey, dialect: &Dialect) -> Result<Self, String> {
        let width = dialect.width;
        let mut said = Vec::new();
        let mut left_out = Vec::new();
        let mut trailing = |count: u64, why: &str| {
            left_out.push(LeftOut {
                what: "empty cells at the ends of rows".into(),
                count,
                why: why.into(),
            });
        };
        let Some((header, line)) = &head.names else {
            let names = unique((0..width).map(|_| ""));
            return Ok(Self {
                all: names,
                said,
                left_out,
            });
        };
        let rows = survey.rows();
        let mut header = header.clone();
        let last_is_empty = || survey.columns.last().is_some_and(|last| last.filled == 0);
        if header.len() == width + 1
            && header
                .last()
                .is_some_and(|last| matches!(last.as_str(), "" | "Comment"))
        {
            header.pop();
        } else if header.len() + 1 == width && last_is_empty() && rows > 0 {
            trailing(rows, "every row has a delimiter more than the header");
        } else if header.len() + 1 == width
            && rows > 0
            && has_row_names(survey, width, dialect.delimiter)
        {
            header.insert(0, "row".into());
            said.push(format!(
                "the header (line {line}) has one name less than the rows have cells: the first column holds the names of \
                 the rows, and is called \"row\""
            ));
        } else if header.len() != width && rows > 0 {
            return Err(mismatch(header.len(), *line, survey, dialect));
        }
        let names = unique(header.iter().map(String::as_str));
        Ok(Self {
            all: names,
            said,
            left_out,
        })
    }
}

/// Whether the first column may hold names of rows: words, or a count. Beside a comma as delimiter two cells may be one
/// number with a decimal comma.
fn has_row_names(survey: &Survey, width: usize, delimiter: u8) -> bool {
    let first = &survey.columns[0];
    let count = survey.counts && (width > 2 || delimiter != b',');
    count || (first.numbers == 0 && first.filled > 0)
}

fn mismatch(names: usize, line: u64, survey: &Survey, dialect: &Dialect) -> String {
    let width = dialect.width;
    let (count, first) = survey.widths.get(&width).copied().unwrap_or_default();
    let cells = if names == 1 { "cell" } else { "cells" };
    let advice = if dialect.delimiter == b',' && names < width && width <= 2 * names {
        "; numbers with a decimal comma need another delimiter than the comma, such as a semicolon"
    } else {
        ""
    };
    format!(
        "line {line}, which looks like the header, has {names} {cells}, and {count} of the {} rows below it have {width}: the \
         table seems to begin in line {first}; write a header with {width} names, or remove line {line} if it is none{advice}",
        survey.rows()
    )
}

/// Names, numbered where they are empty or come again, so that each is unique.
fn unique<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<String> {
    // The number of each name that comes next, also of those that were made up.
    let mut taken: HashMap<String, u64> = HashMap::new();
    let mut names = Vec::new();
    for (index, cell) in cells.enumerate() {
        let name = if cell.is_empty() {
            format!("c{index}")
        } else {
            cell.into()
        };
        let mut copy = taken.get(&name).copied().unwrap_or(1);
        let mut unique = name.clone();
        while taken.contains_key(&unique) {
            copy += 1;
            unique = format!("{name}.{copy}");
        }
        taken.insert(name, copy);
        taken.entry(unique.clone()).or_insert(1);
        names.push(unique);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names = |cells: &[&str]| unique(cells.iter().copied());
        assert_eq!(names(&["x", "", "x", "x"]), ["x", "c1", "x.2", "x.3"]);
        assert_eq!(
            names(&["x", "x.2", "x", "x.2"]),
            ["x", "x.2", "x.3", "x.2.2"]
        );
        assert_eq!(names(&["", ""]), ["c0", "c1"]);
        let many = names(&vec!["x"; 100_000]);
        assert_eq!(many[99_999], "x.100000");
    }
}
