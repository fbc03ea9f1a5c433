//! From samples to features: windows, moments, spectra.
//!
//! A [`FeatureSpec`] says which features of which windows. [`Extractor`] takes one sample after the other and has the
//! features of each window when it is complete: the row that a model scores.
//!
//! ```
//! use nvpico::features::{Features, Pushed};
//! use nvpico::spec::features::{Bands, Feature, FeatureSpec, SpectrumSpec, Taper};
//!
//! // One channel at 100 Hz; a window of 16 samples, every 4.
//! const SPEC: FeatureSpec<'static> = FeatureSpec::new(
//!     1,
//!     16,
//!     4,
//!     100.0,
//!     &[Feature::Mean, Feature::Crest, Feature::Bands(Bands::Equal(2))],
//! )
//! .with_spectrum(SpectrumSpec::of_window(16, Taper::None));
//! static TABLES: [f32; SPEC.table_len()] = SPEC.tables();
//! static FEATURES: Features<'static> = match Features::new(SPEC, &TABLES) {
//!     Ok(features) => features,
//!     Err(error) => panic!("{}", error.message()),
//! };
//!
//! let mut state = [0.0; SPEC.state_len()];
//! let mut extractor = FEATURES.extractor(&mut state)?;
//! // A square wave of 25 Hz around 3.
//! for at in 0..15 {
//!     assert_eq!(extractor.push(&[[2.0, 2.0, 4.0, 4.0][at % 4]]), Pushed::Stored);
//! }
//! assert_eq!(extractor.push(&[4.0]), Pushed::Due);
//! let features = extractor.finish().unwrap();
//! assert_eq!(features[..2], [3.0, 1.0]);
//! // All of its power, 8, is in one of the four bins from 6.25 to 25 Hz; above there is nothing but the floor.
//! assert!((features[2] - 0.301).abs() < 1e-3);
//! assert_eq!(features[3], -12.0);
//! # Ok::<(), nvpico::spec::features::FeatureError>(())
//! ```
//!
//! A model that `nvpico train --features` makes holds its [`FeatureSpec`]; the exported module has it as `SAMPLES`, with its
//! tables, and a checked `FEATURES`. `nvpico verify` compares features and scores with the desktop's, bit for bit.
//!
//! # In integers
//!
//! [`IntegerFeatures`] is the same for samples of 16 bits and cores without an FPU: counts in, counts out, the same features of the same
//! windows by the same rules, and no floating point in between. It is told the value of a count of each channel, and in which unit,
//! an exponent of 2, each feature is to come: the counts that an [`IntegerFlow`](crate::integer::IntegerFlow) takes.
//!
//! ```
//! use nvpico::features::{IntegerFeatures, Pushed};
//! use nvpico::spec::features::{Bands, Feature, FeatureSpec, SpectrumSpec, Taper};
//!
//! const SPEC: FeatureSpec<'static> = FeatureSpec::new(
//!     1,
//!     16,
//!     4,
//!     100.0,
//!     &[Feature::Mean, Feature::Crest, Feature::Bands(Bands::Equal(2))],
//! )
//! .with_spectrum(SpectrumSpec::of_window(16, Taper::None));
//! // An axis of an accelerometer, 256 counts per g.
//! const SCALES: &[f32] = &[1.0 / 256.0];
//! // Two features in 1024ths, two logarithms in 65536ths.
//! const UNITS: &[i32] = &[-10, -10, -16, -16];
//! static TABLES: [i32; SPEC.integer_table_len()] = SPEC.integer_tables();
//! static FEATURES: IntegerFeatures<'static> =
//!     match IntegerFeatures::new(SPEC, SCALES, UNITS, &TABLES) {
//!         Ok(features) => features,
//!         Err(error) => panic!("{}", error.message()),
//!     };
//!
//! let mut samples = [0; SPEC.integer_ring_len()];
//! let mut state = [0; SPEC.integer_state_len()];
//! let mut extractor = FEATURES.extractor(&mut samples, &mut state)?;
//! // The same square wave, between 2 and 4 g.
//! for at in 0..15 {
//!     assert_eq!(extractor.push(&[[512, 512, 1024, 1024][at % 4]]), Pushed::Stored);
//! }
//! assert_eq!(extractor.push(&[1024]), Pushed::Due);
//! let features = extractor.finish().unwrap();
//! assert_eq!(features[..2], [3 << 10, 1 << 10]);
//! assert!((f64::from(features[2]) / 65536.0 - 0.301).abs() < 1e-3);
//! assert_eq!(features[3], -12 << 16);
//! # Ok::<(), nvpico::spec::features::FeatureError>(())
//! ```
//!
//! # What it is not yet
//!
//! Integers have no filter, and estimates no cost of features: `nvpico verify` measures them.
//!
//! # How exact
//!
//! Against the definitions in double precision, on quiet, loud, clipped and constant windows (`tests/features/agreement.rs`): means and
//! RMS within 1e-6 of the largest sample, deviations within 2e-6 of the peak, logarithms of them 3e-6, crest factors 2e-6 of
//! their value, skewness and kurtosis 1e-5 times the squared ratio of peak to peak and deviation, autocorrelations and
//! correlations 4e-6. A value of a transform is off by at most 5e-7 of the root of the frame's sum of squares, so a bin that is weak
//! beside others is less exact: a band 60 dB below the whole power within 0.01 of its logarithm.
//!
//! In integers (`tests/features/integers.rs`) sums of samples, squares, cubes, fourth powers and products are exact, whatever the samples,
//! and what is made of them is right to 1e-8 of its value; skewness and kurtosis to 3e-8 at least, logarithms to 2e-7, beside half of
//! the unit of the count. A transform has values of 16 bits, block floating: a value is off by at most 1e-4 of the largest that a frame
//! of the same sum of squares can have, the root of that sum times the frame's length. So a bin 60 dB below a tone that has all
//! of the power is within 2 dB, and one below -80 dB is lost in the rounding. Centroid and spread are within 5e-4 of the rate.
//! Skewness and kurtosis of powers are those of powers rounded to 16 bits.
//!
//! The transform is our own, not the `microfft` crate's: that one has `unsafe` code, a function for each length with all
//! shorter ones inside, and assertions; this one is one loop for all lengths, and its tables are as long as the spec's frame
//! asks for.

mod extractor;
mod filter;
mod fixed;
mod fourier;
mod moments;
mod pair;
mod ring;
mod spectrum;
mod stream;
mod time;
mod waves;

pub use extractor::{Extractor, Features};
pub use fixed::{IntegerExtractor, IntegerFeatures};
pub use stream::{Pushed, Work};

#[doc(no_inline)]
pub use crate::spec::features::FeatureSpec;
