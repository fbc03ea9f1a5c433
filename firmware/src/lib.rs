//! nvpico on a microcontroller, in parts that do not know each other: [`arch`] (what differs from instruction set to
//! instruction set), [`board`] (from chip to chip), [`host`] (files and exit status over semihosting), [`stack`] (how
//! much of it was used), [`replay`] (rows in, scores out), [`application`] (what reads live sensors) and the generated
//! [`model`]. The applications in `src/bin` put them together.

#![no_std]

#[cfg(feature = "sensors")]
pub mod application;
pub mod arch;
pub mod board;
#[cfg(feature = "semihosting")]
pub mod host;
pub mod replay;
pub mod stack;

include!(concat!(env!("OUT_DIR"), "/model.rs"));
