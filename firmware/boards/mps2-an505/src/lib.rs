//! Emulated Arm MPS2+ with a Cortex-M33 and its FPU, in the secure state: `qemu-system-arm -machine mps2-an505`.
//!
//! It is emulated without sensors, so `detect` and `record` replay the file `readings.bin`.

#![no_std]

pub use nvpico_harness::files::{replayed as sensors, store};
pub use nvpico_harness::flash::keep;
pub use nvpico_harness::{entry, fail, halt};
pub use nvpico_mps2::SecureTimer as Timer;
pub use nvpico_support::COLUMNS;

/// The board's name.
pub const NAME: &str = "mps2-an505";
