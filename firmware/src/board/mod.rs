//! Board support: everything that differs from chip to chip, the same names for each board.
//!
//! `NAME`, and for the emulated boards a timer that runs from [`start_timer`], is read by [`ticks`] and counts
//! virtual time: in QEMU with `-icount shift=0` one nanosecond an instruction. Boards that can have sensors give
//! [`sensors`] a bus to them, carry the logs, and say in [`halt`] and [`fail`] how a program ends.

#[cfg(any(
    feature = "mps2-an385",
    feature = "mps2-an386",
    feature = "mps2-an500",
    feature = "mps2-an505"
))]
mod mps2;
#[cfg(any(
    feature = "mps2-an385",
    feature = "mps2-an386",
    feature = "mps2-an500",
    feature = "mps2-an505"
))]
pub use mps2::*;

#[cfg(feature = "microbit")]
mod microbit;
#[cfg(feature = "microbit")]
pub use microbit::*;

#[cfg(feature = "riscv-virt")]
mod riscv_virt;
#[cfg(feature = "riscv-virt")]
pub use riscv_virt::*;

#[cfg(all(feature = "sensors", feature = "semihosting"))]
mod sbcon_i2c;
#[cfg(all(feature = "sensors", feature = "semihosting"))]
pub use sbcon_i2c::{fail, halt, sensors};

#[cfg(feature = "nrf52840-dk")]
mod nrf52840;
#[cfg(feature = "nrf52840-dk")]
pub use nrf52840::*;

/// What a board gives to a program that reads sensors.
#[cfg(feature = "sensors")]
pub struct SensorBoard<I, D, W> {
    /// The bus with the sensors.
    pub i2c: I,
    /// Waits.
    pub delay: D,
    /// To be called at least once a second: a board with a watchdog resets itself when nobody does.
    pub still_alive: W,
}
