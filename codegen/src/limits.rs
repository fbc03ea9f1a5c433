//! Ranges of settings, shared by the command line, config files and the library.
//!
//! Each check returns the value, or a message that says what it must be. [`argument`] makes a parser for an option of it:
//!
//! ```
//! use nvpico_codegen::limits::{above_zero, argument};
//!
//! let parse = argument(above_zero);
//! assert_eq!(parse("2.5"), Ok(2.5));
//! assert_eq!(parse("0"), Err("must be above 0".into()));
//! ```

use std::fmt::Display;
use std::str::FromStr;

/// The most layers, blocks or channels; more would exhaust the memory.
const MOST_PARTS: usize = 100_000;
/// The most columns to blame for a row.
const MOST_BLAMED: usize = 100;
/// An `f32` does not distinguish all larger counts.
const MOST_LEVELS: u32 = 1 << 24;

/// What a check gives: the value, or what it must be.
pub type Checked<T> = Result<T, String>;

/// A parser of an option's value, for clap: it names the option itself.
pub fn argument<T>(check: fn(T) -> Checked<T>) -> impl Fn(&str) -> Checked<T> + Clone
where
    T: FromStr,
    T::Err: Display,
{
    move |text| {
        let value = text.parse().map_err(|error: T::Err| error.to_string())?;
        check(value)
    }
}

fn checked<T>(value: T, good: bool, must: &str) -> Checked<T> {
    if good {
        Ok(value)
    } else {
        Err(format!("must be {must}"))
    }
}

/// The most folds of a cross-validation.
const MOST_FOLDS: usize = 100;

/// 0, or a number of folds.
///
/// # Errors
/// What it must be, as all checks.
pub fn folds(value: usize) -> Checked<usize> {
    let good = value == 0 || (2..=MOST_FOLDS).contains(&value);
    checked(value, good, "0, or from 2 to 100")
}

/// 0, or a number of kernels.
///
/// # Errors
/// What it must be.
pub fn kernels(value: usize) -> Checked<usize> {
    checked(value, value <= MOST_PARTS, &format!("at most {MOST_PARTS}"))
}

/// Finite and above 0.
///
/// # Errors
/// What it must be, as all checks.
pub fn above_zero(value: f32) -> Checked<f32> {
    let good = value > 0.0 && value.is_finite();
    checked(value, good, "above 0")
}

/// Finite and at least 0.
///
/// # Errors
/// What it must be.
pub fn not_negative(value: f32) -> Checked<f32> {
    let good = value >= 0.0 && value.is_finite();
    checked(value, good, "0 or above")
}

/// Above 0 and below 1.
///
/// # Errors
/// What it must be.
pub fn share(value: f64) -> Checked<f64> {
    let good = value > 0.0 && value < 1.0;
    checked(value, good, "above 0 and below 1")
}

/// At least 0 and below 1.
///
/// # Errors
/// What it must be.
pub fn share_or_none(value: f64) -> Checked<f64> {
    let good = (0.0..1.0).contains(&value);
    checked(value, good, "at least 0 and below 1")
}

/// A number with a suffix, `k` or `K` for 1024 and `M` for its square.
///
/// # Errors
/// How to write it.
pub fn bytes(text: &str) -> Checked<u64> {
    suffixed(text, 1024)
}

/// A number with a suffix, `k` or `K` for 1000 and `M` for a million.
///
/// # Errors
/// How to write it.
pub fn counts(text: &str) -> Checked<u64> {
    suffixed(text, 1000)
}

fn suffixed(text: &str, step: u64) -> Checked<u64> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, step),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, step * step),
            None => (text, 1),
        },
    };
    let number: Option<u64> = digits.parse().ok().filter(|&number| number > 0);
    let value = number.and_then(|number| number.checked_mul(factor));
    value.ok_or_else(|| "write it as 65536, 64K or 1M".to_owned())
}

/// The slope of leaky ReLU.
///
/// # Errors
/// What it must be.
pub fn slope(value: f32) -> Checked<f32> {
    let good = (0.0..1.0).contains(&value);
    checked(value, good, "at least 0 and below 1")
}

/// What keeps the lowest count's logit finite.
///
/// # Errors
/// What it must be.
pub fn alpha(value: f32) -> Checked<f32> {
    let good = value > 0.0 && value < 1.0;
    checked(value, good, "above 0 and below 1")
}

/// Levels of counts.
///
/// # Errors
/// What they must be.
pub fn levels(value: u32) -> Checked<u32> {
    let good = (2..=MOST_LEVELS).contains(&value);
    checked(value, good, &format!("from 2 to {MOST_LEVELS}"))
}

/// How often, or how many rows.
///
/// # Errors
/// What it must be.
pub fn at_least_one(value: usize) -> Checked<usize> {
    checked(value, value > 0, "at least 1")
}

/// How many columns are blamed: more than that are no answer.
///
/// # Errors
/// What it must be.
pub fn blamed(value: usize) -> Checked<usize> {
    let good = (1..=MOST_BLAMED).contains(&value);
    checked(value, good, &format!("from 1 to {MOST_BLAMED}"))
}

/// How many layers, blocks or channels.
///
/// # Errors
/// What it must be.
pub fn parts(value: usize) -> Checked<usize> {
    let good = (1..=MOST_PARTS).contains(&value);
    checked(value, good, &format!("from 1 to {MOST_PARTS}"))
}

/// A seed; config files hold no larger numbers.
///
/// # Errors
/// What it must be.
pub fn seed(value: u64) -> Checked<u64> {
    let most = i64::MAX as u64;
    checked(value, value <= most, &format!("from 0 to {most}"))
}

/// Not NaN.
///
/// # Errors
/// What it must be.
pub fn number(value: f32) -> Checked<f32> {
    checked(value, !value.is_nan(), "a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_ranges_are_where_the_words_say() {
        assert!(above_zero(f32::MIN_POSITIVE).is_ok() && above_zero(0.0).is_err());
        assert!(not_negative(0.0).is_ok() && not_negative(-1e-9).is_err());
        assert!(share(0.5).is_ok() && share(0.0).is_err() && share(1.0).is_err());
        assert!(share_or_none(0.0).is_ok() && share_or_none(1.0).is_err());
        assert!(slope(0.0).is_ok() && slope(1.0).is_err());
        assert!(alpha(0.05).is_ok() && alpha(0.0).is_err() && alpha(2.0).is_err());
        assert!(levels(2).is_ok() && levels(1).is_err() && levels(u32::MAX).is_err());
        assert!(at_least_one(1).is_ok() && at_least_one(0).is_err());
        assert!(blamed(1).is_ok() && blamed(0).is_err() && blamed(101).is_err());
        assert!(parts(1).is_ok() && parts(0).is_err() && parts(usize::MAX).is_err());
        for check in [above_zero, not_negative, slope, alpha, number] {
            assert!(check(f32::NAN).is_err());
        }
        assert!(above_zero(f32::INFINITY).is_err() && number(f32::NEG_INFINITY).is_ok());
    }

    #[test]
    fn what_is_no_number_is_said_to_be_none() {
        assert!(
            argument(parts)("two")
                .unwrap_err()
                .contains("invalid digit")
        );
    }
}
