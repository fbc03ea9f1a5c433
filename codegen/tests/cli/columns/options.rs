//! Options that say how columns and rows are read, and the advice about them.

use super::*;

#[test]
fn skip_bad_has_a_limit_and_never_takes_labels() {
    let folder = Folder::new();
    let rows = readings(300);
    folder.write(
        "a.csv",
        &table(",more", &rows, |i, _| {
            if i % 5 == 2 {
                ",".into()
            } else {
                format!(",{}", i * 7 % 13)
            }
        }),
    );
    refused(
        &folder,
        &["--skip-bad"],
        &[
            "60 of 300 rows (20.0 %)",
            "a.csv: line 4, column \"more\"",
            "--skip-bad=0.21",
        ],
    );
    let (_, summary) = train(&folder, &["--skip-bad=0.21"]);
    assert_eq!(summary["rows"], 240);
    folder.write(
        "a.csv",
        &table(
            ",y",
            &rows,
            |i, _| if i == 40 { ",".into() } else { ",0".into() },
        ),
    );
    refused(
        &folder,
        &["--label", "y", "--skip-bad"],
        &["line 42, column \"y\"", "empty"],
    );
}

#[test]
fn names_with_commas_are_quoted() {
    let folder = Folder::new();
    let text = table(",\"flow, l/min\"", &readings(300), |i, _| {
        format!(",{}", i * 7 % 13)
    });
    folder.write("a.csv", &text);
    let (_, summary) = train(&folder, &["--exclude", "\"flow, l/min\",rpm"]);
    assert_eq!(columns(&summary), ["temp", "press"]);
    let (_, summary) = train(&folder, &["--columns", "temp,\"flow, l/min\""]);
    assert_eq!(columns(&summary), ["temp", "flow, l/min"]);
    folder.refuses(
        &[
            "train",
            "--data",
            "a.csv",
            "--out",
            "m",
            "--columns",
            "\"flow",
        ],
        &["quote"],
    );
}

#[test]
fn machines_are_held_out_whole() {
    let folder = Folder::new();
    folder.write(
        "a.csv",
        &table(",machine", &readings(300), |i, _| {
            format!(",pump {}", 1 + i / 75)
        }),
    );
    let (_, summary) = train(&folder, &["--group", "machine"]);
    assert_eq!(
        (
            summary["train_rows"].as_u64(),
            summary["held_out_rows"].as_u64()
        ),
        (Some(225), Some(75))
    );
    assert_eq!(columns(&summary), SENSORS);
    assert_eq!(summary["calibration"]["method"], "held-out");
    // Machines that take turns.
    folder.write(
        "a.csv",
        &table(",machine", &readings(300), |i, _| format!(",{}", i % 4)),
    );
    let (_, summary) = train(&folder, &["--group", "machine"]);
    let calibration = &summary["calibration"];
    assert_eq!(
        (&calibration["method"], &calibration["rows"]),
        (&"held-out".into(), &56.into())
    );
    // Enough of them: each row is scored by a model that saw none of its machine.
    folder.write(
        "a.csv",
        &table(",machine", &readings(300), |i, _| {
            format!(",{}", 1 + i / 50)
        }),
    );
    let (_, summary) = train(&folder, &["--group", "machine"]);
    let calibration = &summary["calibration"];
    assert_eq!(calibration["method"], "cross-validation");
    assert_eq!(calibration["rows"], 300);
    folder.write(
        "a.csv",
        &table(",machine", &readings(300), |_, _| ",7".into()),
    );
    refused(&folder, &["--group", "machine"], &["one machine"]);
}

#[test]
fn a_mode_is_read_as_a_category() {
    let folder = Folder::new();
    let rows = readings(300);
    folder.write(
        "a.csv",
        &table(",mode", &rows, |i, _| {
            if i / 50 % 2 == 0 {
                ",auto".into()
            } else {
                ",hand".into()
            }
        }),
    );
    let (errors, summary) = train(&folder, &[]);
    assert_eq!(columns(&summary), SENSORS);
    assert!(errors.contains("`mode`: text"), "{errors}");
    let (_, summary) = train(&folder, &["--category", "mode"]);
    assert_eq!(
        columns(&summary),
        ["temp", "press", "rpm", "mode=auto", "mode=hand"]
    );
    let [temp, press, speed] = rows[10];
    let row = |mode: &str| format!("{mode},{temp},{press},{speed}\n");
    folder.write(
        "q.csv",
        &[
            "mode,temp,press,rpm\n".into(),
            row("auto"),
            row("hand"),
            row("stop"),
        ]
        .concat(),
    );
    let found = decisions(&folder, "q.csv", &[]);
    assert_eq!((found.len(), &*found[2]), (3, "anomalous"));
}

#[test]
fn one_sensor_is_read_in_windows() {
    let folder = Folder::new();
    let rows = readings(300);
    let one: Vec<String> = rows.iter().map(|row| row[0].to_string()).collect();
    folder.write("a.csv", &format!("temp\n{}\n", one.join("\n")));
    refused(&folder, &[], &["at least 2", "--window 8"]);
    let (errors, summary) = train(&folder, &["--window", "8"]);
    assert_eq!(summary["rows"], 293);
    assert_eq!(columns(&summary)[0], "temp@-7");
    assert!(
        errors.contains("7 of 300 rows without a full window"),
        "{errors}"
    );
    let found = decisions(&folder, "a.csv", &[]);
    assert_eq!(found.len(), 293);
    assert!(
        found
            .iter()
            .filter(|decision| *decision == "normal")
            .count()
            > 270
    );
    folder.succeeds(&["export", "--model", "m.safetensors", "--out", "m.rs"]);
}

#[test]
fn a_table_without_names_is_taken_by_position_and_that_is_said() {
    let folder = Folder::new();
    let text = table("", &readings(300), |_, _| String::new());
    folder.write("a.csv", &text);
    train(&folder, &[]);
    folder.write("q.csv", text.split_once('\n').expect("a header").1);
    let output = folder.run(&["score", "--model", "m.safetensors", "--data", "q.csv"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.contains("by their position"),
        "{errors}"
    );
}

#[test]
fn advice_answers_its_own_questions_and_draws() {
    let folder = Folder::new();
    folder.write(
        "a.csv",
        &table(",id,fault", &readings(300), |i, _| {
            format!(",{i},{}", u8::from(i % 60 == 5))
        })
        .replace("\n20.", "\n-999."),
    );
    let text = folder.succeeds(&["advise", "--data", "a.csv"]);
    for word in ["temp", "independent stretches", "nvpico train --data a.csv"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = folder.succeeds(&["advise", "--data", "a.csv", "--json", "--out", "a.svg"]);
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert!(value["independent_stretches"].is_number(), "{json}");
    assert!(
        std::fs::read_to_string(folder.path("a.svg"))
            .expect("a picture")
            .starts_with("<svg")
    );
    // The command it proposes works.
    let command = value["command"].as_str().expect("a command");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    folder.succeeds(&[&words[..], &SHORT].concat());
    folder.succeeds(&["advise", "--data", "a.csv", "--out", "a.html"]);
}

#[test]
fn every_verb_counts_in_json_what_it_did_not_use() {
    let folder = Folder::new();
    folder.write("a.csv", &table("", &readings(300), |_, _| String::new()));
    let _ = train(&folder, &[]);
    let mut text = table(",y", &readings(300), |i, _| {
        if i == 7 { ",1".into() } else { ",0".into() }
    });
    text = text.replacen(&format!("{},", readings(300)[4][0]), "-999,", 1);
    folder.write("b.csv", &format!("# from the logger\n{text}"));
    let common = ["--model", "m.safetensors", "--data", "b.csv", "--json"];
    let bad = ["--missing=-999", "--skip-bad", "--label", "y"];
    for verb in ["score", "eval", "calibrate"] {
        let out: &[&str] = match verb {
            "calibrate" => &["--out", "c.safetensors"],
            _ => &[],
        };
        let json = folder.succeeds(&[&[verb][..], &common, &bad, out].concat());
        let found: Value = serde_json::from_str(&json).expect("JSON");
        let left_out = found["left_out"].as_array().expect("a list");
        let rows = left_out.iter().find(|left| {
            left["what"]
                .as_str()
                .is_some_and(|what| what.starts_with("rows"))
        });
        assert_eq!(
            rows.expect("rows are counted")["count"],
            1,
            "{verb}: {found}"
        );
        assert!(found["said"].is_array(), "{verb}: {found}");
    }
}

#[test]
fn numbers_that_name_machines_are_said_and_proposed_as_groups() {
    let folder = Folder::new();
    folder.write(
        "a.csv",
        &table(",engine", &readings(300), |i, _| format!(",{}", 1 + i / 50)),
    );
    let (errors, summary) = train(&folder, &[]);
    assert_eq!(columns(&summary), SENSORS);
    assert!(
        errors.contains("column `engine`: it names 6 machines")
            && errors.contains("--group engine"),
        "{errors}"
    );
    let advice: Value =
        serde_json::from_str(&folder.succeeds(&["advise", "--data", "a.csv", "--json"]))
            .expect("JSON");
    assert_eq!(advice["data"]["machines"], "engine");
    let command = advice["command"].as_str().expect("a command");
    assert!(command.contains("--group engine"), "{command}");
    let (errors, _) = train(&folder, &["--group", "engine"]);
    assert!(!errors.contains("--group"), "{errors}");
}

#[test]
fn advice_names_decimal_commas() {
    let folder = Folder::new();
    let text = table("", &readings(300), |_, _| String::new());
    folder.write("a.csv", &text.replace(',', ";").replace('.', ","));
    let json = folder.succeeds(&["advise", "--data", "a.csv", "--json"]);
    let advice: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(advice["rows"], 300);
    let command = advice["command"].as_str().expect("a command");
    assert!(command.contains("--decimal-comma"), "{command}");
}

#[test]
fn rows_of_an_archive_are_those_of_the_array_that_is_named() {
    let folder = Folder::new();
    let all = readings(400);
    let part = folder.path("part.npy");
    let npy = |shape: &[usize], values: Vec<f32>| {
        nvpico_codegen::data::write_npy(&part, shape, &values).expect("an array");
        std::fs::read(&part).expect("an array")
    };
    let rows = |rows: &[[f64; 3]]| {
        let values = rows.iter().flatten().map(|x| *x as f32).collect();
        npy(&[3], values)
    };
    let (normal, test) = (rows(&all[..300]), rows(&all[300..]));
    let labels = npy(
        &[1],
        (0..100).map(|i| f32::from(u8::from(i > 89))).collect(),
    );
    let arrays = [("train", normal), ("test", test), ("test_label", labels)];
    let bytes = nvpico_codegen::data::npz::archive(&arrays).expect("an archive");
    std::fs::write(folder.path("a.npz"), bytes).expect("an archive");
    let base = |verb: &'static str| [verb, "--data", "a.npz"];
    folder.fails(
        &base("advise"),
        &["test, test_label, train", "--array test"],
    );
    let advice = folder.succeeds(&[&base("advise")[..], &["--array", "train"]].concat());
    assert!(
        advice.contains("--data a.npz --array train --out"),
        "{advice}"
    );
    let train = ["--array", "train", "--out", "m.safetensors"];
    folder.succeeds(&[&base("train")[..], &train, &SHORT].concat());
    let model = ["--model", "m.safetensors", "--array", "test"];
    let scores = folder.succeeds(&[&base("score")[..], &model].concat());
    assert_eq!(scores.lines().count(), 101);
    folder.succeeds(&[&base("eval")[..], &model, &["--label", "test_label"]].concat());
    let other = [
        "--model",
        "m.safetensors",
        "--array",
        "train",
        "--out",
        "n.safetensors",
    ];
    folder.succeeds(&[&base("calibrate")[..], &other].concat());
    folder.fails(
        &[
            "score",
            "--model",
            "m.safetensors",
            "--data",
            "a.npz",
            "--array",
            "tset",
        ],
        &["no array \"tset\"", "test, test_label, train"],
    );
}
