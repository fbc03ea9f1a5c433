//! One file per verb: its arguments and what it prints. `Ok(false)` means exit code 1, with the reason already
//! printed.

pub mod adapt;
mod adapt_options;
pub mod advise;
pub mod bench;
mod budget;
pub mod calibrate;
pub mod compare;
pub mod completions;
mod data_options;
pub mod demo;
mod demo_alarms;
#[cfg(unix)]
mod demo_live;
pub mod emulate;
pub mod eval;
pub mod export;
mod feature_search;
pub(crate) mod files;
pub mod import;
pub mod inspect;
pub mod inspect_cost;
pub mod measure;
mod promise;
pub mod replay;
pub mod report;
mod rescue;
pub mod sample;
mod sample_options;
pub mod score;
pub mod simulate;
pub mod train;
pub mod verify;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use data_options::normal_rows_only;
pub use data_options::{DataArgs, DataOptions, FeatureOptions};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
pub use sample_options::SampleOptions;

use crate::inspection::math_error;
use crate::model::{MathName, Model};
use crate::output::say;
use crate::precision::Precision;

/// Which arithmetic to score in; the same for every verb that scores.
#[derive(Debug, Clone, Default, Args)]
pub struct PrecisionArgs {
    /// Arithmetic of the score: floats, or integer weights of 16 or 8 bits [default: the model's own]
    #[arg(long, value_enum, value_name = "PRECISION")]
    pub precision: Option<Precision>,
    /// Normal rows that give an imported model the ranges and the threshold of an integer precision, for this run;
    /// `nvpico calibrate` stores them in the model file
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub calibrate: Vec<PathBuf>,
}

impl PrecisionArgs {
    /// Finds ranges and integer thresholds on the rows of `--calibrate`, if there are any.
    pub(crate) fn prepare(&self, model: &mut Model) -> anyhow::Result<()> {
        if self.calibrate.is_empty() {
            return Ok(());
        }
        let table = normal_rows_only(DataOptions::default().read_for(model, &self.calibrate)?);
        model.find_ranges(&table.values);
        if model.header.calibration.is_some() {
            // An error says why the model has no integer form; below it would be silent.
            model.ready(Some(self.precision.unwrap_or(Precision::I16)))?;
            model.calibrate_integers(&table.values);
        }
        Ok(())
    }
}

/// Prints the accuracy of a model's elementary functions, unless they are the accurate ones.
pub(crate) fn report_math_error(math: MathName) {
    if math == MathName::Micromath {
        let error = math_error::measure(math.into());
        say!(
            "micromath: exp is off by up to {:.1e} (relative), tanh by up to {:.1e}; thresholds hold for this back end only",
            error.exp_relative,
            error.tanh_absolute
        );
    }
}

/// The name of a file without its folders.
pub(crate) fn file_name(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Loads a model and checks it.
pub(crate) fn load_model(path: &std::path::Path) -> anyhow::Result<Model> {
    let loaded = Model::load(path).map_err(anyhow::Error::new);
    let checked = loaded.and_then(|model| {
        let integers = model.validate_integers();
        integers.with_context(|| path.display().to_string())?;
        Ok(model)
    });
    checked.context("cannot use this model")
}

/// A progress bar on a terminal, nothing in a pipe.
pub(crate) fn progress_bar(length: u64, template: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
