//! Places what the linker and the compiler look for outside the sources: the board's memory layout and the
//! generated model.
//!
//! The model is the module that `nvpico export` wrote: the file named by the environment variable `NVPICO_MODEL`
//! (an absolute path), or `models/pump.rs` here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Board feature, and the file with its memory layout.
const BOARDS: [(&str, &str); 3] =
    [("mps2-an386", "mps2.x"), ("mps2-an385", "mps2.x"), ("microbit", "microbit.x")];

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-changed=build.rs");
    place_memory_layout(&manifest, &out);
    place_model(&manifest, &out);
}

/// Writes `memory.x`, which cortex-m-rt's linker script includes.
fn place_memory_layout(manifest: &Path, out: &Path) {
    let chosen: Vec<_> = BOARDS
        .iter()
        .filter(|(feature, _)| env::var_os(feature_variable(feature)).is_some())
        .collect();
    let [(board, file)] = chosen[..] else {
        let names = BOARDS.map(|(feature, _)| feature).join(", ");
        panic!("choose exactly one board: --no-default-features --features BOARD, with BOARD one of {names}");
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

/// Writes `model.rs`, which declares the generated module by its path, so that the file may have inner attributes.
fn place_model(manifest: &Path, out: &Path) {
    println!("cargo:rerun-if-env-changed=NVPICO_MODEL");
    let path = env::var_os("NVPICO_MODEL")
        .map_or_else(|| manifest.join("models").join("pump.rs"), PathBuf::from);
    assert!(
        path.is_absolute() && path.is_file(),
        "no model at {}: set NVPICO_MODEL to the absolute path of a module written by `nvpico export`",
        path.display()
    );
    println!("cargo:rerun-if-changed={}", path.display());
    let declaration = format!("#[path = {:?}]\npub mod model;\n", path.display().to_string());
    fs::write(out.join("model.rs"), declaration).expect("OUT_DIR is writable");
}
