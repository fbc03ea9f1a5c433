//! The boards of the firmware: each is a folder in `firmware/boards` that describes itself.
//!
//! | fact | file |
//! | --- | --- |
//! | cores it stands for, emulator, machine, sensors | `Cargo.toml`, `[package.metadata.nvpico]` |
//! | target of the compiler | `.cargo/config.toml` |
//! | flash and RAM | `memory.x` |

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

use super::HarnessError;
use super::core::Core;

/// A board of the firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The name of its folder.
    pub name: String,
    /// Where its package is; cargo takes its settings from there.
    pub folder: PathBuf,
    /// The compiler's target triple.
    pub target: String,
    /// Flash and RAM, in words.
    pub memory: String,
    /// How it is emulated; `None` for real hardware.
    pub emulation: Option<Emulation>,
}

/// How a board is emulated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emulation {
    /// The cores that the board stands for.
    pub cores: Vec<Core>,
    /// The emulator's program.
    pub emulator: String,
    /// The emulator's arguments that choose the machine.
    pub machine: Vec<String>,
    /// Whether sensors can be put on its bus.
    pub sensors: bool,
}

/// The folder with the firmware's sources: `NVPICO_FIRMWARE`, or the one beside the sources of this crate.
///
/// # Errors
/// [`HarnessError::NoFirmware`] if it has no boards.
pub fn locate() -> Result<PathBuf, HarnessError> {
    let folder = env::var_os("NVPICO_FIRMWARE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware"),
        PathBuf::from,
    );
    if folder.join("boards").is_dir() {
        Ok(folder)
    } else {
        Err(HarnessError::NoFirmware { folder })
    }
}

impl Board {
    /// Every board of the firmware, in the order of their names.
    ///
    /// # Errors
    /// No firmware, or a board that does not describe itself as it should.
    pub fn all() -> Result<Vec<Self>, HarnessError> {
        let folder = locate()?.join("boards");
        let unreadable = || HarnessError::file("cannot read", &folder);
        let mut boards = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unreadable())? {
            let path = entry.map_err(unreadable())?.path();
            if path.join("Cargo.toml").is_file() {
                boards.push(Self::read(&path)?);
            }
        }
        boards.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(boards)
    }

    /// The board that stands for a core.
    ///
    /// # Errors
    /// As [`all`](Self::all), or there is none.
    pub fn of(core: Core) -> Result<Self, HarnessError> {
        let stands =
            |board: &Self| (board.emulation.as_ref()).is_some_and(|e| e.cores.contains(&core));
        let mut boards = Self::all()?.into_iter();
        boards.find(stands).ok_or(HarnessError::NoBoard { core })
    }

    /// The targets that the boards are built for.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn targets() -> Result<BTreeSet<String>, HarnessError> {
        Ok(Self::all()?.into_iter().map(|board| board.target).collect())
    }

    fn read(folder: &Path) -> Result<Self, HarnessError> {
        let package: Manifest = toml_file(&folder.join("Cargo.toml"))?;
        let config: Config = toml_file(&folder.join(".cargo/config.toml"))?;
        let layout = folder.join("memory.x");
        let text =
            fs::read_to_string(&layout).map_err(HarnessError::file("cannot read", &layout))?;
        let memory = memory(&text).ok_or_else(|| HarnessError::Board {
            path: layout,
            reason: "no lines with FLASH and RAM and their LENGTH".to_owned(),
        })?;
        let name = folder.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            folder: folder.to_owned(),
            target: config.build.target,
            memory,
            emulation: package
                .package
                .metadata
                .and_then(|metadata| metadata.nvpico),
        })
    }
}

/// What is read of a `Cargo.toml`.
#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    nvpico: Option<Emulation>,
}

/// What is read of a `.cargo/config.toml`.
#[derive(Deserialize)]
struct Config {
    build: BuildTable,
}

#[derive(Deserialize)]
struct BuildTable {
    target: String,
}

fn toml_file<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, HarnessError> {
    let text = fs::read_to_string(path).map_err(HarnessError::file("cannot read", path))?;
    toml::from_str(&text).map_err(|error| HarnessError::Board {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Flash and RAM of a linker script, as a person reads them.
fn memory(script: &str) -> Option<String> {
    let length = |region: &str| {
        let line = script
            .lines()
            .find(|line| line.trim_start().starts_with(region))?;
        let (_, length) = line.split_once("LENGTH = ")?;
        let length = length.trim();
        let digits = length.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match length.strip_prefix(digits)? {
            "K" => "KiB",
            "M" => "MiB",
            _ => return None,
        };
        Some(format!("{digits} {unit}"))
    };
    Some(format!(
        "{} of flash and {} of RAM",
        length("FLASH")?,
        length("RAM")?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_has_one_board_that_is_emulated() {
        let boards = Board::all().expect("boards that describe themselves");
        for core in Core::ALL {
            let of_core = boards.iter().filter(|board| {
                let emulation = board.emulation.as_ref();
                emulation.is_some_and(|emulation| emulation.cores.contains(&core))
            });
            assert_eq!(of_core.count(), 1, "{core}");
        }
    }

    #[test]
    fn a_board_is_read_from_its_own_files() {
        let board = Board::of(Core::M0).expect("a board");
        assert_eq!(board.name, "microbit");
        assert_eq!(board.target, "thumbv6m-none-eabi");
        assert_eq!(board.memory, "256 KiB of flash and 16 KiB of RAM");
        let emulation = board.emulation.expect("an emulated board");
        assert_eq!(emulation.machine, ["-machine", "microbit"]);
        assert!(!emulation.sensors);
    }

    #[test]
    fn a_layout_without_lengths_is_refused() {
        assert_eq!(memory("FLASH : ORIGIN = 0, LENGTH = 4M"), None);
        assert_eq!(memory("FLASH : LENGTH = 4M\nRAM : LENGTH = 0x100"), None);
    }
}
