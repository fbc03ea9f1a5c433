//! What a score will cost on a core, told without building anything.
//!
//! A model's [`Work`] says how often each part of a score is done; the [`table`] says what each part costs on a core,
//! found by least squares from models of many shapes that ran in QEMU (`nvpico measure`). Parameters, static RAM and
//! multiply-accumulates are exact; instructions, the engine's code, stack and cycles are estimates.
//!
//! ```
//! use nvpico_codegen::deploy::cost;
//! use nvpico_codegen::harness::Core;
//! use nvpico_codegen::deploy::Deployed;
//! use nvpico_codegen::model::{Layer, MathName, ModelSpec, ShapeName};
//! use nvpico_codegen::precision::Precision;
//!
//! let spec = ModelSpec { shape: ShapeName([3, 1, 1]), math: MathName::Libm, layers: vec![Layer::Affine], base: nvpico_codegen::model::BaseName::Normal, kernels: None, given: 0 };
//! let model = Deployed { spec, params: vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] };
//! let cost = cost::estimate(&model, Precision::F32, Core::M4f)?;
//! assert!(cost.instructions > 0 && cost.static_ram_bytes == 12);
//! # Ok::<(), cost::NotMeasured>(())
//! ```

mod activity;
mod convolution;
mod count;
mod cycles;
pub mod fit;
mod float;
mod integer;
mod kind;
pub mod samples;
pub mod table;
mod work;

use nvpico::integer::{I8, I16};
use serde::Serialize;

use crate::deploy::Deployed;
use crate::harness::Core;
use crate::precision::Precision;
pub use cycles::CycleSource;
pub use kind::{NotMeasured, kind};
use table::{Table, deepest, price};
pub use work::Work;

/// What a score costs on a core. The names are those of `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Flash of the parameters: exact.
    pub parameter_bytes: usize,
    /// Flash that engine and model add, the parameters among it.
    pub flash_bytes: usize,
    /// RAM of the workspace: exact.
    pub static_ram_bytes: usize,
    /// Stack that they add.
    pub stack_bytes: usize,
    /// Multiply-accumulates: exact.
    pub multiply_accumulates: usize,
    /// Instructions.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
    /// Where the cycles come from.
    pub cycle_source: CycleSource,
}

/// Bytes of parameters and of the workspace.
#[must_use]
pub fn exact(deployed: &Deployed, precision: Precision) -> [usize; 2] {
    let layers = deployed.spec.layers();
    let flow = deployed.spec.flow_spec(&layers);
    let lengths = match precision {
        Precision::F32 => [flow.param_len(), flow.workspace_len()],
        Precision::I16 => [flow.word_len::<I16>(), flow.integer_workspace_len()],
        Precision::I8 => [flow.word_len::<I8>(), flow.integer_workspace_len()],
    };
    lengths.map(|words| 4 * words)
}

/// What a score of a model costs.
///
/// # Errors
/// What was not measured.
pub fn estimate(
    deployed: &Deployed,
    precision: Precision,
    core: Core,
) -> Result<Cost, NotMeasured> {
    let kind = kind(&deployed.spec, precision)?;
    let entry = Table::built_in()
        .entry(precision, core, kind)
        .ok_or(NotMeasured::Nothing { precision, core })?;
    let layers = deployed.spec.layers();
    let flow = deployed.spec.flow_spec(&layers);
    if precision != Precision::F32 {
        let known = flow.validate_integer();
        known.map_err(|error| NotMeasured::Part(error.to_string()))?;
    }
    let work = Work::of(deployed, precision);
    let known = |cost: Result<f64, String>| cost.map_err(NotMeasured::Part);
    let instructions = known(price(&work, &entry.instructions))?;
    let (cycles, cycle_source) = match &entry.cycles {
        Some(coefficients) => (known(price(&work, coefficients))?, CycleSource::Timings),
        None => (
            instructions * cycles::per_instruction(core),
            CycleSource::Mix,
        ),
    };
    let code = known(price(&Work::structure(deployed, precision), &entry.flash))?;
    let stack = known(deepest(&work, &entry.stack))?;
    let [parameter_bytes, static_ram_bytes] = exact(deployed, precision);
    Ok(Cost {
        parameter_bytes,
        flash_bytes: parameter_bytes + code.round() as usize,
        static_ram_bytes,
        stack_bytes: stack.round() as usize,
        multiply_accumulates: flow.multiply_accumulates(),
        instructions: instructions.round() as u64,
        cycles: cycles.round() as u64,
        cycle_source,
    })
}
