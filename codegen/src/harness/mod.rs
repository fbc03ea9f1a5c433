//! From a generated model to evidence from the emulated chip: cross-compile the firmware with it, run it in QEMU,
//! compare bits, measure.
//!
//! In the order of use: [`mod@core`] names what there is to emulate, [`boards`] reads what the firmware's boards say of
//! themselves, [`toolchain`] finds what can compile for a target, [`firmware`] builds, [`elf`] measures, [`qemu`] runs a
//! firmware and decodes its logs, [`mod@verify`] puts them together, [`no_panic`] proves by linking, `live` lets a firmware
//! run while its sensors change, through `qmp`. The command line and the tests call the same functions. Nothing here
//! prints: progress goes to the caller.

pub mod boards;
pub mod core;
pub mod elf;
mod error;
pub mod firmware;
#[cfg(unix)]
pub mod live;
pub mod no_panic;
pub mod qemu;
#[cfg(unix)]
pub mod qmp;
mod replay;
pub mod toolchain;
pub mod verify;

pub use core::Core;
pub use error::HarnessError;
pub use verify::{CoreReport, Progress, VerifyRequest, verify};
