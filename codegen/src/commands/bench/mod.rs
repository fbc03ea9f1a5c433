//! `nvpico bench`: what detectors find on labelled sets, by the protocols of public benchmarks; and what models cost on emulated
//! cores.

mod detection;
mod models;
mod page;
mod tables;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataOptions;
use crate::detection::protocol::{adbench, asd, fan, skab};
use detection::DetectionOptions;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    after_help = "Examples:
  nvpico bench pump.csv --label anomaly
  nvpico bench adbench data/adbench --seeds 5 --resume adbench.jsonl
  nvpico bench adbench data/adbench --sets glass,wine --precision f32,i8 --csv scores.csv
  nvpico bench skab data/skab --config skab.toml --mean-of 15

FILE...: a random half of the normal rows trains, the other half and all anomalies test."
)]
/// Arguments of `nvpico bench`.
pub struct BenchArgs {
    #[command(subcommand)]
    protocol: Option<Protocol>,
    /// Labelled files, CSV or .npz with arrays X and y: a set each
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    options: DetectionOptions,
}

#[derive(Debug, Subcommand)]
enum Protocol {
    #[command(
        about = "ADBench, one-class: half of the normal rows trains, the others and all anomalies test"
    )]
    Adbench(FolderArgs),
    /// SKAB's leaderboard: the first 400 rows of each experiment train, the others test
    Skab(FolderArgs),
    /// The Application Server Dataset: a model for each server
    Asd(FolderArgs),
    /// Fans with and without a weight: features of windows of vibration
    Fan(FolderArgs),
    /// Measure models on emulated cores and compare with other engines, for docs/costs.md
    Models(models::ModelArgs),
}

#[derive(Debug, Args)]
struct FolderArgs {
    /// Folder with the sets
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    options: DetectionOptions,
}

/// # Errors
/// Sets that cannot be read or trained on; models that cannot be built or run.
pub fn run(args: &BenchArgs) -> anyhow::Result<bool> {
    let (name, own, sources) = match &args.protocol {
        Some(Protocol::Models(args)) => return models::run(args),
        Some(Protocol::Adbench(own)) => ("adbench", &own.options, adbench::folder(&own.folder)?),
        Some(Protocol::Skab(own)) => ("skab", &own.options, skab::folder(&own.folder)?),
        Some(Protocol::Asd(own)) => ("asd", &own.options, asd::folder(&own.folder)?),
        Some(Protocol::Fan(own)) => ("fan", &own.options, fan::folder(&own.folder)?),
        None => {
            let sources = adbench::tables(&args.files, &args.data.read_options()?);
            ("files", &args.options, sources)
        }
    };
    detection::run(name, own, sources)
}
