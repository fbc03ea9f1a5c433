//! `nvpico import`: weights trained elsewhere.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::import::{self, plain};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico import --from plain flow.weights.safetensors --check flow.vectors.safetensors --out flow.safetensors

With --check the model is replayed over the reference rows (tensors x, log_prob) and the file is
written only if it agrees.")]
/// Arguments of `nvpico import`.
pub struct ImportArgs {
    /// Who trained them
    #[arg(long, value_enum)]
    from: From,
    /// Weights, .safetensors
    weights: PathBuf,
    /// Reference rows and their log-densities, .safetensors
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// couplings.I.net.L.weight, norms.I.scale, and an `architecture` entry
    Plain,
}

/// # Errors
/// Weights that do not fit, or a model that disagrees with its reference.
pub fn run(args: &ImportArgs) -> anyhow::Result<bool> {
    let model = match args.from {
        From::Plain => plain::import(&args.weights)?,
    };
    if let Some(path) = &args.check {
        let agreement = import::check(&model, path)?;
        eprint!(
            "agrees on {} rows: largest error {:.2e} nats",
            agreement.rows, agreement.largest_error
        );
        match agreement.library_float32_error {
            Some(own) => eprintln!(", the library's own float32 error is {own:.2e}"),
            None => eprintln!(),
        }
    } else {
        eprintln!("warning: nothing proved this model; give reference vectors with --check");
    }
    model.save(&args.out)?;
    eprintln!("wrote {}", args.out.display());
    Ok(true)
}
