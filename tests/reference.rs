//! Models that others trained, against their float64 reference. The files are not part of the project:
//! they are looked for in `NVPICO_SHARED` (default `../shared`), and the test says when it skips.

use std::path::PathBuf;

use nvpico_codegen::import::{check, plain};

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("NVPICO_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let folder = root.join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: {} is not there (set NVPICO_SHARED)",
        folder.display()
    );
    None
}

#[test]
fn measured_models_agree_with_float64() {
    let Some(folder) = shared("bench") else {
        return;
    };
    for (name, allowed) in [("flow_8x64", 1.5e-4), ("flow_8x32", 5e-5)] {
        let weights = folder.join(format!("{name}.weights.safetensors"));
        let vectors = folder.join(format!("{name}.vectors.safetensors"));
        let model = plain::import(&weights).expect("imports");
        let agreement = check(&model, &vectors).expect("agrees");
        assert_eq!(agreement.rows, 64);
        assert!(agreement.largest_error <= allowed, "{name}: {agreement:?}");
    }
}

#[test]
fn a_changed_weight_is_noticed() {
    let Some(folder) = shared("bench") else {
        return;
    };
    let mut model = plain::import(&folder.join("flow_8x32.weights.safetensors")).expect("imports");
    model.params[40] += 0.01;
    let error = check(&model, &folder.join("flow_8x32.vectors.safetensors")).unwrap_err();
    assert!(error.to_string().contains("nothing was written"), "{error}");
}
