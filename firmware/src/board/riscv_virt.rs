//! QEMU's RISC-V machine `virt` with an RV32IMC hart.
//!
//! The timer is the counter of retired instructions that the architecture demands.

/// The board's name.
pub const NAME: &str = "riscv-virt";

/// Virtual time of one tick: an instruction.
pub const PICOSECONDS_PER_TICK: u32 = 1000;

/// The counter runs from reset on.
pub fn start_timer() {}

/// Ticks so far, wrapping: take differences with `wrapping_sub`.
pub fn ticks() -> u32 {
    riscv::register::minstret::read() as u32
}
