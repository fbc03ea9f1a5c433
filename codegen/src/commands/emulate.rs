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
    #[cfg(unix)]
    {
        let program = args.elf.file_stem().unwrap_or_default();
        if program == "detect" || program == "record" {
            return sensors::run(&args.elf, colour);
        }
    }
    Ok(qemu::emulate(&args.elf, colour, |line| println!("{line}"))?)
}

/// Programs that read sensors: the emulated ones measure a field that sways and a room that warms and cools.
#[cfg(unix)]
mod sensors {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::harness::live::{Live, LiveRequest};
    use crate::harness::qemu::Ended;
    use crate::simulate::field::surroundings;

    /// Another one than the model was trained on: what it sees is new to it.
    const SEED: u64 = 2;
    /// Ten a second: an hour, then it begins again.
    const COUNT: usize = 36_000;

    pub(super) fn run(elf: &Path, colour: bool) -> anyhow::Result<bool> {
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        // A second handler in one process is the only way this fails; then Ctrl-C just ends us.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
        let field = surroundings(SEED, COUNT);
        eprintln!(
            "emulated magnetometer and thermometer, in a field that sways as while all is well; Ctrl-C ends"
        );
        let mut live = Live::start(&LiveRequest {
            elf,
            folder: Path::new("."),
            surroundings: &field[0],
            real_time: true,
            colour,
        })?;
        let ended = live.follow(
            field.iter().copied().cycle(),
            || stopped.load(Ordering::Relaxed),
            |line| println!("{line}"),
        )?;
        Ok(ended != Ended::Failure)
    }
}
