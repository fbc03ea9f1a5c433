//! Numbers in JSON.
//!
//! One rule: a number is a number. JSON has no infinity, so one is written as the largest number of that sign that every
//! reader takes, `1.7976931348623157e+308`: it compares and sorts as the infinity does, and nothing else has that value.
//! `null` says that there is no value, as an AUROC of rows of one class.

use std::fmt::Write as _;
use std::io;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::terminal;

/// A number for JSON: infinities as the largest finite number of their sign, not-a-number as `null`.
#[must_use]
pub fn json_number(value: f64) -> Value {
    if value.is_nan() {
        Value::Null
    } else {
        value.clamp(f64::MIN, f64::MAX).into()
    }
}

/// An `f32` for JSON, with the fewest digits that read back to the same bits (0.1, not
/// 0.10000000149011612); infinities and not-a-number as [`json_number`].
#[must_use]
pub fn json_f32(value: f32) -> Value {
    json_number(format!("{value:?}").parse().unwrap_or(f64::NAN))
}

/// For `#[serde(serialize_with = "...")]` on an `f64`: see [`json_number`].
///
/// # Errors
/// The serializer's error.
pub fn serialize_number<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    json_number(*value).serialize(to)
}

/// For `#[serde(serialize_with = "...")]` on an `Option<f64>`; nothing is `null`.
///
/// # Errors
/// The serializer's error.
pub fn serialize_option<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.map_or(Value::Null, json_number).serialize(to)
}

/// For `#[serde(serialize_with = "...")]` on an `f32`: see [`json_f32`].
///
/// # Errors
/// The serializer's error.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over the field"
)]
pub fn serialize_f32<S: Serializer>(value: &f32, to: S) -> Result<S::Ok, S::Error> {
    json_f32(*value).serialize(to)
}

/// For `#[serde(serialize_with = "...")]` on an `Option<f32>`: see [`json_f32`]; nothing is `null`.
///
/// # Errors
/// The serializer's error.
pub fn serialize_f32_option<S: Serializer>(value: &Option<f32>, to: S) -> Result<S::Ok, S::Error> {
    value.map_or(Value::Null, json_f32).serialize(to)
}

/// A document as text, with a line end. What a terminal would obey in names is escaped, which reads back the same.
///
/// # Errors
/// None for plain data.
pub fn json_text(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    if !text.contains(terminal::is_obeyed) {
        return Ok(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if terminal::is_obeyed(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(c);
        }
    }
    Ok(plain)
}

/// Prints a document.
///
/// # Errors
/// None for plain data; what standard output does not take is told at the end of the program.
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    terminal::write(json_text(value)?.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_no_infinity_and_short_floats() {
        assert_eq!(json_number(1.5), 1.5);
        assert_eq!(json_number(f64::INFINITY), f64::MAX);
        assert_eq!(json_number(f64::NAN), Value::Null);
        assert_eq!(json_f32(0.1).to_string(), "0.1");
        assert_eq!(
            json_f32(f32::NEG_INFINITY).to_string(),
            "-1.7976931348623157e+308"
        );
        let smallest = f32::from_bits(1);
        let text = json_f32(smallest).to_string();
        assert_eq!(text.parse::<f32>().unwrap().to_bits(), 1);
    }

    #[test]
    fn serializes_through_serde() {
        #[derive(Serialize)]
        struct Report {
            #[serde(serialize_with = "serialize_number")]
            mean: f64,
            #[serde(serialize_with = "serialize_option")]
            auroc: Option<f64>,
        }
        let report = Report {
            mean: f64::NEG_INFINITY,
            auroc: None,
        };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"mean":-1.7976931348623157e+308,"auroc":null}"#
        );
    }

    #[test]
    fn names_read_back_and_a_terminal_obeys_none() {
        let name = "a\u{202e}b\u{9b}\u{e0041}";
        let text = json_text(&name).unwrap();
        assert!(text.is_ascii(), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
    }
}
