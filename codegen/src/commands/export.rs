//! `nvpico export`: a model as a Rust module with const arrays.

use std::path::PathBuf;

use clap::Args;

use super::{DataOptions, PrecisionArgs, load_model, report_math_error};
use crate::deploy::certificate::{self, Certificate};
use crate::export::{self, ExportOptions};
use crate::output::{self, print_json, say};
use crate::precision::Precision;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico export --model pump.safetensors --out firmware/models/pump.rs
  nvpico export --model pump.safetensors --precision i8 --out firmware/models/pump.rs

In a firmware crate that depends on nvpico: `mod pump;`, then
`pump::FLOW.score(&reading, &mut workspace)` with `let mut workspace = [0.0; pump::WORKSPACE];`")]
/// Arguments of `nvpico export`.
pub struct ExportArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Rust module to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Rows on which the arithmetic is compared with double precision, such as the training rows; samples drawn from
    /// the model by default
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    #[command(flatten)]
    options: DataOptions,
    /// Print the certificate as JSON
    #[arg(long)]
    json: bool,
    /// Number of test vectors in the module
    #[arg(long, default_value_t = ExportOptions::default().vectors, value_name = "N")]
    vectors: usize,
}

/// # Errors
/// The module cannot be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    args.precision.prepare(&mut model)?;
    let table = if args.data.is_empty() {
        None
    } else {
        Some(args.options.read_for(&model, &args.data)?)
    };
    let ready = model.ready(args.precision.precision)?;
    let options = ExportOptions {
        vectors: args.vectors,
    };
    let text = export::module(&ready, &options);
    output::write_atomic(&args.out, text.as_bytes())
        .map_err(|e| anyhow::anyhow!("{}: {e}", args.out.display()))?;
    say!(
        "wrote {}: {} bytes of flash for parameters ({}), {} bytes of RAM for the workspace",
        args.out.display(),
        ready.param_bytes(),
        ready.precision(),
        ready.workspace_bytes()
    );
    if ready.precision() == Precision::F32 {
        report_math_error(model.header.spec.math);
    }
    let certificate = match &table {
        Some(table) => Certificate::new(&ready, &table.values, table.labels.as_deref()),
        None => Certificate::new(&ready, &certificate::drawn(&model.deploy()), None),
    };
    if args.json {
        print_json(&certificate)?;
    } else {
        say!("{}", certificate.to_string().trim_end());
    }
    Ok(true)
}
