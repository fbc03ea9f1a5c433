//! How log-densities are spread: quantiles, and bins fit to the bulk of the normal rows.

use serde::Serialize;

use crate::calibration::ascending;
use crate::output;

/// Bins of a histogram.
const BINS: usize = 60;
/// Share of the normal rows at either end that may lie beyond the axis: a few far rows must not decide it.
const BEYOND: f64 = 0.005;
/// The axis goes on below the normal rows by this part of their range, to show rows that are just anomalous.
const BELOW: f64 = 0.6;

/// Quantiles of log-densities, in nats. A few rows may lie so far that a mean says nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Rows.
    pub rows: usize,
    /// Rows whose log-density is -inf.
    pub impossible: usize,
    /// Rows below the threshold; `null` without one.
    pub below_threshold: Option<usize>,
    /// The lowest.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub lowest: Option<f32>,
    /// One of a hundred lies below it.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub percentile_1: Option<f32>,
    /// A quarter lies below it.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub quartile_1: Option<f32>,
    /// Half lies below it.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub median: Option<f32>,
    /// Three quarters lie below it.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub quartile_3: Option<f32>,
    /// The highest.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub highest: Option<f32>,
}

impl Spread {
    /// Of log-densities.
    #[must_use]
    pub fn of(log_probs: &[f32], threshold: Option<f32>) -> Self {
        let sorted = ascending(log_probs);
        let at = |share: f64| quantile(&sorted, share);
        Self {
            rows: sorted.len(),
            impossible: sorted.iter().filter(|value| !value.is_finite()).count(),
            below_threshold: threshold
                .map(|threshold| sorted.iter().filter(|value| **value < threshold).count()),
            lowest: at(0.0),
            percentile_1: at(0.01),
            quartile_1: at(0.25),
            median: at(0.5),
            quartile_3: at(0.75),
            highest: at(1.0),
        }
    }
}

/// The value with this share of the others below it; `None` without values.
pub(super) fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}

/// Rows counted by log-density, in bins of one width.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bins {
    /// Lower end of the first bin, in nats.
    pub low: f64,
    /// Width of a bin, in nats.
    pub width: f64,
    /// Normal rows below the first bin, -inf among them.
    pub normal_below: usize,
    /// Normal rows in each bin.
    pub normal: Vec<usize>,
    /// Anomalous rows below the first bin, -inf among them.
    pub anomalous_below: usize,
    /// Anomalous rows in each bin.
    pub anomalous: Vec<usize>,
}

/// Log-densities of normal and of anomalous rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Densities {
    /// Of normal rows; of all rows where there are no labels.
    pub normal: Spread,
    /// Of anomalous rows; `null` without labels, or without such rows.
    pub anomalous: Option<Spread>,
    /// Both, counted.
    pub bins: Bins,
}

impl Densities {
    /// Of log-densities; `labels` say which rows are anomalous.
    #[must_use]
    pub fn of(log_probs: &[f32], labels: Option<&[bool]>, threshold: Option<f32>) -> Self {
        let of_kind = |kind: bool| -> Vec<f32> {
            let rows = log_probs.iter().enumerate();
            let own = rows.filter(|(row, _)| is_anomalous(labels, *row) == kind);
            own.map(|(_, value)| *value).collect()
        };
        let (normal, anomalous) = (of_kind(false), of_kind(true));
        let bulk = if normal.is_empty() {
            &anomalous
        } else {
            &normal
        };
        let (low, high) = axis(bulk, threshold);
        let width = (high - low) / BINS as f64;
        let count = |values: &[f32]| {
            let (mut below, mut bins) = (0, vec![0; BINS]);
            for value in values {
                let place = (f64::from(*value) - low) / width;
                // Not-a-number, which no model gives, would be put with -inf.
                if place >= 0.0 {
                    bins[(place as usize).min(BINS - 1)] += 1;
                } else {
                    below += 1;
                }
            }
            (below, bins)
        };
        let ((normal_below, normal_bins), (anomalous_below, anomalous_bins)) =
            (count(&normal), count(&anomalous));
        Self {
            normal: Spread::of(&normal, threshold),
            anomalous: (!anomalous.is_empty()).then(|| Spread::of(&anomalous, threshold)),
            bins: Bins {
                low,
                width,
                normal_below,
                normal: normal_bins,
                anomalous_below,
                anomalous: anomalous_bins,
            },
        }
    }
}

/// Whether a row is labelled anomalous; without labels none is.
pub(super) fn is_anomalous(labels: Option<&[bool]>, row: usize) -> bool {
    labels
        .and_then(|own| own.get(row))
        .copied()
        .unwrap_or(false)
}

/// The range of log-densities worth showing: the bulk of the normal rows and something below, with the threshold in sight.
pub(super) fn axis(normal: &[f32], threshold: Option<f32>) -> (f64, f64) {
    let finite: Vec<f32> = normal.iter().copied().filter(|v| v.is_finite()).collect();
    let sorted = ascending(&finite);
    let (Some(low), Some(high)) = (quantile(&sorted, BEYOND), quantile(&sorted, 1.0)) else {
        return (-1.0, 1.0);
    };
    let (mut low, mut high) = (f64::from(low), f64::from(high));
    let middle = quantile(&sorted, 0.5).map_or(low, f64::from);
    // A threshold far below all rows would press them together.
    let bulk = (high - low).max(1e-3);
    if let Some(threshold) = threshold.map(f64::from).filter(|t| t.is_finite())
        && threshold > middle - 10.0 * bulk
    {
        low = low.min(threshold);
        high = high.max(threshold);
    }
    let span = (high - low).max(1e-3);
    (low - BELOW * span, high + 0.04 * span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_rows_do_not_decide_the_axis() {
        let mut log_probs: Vec<f32> = (0..1000).map(|i| -5.0 - (i % 7) as f32).collect();
        log_probs.extend([f32::NEG_INFINITY, -1e30, -350.0]);
        let labels: Vec<bool> = (0..log_probs.len()).map(|row| row >= 1001).collect();
        let found = Densities::of(&log_probs, Some(&labels), Some(-14.0));
        let Bins { low, width, .. } = found.bins;
        assert!(low < -14.0 && low > -25.0, "{low}");
        assert!(low + width * BINS as f64 > -5.0);
        assert_eq!(
            (found.bins.normal_below, found.bins.anomalous_below),
            (1, 2)
        );
        assert_eq!(found.bins.normal.iter().sum::<usize>(), 1000);
        assert_eq!(found.normal.impossible, 1);
        assert_eq!(found.normal.median, Some(-8.0));
        assert_eq!(found.normal.below_threshold, Some(1));
        let anomalous = found.anomalous.expect("rows");
        assert_eq!((anomalous.rows, anomalous.highest), (2, Some(-350.0)));
    }

    #[test]
    fn nothing_and_equal_values_have_an_axis() {
        for values in [&[][..], &[-3.0], &[-3.0; 9], &[f32::NEG_INFINITY; 3]] {
            let found = Densities::of(values, None, Some(f32::MIN));
            assert!(found.bins.width > 0.0 && found.bins.low.is_finite());
            let counted = found.bins.normal.iter().sum::<usize>() + found.bins.normal_below;
            assert_eq!(counted, values.len());
        }
    }
}
