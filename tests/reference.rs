//! Models that others trained, against their float64 reference. The files are not part of the project:
//! they are looked for in `NVPICO_SHARED` (default `../shared`), and the test says when it skips.

use std::path::Path;

use nvpico_codegen::import::{auto, check, freia, normflows, plain};

use crate::common::shared::shared;

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

/// Names of the golden cases that start with one of `prefixes`.
fn cases(folder: &Path, prefixes: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("lists")
        .filter_map(|entry| {
            let name = entry.expect("lists").file_name().into_string().ok()?;
            name.strip_suffix(".weights.safetensors").map(str::to_owned)
        })
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    names.sort();
    names
}

#[test]
fn models_of_other_libraries_agree_with_float64() {
    let Some(folder) = shared("golden") else {
        return;
    };
    let names = cases(&folder, &["nflows_", "normflows_", "freia_", "paper_"]);
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let weights = folder.join(format!("{name}.weights.safetensors"));
        let imported = auto(&weights, None).unwrap_or_else(|e| panic!("{e}"));
        let agreement = imported
            .check(&folder.join(format!("{name}.vectors.safetensors")))
            .unwrap_or_else(|e| panic!("{e}"));
        eprintln!("{name}: {agreement:?}");
        assert!(agreement.z_error.is_some() && agreement.x_error.is_some());
    }
}

/// The reasons for refusing a golden case whose architecture is replaced by `text`.
fn refusal(case: &str, text: &str) -> Option<String> {
    let weights = shared("golden")?.join(format!("{case}.weights.safetensors"));
    let arch = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(arch.path(), text).expect("written");
    Some(
        auto(&weights, Some(arch.path()))
            .expect_err(text)
            .to_string(),
    )
}

#[test]
fn a_changed_architecture_is_refused_by_name() {
    let masked = |flows: &str, rest: &str| {
        format!(r#"{{"library": "normflows", "flows": [{flows}], "features": 6, {rest}}}"#)
    };
    let two = r#""MaskedAffineFlow", "ActNorm""#;
    let rest =
        r#""hidden": [32, 32], "s_output": "tanh", "activation": "relu", "base": "DiagGaussian""#;
    for (text, expected) in [
        // Ten flows of the file are in no layer.
        (masked(two, rest), "`flows.10.b`"),
        (masked(two, &rest.replace("tanh", "clampexp")), "`s_output`"),
        (
            masked(two, &rest.replace(r#""s_output": "tanh","#, "")),
            "`s_output`",
        ),
        (
            masked(two, &rest.replace("32, 32", "32, 16")),
            "hidden widths [32, 32]",
        ),
        (masked(two, &rest.replace("Diag", "Glow")), "`base`"),
        (
            masked(two, &rest.replace("relu", "gelu")),
            "leaky_relu(SLOPE)",
        ),
        (
            masked(two, &format!(r#"{rest}, "context": 3"#)),
            "`context`",
        ),
        (masked(r#""BatchNorm""#, rest), "`flows.0` is BatchNorm"),
        (masked(r#""Permute""#, rest), "`permute`"),
        (masked(two, rest).replace("6,", "7,"), "expected 7 values"),
        (r#"{"library": "other"}"#.into(), "\"other\""),
        (
            masked(two, rest).replace('{', r#"{"cls": "MultiscaleFlow", "#),
            "`cls`",
        ),
        ("[]".into(), "expected a JSON object"),
    ] {
        let Some(found) = refusal("normflows_masked_d6", &text) else {
            return;
        };
        assert!(found.contains(expected), "{text}\n{found}");
    }
}

#[test]
fn sources_are_not_taken_for_each_other() {
    let Some(folder) = shared("golden") else {
        return;
    };
    let flows = freia::import(&folder.join("normflows_block_d8.weights.safetensors"), None);
    assert!(flows.unwrap_err().to_string().contains("`cls`"));
    let modules = normflows::import(&folder.join("freia_rnvp_d8.weights.safetensors"), None);
    assert!(modules.unwrap_err().to_string().contains("`cls`"));
}
