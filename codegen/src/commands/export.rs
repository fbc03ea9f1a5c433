//! `nvpico export`: a model as a Rust module with const arrays.

use std::path::PathBuf;

use clap::Args;

use super::load_model;
use crate::export::{self, ExportOptions};
use crate::math_error;
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico export --model pump.safetensors --out firmware/models/pump.rs

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
    /// Test vectors in the module
    #[arg(long, default_value_t = ExportOptions::default().vectors, value_name = "N")]
    vectors: usize,
}

/// # Errors
/// Whatever keeps the module from being written.
pub fn run(args: &ExportArgs) -> anyhow::Result<bool> {
    let model = load_model(&args.model)?;
    let text = export::module(
        &model,
        &ExportOptions {
            vectors: args.vectors,
        },
    );
    output::write_atomic(&args.out, text.as_bytes())
        .map_err(|e| anyhow::anyhow!("{}: {e}", args.out.display()))?;
    let deployed = model.deploy();
    let layers = deployed.spec.layers();
    let spec = deployed.spec.flow_spec(&layers);
    eprintln!(
        "wrote {}: {} bytes of flash for parameters, {} bytes of RAM for the workspace",
        args.out.display(),
        4 * spec.param_len(),
        4 * spec.workspace_len()
    );
    math_error::report(deployed.spec.math);
    Ok(true)
}
