//! What an ELF tells: the memory it takes, the board it was built for.

use std::fs;
use std::path::Path;

use object::{Object, ObjectSection, ObjectSymbol};

use super::HarnessError;

/// Sections that lie in flash.
const FLASH: [&str; 5] = [".vector_table", ".text", ".rodata", ".data", ".ARM.exidx"];
/// Sections that lie in RAM.
const STATIC_RAM: [&str; 3] = [".data", ".bss", ".uninit"];
/// The firmware defines a symbol with this prefix and its board's name, dashes as underscores.
const BOARD_SYMBOL: &str = "__nvpico_board_";

/// Bytes that an ELF takes on the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Vector table, code, constants and the initial values of variables.
    pub flash: u64,
    /// Variables; the stack is not among them.
    pub static_ram: u64,
}

/// Measures an ELF's sections.
///
/// # Errors
/// The file cannot be read or is no ELF.
pub fn footprint(elf: &Path) -> Result<Footprint, HarnessError> {
    let data = fs::read(elf).map_err(HarnessError::file("cannot read", elf))?;
    let object = parse(elf, &data)?;
    let total = |names: &[&str]| {
        object
            .sections()
            .filter(|section| section.name().is_ok_and(|name| names.contains(&name)))
            .map(|section| section.size())
            .sum()
    };
    Ok(Footprint {
        flash: total(&FLASH),
        static_ram: total(&STATIC_RAM),
    })
}

/// The name of the board that an ELF was built for.
///
/// # Errors
/// The ELF names none: it is not one of nvpico's.
pub(super) fn board(path: &Path, data: &[u8]) -> Result<String, HarnessError> {
    let object = parse(path, data)?;
    object
        .symbols()
        .find_map(|symbol| {
            let name = symbol.name().ok()?.strip_prefix(BOARD_SYMBOL)?;
            Some(name.replace('_', "-"))
        })
        .ok_or_else(|| HarnessError::Elf {
            path: path.to_owned(),
            reason: format!("no symbol {BOARD_SYMBOL}* names its board"),
        })
}

/// Names of an ELF's symbols.
pub(super) fn symbols(path: &Path) -> Result<Vec<String>, HarnessError> {
    let data = fs::read(path).map_err(HarnessError::file("cannot read", path))?;
    let object = parse(path, &data)?;
    let names = object.symbols().filter_map(|symbol| symbol.name().ok());
    Ok(names.map(str::to_owned).collect())
}

fn parse<'data>(path: &Path, data: &'data [u8]) -> Result<object::File<'data>, HarnessError> {
    object::File::parse(data).map_err(|error| HarnessError::Elf {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
