//! Features of samples: against the reference in double precision, in a stream, to the bit.

mod agreement;
mod golden;
mod integer_stream;
mod integers;
mod stream;

use nvpico::features::{Extractor, Features, Pushed};
use nvpico::spec::features::{Across, Bands, Feature, FeatureSpec, SpectrumSpec, Taper};

use crate::common::models::Random;

/// Every feature there is.
pub const EVERY: &[Feature<'static>] = &[
    Feature::Last,
    Feature::Mean,
    Feature::Deviation,
    Feature::LogDeviation,
    Feature::Rms,
    Feature::LogRms,
    Feature::Minimum,
    Feature::Maximum,
    Feature::PeakToPeak,
    Feature::Crest,
    Feature::Skewness,
    Feature::Kurtosis,
    Feature::Slope,
    Feature::ZeroCrossings,
    Feature::Autocorrelation { lag: 1 },
    Feature::Autocorrelation { lag: 7 },
    Feature::Bands(Bands::Equal(4)),
    Feature::Bands(Bands::Edges(&[0.0, 10.0, 35.5, 50.0])),
    Feature::Centroid,
    Feature::Spread,
    Feature::SpectralSkewness,
    Feature::SpectralKurtosis,
    Feature::Samples,
];

pub const PAIRS: &[Across] = &[
    Across::Correlation(0, 1),
    Across::Correlation(1, 0),
    Across::Ratio(0, 1),
    Across::Ratio(1, 0),
];

/// Every feature of two channels at 100 Hz.
pub fn spec(window: usize, hop: usize, spectrum: SpectrumSpec) -> FeatureSpec<'static> {
    FeatureSpec::new(2, window, hop, 100.0, EVERY)
        .with_across(PAIRS)
        .with_spectrum(spectrum)
}

/// Every way to take a spectrum of a window of 60 to 256 samples.
pub fn spectra(window: usize) -> Vec<SpectrumSpec> {
    let mut spectra = Vec::new();
    for taper in [Taper::None, Taper::Hann] {
        spectra.push(SpectrumSpec::of_window(window, taper));
        spectra.push(SpectrumSpec::one(512, taper));
        for (frame, step) in [(16, 8), (32, 32), (32, 5)] {
            spectra.push(SpectrumSpec::mean(frame, step, taper));
            spectra.push(SpectrumSpec::maximum(frame, step, taper));
        }
    }
    spectra
}

pub fn tables(spec: &FeatureSpec<'_>) -> Vec<f32> {
    let mut tables = vec![0.0; spec.table_len()];
    spec.fill_tables(&mut tables);
    tables
}

/// Runs `act` with an extractor, its state full of what must not matter.
pub fn with_extractor<R>(spec: FeatureSpec<'_>, act: impl FnOnce(Extractor<'_, '_>) -> R) -> R {
    let tables = tables(&spec);
    let features = Features::new(spec, &tables).unwrap_or_else(|error| panic!("{error}"));
    let mut state = vec![f32::NAN; spec.state_len()];
    act(features.extractor(&mut state).expect("room enough"))
}

/// The features of one window of rows.
pub fn of_window(spec: FeatureSpec<'_>, rows: &[Vec<f32>]) -> Vec<f32> {
    with_extractor(spec, |mut extractor| {
        let (last, before) = rows.split_last().expect("samples");
        for row in before {
            assert_eq!(extractor.push(row), Pushed::Stored);
        }
        assert_eq!(extractor.push(last), Pushed::Due);
        extractor.finish().expect("a window is due").to_vec()
    })
}

/// Names and samples of two channels of windows of many kinds.
pub fn windows(length: usize, seed: u64) -> Vec<(&'static str, Vec<Vec<f32>>)> {
    let mut random = Random::new(seed);
    let mut kinds = Vec::new();
    let mut add = |name: &'static str, random: &mut Random, of: &dyn Fn(f32, f32) -> f32| {
        let noise = random.normals(2 * length);
        let rows = (0..length).map(|at| {
            // The second channel is another one of the same kind.
            let shifted = at as f32 + 0.25;
            vec![of(at as f32, noise[2 * at]), of(shifted, noise[2 * at + 1])]
        });
        kinds.push((name, rows.collect()));
    };
    let sine = |at: f32, turns: f32| (at / 100.0 * turns * std::f32::consts::TAU).sin();
    add("noise", &mut random, &|_, noise| noise);
    add("quiet on an offset", &mut random, &|_, noise| {
        9.81 + 1e-3 * noise
    });
    add("faint", &mut random, &|_, noise| 1e-25 * noise);
    add("loud", &mut random, &|at, noise| {
        1e6 * (sine(at, 13.0) + 0.1 * noise)
    });
    add("beyond any sensor", &mut random, &|_, noise| 2e29 * noise);
    add("sine", &mut random, &|at, _| sine(at, 10.0));
    add("clipped", &mut random, &|at, noise| {
        (3.0 * sine(at, 3.0) + 0.2 * noise).clamp(-1.0, 1.0)
    });
    add("in steps", &mut random, &|at, noise| {
        ((sine(at, 21.0) + 0.3 * noise) * 64.0).round() / 64.0
    });
    add("constant", &mut random, &|_, _| 0.1);
    add("zero", &mut random, &|_, _| 0.0);
    add("spike", &mut random, &|at, _| {
        f32::from(u8::from((17.0..18.0).contains(&at)))
    });
    add("ramp", &mut random, &|at, noise| 0.01 * at + 1e-3 * noise);
    add("alternating", &mut random, &|at, _| {
        if at.trunc() % 2.0 == 0.0 { 1.0 } else { -1.0 }
    });
    kinds
}
