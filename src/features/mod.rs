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
//! # What it is not yet
//!
//! There is no form in integers: on a core without an FPU features take software floats, also where the model behind them is in
//! integers. There is no filter in front of a spectrum.
//!
//! # How exact
//!
//! Against the definitions in double precision, on quiet, loud, clipped and constant windows (`tests/features/agreement.rs`): means and
//! RMS within 1e-6 of the largest sample, deviations within 2e-6 of the peak, logarithms of them 3e-6, crest factors 2e-6 of
//! their value, skewness and kurtosis 1e-5 times the squared ratio of peak to peak and deviation, autocorrelations and
//! correlations 4e-6. A value of a transform is off by at most 5e-7 of the root of the frame's sum of squares, so a bin that is weak
//! beside others is less exact: a band 60 dB below the whole power within 0.01 of its logarithm.
//!
//! The transform is our own, not the `microfft` crate's: that one has `unsafe` code, a function for each length with all
//! shorter ones inside, and assertions; this one is one loop for all lengths, and its tables are as long as the spec's frame
//! asks for.

mod extractor;
mod fourier;
mod moments;
mod pair;
mod ring;
mod spectrum;
mod time;
mod waves;

pub use extractor::{Extractor, Features, Pushed, Work};

#[doc(no_inline)]
pub use crate::spec::features::FeatureSpec;
