//! From instructions to cycles.

use serde::Serialize;

use crate::harness::Core;

/// Where a number of cycles comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CycleSource {
    /// Every executed instruction by the timings that the core's manual gives for it, without wait states, and a fit.
    Timings,
    /// The estimated instructions, by the mean of the documented timings over the instructions of one model.
    Mix,
}

/// Cycles of a mean instruction of a score: over the instructions that a score of a model with hidden layers of 64
/// executes, the timings of the core's manual, branches taken every other time, no wait states.
///
/// Cortex-M0, M0+ and M3 by their technical reference manuals; Cortex-M4 likewise. Of the Cortex-M33 no timings are
/// published: it counts as a Cortex-M4. Nor are they of the Cortex-M7: the Cortex-M4's timings on the Cortex-M7's code
/// (2.16), by the ratio of the two in `CoreMark` per megahertz (3.40 to 5.01). RV32IMC as lowRISC documents the Ibex
/// with its fast multiplier.
pub(super) fn per_instruction(core: Core) -> f64 {
    match core {
        Core::M0 => 1.66,
        Core::M0plus => 1.55,
        Core::M3 => 1.59,
        Core::M4f | Core::M33 => 1.37,
        Core::M7 => 1.46,
        Core::Rv32imc => 1.38,
    }
}
