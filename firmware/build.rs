//! Places what the linker and the compiler look for outside the sources: the board's memory layout and the
//! generated model.
//!
//! A model is a module that `nvpico export` wrote: the file named by the environment variable `NVPICO_MODEL` (an
//! absolute path), or, for want of it, `models/pump.rs` here and `models/field.rs` for the programs that read sensors.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Board feature, and the file with its memory layout.
const BOARDS: [(&str, &str); 7] = [
    ("mps2-an386", "mps2.x"),
    ("mps2-an385", "mps2.x"),
    ("mps2-an500", "mps2.x"),
    ("mps2-an505", "mps2-an505.x"),
    ("microbit", "microbit.x"),
    ("riscv-virt", "riscv-virt.x"),
    ("nrf52840-dk", "nrf52840.x"),
];

/// File that declares a model, and the model in `models` that it declares by default.
const MODELS: [(&str, &str); 2] = [("model.rs", "pump.rs"), ("field.rs", "field.rs")];

fn main() {
    let manifest =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-changed=build.rs");
    place_memory_layout(&manifest, &out);
    place_models(&manifest, &out);
}

/// Writes `memory.x`, which the linker script of cortex-m-rt or riscv-rt includes.
fn place_memory_layout(manifest: &Path, out: &Path) {
    let chosen: Vec<_> = BOARDS
        .iter()
        .filter(|(feature, _)| env::var_os(feature_variable(feature)).is_some())
        .collect();
    let [(board, file)] = chosen[..] else {
        let names = BOARDS.map(|(feature, _)| feature).join(", ");
        panic!(
            "choose exactly one board: --no-default-features --features BOARD, with BOARD one of {names}"
        );
    };
    let path = manifest.join("memory").join(file);
    println!("cargo:rerun-if-changed={}", path.display());
    let layout = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    // A symbol costs no memory and tells the host which machine to emulate.
    let symbol = format!("\n__nvpico_board_{} = 1;\n", board.replace('-', "_"));
    fs::write(out.join("memory.x"), layout + &symbol).expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search={}", out.display());
}

fn feature_variable(feature: &str) -> String {
    format!("CARGO_FEATURE_{}", feature.to_uppercase().replace('-', "_"))
}

/// Writes a file for each program's model, which declares the generated module by its path, so that the module may
/// have inner attributes.
fn place_models(manifest: &Path, out: &Path) {
    println!("cargo:rerun-if-env-changed=NVPICO_MODEL");
    let chosen = env::var_os("NVPICO_MODEL").map(PathBuf::from);
    for (declaration, default) in MODELS {
        let default = manifest.join("models").join(default);
        let path = chosen.as_ref().unwrap_or(&default);
        println!("cargo:rerun-if-changed={}", path.display());
        let path_text = path.display().to_string();
        let text = if path.is_absolute() && path.is_file() {
            format!("/// The generated model.\n#[path = {path_text:?}]\npub mod model;\n")
        } else {
            // Only for the program that needs it.
            let message = format!(
                "no model at {path_text}: set NVPICO_MODEL to the absolute path of a module written by `nvpico export`"
            );
            format!("compile_error!({message:?});\n")
        };
        fs::write(out.join(declaration), text).expect("OUT_DIR is writable");
    }
}
