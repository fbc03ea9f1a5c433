//! Boards that are emulated without sensors replay recordings: scores, records, and recalibration that outlasts the emulator.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use nvpico_codegen::evaluation::RecordFile;
use nvpico_codegen::harness::Core;
use nvpico_codegen::harness::qemu::{self, Ended, PATIENCE, Run};
use nvpico_codegen::precision::Precision;
use nvpico_codegen::simulate::field::field_rows;

use super::trained::Trained;
use super::{build, check_log};

/// Lets `detect` run over these readings on a board that is emulated without sensors.
fn run_over(elf: &Path, folder: &Path, rows: &[[f32; 4]], mounted: &[u32]) -> Vec<String> {
    let bytes: Vec<u8> = (rows.as_flattened().iter())
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(folder.join("readings.bin"), bytes).expect("it can be written");
    let bytes: Vec<u8> = mounted.iter().flat_map(|at| at.to_le_bytes()).collect();
    fs::write(folder.join("mounted.bin"), bytes).expect("it can be written");
    let run = Run {
        elf,
        folder,
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
    log
}

fn tells(log: &[String], text: &str) -> bool {
    log.iter().any(|line| line.contains(text))
}

/// The room burns while `detect` replays rows: every line about a reading is the desktop's.
fn check_replay(elf: &Path, folder: &Path, trained: &Trained, precision: Precision) -> Vec<String> {
    let mut rows = field_rows(2, 40);
    for row in &mut rows[20..30] {
        row[3] = 85.0;
    }
    let log = run_over(elf, folder, &rows, &[]);
    let found = check_log(&log, |rows| trained.judge(precision, rows, &[]));
    assert_eq!(found, rows);
    assert!(tells(&log, "alarm raised at reading 20"), "{log:?}");
    assert!(tells(&log, "is to blame, 85"), "{log:?}");
    log
}

/// The sensor is mounted anew, and after the commissioning the power goes: the readings behind it are those of a chip that went on.
fn check_recalibration(elf: &Path, folder: &Path, trained: &Trained, precision: Precision) {
    let mut rows = field_rows(3, 90);
    for row in &mut rows[20..] {
        row[0] += 30.0;
        row[2] -= 20.0;
    }
    let (before, after) = rows.split_at(30);
    // Erased flash.
    fs::write(folder.join("flash.bin"), []).expect("it can be written");
    let log = run_over(elf, folder, before, &[20]);
    check_log(&log, |rows| trained.judge(precision, rows, &[20]));
    for text in [
        "commissioning began at reading 20",
        "commissioned at reading 29",
        "kept at reading 29",
    ] {
        assert!(tells(&log, text), "{text}: {log:?}");
    }
    let log = run_over(elf, folder, after, &[]);
    assert!(tells(&log, "goes on from what was kept"), "{log:?}");
    assert!(!tells(&log, "alarm r"), "{log:?}");
    check_log(&log, |rows| {
        let whole = [before, rows].concat();
        trained
            .judge(precision, &whole, &[20])
            .split_off(before.len())
    });
    // What belongs to no model is refused, and flash is written over.
    fs::write(folder.join("flash.bin"), [0x5A; 2048]).expect("it can be written");
    let log = run_over(elf, folder, &rows[..2], &[0]);
    assert!(tells(&log, "what was kept is of no use"), "{log:?}");
    assert!(tells(&log, "kept at reading 0"), "{log:?}");
}

/// The record of the alarm is in the log, and the desktop finds every number of it.
fn check_record(log: &[String], trained: &Trained, precision: Precision) {
    let records = RecordFile::parse(log.join("\n").as_bytes()).expect("a record");
    let [record] = &records[..] else {
        panic!("one alarm: {records:?}");
    };
    let found = record.precision(&trained.model);
    assert_eq!(found.expect("of this model"), precision);
    let readings = record.replay(&trained.ready(precision));
    let readings = readings.expect("its readings");
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
    let trained = Trained::new();
    for core in [Core::M0, Core::Rv32imc] {
        for precision in [Precision::I8, Precision::F32] {
            let (folder, elf) = build("detect", core, &trained.module(precision));
            let log = check_replay(&elf, folder.path(), &trained, precision);
            check_record(&log, &trained, precision);
            check_recalibration(&elf, folder.path(), &trained, precision);
        }
    }
}
