//! The pump as a whole: its bits, its physics, its faults, its files.

use super::*;
use crate::fit::gaussian::Gaussian;
use crate::metrics::{auroc, scores};

/// FNV-1a over the bits.
fn hash(values: &[f32]) -> u64 {
    values
        .iter()
        .flat_map(|value| value.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn column(recording: &Recording, name: &str) -> Vec<f64> {
    let index = recording
        .columns
        .iter()
        .position(|sensor| sensor.name == name)
        .unwrap();
    recording
        .values
        .iter()
        .skip(index)
        .step_by(SENSORS.len())
        .map(|v| f64::from(*v))
        .collect()
}

#[test]
fn a_seed_gives_the_same_bits_everywhere() {
    let mut pump = Pump::new(1);
    let normal = pump.record_normal(2000);
    let faults = pump.record_faults(4000);
    let found = [hash(&normal.values), hash(&faults.values)];
    assert_eq!(
        found,
        [0xf0b1_f43f_c3cb_5cb5, 0xb042_c32c_dbe4_5480],
        "{found:#018x?}"
    );
    assert_ne!(
        Pump::new(2).record_normal(10),
        Pump::new(1).record_normal(10)
    );
}

#[test]
fn readings_are_finite_and_physical() {
    let mut pump = Pump::new(5);
    let normal = pump.record_normal(20_000);
    let ranges = [
        (1300.0, 3000.0),
        (0.1, 8.0),
        (0.1, 6.0),
        (1.0, 9.0),
        (0.3, 6.0),
        (20.0, 80.0),
        (20.0, 70.0),
        (20.0, 220.0),
    ];
    for (sensor, (low, high)) in SENSORS.iter().zip(ranges) {
        let values = column(&normal, sensor.name);
        assert!(
            values.iter().all(|value| (low..high).contains(value)),
            "{}",
            sensor.name
        );
    }
    let faults = pump.record_faults(20_000);
    assert!(
        faults
            .values
            .iter()
            .all(|value| value.is_finite() && *value >= 0.0)
    );
}

#[test]
fn every_fault_comes_and_labels_agree() {
    let recording = Pump::new(3).record_faults(8000);
    assert_eq!((recording.rows(), recording.values.len()), (8000, 64_000));
    for kind in FaultKind::ALL {
        assert!(
            recording.events().iter().any(|(_, other)| *other == kind),
            "{}",
            kind.name()
        );
    }
    for (label, fault) in recording.label.iter().zip(&recording.fault) {
        assert_eq!(*label, fault.is_some());
    }
    let share = recording.label.iter().filter(|label| **label).count() as f64 / 8000.0;
    assert!((0.25..0.6).contains(&share), "{share}");
}

#[test]
fn a_leak_costs_flow_that_the_motor_pumped() {
    // The same duty and noise, with and without: only the fault differs.
    let mut healthy = Pump::new(9);
    let mut leaking = healthy.clone();
    let mut fault = Fault::new(FaultKind::Leak, SENSORS.len(), &mut Source::new(1));
    (0..30).for_each(|_| fault.step());
    for _ in 0..200 {
        let (right, wrong) = (healthy.step(None), leaking.step(Some(&mut fault)));
        assert!(
            wrong[7] < right[7] && wrong[4] < right[4],
            "flow and pressure fall"
        );
    }
}

#[test]
fn a_stuck_sensor_keeps_its_value() {
    let recording = Pump::new(4).record_faults(9000);
    let (rows, _) = recording
        .events()
        .into_iter()
        .find(|(_, kind)| *kind == FaultKind::StuckSensor)
        .unwrap();
    let flat = SENSORS.iter().filter(|sensor| {
        let values = &column(&recording, sensor.name)[rows.clone()];
        values
            .iter()
            .all(|value| value.to_bits() == values[0].to_bits())
    });
    assert_eq!(flat.count(), 1);
}

/// Neither trivial nor hopeless, and a task for more than a Gaussian.
#[test]
fn a_gaussian_finds_many_faults_and_misses_many() {
    let mut pump = Pump::new(1);
    let normal = pump.record_normal(10_000);
    let faults = pump.record_faults(12_000);
    let gaussian = Gaussian::fit(&normal.values, 8).unwrap();
    let log_prob: Vec<f32> = faults
        .values
        .chunks(8)
        .map(|row| gaussian.log_prob(row) as f32)
        .collect();
    let area = auroc(&scores(&log_prob), &faults.label).unwrap();
    assert!((0.72..0.90).contains(&area), "{area}");
}

#[test]
fn files_read_back_to_the_bit() {
    use crate::data::{ReadOptions, read};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.csv");
    let mut pump = Pump::new(6);
    let faults = pump.record_faults(1500);
    faults.write_csv(&file).unwrap();
    let options = ReadOptions {
        label: Some("anomaly".into()),
        ..ReadOptions::default()
    };
    let table = read(std::slice::from_ref(&file), &options).unwrap();
    assert_eq!(table.columns, faults.names());
    assert_eq!(hash(&table.values), hash(&faults.values));
    assert_eq!(table.labels, Some(faults.label));
    assert_eq!(table.skipped_columns[0].name, "fault");
    // The healthy machine's file can be trained on as it is.
    pump.record_normal(50).write_csv(&file).unwrap();
    assert_eq!(read(&[file], &ReadOptions::default()).unwrap().dim(), 8);
}

#[test]
fn it_is_known_which_sensors_a_fault_moves() {
    let recording = Pump::new(5).record_faults(8000);
    for row in 0..recording.rows() {
        let moved = recording.moved(row);
        assert_eq!(moved.is_empty(), recording.fault[row].is_none());
        assert!(moved.iter().all(|&at| at < SENSORS.len()));
        let is_sensor = matches!(
            recording.fault[row],
            Some(FaultKind::StuckSensor | FaultKind::SensorOffset)
        );
        assert_eq!(recording.broken[row].is_some(), is_sensor);
        if is_sensor {
            assert_eq!(moved.len(), 1);
        }
    }
}
