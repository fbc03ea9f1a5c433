//! The whole system on live sensors: the firmware's own I2C driver reads emulated devices whose signals this test
//! moves, recalibrates, scores each reading with the desktop's bits, raises the alarm, clears it, and survives a sensor that goes;
//! in floats and in integers. Boards that are emulated without sensors replay a recording. Needs what `scripts/setup.sh`
//! gets.

#![cfg(unix)]

#[path = "../../../firmware/models/field.rs"]
mod field;
mod live;
mod moving;
mod replays;
mod trained;

use std::fs;
use std::path::{Path, PathBuf};

use nvpico::detector::adapt::{Adapter, Trace};
use nvpico::detector::{AlarmRule, Decision, Detector};
use nvpico_codegen::harness::Core;
use nvpico_codegen::harness::firmware::{self, BuildRequest};
use nvpico_codegen::harness::live::{Live, LiveRequest};
use nvpico_codegen::harness::qemu::Ended;
use nvpico_codegen::precision::Precision;
use nvpico_codegen::simulate::field::{COLUMNS, Surroundings, surroundings};
use tempfile::TempDir;

use moving::{LONG, NOTHING, Watched, surround, sway, wait, wait_for_alarm, wait_for_text};
use trained::{Judged, Trained};

/// Settings of normally swaying surroundings after which the log must still be free of alarms.
const STEPS: usize = 30;

fn field_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/models/field.rs")
}

/// Builds a program of the firmware, in a folder of its own.
fn build(program: &str, core: Core, model: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    firmware::build(&BuildRequest {
        programs: &[program],
        core,
        model,
        features: &[],
        target_dir: &Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware"),
        output: folder.path(),
    })
    .unwrap_or_else(|error| panic!("{error}"));
    let elf = folder.path().join(format!("{program}.elf"));
    (folder, elf)
}

fn start(elf: &Path, folder: &TempDir, surroundings: &Surroundings, real_time: bool) -> Watched {
    let request = LiveRequest {
        elf,
        folder: folder.path(),
        surroundings,
        real_time,
        colour: false,
    };
    let live = Live::start(&request).unwrap_or_else(|error| panic!("{error}"));
    Watched {
        live,
        log: Vec::new(),
    }
}

fn decision(row: &[f32]) -> Decision {
    judge(row).1
}

/// What the desktop finds of a row with the model in floats.
fn judge(row: &[f32]) -> (f32, Decision) {
    let threshold = field::THRESHOLD.expect("a calibrated model");
    let criterion = field::FLOW
        .anomalous_below(threshold)
        .or_outside(field::RANGES);
    let mut detector =
        Detector::<{ field::DIM }, { field::WORKSPACE }, 1>::new(criterion, AlarmRule::new(1, 0))
            .expect("it fits");
    let mut workspace = [0.0; field::WORKSPACE];
    let score = field::FLOW.score(row, &mut workspace);
    let log_prob = score.map_or(f32::NEG_INFINITY, |score| score.log_prob);
    let reading = row.try_into().expect("as many values as the model has");
    (log_prob, detector.observe(reading).decision)
}

/// The same of rows one after the other, with recalibration.
fn judge_all(rows: &[[f32; 4]]) -> Vec<Judged> {
    let traces = [Trace::default(); field::DIM];
    let mut adapter = Adapter::new(field::ADAPT, traces).expect("limits of the model");
    let mut moved = [0.0; field::DIM];
    let judged = rows.iter().map(|row| {
        adapter.apply(row, &mut moved);
        let (log_prob, decision) = judge(&moved);
        let learned = adapter.learn(row, decision == Decision::Normal);
        (log_prob, Some(decision), learned)
    });
    judged.collect()
}

/// Surroundings that the model calls normal, far from each other in time.
fn normal_surroundings() -> Vec<Surroundings> {
    surroundings(20_261, 600)
        .into_iter()
        .step_by(120)
        .filter(|surroundings| decision(&surroundings.row()) == Decision::Normal)
        .collect()
}

/// A line about a reading, taken apart: its number, its values, its log-density, what it was found to be.
fn reading(line: &str) -> Option<(usize, [f32; 4], f32, &str)> {
    let (_, rest) = line.split_once("reading ")?;
    let (number, rest) = rest.split_once(": [")?;
    let (values, rest) = rest.split_once("], log-density ")?;
    let (log_prob, decision) = rest.split_once(", ")?;
    let values: Vec<f32> = values
        .split(", ")
        .map(|value| value.parse().expect("a number"))
        .collect();
    let row = values.try_into().expect("four values");
    Some((
        number.parse().expect("a number"),
        row,
        log_prob.parse().expect("a number"),
        decision,
    ))
}

/// Waits for the reading that these surroundings give, and checks all readings so far against the desktop's.
fn check_reading(
    live: &mut Watched,
    surroundings: &Surroundings,
    judge: impl Fn(&[[f32; 4]]) -> Vec<Judged>,
) {
    let row = surroundings.row();
    wait(live, "the reading", |line| {
        reading(line)
            .is_some_and(|(_, values, _, _)| values.map(f32::to_bits) == row.map(f32::to_bits))
    });
    check_log(&live.log, judge);
}

/// Checks score and decision of every line about a reading against the desktop's; gives the readings, NaN where a sensor gave none.
fn check_log(log: &[String], judge: impl Fn(&[[f32; 4]]) -> Vec<Judged>) -> Vec<[f32; 4]> {
    let found: Vec<_> = log.iter().filter_map(|line| reading(line)).collect();
    let count = found.last().map_or(0, |(number, ..)| number + 1);
    let mut rows = vec![[f32::NAN; 4]; count];
    for (number, row, ..) in &found {
        rows[*number] = *row;
    }
    let judged = judge(&rows);
    for (number, _, log_prob, found) in found {
        let (expected, decision, learned) = judged[number];
        assert_eq!(log_prob.to_bits(), expected.to_bits(), "reading {number}");
        let decision = if learned.is_commissioning() {
            "not judged"
        } else {
            decision.expect("a calibrated model").as_str()
        };
        assert_eq!(decision, found, "reading {number}");
    }
    rows
}

#[test]
fn the_alarm_comes_and_goes_with_the_field() {
    let normals = normal_surroundings();
    let (&first, others) = normals.split_first().expect("some normal surroundings");
    assert!(others.len() >= 2, "a model that finds its own data normal");
    let (folder, elf) = build("detect", Core::M4f, &field_model());
    let mut live = start(&elf, &folder, &first, true);

    // Normal from the start, and wherever the mount turns; a jump there may well be an alarm.
    check_reading(&mut live, &first, judge_all);
    assert!(!sway(&mut live, NOTHING, STEPS));
    for surroundings in others {
        surround(&mut live, surroundings);
        check_reading(&mut live, surroundings, judge_all);
    }
    drop(live);
    let mut live = start(&elf, &folder, &first, true);

    // A magnet comes near: every single axis stays in its usual range, but not all three together.
    let mut magnet = first;
    magnet.nanotesla.swap(0, 1);
    magnet.nanotesla[2] = 46_000;
    assert_eq!(decision(&magnet.row()), Decision::Anomalous);
    let from = live.log.len();
    surround(&mut live, &magnet);
    check_reading(&mut live, &magnet, judge_all);
    wait_for_alarm(&mut live, from);
    sway(&mut live, "alarm cleared", LONG);

    // The room burns.
    let mut hot = first;
    hot.millidegrees = 85_000;
    assert_eq!(decision(&hot.row()), Decision::OutOfRange(3));
    let from = live.log.len();
    surround(&mut live, &hot);
    check_reading(&mut live, &hot, judge_all);
    wait_for_alarm(&mut live, from);
    sway(&mut live, "alarm cleared", LONG);

    // A sensor that holds still, however normal its value.
    surround(&mut live, &first);
    wait_for_text(&mut live, "stuck");
}

#[test]
fn a_sensor_that_goes_is_an_alarm_and_one_that_returns_is_used() {
    let normal = normal_surroundings()[0];
    let (folder, elf) = build("detect", Core::M4f, &field_model());
    let mut live = start(&elf, &folder, &normal, true);
    check_reading(&mut live, &normal, judge_all);

    live.live
        .remove_magnetometer()
        .unwrap_or_else(|error| panic!("{error}"));
    let fault = wait(&mut live, "a fault", |line| line.contains("sensor fault"));
    assert!(fault.contains("Magnetometer"), "{fault}");
    assert!(fault.contains("NoAcknowledge(Address)"), "{fault}");
    wait_for_text(&mut live, "alarm raised");

    live.live
        .return_magnetometer()
        .unwrap_or_else(|error| panic!("{error}"));
    surround(&mut live, &normal);
    wait_for_text(&mut live, "sensors work again");
    check_reading(&mut live, &normal, judge_all);
    sway(&mut live, "alarm cleared", LONG);
    let failed = |line: &String| line.contains("panicked") || line.contains("hard fault");
    assert!(!live.log.iter().any(failed));
}

#[test]
fn a_recording_holds_what_the_sensors_measured() {
    let normal = normal_surroundings()[0];
    let (folder, elf) = build("record", Core::M4f, &field_model());
    let mut live = start(&elf, &folder, &normal, false);
    let ended = live
        .live
        .wait_for_end()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ended, Ended::Success, "{:?}", live.live.log());

    let text = fs::read_to_string(folder.path().join("record.csv")).expect("a recording");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(COLUMNS.join(",").as_str()));
    let expected = normal.row().map(|value| value.to_string()).join(",");
    let rows: Vec<_> = lines.collect();
    assert_eq!(rows.len(), 600);
    assert!(rows.iter().all(|row| *row == expected), "{expected}");
}

#[test]
fn integers_raise_the_alarm_on_a_core_without_an_fpu() {
    let trained = Trained::new();
    let judge = |rows: &[[f32; 4]]| trained.judge(Precision::I8, rows, &[]);
    let normal = normal_surroundings()[0];
    assert_eq!(judge(&[normal.row()])[0].1, Some(Decision::Normal));
    let (folder, elf) = build("detect", Core::M3, &trained.module(Precision::I8));
    let mut live = start(&elf, &folder, &normal, true);
    check_reading(&mut live, &normal, judge);
    assert!(!sway(&mut live, NOTHING, STEPS));

    let mut hot = normal;
    hot.millidegrees = 85_000;
    assert_eq!(judge(&[hot.row()])[0].1, Some(Decision::OutOfRange(3)));
    let from = live.log.len();
    surround(&mut live, &hot);
    check_reading(&mut live, &hot, judge);
    wait_for_alarm(&mut live, from);
    sway(&mut live, "alarm cleared", LONG);
}
