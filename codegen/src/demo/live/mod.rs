//! The firmware's program `detect` in the emulator, with faults that the user stirs: what happens to the sensors, what the chip
//! says, and what is to be seen of it.
//!
//! [`prepare`] trains the model and builds the firmware, [`world`] makes what the sensors measure, [`line`](mod@line) reads the chip's log, [`state`] holds what was seen and judges it,
//! [`view`] draws that; `session` runs the emulator.

pub mod fault;
pub mod line;
pub mod prepare;
#[cfg(unix)]
pub mod session;
pub mod state;
pub mod twin;
pub mod view;
pub mod world;

/// Readings a second.
pub const RATE: u32 = 10;
