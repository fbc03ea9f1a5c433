//! `adapt`: recalibration on a record.

use std::fmt::Write as _;

use serde_json::Value;

use crate::folder::Folder;

/// Rows of two values around a place, from a number on; the place moves at the given rows.
fn rows(first: u32, count: u32, moves: &[(u32, f64)], fault: u32) -> String {
    let mut text = String::from("a,b,anomaly\n");
    for at in 0..count {
        let noise = |prime: u32| f64::from((at + first) * prime % 10_007) / 10_007.0 - 0.5;
        let moved = moves.iter().filter(|(row, _)| at >= *row);
        let place = moved.map(|(_, by)| by).sum::<f64>();
        let off = if at >= fault { 2.5 } else { 0.0 };
        let a = 10.0 + place + noise(7_919);
        let b = -3.0 - place + 0.5 * noise(7_919) + 0.3 * noise(104_729 % 10_007) + off;
        let _ = writeln!(text, "{a:.5},{b:.5},{}", u8::from(at >= fault));
    }
    text
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("normal.csv", &rows(0, 600, &[], u32::MAX));
    folder.write("moved.csv", &rows(5_000, 300, &[(100, 4.0)], 240));
    folder.succeeds(&[
        "train",
        "--data",
        "normal.csv",
        "--label",
        "anomaly",
        "--epochs",
        "5",
        "--folds",
        "0",
        "--out",
        "m.safetensors",
    ]);
    folder
}

const ADAPT: [&str; 7] = [
    "adapt",
    "--model",
    "m.safetensors",
    "--data",
    "moved.csv",
    "--label",
    "anomaly",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ADAPT[..], more].concat()
}

#[test]
fn a_move_is_learned_where_it_is_asked_and_a_fault_is_not() {
    let folder = folder();
    let plain: Value = serde_json::from_str(&folder.succeeds(&with(&["--json"]))).expect("JSON");
    assert_eq!(plain["rows"], 300);
    assert_eq!(plain["normal"]["rows"], 240);
    assert!(plain["normal"]["after"].as_u64().expect("a number") >= 140);

    let json = folder.succeeds(&with(&[
        "--commission-at",
        "101",
        "--json",
        "--out",
        "rows.csv",
    ]));
    let found: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&found["commissioned"], &found["refused"]),
        (&1.into(), &0.into())
    );
    assert_eq!(found["commissioning"], 10);
    assert!(
        found["normal"]["after"].as_u64().expect("a number") < 24,
        "{json}"
    );
    assert!(
        found["anomalous"]["after"].as_u64().expect("a number") > 54,
        "{json}"
    );
    assert!(
        found["auroc_after"].as_f64().expect("a number") > 0.98,
        "{json}"
    );
    let shift = found["shifts"][0]["shift"].as_f64().expect("a number");
    assert!((shift - 4.0).abs() < 0.4, "{json}");
    let bounds: Vec<_> = found["stretches"]
        .as_array()
        .expect("stretches")
        .iter()
        .map(|own| (own["first"].as_u64(), own["last"].as_u64()))
        .collect();
    assert_eq!(
        bounds,
        [
            (Some(1), Some(100)),
            (Some(101), Some(240)),
            (Some(241), Some(300))
        ]
    );
    let text = std::fs::read_to_string(folder.path("rows.csv")).expect("text");
    assert_eq!(text.lines().count(), 301);
    assert!(
        text.lines().nth(101).expect("a row").contains("settling"),
        "{text}"
    );

    // The same bits a second time, and a table for people.
    assert_eq!(
        folder.succeeds(&with(&["--commission-at", "101", "--json"])),
        json
    );
    let table = folder.succeeds(&with(&["--commission-at", "101"]));
    assert!(
        table.contains("commissioned in 10") && table.contains("AUROC"),
        "{table}"
    );
}

#[test]
fn a_fault_that_begins_while_it_commissions_is_refused() {
    let folder = folder();
    let json = folder.succeeds(&with(&["--commission-at", "236", "--json"]));
    let found: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(found["refused"], 1, "{json}");
}

#[test]
fn settings_go_into_the_model_and_the_module() {
    let folder = folder();
    folder.succeeds(&with(&[
        "--witness",
        "a",
        "--smooth",
        "4",
        "--limits",
        "track=2,reach=32",
        "--commission",
        "12",
        "--save",
        "m.safetensors",
    ]));
    let json = folder.succeeds(&with(&["--json"]));
    let found: Value = serde_json::from_str(&json).expect("JSON");
    let limits = &found["limits"];
    assert_eq!(limits["witnesses"], serde_json::json!([0]));
    assert_eq!(
        (&limits["smooth"], &limits["windows"]),
        (&2.into(), &12.into())
    );
    assert_eq!(limits["track"], 2.0);
    for precision in ["f32", "i8"] {
        folder.succeeds(&[
            "export",
            "--model",
            "m.safetensors",
            "--precision",
            precision,
            "--out",
            "m.rs",
        ]);
        let module = std::fs::read_to_string(folder.path("m.rs")).expect("text");
        assert!(module.contains("pub const ADAPT: "), "{module}");
        assert!(module.contains(".with_commissioning(12, 2)"), "{module}");
    }
    let json = folder.succeeds(&with(&[
        "--precision",
        "i8",
        "--commission-at",
        "101",
        "--json",
    ]));
    let found: Value = serde_json::from_str(&json).expect("JSON");
    assert!(
        found["normal"]["after"].as_u64().expect("a number") < 24,
        "{json}"
    );
}

#[test]
fn what_cannot_be_says_why() {
    let folder = folder();
    folder.fails(&with(&["--witness", "c"]), &["no such value", "a, b"]);
    folder.fails(&with(&["--commission-at", "301"]), &["rows 1 to 300"]);
    folder.fails(&with(&["--commission", "6"]), &["multiple of 4"]);
    for wrong in ["speed=1", "track", "track=-1", "track=x"] {
        assert_eq!(
            folder.run(&with(&["--limits", wrong])).status.code(),
            Some(2),
            "{wrong}"
        );
    }
}
