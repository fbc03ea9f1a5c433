//! `nvpico emulate`: the cargo runner of the firmware.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;

use crate::harness::qemu;

#[derive(Debug, Args)]
/// Arguments of `nvpico emulate`.
pub struct EmulateArgs {
    /// Firmware ELF
    elf: PathBuf,
}

/// # Errors
/// Whatever keeps the emulator from running.
pub fn run(args: &EmulateArgs) -> anyhow::Result<bool> {
    let colour = std::io::stdout().is_terminal();
    Ok(qemu::emulate(&args.elf, colour, |line| println!("{line}"))?)
}
