//! Labels in words, and labels that call most rows anomalous.

use super::*;

#[test]
fn labels_in_words_are_asked_about_and_read() {
    let folder = Folder::new();
    let rows = readings(300);
    for (name, good, bad) in [
        ("status", "ok", "fail"),
        ("Normal/Attack", "Normal", "Attack"),
        ("result", "PASS", "FAIL"),
        ("Label", "BENIGN", "DDoS"),
    ] {
        let word = |i: usize| if i % 40 == 7 { bad } else { good };
        folder.write(
            "a.csv",
            &table(&format!(",{name}"), &rows, |i, _| format!(",{}", word(i))),
        );
        let (label, exclude) = (format!("--label {name}"), format!("--exclude {name}"));
        refused(&folder, &[], &[name, &label, &exclude, "--columns"]);
        let args = ["train", "--data", "a.csv", "--out", "refused.safetensors"];
        let output = folder.run(&[&args[..], &SHORT].concat());
        assert!(!String::from_utf8_lossy(&output.stderr).contains("--category"));
    }
    let (errors, summary) = train(&folder, &["--label", "Label"]);
    assert_eq!(summary["rows"], 292);
    assert!(
        errors.contains("\"BENIGN\" is read as normal, \"DDoS\" as anomalous"),
        "{errors}"
    );
}

#[test]
fn words_that_do_not_say_what_is_normal_can_only_be_left_out() {
    let folder = Folder::new();
    folder.write(
        "a.csv",
        &table(",class", &readings(300), |i, _| {
            if i % 40 == 7 {
                ",B".into()
            } else {
                ",A".into()
            }
        }),
    );
    refused(
        &folder,
        &[],
        &["\"class\"", "write 0 for normal", "--exclude class"],
    );
    refused(&folder, &["--label", "class"], &["\"A\" is not a label"]);
    let (_, summary) = train(&folder, &["--exclude", "class"]);
    assert_eq!(columns(&summary), SENSORS);
}

#[test]
fn one_is_normal_where_the_name_says_so_and_most_rows_are_normal() {
    let folder = Folder::new();
    let rows = readings(300);
    let good = |i: usize| u8::from(i % 40 != 7);
    folder.write(
        "a.csv",
        &table(",is_normal", &rows, |i, _| format!(",{}", good(i))),
    );
    let (errors, summary) = train(&folder, &["--label", "is_normal"]);
    assert_eq!(summary["rows"], 292);
    assert!(
        errors.contains("1 is read as normal and 0 as anomalous"),
        "{errors}"
    );
    folder.write(
        "a.csv",
        &table(",flag", &rows, |i, _| format!(",{}", good(i))),
    );
    refused(
        &folder,
        &["--label", "flag"],
        &[
            "292 of 300 rows anomalous",
            "write 0 for normal",
            "--exclude flag",
        ],
    );
    // More than half, as in a recording of a fault: said.
    folder.write(
        "a.csv",
        &table(",flag", &rows, |i, _| format!(",{}", u8::from(i > 130))),
    );
    let (errors, _) = train(&folder, &["--label", "flag"]);
    assert!(errors.contains("169 of 300 rows anomalous"), "{errors}");
}

#[test]
fn a_sibling_that_is_constant_in_normal_rows_is_asked_about() {
    let folder = Folder::new();
    let bad = |i: usize| i % 40 < 3;
    folder.write(
        "a.csv",
        &table(",fault,sib_score,kind", &readings(300), |i, _| {
            let score = if bad(i) { 0.5 + i as f64 / 1000.0 } else { 0.0 };
            let kind = if bad(i) { "bearing" } else { "none" };
            format!(",{},{score},{kind}", u8::from(bad(i)))
        }),
    );
    refused(
        &folder,
        &["--label", "fault"],
        &[
            "\"sib_score\" all but tells \"fault\"",
            "--exclude sib_score",
        ],
    );
    // A text that tells the label is no category to propose.
    let (errors, summary) = train(&folder, &["--label", "fault", "--exclude", "sib_score"]);
    assert_eq!(columns(&summary), SENSORS);
    assert!(
        errors.contains("`kind`: text") && !errors.contains("--category"),
        "{errors}"
    );
    assert!(errors.contains("it all but tells \"fault\""), "{errors}");
}
