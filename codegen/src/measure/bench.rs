//! Models on emulated cores beside what other engines were measured at, as a table in Markdown.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::{Run, mcu_cost, peers};
use crate::deploy::Ready;
use crate::deploy::cost::samples::rows_of;
use crate::harness::Core;
use crate::output;
use crate::precision::Precision;

/// Seed of the rows that are drawn from each model.
pub const SEED: u64 = 1;

/// A row of the table; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Name of the model.
    pub model: String,
    /// Multiply-accumulates of a score.
    pub multiply_accumulates: usize,
    /// The engine.
    pub engine: String,
    /// The core.
    pub core: Core,
    /// The number format.
    pub precision: Precision,
    /// Instructions of a score.
    pub instructions: u64,
    /// Estimated cycles of a score, on a core whose timings the tool `mcu-cost` knows.
    pub estimated_cycles: Option<u64>,
    /// Bytes of flash that engine and model add.
    pub flash_bytes: u64,
    /// Bytes of RAM that they add, stack included.
    pub ram_bytes: u64,
    /// Bits that differ from the desktop's.
    pub differing_bits: u64,
}

/// Runs a model on a core; nothing where it does not fit.
///
/// # Errors
/// Whatever `run` or the tool says.
pub fn measure(
    name: &str,
    ready: &Ready<'_>,
    core: Core,
    assembly: bool,
    tool: Option<&Path>,
    run: &Run<'_>,
) -> anyhow::Result<Option<Measured>> {
    let folder = output::temporary_folder()?;
    let deployed = ready.model.deploy();
    let rows = rows_of(&deployed, SEED);
    let Some(report) = run(ready, &rows, core, assembly, folder.path())? else {
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
#[must_use]
pub fn table(rows: &[Measured]) -> String {
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
            output::with_commas(row.multiply_accumulates as u64)
        );
        line([
            model,
            row.engine.clone(),
            row.core.to_string(),
            row.precision.to_string(),
            output::with_commas(row.instructions),
            row.estimated_cycles
                .map(output::with_commas)
                .unwrap_or_default(),
            output::with_commas(row.flash_bytes),
            output::with_commas(row.ram_bytes),
        ]);
        if rows.get(at + 1).is_none_or(|next| next.model != row.model) {
            for peer in peers::of(&row.model) {
                line([
                    row.model.clone(),
                    peer.engine.to_owned(),
                    peer.core.to_string(),
                    peer.precision.to_string(),
                    output::with_commas(peer.instructions),
                    peer.cycles.map(output::with_commas).unwrap_or_default(),
                    peer.flash.map(output::with_commas).unwrap_or_default(),
                    peer.ram.map(output::with_commas).unwrap_or_default(),
                ]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
