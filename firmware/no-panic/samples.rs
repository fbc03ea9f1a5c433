//! Features of samples: all of them, as the optimiser does not know the spec.

use core::hint::black_box;

use nvpico::features::{Features, Work};
use nvpico::spec::features::{Across, Feature, FeatureSpec, Section, SpectrumSpec, Taper};

const SPEC: FeatureSpec<'static> = FeatureSpec::new(2, 64, 16, 200.0, &[Feature::Mean])
    .with_filter(&[Section {
        b: [0.25, 0.5, 0.25],
        a: [-0.5, 0.25],
    }])
    .with_across(&[Across::Correlation(0, 1)])
    .with_spectrum(SpectrumSpec::mean(64, 32, Taper::Hann));
static TABLES: [f32; SPEC.table_len()] = SPEC.tables();
static FEATURES: Features<'static> = match Features::new(SPEC, &TABLES) {
    Ok(features) => features,
    Err(error) => panic!("{}", error.message()),
};

/// Everything that an extractor does on a chip.
pub fn extract() {
    let mut state = [0.0; SPEC.state_len()];
    let state: &mut [f32] = black_box(&mut state);
    let features = black_box(&FEATURES);
    let Ok(mut extractor) = features.extractor(state) else {
        return;
    };
    let sample: &[f32] = black_box(&[0.0, 1.0]);
    let _ = black_box(extractor.push(sample));
    extractor.lost(black_box(1));
    extractor.gap();
    while black_box(extractor.step()) == Work::More {}
    black_box(extractor.finish());
    black_box((extractor.features(), extractor.missed()));
}
