//! The whole system on live sensors: the firmware's own I2C driver reads emulated devices whose signals this test
//! moves, scores each reading with the desktop's bits, raises the alarm, clears it, and survives a sensor that goes; in
//! floats and in integers. Boards that are emulated without sensors replay a recording. Needs what `scripts/setup.sh`
//! gets.

#![cfg(unix)]

#[path = "../../../firmware/models/field.rs"]
mod field;
mod live;
mod moving;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use nvpico::detector::{AlarmRule, Decision, Detector};
use nvpico_codegen::data::Table;
use nvpico_codegen::deploy::Ready;
use nvpico_codegen::evaluation::RecordFile;
use nvpico_codegen::export::{self, ExportOptions};
use nvpico_codegen::fit::recipe::{BaseChoice, Recipe};
use nvpico_codegen::fit::training;
use nvpico_codegen::harness::Core;
use nvpico_codegen::harness::firmware::{self, BuildRequest};
use nvpico_codegen::harness::live::{Live, LiveRequest};
use nvpico_codegen::harness::qemu::{self, Ended, PATIENCE, Run};
use nvpico_codegen::model::Model;
use nvpico_codegen::precision::Precision;
use nvpico_codegen::simulate::field::{COLUMNS, Surroundings, field_rows, surroundings};
use tempfile::TempDir;

use moving::{LONG, NOTHING, surround, sway, wait, wait_for_alarm, wait_for_text};

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

/// A model of the field in integers of 8 bits: its module, and what the desktop finds of a row.
struct Integers {
    model: Model,
    folder: TempDir,
}

impl Integers {
    fn new() -> Self {
        let rows = field_rows(1, 2000);
        let table = Table {
            columns: COLUMNS.map(str::to_owned).to_vec(),
            rows: rows.len(),
            row_numbers: (1..).take(rows.len()).collect(),
            values: rows.into_flattened(),
            rate: Some(10.0),
            ..Table::default()
        };
        let recipe = Recipe {
            epochs: Some(20),
            couplings: Some(4),
            hidden: Some(vec![8]),
            false_alarm_rate: Some(0.001),
            base: Some(BaseChoice::Normal),
            kernels: Some(0),
            ..Recipe::default()
        };
        let outcome = training::fit(&table, None, recipe, |_, _| true).expect("it can be trained");
        let integers = Self {
            model: outcome.model,
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let text = export::module(&integers.ready(), &ExportOptions::default());
        fs::write(integers.module(), text).expect("it can be written");
        integers
    }

    fn module(&self) -> PathBuf {
        self.folder.path().join("field_i8.rs")
    }

    fn ready(&self) -> Ready<'_> {
        self.model
            .ready(Some(Precision::I8))
            .expect("it has integers")
    }

    /// As the log has them: the log-density in nats, and the decision.
    fn judge(&self, row: &[f32]) -> (f32, Decision) {
        let ready = self.ready();
        let (_, bits) = ready.bits(row);
        let [log_prob, _, _] = bits[0].expect("sensors give finite values");
        let log_prob = log_prob.cast_signed();
        let scores = ready.score(row);
        let decision = ready
            .judge()
            .decide(row, &scores[0])
            .expect("a calibrated model");
        (log_prob as f32 / 65_536.0, decision)
    }
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
    let reading = row.try_into().expect("as many values as the model has");
    (score(row), detector.observe(reading).decision)
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
fn check_reading(
    live: &mut Live,
    surroundings: &Surroundings,
    judge: impl Fn(&[f32]) -> (f32, Decision),
) {
    let row = surroundings.row();
    let line = wait(live, "the reading", |line| {
        reading(line)
            .is_some_and(|(values, _, _)| values.map(f32::to_bits) == row.map(f32::to_bits))
    });
    check_line(&line, judge);
}

/// Checks score and decision of a line about a reading against the desktop's.
fn check_line(line: &str, judge: impl Fn(&[f32]) -> (f32, Decision)) {
    let (row, log_prob, found) = reading(line).expect("a reading");
    let (expected, decision) = judge(&row);
    assert_eq!(log_prob.to_bits(), expected.to_bits(), "{line}");
    assert_eq!(decision.as_str(), found, "{line}");
}

#[test]
fn the_alarm_comes_and_goes_with_the_field() {
    let normals = normal_surroundings();
    let (&first, others) = normals.split_first().expect("some normal surroundings");
    assert!(others.len() >= 2, "a model that finds its own data normal");
    let (folder, elf) = build("detect", Core::M4f, &field_model());
    let mut live = start(&elf, &folder, &first, true);

    // Normal from the start, and wherever the mount turns; a jump there may well be an alarm.
    check_reading(&mut live, &first, judge);
    assert!(!sway(&mut live, NOTHING, STEPS));
    for surroundings in others {
        surround(&mut live, surroundings);
        check_reading(&mut live, surroundings, judge);
    }
    drop(live);
    let mut live = start(&elf, &folder, &first, true);

    // A magnet comes near: every single axis stays in its usual range, but not all three together.
    let mut magnet = first;
    magnet.nanotesla.swap(0, 1);
    magnet.nanotesla[2] = 46_000;
    assert_eq!(decision(&magnet.row()), Decision::Anomalous);
    let from = live.log().len();
    surround(&mut live, &magnet);
    check_reading(&mut live, &magnet, judge);
    wait_for_alarm(&mut live, from);
    sway(&mut live, "alarm cleared", LONG);

    // The room burns.
    let mut hot = first;
    hot.millidegrees = 85_000;
    assert_eq!(decision(&hot.row()), Decision::OutOfRange(3));
    let from = live.log().len();
    surround(&mut live, &hot);
    check_reading(&mut live, &hot, judge);
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
    check_reading(&mut live, &normal, judge);

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
    check_reading(&mut live, &normal, judge);
    sway(&mut live, "alarm cleared", LONG);
    let failed = |line: &String| line.contains("panicked") || line.contains("hard fault");
    assert!(!live.log().iter().any(failed));
}

#[test]
fn a_recording_holds_what_the_sensors_measured() {
    let normal = normal_surroundings()[0];
    let (folder, elf) = build("record", Core::M4f, &field_model());
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

#[test]
fn integers_raise_the_alarm_on_a_core_without_an_fpu() {
    let integers = Integers::new();
    let judge = |row: &[f32]| integers.judge(row);
    let normal = normal_surroundings()[0];
    assert_eq!(judge(&normal.row()).1, Decision::Normal);
    let (folder, elf) = build("detect", Core::M3, &integers.module());
    let mut live = start(&elf, &folder, &normal, true);
    check_reading(&mut live, &normal, judge);
    assert!(!sway(&mut live, NOTHING, STEPS));

    let mut hot = normal;
    hot.millidegrees = 85_000;
    assert_eq!(judge(&hot.row()).1, Decision::OutOfRange(3));
    let from = live.log().len();
    surround(&mut live, &hot);
    check_reading(&mut live, &hot, judge);
    wait_for_alarm(&mut live, from);
    sway(&mut live, "alarm cleared", LONG);
}

/// Lets `detect` replay rows on a board that is emulated without sensors, and checks every line about a reading.
fn check_replay(
    core: Core,
    model: &Path,
    judge: impl Fn(&[f32]) -> (f32, Decision),
) -> Vec<String> {
    let (folder, elf) = build("detect", core, model);
    let mut rows = field_rows(2, 40);
    // The room burns.
    for row in &mut rows[20..30] {
        row[3] = 85.0;
    }
    let bytes: Vec<u8> = (rows.as_flattened().iter())
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(folder.path().join("readings.bin"), bytes).expect("it can be written");
    let run = Run {
        elf: &elf,
        folder: folder.path(),
        growing: None,
        patience: Some(PATIENCE),
        arguments: &[],
        colour: false,
    };
    let mut log = Vec::new();
    let ended = qemu::run(&run, |line| {
        log.push(line.to_owned());
        ControlFlow::Continue(())
    });
    let ended = ended.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ended, Ended::Success, "{log:?}");
    let readings: Vec<_> = log.iter().filter(|line| reading(line).is_some()).collect();
    assert_eq!(readings.len(), rows.len(), "{log:?}");
    for (line, row) in readings.iter().zip(&rows) {
        let (values, _, _) = reading(line).expect("a reading");
        assert_eq!(values.map(f32::to_bits), row.map(f32::to_bits), "{line}");
        check_line(line, &judge);
    }
    let tells = |text: &str| log.iter().any(|line| line.contains(text));
    assert!(tells("alarm raised at reading 20"), "{log:?}");
    log
}

/// The record of the alarm is in the log, and the desktop finds every number of it.
fn check_record(log: &[String], integers: &Integers) {
    let records = RecordFile::parse(log.join("\n").as_bytes()).expect("a record");
    let [record] = &records[..] else {
        panic!("one alarm: {records:?}");
    };
    let precision = record.precision(&integers.model).expect("of this model");
    assert_eq!(precision, Precision::I8);
    let readings = record.replay(&integers.ready()).expect("its readings");
    assert_eq!(readings.len(), 16);
    let raised = readings.iter().position(|own| own.event == Some("raised"));
    assert_eq!(raised.map(|at| readings[at].number), Some(20));
    let wrong: Vec<_> = readings
        .iter()
        .filter(|own| !own.differs.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn boards_without_sensors_replay_a_recording() {
    let integers = Integers::new();
    for core in [Core::M0, Core::Rv32imc] {
        let log = check_replay(core, &integers.module(), |row| integers.judge(row));
        check_record(&log, &integers);
        assert!(
            log.iter().any(|line| line.contains("is to blame, 85")),
            "{log:?}"
        );
        check_replay(core, &field_model(), judge);
    }
}
