//! Cycles of the Cortex-M4F as the tool `mcu-cost` estimates them, where it is installed.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

use crate::harness::Core;

/// Estimated cycles per instruction of the firmware that `verify` kept in `folder`. The tool scores the model's own
/// test vectors, so its ratio counts, not its sum.
///
/// # Errors
/// No Python, or what the tool said.
pub fn cycles_per_instruction(tool: &Path, folder: &Path, core: Core) -> anyhow::Result<f64> {
    #[derive(Deserialize)]
    struct Told {
        instructions: f64,
        estimated_m4_cycles: f64,
    }
    let output = Command::new("python3")
        .arg(tool)
        .arg(folder.join(format!("score-{core}.elf")))
        .arg("--json")
        .output()
        .context("cannot run python3, which the tool mcu-cost needs")?;
    anyhow::ensure!(
        output.status.success(),
        "{}: {}",
        tool.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Told = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{} prints no JSON of mcu-cost", tool.display()))?;
    Ok(told.estimated_m4_cycles / told.instructions)
}
