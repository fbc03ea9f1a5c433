//! Coefficients of costs from models that ran on emulated cores.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Run, mcu_cost};
use crate::deploy::Deployed;
use crate::deploy::cost::fit::{fit, fit_deepest};
use crate::deploy::cost::samples::Sample;
use crate::deploy::cost::table::{Coefficients, Deviations, Entry, Kind, deepest, price};
use crate::deploy::cost::{self, Work};
use crate::harness::Core;
use crate::output;
use crate::precision::Precision;

/// A deviation of an estimate that is worth reporting with its model's name.
const WORTH_TELLING: f64 = 0.03;

/// What a model's run on a core showed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Instructions of a score.
    pub instructions: f64,
    /// Bytes of flash beside the parameters.
    pub flash: f64,
    /// Bytes of stack.
    pub stack: f64,
    /// Estimated cycles of a score, where the tool `mcu-cost` is at hand.
    pub cycles: Option<f64>,
}

/// An estimate far from its measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// The model.
    pub model: String,
    /// The cost.
    pub what: &'static str,
    /// Its estimate.
    pub estimated: f64,
    /// Its measurement.
    pub measured: f64,
}

/// Runs a model on a core; `None` where the core's board is too small for it, which is said.
///
/// # Errors
/// Whatever `run` or the tool says; bits that differ from the desktop's.
pub fn run_sample(
    sample: &Sample,
    precision: Precision,
    core: Core,
    tool: Option<&Path>,
    run: &Run<'_>,
) -> anyhow::Result<Option<Observation>> {
    let folder = output::temporary_folder()?;
    let ready = sample.model.ready(Some(precision))?;
    let verified = run(&ready, &sample.rows, core, false, folder.path())?;
    let Some(report) = verified else {
        return Ok(None);
    };
    anyhow::ensure!(
        report.differing_bits == 0,
        "{}: the bits of {core} differ from the desktop's; fix that first",
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

/// Coefficients from observations of one kind on one core, and the models that they fit badly.
#[must_use]
pub fn entry(
    precision: Precision,
    core: Core,
    kind: Kind,
    observed: &[(&Sample, Observation)],
) -> (Entry, Vec<Outlier>) {
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
    let mut outliers = Vec::new();
    let mut of = |what, pairs: &mut dyn Iterator<Item = (f64, f64)>| {
        let (largest, found) = worst(what, pairs, observed);
        outliers.extend(found);
        largest
    };
    let priced = |found: &Coefficients, (work, measured): &(Work, f64)| {
        (price(work, found).unwrap_or_default(), *measured)
    };
    let by_stack =
        |(work, measured): &(Work, f64)| (deepest(work, &stack).unwrap_or_default(), *measured);
    let deviation = Deviations {
        instructions: of(
            "instructions",
            &mut instruction_pairs
                .iter()
                .map(|pair| priced(&instructions, pair)),
        ),
        cycles: cycles.as_ref().map_or(0.0, |cycles| {
            of(
                "cycles",
                &mut cycle_pairs.iter().map(|pair| priced(cycles, pair)),
            )
        }),
        flash: of("flash", &mut { whole_flash }),
        stack: of("stack", &mut stack_pairs.iter().map(by_stack)),
    };
    let entry = Entry {
        precision,
        core,
        kind,
        models: observed.len(),
        deviation,
        instructions,
        cycles,
        flash,
        stack,
    };
    (entry, outliers)
}

/// The largest relative deviation of estimates from measurements, and the models for which it is large.
fn worst(
    what: &'static str,
    pairs: &mut dyn Iterator<Item = (f64, f64)>,
    observed: &[(&Sample, Observation)],
) -> (f64, Vec<Outlier>) {
    let (mut largest, mut outliers) = (0.0_f64, Vec::new());
    for ((estimated, measured), (sample, _)) in pairs.zip(observed) {
        let deviation = (estimated / measured - 1.0).abs();
        if deviation > WORTH_TELLING {
            outliers.push(Outlier {
                model: sample.name.clone(),
                what,
                estimated,
                measured,
            });
        }
        largest = largest.max(deviation);
    }
    (largest, outliers)
}
