//! From recorded samples to rows of features: what a model of raw samples takes, and which features of them.
//!
//! ```
//! use nvpico_codegen::data::{ReadOptions, read};
//! use nvpico_codegen::samples::Request;
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("axis.csv");
//! let rows = (0..40).map(|i| format!("{}\n", (i * 7 % 5) as f32 * 0.1));
//! std::fs::write(&file, format!("x\n{}", rows.collect::<String>()))?;
//!
//! let options = ReadOptions { samples: true, ..ReadOptions::default() };
//! let samples = read(&[file], &options)?;
//! let request = Request { features: vec!["rms,bands:2".into()], window: Some(16), ..Request::default() };
//! let spec = request.resolve(&samples.columns, samples.rate).map_err(anyhow::Error::msg)?;
//! let table = spec.windows(samples, None)?;
//! assert_eq!((table.rows, table.dim()), (2, 3));
//! assert_eq!(table.row_numbers, [16, 32]);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod filter;
mod integers;
mod name;
mod rate;
mod request;
mod spec;
mod spectrum;
mod windows;

pub use filter::{FilterName, Pass, SampleFilter};
pub use integers::{sample_count, sample_units};
pub use name::FeatureName;
pub use rate::parse_rate;
pub use request::{PRESETS, Preset, Request, check_list, parse_frames};
pub use spec::{AcrossName, SampleSpec};
pub use spectrum::{FramesName, SpectrumName, TaperName};
