//! Reference files that are not part of the project: they are looked for in `NVPICO_SHARED` (default `../shared`).

use std::path::PathBuf;

/// A file or folder among them; `None`, and said so, where it is missing.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("NVPICO_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "skipped: {} is not there (set NVPICO_SHARED)",
        path.display()
    );
    None
}
