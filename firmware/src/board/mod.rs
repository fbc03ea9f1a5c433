//! Board support: everything that differs from chip to chip, the same names for each board.
//!
//! `NAME`, and for the emulated boards a timer that runs from [`start_timer`], is read by [`ticks`] and counts
//! virtual time: in QEMU with `-icount shift=0` one nanosecond an instruction.

#[cfg(any(feature = "mps2-an386", feature = "mps2-an385"))]
mod mps2;
#[cfg(any(feature = "mps2-an386", feature = "mps2-an385"))]
pub use mps2::*;

#[cfg(feature = "microbit")]
mod microbit;
#[cfg(feature = "microbit")]
pub use microbit::*;
