//! Tables as people have them: columns that are no sensors, values that are no readings, and what the user is told.

mod given;
mod labels;
mod options;

use std::fmt::Write as _;

use serde_json::Value;

use crate::folder::Folder;

/// Settings of a training that is over at once.
const SHORT: [&str; 6] = ["--couplings", "2", "--hidden", "4", "--epochs", "2"];

/// Temperature, pressure and speed of a machine, the same ones every time.
fn readings(count: usize) -> Vec<[f64; 3]> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut noise = || {
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    };
    let rows = 0..count;
    rows.map(|i| {
        let temp = 20.0 + 3.0 * (i as f64 / 9.0).sin() + 0.2 * noise();
        let press = 1.0 + temp / 20.0 + 0.03 * noise();
        let speed = 1000.0 + 30.0 * (temp - 20.0) + 6.0 * noise();
        let round = |x: f64, digits: f64| (x * digits).round() / digits;
        [round(temp, 100.0), round(press, 1000.0), speed.round()]
    })
    .collect()
}

/// A table of the readings and of what is put beside them.
fn table(names: &str, rows: &[[f64; 3]], beside: impl Fn(usize, &[f64; 3]) -> String) -> String {
    let mut text = format!("temp,press,rpm{names}\n");
    for (i, row) in rows.iter().enumerate() {
        let [temp, press, speed] = row;
        let _ = writeln!(text, "{temp},{press},{speed}{}", beside(i, row));
    }
    text
}

/// Runs a short training; the words of standard error, and the summary.
fn train(folder: &Folder, more: &[&str]) -> (String, Value) {
    let args = [
        "train",
        "--data",
        "a.csv",
        "--out",
        "m.safetensors",
        "--json",
    ];
    let output = folder.run(&[&args[..], &SHORT, more].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{more:?}: {errors}");
    (
        errors,
        serde_json::from_slice(&output.stdout).expect("JSON"),
    )
}

/// The training is refused with these words.
fn refused(folder: &Folder, more: &[&str], words: &[&str]) {
    let args = ["train", "--data", "a.csv", "--out", "refused.safetensors"];
    folder.fails(&[&args[..], &SHORT, more].concat(), words);
    assert!(!folder.path("refused.safetensors").exists());
}

fn columns(summary: &Value) -> Vec<String> {
    let names = summary["columns"].as_array().expect("a list");
    names
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

fn decisions(folder: &Folder, data: &str, more: &[&str]) -> Vec<String> {
    let args = ["score", "--model", "m.safetensors", "--data", data];
    let text = folder.succeeds(&[&args[..], more].concat());
    let at = text
        .lines()
        .next()
        .expect("a header")
        .split(',')
        .position(|name| name == "decision");
    let at = at.expect("a column of decisions");
    text.lines()
        .skip(1)
        .map(|line| line.split(',').nth(at).expect("a decision").to_owned())
        .collect()
}

const SENSORS: [&str; 3] = ["temp", "press", "rpm"];

#[test]
fn plain_tables_have_nothing_to_say() {
    let folder = Folder::new();
    folder.write("a.csv", &table("", &readings(300), |_, _| String::new()));
    let (errors, summary) = train(&folder, &[]);
    assert_eq!(columns(&summary), SENSORS);
    assert_eq!(summary["left_out"], serde_json::json!([]), "{errors}");
    assert_eq!(summary["data"]["rows"], 300);
    let first = &summary["data"]["columns"][0];
    assert_eq!(
        (
            first["step"].as_f64(),
            first["notes"].as_array().map(Vec::len)
        ),
        (Some(0.01), Some(0))
    );
    assert!(
        errors.contains("repeated") && errors.contains("0.01"),
        "{errors}"
    );
}

#[test]
fn labels_beside_the_label_are_asked_about() {
    let folder = Folder::new();
    let rows = readings(300);
    let kinds = |i: usize| if i % 60 == 7 { 1 + i / 150 } else { 0 };
    folder.write(
        "a.csv",
        &table(",broken,kind,changepoint", &rows, |i, _| {
            format!(
                ",{},{},{}",
                kinds(i).min(1),
                kinds(i),
                u8::from(i % 60 == 6)
            )
        }),
    );
    refused(
        &folder,
        &[],
        &[
            "\"broken\"",
            "\"changepoint\"",
            "--label broken --exclude changepoint",
            "--columns",
        ],
    );
    refused(
        &folder,
        &["--label", "broken"],
        &[
            "\"kind\" all but tells \"broken\"",
            "--exclude kind,changepoint",
        ],
    );
    let (_, summary) = train(
        &folder,
        &["--label", "broken", "--exclude", "kind,changepoint"],
    );
    assert_eq!(columns(&summary), SENSORS);
    let (_, summary) = train(&folder, &["--columns", "temp,rpm,kind"]);
    assert_eq!(columns(&summary), ["temp", "rpm", "kind"]);
}

#[test]
fn counters_and_times_are_left_out_and_said() {
    let folder = Folder::new();
    let rows = readings(300);
    let beside = |start: usize| {
        move |i: usize, _: &[f64; 3]| {
            let i = start + i;
            format!(
                ",{},{},{},{}",
                i,
                1_767_225_600_000 + 100 * i,
                i / 24 % 12 + 1,
                46_000.0 + i as f64 / 1440.0
            )
        }
    };
    folder.write("a.csv", &table(",no,ms,month,serial day", &rows, beside(0)));
    folder.write(
        "next.csv",
        &table(",no,ms,month,serial day", &rows, beside(5_000)),
    );
    let (errors, summary) = train(&folder, &[]);
    assert_eq!(columns(&summary), SENSORS);
    let left_out = summary["left_out"].as_array().expect("a list");
    assert_eq!(left_out.len(), 4, "{errors}");
    for word in [
        "column `no`: a counter",
        "milliseconds since 1970",
        "`month`",
    ] {
        assert!(errors.contains(word), "{word}: {errors}");
    }
    assert_eq!(summary["data"]["time"]["step"], 0.1);
    let normal = decisions(&folder, "next.csv", &[])
        .iter()
        .filter(|d| *d == "normal")
        .count();
    assert!(normal > 280, "{normal}");
    let (_, summary) = train(&folder, &["--columns", "temp,no"]);
    assert_eq!(columns(&summary), ["temp", "no"]);
}

#[test]
fn copies_and_other_units_are_left_out_and_said() {
    let folder = Folder::new();
    folder.write(
        "a.csv",
        &table(",temp_f,rpm_again", &readings(300), |_, row| {
            format!(",{:.1},{}", 1.8 * row[0] + 32.0, row[2])
        }),
    );
    let (errors, summary) = train(&folder, &[]);
    assert_eq!(columns(&summary), SENSORS);
    assert!(
        errors.contains("`temp_f`: \"temp\" gives it exactly, times 1.8 + 32"),
        "{errors}"
    );
    assert!(
        errors.contains("`rpm_again`: a copy of \"rpm\""),
        "{errors}"
    );
}

#[test]
fn values_for_no_reading_are_asked_about() {
    let folder = Folder::new();
    for (value, hint) in [
        ("-999", "--missing=-999 --skip-bad"),
        ("85", "--missing=85"),
        ("65535", "--missing=65535"),
    ] {
        let mut text = table("", &readings(300), |_, _| String::new());
        let lines: Vec<String> = (text.lines().enumerate())
            .map(|(i, line)| match line.split_once(',') {
                Some((_, rest)) if i % 25 == 3 => format!("{value},{rest}"),
                _ => line.to_owned(),
            })
            .collect();
        text = lines.join("\n");
        folder.write("a.csv", &text);
        refused(
            &folder,
            &[],
            &["column \"temp\"", value, "12 times", hint, "12 of 300 rows"],
        );
    }
    let (errors, summary) = train(&folder, &["--missing=65535", "--skip-bad"]);
    assert!(errors.contains("left out 12 of 300 rows"), "{errors}");
    assert_eq!(summary["left_out"][0]["count"], 12);
    folder.write(
        "q.csv",
        "temp,press,rpm\n65535,2,1000\n-999,2,1000\n45,2,1000\n0,2,1000\n",
    );
    assert!(
        decisions(&folder, "q.csv", &[])
            .iter()
            .all(|decision| decision != "normal")
    );
    // The user may know better.
    let (_, summary) = train(&folder, &["--missing", "none"]);
    assert_eq!(summary["rows"], 300);
}

#[test]
fn a_value_that_is_a_reading_elsewhere_is_missing_in_its_column_only() {
    let folder = Folder::new();
    let text = table(",heater", &readings(300), |i, _| format!(",{}", i / 5 % 2));
    let lines: Vec<String> = (text.lines().enumerate())
        .map(|(i, line)| match line.split_once(',') {
            Some((_, rest)) if i % 30 == 4 => format!("0,{rest}"),
            _ => line.to_owned(),
        })
        .collect();
    folder.write("a.csv", &lines.join("\n"));
    refused(
        &folder,
        &[],
        &["\"temp\": 0 comes 10 times", "--missing=temp=0 --skip-bad"],
    );
    let (_, summary) = train(&folder, &["--missing=temp=0", "--skip-bad"]);
    assert_eq!(summary["rows"], 290);
}

#[test]
fn labels_as_scikit_learn_has_them() {
    let folder = Folder::new();
    folder.write(
        "a.csv",
        &table(",label", &readings(300), |i, _| {
            if i >= 250 { ",-1".into() } else { ",1".into() }
        }),
    );
    let (errors, summary) = train(&folder, &["--label", "label"]);
    assert_eq!(summary["rows"], 250);
    assert!(
        errors.contains("1 is read as normal and -1 as anomalous"),
        "{errors}"
    );
}

#[test]
fn a_label_the_wrong_way_round_is_pointed_out() {
    let folder = Folder::new();
    let rows = readings(300);
    folder.write("a.csv", &table("", &rows, |_, _| String::new()));
    let (_, _) = train(&folder, &[]);
    let mut tested = rows.clone();
    for row in &mut tested[..40] {
        row[0] += 50.0;
    }
    folder.write(
        "t.csv",
        &table(",flag", &tested, |i, _| format!(",{}", u8::from(i >= 40))),
    );
    let args = [
        "eval",
        "--model",
        "m.safetensors",
        "--data",
        "t.csv",
        "--label",
        "flag",
        "--json",
    ];
    let value: Value = serde_json::from_str(&folder.succeeds(&args)).expect("JSON");
    assert!(
        value["said"][0]
            .as_str()
            .is_some_and(|text| text.contains("wrong way")),
        "{value}"
    );
}

#[test]
fn a_label_in_words_is_asked_about() {
    let folder = Folder::new();
    let word = |i: usize| if i % 40 == 7 { ",anomaly" } else { ",normal" };
    folder.write(
        "a.csv",
        &table(",result", &readings(300), |i, _| word(i).into()),
    );
    refused(
        &folder,
        &[],
        &["column \"result\"", "--label result", "--exclude result"],
    );
    let (_, summary) = train(&folder, &["--label", "result"]);
    assert_eq!(summary["rows"], 292);
}

#[test]
fn a_logger_without_its_sensors_is_asked_about_and_a_machine_at_rest_is_not() {
    let folder = Folder::new();
    let mut rows = readings(300);
    rows[100..120].fill([0.0; 3]);
    folder.write("a.csv", &table("", &rows, |_, _| String::new()));
    refused(
        &folder,
        &[],
        &["\"temp\": 0 comes 20 times", "--missing=0 --skip-bad"],
    );
    let mut rows = readings(300);
    rows[100..120].iter_mut().for_each(|row| row[2] = 0.0);
    folder.write("a.csv", &table("", &rows, |_, _| String::new()));
    let (errors, summary) = train(&folder, &[]);
    assert_eq!(summary["rows"], 300);
    assert!(errors.contains("`rpm`: it is 0 in 20 rows"), "{errors}");
}
