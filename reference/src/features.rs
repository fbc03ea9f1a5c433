//! Features of windows, by their definitions.

use std::f64::consts::TAU;

use nvpico::spec::features::{Across, Bands, Feature, FeatureSpec, Frames, SpectrumSpec, Taper};

/// The features of one window: for each channel its samples, oldest first.
#[must_use]
pub fn features(spec: &FeatureSpec<'_>, window: &[Vec<f64>]) -> Vec<f64> {
    let mut found = Vec::new();
    let window: Vec<Vec<f64>> = window.iter().map(|x| filtered(spec, x)).collect();
    for (channel, x) in window.iter().enumerate() {
        let features = spec.of_channel(channel);
        let powers = (spec.spectrum).filter(|_| spec.has_spectrum(channel));
        let powers = powers.map(|spectrum| powers_of(spectrum, &centred(x)));
        for feature in features {
            match (feature, &powers) {
                (Feature::Samples, _) => found.extend(x),
                (Feature::Bands(bands), Some(powers)) => {
                    for band in 0..bands.count() {
                        let own = band_bins(spec, *bands, band);
                        let own: Vec<f64> = own.into_iter().map(|bin| powers[bin]).collect();
                        found.push(mean(&own).max(f64::from(spec.floor)).log10());
                    }
                }
                (feature, Some(powers)) if feature.is_spectral() => {
                    found.push(of_powers(spec, feature, powers));
                }
                (feature, _) => found.push(in_time(spec, feature, x)),
            }
        }
    }
    for across in spec.across {
        found.push(match *across {
            Across::Correlation(a, b) => correlation(&window[a], &window[b]),
            Across::Ratio(a, b) => {
                let least = f64::from(spec.floor).sqrt();
                deviation(&window[a]) / deviation(&window[b]).max(least)
            }
        });
    }
    found
}

/// Behind the filter: what has come in and out before the window is 0.
fn filtered(spec: &FeatureSpec<'_>, x: &[f64]) -> Vec<f64> {
    let mut values = x.to_vec();
    for section in spec.filter {
        let (b, a) = (section.b.map(f64::from), section.a.map(f64::from));
        let input = values.clone();
        for at in 0..values.len() {
            let before = |of: &[f64], lag: usize| if at >= lag { of[at - lag] } else { 0.0 };
            let own: f64 = (0..3).map(|lag| b[lag] * before(&input, lag)).sum();
            let back: f64 = (1..3).map(|lag| a[lag - 1] * before(&values, lag)).sum();
            values[at] = own - back;
        }
    }
    values
}

/// Powers of all bins, by the definition of the transform.
#[must_use]
pub fn powers_of(spec: SpectrumSpec, y: &[f64]) -> Vec<f64> {
    let (frame, window) = (spec.frame, y.len());
    let covered = frame.min(window);
    let taper: Vec<f64> = (0..covered)
        .map(|at| match spec.taper {
            Taper::None => 1.0,
            Taper::Hann => 0.5 - 0.5 * (TAU * at as f64 / covered as f64).cos(),
        })
        .collect();
    let weight: f64 = taper.iter().map(|weight| weight * weight).sum();
    let starts: Vec<usize> = match spec.frames {
        Frames::One => vec![0],
        Frames::Mean { step } => (0..=window - frame).step_by(step).collect(),
        Frames::Maximum { step } => (0..window).step_by(step).collect(),
    };
    let waves: Vec<(f64, f64)> = (0..frame)
        .map(|at| (TAU * at as f64 / frame as f64).sin_cos())
        .collect();
    let mut powers = vec![0.0_f64; frame / 2 + 1];
    for &start in &starts {
        for (bin, power) in powers.iter_mut().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (at, (sample, weight)) in y[start..].iter().zip(&taper).enumerate() {
                let (sin, cos) = waves[at * bin % frame];
                re += sample * weight * cos;
                im -= sample * weight * sin;
            }
            let own = (re * re + im * im) / weight;
            match spec.frames {
                Frames::One | Frames::Maximum { .. } => *power = power.max(own),
                Frames::Mean { .. } => *power += own / starts.len() as f64,
            }
        }
    }
    powers
}

fn band_bins(spec: &FeatureSpec<'_>, bands: Bands<'_>, band: usize) -> Vec<usize> {
    let frame = spec.spectrum.expect("a spectrum").frame;
    let half = frame / 2;
    let rate = f64::from(spec.rate);
    (1..=half)
        .filter(|&bin| match bands {
            // As many bins, one by one, as bands begin before them.
            Bands::Equal(count) => {
                let first = 1 + band * half / count;
                let behind = 1 + (band + 1) * half / count;
                (first..behind).contains(&bin)
            }
            Bands::Edges(edges) => {
                let (from, to) = (f64::from(edges[band]), f64::from(edges[band + 1]));
                let frequency = bin as f64 * rate / frame as f64;
                frequency >= from && (frequency < to || to >= rate / 2.0)
            }
        })
        .collect()
}

fn of_powers(spec: &FeatureSpec<'_>, feature: &Feature<'_>, powers: &[f64]) -> f64 {
    let hertz = f64::from(spec.rate) / (2 * (powers.len() - 1)) as f64;
    let total: f64 = powers.iter().skip(1).sum();
    let weighted = |of: &dyn Fn(f64) -> f64| {
        let bins = powers.iter().enumerate().skip(1);
        let sum: f64 = bins
            .map(|(bin, power)| of(bin as f64 * hertz) * power)
            .sum();
        if total > 0.0 { sum / total } else { 0.0 }
    };
    let centroid = weighted(&|frequency| frequency);
    match feature {
        Feature::Centroid => centroid,
        Feature::Spread => weighted(&|frequency| (frequency - centroid).powi(2)).sqrt(),
        Feature::SpectralSkewness => skewness(powers),
        Feature::SpectralKurtosis => kurtosis(powers),
        _ => unreachable!("a feature in time"),
    }
}

fn in_time(spec: &FeatureSpec<'_>, feature: &Feature<'_>, x: &[f64]) -> f64 {
    let y = centred(x);
    let least = f64::from(spec.floor);
    let most = |values: &[f64]| values.iter().fold(f64::MIN, |most, &value| most.max(value));
    let smallest = |values: &[f64]| {
        values
            .iter()
            .fold(f64::MAX, |least, &value| least.min(value))
    };
    let power = mean(&squares(x));
    match *feature {
        Feature::Last => x[x.len() - 1],
        Feature::Mean => mean(x),
        Feature::Deviation => deviation(x),
        Feature::LogDeviation => 0.5 * deviation(x).powi(2).max(least).log10(),
        Feature::Rms => power.sqrt(),
        Feature::LogRms => 0.5 * power.max(least).log10(),
        Feature::Minimum => smallest(x),
        Feature::Maximum => most(x),
        Feature::PeakToPeak => most(x) - smallest(x),
        Feature::Crest => ratio(most(&y).max(-smallest(&y)), deviation(x)),
        Feature::Skewness => skewness(x),
        Feature::Kurtosis => kurtosis(x),
        Feature::Slope => {
            let middle = (x.len() - 1) as f64 / 2.0;
            let times: Vec<f64> = (0..x.len()).map(|at| at as f64 - middle).collect();
            let products: f64 = times.iter().zip(&y).map(|(time, y)| time * y).sum();
            let square: f64 = squares(&times).iter().sum();
            products / square * f64::from(spec.rate)
        }
        Feature::ZeroCrossings => {
            let signs: Vec<bool> = (y.iter().filter(|&&y| y != 0.0))
                .map(|&y| y > 0.0)
                .collect();
            signs.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64
        }
        Feature::Autocorrelation { lag } => {
            let products: f64 = y.iter().zip(&y[lag..]).map(|(a, b)| a * b).sum();
            ratio(products, squares(&y).iter().sum())
        }
        Feature::Samples
        | Feature::Bands(_)
        | Feature::Centroid
        | Feature::Spread
        | Feature::SpectralSkewness
        | Feature::SpectralKurtosis => unreachable!("no single value in time"),
    }
}

/// 0 where there is nothing to divide by.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The first value is taken off first, so that values that do not change become exact zeros.
fn centred(x: &[f64]) -> Vec<f64> {
    let moved: Vec<f64> = x.iter().map(|value| value - x[0]).collect();
    let mean = mean(&moved);
    moved.iter().map(|value| value - mean).collect()
}

fn squares(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value * value).collect()
}

fn moment(x: &[f64], power: i32) -> f64 {
    let powers: Vec<f64> = centred(x).iter().map(|value| value.powi(power)).collect();
    mean(&powers)
}

fn deviation(x: &[f64]) -> f64 {
    moment(x, 2).sqrt()
}

/// `scipy.stats.skew`, but 0 of values that do not change.
fn skewness(x: &[f64]) -> f64 {
    ratio(moment(x, 3), moment(x, 2).powf(1.5))
}

/// `scipy.stats.kurtosis`, but 0 of values that do not change.
fn kurtosis(x: &[f64]) -> f64 {
    let square = moment(x, 2).powi(2);
    if square > 0.0 {
        moment(x, 4) / square - 3.0
    } else {
        0.0
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let products = centred(a)
        .iter()
        .zip(&centred(b))
        .map(|(a, b)| a * b)
        .sum::<f64>();
    ratio(products / a.len() as f64, deviation(a) * deviation(b))
}
