//! `nvpico emulate`: the cargo runner of the firmware.

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::harness::qemu;
use crate::interrupt;
use crate::output::{say, terminal};
use crate::simulate::field::field_rows;

/// Not the one the model was trained on, so that its readings are new.
const SEED: u64 = 2;
/// A minute at ten a second.
const REPLAYED: usize = 600;

#[derive(Debug, Args)]
/// Arguments of `nvpico emulate`.
pub struct EmulateArgs {
    /// Firmware ELF
    elf: PathBuf,
}

/// # Errors
/// The emulator does not run.
pub fn run(args: &EmulateArgs) -> anyhow::Result<bool> {
    let colour = std::io::stdout().is_terminal();
    let program = args.elf.file_stem().unwrap_or_default();
    if program == "detect" || program == "record" {
        let (_, emulation) = qemu::board(&args.elf)?;
        #[cfg(unix)]
        if emulation.sensors {
            return sensors::run(&args.elf, colour);
        }
        if !emulation.sensors {
            readings()?;
        }
    }
    interrupt::keep();
    Ok(qemu::emulate(&args.elf, colour, log)?)
}

/// A line of the firmware's log, with its colours.
fn log(line: &str) {
    terminal::write(format!("{line}\n").as_bytes());
}

/// For a board that is emulated without sensors: writes readings into the current folder, unless there are some.
fn readings() -> anyhow::Result<()> {
    let path = Path::new("readings.bin");
    if path.exists() {
        say!(
            "this board is emulated without sensors: it replays {}",
            path.display()
        );
        return Ok(());
    }
    let rows = field_rows(SEED, REPLAYED);
    let bytes: Vec<u8> = rows
        .as_flattened()
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    say!(
        "this board is emulated without sensors: it replays a minute of simulated readings, written to {}",
        path.display()
    );
    Ok(())
}

/// For programs that read sensors: the emulated ones measure a swaying field and a room that warms and cools.
#[cfg(unix)]
mod sensors {
    use std::path::Path;

    use crate::harness::live::{Live, LiveRequest};
    use crate::harness::qemu::Ended;
    use crate::interrupt;
    use crate::output::{say, terminal};
    use crate::simulate::field::surroundings;

    use super::{SEED, log};

    /// An hour at ten a second, then it starts over.
    const COUNT: usize = 36_000;

    pub(super) fn run(elf: &Path, colour: bool) -> anyhow::Result<bool> {
        interrupt::keep();
        let field = surroundings(SEED, COUNT);
        say!("emulated magnetometer and thermometer in a normally swaying field; Ctrl-C ends");
        let mut live = Live::start(&LiveRequest {
            elf,
            folder: Path::new("."),
            surroundings: &field[0],
            real_time: true,
            colour,
        })?;
        let followed = live.follow(
            field.iter().copied().cycle(),
            || interrupt::heard() || terminal::stdout_failed(),
            log,
        );
        match followed {
            // Ctrl-C ends it, whether the emulator or this program got the signal first.
            _ if interrupt::heard() => Ok(true),
            ended => Ok(ended? != Ended::Failure),
        }
    }
}
