//! What the columns of a table are like.
//!
//! ```
//! use nvpico_codegen::data::{Table, column_stats, constant_columns};
//!
//! let table = Table {
//!     columns: vec!["flow".into(), "state".into()],
//!     rows: 2,
//!     values: vec![1.0, 7.0, 3.0, 7.0],
//!     ..Table::default()
//! };
//! assert_eq!(constant_columns(&table), [1]);
//! assert_eq!(column_stats(&table)[0].mean, 2.0);
//! ```

use std::collections::HashSet;

use serde::Serialize;

use super::Table;

/// Figures of one column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnStats {
    /// The column.
    pub name: String,
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, divided by the number of rows.
    pub std: f64,
    /// Number of different values.
    pub distinct: usize,
}

/// Figures of every column; empty for a table without rows.
#[must_use]
pub fn column_stats(table: &Table) -> Vec<ColumnStats> {
    if table.rows == 0 {
        return Vec::new();
    }
    let count = table.rows as f64;
    let one = |(index, name): (usize, &String)| {
        let cells = || {
            table
                .values
                .iter()
                .skip(index)
                .step_by(table.dim())
                .copied()
        };
        let mean = cells().map(f64::from).sum::<f64>() / count;
        let variance = cells()
            .map(|value| (f64::from(value) - mean).powi(2))
            .sum::<f64>()
            / count;
        ColumnStats {
            name: name.clone(),
            min: cells().fold(f32::INFINITY, f32::min),
            max: cells().fold(f32::NEG_INFINITY, f32::max),
            mean,
            std: variance.sqrt(),
            // Adding zero makes the two zeros one value.
            distinct: cells()
                .map(|value| (value + 0.0).to_bits())
                .collect::<HashSet<_>>()
                .len(),
        }
    };
    table.columns.iter().enumerate().map(one).collect()
}

/// Indices of columns whose value never changes.
#[must_use]
pub fn constant_columns(table: &Table) -> Vec<usize> {
    let stats = column_stats(table);
    (0..stats.len())
        .filter(|index| stats[*index].distinct == 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let table = Table {
            columns: vec!["a".into(), "b".into()],
            rows: 4,
            values: vec![1.0, 0.0, 2.0, -0.0, 3.0, 0.0, 2.0, 0.0],
            ..Table::default()
        };
        let stats = column_stats(&table);
        assert_eq!(
            (stats[0].min, stats[0].max, stats[0].distinct),
            (1.0, 3.0, 3)
        );
        assert!((stats[0].std - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(constant_columns(&table), [1]);
        assert!(column_stats(&Table::default()).is_empty());
    }
}
