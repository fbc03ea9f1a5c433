//! Against the definitions in double precision.

use nvpico::spec::features::{Across, Feature, FeatureSpec, SpectrumSpec, Taper};
use nvpico_codegen::samples::FilterName;
use nvpico_reference::features as reference;

use super::{PAIRS, of_window, spec, spectra, windows};

/// What is known of a channel to bound errors with.
struct Scale {
    /// Largest magnitude of a sample.
    largest: f64,
    /// Largest distance of a sample from the mean.
    peak: f64,
    /// Peak to peak, divided by the deviation; 0 if there is none.
    contrast: f64,
}

fn scale(x: &[f64]) -> Scale {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let most = |of: &dyn Fn(f64) -> f64| x.iter().map(|&x| of(x)).fold(0.0, f64::max);
    let peak = most(&|x| (x - mean).abs());
    let power = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    let deviation = power.sqrt();
    let contrast = if x.iter().any(|other| (other - x[0]).abs() > 0.0) {
        2.0 * peak / deviation
    } else {
        0.0
    };
    Scale {
        largest: most(&f64::abs),
        peak,
        contrast,
    }
}

/// The largest error of a feature that is stated in the documentation.
fn allowed(feature: Feature<'_>, spec: &FeatureSpec<'_>, x: &[f64], expected: f64) -> f64 {
    let Scale {
        largest,
        peak,
        contrast,
    } = scale(x);
    match feature {
        Feature::Samples
        | Feature::Last
        | Feature::Minimum
        | Feature::Maximum
        | Feature::ZeroCrossings => 0.0,
        Feature::Mean | Feature::Rms | Feature::PeakToPeak => 1e-6 * largest,
        Feature::Deviation => 2e-6 * peak,
        Feature::LogDeviation | Feature::LogRms => 3e-6,
        Feature::Crest => 2e-6 * expected,
        Feature::Skewness | Feature::Kurtosis => 1e-5 * contrast.powi(2).max(1.0),
        Feature::Slope => 4e-6 * peak * f64::from(spec.rate) / x.len() as f64,
        Feature::Autocorrelation { .. } => 4e-6,
        Feature::Bands(_) => 1e-4,
        Feature::Centroid | Feature::Spread => 1e-5 * f64::from(spec.rate),
        Feature::SpectralSkewness => 2e-5 * expected.abs().max(1.0),
        Feature::SpectralKurtosis => 1e-4 * expected.abs().max(1.0),
    }
}

/// Whether the sign of a sample depends on rounding.
pub fn has_doubtful_sign(x: &[f64]) -> bool {
    let Scale { peak, .. } = scale(x);
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().any(|x| (x - mean).abs() < 1e-5 * peak)
}

#[test]
fn features_are_those_of_the_definitions() {
    let mut worst: Vec<(String, f64)> = Vec::new();
    for length in [60, 200, 256] {
        for spectrum in spectra(length) {
            let spec = spec(length, length, spectrum);
            for (name, rows) in windows(length, 7) {
                check(&spec, name, &rows, &mut worst);
            }
        }
    }
    worst.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("{worst:#?}");
}

fn check(spec: &FeatureSpec<'_>, name: &str, rows: &[Vec<f32>], worst: &mut Vec<(String, f64)>) {
    let found = of_window(*spec, rows);
    let columns: Vec<Vec<f64>> = (0..spec.channels)
        .map(|channel| rows.iter().map(|row| f64::from(row[channel])).collect())
        .collect();
    let expected = reference::features(spec, &columns);
    assert_eq!(found.len(), expected.len());
    let mut pairs = found.iter().zip(&expected);
    for (channel, x) in columns.iter().enumerate() {
        let powers = reference_powers(spec, x);
        for &feature in spec.of_channel(channel) {
            for part in 0..feature.len(spec.window) {
                let (&found, &expected) = pairs.next().expect("as many");
                assert!(found.is_finite(), "{name}: {feature:?}: {found}");
                if feature == Feature::ZeroCrossings && has_doubtful_sign(x) {
                    continue;
                }
                let mut allowed = allowed(feature, spec, x, expected);
                if let Feature::Bands(_) = feature {
                    allowed = band_allowed(spec, x, &powers, expected);
                }
                let error = (f64::from(found) - expected).abs();
                let share = error / allowed;
                let kind = format!("{feature:?}");
                match worst.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, most)) => *most = share.max(*most),
                    None => worst.push((kind, share)),
                }
                assert!(
                    error <= allowed,
                    "{name}, {length} samples, {spectrum:?}: {feature:?}[{part}] is {found}, not {expected} ({error:e} > {allowed:e})",
                    length = spec.window,
                    spectrum = spec.spectrum,
                );
            }
        }
    }
    for (across, (&found, &expected)) in PAIRS.iter().zip(pairs) {
        let allowed = match across {
            Across::Correlation(..) => 4e-6,
            Across::Ratio(..) => 1e-5 * expected,
        };
        let error = (f64::from(found) - expected).abs();
        assert!(
            error <= allowed,
            "{name}: {across:?} is {found}, not {expected}"
        );
    }
}

fn reference_powers(spec: &FeatureSpec<'_>, x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let y: Vec<f64> = x.iter().map(|x| x - mean).collect();
    reference::powers_of(spec.spectrum.expect("a spectrum"), &y)
}

/// A transform's error in floats is a share of the root of the whole power: `|X - exact| <= e sqrt(sum |X|^2 / n)`, so a bin that
/// is weak beside others is less exact.
fn band_allowed(spec: &FeatureSpec<'_>, x: &[f64], powers: &[f64], expected: f64) -> f64 {
    const SHARE: f64 = 1e-6;
    let power = 10_f64.powf(expected);
    let spectrum = spec.spectrum.expect("a spectrum");
    let whole = powers.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    // The mean is off by up to an ulp of the distance from the oldest sample.
    let Scale { peak, .. } = scale(x);
    let error = SHARE * (whole.sqrt() + peak * (spectrum.frame as f64).sqrt());
    let off = (2.0 * power.sqrt() * error + error * error) / power;
    (1.0 + off).log10() + 1e-5
}

#[test]
fn a_tone_is_where_it_belongs() {
    // 12.5 Hz at 100 Hz: bin 8 of 64.
    let rows: Vec<Vec<f32>> = (0..64)
        .map(|at| vec![(std::f32::consts::TAU * at as f32 / 8.0).sin()])
        .collect();
    let spec = FeatureSpec::new(1, 64, 64, 100.0, &[Feature::Centroid, Feature::Spread])
        .with_spectrum(SpectrumSpec::one(64, Taper::None));
    let found = of_window(spec, &rows);
    assert!((found[0] - 12.5).abs() < 1e-4, "{found:?}");
    assert!(found[1] < 1e-2, "{found:?}");
}

#[test]
fn filters_agree_with_their_definition() {
    const FEATURES: &[Feature<'static>] = &[
        Feature::Samples,
        Feature::Mean,
        Feature::Deviation,
        Feature::PeakToPeak,
    ];
    for filter in [
        "low:20:4",
        "high:5:2",
        "low:0.5:8",
        "high:30:8",
        "low:0.1:2",
    ] {
        let name: FilterName = filter.parse().expect("a filter");
        let sections = name.sections(100.0);
        let spec = FeatureSpec::new(2, 128, 32, 100.0, FEATURES)
            .with_filter(&sections)
            .with_across(PAIRS);
        for (kind, rows) in windows(128, 5) {
            let found = of_window(spec, &rows);
            let columns: Vec<Vec<f64>> = (0..2)
                .map(|channel| rows.iter().map(|row| f64::from(row[channel])).collect())
                .collect();
            let expected = reference::features(&spec, &columns);
            let largest = columns
                .iter()
                .flatten()
                .fold(0.0_f64, |a, x| a.max(x.abs()));
            // Correlations and ratios of what a filter leaves of a constant are those of its rounding.
            let values = found.len() - PAIRS.len();
            for (at, (&found, expected)) in found.iter().zip(expected).take(values).enumerate() {
                let error = (f64::from(found) - expected).abs();
                assert!(
                    error <= 2e-5 * largest,
                    "{filter}, {kind}, {at}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn correlations_see_what_the_filter_leaves() {
    // A slow tone that both channels have, and a fast one with opposite signs.
    let rows: Vec<Vec<f32>> = (0..128)
        .map(|at| {
            let (slow, fast) = ((at as f32 * 0.1).sin(), 3.0 * (at as f32 * 2.5).sin());
            vec![slow + fast, slow - fast]
        })
        .collect();
    let spec = FeatureSpec::new(2, 128, 128, 100.0, &[Feature::Mean]).with_across(PAIRS);
    let of = |filter: Option<&str>| {
        let name = filter.map(|text| text.parse::<FilterName>().expect("a filter"));
        let sections = name.map_or_else(Vec::new, |name| name.sections(100.0));
        let spec = spec.with_filter(&sections);
        let columns =
            [0, 1].map(|channel| rows.iter().map(|row| f64::from(row[channel])).collect());
        let (found, expected) = (of_window(spec, &rows), reference::features(&spec, &columns));
        for (&found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "{found} {expected}"
            );
        }
        found[2]
    };
    assert!(of(None) < -0.5);
    assert!(of(Some("low:5:4")) > 0.99);
}
