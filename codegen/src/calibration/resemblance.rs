//! Whether rows resemble those that a threshold was chosen on.

use serde::Serialize;

use super::{Calibration, allowed, chance, effective_rows, p_value};

/// Chance that rows like the calibration rows are called unlike them.
const CHANCE: f64 = 0.01;
/// How far the mean p-value of the rows called normal must fall, beyond chance, before they count as less likely.
const SHIFT: f64 = 0.1;
/// In standard deviations: one case of a thousand.
const FAR: f64 = 3.0;

/// A comparison of rows with the calibration rows, by their log-densities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resemblance {
    /// Rows compared.
    pub rows: usize,
    /// Independent rows that these stand for.
    pub effective_rows: f64,
    /// Share of them that is called anomalous.
    pub anomalous_share: f64,
    /// The probability of at least that share, for rows like the calibration rows.
    pub probability: f64,
    /// The mean p-value of the rows called normal: about a half for rows like the calibration rows.
    pub mean_p_value: Option<f64>,
    /// More rows are anomalous than chance explains.
    pub more_alarms: bool,
    /// Even the rows called normal are less likely than chance explains.
    pub less_likely: bool,
}

impl Resemblance {
    /// Compares rows, in the order in which they were recorded. `sorted` are the calibration rows' log-densities,
    /// ascending. `None` without rows on either side.
    #[must_use]
    pub fn of(calibration: &Calibration, sorted: &[f32], log_probs: &[f32]) -> Option<Self> {
        let threshold = calibration.threshold_among(sorted)?;
        if log_probs.is_empty() {
            return None;
        }
        let count = log_probs.len() as f64;
        let below = |value: &f32| *value < threshold;
        let share = log_probs.iter().filter(|value| below(value)).count() as f64 / count;
        let of = calibration.effective_rows;
        let rank = allowed(calibration.false_alarm_rate, of).max(1.0);
        let rows = effective_rows(log_probs, share.max(1.0 / count));
        // Whole rows, rounded down: a fraction of an independent row is no alarm.
        let alarms = (share * rows).floor();
        let probability = chance::at_least(alarms, rows, rank, of);

        let normal: Vec<f32> = (log_probs.iter().copied())
            .filter(|value| !below(value))
            .collect();
        let normal_count = normal.len() as f64;
        let mean = normal
            .iter()
            .map(|value| p_value(sorted, *value))
            .sum::<f64>()
            / normal_count;
        // The middle of those that are not below the threshold.
        let expected = f64::midpoint(1.0, rank / (of + 1.0));
        let independent = effective_rows(&normal, 0.5);
        let deviation = ((1.0 / of + 1.0 / independent.max(1.0)) / 12.0).sqrt();
        let shift = expected - mean;
        Some(Self {
            rows: log_probs.len(),
            effective_rows: rows,
            anomalous_share: share,
            probability,
            mean_p_value: (!normal.is_empty()).then_some(mean),
            more_alarms: probability < CHANCE && share > calibration.false_alarm_rate,
            less_likely: !normal.is_empty() && shift > SHIFT && shift > FAR * deviation,
        })
    }

    /// Whether nothing speaks against the rows being like the calibration rows.
    #[must_use]
    pub fn alike(&self) -> bool {
        !self.more_alarms && !self.less_likely
    }
}
