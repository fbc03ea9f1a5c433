//! Closed and full streams: words may be lost, work may not.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::process::{Command, Output, Stdio};

use crate::folder::{Folder, TRAIN};

fn nvpico(folder: &Folder, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nvpico"));
    command.args(args).current_dir(folder.path("."));
    command
}

fn full() -> Stdio {
    let device = OpenOptions::new().write(true).open("/dev/full");
    device.expect("/dev/full").into()
}

/// The program with a standard error that its reader closes after the first byte.
fn with_closed_errors(folder: &Folder, args: &[&str]) -> Output {
    let mut child = nvpico(folder, args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nvpico runs");
    let mut errors = child.stderr.take().expect("piped");
    errors.read_exact(&mut [0]).expect("a word");
    drop(errors);
    child.wait_with_output().expect("it ends")
}

#[test]
fn nobody_has_to_read_what_training_says() {
    let folder = Folder::with_model();
    let first = std::fs::read(folder.path("m.safetensors")).expect("a model");
    std::fs::remove_file(folder.path("m.safetensors")).expect("removed");
    let output = with_closed_errors(&folder, &TRAIN);
    assert!(output.status.success(), "{:?}", output.status);
    let again = std::fs::read(folder.path("m.safetensors")).expect("a model");
    assert_eq!(again, first);
}

#[cfg(target_os = "linux")]
#[test]
fn full_streams_are_told_and_cost_nothing() {
    let folder = Folder::with_model();
    std::fs::remove_file(folder.path("m.safetensors")).expect("removed");
    let args = [&TRAIN[..], &["--json"]].concat();
    let output = nvpico(&folder, &args)
        .stdout(full())
        .output()
        .expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("standard output"), "{errors}");
    assert!(folder.path("m.safetensors").exists());
    let inspect = ["inspect", "--model", "m.safetensors"];
    let output = nvpico(&folder, &inspect).stderr(full()).output();
    assert!(output.expect("runs").status.success());
    let score = ["score", "--model", "m.safetensors", "--data", "faults.csv"];
    let output = nvpico(&folder, &score)
        .stdout(full())
        .output()
        .expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    // A model that cannot be written in the end is kept elsewhere, and it is said where.
    let mut train = TRAIN.to_vec();
    train[4] = "/dev/full";
    let errors = folder.run(&train);
    let errors = String::from_utf8_lossy(&errors.stderr).into_owned();
    let place = errors
        .split("the trained model is in ")
        .nth(1)
        .expect(&errors);
    let place = place.split(':').next().expect("a path");
    assert!(std::fs::read(place).is_ok(), "{errors}");
    std::fs::remove_file(place).expect("removed");
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let folder = Folder::with_model();
    for args in [
        &["score", "--model", "m.safetensors", "--data", "faults.csv"][..],
        &["sample", "--model", "m.safetensors", "--count", "100000"],
        &["completions", "bash"],
    ] {
        let mut child = nvpico(&folder, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nvpico runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        assert!(!errors.contains("panicked"), "{args:?}: {errors}");
    }
}

#[cfg(unix)]
#[test]
fn a_target_that_cannot_be_written_is_found_before_the_work() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::with_model();
    let path = folder.path("m.safetensors");
    let before = std::fs::read(&path).expect("a model");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("a mode");
    let output = folder.run(&TRAIN);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("read-only") && !errors.contains("epoch"),
        "{errors}"
    );
    assert_eq!(std::fs::read(&path).expect("a model"), before);
}
