//! `bench`: detectors on labelled sets.

use std::fmt::Write as _;

use serde_json::Value;

use crate::folder::Folder;

/// Labelled rows: `y` is the square of `x` but for the anomalies.
fn labelled(count: u32, seed: u32) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let mut text = String::from("x,y,anomaly\n");
    for row in 0..count {
        let (x, off) = (2.0 * uniform(), uniform());
        let label = row % 8 == 5;
        let y = if label { 2.0 * off } else { x * x + 0.05 * off };
        let _ = writeln!(text, "{x:.5},{y:.5},{}", u8::from(label));
    }
    text
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("one.csv", &labelled(240, 3));
    folder.write("two.csv", &labelled(200, 4));
    folder.write(
        "small.toml",
        "couplings = 2\nhidden = [8]\nepochs = 4\nfolds = 0\n",
    );
    folder
}

const FILES: [&str; 9] = [
    "bench",
    "one.csv",
    "two.csv",
    "--label",
    "anomaly",
    "--config",
    "small.toml",
    "--seeds",
    "2",
];

#[test]
fn a_run_is_the_same_on_any_threads_and_goes_on_where_it_ended() {
    let folder = folder();
    let with = |more: &[&'static str]| [&FILES[..], more].concat();
    let all = with(&[
        "--json",
        "--csv",
        "a.csv",
        "--out",
        "a.svg",
        "--resume",
        "kept.jsonl",
    ]);
    let text = folder.succeeds(&all);
    let found: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(found["runs"].as_array().expect("runs").len(), 4);
    assert_eq!(found["sets"][1]["set"], "two");
    let detectors = found["detectors"].as_array().expect("detectors");
    assert_eq!(detectors.len(), 8);
    for own in detectors {
        let auroc = own["auroc"].as_f64().expect("a number");
        assert!((0.3..=1.0).contains(&auroc), "{own}");
        assert!(own["flash_bytes"].as_u64().expect("bytes") > 0);
    }
    assert_eq!(detectors[2]["detector"], "Gaussian");
    // A detector that keeps its rows: half of the normal ones of two features.
    assert_eq!(detectors[5]["flash_bytes"], 4 * (4 + 2 * 105));

    let csv = std::fs::read_to_string(folder.path("a.csv")).expect("written");
    assert_eq!(csv.lines().count(), 1 + 4 * 8);
    let svg = std::fs::read_to_string(folder.path("a.svg")).expect("written");
    assert!(svg.contains("nvpico f32") && svg.contains("two"));

    // From another number of threads, and from what was kept.
    for threads in ["1", "9"] {
        let other = folder.succeeds(&with(&["--json", "--threads", threads]));
        assert!(other == text, "{other}");
    }
    let kept = std::fs::read_to_string(folder.path("kept.jsonl")).expect("written");
    let some: Vec<&str> = kept.lines().take(3).collect();
    folder.write("kept.jsonl", &(some.join("\n") + "\n"));
    let output = folder.run(&all);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("(kept)").count(), 3, "{said}");
    assert!(output.stdout == text.as_bytes());
    // Other settings are other figures.
    let output = folder.run(&[&all[..], &["--baselines", "1-nn"]].concat());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("(kept)"));
}

#[test]
fn tables_go_into_a_page_and_sets_are_chosen_by_name() {
    let folder = folder();
    let marks = "<!-- bench files: written by nvpico bench with --page, up to the mark of the end -->\n<!-- bench files: end -->";
    folder.write("page.md", &format!("Before\n\n{marks}\n\nAfter\n"));
    let some = [
        "--sets",
        "two",
        "--baselines",
        "gaussian,1-nn",
        "--precision",
        "f32",
    ];
    let args = [&FILES[..], &some, &["--page", "page.md"]].concat();
    let text = folder.succeeds(&args);
    assert!(
        text.contains("AUROC x 100") && !text.contains("one"),
        "{text}"
    );
    let page = std::fs::read_to_string(folder.path("page.md")).expect("written");
    assert!(
        page.starts_with("Before\n") && page.ends_with("After\n"),
        "{page}"
    );
    assert!(
        page.contains("| set | rows | features | nvpico f32 | Gaussian | 1-NN |"),
        "{page}"
    );
}

#[test]
fn what_cannot_be_run_is_told_first() {
    let folder = folder();
    folder.write("plain.md", "# text\n");
    let with = |more: &[&'static str]| [&FILES[..], more].concat();
    folder.fails(&with(&["--sets", "three"]), &["three", "one, two"]);
    folder.fails(
        &with(&["--page", "plain.md"]),
        &["plain.md", "<!-- bench files: end -->"],
    );
    folder.fails(&with(&["--csv", "one.csv"]), &["one.csv", "also an input"]);
    folder.fails(
        &["bench", "adbench", "."],
        &["no .npz file", "nvpico bench FILE"],
    );
    folder.fails(&["bench", "skab", "."], &["valve1"]);
    folder.fails(&["bench", "asd", "."], &["NAME_train"]);
    folder.fails(
        &["bench", "fan", "nowhere"],
        &["nowhere", "ceiling-fan.npz"],
    );
    folder.fails(&["bench", "one.csv"], &["--label"]);
    folder.refuses(&["bench", "one.csv", "--seeds", "0"], &["at least 1 seed"]);
    folder.refuses(&["bench", "one.csv", "--baselines", "svm"], &["gmm-4"]);
}
