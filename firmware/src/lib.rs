//! nvpico on a microcontroller, in parts that do not know each other: [`board`] (what differs from chip to chip),
//! [`host`] (files and exit status over semihosting), [`stack`] (how much of it was used), [`replay`] (rows in,
//! scores out), [`application`] (what reads live sensors) and the generated [`model`]. The applications in `src/bin` put them together.

#![no_std]

#[cfg(feature = "sensors")]
pub mod application;
pub mod board;
#[cfg(feature = "semihosting")]
pub mod host;
pub mod replay;
pub mod stack;

include!(concat!(env!("OUT_DIR"), "/model.rs"));
