//! `nvpico verify`: the model on emulated cores, bit for bit against the desktop.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{DataArgs, PrecisionArgs, load_model, print_json, progress_bar};
use crate::export::{self, ExportOptions};
use crate::harness::firmware::{self, Core};
use crate::harness::verify::{self, CoreReport, Progress, VerifyRequest};
use crate::model::Ready;
use crate::output::TextTable;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico verify --model pump.safetensors --data today.csv
  nvpico verify --model pump.safetensors --data today.csv --core all --json
  nvpico verify --model pump.safetensors --data today.csv --keep elf/

Flash, static RAM and stack are what engine and model add over the same firmware with an empty score.
Instructions are exact counts in QEMU; they are no cycle counts.")]
/// Arguments of `nvpico verify`.
pub struct VerifyArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Cores to emulate
    #[arg(long, value_enum, default_value_t = CoreChoice::M4f)]
    core: CoreChoice,
    /// With the engine's inner loop in assembly, for cores with an FPU
    #[arg(long)]
    assembly: bool,
    /// Leave the firmware there, score-m4f.elf and so on
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print JSON: a list with one object a core
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CoreChoice {
    /// Cortex-M0 (no FPU, 16-bit instructions)
    M0,
    /// Cortex-M3 (no FPU)
    M3,
    /// Cortex-M4F
    M4f,
    /// All of them
    All,
}

/// # Errors
/// Whatever stops the building or the emulation.
pub fn run(args: &VerifyArgs) -> anyhow::Result<bool> {
    let mut model = load_model(&args.model)?;
    let table = args.data.read_for(&model)?;
    args.precision.observe(&mut model)?;
    let ready = model.ready(args.precision.precision)?;
    let cores: &[Core] = match args.core {
        CoreChoice::M0 => &[Core::M0],
        CoreChoice::M3 => &[Core::M3],
        CoreChoice::M4f => &[Core::M4f],
        CoreChoice::All => &[Core::M0, Core::M3, Core::M4f],
    };
    let reports = verify_model(
        &ready,
        &table.values,
        cores,
        args.assembly,
        args.keep.as_deref(),
    )?;
    if args.json {
        print_json(&reports)?;
    } else {
        print!("{}", report(&reports));
    }
    Ok(reports.iter().all(|r| r.differing_bits == 0))
}

/// Exports a model, builds the firmware with it, replays rows and compares, with a progress bar.
///
/// # Errors
/// Whatever stops the building or the emulation.
pub fn verify_model(
    ready: &Ready<'_>,
    rows: &[f32],
    cores: &[Core],
    assembly: bool,
    keep: Option<&Path>,
) -> anyhow::Result<Vec<CoreReport>> {
    let (words, expected) = ready.bits(rows);
    let folder = tempfile::tempdir()?;
    let module = folder.path().join("model.rs");
    std::fs::write(&module, export::module(ready, &ExportOptions::default()))?;
    let mut features = ready.spec().engine_features();
    if assembly {
        features.push("assembly");
    }
    let bar = progress_bar(0, "{msg} {bar:30} {pos}/{len} rows  {eta} left");
    let reports = verify::verify(
        &VerifyRequest {
            model: &module,
            dim: ready.spec().dim(),
            words: &words,
            expected: &expected,
            cores,
            features: &features,
            target_dir: &firmware::locate()?.join("target").join("verify"),
            keep,
        },
        |progress| match progress {
            Progress::Building(core) => bar.set_message(format!("{core}: building")),
            Progress::Scoring { core, done, total } => {
                bar.set_message(format!("{core}: scoring"));
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
        },
    )?;
    bar.finish_and_clear();
    Ok(reports)
}

/// The reports as a person reads them.
#[must_use]
pub fn report(reports: &[CoreReport]) -> String {
    let mut table = TextTable::new(&[
        "core",
        "rows",
        "differing bits",
        "instructions/score",
        "flash B",
        "static RAM B",
        "stack B",
    ]);
    for r in reports {
        table.row([
            r.core.to_string(),
            r.rows.to_string(),
            r.differing_bits.to_string(),
            r.instructions_per_score.to_string(),
            r.flash_bytes.to_string(),
            r.static_ram_bytes.to_string(),
            r.stack_bytes.to_string(),
        ]);
    }
    let mut out = table.to_string();
    for r in reports {
        if let Some(first) = &r.first_difference {
            let _ = writeln!(
                out,
                "{}: row {} differs: chip {:x?}, desktop {:x?}",
                r.core, first.row, first.chip, first.desktop
            );
        }
    }
    out
}
