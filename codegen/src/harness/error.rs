//! What can go wrong between a model and the emulated chip, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::core::Core;

/// An error of the harness. Its text says what to do where there is something to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// Nothing here compiles for the target.
    #[error(
        "nothing here compiles for {target} ({tried}). Run `rustup target add {target}`; on Debian \
         `apt-get install rustc-web cargo-web rust-web-src lld` does it too; scripts/setup.sh tries both"
    )]
    NoToolchain {
        /// The target triple.
        target: String,
        /// What was looked at, and what it lacked.
        tried: String,
    },
    /// The emulator is not installed.
    #[error("{program} is not on the PATH; on Debian: `apt-get install {package}`")]
    NoEmulator {
        /// The emulator.
        program: String,
        /// Debian's package with it.
        package: &'static str,
    },
    /// The firmware's sources are not where they are expected.
    #[error(
        "no firmware sources in {folder}: set NVPICO_FIRMWARE to the folder `firmware` of a checkout of nvpico"
    )]
    NoFirmware {
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// No board of the firmware stands for a core.
    #[error(
        "no board in firmware/boards stands for core {core}: one has to name it in `cores` of its Cargo.toml"
    )]
    NoBoard {
        /// The core.
        core: Core,
    },
    /// A board does not describe itself as it should.
    #[error("{path} does not describe a board: {reason}")]
    Board {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A compilation failed.
    #[error("building {what} failed:\n{output}")]
    Build {
        /// What was built.
        what: String,
        /// The end of what cargo said.
        output: String,
    },
    /// The firmware is larger than the board's memory.
    #[error(
        "core {core}: the firmware with this model does not fit the emulated board, which has {memory}; choose other cores with --core, or a smaller model"
    )]
    DoesNotFit {
        /// The core.
        core: Core,
        /// Flash and RAM of its board.
        memory: String,
    },
    /// A file could not be read or written.
    #[error("{action} {path}: {source}")]
    File {
        /// What was attempted, as in "cannot read".
        action: &'static str,
        /// The file or program.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// An ELF is not what it should be.
    #[error("{path} is not a firmware of nvpico: {reason}")]
    Elf {
        /// The ELF.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The firmware ended with a failure.
    #[error("the firmware failed on core {core}:\n{log}")]
    Firmware {
        /// The emulated core.
        core: Core,
        /// Its logs and what the emulator said.
        log: String,
    },
    /// The firmware made no progress.
    #[error("the firmware on {machine} made no progress for {} seconds\n{complaints}", waited.as_secs())]
    Stalled {
        /// The emulated machine.
        machine: String,
        /// How long nothing happened.
        waited: Duration,
        /// What the emulator said.
        complaints: String,
    },
    /// A signal ended it.
    #[error("interrupted")]
    Interrupted,
    /// Rows, expectations and dimension do not fit together.
    #[error("{values} values are not {expected} rows of {dim} features")]
    Rows {
        /// Values given.
        values: usize,
        /// Features of a row.
        dim: usize,
        /// Expected scores given.
        expected: usize,
    },
    /// The firmware used all the stack that was watched.
    #[error(
        "on core {core} a score used all of the {reach} bytes of stack that were watched, so its need is unknown: \
         the model is too large for this board"
    )]
    StackExhausted {
        /// The core.
        core: Core,
        /// Bytes that were watched.
        reach: u32,
    },
}

impl HarnessError {
    /// For `map_err`: an I/O error with what was attempted on which path.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
