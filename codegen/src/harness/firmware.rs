//! Builds the firmware with a generated model for one core, and measures what the ELF takes.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::HarnessError;
use super::core::{self, Board, Core};
use super::toolchain::{Toolchain, run_build};
use object::{Object, ObjectSection, ObjectSymbol};

/// Sections that lie in flash.
const FLASH: [&str; 5] = [".vector_table", ".text", ".rodata", ".data", ".ARM.exidx"];
/// Sections that lie in RAM.
const STATIC_RAM: [&str; 3] = [".data", ".bss", ".uninit"];
/// The firmware defines a symbol with this prefix and its board's name, dashes as underscores.
const BOARD_SYMBOL: &str = "__nvpico_board_";

/// The engine is built for size, which its kernels for vectors do not suffer from; those of convolutions would.
const MAPS_PROFILE: &str = "profile.release.package.nvpico.opt-level=3";

/// What the linker says of a program that is larger than its memory.
const DOES_NOT_FIT: &str = "will not fit in region";

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct BuildRequest<'a> {
    /// The program in `firmware/src/bin`.
    pub program: &'a str,
    /// For which core, hence which board.
    pub core: Core,
    /// The generated module.
    pub model: &'a Path,
    /// Features besides the board's.
    pub features: &'a [&'a str],
    /// Cargo's target folder. Builds into the same one are quick after the first, and wait for each other.
    pub target_dir: &'a Path,
    /// Where to put the ELF: the target folder keeps only the last one built.
    pub output: &'a Path,
}

/// The folder with the firmware's sources: `NVPICO_FIRMWARE`, or the one beside the sources of this crate.
///
/// # Errors
/// [`HarnessError::NoFirmware`] if there is no `Cargo.toml` in it.
pub fn locate() -> Result<PathBuf, HarnessError> {
    let folder = env::var_os("NVPICO_FIRMWARE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware"),
        PathBuf::from,
    );
    if folder.join("Cargo.toml").is_file() {
        Ok(folder)
    } else {
        Err(HarnessError::NoFirmware { folder })
    }
}

/// Builds a program of the firmware in release mode and leaves its ELF at the request's `output`.
///
/// # Errors
/// Missing sources or toolchain, what the compiler said, or a file that cannot be written.
pub fn build(request: &BuildRequest<'_>) -> Result<(), HarnessError> {
    let folder = locate()?;
    let BuildRequest {
        program,
        core,
        model,
        target_dir,
        output,
        ..
    } = *request;
    let model =
        fs::canonicalize(model).map_err(HarnessError::file("cannot find the model", model))?;
    fs::create_dir_all(target_dir).map_err(HarnessError::file("cannot create", target_dir))?;
    // Held until the ELF is copied: another build would replace it.
    let lock = target_dir.join(".nvpico-lock");
    let lock_file = File::create(&lock).map_err(HarnessError::file("cannot create", &lock))?;
    lock_file
        .lock()
        .map_err(HarnessError::file("cannot lock", &lock))?;

    let mut command = Toolchain::find(core.target(), &folder)?.build_command(&folder, target_dir);
    command.args([
        "--quiet",
        "--release",
        "--bin",
        program,
        "--no-default-features",
        "--features",
    ]);
    command.arg([&[core.board()], request.features].concat().join(","));
    if let Some(cpu) = core.cpu() {
        // Comes after the flags of the firmware's configuration, and the last one holds.
        let flags = format!("target.{}.rustflags=['-Ctarget-cpu={cpu}']", core.target());
        command.arg("--config").arg(flags);
    }
    if request.features.contains(&"feature-maps") {
        command.args(["--config", MAPS_PROFILE]);
    }
    command.env("NVPICO_MODEL", &model);
    command.env("DEFMT_LOG", log_level(program));
    run_build(
        &mut command,
        &format!("the firmware's `{program}` for core {core}"),
    )
    .map_err(|error| match error {
        HarnessError::Build { output, .. } if output.contains(DOES_NOT_FIT) => {
            HarnessError::DoesNotFit {
                core: core.name(),
                memory: core.memory(),
            }
        }
        other => other,
    })?;

    let built = target_dir.join(core.target()).join("release").join(program);
    fs::copy(&built, output).map_err(HarnessError::file(
        "cannot copy the built firmware to",
        output,
    ))?;
    Ok(())
}

/// What a program logs. Frames of defmt are no text, and tools that capture the output of `score` may want text:
/// errors only. The programs that read sensors have nothing to say but their logs.
fn log_level(program: &str) -> &'static str {
    match program {
        "detect" | "record" => "debug",
        _ => "error",
    }
}

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

/// The board that an ELF was built for.
///
/// # Errors
/// The ELF names none: it is not one of nvpico's.
pub(super) fn board(path: &Path, data: &[u8]) -> Result<&'static Board, HarnessError> {
    let object = parse(path, data)?;
    object
        .symbols()
        .find_map(|symbol| {
            let name = symbol.name().ok()?.strip_prefix(BOARD_SYMBOL)?;
            core::board(&name.replace('_', "-"))
        })
        .ok_or_else(|| HarnessError::Elf {
            path: path.to_owned(),
            reason: format!("no symbol {BOARD_SYMBOL}* names an emulated board"),
        })
}

fn parse<'data>(path: &Path, data: &'data [u8]) -> Result<object::File<'data>, HarnessError> {
    object::File::parse(data).map_err(|error| HarnessError::Elf {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
