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
            Some(column) => write!(f, "{column}={}", short(self.value)),
            None => write!(f, "{}", short(self.value)),
        }
    }
}

/// A value in as few digits as name it: those of an `f32` where it is one, and an exponent in place of many zeros.
pub(super) fn short(value: f64) -> String {
    let narrow = value as f32;
    let large = value != 0.0 && !(1e-5..1e15).contains(&value.abs());
    match (f64::from(narrow).to_bits() == value.to_bits(), large) {
        (true, true) => format!("{narrow:e}"),
        (true, false) => format!("{narrow}"),
        (false, true) => format!("{value:e}"),
        (false, false) => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_value_is_read_as_itself() {
        for (value, text) in [
            (-999.0, "-999"),
            (85.5, "85.5"),
            (2_147_483_647.0, "2147483647"),
            (9.969_209_968_386_869e36, "9.96921e36"),
            (1e20, "1e20"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::from(17.58f32), "17.58"),
            (0.0, "0"),
        ] {
            assert_eq!(short(value), text);
            let again: Missing = text.parse().unwrap();
            assert!(
                again.value.total_cmp(&value).is_eq()
                    || f64::from(again.value as f32).total_cmp(&value).is_eq(),
                "{text}"
            );
        }
    }
}
