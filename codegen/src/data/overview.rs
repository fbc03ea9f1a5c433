//! What was read, before anything is learnt from it: a short table of the columns.

use std::fmt;

use serde::Serialize;

use crate::output::{TextTable, printable, serialize_number, serialize_option};

/// A table in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overview {
    /// Rows: the normal ones, where the files have labels.
    pub rows: usize,
    /// Span and rate, where a column is a time.
    pub time: Option<TimeSpan>,
    /// The features.
    pub columns: Vec<ColumnOverview>,
    /// The column that seems to name the machine of each row, where `--group` names none.
    pub machines: Option<String>,
}

/// What a time column says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimeSpan {
    /// The column.
    pub column: String,
    /// First time, in seconds since 1970, or since midnight where there is no date.
    #[serde(serialize_with = "serialize_number")]
    pub from: f64,
    /// Last time.
    #[serde(serialize_with = "serialize_number")]
    pub to: f64,
    /// The usual time from row to row, in seconds.
    #[serde(serialize_with = "serialize_number")]
    pub step: f64,
    /// Steps longer than one and a half of it.
    pub gaps: usize,
}

/// A feature in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnOverview {
    /// Its name.
    pub name: String,
    /// Lowest reading.
    #[serde(serialize_with = "serialize_number")]
    pub min: f64,
    /// Highest reading.
    #[serde(serialize_with = "serialize_number")]
    pub max: f64,
    /// The step in which it comes; nothing for values in full digits.
    #[serde(serialize_with = "serialize_option")]
    pub step: Option<f64>,
    /// Number of different values.
    pub distinct: usize,
    /// Share of the rows that repeat the row before.
    #[serde(serialize_with = "serialize_number")]
    pub repeated: f64,
    /// Rows without a reading.
    pub missing: usize,
    /// For about how many stretches that tell nothing of each other the rows stand.
    #[serde(serialize_with = "serialize_number")]
    pub independent: f64,
    /// From the first to the last third of the rows the mean moves by as many deviations; nothing where that may be
    /// chance.
    #[serde(serialize_with = "serialize_option")]
    pub drift: Option<f64>,
    /// What is odd about it.
    pub notes: Vec<String>,
}

impl Overview {
    /// The column that changes slowest, which stands for the fewest independent stretches; nothing without columns.
    #[must_use]
    pub fn slowest(&self) -> Option<&ColumnOverview> {
        let changing = self.columns.iter().filter(|column| column.distinct > 1);
        changing.min_by(|a, b| a.independent.total_cmp(&b.independent))
    }

    /// What is odd, a sentence each.
    pub fn notes(&self) -> impl Iterator<Item = String> + '_ {
        self.columns.iter().flat_map(|column| {
            column
                .notes
                .iter()
                .map(|note| format!("column `{}`: {note}", column.name))
        })
    }
}

/// Letters of the longest name in the table.
const LONGEST_TITLE: usize = 40;
/// Most columns that are shown one by one.
const MOST_SHOWN: usize = 40;

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(time) = &self.time {
            writeln!(f, "{time}")?;
        }
        let mut table = TextTable::new(&["column", "lowest", "highest", "step", "repeated"]);
        let shown = self.columns.iter().take(MOST_SHOWN);
        for column in shown {
            table.row([
                title(&column.name),
                short(column.min),
                short(column.max),
                column.step.map_or_else(|| "-".into(), short),
                format!("{:.0} %", 100.0 * column.repeated),
            ]);
        }
        write!(f, "{table}")?;
        if self.columns.len() > MOST_SHOWN {
            writeln!(f, "and {} more columns", self.columns.len() - MOST_SHOWN)?;
        }
        Ok(())
    }
}

/// A name on one line of the table.
fn title(name: &str) -> String {
    let name = printable(name);
    match name.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.into_owned(),
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = duration(self.to - self.from);
        let step = duration(self.step);
        write!(f, "time `{}`: {span}, a row every {step}", self.column)?;
        match self.gaps {
            0 => Ok(()),
            1 => write!(f, ", one gap"),
            gaps => write!(f, ", {gaps} gaps"),
        }
    }
}

/// A number in at most six digits.
fn short(value: f64) -> String {
    if !value.is_normal() {
        return format!("{value}");
    }
    let digits = 5 - value.abs().log10().floor() as i32;
    if !(-3..=12).contains(&digits) {
        return format!("{value:.4e}");
    }
    let text = format!("{value:.*}", digits.max(0) as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Seconds in a unit that suits them.
fn duration(seconds: f64) -> String {
    for (unit, name) in [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s")] {
        let least = if name == "s" { 1.0 } else { 2.0 * unit };
        if seconds >= least {
            return format!("{} {name}", short((100.0 * seconds / unit).round() / 100.0));
        }
    }
    format!("{} ms", short(1e3 * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (20.35, "20.35"),
            (-1.0 / 3.0, "-0.333333"),
            (1_013.25, "1013.25"),
            (65_535.0, "65535"),
            (1.5e12, "1.5000e12"),
            (0.000_01, "0.00001"),
            (1e-9, "1.0000e-9"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(duration(0.1), "100 ms");
        assert_eq!(duration(1.0), "1 s");
        assert_eq!(duration(90.0), "90 s");
        assert_eq!(duration(86_400.0), "24 h");
    }

    #[test]
    fn the_table_and_the_time() {
        let overview = Overview {
            rows: 4,
            time: Some(TimeSpan {
                column: "t".into(),
                from: 0.0,
                to: 3.0,
                step: 1.0,
                gaps: 0,
            }),
            columns: vec![ColumnOverview {
                name: "flow".into(),
                min: 1.5,
                max: 4.0,
                step: Some(0.5),
                distinct: 3,
                repeated: 1.0 / 3.0,
                missing: 0,
                independent: 4.0,
                drift: None,
                notes: vec!["odd".into()],
            }],
            machines: None,
        };
        let text = overview.to_string();
        assert!(
            text.starts_with("time `t`: 3 s, a row every 1 s\ncolumn  lowest"),
            "{text}"
        );
        assert!(
            text.contains("flow       1.5        4   0.5      33 %"),
            "{text}"
        );
        assert_eq!(overview.notes().collect::<Vec<_>>(), ["column `flow`: odd"]);
    }
}
