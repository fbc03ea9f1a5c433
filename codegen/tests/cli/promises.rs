//! Thresholds that can be kept: what `train`, `calibrate`, `score` and `eval` say of rates, and what they refuse.

use std::fmt::Write as _;
use std::process::Output;

use serde_json::Value;

use crate::folder::Folder;

/// Rows of two columns that belong together; each value keeps so much of the one before. Without memory the rows are in
/// no order.
fn rows(count: usize, keep: f64, seed: u32, scale: f64, header: &str) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut uniform = move || {
        // Xorshift: neighbouring numbers do not depend on each other.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let noise = 3.0 * (1.0 - keep * keep).sqrt();
    let mut level = 3.0 * uniform();
    let mut text = format!("{header}\n");
    for _ in 0..count {
        level = keep * level + noise * uniform();
        let flow = level * level + 0.4 * uniform();
        let _ = writeln!(text, "{:.5},{flow:.5}", scale * (level + 20.0));
    }
    text
}

const SMALL: [&str; 8] = [
    "--couplings",
    "2",
    "--hidden",
    "8",
    "--epochs",
    "8",
    "--seed",
    "3",
];

fn train(folder: &Folder, more: &[&str]) -> (Value, String) {
    let args = [
        "train",
        "--data",
        "rows.csv",
        "--out",
        "m.safetensors",
        "--json",
    ];
    let output = folder.run(&[&args[..], &SMALL, more].concat());
    parts(&output)
}

/// Standard output as JSON, and standard error.
fn parts(output: &Output) -> (Value, String) {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    (
        serde_json::from_slice(&output.stdout).expect("JSON"),
        errors,
    )
}

fn number(value: &Value, name: &str) -> f64 {
    value[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name}: {value}"))
}

#[test]
fn rows_in_no_order_calibrate_one_by_one() {
    let folder = Folder::new();
    folder.write("rows.csv", &rows(600, 0.0, 7, 1.0, "level,flow"));
    let (found, said) = train(&folder, &[]);
    let calibration = &found["calibration"];
    assert_eq!(calibration["method"], "cross-validation");
    assert_eq!(calibration["rows"], 600);
    assert!(number(calibration, "effective_rows") > 599.0, "{found}");
    assert_eq!(found["correlated_rows"], 0);
    assert!((number(&found, "false_alarm_rate") - 0.01).abs() < 1e-12);
    assert!(said.contains("at most 1 % false alarms"), "{said}");
    // The same, whatever the threads, and with as many folds as said.
    let model = std::fs::read(folder.path("m.safetensors")).expect("written");
    for threads in ["1", "3"] {
        train(&folder, &["--threads", threads]);
        assert!(std::fs::read(folder.path("m.safetensors")).expect("written") == model);
    }
    let (found, _) = train(&folder, &["--folds", "0"]);
    assert_eq!(found["calibration"]["method"], "held-out");
    assert_eq!(found["calibration"]["rows"], 90);
    assert!(number(&found, "false_alarm_rate") > 0.01, "{found}");
}

#[test]
fn slow_rows_promise_what_they_can() {
    let folder = Folder::new();
    folder.write("rows.csv", &rows(3_000, 0.997, 7, 1.0, "level,flow"));
    let (found, said) = train(&folder, &[]);
    let calibration = &found["calibration"];
    assert_eq!(calibration["rows"], 3_000);
    assert!(number(calibration, "effective_rows") < 60.0, "{found}");
    let rate = number(&found, "false_alarm_rate");
    assert!(rate > 0.015, "{found}");
    assert!(number(&calibration["interval"], "high") > rate, "{found}");
    for words in [
        "independent ones",
        "too few for the 1 % asked for",
        "rows more",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn calibrate_takes_the_models_own_rows_alone() {
    let folder = Folder::new();
    folder.write("rows.csv", &rows(400, 0.0, 7, 1.0, "level,flow"));
    train(&folder, &[]);
    folder.write("more.csv", &rows(300, 0.0, 8, 1.0, "level,flow"));
    folder.write("few.csv", &rows(5, 0.0, 9, 1.0, "level,flow"));
    folder.write("other-unit.csv", &rows(300, 0.0, 8, 1.8, "level,flow"));
    let args = |data: &'static str| {
        [
            "calibrate",
            "--model",
            "m.safetensors",
            "--data",
            data,
            "--out",
            "c.safetensors",
        ]
    };
    let words = [
        "not the model's",
        "`level`",
        "standard deviations",
        "--force",
    ];
    folder.fails(&args("other-unit.csv"), &words);
    let words = ["5 rows are too few", "99", "--false-alarm-rate 0.167"];
    folder.fails(&args("few.csv"), &words);
    assert!(!folder.path("c.safetensors").exists());
    // What the messages advise works.
    folder.succeeds(&[&args("few.csv")[..], &["--false-alarm-rate", "0.167"]].concat());
    folder.succeeds(&[&args("other-unit.csv")[..], &["--force"]].concat());

    let json = |data| parts(&folder.run(&[&args(data)[..], &["--json"]].concat()));
    let (found, said) = json("more.csv");
    assert_eq!(found["rows"], 300);
    assert_eq!(found["trained_on"], serde_json::json!([]));
    assert!(found["threshold"].is_number() && found["interval"]["high"].is_number());
    assert!(!said.contains("was trained on these"), "{said}");
    let (found, said) = json("rows.csv");
    assert_eq!(found["trained_on"], serde_json::json!(["rows.csv"]));
    assert!(said.contains("was trained on these rows"), "{said}");
}

#[test]
fn score_and_eval_say_unlike_where_rows_are() {
    let folder = Folder::new();
    folder.write("rows.csv", &rows(600, 0.0, 7, 1.0, "level,flow"));
    train(&folder, &[]);
    folder.write("next.csv", &rows(600, 0.0, 8, 1.0, "level,flow"));
    // Another normal state: more flow at the same level.
    let cells = |line: &str| -> Option<String> {
        let (level, flow) = line.split_once(',')?;
        Some(format!("{level},{:.5}\n", flow.parse::<f64>().ok()? + 0.8))
    };
    let next = rows(600, 0.0, 8, 1.0, "level,flow");
    let moved: String = next.lines().filter_map(cells).collect();
    let drifted = format!("level,flow\n{moved}");
    folder.write("drifted.csv", &drifted);
    let score = |data| folder.run(&["score", "--model", "m.safetensors", "--data", data]);
    let said = |output: Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let like = said(score("next.csv"));
    for words in [
        "600 rows: ",
        "0 invalid",
        "least likely: row ",
        "nothing speaks against",
    ] {
        assert!(like.contains(words), "{words}: {like}");
    }
    let unlike = said(score("drifted.csv"));
    assert!(unlike.contains("than chance explains"), "{unlike}");
    let json = folder.succeeds(&[
        "score",
        "--model",
        "m.safetensors",
        "--data",
        "next.csv",
        "--json",
    ]);
    let found: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(found["scores"].as_array().map(Vec::len), Some(600));
    assert_eq!(
        (&found["rows"], &found["invalid"]),
        (&600.into(), &0.into())
    );

    for (data, words) in [("next.csv", false), ("drifted.csv", true)] {
        let text = std::fs::read_to_string(folder.path(data)).expect("written");
        let labelled: String =
            text.lines()
                .enumerate()
                .fold(String::new(), |mut text, (row, line)| {
                    let _ = writeln!(text, "{line},{}", if row == 0 { "label" } else { "0" });
                    text
                });
        folder.write("labelled.csv", &labelled);
        let args = [
            "eval",
            "--model",
            "m.safetensors",
            "--data",
            "labelled.csv",
            "--label",
            "label",
        ];
        let text = folder.succeeds(&args);
        assert!(text.contains("promises at most 1 %"), "{text}");
        assert_eq!(
            text.contains("than chance explains"),
            words,
            "{data}: {text}"
        );
    }
}

#[test]
fn rows_far_outside_the_training_rows_set_no_threshold() {
    let folder = Folder::with_model();
    let text = std::fs::read_to_string(folder.path("normal.csv")).expect("the training rows");
    let with = |every: usize, value: &str| {
        let mut out = String::new();
        for (number, line) in text.lines().enumerate() {
            let cells = line.split_once(',').filter(|_| number % every == 7);
            match cells {
                Some((_, rest)) => out.extend([value, ",", rest, "\n"]),
                None => out.extend([line, "\n"]),
            }
        }
        out
    };
    folder.write("fill.csv", &with(25, "-999"));
    let args = [
        "--model",
        "m.safetensors",
        "--data",
        "fill.csv",
        "--out",
        "c.safetensors",
    ];
    let calibrate: Vec<&str> = ["calibrate"].into_iter().chain(args).collect();
    folder.fails(&calibrate, &["far outside the range", "-999"]);
    // The hint, followed.
    folder.succeeds(&[&calibrate[..], &["--missing=-999", "--skip-bad"]].concat());
    let train = [
        "train",
        "--data",
        "normal.csv",
        "--valid",
        "fill.csv",
        "--out",
        "v.safetensors",
    ];
    folder.fails(&train, &["far outside the range"]);
    // One spike is said and counts as a false alarm; it is no normal value afterwards.
    folder.write("spike.csv", &with(100_000, "5000"));
    let args = [
        "calibrate",
        "--model",
        "m.safetensors",
        "--data",
        "spike.csv",
        "--out",
        "s.safetensors",
    ];
    folder.succeeds(&args);
    let scores = folder.succeeds(&["score", "--model", "s.safetensors", "--data", "spike.csv"]);
    let row = scores
        .lines()
        .find(|line| line.starts_with("7,"))
        .expect("the spike's row");
    assert!(row.contains(",anomalous,"), "{row}");
}

/// The defaults: a mixture or couplings, and kernels beside them, from training to the generated module.
#[test]
fn the_default_density_goes_all_the_way() {
    let folder = Folder::with_model();
    let train = ["train", "--data", "normal.csv", "--out", "d.safetensors"];
    let args = [&train[..], &["--epochs", "3", "--folds", "0"]].concat();
    folder.succeeds(&args);
    let text = folder.succeeds(&["inspect", "--model", "d.safetensors", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(value["base"]["mixture"]["components"].is_u64(), "{text}");
    assert!(value["kernels"].as_u64().is_some_and(|count| count > 100));
    for precision in ["f32", "i8"] {
        let model = ["--model", "d.safetensors", "--precision", precision];
        let scores = folder.succeeds(&[&["score", "--data", "normal.csv"][..], &model].concat());
        assert!(scores.lines().count() > 100);
        folder.succeeds(&[&["export", "--out", "d.rs"][..], &model].concat());
        let module = std::fs::read_to_string(folder.path("d.rs")).expect("a module");
        assert!(module.contains("with_base") && module.contains("with_kernels"));
    }
    // Couplings in front of the mixture.
    let args = [&args[..], &["--base", "mixture", "--couplings", "2"]].concat();
    folder.succeeds(&args);
}

#[test]
fn alarms_have_a_budget_a_promise_and_a_place_in_time() {
    let folder = Folder::new();
    folder.write("rows.csv", &rows(4_000, 0.9, 5, 1.0, "level,flow"));
    let (summary, errors) = train(&folder, &["--rate", "1Hz", "--false-alarms", "100 per day"]);
    let alarm = &summary["alarm"];
    assert_eq!(alarm["budget"], "100 per day");
    assert!(
        number(alarm, "promised") >= number(alarm, "expected"),
        "{alarm}"
    );
    assert!(errors.contains("in 95 of 100 records"), "{errors}");
    // No time, no budget in time.
    let (summary, errors) = train(&folder, &[]);
    assert!(summary["alarm"]["rate"].is_null());
    assert!(errors.contains("--rate 1Hz"), "{errors}");
    folder.refuses(
        &[
            "train",
            "--data",
            "rows.csv",
            "--out",
            "n.safetensors",
            "--false-alarms",
            "often",
        ],
        &["1 per week"],
    );

    // Somebody holds the flow meter, then mends it.
    let text = rows(1_000, 0.9, 8, 1.0, "level,flow");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let held = lines[500].split_once(',').expect("two cells").1.to_owned();
    for (at, line) in lines.iter_mut().enumerate() {
        let level = line.split_once(',').expect("two cells").0.to_owned();
        let is_held = (500..600).contains(&at);
        match at {
            0 => line.push_str(",fault"),
            _ if is_held => *line = format!("{level},{held},1"),
            _ => line.push_str(",0"),
        }
    }
    folder.write("held.csv", &lines.join("\n"));
    let evaluated = folder.succeeds(&[
        "eval",
        "--model",
        "m.safetensors",
        "--data",
        "held.csv",
        "--label",
        "fault",
        "--json",
        "--picture",
        "held.svg",
    ]);
    let evaluated: Value = serde_json::from_str(&evaluated).expect("JSON");
    let episodes = &evaluated["alarms"]["episodes"];
    assert_eq!(
        (number(episodes, "episodes"), number(episodes, "found")),
        (1.0, 1.0),
        "{evaluated}"
    );
    let changes = evaluated["alarms"]["changes"].as_array().expect("a list");
    assert!(
        changes.iter().any(|change| change["cause"] == "flow stuck"),
        "{evaluated}"
    );
    assert!(folder.path("held.svg").is_file());
    let scores = folder.succeeds(&["score", "--model", "m.safetensors", "--data", "held.csv"]);
    assert!(
        scores.contains("rarity,alarm,event") && scores.contains("raised: flow stuck"),
        "{scores}"
    );
    let text = folder.succeeds(&[
        "eval",
        "--model",
        "m.safetensors",
        "--data",
        "held.csv",
        "--label",
        "fault",
    ]);
    assert!(text.contains("episodes found     1 of 1"), "{text}");
}
