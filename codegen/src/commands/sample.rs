//! `nvpico sample`: rows drawn from a model.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::load_model;
use crate::model::Model;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico sample --model pump.safetensors --count 100
  nvpico sample --model pump.safetensors --count 10000 --temperature 0.7 --out drawn.csv")]
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
    /// Where to write them; standard output by default
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
            // Whole or not at all; an error on the way is its own, not the file system's.
            let mut failed = Ok(());
            output::write_atomic_with(path, |file| {
                failed = write_rows(args, &model, file);
                if failed.is_ok() {
                    Ok(())
                } else {
                    Err(std::io::Error::other("stopped"))
                }
            })
            .or_else(|error| failed.and(Err(error.into())))
            .with_context(|| path.display().to_string())?;
            eprintln!("wrote {} rows to {}", args.count, path.display());
        }
        None => write_rows(args, &model, &mut std::io::stdout().lock())?,
    }
    Ok(true)
}

fn write_rows(args: &SampleArgs, model: &Model, to: &mut dyn Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(&model.header.columns)?;
    model.deploy().with_flow(|flow| -> anyhow::Result<()> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(args.seed);
        let mut scratch = vec![0.0; flow.spec().scratch_len()];
        let mut x = vec![0.0; flow.dim()];
        for row in 1..=args.count {
            flow.sample(&mut random, args.temperature, &mut x, &mut scratch)?;
            if x.iter().any(|x| !x.is_finite()) {
                bail!("row {row} overflowed: choose a lower --temperature");
            }
            writer.write_record(x.iter().map(|x| format!("{x:?}")))?;
        }
        Ok(())
    })?;
    writer.flush()?;
    Ok(())
}
