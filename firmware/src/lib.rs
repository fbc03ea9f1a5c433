//! nvpico on a microcontroller, in parts that do not know each other: [`board`] (what differs from chip to chip),
//! [`host`] (files and exit status over semihosting), [`stack`] (how much of it was used), [`replay`] (rows in,
//! scores out) and the generated [`model`]. The applications in `src/bin` put them together.

#![no_std]

pub mod board;
#[cfg(feature = "semihosting")]
pub mod host;
pub mod replay;
pub mod stack;

include!(concat!(env!("OUT_DIR"), "/model.rs"));
