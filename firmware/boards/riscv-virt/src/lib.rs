//! Emulated RISC-V machine, made to have RV32IMC and nothing more: `qemu-system-riscv32 -machine virt`.
//!
//! It is emulated without sensors, so `detect` and `record` replay the file `readings.bin`.

#![no_std]

pub use nvpico_harness::files::{replayed as sensors, store};
pub use nvpico_harness::flash::keep;
pub use nvpico_harness::{entry, fail, halt};
pub use nvpico_support::COLUMNS;

/// The board's name.
pub const NAME: &str = "riscv-virt";

/// The counter of retired instructions that the architecture demands. It runs from reset on.
pub struct Timer;

impl nvpico_harness::Timer for Timer {
    const PICOSECONDS_PER_TICK: u32 = 1000;

    fn start() {}

    #[cfg(target_arch = "riscv32")]
    fn ticks() -> u32 {
        riscv::register::minstret::read() as u32
    }

    /// Elsewhere this is only looked at by lints.
    #[cfg(not(target_arch = "riscv32"))]
    fn ticks() -> u32 {
        0
    }
}
