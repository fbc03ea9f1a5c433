//! Features in integers: samples of 16 bits, for cores without an FPU.

mod extractor;
mod fourier;
mod moments;
mod spectrum;
mod sums;
mod waves;
mod wide;

pub use extractor::{IntegerExtractor, IntegerFeatures};
