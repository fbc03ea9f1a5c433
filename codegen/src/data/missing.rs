//! Numbers that stand for a missing value, as loggers write them.
//!
//! ```
//! use nvpico_codegen::data::Missing;
//!
//! assert_eq!("-999".parse(), Ok(Missing { column: None, value: -999.0 }));
//! assert_eq!("temp=85".parse(), Ok(Missing { column: Some("temp".into()), value: 85.0 }));
//! ```

#![allow(
    clippy::float_cmp,
    reason = "a number that a logger writes is written the same every time"
)]

use std::fmt;
use std::str::FromStr;

use super::error::{DataError, Fault};
use super::find::position;
use super::frame::Frame;

/// A number that is no reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The column in which it is none; in all if not given.
    pub column: Option<String>,
    /// The number.
    pub value: f64,
}

impl FromStr for Missing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, value) = match text.rsplit_once('=') {
            Some((column, value)) => (Some(column.trim().to_owned()), value),
            None => (None, text),
        };
        match value.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Self { column, value }),
            _ => Err(format!(
                "{value:?} is not a number: -999, NAME=-999 or none is expected"
            )),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column}={}", self.value),
            None => write!(f, "{}", self.value),
        }
    }
}

/// Marks the cells that hold one of these numbers as missing.
pub(super) fn mark(frames: &mut [Frame], missing: &[Missing]) -> Result<(), DataError> {
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
                    column.first_bad = Some((row, Fault::Missing(value.to_string())));
                }
            }
        }
    }
    Ok(())
}
