//! `nvpico import`: weights trained elsewhere.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::import::{
    self, Agreement, ENTRIES, ImportError, Imported, freia, nflows, normflows, paper, plain,
};

const EXAMPLES: &str = "Examples:
  nvpico import --from auto flow.weights.safetensors --check flow.vectors.safetensors --out flow.safetensors
  nvpico import --from normflows state_dict.safetensors --arch flow.json --out flow.safetensors

WEIGHTS is a library's state dict. What its keys do not say (activation, clamp, ...) is given as JSON in
the header's `architecture` entry or in FILE; --help lists the entries. scripts/convert.py writes
weights, architecture and reference rows from a model in Python.
With --check the imported model is compared with the reference rows (x and log_prob; z, z_sample and
x_sample if present), and the model file is written only if it agrees.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{ENTRIES}"))]
/// Arguments of `nvpico import`.
pub struct ImportArgs {
    /// Library that trained them
    #[arg(long, value_enum)]
    from: From,
    /// Weights, .safetensors
    weights: PathBuf,
    /// Architecture, if not in the weights' header [JSON]
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,
    /// Reference rows and their log-densities, .safetensors
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// The library that the architecture names
    Auto,
    /// couplings.I.net.L.weight, norms.I.scale, and an `architecture` entry
    Plain,
    /// The state dict of an nflows SimpleRealNVP, or of its parts
    Nflows,
    /// The state dict of a normflows flow of affine couplings
    Normflows,
    /// The state dict of a `FrEIA` network without branches
    Freia,
    /// The paper's multi-scale image architecture, in `PyTorch`
    Paper,
}

impl ImportArgs {
    fn import(&self) -> anyhow::Result<Imported> {
        let arch = self.arch.as_deref();
        let imported: Result<Imported, ImportError> = match self.from {
            From::Auto => import::auto(&self.weights, arch),
            From::Nflows => nflows::import(&self.weights, arch),
            From::Normflows => normflows::import(&self.weights, arch),
            From::Freia => freia::import(&self.weights, arch),
            From::Paper => paper::import(&self.weights, arch),
            From::Plain => {
                anyhow::ensure!(
                    arch.is_none(),
                    "--arch does not go with --from plain: its architecture stands in the weights' header"
                );
                plain::import(&self.weights).map(Into::into)
            }
        };
        Ok(imported?)
    }
}

/// # Errors
/// Weights that do not fit, or a model that disagrees with its reference.
pub fn run(args: &ImportArgs) -> anyhow::Result<bool> {
    let imported = args.import()?;
    if let Some(path) = &args.check {
        report(&imported.check(path)?);
    } else {
        eprintln!("warning: the imported model was not checked; give reference rows with --check");
    }
    imported.model.save(&args.out)?;
    eprintln!("wrote {}", args.out.display());
    Ok(true)
}

fn report(agreement: &Agreement) {
    eprint!(
        "agrees on {} rows: largest error {:.2e} nats",
        agreement.rows, agreement.largest_error
    );
    match agreement.library_float32_error {
        Some(own) => eprintln!(", the library's own float32 error is {own:.2e}"),
        None => eprintln!(),
    }
    for (what, error) in [("z", agreement.z_error), ("x_sample", agreement.x_error)] {
        if let Some(error) = error {
            eprintln!("{what}: largest error {error:.2e}");
        }
    }
}
