//! What a threshold can promise: its rank among scores of normal rows, how many independent rows these stand for, and
//! the range of false-alarm rates that will be met.
//!
//! The threshold is the k-th lowest of n log-densities of rows that the model did not see, with `k = floor(rate (n + 1))`; a log-density
//! strictly below it is anomalous. A further row from the same source is then anomalous with a probability of at most `k / (n + 1)`, whatever
//! the distribution (split conformal prediction). Where rows resemble their neighbours, n is the number of independent
//! rows that they stand for: [`effective_rows`].
//!
//! ```
//! use nvpico_codegen::calibration::{Calibration, Method};
//!
//! // Scores of 300 rows in no order.
//! let scores: Vec<f32> = (0..300).map(|i| ((i * 7919) % 300) as f32).collect();
//! let found = Calibration::of(&scores, 0.01, Method::GivenRows).expect("rows");
//! // The third lowest: 0 and 1 are below it.
//! assert_eq!((found.threshold, found.false_alarm_rate), (2.0, 0.01));
//! // Nine rows carry no rate below a tenth.
//! let few = Calibration::of(&scores[..9], 0.01, Method::GivenRows).expect("rows");
//! assert_eq!((few.false_alarm_rate, few.asked_false_alarm_rate), (0.1, 0.01));
//! ```

mod alarm;
mod chance;
mod correlation;
mod resemblance;

use serde::{Deserialize, Serialize};

pub(crate) use alarm::steps;
pub use alarm::{
    AlarmSettings, Budget, ChartLimits, GuardLimits, RarityTable, Record, allow_dwell,
    dwell_limits, rate_words, time_words,
};
pub use correlation::{correlated_rows, effective_rows};
pub use resemblance::Resemblance;

/// The share of recordings whose rate lies in the interval.
pub const SHARE: f64 = 0.9;
/// Rows that may lie below the threshold, of the record that would be long enough: the interval then ends below
/// twice the rate.
const ENOUGH: f64 = 9.0;
/// After cross-validation the final model, of more rows than a fold's, gives fewer alarms than these: the interval begins at this
/// part of where it would. Measured over public sets.
const FINAL_MODEL: f64 = 0.5;
/// What rounding may take from a product that is a whole number.
const ROUNDING: f64 = 1e-9;

/// Which rows the threshold was chosen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Rows of the training data that were held out.
    HeldOut,
    /// Rows of the training data that were held out and also decided when to stop: they are not new to the model.
    StoppingRows,
    /// All rows of the training data, each scored by a model that was trained without its part of them.
    CrossValidation,
    /// Rows given to `nvpico calibrate`.
    GivenRows,
}

/// A range of false-alarm rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The share of recordings, each with as many independent rows as the threshold was chosen on, whose rate lies
    /// in it.
    pub share: f64,
    /// The lowest rate.
    pub low: f64,
    /// The highest rate.
    pub high: f64,
}

/// How the threshold was chosen, and what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// A log-density below it is anomalous, in nats.
    pub threshold: f32,
    /// The probability that a normal row is called anomalous is at most this: the rate asked for, or the lowest one
    /// that the rows can carry.
    pub false_alarm_rate: f64,
    /// The rate asked for.
    pub asked_false_alarm_rate: f64,
    /// Rows it was chosen on.
    pub rows: usize,
    /// Independent rows that these stand for.
    pub effective_rows: f64,
    /// The rate that recordings meet.
    pub interval: Interval,
    /// Which rows these are.
    pub method: Method,
}

impl Calibration {
    /// From log-densities of normal rows that the model did not see, in the order in which they were recorded. `None`
    /// without rows.
    #[must_use]
    pub fn of(log_probs: &[f32], asked: f64, method: Method) -> Option<Self> {
        let rows = log_probs.len();
        let sorted = ascending(log_probs);
        let effective = effective_rows(log_probs, asked);
        let at = *sorted.get(rank(asked, rows, effective).checked_sub(1)?)?;
        let mut rank = allowed(asked, effective);
        let mut rate = asked;
        if rank < 1.0 {
            (rank, rate) = (1.0, 1.0 / (effective + 1.0));
        }
        // A row of density zero lies below any threshold.
        let impossible = sorted.iter().filter(|value| !value.is_finite()).count() as f64;
        let share = (impossible + 1.0) / (rows as f64 + 1.0);
        if !at.is_finite() && share > rate {
            (rank, rate) = (share * (effective + 1.0), share);
        }
        let (mut low, high) = chance::interval(rank, effective, SHARE);
        if method == Method::CrossValidation {
            low *= FINAL_MODEL;
        }
        Some(Self {
            threshold: finite(at),
            false_alarm_rate: rate,
            asked_false_alarm_rate: asked,
            rows,
            effective_rows: effective,
            interval: Interval {
                share: SHARE,
                low,
                high,
            },
            method,
        })
    }

    /// The threshold of the same rate among other log-densities, ascending: those of the same rows in another
    /// precision. `None` without any.
    #[must_use]
    pub fn threshold_among(&self, sorted: &[f32]) -> Option<f32> {
        let effective = self.effective_rows * sorted.len() as f64 / self.rows.max(1) as f64;
        let rank = rank(self.asked_false_alarm_rate, sorted.len(), effective);
        Some(finite(*sorted.get(rank.checked_sub(1)?)?))
    }

    /// Rows for an independent one.
    #[must_use]
    pub fn rows_per_effective(&self) -> f64 {
        self.rows as f64 / self.effective_rows
    }

    /// How many rows more would carry the rate asked for; 0 where these do, `None` where none would.
    #[must_use]
    pub fn rows_to_carry(&self) -> Option<usize> {
        let least = 1.0 / self.asked_false_alarm_rate - 1.0;
        self.rows_to_reach(least)
    }

    /// How many rows more would bring the rate below twice the one asked for, in all but one of twenty recordings;
    /// 0 where these do.
    #[must_use]
    pub fn rows_to_narrow(&self) -> Option<usize> {
        if self.interval.high <= 2.0 * self.asked_false_alarm_rate {
            return Some(0);
        }
        self.rows_to_reach(ENOUGH / self.asked_false_alarm_rate)
    }

    fn rows_to_reach(&self, effective: f64) -> Option<usize> {
        let missing = (effective - self.effective_rows).max(0.0) * self.rows_per_effective();
        missing.is_finite().then_some(missing.ceil() as usize)
    }
}

/// The fewest rows that carry a rate; `None` where none do.
#[must_use]
pub fn least_rows(rate: f64) -> Option<usize> {
    let least = (1.0 / rate - 1.0 - ROUNDING).ceil();
    least.is_finite().then_some(least as usize)
}

/// How many of these rows may lie at or below the threshold.
fn allowed(rate: f64, rows: f64) -> f64 {
    (rate * (rows + 1.0) + ROUNDING).floor()
}

/// Which of the log-densities, from the lowest, is the threshold; 0 without rows. The rank is counted in independent
/// rows, and rounded down there: rows that are all alike within their stretch are one row.
fn rank(asked: f64, rows: usize, effective: f64) -> usize {
    let whole = allowed(asked, effective);
    let share = if whole >= 1.0 {
        whole / (effective + 1.0)
    } else {
        asked
    };
    (allowed(share, rows as f64) as usize).max(1).min(rows)
}

/// Log-densities in ascending order.
#[must_use]
pub fn ascending(log_probs: &[f32]) -> Vec<f32> {
    let mut sorted = log_probs.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted
}

/// The p-value of "this row is normal" by split conformal prediction: the share of calibration rows, `sorted` in ascending
/// order, and of this row that are at most as likely as this row.
#[must_use]
pub fn p_value(sorted: &[f32], log_prob: f32) -> f64 {
    let below = sorted.partition_point(|own| *own <= log_prob);
    (below + 1) as f64 / (sorted.len() + 1) as f64
}

/// A threshold is a number: a row of density zero lies below the lowest one.
fn finite(threshold: f32) -> f32 {
    if threshold.is_finite() {
        threshold
    } else {
        f32::MIN
    }
}

#[cfg(test)]
mod tests;
