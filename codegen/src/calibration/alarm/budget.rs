//! How many false alarms there may be: a count in a time, or in a number of readings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Units of time, and the seconds of each.
const UNITS: [(&str, f64); 6] = [
    ("minute", 60.0),
    ("hour", 3_600.0),
    ("day", 86_400.0),
    ("week", 604_800.0),
    ("month", 2_629_800.0),
    ("year", 31_557_600.0),
];

/// What false alarms are counted in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Period {
    /// A unit of [`UNITS`].
    Time(usize),
    Readings(u64),
}

/// So many false alarms in such a time.
///
/// ```
/// use nvpico_codegen::calibration::Budget;
///
/// let budget: Budget = "2 per week".parse()?;
/// // Ten readings a second.
/// assert_eq!(budget.per_reading(Some(10.0)), Some(2.0 / 6_048_000.0));
/// assert_eq!(budget.per_reading(None), None);
/// let by_count: Budget = "1 per 50000 readings".parse()?;
/// assert_eq!(by_count.per_reading(None), Some(0.00002));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Budget {
    count: f64,
    period: Period,
}

impl Budget {
    /// One a week.
    pub const WEEKLY: Self = Self {
        count: 1.0,
        period: Period::Time(3),
    };

    /// False alarms a reading, with so many readings a second; `None` where the budget is in time and that is not known.
    #[must_use]
    pub fn per_reading(&self, rate: Option<f64>) -> Option<f64> {
        match self.period {
            Period::Time(unit) => Some(self.count / (UNITS[unit].1 * rate?)),
            Period::Readings(readings) => Some(self.count / readings as f64),
        }
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "must be a count per time or per readings, such as \"1 per week\", \"2 per day\" or \"1 per 100000 readings\""
                .to_owned()
        };
        let (count, period) = (text.split_once(" per "))
            .or_else(|| text.split_once('/'))
            .ok_or_else(wrong)?;
        let count: f64 = count.trim().parse().map_err(|_| wrong())?;
        if !(count > 0.0 && count.is_finite()) {
            return Err(wrong());
        }
        let period = period.trim();
        let by_time = (UNITS.iter()).position(|(name, _)| period.trim_end_matches('s') == *name);
        let period = if let Some(unit) = by_time {
            Period::Time(unit)
        } else {
            let readings = ["readings", "rows", "windows"];
            let number = readings.iter().find_map(|word| period.strip_suffix(word));
            let number = number.ok_or_else(wrong)?.trim().parse();
            Period::Readings(number.ok().filter(|count| *count > 0).ok_or_else(wrong)?)
        };
        Ok(Self { count, period })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.period {
            Period::Time(unit) => write!(f, "{} per {}", self.count, UNITS[unit].0),
            Period::Readings(readings) => write!(f, "{} per {readings} readings", self.count),
        }
    }
}

impl TryFrom<String> for Budget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Budget> for String {
    fn from(budget: Budget) -> String {
        budget.to_string()
    }
}

/// A rate of alarms in words: in the unit of time that gives a number from 1 on, or in readings where the time is not known.
#[must_use]
pub fn rate_words(per_reading: f64, rate: Option<f64>) -> String {
    if per_reading <= 0.0 || !per_reading.is_finite() {
        return "none".into();
    }
    let Some(rate) = rate else {
        return format!("1 in {} readings", about(1.0 / per_reading));
    };
    let per_second = per_reading * rate;
    let unit = UNITS
        .iter()
        .skip(1)
        .find(|(_, seconds)| per_second * seconds >= 0.95);
    match unit {
        Some((name, seconds)) => format!("{} per {name}", digits(per_second * seconds)),
        None => format!("1 in {} years", digits(1.0 / (per_second * UNITS[5].1))),
    }
}

/// A duration of so many readings in words.
#[must_use]
pub fn time_words(readings: f64, rate: Option<f64>) -> String {
    let Some(rate) = rate else {
        return format!("{} readings", about(readings));
    };
    let seconds = readings / rate;
    let units = UNITS.iter().rev().filter(|(name, _)| *name != "month");
    match units.clone().find(|(_, unit)| seconds >= 1.5 * unit) {
        Some((name, unit)) => format!("{} {name}s", digits(seconds / unit)),
        None => format!("{} s", digits(seconds)),
    }
}

/// Two digits, all of a larger whole number.
fn digits(value: f64) -> String {
    if value >= 9.95 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    }
}

/// A count to two digits.
fn about(count: f64) -> f64 {
    let step = 10_f64.powf((count.max(1.0).log10().floor() - 1.0).max(0.0));
    (count / step).round() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_read_back_and_nonsense_is_refused() {
        for (text, shown) in [
            ("1 per week", "1 per week"),
            ("0.5 per days", "0.5 per day"),
            ("3/hour", "3 per hour"),
            ("1 per 100000 readings", "1 per 100000 readings"),
            ("2 per 500 rows", "2 per 500 readings"),
        ] {
            let budget: Budget = text.parse().unwrap();
            assert_eq!(budget.to_string(), shown);
            assert_eq!(shown.parse(), Ok(budget));
        }
        for text in [
            "",
            "1",
            "week",
            "0 per week",
            "-1 per day",
            "1 per fortnight",
            "nan per day",
            "1 per 0 rows",
            "1 per readings",
            "inf/day",
        ] {
            assert!(
                text.parse::<Budget>().unwrap_err().contains("1 per week"),
                "{text}"
            );
        }
    }

    #[test]
    fn rates_and_times_are_said_in_fitting_units() {
        let week = 1.0 / 604_800.0;
        assert_eq!(rate_words(week, Some(1.0)), "1 per week");
        assert_eq!(rate_words(75.0 * week, Some(1.0)), "11 per day");
        assert_eq!(rate_words(week, None), "1 in 600000 readings");
        assert_eq!(rate_words(week / 1_000.0, Some(1.0)), "1 in 19 years");
        assert_eq!(rate_words(0.0, None), "none");
        assert_eq!(time_words(90.0, Some(10.0)), "9 s");
        assert_eq!(time_words(24_000.0, Some(1.0)), "6.7 hours");
        assert_eq!(time_words(1_814_400.0, Some(1.0)), "3 weeks");
        assert_eq!(time_words(24_310.0, None), "24000 readings");
    }
}
