//! `nvpico bench`: models on the emulated cores beside what others were measured at, as a table for the README.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::verify::verify_if_it_fits;
use super::{load_model, mcu_cost, print_json};
use crate::cost::samples::rows_of;
use crate::harness::Core;
use crate::model::Ready;
use crate::output;
use crate::precision::Precision;

mod peers;

/// Where the table stands in the README.
const BEGIN: &str =
    "<!-- bench: what stands from here to its end is written by scripts/bench.sh -->";
const END: &str = "<!-- bench: end -->";
/// Of the rows that are drawn from each model.
const SEED: u64 = 1;

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
    /// Write the table there, between its marks; otherwise it is printed
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Print JSON: a list with one object a measurement
    #[arg(long)]
    json: bool,
}

/// A row of the table; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Measured {
    model: String,
    multiply_accumulates: usize,
    engine: String,
    core: Core,
    precision: Precision,
    instructions: u64,
    estimated_cycles: Option<u64>,
    flash_bytes: u64,
    ram_bytes: u64,
    differing_bits: u64,
}

/// # Errors
/// Whatever stops the building, the emulation or the writing.
pub fn run(args: &BenchArgs) -> anyhow::Result<bool> {
    if let Some(readme) = &args.readme {
        // Before the work, not after it.
        cut(readme)?;
    }
    if args.mcu_cost.is_none() {
        eprintln!("no --mcu-cost: the column of estimated cycles stays empty");
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
            model.observe(&rows);
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
                    let tool = args.mcu_cost.as_deref();
                    rows.extend(measure(name, &ready, core, assembly, tool)?);
                }
            }
        }
    }
    if args.json {
        print_json(&rows)?;
    }
    let text = table(&rows);
    match &args.readme {
        Some(readme) => {
            let (before, after) = cut(readme)?;
            let text = format!("{before}{BEGIN}\n\n{text}\n{END}{after}");
            output::write_atomic(readme, text.as_bytes())
                .with_context(|| format!("cannot write {}", readme.display()))?;
            eprintln!("wrote the table in {}", readme.display());
        }
        None if args.json => {}
        None => print!("{text}"),
    }
    Ok(rows.iter().all(|row| row.differing_bits == 0))
}

/// What stands before and after the table.
fn cut(readme: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(readme)
        .with_context(|| format!("cannot read {}", readme.display()))?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| {
        format!(
            "{} has no place for the table: put the two lines\n{BEGIN}\n{END}\nwhere it is to stand",
            readme.display()
        )
    })?;
    Ok((before.to_owned(), after.to_owned()))
}

/// Runs a model on a core; nothing where it does not fit.
fn measure(
    name: &str,
    ready: &Ready<'_>,
    core: Core,
    assembly: bool,
    tool: Option<&Path>,
) -> anyhow::Result<Option<Measured>> {
    eprintln!(
        "{name} on {core}, {}{}",
        ready.precision(),
        if assembly { ", in assembly" } else { "" }
    );
    let folder = tempfile::tempdir()?;
    let deployed = ready.model.deploy();
    let rows = rows_of(&deployed, SEED);
    let Some(report) = verify_if_it_fits(ready, &rows, core, assembly, folder.path())? else {
        return Ok(None);
    };
    let cycles = match tool {
        Some(tool) if core == Core::M4f => {
            let ratio = mcu_cost::cycles_per_instruction(tool, folder.path(), core)?;
            Some((report.instructions_per_score as f64 * ratio).round() as u64)
        }
        _ => None,
    };
    let layers = deployed.spec.layers();
    Ok(Some(Measured {
        model: name.to_owned(),
        multiply_accumulates: deployed.spec.flow_spec(&layers).multiply_accumulates(),
        engine: if assembly {
            "nvpico, feature `assembly`".to_owned()
        } else {
            "nvpico".to_owned()
        },
        core,
        precision: ready.precision(),
        instructions: report.instructions_per_score,
        estimated_cycles: cycles,
        flash_bytes: report.flash_bytes,
        ram_bytes: report.static_ram_bytes + report.stack_bytes,
        differing_bits: report.differing_bits,
    }))
}

/// The table in Markdown: each model's rows, then those of others that run the same model.
fn table(rows: &[Measured]) -> String {
    let mut out = String::from(
        "| model | engine | core | precision | instructions | est. cycles | flash B | RAM B |\n\
         | --- | --- | --- | --- | ---: | ---: | ---: | ---: |\n",
    );
    let mut line = |cells: [String; 8]| {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    for (at, row) in rows.iter().enumerate() {
        let model = format!(
            "{}, {} MAC",
            row.model,
            thousands(row.multiply_accumulates as u64)
        );
        line([
            model,
            row.engine.clone(),
            row.core.to_string(),
            row.precision.to_string(),
            thousands(row.instructions),
            row.estimated_cycles.map(thousands).unwrap_or_default(),
            thousands(row.flash_bytes),
            thousands(row.ram_bytes),
        ]);
        if rows.get(at + 1).is_none_or(|next| next.model != row.model) {
            for peer in peers::of(&row.model) {
                line([
                    row.model.clone(),
                    peer.engine.to_owned(),
                    peer.core.to_string(),
                    peer.precision.to_string(),
                    thousands(peer.instructions),
                    peer.cycles.map(thousands).unwrap_or_default(),
                    peer.flash.map(thousands).unwrap_or_default(),
                    peer.ram.map(thousands).unwrap_or_default(),
                ]);
            }
        }
    }
    out
}

/// A number with a comma at every third digit.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (number, text) in [
            (7, "7"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_readme_without_the_marks_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let readme = folder.path().join("README.md");
        std::fs::write(&readme, "# text\n").unwrap();
        assert!(cut(&readme).unwrap_err().to_string().contains(BEGIN));
        std::fs::write(&readme, format!("a\n{BEGIN}\nold\n{END}\nb\n")).unwrap();
        assert_eq!(
            cut(&readme).unwrap(),
            ("a\n".to_owned(), "\nb\n".to_owned())
        );
    }

    #[test]
    fn those_who_run_the_same_model_stand_after_its_last_row() {
        let row = |core| Measured {
            model: "flow_8x64".into(),
            multiply_accumulates: 29_184,
            engine: "nvpico".into(),
            core,
            precision: Precision::F32,
            instructions: 1,
            estimated_cycles: None,
            flash_bytes: 2,
            ram_bytes: 3,
            differing_bits: 0,
        };
        let text = table(&[row(Core::M3), row(Core::M4f)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[2].contains("m3") && lines[3].contains("m4f"),
            "{text}"
        );
        assert_eq!(lines.len(), 4 + peers::of("flow_8x64").count());
        assert!(text.contains("onnx2c"));
    }
}
