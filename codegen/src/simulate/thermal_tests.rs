//! What the thermal array's frames must be like.

use super::*;
use crate::data::{ReadOptions, read};

#[test]
fn a_seed_decides_everything() {
    let record = |seed| {
        let mut array = ThermalArray::new(seed);
        (array.record_normal(300), array.record_faults(900))
    };
    assert_eq!(record(1), record(1));
    assert_ne!(record(1), record(2));
    // A recording with faults is no repetition of the normal one of the same seed.
    let (normal, faults) = (
        ThermalArray::new(1).record_normal(50),
        ThermalArray::new(1).record_faults(50),
    );
    assert_ne!(normal.values, faults.values);
}

#[test]
fn temperatures_are_plausible_and_in_steps() {
    let recording = ThermalArray::new(3).record_normal(5000);
    let steps = |value: f32| (f64::from(value) / RESOLUTION).fract().abs() < 1e-9;
    assert!(recording.values.iter().all(|value| steps(*value)));
    let in_range = |value: &f32| (15.0..42.0).contains(value);
    assert!(recording.values.iter().all(in_range));
    assert!(recording.label().iter().all(|label| !label));
    // The room is what most pixels see, and bodies stand out from it.
    let mut values = recording.values.clone();
    values.sort_by(f32::total_cmp);
    let share = |part: f64| values[(part * values.len() as f64) as usize];
    assert!((share(0.4) - 22.0).abs() < 2.0, "{}", share(0.4));
    assert!(share(0.98) - share(0.3) > 6.0, "{}", share(0.98));
}

#[test]
fn bodies_come_move_smoothly_and_go() {
    let mut array = ThermalArray::new(4);
    let mut counts = [0usize; BODIES + 1];
    for _ in 0..5000 {
        let before = array.bodies.clone();
        array.frame(None);
        for (then, now) in before.iter().zip(&array.bodies) {
            let (Some(then), Some(now)) = (then, now) else {
                continue;
            };
            let way = libm::hypot(now.x - then.x, now.y - then.y);
            assert!(way < 1.2, "{way} pixels in a second");
        }
        counts[array.bodies.iter().flatten().count()] += 1;
    }
    // Most of the time somebody is near, and every number of bodies happens.
    assert!(
        counts.iter().all(|count| *count > 100) && counts[0] < 2500,
        "{counts:?}"
    );
}

#[test]
fn hot_spots_grow_beyond_any_body() {
    let recording = ThermalArray::new(5).record_faults(6000);
    let highest = |kind| -> Vec<f32> {
        let rows = (0..recording.rows()).filter(|row| recording.fault[*row] == kind);
        rows.map(|row| recording.row(row).iter().copied().fold(f32::MIN, f32::max))
            .collect()
    };
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (normal, hot) = (highest(None), highest(Some(ThermalFault::HotSpot)));
    assert!(
        mean(&hot) > mean(&normal) + 10.0,
        "{} {}",
        mean(&hot),
        mean(&normal)
    );
    let mut first = None;
    for (row, fault) in recording.fault.iter().enumerate() {
        if *fault == Some(ThermalFault::HotSpot) {
            first.get_or_insert(row);
        }
    }
    let first = first.expect("a hot spot");
    let peak = |row: usize| recording.row(row).iter().copied().fold(f32::MIN, f32::max);
    assert!(
        peak(first + 50) > peak(first) + 8.0,
        "{} {}",
        peak(first + 50),
        peak(first)
    );
}

#[test]
fn a_dead_pixel_stays_as_it_is() {
    for seed in 0..6 {
        let mut array = ThermalArray::new(seed);
        let mut fault = Fault::new(ThermalFault::DeadPixel, &mut array.random);
        let values: Vec<f64> = (0..200)
            .map(|_| array.frame(Some(&mut fault))[fault.pixel])
            .collect();
        assert!(
            values
                .windows(2)
                .all(|pair| pair[0].to_bits() == pair[1].to_bits())
        );
        let healthy: Vec<f64> = (0..200).map(|_| array.frame(None)[fault.pixel]).collect();
        assert!(healthy.iter().any(|value| (value - values[0]).abs() > 0.4));
    }
}

#[test]
fn files_come_back_with_shape_labels_and_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let mut array = ThermalArray::new(6);
    let (normal, faults) = (array.record_normal(20), array.record_faults(400));
    let (training, test) = (
        folder.path().join("normal.npy"),
        folder.path().join("faults.npz"),
    );
    normal.write_npy(&training).unwrap();
    faults.write_npz(&test).unwrap();
    let table = read(&[training], &ReadOptions::default()).unwrap();
    assert_eq!((table.rows, table.shape), (20, Some(SHAPE)));
    assert_eq!((table.values, table.labels), (normal.values, None));
    let table = read(&[test], &ReadOptions::default()).unwrap();
    assert_eq!(table.shape, Some(SHAPE));
    assert_eq!(table.labels, Some(faults.label()));
    assert_eq!(table.values, faults.values);
}
