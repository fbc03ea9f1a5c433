//! Builds programs of the firmware with a generated model.

use std::fs::{self, File};
use std::path::Path;

use super::HarnessError;
use super::boards::{self, Board};
use super::core::Core;
use super::toolchain::{Toolchain, run_build};

/// The engine is built for size, which its kernels for vectors do not suffer from; those of convolutions would.
const MAPS_PROFILE: &str = "profile.release.package.nvpico.opt-level=3";

/// What the linker says of a program that is larger than its memory.
const DOES_NOT_FIT: &str = "will not fit in region";

/// What the programs log. Frames of defmt are no text, and tools that capture the output of `score` may want text:
/// errors only. The programs that read sensors have nothing to say but their logs. One setting for all of them, because
/// another one would recompile everything.
const LOG_LEVELS: &str = "error,nvpico_support=debug,detect=debug,record=debug";

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct BuildRequest<'a> {
    /// Programs of `firmware/programs`. Built together they share all but the last step.
    pub programs: &'a [&'a str],
    /// For which core, hence which board.
    pub core: Core,
    /// The generated module.
    pub model: &'a Path,
    /// Features of the engine that the model needs.
    pub features: &'a [&'a str],
    /// Cargo's target folder. Builds into the same one are quick after the first, and wait for each other.
    pub target_dir: &'a Path,
    /// The folder in which to put the ELFs, `score.elf` for `score`: the target folder keeps only the last one built.
    pub output: &'a Path,
}

/// Builds programs of the firmware in release mode and leaves their ELFs in the request's `output`.
///
/// # Errors
/// Missing sources or toolchain, what the compiler said, or a file that cannot be written.
pub fn build(request: &BuildRequest<'_>) -> Result<(), HarnessError> {
    build_package(request, None, &[])
}

/// As [`build`], of another package of the firmware than the board's, and with features of that package.
pub(super) fn build_package(
    request: &BuildRequest<'_>,
    package: Option<&str>,
    package_features: &[&str],
) -> Result<(), HarnessError> {
    let BuildRequest {
        programs,
        core,
        model,
        features,
        target_dir,
        output,
    } = *request;
    let board = Board::of(core)?;
    let model =
        fs::canonicalize(model).map_err(HarnessError::file("cannot find the model", model))?;
    fs::create_dir_all(target_dir).map_err(HarnessError::file("cannot create", target_dir))?;
    // Held until the ELFs are copied: another build would replace them.
    let lock = target_dir.join(".nvpico-lock");
    let lock_file = File::create(&lock).map_err(HarnessError::file("cannot create", &lock))?;
    lock_file
        .lock()
        .map_err(HarnessError::file("cannot lock", &lock))?;

    let toolchain = Toolchain::find(&board.target, &board.folder)?;
    let mut command = toolchain.build_command(&board.folder, target_dir);
    command.args(["--quiet", "--release"]);
    if let Some(package) = package {
        command.args(["--package", package]);
    }
    for program in programs {
        command.args(["--bin", program]);
    }
    let engine = features.iter().map(|feature| format!("nvpico/{feature}"));
    let all: Vec<String> = engine
        .chain(package_features.iter().map(|&feature| feature.to_owned()))
        .collect();
    command.arg("--features").arg(all.join(","));
    if features.contains(&"feature-maps") {
        command.args(["--config", MAPS_PROFILE]);
    }
    command.env("NVPICO_MODEL", &model);
    command.env("DEFMT_LOG", LOG_LEVELS);
    let what = format!("the firmware's {} for core {core}", programs.join(" and "));
    run_build(&mut command, &what).map_err(|error| match error {
        HarnessError::Build { output, .. } if output.contains(DOES_NOT_FIT) => {
            HarnessError::DoesNotFit {
                core,
                memory: board.memory,
            }
        }
        other => other,
    })?;

    let built = target_dir.join(&board.target).join("release");
    for program in programs {
        let elf = output.join(format!("{program}.elf"));
        fs::copy(built.join(program), &elf)
            .map_err(HarnessError::file("cannot copy the built firmware to", elf))?;
    }
    Ok(())
}

/// Builds the engine alone for `target` with the given features, as a check that it compiles there.
///
/// # Errors
/// No toolchain for the target, or what the compiler said.
pub fn build_engine(
    target: &str,
    features: &[&str],
    target_dir: &Path,
) -> Result<(), HarnessError> {
    let engine = boards::locate()?.join("..");
    let mut command = Toolchain::find(target, &engine)?.build_command(&engine, target_dir);
    command.args([
        "--quiet",
        "--release",
        "--package",
        "nvpico",
        "--no-default-features",
    ]);
    command.arg("--features").arg(features.join(","));
    run_build(
        &mut command,
        &format!("the engine for {target} with {}", features.join(", ")),
    )
}
