//! Features of a window of vibration: level, shape of the distribution, and power in bands of frequency.

/// Keeps the logarithm of an empty band finite.
const LEAST_POWER: f64 = 1e-12;

/// Of one axis: log10 of the root mean square, crest factor, kurtosis, skewness, and log10 of the mean power in `bands`
/// equal bands of frequency, the mean taken off. A window that never changes gives 0 for what it does not have.
pub fn features(window: &[f64], bands: usize) -> Vec<f32> {
    let count = window.len() as f64;
    let mean = window.iter().sum::<f64>() / count;
    let x: Vec<f64> = window.iter().map(|value| value - mean).collect();
    let moment = |power: i32| x.iter().map(|value| value.powi(power)).sum::<f64>() / count;
    let rms = moment(2).sqrt();
    let shape = |value: f64| if rms > 0.0 { value } else { 0.0 };
    let peak = x.iter().fold(0.0_f64, |peak, value| peak.max(value.abs()));
    let mut features = vec![
        (rms.powi(2) + LEAST_POWER).log10() / 2.0,
        shape(peak / rms),
        shape(moment(4) / rms.powi(4)),
        shape(moment(3) / rms.powi(3)),
    ];
    let power = power(&x);
    // From the lowest frequency above 0 to the highest, in equal parts.
    let edge = |band: usize| 1 + band * (power.len() - 1) / bands;
    for band in 0..bands {
        let own = &power[edge(band)..edge(band + 1)];
        let mean = own.iter().sum::<f64>() / own.len().max(1) as f64;
        features.push((mean + LEAST_POWER).log10());
    }
    features.into_iter().map(|value| value as f32).collect()
}

/// Power of each frequency from 0 to half the sampling rate, by the definition: windows are short.
fn power(x: &[f64]) -> Vec<f64> {
    let count = x.len();
    let turn = |at: usize| std::f64::consts::TAU * at as f64 / count as f64;
    let waves: Vec<(f64, f64)> = (0..count).map(|at| turn(at).sin_cos()).collect();
    (0..=count / 2)
        .map(|frequency| {
            let (mut re, mut im) = (0.0, 0.0);
            for (at, value) in x.iter().enumerate() {
                let (sin, cos) = waves[frequency * at % count];
                re += value * cos;
                im -= value * sin;
            }
            re * re + im * im
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_as_numpy_has_them() {
        // x = [(i * i * 37 % 101) / 100 for i in range(20)], numpy.fft.rfft, 3 bands of bins 1..3, 4..6, 7..10.
        let window: Vec<f64> = (0..20)
            .map(|i| f64::from(i * i * 37 % 101) / 100.0)
            .collect();
        let found = features(&window, 3);
        let expected = [
            -0.551_005_1,
            1.948_882_6,
            1.811_265,
            -0.202_331_44,
            0.235_125_45,
            0.271_698_4,
            0.108_043_42,
        ];
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn a_still_window_has_finite_features() {
        assert!(
            features(&[0.7; 20], 4)
                .iter()
                .all(|value| value.is_finite())
        );
    }
}
