//! `nvpico measure`: runs models of many shapes on the emulated cores and writes the table that `nvpico inspect`
//! estimates by. To be run again when the engine's kernels change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::mcu_cost;
use super::verify::verify_if_it_fits;
use crate::cost::fit::{fit, fit_deepest};
use crate::cost::samples::{self, Sample};
use crate::cost::table::{Coefficients, Deviations, Entry, Kind, Table, deepest, price};
use crate::cost::{self, Work};
use crate::harness::Core;
use crate::model::Deployed;
use crate::output;
use crate::precision::Precision;

/// A deviation that is shown with its model's name.
const WORTH_TELLING: f64 = 0.03;

#[derive(Debug, Args)]
/// Arguments of `nvpico measure`.
pub struct MeasureArgs {
    /// Table to write; entries of other cores in it stay
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
    /// Keep each measurement there, and take those it holds already: of one state of the engine
    #[arg(long, value_name = "FILE")]
    observations: Option<PathBuf>,
}

/// What a model's run on a core showed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Observation {
    instructions: f64,
    flash: f64,
    stack: f64,
    cycles: Option<f64>,
}

/// Observations by core and hash of the model.
type Observations = BTreeMap<String, Observation>;

/// # Errors
/// Whatever stops the building, the emulation or the writing.
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
        eprintln!("no --mcu-cost: cycles of the Cortex-M4F follow from its instructions");
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
                let Some(observation) = observe(sample, precision, core, tool)? else {
                    continue;
                };
                eprintln!(
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
            let entry = entry(precision, core, kind, &own);
            let Deviations {
                instructions,
                cycles,
                flash,
                stack,
            } = entry.deviation;
            eprintln!(
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
    let value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not of this program; remove it", path.display()))?;
    Ok(Some(value))
}

fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    output::write_atomic(path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Runs a model on a core; `None` where the core's board is too small for it, which is said.
fn observe(
    sample: &Sample,
    precision: Precision,
    core: Core,
    tool: Option<&Path>,
) -> anyhow::Result<Option<Observation>> {
    let folder = tempfile::tempdir()?;
    let ready = sample.model.ready(Some(precision))?;
    let verified = verify_if_it_fits(&ready, &sample.rows, core, false, folder.path())?;
    let Some(report) = verified else {
        return Ok(None);
    };
    anyhow::ensure!(
        report.differing_bits == 0,
        "{}: the bits of {core} differ from the desktop's; mend that first",
        sample.name
    );
    let [parameters, _] = cost::exact(&sample.model.deploy(), precision);
    let instructions = report.instructions_per_score as f64;
    let cycles = match tool {
        Some(tool) if core == Core::M4f => {
            Some(instructions * mcu_cost::cycles_per_instruction(tool, folder.path(), core)?)
        }
        _ => None,
    };
    Ok(Some(Observation {
        instructions,
        flash: report.flash_bytes as f64 - parameters as f64,
        stack: report.stack_bytes as f64,
        cycles,
    }))
}

/// Coefficients from observations of one kind on one core.
fn entry(
    precision: Precision,
    core: Core,
    kind: Kind,
    observed: &[(&Sample, Observation)],
) -> Entry {
    let pairs = |work: fn(&Deployed, Precision) -> Work, cost: &dyn Fn(&Observation) -> f64| {
        let pair = |(sample, observation): &(&Sample, Observation)| {
            (work(&sample.model.deploy(), precision), cost(observation))
        };
        observed.iter().map(pair).collect::<Vec<_>>()
    };
    let instruction_pairs = pairs(Work::of, &|o| o.instructions);
    let instructions = fit(&instruction_pairs);
    let timed = !observed.is_empty() && observed.iter().all(|(_, o)| o.cycles.is_some());
    let cycle_pairs = pairs(Work::of, &|o| o.cycles.unwrap_or_default());
    let cycles = timed.then(|| fit(&cycle_pairs));
    let flash = fit(&pairs(Work::structure, &|o| o.flash));
    let stack_pairs = pairs(Work::of, &|o| o.stack);
    let stack = fit_deepest(&stack_pairs);
    let whole_flash = observed.iter().map(|(sample, observation)| {
        let deployed = sample.model.deploy();
        let [parameters, _] = cost::exact(&deployed, precision);
        let parameters = parameters as f64;
        let code = price(&Work::structure(&deployed, precision), &flash).unwrap_or_default();
        (parameters + code, parameters + observation.flash)
    });
    let of =
        |what: &str, pairs: &[(Work, f64)], estimate: &dyn Fn(&Work) -> Result<f64, String>| {
            let both = (pairs.iter())
                .map(|(work, measured)| (estimate(work).unwrap_or_default(), *measured));
            worst(what, both, observed)
        };
    let cycles_of = |found: &Coefficients| of("cycles", &cycle_pairs, &|work| price(work, found));
    let deviation = Deviations {
        instructions: of("instructions", &instruction_pairs, &|work| {
            price(work, &instructions)
        }),
        cycles: cycles.as_ref().map_or(0.0, cycles_of),
        flash: worst("flash", whole_flash, observed),
        stack: of("stack", &stack_pairs, &|work| deepest(work, &stack)),
    };
    Entry {
        precision,
        core,
        kind,
        models: observed.len(),
        deviation,
        instructions,
        cycles,
        flash,
        stack,
    }
}

/// The largest relative deviation of estimates from measurements; says of which model it is if it is large.
fn worst(
    what: &str,
    pairs: impl Iterator<Item = (f64, f64)>,
    observed: &[(&Sample, Observation)],
) -> f64 {
    let deviations = (pairs.zip(observed)).map(|((estimate, measured), (sample, _))| {
        let own = estimate / measured - 1.0;
        if own.abs() > WORTH_TELLING {
            eprintln!(
                "{}: {what} estimated {estimate:.0}, measured {measured:.0}",
                sample.name
            );
        }
        own.abs()
    });
    deviations.fold(0.0, f64::max)
}
