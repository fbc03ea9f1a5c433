//! Counters, row numbers and other columns that rise with every row: they number the rows and measure nothing.

use std::collections::HashMap;

use super::Series;
use super::step::step;

/// The fewest steps from row to row that show a counter.
const LEAST_STEPS: usize = 19;
/// Share of the steps that are the usual one, in a counter with gaps.
const USUAL: f64 = 0.95;
/// Most steps against the direction, as a share: a counter that starts again.
const RESTARTS: f64 = 0.02;
/// A column that never falls needs as many rises, and this share of all steps.
const LEAST_RISES: (usize, f64) = (30, 0.05);
/// Share of the steps that are the usual one, where they are counted around: messages may be lost.
const USUAL_AROUND: f64 = 0.9;
/// The fewest values of a counter that wraps: fewer are a valve, or a switch of three positions.
const LEAST_PERIOD: i64 = 4;
/// Share of the steps that are the usual one, in a counter that starts again.
const USUAL_IN_CYCLES: f64 = 0.75;

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
    let many = |part: usize| part >= LEAST_RISES.0 && steps.share(part) >= LEAST_RISES.1;
    if steps.falls == 0 && many(steps.rises) {
        return Some("it never falls, as a counter or a time".into());
    }
    let whole = series.whole();
    // A battery never rises either, but not in whole numbers.
    if whole && steps.rises == 0 && many(steps.falls) {
        return Some("it never rises, as a countdown".into());
    }
    if let Some(step) = wraps(series, &steps) {
        let values = series.runs.len();
        return Some(format!(
            "a counter of {values} values: it {verb} by {} with every row, and begins again",
            short(step)
        ));
    }
    if whole && in_cycles(series, &steps) {
        return Some(format!(
            "a counter that starts again: it {verb} by {} with every row but a few",
            short(steps.usual.abs())
        ));
    }
    if whole && steps.share(steps.rises) >= 1.0 - RESTARTS && starts_again(series) {
        return Some("a counter that starts again: it rises with every row but a few".into());
    }
    (whole && numbers_rows(series))
        .then(|| "it numbers the rows: each whole number comes once".into())
}

/// The step of a counter that begins again after its last value: counted around all values, nearly every step is the same.
fn wraps(series: &Series<'_>, steps: &Steps) -> Option<f64> {
    let (low, high) = series.range();
    let distinct: Vec<f64> = series.distinct().collect();
    let unit = step(&distinct)?;
    let period = ((high - low) / unit).round() as i64 + 1;
    // All values come, and all of them again.
    if period < LEAST_PERIOD
        || 5 * distinct.len() < 4 * period as usize
        || steps.count < 2 * distinct.len()
    {
        return None;
    }
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for (a, b) in series.pairs() {
        let around = (((b - a) / unit).round() as i64).rem_euclid(period);
        *counts.entry(around).or_default() += 1;
    }
    let (usual, same) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let next = usual == 1 || usual == period - 1;
    (next && steps.share(same) >= USUAL_AROUND).then_some(unit)
}

/// Equal steps one way, and each step the other way from the last value or back to the first.
fn in_cycles(series: &Series<'_>, steps: &Steps) -> bool {
    let (low, high) = series.range();
    let room = steps.usual.abs();
    let again = |(a, b): (f64, f64)| {
        if steps.usual > 0.0 {
            b > a || b - low <= room
        } else {
            b < a || a - low <= room
        }
    };
    steps.usual != 0.0
        && steps.share(steps.same) >= USUAL_IN_CYCLES
        && high - low >= LEAST_PERIOD as f64 * room
        && steps.count >= 2 * series.runs.len()
        && series.pairs().all(again)
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
    let short: f64 = format!("{step:.5e}").parse().unwrap_or(step);
    short.to_string()
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
        let left: Vec<f64> = total.iter().map(|x| 500.0 - x).collect();
        assert!(judged(&left).unwrap().contains("never rises"));
        let battery: Vec<f64> = left.iter().map(|x| 12.0 + x / 1000.0).collect();
        assert_eq!(judged(&battery), None);
        let degrees: Vec<f64> = (0..50).map(|i| 48.1 + 1e-6 * f64::from(i)).collect();
        assert!(judged(&degrees).unwrap().contains("by 0.000001 "));
    }

    #[test]
    fn counters_of_few_bits() {
        let rows = |f: &dyn Fn(u32) -> u32| (0..400).map(|i| f64::from(f(i))).collect::<Vec<_>>();
        for period in [4, 8, 10, 16, 40] {
            assert!(judged(&rows(&|i| i % period)).is_some(), "{period}");
            // Down, and with messages that were lost.
            assert!(judged(&rows(&|i| 400 - i % period)).is_some(), "{period}");
            let lost = rows(&|i| (i + i / 15) % period);
            assert!(judged(&lost).unwrap().contains("a counter"), "{period}");
        }
        let tenths: Vec<f64> = (0..400).map(|i| f64::from(i % 12) / 10.0).collect();
        assert!(judged(&tenths).is_some());
        // The rows of each cycle, of any length, and the rows that are left of it.
        let (mut cycle, mut left) = (Vec::new(), Vec::new());
        for length in (0..40).map(|i| 8 + i * 5 % 13) {
            cycle.extend((0..length).map(f64::from));
            left.extend((0..length).rev().map(f64::from));
        }
        assert!(judged(&cycle).unwrap().contains("again"));
        assert!(judged(&left).unwrap().contains("again"));
    }

    #[test]
    fn sensors_are_no_counters() {
        assert_eq!(judged(&noise(300)), None);
        let drifting: Vec<f64> = (noise(300).iter().enumerate())
            .map(|(i, x)| 20.0 + 0.05 * i as f64 + 0.1 * x)
            .collect();
        assert_eq!(judged(&drifting), None);
        // A valve, steps up and down, levels in order for a while each, and too few rows to tell.
        let rows = |f: &dyn Fn(i32) -> i32| (0..400).map(|i| f64::from(f(i))).collect::<Vec<_>>();
        for steps in [
            rows(&|i| i % 2),
            rows(&|i| i % 3),
            rows(&|i| i / 10 % 2),
            rows(&|i| i / 25 % 5),
            rows(&|i| (i % 16 - 8).abs()),
            rows(&|i| if i % 4 == 0 { 7 } else { 3 }),
            rows(&|i| i * i % 23),
            rows(&|i| i * 7 % 13),
        ] {
            assert_eq!(judged(&steps), None, "{:?}", &steps[..20]);
        }
        let tooth: Vec<f64> = (noise(400).iter().enumerate())
            .map(|(i, x)| ((i % 40) as f64 + x).round())
            .collect();
        assert_eq!(judged(&tooth), None);
        let levels: Vec<f64> = (0..400).map(|i| f64::from(i / 100)).collect();
        assert_eq!(judged(&levels), None);
        assert_eq!(judged(&[1.0, 2.0, 3.0, 4.0]), None);
        assert_eq!(judged(&[7.0; 100]), None);
    }
}
