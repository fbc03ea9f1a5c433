//! Models of raw samples: from recordings to a generated module.

use std::fmt::Write as _;

use nvpico_codegen::data::{ReadOptions, read, write_npy};

use super::folder::Folder;

/// Vibration of two axes: a tone that is stronger on one of them, and noise that never repeats.
fn vibration(at: usize, loud: f32) -> [f32; 2] {
    let noise = |prime: usize| (at * prime % 10_007) as f32 / 10_007.0 - 0.5;
    let tone = (at as f32 * 0.7).sin();
    [
        loud * tone + noise(7_919) + 0.3 * noise(104_729 % 10_007),
        0.5 * tone + noise(6_101),
    ]
}

/// A recording of so many samples at 100 Hz; rows from `fault` on are labelled anomalous and louder.
fn recording(samples: usize, fault: usize) -> String {
    let mut text = String::from("time,x,y,label\n");
    for at in 0..samples {
        let broken = at >= fault;
        let [x, y] = vibration(at, if broken { 4.0 } else { 1.0 });
        let time = 1_700_000_000.0 + at as f64 * 0.01;
        let _ = writeln!(text, "{time:.2},{x},{y},{}", u8::from(broken));
    }
    text
}

const TRAIN: [&str; 16] = [
    "train",
    "--data",
    "normal.csv",
    "--label",
    "label",
    "--features",
    "vibration",
    "y=mean,deviation",
    "--window",
    "64",
    "--hop",
    "32",
    "--kernels",
    "0",
    "--out",
    "m.safetensors",
];

#[test]
fn a_recording_becomes_a_model_of_windows() {
    let folder = Folder::new();
    folder.write("normal.csv", &recording(8_000, usize::MAX));
    let output = folder.run(&TRAIN);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(
        errors.contains("8000 samples of 2 channels: 249 windows of 64, 22 features each"),
        "{errors}"
    );
    let json = folder.succeeds(&["inspect", "--model", "m.safetensors", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["samples"]["rate"], 100.0, "by the time column");
    assert_eq!(value["columns"][20], "y.mean");
    let text = folder.succeeds(&["inspect", "--model", "m.safetensors"]);
    assert!(
        text.contains("samples of x, y at 100 Hz, a window of 64 every 32"),
        "{text}"
    );

    // A window with one anomalous sample is anomalous; the row is that of its last sample.
    folder.write("fault.csv", &recording(4_000, 2_000));
    let data = ["--model", "m.safetensors", "--data", "fault.csv"];
    let scores = folder.succeeds(&[&["score"], &data[..]].concat());
    assert_eq!(scores.lines().count(), 1 + 124);
    assert!(scores.lines().nth(1).expect("a row").starts_with("64,"));
    let json = folder.succeeds(&[&["eval"], &data[..], &["--label", "label", "--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&value["rows"], &value["anomalous_rows"]),
        (&124.into(), &63.into())
    );
    assert!(value["auroc"].as_f64().expect("a number") > 0.95, "{json}");
    // Labels in training: the windows with an anomalous sample are left out.
    folder.write("normal.csv", &recording(9_000, 8_000));
    let output = folder.run(&TRAIN);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("left out 31 rows labelled anomalous"),
        "{errors}"
    );

    folder.succeeds(&["export", "--model", "m.safetensors", "--out", "m.rs"]);
    let module = std::fs::read_to_string(folder.path("m.rs")).expect("written");
    for text in [
        "pub const SAMPLES:",
        "pub static FEATURES:",
        "[f32; super::WINDOW_VALUES]; 4]",
    ] {
        assert!(module.contains(text), "{text}");
    }
    folder.succeeds(&[
        "calibrate",
        "--model",
        "m.safetensors",
        "--data",
        "normal.csv",
        "--label",
        "label",
        "--out",
        "n.safetensors",
        "--false-alarm-rate",
        "0.05",
    ]);
}

#[test]
fn no_window_mixes_two_sides_of_a_gap() {
    let folder = Folder::new();
    let normal = recording(6_000, usize::MAX);
    folder.write("normal.csv", &normal);
    folder.succeeds(&TRAIN);
    // 200 samples, 3 s without any, 100 samples, a row without a number, 100 samples.
    let lines: Vec<&str> = normal.lines().collect();
    let mut text = [&lines[..=200], &lines[501..=600]].concat().join("\n");
    text += "\n1700000006.00,,0.5,0\n";
    text += &lines[602..702].join("\n");
    folder.write("gaps.csv", &text);
    let scores = folder.succeeds(&[
        "score",
        "--model",
        "m.safetensors",
        "--data",
        "gaps.csv",
        "--skip-bad",
    ]);
    let rows: Vec<&str> = scores
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a cell"))
        .collect();
    assert_eq!(
        rows,
        ["64", "96", "128", "160", "192", "264", "296", "365", "397"]
    );
}

#[test]
fn one_sensor_without_a_time_is_enough() {
    let folder = Folder::new();
    let mut text = String::from("value\n");
    for at in 0..3_000 {
        let _ = writeln!(text, "{}", vibration(at, 1.0)[0]);
    }
    folder.write("single.csv", &text);
    let train = [
        "train",
        "--data",
        "single.csv",
        "--window",
        "16",
        "--kernels",
        "0",
        "--out",
        "s.safetensors",
    ];
    folder.refuses(
        &[
            "train",
            "--data",
            "single.csv",
            "--features",
            "trend",
            "--out",
            "s.safetensors",
        ],
        &["--window"],
    );
    let trend = [&train[..], &["--features", "trend"]].concat();
    folder.fails(&trend, &["slope needs the rate", "--rate 1kHz"]);
    folder.succeeds(&[&trend[..], &["--rate", "10"]].concat());
    folder.succeeds(&["score", "--model", "s.safetensors", "--data", "single.csv"]);
    // A wish that cannot be is told in the words of the options.
    let bands = [&train[..], &["--features", "bands:20"]].concat();
    folder.fails(&bands, &["20 bands", "longer --window"]);
    folder.refuses(
        &[&train[..], &["--features", "loudness"]].concat(),
        &["\"loudness\" is no feature", "kurtosis"],
    );
    folder.refuses(&[&train[..], &["--hop", "4"]].concat(), &["--features"]);
    folder.fails(
        &[
            "train",
            "--data",
            "single.csv",
            "--window",
            "4000",
            "--features",
            "rms,crest",
            "--out",
            "s.safetensors",
        ],
        &["no window of 4000 samples", "has 3000"],
    );
}

#[test]
fn recordings_in_an_array_and_in_audio() {
    let folder = Folder::new();
    let values: Vec<f32> = (0..50 * 128).flat_map(|at| vibration(at, 1.0)).collect();
    write_npy(&folder.path("axes.npy"), &[128, 2], &values).expect("written");
    let train = [
        "train",
        "--window",
        "64",
        "--features",
        "rms,crest,bands:2",
        "--kernels",
        "0",
        "--out",
        "m.safetensors",
        "--data",
        "axes.npy",
    ];
    folder.fails(&train, &["--layout"]);
    let output = folder.run(&[&train[..], &["--layout", "ntc"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("6400 samples of 2 channels: 100 windows of 64"),
        "{errors}"
    );
    // The model's channels tell which axis is theirs.
    let scores = folder.succeeds(&["score", "--model", "m.safetensors", "--data", "axes.npy"]);
    assert_eq!(scores.lines().count(), 101);

    let header = hound::WavSpec {
        channels: 2,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(folder.path("axes.wav"), header).expect("created");
    for value in &values {
        wav.write_sample((value * 8_192.0) as i16).expect("written");
    }
    wav.finalize().expect("written");
    let options = ReadOptions {
        samples: true,
        ..ReadOptions::default()
    };
    let table = read(&[folder.path("axes.wav")], &options).expect("audio");
    assert_eq!(
        (table.rows, table.rate, table.dim()),
        (6_400, Some(8_000.0), 2)
    );
    let full_scale = f32::from((values[19] * 8_192.0) as i16) / 32_768.0;
    assert_eq!(table.row(9)[1].to_bits(), full_scale.to_bits());
    folder.succeeds(&[
        "train",
        "--window",
        "64",
        "--features",
        "spread,centroid",
        "--kernels",
        "0",
        "--out",
        "w.safetensors",
        "--data",
        "axes.wav",
    ]);
    std::fs::write(
        folder.path("cut.wav"),
        &std::fs::read(folder.path("axes.wav")).expect("written")[..60],
    )
    .expect("written");
    folder.fails(
        &["score", "--model", "w.safetensors", "--data", "cut.wav"],
        &["cut.wav"],
    );
}

/// Training with the preset `spectral` on one axis.
fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let spectral = TRAIN.map(|word| {
        if word == "vibration" {
            "spectral"
        } else {
            word
        }
    });
    [&spectral[..], more].concat()
}

#[test]
fn a_filter_is_part_of_the_model() {
    let folder = Folder::new();
    folder.write("normal.csv", &recording(6_000, usize::MAX));
    folder.succeeds(&with(&["--frame", "maximum:32", "--filter", "low:20:4"]));
    let text = folder.succeeds(&["inspect", "--model", "m.safetensors"]);
    assert!(text.contains("behind the filter low:20:4"), "{text}");
    let json = folder.succeeds(&["inspect", "--model", "m.safetensors", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["samples"]["filter"]["name"], "low:20:4");
    // The bins at 3.125 to 18.75 Hz; all of the next one's is above 20.
    assert_eq!(value["columns"][5], "x.band0:3.12-3.12Hz");
    assert_eq!(value["columns"].as_array().expect("names").len(), 5 + 6 + 2);
    folder.succeeds(&["score", "--model", "m.safetensors", "--data", "normal.csv"]);
    folder.succeeds(&["export", "--model", "m.safetensors", "--out", "m.rs"]);
    let module = std::fs::read_to_string(folder.path("m.rs")).expect("written");
    assert!(module.contains(".with_filter(&[nvpico::spec::features::Section { b: ["));

    for (more, says) in [
        (&["--filter", "low:50"][..], "half of the rate"),
        (&["--filter", "low:0.05"], "from 0.1 Hz"),
        (&["--filter", "band:5"], "such as low:20"),
        (
            &["--filter", "high:5", "--precision", "i8"],
            "leave out one of the two",
        ),
        (&["--filter", "low:0.5"], "none of the bins"),
    ] {
        let output = folder.run(&with(more));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && errors.contains(says),
            "{errors}"
        );
    }
}

/// Training with these options for the features.
fn search<'a>(more: &[&'a str]) -> Vec<&'a str> {
    const OWN: [&str; 7] = [
        "train",
        "--data",
        "normal.csv",
        "--label",
        "label",
        "--kernels",
        "0",
    ];
    [&OWN[..], more, &["--out", "m.safetensors", "--json"]].concat()
}

#[test]
fn a_search_compares_windows_and_features() {
    let folder = Folder::new();
    folder.write("normal.csv", &recording(12_000, usize::MAX));
    let of = |threads: &str| {
        let more = [
            "--features",
            "search",
            "--window",
            "32",
            "--threads",
            threads,
        ];
        let json = folder.succeeds(&search(&more));
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON")["searched"].clone()
    };
    let (one, two) = (of("1"), of("2"));
    assert_eq!(one, two);
    let best = &one["judged"][0];
    assert_eq!(best["auroc"].as_array().expect("faults").len(), 8);
    let json = folder.succeeds(&["inspect", "--model", "m.safetensors", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["samples"]["window"], best["window"]);
    assert_eq!(
        value["columns"].as_array().expect("names").len(),
        best["values"].as_u64().expect("a number") as usize
    );
    folder.refuses(
        &search(&["--features", "search", "x=rms"]),
        &["stands alone"],
    );
    folder.write("short.csv", &recording(300, usize::MAX));
    let more = ["--data", "short.csv", "--features", "search"];
    folder.fails(
        &[
            &["train", "--label", "label", "--out", "n.safetensors"],
            &more[..],
        ]
        .concat(),
        &["too few to compare windows"],
    );
}
