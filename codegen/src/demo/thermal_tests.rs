//! The thermal demo's choices and pictures, on a model that learned little; no emulator needed.

use super::*;
use crate::data::{self, ReadOptions};
use crate::fit::training;

fn small() -> ThermalDemo {
    ThermalDemo {
        seed: 1,
        normal: ThermalArray::new(1).record_normal(600),
        faults: ThermalArray::new(1).record_faults(1_000),
        another_day: ThermalRecording::default(),
    }
}

#[test]
fn the_first_seconds_of_a_spot_are_a_kind_of_their_own() {
    let demo = small();
    let groups = demo.groups();
    let count = |rows: &RowGroup| rows.included.iter().filter(|included| **included).count();
    let spots = demo.faults.fault.windows(2);
    let begun = spots.filter(|pair| pair[0].is_none() && pair[1] == Some(ThermalFault::HotSpot));
    assert_eq!(count(&groups[0]), FIRST_SECONDS * begun.count());
    assert!(count(&groups[1]) > 2 * count(&groups[0]) && count(&groups[2]) > 0);
}

#[test]
fn pictures_are_drawn_and_the_broken_pixel_is_found() {
    let demo = small();
    let folder = tempfile::tempdir().unwrap();
    let files = demo.save(folder.path()).unwrap();
    let table = data::read(&[files.normal], &ReadOptions::default()).unwrap();
    let recipe = Recipe {
        epochs: Some(4),
        couplings: Some(1),
        ..demo.recipe()
    };
    let outcome = training::fit(&table, None, recipe, |_, _| true).unwrap();
    let judged = Judged {
        model: &outcome.model,
        log_probs: &outcome.model.deploy().log_probs(&demo.faults.values),
        seed: 1,
    };
    let pictures = demo.pictures(&judged).unwrap();
    let names: Vec<&str> = pictures.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["frames.png", "where.png"]);
    assert!(pictures.iter().all(|(_, png)| png.starts_with(b"\x89PNG")));

    let mut frame = demo.normal.row(7).to_vec();
    frame[27] = 60.0;
    let blame = Blame::of(&outcome.model, &frame, SHAPE[2]);
    assert_eq!(blame.most().0, 27);
    assert!(blame.most().1 > 20.0, "{:?}", blame.most());
}
