//! The snippets in the documentation compile when pasted into a program.

use std::path::Path;

use nvpico_codegen::export::{ExportOptions, module};
use nvpico_codegen::precision::Precision;

use crate::generated::{cargo, observed, repository};

/// The first block of Rust on a page.
fn snippet(page: &str) -> String {
    let text = std::fs::read_to_string(repository().join(page)).expect(page);
    let (_, block) = text.split_once("```rust\n").expect("a block of Rust");
    let (block, _) = block.split_once("```").expect("its end");
    block.to_owned()
}

/// A program with the snippet, which has a model `pump` and a function `watch`.
fn write_program(folder: &Path, name: &str, page: &str, model: &str) {
    let folder = folder.join("src/bin").join(name);
    std::fs::create_dir_all(&folder).expect("folder");
    let program = format!(
        "#![deny(warnings)]\n\n{}\nfn main() {{\n    watch(|| [20.0; pump::DIM], |_| ());\n}}\n",
        snippet(page)
    );
    std::fs::write(folder.join("main.rs"), program).expect("main.rs");
    std::fs::write(folder.join("pump.rs"), model).expect("pump.rs");
}

#[test]
fn snippets_compile_when_pasted() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let manifest = format!(
        "[workspace]\n\n[package]\nname = \"pasted\"\nedition = \"2024\"\n\n[dependencies]\n\
         nvpico = {{ path = {:?}, features = [\"extra-layers\", \"micromath\"] }}\n",
        repository().display().to_string()
    );
    std::fs::write(folder.path().join("Cargo.toml"), manifest).expect("manifest");
    // The versions that the project is locked to: no look at the registry.
    std::fs::copy(
        repository().join("Cargo.lock"),
        folder.path().join("Cargo.lock"),
    )
    .expect("lock file");

    let floats = std::fs::read_to_string(repository().join("firmware/models/pump.rs"))
        .expect("the model of the demo");
    write_program(folder.path(), "floats", "README.md", &floats);
    let model = observed();
    let integers = model.ready(Some(Precision::I8)).expect("it was observed");
    // Nobody calibrated it in integers.
    let integers = module(&integers, &ExportOptions::default())
        .replace("Option<i32> = None", "Option<i32> = Some(-655360)")
        .replace(
            "AlarmSpec<'static>> = None",
            "AlarmSpec<'static>> = Some(nvpico::detector::AlarmSpec::new(
                nvpico::detector::QuantileTable::new(&[nvpico::detector::Quantile::new(0, 0)], 1, 0),
                &[nvpico::detector::Chart::new(0, 256, 1)],
                1,
            ))",
        );
    write_program(folder.path(), "integers", "docs/integers.md", &integers);

    // A check alone would not evaluate the constants.
    let (compiled, messages) = cargo(folder.path(), &["build", "--bins"]);
    assert!(compiled, "{messages}");
}
