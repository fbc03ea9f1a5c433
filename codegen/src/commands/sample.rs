//! `nvpico sample`: rows drawn from a model, as numbers or as a picture.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::file_name;
use super::load_model;
use crate::data::{self, ReadOptions};
use crate::deploy::{draw, sample};
use crate::limits::{self, argument};
use crate::model::Model;
use crate::output::{self, printable, say, terminal};
use crate::report::plot::{self, Group, Sheet};

/// Default number of rows, as numbers and for a picture alone.
const ROWS: usize = 10;
const TILES: usize = 24;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico sample --model pump.safetensors --count 100
  nvpico sample --model pump.safetensors --count 10000 --temperature 0.7 --out drawn.csv
  nvpico sample --model thermal.safetensors --count 64 --out drawn.npy
  nvpico sample --model thermal.safetensors --data thermal.npy --png drawn.png

A model of counts (trained with --levels) draws counts: values are rounded to the nearest level.")]
/// Arguments of `nvpico sample`.
pub struct SampleArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Number of rows to draw [default: 10; 24 for a picture alone]
    #[arg(long, visible_alias = "rows", value_name = "N")]
    count: Option<usize>,
    /// Standard deviation of the latent: below 1 gives more typical rows, above 1 less typical ones
    #[arg(long, default_value_t = 1.0, value_name = "T", value_parser = argument(limits::not_negative))]
    temperature: f32,
    /// The same seed draws the same rows
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// File to write; standard output by default. A name that ends in .npy gives an array, N x features or, for a
    /// model of maps, N x channels x height x width; any other name gives CSV
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// PNG file to draw the rows in, for a model of maps; nothing is then written to standard output
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Files whose rows, evenly spaced, are shown above the drawn ones for comparison, such as the training rows
    #[arg(long, num_args = 1.., requires = "png", value_name = "FILE")]
    data: Vec<PathBuf>,
}

/// # Errors
/// The rows cannot be written.
pub fn run(args: &SampleArgs) -> anyhow::Result<bool> {
    let model = load_model(&args.model)?;
    let given = model.header.spec.given;
    if given > 0 {
        bail!(
            "{}: the model says what is normal where {} is given, and draws nothing without it: Flow::sample draws rows for given values",
            args.model.display(),
            printable(&model.header.columns[..given].join(", "))
        );
    }
    let shape = match (&args.png, model.map_shape()) {
        (Some(_), None) => bail!(
            "{}: its rows are lists of {} numbers, not maps, so they cannot be drawn as pictures: leave out --png, and \
             write them with --out drawn.csv",
            args.model.display(),
            model.header.spec.dim()
        ),
        (_, shape) => shape,
    };
    if let Some(path) = &args.out {
        let written = if is_array(path) {
            write_array(args, &model, path)
        } else {
            write_file(args, &model, path)
        };
        written.with_context(|| path.display().to_string())?;
        say!("wrote {} rows to {}", args.count(), path.display());
    }
    if let (Some(path), Some(shape)) = (&args.png, shape) {
        let png = picture(args, &model, shape)?;
        output::write_atomic(path, &png).with_context(|| path.display().to_string())?;
        say!(
            "wrote a picture of {} rows to {}",
            args.count(),
            path.display()
        );
    }
    if args.out.is_none() && args.png.is_none() {
        match write_rows(args, &model, &mut terminal::StandardOutput) {
            // Told at the end of the program.
            Err(_) if terminal::stdout_failed() => {}
            written => written?,
        }
    }
    Ok(true)
}

impl SampleArgs {
    fn count(&self) -> usize {
        let picture_alone = self.png.is_some() && self.out.is_none();
        self.count
            .unwrap_or(if picture_alone { TILES } else { ROWS })
    }

    fn draw(
        &self,
        model: &Model,
        each: impl FnMut(&[f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        draw(model, self.count(), self.temperature, self.seed, each)
    }
}

/// The drawn rows as a sheet, the rows of the data above them.
fn picture(args: &SampleArgs, model: &Model, shape: [usize; 3]) -> anyhow::Result<Vec<u8>> {
    let mut groups = Vec::new();
    if !args.data.is_empty() {
        let table = data::read_for(&model.features(), &args.data, &ReadOptions::default())?;
        let names: Vec<String> = args.data.iter().map(|path| file_name(path)).collect();
        let count = args.count().min(table.rows);
        let spread = (0..count).map(|index| table.row(index * table.rows / count));
        let rows = spread.flatten().copied().collect();
        groups.push(group(model, format!("Rows of {}", names.join(", ")), rows));
    }
    let drawn = sample(model, args.count(), args.temperature, args.seed)?;
    let name = file_name(&args.model);
    let title = if args.temperature.to_bits() == 1.0f32.to_bits() {
        format!("Drawn from {name}")
    } else {
        format!("Drawn from {name} at temperature {}", args.temperature)
    };
    groups.push(group(model, title, drawn));
    Ok(plot::contact_sheet(&Sheet {
        shape,
        groups,
        ..Sheet::default()
    })?)
}

/// Rows with their log-density.
fn group(model: &Model, title: String, rows: Vec<f32>) -> Group {
    Group {
        title,
        captions: plot::captions(&model.deploy().log_probs(&rows)),
        rows,
        ..Group::default()
    }
}

fn is_array(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

fn write_array(args: &SampleArgs, model: &Model, path: &Path) -> anyhow::Result<()> {
    let rows = sample(model, args.count(), args.temperature, args.seed)?;
    match model.map_shape() {
        Some(shape) => data::write_npy(path, &shape, &rows)?,
        None => data::write_npy(path, &[model.header.columns.len()], &rows)?,
    }
    Ok(())
}

/// Writes a CSV file, whole or not at all.
fn write_file(args: &SampleArgs, model: &Model, path: &Path) -> anyhow::Result<()> {
    let mut failed = Ok(());
    output::write_atomic_with(path, |file| {
        failed = write_rows(args, model, file);
        if failed.is_ok() {
            Ok(())
        } else {
            Err(std::io::Error::other("stopped"))
        }
    })
    .or_else(|error| failed.and(Err(error.into())))
}

fn write_rows(args: &SampleArgs, model: &Model, to: &mut dyn Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    let names = model.header.columns.iter().map(|name| {
        // A file gets them as they are, a terminal not.
        if args.out.is_none() && std::io::stdout().is_terminal() {
            printable(name)
        } else {
            name.into()
        }
    });
    writer.write_record(names.map(|name: Cow<'_, str>| name.into_owned()))?;
    args.draw(model, |row| {
        writer.write_record(row.iter().map(|x| format!("{x:?}")))?;
        Ok(())
    })?;
    writer.flush()?;
    Ok(())
}
