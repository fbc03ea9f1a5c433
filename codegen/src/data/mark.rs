//! Cells that hold a number which stands for a missing value.

#![allow(
    clippy::float_cmp,
    reason = "a number that a logger writes is written the same every time"
)]

use super::Missing;
use super::error::{DataError, Fault};
use super::find::position;
use super::frame::Frame;
use super::missing::short;

/// Marks the cells that hold one of these numbers as missing.
pub(super) fn mark_missing(frames: &mut [Frame], missing: &[Missing]) -> Result<(), DataError> {
    for frame in frames {
        let names = frame.names();
        for Missing { column, value } in missing {
            let only = match column {
                Some(name) => Some(position(&frame.path, &names, frame.named, name)?),
                None => None,
            };
            for (at, column) in frame.columns.iter_mut().enumerate() {
                if only.is_some_and(|only| only != at) {
                    continue;
                }
                let mut first = None;
                for (row, cell) in column.values.iter_mut().enumerate() {
                    // Arrays hold many numbers in `f32`.
                    if *cell == *value || *cell == f64::from(*value as f32) {
                        *cell = f64::NAN;
                        first.get_or_insert(row);
                        column.bad += 1;
                        column.numbers -= 1;
                        column.filled -= 1;
                    }
                }
                if let Some(row) = first
                    && column
                        .first_bad
                        .as_ref()
                        .is_none_or(|(other, _)| row < *other)
                {
                    column.first_bad = Some((row, Fault::Missing(short(*value))));
                }
            }
        }
    }
    Ok(())
}
