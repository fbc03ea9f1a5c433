//! `nvpico measure`: runs models of many shapes on the emulated cores and writes the table that `nvpico inspect`
//! estimates by. To be run again when the engine's kernels change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::verify::verify_if_it_fits;
use crate::deploy::cost;
use crate::deploy::cost::samples;
use crate::deploy::cost::table::{Deviations, Entry, Kind, Table};
use crate::harness::Core;
use crate::measure::coefficients::{self, Observation};
use crate::output::{self, say};
use crate::precision::Precision;

#[derive(Debug, Args)]
/// Arguments of `nvpico measure`.
pub struct MeasureArgs {
    /// Table to write; entries of other cores are kept
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Cores to measure; all distinct ones by default
    #[arg(long, value_enum)]
    core: Vec<Core>,
    /// Precisions to measure; all by default
    #[arg(long, value_enum)]
    precision: Vec<Precision>,
    /// The tool `mcu-cost`, which estimates the Cortex-M4F's cycles instruction by instruction
    #[arg(long, value_name = "FILE")]
    mcu_cost: Option<PathBuf>,
    /// Cache of measurements, read and added to; valid for one state of the engine only
    #[arg(long, value_name = "FILE")]
    observations: Option<PathBuf>,
}

/// Observations by core and hash of the model.
type Observations = BTreeMap<String, Observation>;

/// # Errors
/// Building, emulation or writing fails.
pub fn run(args: &MeasureArgs) -> anyhow::Result<bool> {
    let mut table: Table = read(Some(&args.out))?.unwrap_or_default();
    let mut kept: Observations = read(args.observations.as_deref())?.unwrap_or_default();
    let samples = samples::all();
    let all = Core::ALL.into_iter();
    let cores: Vec<Core> = if args.core.is_empty() {
        all.filter(|core| core.same_code_as().is_none()).collect()
    } else {
        args.core.clone()
    };
    let tool = args.mcu_cost.as_deref();
    if tool.is_none() && cores.contains(&Core::M4f) {
        say!("no --mcu-cost: cycles of the Cortex-M4F follow from its instructions");
    }
    let precisions = if args.precision.is_empty() {
        Precision::ALL.to_vec()
    } else {
        args.precision.clone()
    };
    let pairs = cores
        .iter()
        .flat_map(|&core| precisions.iter().map(move |&own| (core, own)));
    for (core, precision) in pairs {
        let mut observed = Vec::new();
        for (index, sample) in samples::of(&samples, precision).enumerate() {
            let key = format!("{core} {precision} {}", sample.model.hash());
            let observation = if let Some(observation) = kept.get(&key) {
                *observation
            } else {
                let observed =
                    coefficients::run_sample(sample, precision, core, tool, &verify_if_it_fits)?;
                let Some(observation) = observed else {
                    continue;
                };
                say!(
                    "{core} {precision}, {}/{}, {}: {} instructions",
                    index + 1,
                    samples::of(&samples, precision).count(),
                    sample.name,
                    observation.instructions
                );
                kept.insert(key, observation);
                if let Some(path) = &args.observations {
                    write(path, &kept)?;
                }
                observation
            };
            observed.push((sample, observation));
        }
        for kind in [Kind::Vector, Kind::Map] {
            let own: Vec<_> = (observed.iter().copied())
                .filter(|(sample, _)| {
                    cost::kind(&sample.model.deploy().spec, precision) == Ok(kind)
                })
                .collect();
            let (entry, outliers) = coefficients::entry(precision, core, kind, &own);
            for outlier in outliers {
                say!(
                    "{}: {} estimated {:.0}, measured {:.0}",
                    outlier.model,
                    outlier.what,
                    outlier.estimated,
                    outlier.measured
                );
            }
            let Deviations {
                instructions,
                cycles,
                flash,
                stack,
            } = entry.deviation;
            say!(
                "{core} {precision}, {kind:?}: largest deviation of instructions {:.2} %, cycles {:.2} %, flash {:.2} %, stack {:.2} %",
                100.0 * instructions,
                100.0 * cycles,
                100.0 * flash,
                100.0 * stack
            );
            let key = |entry: &Entry| (entry.precision, entry.core, entry.kind);
            table.entries.retain(|old| key(old) != key(&entry));
            table.entries.push(entry);
            table
                .entries
                .sort_by_key(|entry| (entry.precision, entry.core, entry.kind));
        }
        // Core by core: what is done stays done.
        table.made_by = format!("nvpico measure, nvpico {}", env!("CARGO_PKG_VERSION"));
        write(&args.out, &table)?;
    }
    Ok(true)
}

/// A JSON file's value, where there is a file.
fn read<T: serde::de::DeserializeOwned>(path: Option<&Path>) -> anyhow::Result<Option<T>> {
    let Some(path) = path.filter(|path| path.exists()) else {
        return Ok(None);
    };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let value = serde_json::from_str(&text).with_context(|| {
        format!(
            "{} was not written by this version of the program; remove it",
            path.display()
        )
    })?;
    Ok(Some(value))
}

fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    output::write_atomic(path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}
