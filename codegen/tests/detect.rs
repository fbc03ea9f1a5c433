//! The whole system on live sensors: the firmware's own I2C driver reads emulated devices whose signals this test
//! moves, scores each reading with the desktop's bits, raises the alarm, clears it, and survives a sensor that goes.
//! Needs what `scripts/setup.sh` gets.

#![cfg(unix)]

#[allow(dead_code)]
#[path = "../../firmware/models/field.rs"]
mod field;

use std::fs;
use std::path::{Path, PathBuf};

use nvpico::detector::Decision;
use nvpico_codegen::harness::Core;
use nvpico_codegen::harness::firmware::{self, BuildRequest};
use nvpico_codegen::harness::live::{Live, LiveRequest};
use nvpico_codegen::harness::qemu::Ended;
use nvpico_codegen::simulate::field::{COLUMNS, Surroundings, surroundings};
use tempfile::TempDir;

/// Readings that the alarm looks back on: `HISTORY` of the firmware's application.
const HISTORY: usize = 8;

/// Builds a program of the firmware with the field model, in a folder of its own.
fn build(program: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let elf = folder.path().join("program.elf");
    firmware::build(&BuildRequest {
        program,
        core: Core::M4f,
        model: &Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/models/field.rs"),
        features: &[],
        // Not that of the other tests: another log level compiles everything anew.
        target_dir: &Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware-live"),
        output: &elf,
    })
    .unwrap_or_else(|error| panic!("{error}"));
    (folder, elf)
}

fn start(elf: &Path, folder: &TempDir, surroundings: &Surroundings, real_time: bool) -> Live {
    let request = LiveRequest {
        elf,
        folder: folder.path(),
        surroundings,
        real_time,
        colour: false,
    };
    Live::start(&request).unwrap_or_else(|error| panic!("{error}"))
}

fn score(row: &[f32]) -> f32 {
    let mut workspace = [0.0; field::WORKSPACE];
    let score = field::FLOW.score(row, &mut workspace);
    score.expect("sensors give finite values").log_prob
}

fn decision(row: &[f32]) -> Decision {
    Decision::at(score(row), field::THRESHOLD.expect("a calibrated model"))
}

/// Surroundings that the model calls normal, far from each other in time.
fn normal_surroundings() -> Vec<Surroundings> {
    surroundings(20_261, 600)
        .into_iter()
        .step_by(120)
        .filter(|surroundings| decision(&surroundings.row()) == Decision::Normal)
        .collect()
}

/// A line about a reading, taken apart: its values, its log-density, what it was found to be.
fn reading(line: &str) -> Option<([f32; 4], f32, &str)> {
    let (_, rest) = line.split_once("reading ")?;
    let (_, rest) = rest.split_once(": [")?;
    let (values, rest) = rest.split_once("], log-density ")?;
    let (log_prob, decision) = rest.split_once(", ")?;
    let values: Vec<f32> = values
        .split(", ")
        .map(|value| value.parse().expect("a number"))
        .collect();
    let row = values.try_into().expect("four values");
    Some((row, log_prob.parse().expect("a number"), decision))
}

/// Waits for the reading that these surroundings give, and checks its score and decision against the desktop's.
fn check_reading(live: &mut Live, surroundings: &Surroundings) {
    let row = surroundings.row();
    let line = wait(live, "the reading", |line| {
        reading(line)
            .is_some_and(|(values, _, _)| values.map(f32::to_bits) == row.map(f32::to_bits))
    });
    let (_, log_prob, found) = reading(&line).expect("a reading");
    assert_eq!(log_prob.to_bits(), score(&row).to_bits(), "{line}");
    assert_eq!(
        format!("{:?}", decision(&row)).to_lowercase(),
        found,
        "{line}"
    );
}

fn wait(live: &mut Live, what: &str, is_it: impl FnMut(&str) -> bool) -> String {
    live.wait_for(what, is_it)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn wait_for_text(live: &mut Live, text: &str) {
    wait(live, text, |line| line.contains(text));
}

fn surround(live: &mut Live, surroundings: &Surroundings) {
    live.surround(surroundings)
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_alarm_comes_and_goes_with_the_field() {
    let normals = normal_surroundings();
    let (&first, others) = normals.split_first().expect("some normal surroundings");
    assert!(others.len() >= 2, "a model that finds its own data normal");
    let (folder, elf) = build("detect");
    let mut live = start(&elf, &folder, &first, true);

    // Normal from the start, and wherever the mount turns.
    check_reading(&mut live, &first);
    for surroundings in others {
        surround(&mut live, surroundings);
        check_reading(&mut live, surroundings);
    }
    surround(&mut live, &first);
    for _ in 0..HISTORY {
        check_reading(&mut live, &first);
    }
    assert!(!live.log().iter().any(|line| line.contains("alarm")));

    // A magnet comes near: every single axis stays in its usual range, but not all three together.
    let mut magnet = first;
    magnet.nanotesla.swap(0, 1);
    magnet.nanotesla[2] += 6_000;
    assert_eq!(decision(&magnet.row()), Decision::Anomalous);
    surround(&mut live, &magnet);
    check_reading(&mut live, &magnet);
    wait_for_text(&mut live, "alarm raised");
    surround(&mut live, &first);
    wait_for_text(&mut live, "alarm cleared");

    // The room burns.
    let mut hot = first;
    hot.millidegrees = 85_000;
    assert_eq!(decision(&hot.row()), Decision::Anomalous);
    surround(&mut live, &hot);
    check_reading(&mut live, &hot);
    wait_for_text(&mut live, "alarm raised");
    surround(&mut live, &first);
    wait_for_text(&mut live, "alarm cleared");
}

#[test]
fn a_sensor_that_goes_is_an_alarm_and_one_that_returns_is_used() {
    let normal = normal_surroundings()[0];
    let (folder, elf) = build("detect");
    let mut live = start(&elf, &folder, &normal, true);
    check_reading(&mut live, &normal);

    live.remove_magnetometer()
        .unwrap_or_else(|error| panic!("{error}"));
    let fault = wait(&mut live, "a fault", |line| line.contains("sensor fault"));
    assert!(fault.contains("Magnetometer"), "{fault}");
    assert!(fault.contains("NoAcknowledge(Address)"), "{fault}");
    wait_for_text(&mut live, "alarm raised");

    live.return_magnetometer()
        .unwrap_or_else(|error| panic!("{error}"));
    surround(&mut live, &normal);
    wait_for_text(&mut live, "sensors work again");
    check_reading(&mut live, &normal);
    wait_for_text(&mut live, "alarm cleared");
    let failed = |line: &String| line.contains("panicked") || line.contains("hard fault");
    assert!(!live.log().iter().any(failed));
}

#[test]
fn a_recording_holds_what_the_sensors_measured() {
    let normal = normal_surroundings()[0];
    let (folder, elf) = build("record");
    let mut live = start(&elf, &folder, &normal, false);
    let ended = live
        .wait_for_end()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ended, Ended::Success, "{:?}", live.log());

    let text = fs::read_to_string(folder.path().join("record.csv")).expect("a recording");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(COLUMNS.join(",").as_str()));
    let expected = normal.row().map(|value| value.to_string()).join(",");
    let rows: Vec<_> = lines.collect();
    assert_eq!(rows.len(), 600);
    assert!(rows.iter().all(|row| *row == expected), "{expected}");
}
