//! The step in which a column comes, and whether `f32` holds it.

use super::Series;

/// Most decimals looked for.
const MOST_DECIMALS: i32 = 9;
/// Share of the different values that may fall together in `f32` without a word.
const MAY_MERGE: f64 = 0.1;

/// The step of which all values are multiples, but for a common offset; `None` for values in full digits and for less
/// than two values.
/// The order of the values does not matter, nor how often each comes.
pub(crate) fn step(values: &[f64]) -> Option<f64> {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let largest = finite().fold(0.0, |most: f64, x| most.max(x.abs()));
    (0..=MOST_DECIMALS).find_map(|decimals| {
        let scale = 10f64.powi(decimals);
        let whole = |x: f64| {
            let scaled = x * scale;
            // Decimals are as exact as the f64, or the f32, that they came through.
            let room = if scaled.abs() < 2e5 { 1.2e-7 } else { 1e-12 };
            (scaled - scaled.round()).abs() <= room * scaled.abs() + 1e-9
        };
        if largest * scale > 1e12 || !finite().all(whole) {
            return None;
        }
        let mut whole = finite().map(|x| (x * scale).round() as i64);
        let first = whole.next()?;
        let step = whole.fold(0, |step, x| divisor(step, (x - first).unsigned_abs()));
        (step > 0).then(|| step as f64 / scale)
    })
}

/// The greatest common divisor.
fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Different values of a column, and how many of them are left in `f32`, where it does not hold the column.
pub(super) fn lost_in_f32(series: &Series<'_>) -> Option<(usize, usize)> {
    let all = series.runs.len();
    let merged = series
        .runs
        .windows(2)
        .filter(|pair| pair[0].0 as f32 == pair[1].0 as f32);
    let left = all - merged.count();
    (all > 1 && ((all - left) as f64) > MAY_MERGE * all as f64).then_some((all, left))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, series};
    use super::*;

    #[test]
    fn steps_of_printed_values() {
        let near = |values: &[f64], expected: f64| {
            let found = step(values).unwrap();
            assert!(
                (found / expected - 1.0).abs() < 1e-9,
                "{found} for {expected}"
            );
        };
        near(&[20.1, 20.35, -4.0], 0.05);
        near(&[1000.0, 1024.0, 1008.0], 8.0);
        near(&[0.5, 1.5, 3.5], 1.0);
        near(&[0.0, 0.0625, 0.1875], 0.0625);
        // Decimals that came through f32.
        near(
            &[f64::from(20.1f32), f64::from(20.3f32), f64::from(1007.7f32)],
            0.2,
        );
        near(&[1_767_225_600.1, 1_767_225_600.3], 0.2);
        assert_eq!(step(&noise(50)), None);
        assert_eq!(step(&[4.0, f64::NAN, 4.0]), None);
        assert_eq!(step(&[]), None);
    }

    #[test]
    fn what_f32_cannot_hold() {
        let epoch: Vec<f64> = (0..100).map(|i| 1_767_225_600.0 + f64::from(i)).collect();
        let lost = |values: &[f64]| lost_in_f32(&series(values));
        assert_eq!(lost(&epoch).unwrap().0, 100);
        assert_eq!(lost(&noise(1000)), None);
        let pascal: Vec<f64> = (0..100).map(|i| 101_325.0 + 0.01 * f64::from(i)).collect();
        assert_eq!(lost(&pascal), None);
        assert_eq!(lost(&[0.0, -0.0]), None);
    }
}
