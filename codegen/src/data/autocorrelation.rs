//! How long readings stay alike, and whether they wander: what rows stand for.

/// Autocorrelation at which two readings count as unlike.
const UNLIKE: f64 = 0.367_879;
/// A drift of so many deviations is told, when it is as many times what chance gives.
const DRIFT: (f64, f64) = (1.0, 4.0);

/// For about how many readings that tell nothing of each other these stand: their number over twice the distance at
/// which the autocorrelation has fallen to 1/e.
pub(super) fn independent(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (mean, variance) = moments(values);
    if variance.is_nan() || variance <= 0.0 {
        return 1.0;
    }
    let at = |lag: usize| {
        let pairs = values
            .iter()
            .zip(&values[lag..])
            .filter(|(a, b)| a.is_finite() && b.is_finite());
        let (sum, n) = pairs.fold((0.0, 0usize), |(sum, n), (a, b)| {
            (sum + (a - mean) * (b - mean), n + 1)
        });
        sum / (n.max(1) as f64 * variance)
    };
    // Distances grow by a half: two dozen of them reach a million rows.
    let (mut lag, mut before) = (1, (0.0, 1.0));
    while lag < values.len() / 2 {
        let here = at(lag);
        if here <= UNLIKE {
            let share = (before.1 - UNLIKE) / (before.1 - here);
            let length = before.0 + share * (lag as f64 - before.0);
            return (count / (2.0 * length).max(1.0)).max(1.0);
        }
        before = (lag as f64, here);
        lag += (lag / 2).max(1);
    }
    1.0
}

fn moments(values: &[f64]) -> (f64, f64) {
    let finite = || values.iter().filter(|x| x.is_finite());
    let count = finite().count() as f64;
    let mean = finite().sum::<f64>() / count;
    let variance = finite().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (mean, variance)
}

/// By how many deviations the mean moves from the first to the last third of the rows; `None` where that is little, or
/// no more than independent stretches as few as theirs give by chance.
pub(super) fn drift(values: &[f64]) -> Option<f64> {
    let third = values.len() / 3;
    if third < 10 {
        return None;
    }
    let (start, end) = (&values[..third], &values[values.len() - third..]);
    let ((first, early), (last, late)) = (moments(start), moments(end));
    let within = f64::midpoint(early, late).sqrt();
    let moved = (last - first) / within;
    let chance = (1.0 / independent(start) + 1.0 / independent(end)).sqrt();
    (moved.is_finite() && moved.abs() > DRIFT.0.max(DRIFT.1 * chance)).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An autoregression of this coefficient.
    fn slow(count: usize, keep: f64) -> Vec<f64> {
        let (mut state, mut x) = (7_u64, 0.0);
        (0..count)
            .map(|_| {
                let mut uniform = || {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    (state >> 11) as f64 / (1u64 << 53) as f64
                };
                x = keep * x + (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                x
            })
            .collect()
    }

    #[test]
    fn stretches_by_the_autocorrelation() {
        let white = independent(&slow(5_000, 0.0));
        assert!(white > 3_500.0, "{white}");
        // 1/e after 100 rows: 12,000 rows stand for 60.
        let found = independent(&slow(12_000, (-0.01f64).exp()));
        assert!((30.0..120.0).contains(&found), "{found}");
        let found = independent(&[3.0; 50]);
        assert!((found - 1.0).abs() < 1e-9);
    }

    #[test]
    fn drift_is_more_than_chance() {
        let steady = slow(3_000, 0.5);
        assert_eq!(drift(&steady), None);
        let wandering: Vec<f64> = (steady.iter().enumerate())
            .map(|(i, x)| x + i as f64 / 500.0)
            .collect();
        assert!(drift(&wandering).is_some_and(|moved| moved > 1.5));
    }
}
