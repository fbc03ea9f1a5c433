//! Rows that are maps, and models of counts.

use nvpico_codegen::data::{ReadOptions, Table, read, write_npy, write_npz};

use crate::folder::Folder;

#[test]
fn thermal_recordings_keep_their_shape_and_labels() {
    let folder = Folder::new();
    let read = |name: &str| {
        let options = nvpico_codegen::data::ReadOptions::default();
        nvpico_codegen::data::read(&[folder.path(name)], &options).expect("a table")
    };
    let thermal = ["simulate", "thermal", "--rows", "30", "--out", "normal.npy"];
    folder.succeeds(&thermal);
    let normal = read("normal.npy");
    assert_eq!((normal.rows, normal.shape), (30, Some([1, 8, 8])));
    folder.succeeds(&[
        "simulate",
        "thermal-faults",
        "--rows",
        "400",
        "--out",
        "faults.npz",
    ]);
    let faults = read("faults.npz");
    assert_eq!((faults.rows, faults.shape), (400, Some([1, 8, 8])));
    let labels = faults.labels.expect("labels");
    assert!(labels.contains(&true) && labels.contains(&false));
}

/// A small model of thermal frames.
fn with_thermal() -> Folder {
    let folder = Folder::new();
    folder.succeeds(&["simulate", "thermal", "--rows", "400", "--out", "n.npy"]);
    let output = folder.run(&[&TRAIN_MAPS[..], &["--data", "n.npy"]].concat());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    assert!(words.contains("400 maps of 1 x 8 x 8"), "{words}");
    assert!(!words.contains("y0.x1"), "{words}");
    folder
}

const TRAIN_MAPS: [&str; 9] = [
    "train",
    "--out",
    "t.safetensors",
    "--couplings",
    "1",
    "--filters",
    "4",
    "--epochs",
    "3",
];

fn table(folder: &Folder, name: &str) -> Table {
    read(&[folder.path(name)], &ReadOptions::default()).expect("a table")
}

#[test]
fn samples_of_maps_are_drawn_beside_rows() {
    let folder = with_thermal();
    let sample = ["sample", "--model", "t.safetensors"];
    let png = [&sample[..], &["--png", "s.png", "--data", "n.npy"]].concat();
    assert_eq!(
        folder.succeeds(&png),
        "",
        "a picture is asked for, not numbers"
    );
    let picture = std::fs::read(folder.path("s.png")).expect("written");
    assert!(picture.starts_with(b"\x89PNG"));
    folder.succeeds(&[&png[..], &["--rows", "3"]].concat());
    let smaller = std::fs::read(folder.path("s.png")).expect("written");
    assert!(smaller.len() < picture.len());
    let both = ["--png", "both.png", "--out", "both.npy", "--count", "5"];
    folder.succeeds(&[&sample[..], &both].concat());
    assert!(folder.path("both.png").exists());
    let drawn = table(&folder, "both.npy");
    assert_eq!((drawn.rows, drawn.shape), (5, Some([1, 8, 8])));
    let over = [&sample[..], &["--png", "n.npy", "--data", "n.npy"]].concat();
    folder.fails(&over, &["n.npy", "this file is also an input"]);
}

#[test]
fn vectors_have_no_picture() {
    let folder = Folder::with_model();
    let args = ["sample", "--model", "m.safetensors", "--png", "s.png"];
    folder.fails(&args, &["lists of 8 numbers", "leave out --png", "--out"]);
    assert!(!folder.path("s.png").exists());
}

#[test]
fn maps_are_told_by_their_shape() {
    let folder = with_thermal();
    let model = ["--model", "t.safetensors"];
    let text = folder.succeeds(&[&["inspect"][..], &model].concat());
    assert!(
        text.contains("samples of 1 x 8 x 8") && !text.contains("y0.x1"),
        "{text}"
    );
    let json = folder.succeeds(&[&["inspect", "--json"][..], &model].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["sample_shape"], serde_json::json!([1, 8, 8]));
    assert!(value.get("columns").is_none());
    folder.succeeds(&[&["export", "--out", "t.rs"][..], &model].concat());
    let module = std::fs::read_to_string(folder.path("t.rs")).expect("UTF-8");
    assert!(module.contains("pub const SHAPE: [usize; 3] = [1, 8, 8];"));
    assert!(!module.contains("COLUMNS"));
    folder.write("other.csv", "a,b\n1,2\n3,4\n");
    let score = [&["score", "--data", "other.csv"][..], &model].concat();
    folder.fails(
        &score,
        &["64 of the model's 64 values", "a map of 1 x 8 x 8"],
    );
}

/// A model of counts from 0 to 15 in maps of 4 x 4, and labelled rows.
fn with_counts() -> Folder {
    let folder = Folder::new();
    let shape = [1, 4, 4];
    let mut state: u32 = 1;
    let mut count = |row: usize, place: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((row % 7 + place % 4) as u32 + (state >> 30)) as f32
    };
    let mut rows = |number: usize| -> Vec<f32> {
        let rows = (0..number).flat_map(|row| (0..16).map(move |place| (row, place)));
        rows.map(|(row, place)| count(row, place)).collect()
    };
    write_npy(&folder.path("n.npy"), &shape, &rows(300)).expect("written");
    let labels = [false, false, true, true];
    let mut some = rows(4);
    some[2 * 16..].fill(15.0);
    write_npz(
        &folder.path("f.npz"),
        &shape,
        &some,
        &labels,
        &["", "", "a", "a"],
    )
    .expect("written");
    folder.succeeds(&[&TRAIN_MAPS[..], &["--data", "n.npy", "--levels", "16"]].concat());
    folder
}

#[test]
fn models_of_counts_tell_bits_per_dimension_and_draw_counts() {
    let folder = with_counts();
    let model = ["--model", "t.safetensors"];
    let data = ["--data", "f.npz"];
    let text = folder.succeeds(&[&["eval"][..], &model, &data].concat());
    assert!(text.contains(" bits per dimension"), "{text}");
    let json = folder.succeeds(&[&["eval", "--json"][..], &model, &data].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let nats = value["mean_log_prob"].as_f64().expect("a number");
    let bits = value["bits_per_dimension"].as_f64().expect("a number");
    assert!(
        (bits + nats / (16.0 * std::f64::consts::LN_2)).abs() < 1e-9,
        "{bits} {nats}"
    );

    let scores = folder.succeeds(&[&["score"][..], &model, &data].concat());
    let lines: Vec<Vec<&str>> = scores
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines[0][6], "bits_per_dimension");
    let number = |cell: &str| cell.parse::<f64>().expect("a number");
    let own: Vec<f64> = lines[1..].iter().map(|cells| number(cells[6])).collect();
    assert!(
        (own.iter().sum::<f64>() / 4.0 - bits).abs() < 1e-6,
        "{own:?}"
    );
    let json = folder.succeeds(&[&["score", "--json"][..], &model, &data].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let row = &value["scores"][3];
    assert_eq!(row["row"], 4);
    assert_eq!(row["bits_per_dimension"].as_f64(), Some(own[3]));

    folder.succeeds(&[&["sample", "--out", "d.npy", "--count", "40"][..], &model].concat());
    let drawn = table(&folder, "d.npy");
    let is_count = |x: &f32| (0.0..16.0).contains(x) && x.fract() == 0.0 && x.is_sign_positive();
    assert!(drawn.values.iter().all(is_count));
}

#[test]
fn other_models_tell_no_bits() {
    let folder = with_thermal();
    folder.succeeds(&[
        "simulate",
        "thermal-faults",
        "--rows",
        "300",
        "--out",
        "f.npz",
    ]);
    let args = ["--model", "t.safetensors", "--data", "f.npz"];
    for verb in [
        &["eval"][..],
        &["eval", "--json"],
        &["score"],
        &["score", "--json"],
    ] {
        let text = folder.succeeds(&[verb, &args].concat());
        assert!(!text.contains("bits"), "{verb:?}: {text}");
    }
}
