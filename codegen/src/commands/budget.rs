//! `nvpico train --flash --ram --cycles --core`: a model within what the chip has to spare.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;

use super::progress_bar;
use crate::data::Table;
use crate::fit::recipe::Recipe;
use crate::fit::search::{self, Budget, Found, Trial};
use crate::harness::Core;
use crate::limits;
use crate::output::{Target, TextTable, say};
use crate::report::plot::{self, Point};

/// What a score may cost on the chip.
#[derive(Debug, Default, Args)]
#[command(group(clap::ArgGroup::new("limit").multiple(true)))]
pub(super) struct BudgetArgs {
    /// Bytes of flash that engine and model may take, such as 32K: tries the architectures and precisions that fit
    /// and trains the best one
    #[arg(long, value_name = "BYTES", value_parser = limits::bytes, requires = "core", group = "limit")]
    flash: Option<u64>,
    /// Bytes of RAM that engine and model may take, stack included, such as 1K
    #[arg(long, value_name = "BYTES", value_parser = limits::bytes, requires = "core", group = "limit")]
    ram: Option<u64>,
    /// Cycles that one score may take, such as 200K
    #[arg(long, value_name = "CYCLES", value_parser = limits::counts, requires = "core", group = "limit")]
    cycles: Option<u64>,
    /// The core that the limits are for
    #[arg(long, value_enum, requires = "limit")]
    core: Option<Core>,
}

impl BudgetArgs {
    /// The limits, where there are any, and the core that they are for.
    pub(super) fn limits(&self) -> Option<(Core, Budget)> {
        let budget = Budget {
            flash: self.flash,
            ram: self.ram,
            cycles: self.cycles,
        };
        self.core.map(|core| (core, budget))
    }
}

/// Searches with a progress bar, prints what was tried, and writes a plot next to the model.
///
/// # Errors
/// Nothing that fits, or a plot that cannot be written.
pub(super) fn find(
    table: &Table,
    recipe: &Recipe,
    (core, budget): (Core, Budget),
    out: &Path,
) -> anyhow::Result<Found> {
    let plot = out.with_extension("frontier.svg");
    let cannot_write = || format!("cannot write {}", plot.display());
    let target = Target::open(&plot).with_context(cannot_write)?;
    let bar = progress_bar(1, "{bar:30} structure {pos}/{len}  {eta} left");
    let terminal = std::io::stderr().is_terminal();
    let found = search::search(table, recipe, core, budget, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        if !terminal && done > 0 {
            say!("structure {done} of {all}");
        }
    });
    bar.finish_and_clear();
    let found = found?;
    let mut text = TextTable::new(&[
        "structure",
        "precision",
        "flash B",
        "RAM B",
        "cycles",
        "held out, nats",
        "outliers, AUROC",
        "",
    ]);
    let mut trials: Vec<&Trial> = found.trials.iter().filter(|trial| trial.fits).collect();
    trials.sort_by_key(|trial| trial.cost.flash_bytes);
    let figure = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    for trial in &trials {
        text.row([
            trial.structure(),
            trial.precision.to_string(),
            trial.cost.flash_bytes.to_string(),
            trial.ram().to_string(),
            trial.cost.cycles.to_string(),
            figure(trial.held_out_log_prob),
            figure(trial.outlier_auroc),
            if trial.chosen { "chosen" } else { "" }.to_owned(),
        ]);
    }
    say!(
        "{text}{} others do not fit; costs on the {core} are estimates, `nvpico verify` measures them",
        found.trials.len() - trials.len()
    );
    let point = |trial: &&Trial| Point {
        cost: trial.cost.flash_bytes as f64 / 1024.0,
        gain: trial.held_out_log_prob.unwrap_or(f64::NAN),
        group: trial.precision.to_string(),
        chosen: trial.chosen,
    };
    let points: Vec<Point> = trials.iter().map(point).collect();
    let drawing = plot::frontier("flash, KiB", &points)?;
    let written = target.write(|file| file.write_all(drawing.as_bytes()));
    written.with_context(cannot_write)?;
    say!("plot of log-density against flash: {}", plot.display());
    Ok(found)
}
