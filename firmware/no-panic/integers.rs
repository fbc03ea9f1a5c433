//! Features of samples in integers: all of them, as the optimiser does not know the spec.

use core::hint::black_box;

use nvpico::features::{IntegerFeatures, Work};
use nvpico::spec::features::{Across, Feature, FeatureSpec, SpectrumSpec, Taper};

const SPEC: FeatureSpec<'static> = FeatureSpec::new(2, 64, 16, 200.0, &[Feature::Mean])
    .with_across(&[Across::Correlation(0, 1)])
    .with_spectrum(SpectrumSpec::mean(64, 32, Taper::Hann));
static TABLES: [i32; SPEC.integer_table_len()] = SPEC.integer_tables();
static FEATURES: IntegerFeatures<'static> =
    match IntegerFeatures::new(SPEC, &[0.01; 2], &[-16; 3], &TABLES) {
        Ok(features) => features,
        Err(error) => panic!("{}", error.message()),
    };

/// Everything that an extractor does on a chip.
pub fn extract() {
    let mut samples = [0; SPEC.integer_ring_len()];
    let mut state = [0; SPEC.integer_state_len()];
    let samples: &mut [i16] = black_box(&mut samples);
    let state: &mut [i32] = black_box(&mut state);
    let features = black_box(&FEATURES);
    let Ok(mut extractor) = features.extractor(samples, state) else {
        return;
    };
    let sample: &[i16] = black_box(&[0, 1]);
    let _ = black_box(extractor.push(sample));
    extractor.lost(black_box(1));
    extractor.gap();
    while black_box(extractor.step()) == Work::More {}
    black_box(extractor.finish());
    black_box((extractor.features(), extractor.missed()));
}
