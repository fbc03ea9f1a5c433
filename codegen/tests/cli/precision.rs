//! Precisions, and budgets that choose one.

use super::folder::Folder;

#[test]
fn integers_score_nearly_as_floats() {
    let folder = Folder::with_model();
    let log_probs = |precision: &str| -> Vec<f64> {
        let args = ["score", "--model", "m.safetensors", "--data", "faults.csv"];
        let text = folder.succeeds(&[&args[..], &["--precision", precision]].concat());
        let log_prob = |line: &str| line.split(',').nth(1).and_then(|cell| cell.parse().ok());
        text.lines().skip(1).filter_map(log_prob).collect()
    };
    let floats = log_probs("f32");
    for (precision, most) in [("i16", 0.02), ("i8", 0.5)] {
        let mut errors: Vec<f64> = (floats.iter().zip(log_probs(precision)))
            .map(|(float, integer)| (float - integer).abs())
            .collect();
        errors.sort_by(f64::total_cmp);
        let median = errors[errors.len() / 2];
        assert!(median > 0.0 && median < most, "{precision}: {median}");
    }
    let json = folder.succeeds(&[
        "export",
        "--model",
        "m.safetensors",
        "--precision",
        "i8",
        "--data",
        "normal.csv",
        "--out",
        "i8.rs",
        "--json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["precision"], "i8");
    assert!(
        value["near"]["largest"]
            .as_f64()
            .is_some_and(|error| error > 0.0),
        "{json}"
    );
    let module = std::fs::read_to_string(folder.path("i8.rs")).expect("it was written");
    assert!(
        module.contains("IntegerFlow<'static, nvpico::integer::I8>"),
        "{module}"
    );
}

#[test]
fn a_budget_finds_a_model_that_fits() {
    let folder = Folder::with_model();
    let args = ["train", "--data", "normal.csv", "--epochs", "2", "--json"];
    let budget = [
        "--core",
        "m4f",
        "--couplings",
        "2",
        "--flash",
        "9K",
        "--out",
        "small.safetensors",
    ];
    let json = folder.succeeds(&[&args[..], &budget].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let trials = value["trials"].as_array().expect("what was tried");
    let chosen: Vec<_> = trials
        .iter()
        .filter(|trial| trial["chosen"] == true)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["precision"], value["precision"]);
    let flash = chosen[0]["cost"]["flash_bytes"].as_u64().expect("bytes");
    assert!(flash <= 9 * 1024, "{flash}");
    assert!(folder.path("small.frontier.svg").is_file());
    let nothing = [
        "--core",
        "m4f",
        "--couplings",
        "2",
        "--flash",
        "1K",
        "--out",
        "none.safetensors",
    ];
    folder.fails(
        &[&args[..], &nothing].concat(),
        &["no model that was tried fits"],
    );
}
