//! Rows of the data beside rows drawn from the model.

use serde::Serialize;

use super::SEED;
use super::density::is_anomalous;
use crate::data::Table;
use crate::deploy::{Ready, sample};

/// Features shown against each other: more plots than their pairs nobody reads.
const MOST_FEATURES: usize = 5;
/// Rows of either kind.
const ROWS: usize = 200;
/// Maps of either kind.
const FRAMES: usize = 12;
/// Where a draw overflows, a lower temperature is tried.
const TEMPERATURES: [f32; 2] = [1.0, 0.7];

/// Values of some features: of normal rows of the data, and of rows drawn from the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pairs {
    /// The features shown.
    pub columns: Vec<String>,
    /// How many features there are, given ones not counted.
    pub of: usize,
    /// Standard deviation of z that rows were drawn with; `null` where none were drawn.
    pub temperature: Option<f32>,
    /// Why no rows were drawn.
    pub not_drawn: Option<String>,
    /// Rows of the data.
    pub data: Vec<Vec<f32>>,
    /// Rows drawn from the model.
    pub drawn: Vec<Vec<f32>>,
}

impl Pairs {
    /// Of a table; features that were blamed come first. `None` with fewer than two features.
    #[must_use]
    pub fn of(ready: &Ready<'_>, table: &Table, blamed: &[&str]) -> Option<Self> {
        let given = ready.model.header.spec.given;
        let rows = normal_rows(table, ROWS);
        let varies = |at: &usize| {
            let first = rows.first().map(|row| table.row(*row)[*at]);
            (rows.iter()).any(|row| Some(table.row(*row)[*at].to_bits()) != first.map(f32::to_bits))
        };
        let mut chosen: Vec<usize> = Vec::new();
        let named = blamed
            .iter()
            .filter_map(|name| table.columns.iter().position(|column| column == name));
        for at in named.chain(given..table.dim()).filter(varies) {
            if chosen.len() < MOST_FEATURES && !chosen.contains(&at) {
                chosen.push(at);
            }
        }
        chosen.sort_unstable();
        if chosen.len() < 2 {
            return None;
        }
        let pick = |row: &[f32]| -> Vec<f32> { chosen.iter().map(|at| row[*at]).collect() };
        let (drawn, temperature, not_drawn) = draw(ready, ROWS);
        Some(Self {
            columns: chosen.iter().map(|at| table.columns[*at].clone()).collect(),
            of: table.dim() - given,
            temperature,
            not_drawn,
            data: rows.iter().map(|row| pick(table.row(*row))).collect(),
            drawn: drawn.chunks_exact(table.dim()).map(pick).collect(),
        })
    }
}

/// Maps: of the data, drawn from the model, and the least likely ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frames {
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// Normal maps of the data.
    pub data: Vec<Vec<f32>>,
    /// Maps drawn from the model.
    pub drawn: Vec<Vec<f32>>,
    /// Why none were drawn.
    pub not_drawn: Option<String>,
    /// The least likely maps of the data.
    pub least_likely: Vec<Vec<f32>>,
    /// Their numbers in the file, from 1.
    pub least_likely_rows: Vec<u64>,
}

impl Frames {
    /// Of a table of maps; `None` without normal ones.
    #[must_use]
    pub fn of(
        ready: &Ready<'_>,
        table: &Table,
        log_probs: &[f32],
        shape: [usize; 3],
    ) -> Option<Self> {
        let rows = normal_rows(table, FRAMES);
        if rows.is_empty() {
            return None;
        }
        let mut order: Vec<usize> = (0..table.rows).collect();
        order.sort_by(|a, b| log_probs[*a].total_cmp(&log_probs[*b]));
        // Not all of one stretch.
        let mut least: Vec<usize> = Vec::new();
        for row in order {
            if least.len() < FRAMES && least.iter().all(|own| own.abs_diff(row) > FRAMES) {
                least.push(row);
            }
        }
        let (drawn, _, not_drawn) = draw(ready, FRAMES);
        let of = |rows: &[usize]| rows.iter().map(|row| table.row(*row).to_vec()).collect();
        Some(Self {
            shape,
            data: of(&rows),
            drawn: (drawn.chunks_exact(table.dim()).map(<[f32]>::to_vec)).collect(),
            not_drawn,
            least_likely: of(&least),
            least_likely_rows: least.iter().map(|row| table.row_numbers[*row]).collect(),
        })
    }
}

/// Places of normal rows, evenly over the record.
fn normal_rows(table: &Table, most: usize) -> Vec<usize> {
    let labels = table.labels.as_deref();
    let rows: Vec<usize> = (0..table.rows)
        .filter(|row| !is_anomalous(labels, *row))
        .collect();
    let count = rows.len().min(most);
    (0..count).map(|at| rows[at * rows.len() / count]).collect()
}

/// Rows drawn, the temperature, and why there are none.
fn draw(ready: &Ready<'_>, count: usize) -> (Vec<f32>, Option<f32>, Option<String>) {
    let model = ready.model;
    let given = model.header.spec.given;
    if given > 0 {
        let names = model.header.columns[..given].join(", ");
        let why = format!(
            "the model says what is normal where {names} is given, and draws nothing without it"
        );
        return (Vec::new(), None, Some(why));
    }
    let mut why = None;
    for temperature in TEMPERATURES {
        match sample(model, count, temperature, SEED) {
            Ok(rows) => return (rows, Some(temperature), None),
            Err(error) => why = Some(error.to_string()),
        }
    }
    (Vec::new(), None, why)
}
