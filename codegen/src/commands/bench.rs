//! `nvpico bench`: models on the emulated cores beside what other engines were measured at, as the table of docs/costs.md.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::load_model;
use super::verify::verify_if_it_fits;
use crate::deploy::cost::samples::rows_of;
use crate::harness::Core;
use crate::measure::bench::{SEED, measure, table};
use crate::output::{self, print_json, say, show};
use crate::precision::Precision;

/// The marks around the table.
const BEGIN: &str = "<!-- bench: written by scripts/bench.sh, up to the mark of the end -->";
const END: &str = "<!-- bench: end -->";

#[derive(Debug, Args)]
/// Arguments of `nvpico bench`.
pub struct BenchArgs {
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
pub fn run(args: &BenchArgs) -> anyhow::Result<bool> {
    if let Some(page) = &args.page {
        // Before the work, not after it.
        cut(page)?;
    }
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
    match &args.page {
        Some(page) => {
            let (before, after) = cut(page)?;
            let text = format!("{before}{BEGIN}\n\n{text}\n{END}{after}");
            output::write_atomic(page, text.as_bytes())
                .with_context(|| format!("cannot write {}", page.display()))?;
            say!("wrote the table in {}", page.display());
        }
        None if args.json => {}
        None => show!("{text}"),
    }
    Ok(rows.iter().all(|row| row.differing_bits == 0))
}

/// What stands before and after the table.
fn cut(page: &Path) -> anyhow::Result<(String, String)> {
    let text =
        std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| {
        format!(
            "{} has no place for the table: put the two lines\n{BEGIN}\n{END}\nwhere it is to stand",
            page.display()
        )
    })?;
    Ok((before.to_owned(), after.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_the_marks_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("costs.md");
        std::fs::write(&page, "# text\n").unwrap();
        assert!(cut(&page).unwrap_err().to_string().contains(BEGIN));
        std::fs::write(&page, format!("a\n{BEGIN}\nold\n{END}\nb\n")).unwrap();
        assert_eq!(cut(&page).unwrap(), ("a\n".to_owned(), "\nb\n".to_owned()));
    }
}
