//! Columns that are given, not judged.

use std::fmt::Write as _;

use serde_json::Value;

use super::{readings, refused, train};
use crate::folder::Folder;

/// A fan at three speeds: what it shakes follows the speed; the last rows shake at the lowest speed as at the highest one.
fn fan(rows: usize, faults: usize) -> String {
    let mut text = String::from("shake,heat,speed,anomaly\n");
    let noise = readings(rows + faults);
    for (at, [a, b, _]) in noise.iter().enumerate() {
        let speed = if at < rows { 10 * (at % 3 + 1) } else { 10 };
        let shaken = if at < rows { speed } else { 30 };
        let (shake, heat) = (f64::from(u32::try_from(shaken).expect("small")), a - 20.0);
        let _ = writeln!(
            text,
            "{},{},{speed},{}",
            shake + 20.0 * (b - 2.0 - heat / 20.0),
            heat,
            u8::from(at >= rows)
        );
    }
    text
}

fn json(folder: &Folder, args: &[&str]) -> Value {
    serde_json::from_str(&folder.succeeds(args)).expect("JSON")
}

#[test]
fn a_given_speed_decides_what_is_normal() {
    let folder = Folder::new();
    folder.write("a.csv", &fan(900, 0));
    folder.write("test.csv", &fan(90, 90));
    let (_, summary) = train(&folder, &["--exclude", "anomaly", "--given", "speed"]);
    assert_eq!(
        summary["columns"],
        serde_json::json!(["speed", "shake", "heat"])
    );
    let test = ["--model", "m.safetensors", "--data", "test.csv"];
    let found = json(
        &folder,
        &[&["eval", "--label", "anomaly", "--json"][..], &test].concat(),
    );
    assert!(found["auroc"].as_f64().expect("a number") > 0.99, "{found}");
    assert_eq!(found["given_out_of_range"], 0);
    let model = ["--model", "m.safetensors"];
    let found = json(&folder, &[&["inspect", "--json"][..], &model].concat());
    assert_eq!(found["given"], serde_json::json!(["speed"]));
    folder.fails(&[&["sample"][..], &model].concat(), &["speed", "given"]);
}

#[test]
fn a_given_value_that_was_not_seen_is_not_judged() {
    let folder = Folder::new();
    folder.write("a.csv", &fan(900, 0));
    let _ = train(&folder, &["--exclude", "anomaly", "--given", "speed"]);
    folder.write(
        "new.csv",
        "shake,heat,speed,anomaly\n20,0,20,0\n40,0,40,0\n20,0,30.1,1\n90,0,20,1\n",
    );
    let test = ["--model", "m.safetensors", "--data", "new.csv"];
    let found = json(&folder, &[&["score", "--json"][..], &test].concat());
    let decisions: Vec<&str> = (found["scores"].as_array().expect("rows").iter())
        .map(|row| row["decision"].as_str().expect("a word"))
        .collect();
    assert_eq!(decisions[1..3], ["given_out_of_range"; 2]);
    assert_eq!(decisions[3], "anomalous");
    assert_eq!(
        (&found["given_out_of_range"], &found["rows"]),
        (&2.into(), &4.into())
    );
    assert_eq!(found["scores"][1]["out_of_range"], "speed");
    let found = json(
        &folder,
        &[&["eval", "--label", "anomaly", "--json"][..], &test].concat(),
    );
    assert_eq!(
        (&found["given_out_of_range"], &found["anomalous_rows"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn given_columns_that_cannot_be_are_refused() {
    let folder = Folder::new();
    folder.write("a.csv", &fan(300, 0));
    let all = ["--given", "shake,heat,speed", "--exclude", "anomaly"];
    refused(&folder, &all, &["no column of readings is left"]);
    refused(&folder, &["--given", "sped"], &["sped"]);
    let integers = [
        "--given",
        "speed",
        "--exclude",
        "anomaly",
        "--precision",
        "i8",
    ];
    refused(&folder, &integers, &["integer", "--given"]);
}
