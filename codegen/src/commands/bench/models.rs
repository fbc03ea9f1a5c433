//! `nvpico bench models`: models on the emulated cores beside what other engines were measured at, as the table of docs/costs.md.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::super::load_model;
use super::super::verify::verify_if_it_fits;
use super::page::Page;
use crate::deploy::cost::samples::rows_of;
use crate::harness::Core;
use crate::measure::bench::{SEED, measure, table};
use crate::output::{print_json, say, show};
use crate::precision::Precision;

/// The marks around the table.
const MARKS: [&str; 2] = [
    "<!-- bench: written by scripts/bench.sh, up to the mark of the end -->",
    "<!-- bench: end -->",
];

#[derive(Debug, Args)]
/// Arguments of `nvpico bench models`.
pub struct ModelArgs {
    /// Models, as NAME=FILE
    #[arg(required = true, value_name = "NAME=FILE")]
    models: Vec<String>,
    /// Cores to emulate; all distinct ones by default
    #[arg(long, value_enum, value_delimiter = ',')]
    core: Vec<Core>,
    /// The tool `mcu-cost`, for the Cortex-M4F's cycles
    #[arg(long, value_name = "FILE")]
    mcu_cost: Option<PathBuf>,
    /// Page to write the table into, between its marks; otherwise it is printed
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Print JSON: a list with one object per measurement
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Building, emulation or writing fails.
pub fn run(args: &ModelArgs) -> anyhow::Result<bool> {
    // Before the work, not after it.
    let page = args.page.as_deref().map(|page| Page::open(page, MARKS));
    let page = page.transpose()?;
    if args.mcu_cost.is_none() {
        say!("no --mcu-cost: the column of estimated cycles stays empty");
    }
    let all = Core::ALL.into_iter();
    let cores: Vec<Core> = if args.core.is_empty() {
        all.filter(|core| core.same_code_as().is_none()).collect()
    } else {
        args.core.clone()
    };
    let mut rows = Vec::new();
    for pair in &args.models {
        let (name, file) = pair
            .split_once('=')
            .with_context(|| format!("write {pair:?} as NAME=FILE"))?;
        let mut model = load_model(Path::new(file))?;
        if model.integer.is_none() {
            let rows = rows_of(&model.deploy(), SEED);
            model.find_ranges(&rows);
        }
        for &core in &cores {
            // The kernel in assembly is for cores with an FPU; one of them shows what it gains.
            let kernels: &[bool] = if core == Core::M4f {
                &[false, true]
            } else {
                &[false]
            };
            for precision in Precision::ALL {
                if precision != Precision::F32 && model.integer.is_none() {
                    continue;
                }
                let ready = model.ready(Some(precision))?;
                for &assembly in kernels {
                    say!(
                        "{name} on {core}, {precision}{}",
                        if assembly { ", in assembly" } else { "" }
                    );
                    let tool = args.mcu_cost.as_deref();
                    let run = &verify_if_it_fits;
                    rows.extend(measure(name, &ready, core, assembly, tool, run)?);
                }
            }
        }
    }
    if args.json {
        print_json(&rows)?;
    }
    let text = table(&rows);
    match page {
        Some(page) => page.write(&text)?,
        None if args.json => {}
        None => show!("{text}"),
    }
    Ok(rows.iter().all(|row| row.differing_bits == 0))
}
