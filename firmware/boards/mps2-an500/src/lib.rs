//! Emulated Arm MPS2 with a Cortex-M7 and its FPU: `qemu-system-arm -machine mps2-an500`.

#![no_std]

pub use nvpico_harness::files::store;
pub use nvpico_harness::flash::keep;
pub use nvpico_harness::{entry, fail, halt};
pub use nvpico_mps2::{Timer, sensors};
pub use nvpico_support::COLUMNS;

/// The board's name.
pub const NAME: &str = "mps2-an500";
