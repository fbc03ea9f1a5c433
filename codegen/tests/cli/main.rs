//! The program as a user runs it: files in, files out, exit codes, words on wrong input.

mod adapt;
mod bench;
mod blame;
mod browser;
mod columns;
mod files;
mod folder;
mod hostile;
mod kept;
mod maps;
mod precision;
mod promises;
mod report;
mod samples;
mod signals;
mod streams;
mod usage;

use std::fmt::Write as _;
use std::path::Path;

use folder::{Folder, TRAIN};

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("file is there")
}

#[test]
fn from_training_to_export() {
    let folder = Folder::with_model();
    let text = folder.succeeds(&["score", "--model", "m.safetensors", "--data", "faults.csv"]);
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("row,log_prob,z_norm_sq,log_det,p_value,decision,out_of_range,rarity,alarm,event")
    );
    let first: Vec<&str> = lines.next().expect("a row").split(',').collect();
    assert_eq!(first[0], "1");
    let log_prob: f32 = first[1].parse().expect("a number");
    assert_eq!(
        format!("{log_prob:?}"),
        first[1],
        "floats read back exactly"
    );
    assert!(["normal", "anomalous"].contains(&first[5]));
    assert_eq!(text.lines().count(), 1_501);

    let json = folder.succeeds(&[
        "eval",
        "--model",
        "m.safetensors",
        "--data",
        "faults.csv",
        "--label",
        "anomaly",
        "--json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["rows"], 1_500);
    let auroc = value["auroc"].as_f64().expect("a number");
    assert!(auroc > 0.6 && auroc < 1.0, "{auroc}");
    for name in [
        "auprc",
        "f1",
        "false_alarm_rate",
        "missed_alarm_rate",
        "threshold",
        "mean_log_prob",
    ] {
        assert!(value[name].is_number(), "{name}: {json}");
    }

    let json = folder.succeeds(&["inspect", "--model", "m.safetensors", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["dim"], 8);
    assert_eq!(
        value["flash_bytes"],
        4 * value["parameters"].as_u64().expect("a number")
    );

    let on_cores = [
        "inspect",
        "--model",
        "m.safetensors",
        "--core",
        "m0plus,m4f",
    ];
    let text = folder.succeeds(&[&on_cores[..], &["--clock", "48M"]].concat());
    for word in [
        "exact: parameters, static RAM",
        "parameters B",
        "ms a score",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = folder.succeeds(&[&on_cores[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let costs = value["costs"].as_array().expect("a list");
    assert_eq!(costs.len(), 6, "two cores, three precisions: {json}");
    assert_eq!(costs[0]["core"], "m0plus");
    assert!(
        costs.iter().all(|cost| cost["instructions"].is_number()),
        "{json}"
    );
    assert!(costs[2]["flash_bytes"].as_u64() < costs[0]["flash_bytes"].as_u64());

    folder.succeeds(&["export", "--model", "m.safetensors", "--out", "a.rs"]);
    folder.succeeds(&["export", "--model", "m.safetensors", "--out", "b.rs"]);
    assert_eq!(bytes(&folder.path("a.rs")), bytes(&folder.path("b.rs")));

    let sampled = folder.succeeds(&["sample", "--model", "m.safetensors", "--count", "3"]);
    assert_eq!(sampled.lines().count(), 4);
    assert!(sampled.starts_with("shaft_speed_rpm,"));
    let again = folder.succeeds(&["sample", "--model", "m.safetensors", "--count", "3"]);
    assert_eq!(sampled, again);
    // The same rows as an array, which the data options read back.
    let sample = ["sample", "--model", "m.safetensors", "--count", "3"];
    folder.succeeds(&[&sample[..], &["--out", "drawn.npy"]].concat());
    let drawn = nvpico_codegen::data::read(
        &[folder.path("drawn.npy")],
        &nvpico_codegen::data::ReadOptions::default(),
    );
    let drawn = drawn.expect("an array");
    assert_eq!((drawn.rows, drawn.shape), (3, None));
    let first: Vec<String> = drawn.row(0).iter().map(|x| format!("{x:?}")).collect();
    assert_eq!(sampled.lines().nth(1), Some(first.join(",").as_str()));
}

#[test]
fn a_model_gets_another_threshold() {
    let folder = Folder::with_model();
    let args = [
        "calibrate",
        "--model",
        "m.safetensors",
        "--data",
        "normal.csv",
    ];
    let more = ["--false-alarm-rate", "0.1", "--out", "c.safetensors"];
    folder.succeeds(&[&args[..], &more].concat());
    let model = |name: &str| {
        let bytes = bytes(&folder.path(name));
        nvpico_codegen::model::Model::from_bytes(&bytes).expect("a model")
    };
    let (before, after) = (model("m.safetensors"), model("c.safetensors"));
    assert!(after.threshold() > before.threshold());
    assert_eq!(after.calibration.len(), 1_500);
    let threshold = after.threshold().expect("calibrated");
    let below = after.calibration.iter().filter(|&&l| l < threshold).count();
    // A tenth, rounded down in independent rows.
    assert!((100..=150).contains(&below), "{below}");
    folder.fails(
        &[&args[..], &["--out", "normal.csv"]].concat(),
        &["normal.csv", "choose another --out"],
    );
}

#[test]
fn drawing_too_far_out_is_refused_and_leaves_no_file() {
    let folder = Folder::with_model();
    folder.fails(
        &[
            "sample",
            "--model",
            "m.safetensors",
            "--temperature",
            "1e38",
            "--out",
            "s.csv",
        ],
        &["overflowed", "--temperature"],
    );
    assert!(!folder.path("s.csv").exists());
}

#[test]
fn a_seed_repeats_to_the_byte_whatever_the_threads() {
    let folder = Folder::with_model();
    let first = bytes(&folder.path("m.safetensors"));
    for threads in ["1", "2"] {
        let mut args = TRAIN.to_vec();
        args.extend(["--threads", threads]);
        folder.succeeds(&args);
        assert_eq!(bytes(&folder.path("m.safetensors")), first);
    }
    let mut other = TRAIN.to_vec();
    other[12] = "6";
    folder.succeeds(&other);
    assert_ne!(bytes(&folder.path("m.safetensors")), first);
}

#[test]
fn the_kept_recipe_trains_the_same_model() {
    let folder = Folder::with_model();
    let first = bytes(&folder.path("m.safetensors"));
    let model = nvpico_codegen::model::Model::from_bytes(&first).expect("a model");
    folder.write("recipe.toml", &model.header.provenance.config);
    folder.succeeds(&[
        "train",
        "--data",
        "normal.csv",
        "--config",
        "recipe.toml",
        "--out",
        "again.safetensors",
    ]);
    assert_eq!(bytes(&folder.path("again.safetensors")), first);
}

#[test]
fn bad_cells_are_named_or_counted() {
    let folder = Folder::with_model();
    let mut lines: Vec<String> = String::from_utf8(bytes(&folder.path("normal.csv")))
        .expect("UTF-8")
        .lines()
        .take(40)
        .map(str::to_owned)
        .collect();
    lines[7] = lines[7].replacen(',', ",NaN,", 1);
    let cells = lines[7].split(',').count();
    lines[7] = lines[7]
        .split(',')
        .take(cells - 1)
        .collect::<Vec<_>>()
        .join(",");
    folder.write("bad.csv", &lines.join("\n"));
    let args = ["score", "--model", "m.safetensors", "--data", "bad.csv"];
    folder.fails(&args, &["bad.csv", "8", "vibration_x_mm_s", "--skip-bad"]);
    let output = folder.run(&[&args[..], &["--skip-bad"]].concat());
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("left out 1 of 39 rows"));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().count(), 39);
    assert!(!text.contains("\n7,"), "row 7 of the data is the bad one");
}

#[test]
fn models_and_data_that_do_not_fit_are_refused_in_words() {
    let folder = Folder::with_model();
    folder.write("other.csv", "a,b\n1,2\n3,4\n");
    folder.fails(
        &["score", "--model", "m.safetensors", "--data", "other.csv"],
        &["other.csv", "shaft_speed_rpm"],
    );
    folder.fails(
        &[
            "score",
            "--model",
            "none.safetensors",
            "--data",
            "normal.csv",
        ],
        &["none.safetensors"],
    );
    folder.write("junk.safetensors", "no model");
    folder.fails(
        &["inspect", "--model", "junk.safetensors"],
        &["junk.safetensors"],
    );
    folder.fails(
        &["eval", "--model", "m.safetensors", "--data", "normal.csv"],
        &["--label"],
    );
    folder.fails(
        &["train", "--data", "other.csv", "--out", "x.safetensors"],
        &["too few"],
    );
    assert!(
        !folder.path("x.safetensors").exists(),
        "nothing is left behind"
    );
    folder.fails(
        &[
            "train",
            "--data",
            "normal.csv",
            "--out",
            "nowhere/x.safetensors",
        ],
        &["nowhere"],
    );
    folder.write("wrong.toml", "couplngs = 3\n");
    folder.fails(
        &[
            "train",
            "--data",
            "normal.csv",
            "--config",
            "wrong.toml",
            "--out",
            "x.safetensors",
        ],
        &["wrong.toml", "couplngs"],
    );
}

#[test]
fn constant_columns_are_said_and_a_change_of_them_is_seen() {
    let folder = Folder::new();
    let mut text = String::from("a,b,setpoint\n");
    for i in 0..400 {
        let a = f64::from(i * 37 % 101) / 50.0;
        let _ = writeln!(text, "{a},{},20", a * a + f64::from(i % 13) / 50.0);
    }
    folder.write("normal.csv", &text);
    let output = folder.run(&[
        "train",
        "--data",
        "normal.csv",
        "--out",
        "m.safetensors",
        "--epochs",
        "30",
        "--false-alarm-rate",
        "0.02",
    ]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("`setpoint` is constant"), "{errors}");
    folder.write("new.csv", "a,b,setpoint\n0.5,0.3,20\n0.5,0.3,21\n");
    let scores = folder.succeeds(&["score", "--model", "m.safetensors", "--data", "new.csv"]);
    let ends: Vec<Vec<&str>> = (scores.lines().skip(1))
        .map(|line| line.split(',').skip(5).take(2).collect())
        .collect();
    assert_eq!(ends, [["normal", ""], ["anomalous", "setpoint"]]);
}
