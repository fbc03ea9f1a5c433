//! Numbers that stand for a missing value, as loggers write them.
//!
//! ```
//! use nvpico_codegen::data::Missing;
//!
//! assert_eq!("-999".parse(), Ok(Missing { column: None, value: -999.0 }));
//! assert_eq!("temp=85".parse(), Ok(Missing { column: Some("temp".into()), value: 85.0 }));
//! ```

use std::fmt;
use std::str::FromStr;

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
