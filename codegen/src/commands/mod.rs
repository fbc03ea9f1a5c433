//! One file per verb: its arguments and what it prints. `Ok(false)` means exit code 1, with the reason already
//! printed.

pub mod bench;
mod budget;
pub mod calibrate;
pub mod completions;
pub mod demo;
pub mod emulate;
pub mod eval;
pub mod export;
pub(crate) mod files;
pub mod import;
pub mod inspect;
pub mod inspect_cost;
pub mod measure;
pub mod sample;
pub mod score;
pub mod simulate;
pub mod train;
pub mod verify;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::data::{self, ReadOptions, Table};
use crate::inspection::math_error;
use crate::model::{MathName, Model};
use crate::output::say;
use crate::precision::Precision;

/// Which rows and columns to read; the same for every verb that reads data.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// CSV (delimiter detected), .npy or .npz (arrays X and y; maps are N x height x width or N x channels x
    /// height x width); several files must have the same columns or the same shape
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub data: Vec<PathBuf>,
    /// How to read the files
    #[command(flatten)]
    pub options: DataOptions,
}

/// How to read data files.
#[derive(Debug, Clone, Default, Args)]
pub struct DataOptions {
    /// Columns to use, in this order; all numeric ones by default
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub columns: Option<Vec<String>>,
    /// Columns to leave out
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub exclude: Vec<String>,
    /// Column that says which rows are anomalous (0/1, true/false); never a feature
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Leave out rows with missing or non-finite cells, and say how many, instead of failing
    #[arg(long)]
    pub skip_bad: bool,
    /// Read numbers such as 1,5 as 1.5
    #[arg(long)]
    pub decimal_comma: bool,
    /// Delimiter of CSV files; detected by default
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<char>,
}

impl DataOptions {
    fn read_options(&self) -> anyhow::Result<ReadOptions> {
        let delimiter = self
            .delimiter
            .map(|c| u8::try_from(c).context("the delimiter must be one ASCII character"))
            .transpose()?;
        Ok(ReadOptions {
            columns: self.columns.clone(),
            exclude: self.exclude.clone(),
            label: self.label.clone(),
            skip_bad: self.skip_bad,
            delimiter,
            header: None,
            decimal_comma: self.decimal_comma,
        })
    }

    /// Reads files for training.
    pub(crate) fn read(&self, files: &[PathBuf]) -> anyhow::Result<Table> {
        let table = data::read(files, &self.read_options()?)?;
        report_skipped(&table);
        Ok(table)
    }

    /// Reads the columns that a model wants.
    pub(crate) fn read_for(&self, model: &Model, files: &[PathBuf]) -> anyhow::Result<Table> {
        let table = data::read_for(&model.features(), files, &self.read_options()?)?;
        report_skipped(&table);
        Ok(table)
    }
}

impl DataArgs {
    /// Reads the columns that a model wants.
    pub(crate) fn read_for(&self, model: &Model) -> anyhow::Result<Table> {
        self.options.read_for(model, &self.data)
    }
}

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
        let table = DataOptions::default().read_for(model, &self.calibrate)?;
        model.find_ranges(&table.values);
        if model.header.calibration.is_some() {
            // An error says why the model has no integer form; below it would be silent.
            model.ready(Some(self.precision.unwrap_or(Precision::I16)))?;
            model.calibrate_integers(&table.values);
        }
        Ok(())
    }
}

fn report_skipped(table: &Table) {
    if table.skipped_rows > 0 {
        say!(
            "left out {} of {} rows with missing or non-finite cells",
            table.skipped_rows,
            table.rows + table.skipped_rows
        );
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
