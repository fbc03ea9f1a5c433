//! Rows with a value far outside the range of the rows that a model was trained on: fill values, another unit.

use std::fmt;

use crate::data::Table;
use crate::model::{SeenValues, first_outside};

/// So many such rows are chance, however few rows there are.
const FEW: f64 = 2.0;

/// Rows with a value far outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Stray {
    /// Indices of the rows, ascending.
    pub rows: Vec<usize>,
    /// Rows in all.
    pub of: usize,
    /// Number of the first such row in its file, from 1.
    row: u64,
    /// Its feature and value.
    feature: String,
    value: f32,
}

impl Stray {
    /// Those of a table; `None` where there are none.
    #[must_use]
    pub fn found(seen: &SeenValues, table: &Table) -> Option<Self> {
        let ranges = seen.widened();
        let outside = table.iter().map(|row| first_outside(row, &ranges));
        let rows: Vec<(usize, usize)> = (outside.enumerate())
            .filter_map(|(row, value)| Some((row, value?)))
            .collect();
        let (row, at) = *rows.first()?;
        Some(Self {
            of: table.rows,
            row: table.row_numbers[row],
            feature: table.columns[at].clone(),
            value: table.row(row)[at],
            rows: rows.into_iter().map(|(row, _)| row).collect(),
        })
    }

    /// Whether they are more than normal rows have, where this rate of false alarms is asked for.
    #[must_use]
    pub fn too_many(&self, false_alarm_rate: f64) -> bool {
        self.rows.len() as f64 > (false_alarm_rate * self.of as f64).max(FEW)
    }
}

impl fmt::Display for Stray {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "rows with a value far outside the range of the training rows: {} of {}; the first: row {}, `{}` is {:?}",
            self.rows.len(),
            self.of,
            self.row,
            crate::output::printable(&self.feature),
            self.value
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_far_outside_are_found_and_a_few_are_chance() {
        let seen = SeenValues {
            rows: 1000,
            ranges: vec![[0.0, 4.0], [1.0, 2.0]],
        };
        let mut table = Table {
            columns: vec!["a".into(), "b".into()],
            rows: 100,
            values: [2.0, 1.5].repeat(100),
            row_numbers: (1..=100).collect(),
            ..Table::default()
        };
        assert_eq!(Stray::found(&seen, &table), None);
        table.values[7] = 9.0;
        table.values[40] = -999.0;
        let stray = Stray::found(&seen, &table).unwrap();
        assert_eq!(stray.rows, [3, 20]);
        assert!(!stray.too_many(0.01) && stray.to_string().contains("row 4, `b` is 9.0"));
        table.values[42] = -999.0;
        let stray = Stray::found(&seen, &table).unwrap();
        assert!(stray.too_many(0.01) && !stray.too_many(0.1));
    }
}
