//! Counters, row numbers and other columns that rise with every row: they number the rows and measure nothing.

use super::Series;
use super::label::words;

/// The fewest steps from row to row that show a counter.
const LEAST_STEPS: usize = 19;
/// Share of the steps that are the usual one, in a counter with gaps.
const USUAL: f64 = 0.95;
/// Most steps against the direction, as a share: a counter that starts again.
const RESTARTS: f64 = 0.02;
/// A column that never falls needs as many rises, and this share of all steps.
const LEAST_RISES: (usize, f64) = (30, 0.05);

/// What the steps from row to row are like; never across the border of two files.
pub(super) struct Steps {
    pub count: usize,
    pub rises: usize,
    pub falls: usize,
    /// The median step.
    pub usual: f64,
    /// Steps equal to it.
    pub same: usize,
}

impl Steps {
    pub fn of(series: &Series<'_>) -> Self {
        let mut steps: Vec<f64> = series.pairs().map(|(a, b)| b - a).collect();
        let middle = steps.len() / 2;
        let usual = if steps.is_empty() {
            0.0
        } else {
            *steps.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        let (low, high) = series.range();
        let largest = low.abs().max(high.abs());
        // Printed decimals of equal distance are not equally far apart in binary.
        let slack =
            1e-6 * usual.abs() + 4.0 * f64::EPSILON * if steps.is_empty() { 0.0 } else { largest };
        Self {
            count: steps.len(),
            rises: steps.iter().filter(|step| **step > 0.0).count(),
            falls: steps.iter().filter(|step| **step < 0.0).count(),
            usual,
            same: steps
                .iter()
                .filter(|step| (*step - usual).abs() <= slack)
                .count(),
        }
    }

    /// A share of the steps.
    pub fn share(&self, part: usize) -> f64 {
        part as f64 / self.count.max(1) as f64
    }
}

/// Why a column is a counter, if it is one.
pub(super) fn counter(series: &Series<'_>) -> Option<String> {
    let steps = Steps::of(series);
    if steps.count < LEAST_STEPS {
        return None;
    }
    let verb = if steps.usual < 0.0 { "falls" } else { "rises" };
    let against = if steps.usual < 0.0 {
        steps.rises
    } else {
        steps.falls
    };
    if steps.usual != 0.0 && steps.share(steps.same) >= USUAL && steps.share(against) <= RESTARTS {
        let step = steps.usual.abs();
        return Some(format!(
            "a counter: it {verb} by {} with every row",
            short(step)
        ));
    }
    if steps.rises == steps.count || steps.falls == steps.count {
        return Some(format!(
            "it {verb} with every row, as a counter or a time does"
        ));
    }
    if steps.falls == 0 && steps.rises >= LEAST_RISES.0 && steps.share(steps.rises) >= LEAST_RISES.1
    {
        return Some("it never falls, as a counter or a time".into());
    }
    let whole = series.whole();
    if whole && steps.share(steps.rises) >= 1.0 - RESTARTS && starts_again(series) {
        return Some("a counter that starts again: it rises with every row but a few".into());
    }
    (whole && numbers_rows(series))
        .then(|| "it numbers the rows: each whole number comes once".into())
}

/// Why a column names a thing rather than measuring one, by its name.
pub(super) fn identifier(name: &str, series: &Series<'_>) -> Option<String> {
    let named = words(name)
        .iter()
        .any(|word| ["id", "uuid", "guid", "serial"].contains(&&**word));
    (named && series.whole()).then(|| "an identifier, by its name".into())
}

/// Each fall goes back to the start.
fn starts_again(series: &Series<'_>) -> bool {
    let (low, high) = series.range();
    series
        .pairs()
        .filter(|(a, b)| b <= a)
        .all(|(_, b)| b - low <= 0.05 * (high - low))
}

/// Whole numbers, none twice and hardly one left out: row numbers, whatever the order of the rows.
fn numbers_rows(series: &Series<'_>) -> bool {
    let (low, high) = series.range();
    let distinct = series.runs.len();
    distinct >= 50 && distinct == series.readings() && high - low < 1.2 * distinct as f64
}

/// A step without the noise of its last binary digits.
fn short(step: f64) -> String {
    let text = format!("{step:.6}");
    if step < 1e-4 || text.len() > 12 {
        return format!("{step}");
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series, series_of};
    use super::*;

    fn judged(values: &[f64]) -> Option<String> {
        counter(&series(values))
    }

    #[test]
    fn row_numbers_with_gaps_and_restarts() {
        let rows = |step: f64| {
            (0..300)
                .map(|i| 5.0 + step * f64::from(i))
                .collect::<Vec<_>>()
        };
        assert!(judged(&rows(1.0)).unwrap().contains("rises by 1 "));
        assert!(judged(&rows(0.1)).unwrap().contains("rises by 0.1 "));
        assert!(judged(&rows(-2.0)).unwrap().contains("falls by 2 "));
        let gaps: Vec<f64> = rows(1.0).into_iter().filter(|x| x % 7.0 != 0.0).collect();
        assert!(judged(&gaps).is_some());
        let restarts: Vec<f64> = (0..300).map(|i| f64::from(i % 120)).collect();
        assert!(judged(&restarts).is_some());
        // Each file counts from its beginning.
        let files: Vec<f64> = (0..60).map(|i| f64::from(i % 30)).collect();
        assert!(counter(&series_of(&files, &[0, 30])).is_some());
        // Shuffled with the rows.
        let shuffled: Vec<f64> = (0..300).map(|i| f64::from(i * 7 % 300)).collect();
        assert!(judged(&shuffled).unwrap().contains("numbers the rows"));
    }

    #[test]
    fn what_rises_with_every_row_by_any_step() {
        let noise = noise(300);
        let mut at = 1.0;
        let rising: Vec<f64> = noise
            .iter()
            .map(|x| {
                at += 0.1 + x.abs();
                at
            })
            .collect();
        assert!(judged(&rising).unwrap().contains("with every row"));
        let total: Vec<f64> = rising.iter().map(|x| (x / 5.0).floor()).collect();
        assert!(judged(&total).unwrap().contains("never falls"));
    }

    #[test]
    fn identifiers_by_name() {
        let machines = [3.0, 3.0, 17.0, 4.0];
        assert!(identifier("machine_id", &series(&machines)).is_some());
        assert!(identifier("deviceId", &series(&machines)).is_some());
        assert_eq!(identifier("humid", &series(&machines)), None);
        assert_eq!(identifier("id", &series(&[0.5])), None);
    }

    #[test]
    fn sensors_are_no_counters() {
        assert_eq!(judged(&noise(300)), None);
        let drifting: Vec<f64> = (noise(300).iter().enumerate())
            .map(|(i, x)| 20.0 + 0.05 * i as f64 + 0.1 * x)
            .collect();
        assert_eq!(judged(&drifting), None);
        // A saw-tooth of 40 rows, a few levels in order, and too few rows to tell.
        let tooth: Vec<f64> = (0..400).map(|i| f64::from(i % 40)).collect();
        assert_eq!(judged(&tooth), None);
        let levels: Vec<f64> = (0..400).map(|i| f64::from(i / 100)).collect();
        assert_eq!(judged(&levels), None);
        assert_eq!(judged(&[1.0, 2.0, 3.0, 4.0]), None);
        assert_eq!(judged(&[7.0; 100]), None);
    }
}
