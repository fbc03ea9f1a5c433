//! Signals: long work ends within a second or so, keeps what there is to keep, and leaves no temporary file.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::folder::Folder;

/// A second, and what a busy machine takes longer.
const SOON: Duration = Duration::from_secs(5);

struct Running {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
}

impl Running {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nvpico"))
            .args(args)
            .current_dir(folder.path("."))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nvpico runs");
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, errors }
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            let read = self.errors.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended before `{word}`");
        }
    }

    /// Sends a signal; the exit code and the last words.
    fn ends(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill runs").success());
        let began = Instant::now();
        let mut words = String::new();
        std::io::Read::read_to_string(&mut self.errors, &mut words).expect("text");
        let status = self.child.wait().expect("it ends");
        assert!(began.elapsed() < SOON, "{:?}: {words}", began.elapsed());
        (status.code(), words)
    }
}

fn no_temporary_files(folder: &Folder) {
    let names = std::fs::read_dir(folder.path(".")).expect("a folder");
    for name in names.flatten() {
        let name = name.file_name();
        assert!(
            !name.to_string_lossy().starts_with(".nvpico-"),
            "{}",
            name.display()
        );
    }
}

const TRAIN: [&str; 5] = ["train", "--data", "normal.csv", "--out", "n.safetensors"];

#[test]
fn a_training_without_a_state_ends_at_once() {
    let folder = Folder::with_model();
    let args = [&TRAIN[..], &["--couplings", "8000"]].concat();
    let mut running = Running::start(&folder, &args);
    running.wait_for("features");
    std::thread::sleep(Duration::from_millis(500));
    let (code, words) = running.ends("-INT");
    assert_eq!(code, Some(130), "{words}");
    assert!(!folder.path("n.safetensors").exists());
    no_temporary_files(&folder);
}

#[test]
fn a_training_keeps_its_best_state() {
    let folder = Folder::with_model();
    let long = ["--epochs", "1000000", "--patience", "1000000"];
    let mut running = Running::start(&folder, &[&TRAIN[..], &long].concat());
    running.wait_for("epoch 1:");
    let (code, words) = running.ends("-TERM");
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("kept the best state"), "{words}");
    // Cross-validation would have come: its rows would have been new to the models.
    assert!(words.contains("also decided when to stop"), "{words}");
    folder.succeeds(&["inspect", "--model", "n.safetensors"]);
    no_temporary_files(&folder);
}

#[test]
fn a_search_keeps_the_best_that_it_tried() {
    let folder = Folder::with_model();
    let budget = ["--flash", "128K", "--core", "m4f"];
    let mut running = Running::start(&folder, &[&TRAIN[..], &budget].concat());
    running.wait_for("structure 1 of");
    let (code, words) = running.ends("-INT");
    assert_eq!(code, Some(0), "{words}");
    folder.succeeds(&["inspect", "--model", "n.safetensors"]);
    no_temporary_files(&folder);
}

#[test]
fn other_long_work_ends_at_once() {
    let folder = Folder::with_model();
    for args in [
        &["simulate", "pump", "--rows", "50000000", "--out", "x.csv"][..],
        &[
            "sample",
            "--model",
            "m.safetensors",
            "--count",
            "100000000",
            "--out",
            "x.csv",
        ],
        &["demo", "--no-verify", "--out", "demo"],
    ] {
        let running = Running::start(&folder, args);
        std::thread::sleep(Duration::from_millis(700));
        let (code, words) = running.ends("-TERM");
        assert_eq!(code, Some(130), "{args:?}: {words}");
        no_temporary_files(&folder);
    }
}
