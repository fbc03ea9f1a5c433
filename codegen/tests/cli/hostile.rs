//! Files that are written over, names that a terminal obeys, numbers that JSON does not have.

use std::fmt::Write as _;

use crate::folder::{Folder, TRAIN};

#[test]
fn what_is_read_is_never_written_over() {
    let folder = Folder::with_model();
    folder.write("c.toml", "couplings = 2\n");
    let model = ["--model", "m.safetensors"];
    for (args, kept) in [
        (&["export", "--out", "m.safetensors"][..], "m.safetensors"),
        (
            &["export", "--data", "normal.csv", "--out", "normal.csv"],
            "normal.csv",
        ),
        (
            &["export", "--calibrate", "normal.csv", "--out", "normal.csv"],
            "normal.csv",
        ),
        (
            &[
                "score",
                "--data",
                "faults.csv",
                "--calibrate",
                "normal.csv",
                "--out",
                "normal.csv",
            ],
            "normal.csv",
        ),
    ] {
        let before = std::fs::read(folder.path(kept)).expect("a file");
        let args = [&args[..1], &model, &args[1..]].concat();
        folder.fails(&args, &[kept, "also an input", "choose another"]);
        assert_eq!(std::fs::read(folder.path(kept)).expect("a file"), before);
    }
    let mut train = TRAIN.to_vec();
    train[4] = "c.toml";
    train.extend(["--config", "c.toml"]);
    folder.fails(&train, &["c.toml", "also an input"]);
    assert_eq!(
        std::fs::read(folder.path("c.toml")).expect("a file"),
        b"couplings = 2\n"
    );
}

#[test]
fn names_reach_no_terminal_as_they_are() {
    let folder = Folder::new();
    // A colour, a turn of direction, a bell.
    let mut text = String::from("a\u{1b}[31m,b\u{202e}c,note\u{7}\n");
    for i in 0..300 {
        let a = f64::from(i * 37 % 101) / 50.0;
        let _ = writeln!(text, "{a},{},x", a * a + f64::from(i % 13) / 50.0);
    }
    let name = "n\u{1b}[2J\u{202e}.csv";
    folder.write(name, &text);
    let out = [
        "--out",
        "m.safetensors",
        "--epochs",
        "2",
        "--couplings",
        "2",
    ];
    let train = folder.run(&[&["train", "--data", name][..], &out].concat());
    assert!(
        train.status.success(),
        "{}",
        String::from_utf8_lossy(&train.stderr)
    );
    let missing = "gone\u{1b}[2J.csv";
    let model = ["--model", "m.safetensors"];
    for output in [
        train,
        folder.run(&[&["inspect"][..], &model].concat()),
        folder.run(&[&["inspect", "--json"][..], &model].concat()),
        folder.run(&[&["score", "--data", missing][..], &model].concat()),
        folder.run(&[&["score", "--data", name, "--columns", "zz"][..], &model].concat()),
    ] {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("UTF-8");
        for strange in ['\u{1b}', '\u{7}', '\u{202e}'] {
            assert!(!text.contains(strange), "{text:?}");
        }
    }
}

#[test]
fn numbers_in_json_are_numbers() {
    let folder = Folder::with_model();
    let names = std::fs::read_to_string(folder.path("normal.csv")).expect("a table");
    let names = names.lines().next().expect("a header");
    let far = vec!["3e38"; names.split(',').count()].join(",");
    folder.write("far.csv", &format!("{names}\n{far}\n"));
    let args = [
        "score",
        "--model",
        "m.safetensors",
        "--data",
        "far.csv",
        "--json",
    ];
    let text = folder.succeeds(&args);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let score = &value["scores"][0];
    assert_eq!(score["log_prob"], f64::MIN, "{text}");
    assert_eq!(score["decision"], "anomalous");
}

#[test]
fn a_model_for_integers_shows_their_costs() {
    let folder = Folder::with_model();
    let mut train = TRAIN.to_vec();
    train[4] = "i.safetensors";
    train.extend(["--precision", "i8", "--fine-tune", "0"]);
    folder.succeeds(&train);
    let inspect = |name: &str| -> serde_json::Value {
        let text = folder.succeeds(&["inspect", "--json", "--model", name]);
        serde_json::from_str(&text).expect("JSON")
    };
    let (floats, integers) = (inspect("m.safetensors"), inspect("i.safetensors"));
    assert_eq!(
        (&floats["precision"], &integers["precision"]),
        (&"f32".into(), &"i8".into())
    );
    assert_eq!(floats["parameters"], integers["parameters"]);
    assert!(integers["flash_bytes"].as_u64() < floats["flash_bytes"].as_u64());
}

#[test]
fn shells_and_manuals_know_every_verb() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = folder.succeeds(&["completions", shell]);
        assert!(text.contains("false-alarm-rate"), "{shell}");
    }
    folder.succeeds(&["man", "--out", "man/man1"]);
    let page = std::fs::read_to_string(folder.path("man/man1/nvpico-train.1")).expect("a page");
    assert!(
        page.contains("false") && page.contains("SYNOPSIS"),
        "{page}"
    );
    assert!(folder.path("man/man1/nvpico.1").exists());
    assert!(
        !folder.path("man/man1/nvpico-measure.1").exists(),
        "hidden verbs have none"
    );
}

#[test]
fn imported_flows_take_raw_units() {
    use safetensors::tensor::{Dtype, TensorView};
    let folder = Folder::new();
    let architecture = r#"{"features": 2, "hidden": [], "couplings": 1, "activation": "relu", "scale": "tanh", "norms": 0}"#;
    let bytes =
        |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let (weight, bias) = (bytes(&[0.5, -0.25]), bytes(&[0.125, 0.5]));
    let view =
        |shape: &[usize], data| TensorView::new(Dtype::F32, shape.to_vec(), data).expect("lengths");
    let tensors = [
        ("couplings.0.net.0.weight", view(&[2, 1], &weight)),
        ("couplings.0.net.0.bias", view(&[2], &bias)),
    ];
    let told = [("architecture".to_owned(), architecture.to_owned())];
    let file = safetensors::serialize(tensors, Some(told.into())).expect("valid");
    std::fs::write(folder.path("w.safetensors"), file).expect("written");
    folder.write("raw.csv", "x0,x1\n101375,-1.5\n101275,-2\n");
    folder.write("standard.csv", "x0,x1\n1,2\n-1,0\n");
    folder.write(
        "scaler.json",
        r#"{"mean": [101325, -2], "scale": [50, 0.25]}"#,
    );
    let import = ["import", "--from", "plain", "w.safetensors", "--out"];
    folder.succeeds(&[&import[..], &["s.safetensors"]].concat());
    let listed = ["a.safetensors", "--mean", "101325,-2", "--scale", "50,0.25"];
    folder.succeeds(&[&import[..], &listed].concat());
    let negative_first = ["c.safetensors", "--mean", "-2,101325", "--scale", "1,1"];
    folder.succeeds(&[&import[..], &negative_first].concat());
    let from_file = ["b.safetensors", "--scaler", "scaler.json"];
    folder.succeeds(&[&import[..], &from_file].concat());
    let first = |model: &str, data: &str| -> f64 {
        let text = folder.succeeds(&["score", "--model", model, "--data", data]);
        let cell = text.lines().nth(1).and_then(|line| line.split(',').nth(1));
        cell.expect("a cell").parse().expect("a number")
    };
    let standard = first("s.safetensors", "standard.csv") - (50.0_f64 * 0.25).ln();
    for model in ["a.safetensors", "b.safetensors"] {
        let raw = first(model, "raw.csv");
        assert!((standard - raw).abs() < 1e-5, "{standard} {raw}");
    }
    folder.fails(
        &[&import[..], &["d.safetensors", "--mean", "1,2,3"]].concat(),
        &["3 values of `mean`", "2 features"],
    );
    folder.refuses(
        &[
            &import[..],
            &["d.safetensors", "--mean", "1,2", "--scaler", "scaler.json"],
        ]
        .concat(),
        &["--scaler"],
    );
}
