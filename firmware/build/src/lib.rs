//! What the build scripts of the boards share. A board's `build.rs` is:
//!
//! ```no_run
//! nvpico_firmware_build::board(); // memory.x, the linker scripts, a symbol with the board's name
//! nvpico_firmware_build::models(); // the generated models
//! ```
//!
//! A model is a module that `nvpico export` wrote: the file named by the environment variable `NVPICO_MODEL` (an
//! absolute path), or, without it, `models/pump.rs` beside the boards for the programs that replay rows and
//! `models/field.rs` for those that read sensors.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// File that declares a model, and the model that it declares by default.
const MODELS: [(&str, &str); 2] = [("model.rs", "pump.rs"), ("field.rs", "field.rs")];

/// A module in integers has this constant, one in floats has not.
const UNITS: &str = "pub const UNITS:";

/// A module of raw samples has this constant, one of rows of features has not.
const SAMPLES: &str = "pub const SAMPLES:";

/// And one of features in integers this one.
const SAMPLE_UNITS: &str = "pub const SAMPLE_UNITS:";

/// A module with limits of recalibration has this constant.
const ADAPT: &str = "pub const ADAPT:";

/// What decides on readings, with either.
const WATCHED: &str = include_str!("watched.rs");
const RECALIBRATED: &str = include_str!("recalibrated.rs");
const AS_TRAINED: &str = include_str!("as_trained.rs");

/// What a program replays through either: rows, or windows of samples.
const ROWS: &str = include_str!("rows.rs");
const WINDOWS: &str = include_str!("windows.rs");
const COUNTS: &str = include_str!("counts.rs");

/// Links the programs by the `memory.x` beside the `Cargo.toml`, with a symbol by which a host finds the board: its
/// folder's name.
///
/// # Panics
/// The folder is not one of a board.
pub fn board() {
    let manifest = manifest_dir();
    let board = manifest.file_name().expect("a folder has a name");
    let symbol = board.to_string_lossy().replace('-', "_");
    // A symbol costs no memory.
    link(&format!("\n__nvpico_board_{symbol} = 1;\n"));
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
}

/// Links a program that has no board, by the `memory.x` beside the `Cargo.toml`.
pub fn memory_layout() {
    link("");
}

/// The linker script of cortex-m-rt or riscv-rt includes `memory.x`.
fn link(more: &str) {
    let path = manifest_dir().join("memory.x");
    println!("cargo:rerun-if-changed={}", path.display());
    let layout = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let out = out_dir();
    fs::write(out.join("memory.x"), layout + more).expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}

/// Writes `model.rs` and `field.rs` into `OUT_DIR`. Each declares a generated module by its path, so that the module
/// may have inner attributes, as `model`, the units of its counts as `UNITS`, zeros for a model in floats, and what a row
/// of a recording is.
///
/// # Panics
/// Files cannot be read or written.
pub fn models() {
    println!("cargo:rerun-if-env-changed=NVPICO_MODEL");
    let chosen = env::var_os("NVPICO_MODEL").map(PathBuf::from);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    for (declaration, default) in MODELS {
        let path = chosen.clone().unwrap_or_else(|| models.join(default));
        println!("cargo:rerun-if-changed={}", path.display());
        fs::write(out_dir().join(declaration), declare(&path)).expect("OUT_DIR is writable");
    }
}

fn declare(path: &Path) -> String {
    let path_text = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) if path.is_absolute() => {
            let units = if text.contains(UNITS) {
                "model::UNITS"
            } else {
                "[0; model::DIM]"
            };
            let input = if text.contains(SAMPLE_UNITS) {
                COUNTS
            } else if text.contains(SAMPLES) {
                WINDOWS
            } else {
                ROWS
            };
            let adapt = if text.contains(ADAPT) {
                RECALIBRATED
            } else {
                AS_TRAINED
            };
            format!(
                "/// The generated model.\n#[path = {path_text:?}]\npub mod model;\n\n\
                 /// A count of value `i` is `2^UNITS[i]`; a model in floats has none.\n\
                 #[allow(dead_code, reason = \"not every program reads sensors\")]\n\
                 const UNITS: [i32; model::DIM] = {units};\n{adapt}{WATCHED}\n{input}"
            )
        }
        _ => {
            // Only for the program that needs it.
            let message = format!(
                "no model at {path_text}: set NVPICO_MODEL to the absolute path of a module written by `nvpico export`"
            );
            format!("compile_error!({message:?});\n")
        }
    }
}

fn manifest_dir() -> PathBuf {
    folder("CARGO_MANIFEST_DIR")
}

fn out_dir() -> PathBuf {
    folder("OUT_DIR")
}

fn folder(variable: &str) -> PathBuf {
    env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: this runs in a build script"))
        .into()
}
