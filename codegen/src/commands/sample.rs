//! `nvpico sample`: rows drawn from a model.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::load_model;
use crate::data;
use crate::model::Model;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico sample --model pump.safetensors --count 100
  nvpico sample --model pump.safetensors --count 10000 --temperature 0.7 --out drawn.csv
  nvpico sample --model thermal.safetensors --count 64 --out drawn.npy")]
/// Arguments of `nvpico sample`.
pub struct SampleArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Rows to draw
    #[arg(long, default_value_t = 10, value_name = "N")]
    count: usize,
    /// Standard deviation of the latent: below 1 nearer to the typical, above 1 farther out
    #[arg(long, default_value_t = 1.0, value_name = "T")]
    temperature: f32,
    /// The same seed draws the same rows
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// Where to write them; standard output by default. A name that ends in .npy gives an array, N x features or, for a
    /// model of maps, N x channels x height x width; any other CSV
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// # Errors
/// Whatever keeps the rows from being written.
pub fn run(args: &SampleArgs) -> anyhow::Result<bool> {
    if !(args.temperature >= 0.0 && args.temperature.is_finite()) {
        bail!("the temperature must not be negative");
    }
    let model = load_model(&args.model)?;
    match &args.out {
        Some(path) => {
            let written = if is_array(path) {
                write_array(args, &model, path)
            } else {
                write_file(args, &model, path)
            };
            written.with_context(|| path.display().to_string())?;
            eprintln!("wrote {} rows to {}", args.count, path.display());
        }
        None => write_rows(args, &model, &mut std::io::stdout().lock())?,
    }
    Ok(true)
}

/// Draws rows and hands on each.
fn draw(
    args: &SampleArgs,
    model: &Model,
    mut each: impl FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    model.deploy().with_flow(|flow| {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(args.seed);
        let mut scratch = vec![0.0; flow.spec().scratch_len()];
        let mut x = vec![0.0; flow.dim()];
        for row in 1..=args.count {
            flow.sample(&mut random, args.temperature, &mut x, &mut scratch)?;
            if x.iter().any(|x| !x.is_finite()) {
                bail!("row {row} overflowed: choose a lower --temperature");
            }
            each(&x)?;
        }
        Ok(())
    })
}

fn is_array(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

fn write_array(args: &SampleArgs, model: &Model, path: &Path) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    draw(args, model, |row| {
        rows.extend_from_slice(row);
        Ok(())
    })?;
    let columns = &model.header.columns;
    match data::map_shape(columns) {
        Some(shape) => data::write_npy(path, &shape, &rows)?,
        None => data::write_npy(path, &[columns.len()], &rows)?,
    }
    Ok(())
}

/// Writes a CSV file, whole or not at all; an error on the way is its own, not the file system's.
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
    writer.write_record(&model.header.columns)?;
    draw(args, model, |row| {
        writer.write_record(row.iter().map(|x| format!("{x:?}")))?;
        Ok(())
    })?;
    writer.flush()?;
    Ok(())
}
