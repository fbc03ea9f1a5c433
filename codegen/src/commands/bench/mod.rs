//! `nvpico bench`: what detectors find on labelled sets, by the protocols of public benchmarks; and what models cost on emulated
//! cores.

mod detection;
mod drift;
mod models;
mod page;
mod tables;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataOptions;
use super::adapt_options::AdaptOptions;
use crate::detection::drift as moved;
use crate::detection::protocol::{adbench, asd, fan, skab};
use crate::model::{Adaptation, Model};
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
  nvpico bench fan data/ceiling-fan --drift

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
    Skab(DriftArgs),
    /// The Application Server Dataset: a model for each server
    Asd(FolderArgs),
    /// Fans with and without a weight: features of windows of vibration
    Fan(DriftArgs),
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

#[derive(Debug, Args)]
struct DriftArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Instead, replay the records that move away from what was trained on, with and without recalibration
    #[arg(long)]
    drift: bool,
    #[command(flatten)]
    settings: AdaptOptions,
}

/// Of the fan's record unless asked otherwise: the mean of each axis is a witness, and the mean of 4 windows is scored.
fn fan_settings(asked: &AdaptOptions, model: &Model) -> anyhow::Result<Adaptation> {
    let means = model
        .header
        .columns
        .iter()
        .filter(|name| fan::is_position(name));
    asked.or(means.cloned().collect()).applied(model)
}

/// # Errors
/// Sets that cannot be read or trained on; models that cannot be built or run.
pub fn run(args: &BenchArgs) -> anyhow::Result<bool> {
    let (name, own, sources) = match &args.protocol {
        Some(Protocol::Models(args)) => return models::run(args),
        Some(Protocol::Adbench(own)) => ("adbench", &own.options, adbench::folder(&own.folder)?),
        Some(Protocol::Skab(DriftArgs {
            folder: own,
            drift,
            settings,
        })) => {
            let sources = detection::chosen(skab::folder(&own.folder)?, own.options.sets())?;
            if *drift {
                let recipe = own.options.recipe()?;
                let mean_of = own.options.mean_of();
                return drift::run(&own.options, &|seed, precision| {
                    let asked = |model: &Model| settings.applied(model);
                    moved::skab(&sources, &asked, &recipe, [seed, mean_of as u64], precision)
                });
            }
            ("skab", &own.options, sources)
        }
        Some(Protocol::Asd(own)) => ("asd", &own.options, asd::folder(&own.folder)?),
        Some(Protocol::Fan(DriftArgs {
            folder: own,
            drift,
            settings,
        })) => {
            if *drift {
                let recipe = own.options.recipe()?;
                return drift::run(&own.options, &|seed, precision| {
                    let asked = |model: &Model| fan_settings(settings, model);
                    moved::ceiling_fan(&own.folder, &asked, &recipe, seed, precision)
                });
            }
            ("fan", &own.options, fan::folder(&own.folder)?)
        }
        None => {
            let sources = adbench::tables(&args.files, &args.data.read_options()?);
            ("files", &args.options, sources)
        }
    };
    detection::run(name, own, sources)
}
