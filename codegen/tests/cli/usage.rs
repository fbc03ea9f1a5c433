//! Wrong usage is exit code 2, with words that name the option; help shows how it is meant.

use crate::folder::Folder;

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = Folder::new();
    for args in [
        &["nothing"][..],
        &["train"],
        &["score", "--model"],
        &["verify", "--core", "m9"],
        &["score", "--model", "m", "--data", "d", "--precision", "i4"],
        &["train", "--data", "d", "--out", "o", "--flash", "32K"],
        &["train", "--data", "d", "--out", "o", "--core", "m0"],
        &[
            "train", "--data", "d", "--out", "o", "--core", "m0", "--ram", "-3",
        ],
        &["inspect", "--model", "m.safetensors", "--clock", "48M"],
        &[
            "inspect",
            "--model",
            "m.safetensors",
            "--core",
            "m4f",
            "--clock",
            "48 apples",
        ],
    ] {
        assert_eq!(folder.run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn every_verb_has_examples() {
    let folder = Folder::new();
    for verb in [
        "demo",
        "train",
        "score",
        "eval",
        "sample",
        "inspect",
        "export",
        "verify",
        "import",
        "calibrate",
        "completions",
        "man",
    ] {
        let help = folder.succeeds(&[verb, "--help"]);
        assert!(help.contains("Examples:"), "{verb}: {help}");
    }
}

#[test]
fn settings_out_of_range_are_wrong_usage_and_named() {
    let folder = Folder::new();
    let train = ["train", "--data", "none.csv", "--out", "x.safetensors"];
    for (option, value, must) in [
        ("--batch", "0", "at least 1"),
        ("--epochs", "0", "at least 1"),
        ("--patience", "0", "at least 1"),
        ("--couplings", "0", "from 1"),
        ("--scales", "0", "from 1"),
        ("--filters", "0", "from 1"),
        ("--blocks", "0", "from 1"),
        ("--hidden", "8,0", "from 1"),
        ("--couplings", "1000000000", "to 100000"),
        ("--clamp", "0", "above 0"),
        ("--clamp", "-1", "above 0"),
        ("--noise", "-1", "0 or above"),
        ("--l2", "-0.1", "0 or above"),
        ("--learning-rate", "nan", "above 0"),
        ("--clip", "inf", "above 0"),
        ("--leaky", "1", "below 1"),
        ("--alpha", "2", "below 1"),
        ("--levels", "0", "from 2"),
        ("--nets", "3", "1..=2"),
        ("--batch-norm-momentum", "1", "below 1"),
        ("--held-out", "2", "below 1"),
        ("--false-alarm-rate", "2", "below 1"),
        ("--seed", "-1", "invalid digit"),
        ("--seed", "18446744073709551615", "from 0"),
    ] {
        folder.refuses(&[&train[..], &[option, value]].concat(), &[option, must]);
    }
    let model = ["--model", "m.safetensors"];
    let calibrate = ["calibrate", "--data", "n.csv", "--out", "c.safetensors"];
    let rate = ["--false-alarm-rate", "1.5"];
    folder.refuses(
        &[&calibrate[..], &model, &rate].concat(),
        &["--false-alarm-rate", "below 1"],
    );
    let sample = [&["sample"][..], &model].concat();
    folder.refuses(
        &[&sample[..], &["--temperature", "-1"]].concat(),
        &["0 or above"],
    );
    folder.refuses(&[&sample[..], &["--data", "n.npy"]].concat(), &["--png"]);
    let eval = [&["eval", "--data", "n.csv"][..], &model].concat();
    folder.refuses(
        &[&eval[..], &["--threshold", "nan"]].concat(),
        &["--threshold", "a number"],
    );
    folder.refuses(
        &["simulate", "pump", "--rows", "0", "--out", "p.csv"],
        &["--rows"],
    );
    folder.refuses(&["demo", "car"], &["pump", "thermal"]);
}

#[test]
fn config_files_are_held_to_the_same_ranges() {
    let folder = Folder::new();
    folder.write("low.toml", "clamp = -2.0\n");
    folder.fails(
        &[
            "train",
            "--data",
            "n.csv",
            "--config",
            "low.toml",
            "--out",
            "x.safetensors",
        ],
        &["low.toml", "clamp must be above 0, not -2"],
    );
}
