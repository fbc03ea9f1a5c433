//! `nvpico report`: one page that says what a model learned, what it promises and what it finds.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::file_name;
use super::{DataArgs, PrecisionArgs, load_model};
use crate::data;
use crate::deploy::Ready;
use crate::findings::{Findings, Subject};
use crate::output::{self, print_json, say};
use crate::report::page::page;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico report --model pump.safetensors --data today.csv --out report.html
  nvpico report --model pump.safetensors --data faults.csv --label anomaly --out report.html
  nvpico report --model pump.safetensors --data today.csv --json

The page needs nothing from elsewhere: it opens without a network, prints, and works by keyboard.")]
/// Arguments of `nvpico report`.
pub struct ReportArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Page to write (HTML)
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    out: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Data that cannot be read, a page that cannot be written.
pub fn run(args: &ReportArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.prepare(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let commands = commands(&ready, &args.model, &own_words());
    let findings = Findings::of(&Subject {
        ready: &ready,
        name: &file_name(&args.model),
        table: &table,
        faults: &[],
        commands: &commands,
    })?;
    if let Some(out) = &args.out {
        write(&findings, out)?;
    }
    if args.json {
        print_json(&findings)?;
    }
    Ok(true)
}

/// Writes the page, and says so.
pub(crate) fn write(findings: &Findings, out: &Path) -> anyhow::Result<()> {
    let page = page(findings)?;
    output::write_atomic(out, page.as_bytes())
        .with_context(|| format!("cannot write {}", out.display()))?;
    say!("wrote {}", out.display());
    Ok(())
}

/// The command line of this process.
fn own_words() -> String {
    let words = std::env::args().skip(1);
    let words = words.map(|word| data::shell_quoted(&word).clone());
    format!("nvpico {}", words.collect::<Vec<_>>().join(" "))
}

/// The commands that made a model, as far as it knows them, and the last one.
pub(crate) fn commands(ready: &Ready<'_>, model: &Path, last: &str) -> Vec<String> {
    let provenance = &ready.model.header.provenance;
    let quoted = |file: &str| data::shell_quoted(file).clone();
    let files = |sources: &[crate::model::Source]| {
        let names = sources.iter().map(|own| quoted(&own.file));
        names.collect::<Vec<_>>().join(" ")
    };
    let own = quoted(&file_name(model));
    let mut lines = Vec::new();
    if !provenance.config.is_empty() {
        lines.push(format!(
            "nvpico train --data {} --config settings.toml --out {own}",
            files(&provenance.sources)
        ));
    } else if !provenance.sources.is_empty() {
        lines.push(format!(
            "nvpico import --from auto {} --out {own}",
            files(&provenance.sources)
        ));
    }
    if !provenance.calibration_sources.is_empty() {
        lines.push(format!(
            "nvpico calibrate --model {own} --data {} --out {own}",
            files(&provenance.calibration_sources)
        ));
    }
    lines.push(last.to_owned());
    lines
}
