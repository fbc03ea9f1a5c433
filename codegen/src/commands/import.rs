//! `nvpico import`: weights trained elsewhere.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::import::{
    self, Agreement, ENTRIES, ImportError, Imported, Scaler, freia, nflows, normflows, paper, plain,
};
use crate::output::{print_json, say};

const EXAMPLES: &str = "Examples:
  nvpico import --from auto flow.weights.safetensors --check flow.vectors.safetensors --out flow.safetensors
  nvpico import --from normflows state_dict.safetensors --arch flow.json --out flow.safetensors
  nvpico import --from auto flow.weights.safetensors --scaler scaler.json --out flow.safetensors

WEIGHTS is a library's state dict. What its keys do not say (activation, clamp, ...) is given as JSON in
the header's `architecture` entry or in FILE; --help lists the entries. scripts/convert.py writes
weights, architecture and reference rows from a model in Python.
With --check the imported model is compared with the reference rows (x and log_prob; z, z_sample and
x_sample if present), and the model file is written only if it agrees.

A flow that was trained on standardised rows, (x - mean) / scale, takes rows in raw units once it knows mean
and scale: --mean 20.5,101325 --scale 1.2,50, or --scaler with a file that Python writes of scikit-learn's
StandardScaler by
  json.dump({\"mean\": scaler.mean_.tolist(), \"scale\": scaler.scale_.tolist()}, open(\"scaler.json\", \"w\"))
The reference rows of --check are then those that the flow itself takes: standardised ones.";

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
    /// What was subtracted from the features before training, comma-separated
    #[arg(
        long,
        value_delimiter = ',',
        allow_hyphen_values = true,
        value_name = "NUMBERS"
    )]
    mean: Option<Vec<f64>>,
    /// What they were then divided by, comma-separated
    #[arg(
        long,
        value_delimiter = ',',
        allow_hyphen_values = true,
        value_name = "NUMBERS"
    )]
    scale: Option<Vec<f64>>,
    /// File with both, .json or .npz
    #[arg(long, conflicts_with_all = ["mean", "scale"], value_name = "FILE")]
    scaler: Option<PathBuf>,
    /// Model file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print JSON: how the model agrees with its reference
    #[arg(long)]
    json: bool,
}

/// The summary of `--json`.
#[derive(Debug, Serialize)]
struct Summary {
    out: String,
    /// `null` without `--check`.
    agreement: Option<Agreement>,
    /// Whether mean and scale stand in front of the flow.
    raw_units: bool,
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
    let agreement = args.check.as_ref().map(|path| imported.check(path));
    let agreement = agreement.transpose()?;
    match &agreement {
        Some(agreement) => report(agreement),
        None => {
            say!("warning: the imported model was not checked; give reference rows with --check");
        }
    }
    let scaler = match (&args.scaler, &args.mean, &args.scale) {
        (Some(path), _, _) => Some(Scaler::read(path)?),
        (None, None, None) => imported.scaler.clone(),
        (None, mean, scale) => Some(Scaler {
            mean: mean.clone(),
            scale: scale.clone(),
        }),
    };
    let model = match &scaler {
        Some(scaler) => imported
            .in_raw_units(scaler, args.scaler.as_deref())
            .map_err(anyhow::Error::msg)
            .context("mean and scale of the standardisation")?,
        None => imported.model,
    };
    model.save(&args.out)?;
    if scaler.is_some() {
        say!("the model takes rows in raw units: mean and scale stand in front of the flow");
    }
    say!(
        "wrote {}; `nvpico calibrate` gives it column names and a threshold",
        args.out.display()
    );
    if args.json {
        print_json(&Summary {
            out: args.out.display().to_string(),
            agreement,
            raw_units: scaler.is_some(),
        })?;
    }
    Ok(true)
}

fn report(agreement: &Agreement) {
    let own = agreement
        .library_float32_error
        .map_or_else(String::new, |own| {
            format!(", the library's own float32 error is {own:.2e}")
        });
    say!(
        "agrees on {} rows: largest error {:.2e} nats{own}",
        agreement.rows,
        agreement.largest_error
    );
    for (what, error) in [("z", agreement.z_error), ("x_sample", agreement.x_error)] {
        if let Some(error) = error {
            say!("{what}: largest error {error:.2e}");
        }
    }
}
