//! What `nvpico demo live` does: faults are stirred through the emulator's control while the firmware runs; each is found in its
//! stated time and named, there is no alarm while all is normal, and the desktop finds the bits of each score.

use nvpico_codegen::demo::live::RATE;
use nvpico_codegen::demo::live::fault::{Fault, Planned};
use nvpico_codegen::demo::live::line::Line;
use nvpico_codegen::demo::live::prepare;
use nvpico_codegen::demo::live::session::Session;
use nvpico_codegen::demo::live::state::State;
use nvpico_codegen::demo::live::twin::{Evidence, Twin};
use nvpico_codegen::demo::live::world::World;
use nvpico_codegen::fit::training;

/// The end, in tenths of a second.
const END: u32 = 50 * RATE;

#[test]
fn every_fault_is_found_in_its_time_and_named() {
    let (table, recipe) = prepare::lesson(1);
    let outcome = training::fit(&table, None, recipe, |_, _| true).expect("it can be trained");
    let mut model = outcome.model;
    // As the demo does: its twin does not recalibrate.
    model.header.adaptation = None;
    let ready = model.ready(None).expect("floats");
    let folder = tempfile::tempdir().expect("a temporary folder");
    prepare::build(&ready, folder.path()).expect("it compiles");
    let elf = folder.path().join("detect.elf");
    let mut twin = Twin::new(ready);
    let world = World::new(20_261);
    let mut session = Session::start(&elf, folder.path(), world).expect("it starts");
    let plan = [
        (3, 3, Fault::Swing),
        (15, 3, Fault::Heat),
        (27, 5, Fault::Stuck),
        (41, 3, Fault::Silent),
    ];
    let plan = plan.map(|(at, lasts, fault)| Planned {
        at: at * RATE,
        lasts: lasts * RATE,
        fault,
    });
    let mut state = State::default();
    while state.ticks < END {
        for own in plan {
            if state.ticks == own.at {
                assert!(
                    state.alarm.is_none(),
                    "before {:?}: {:?}",
                    own.fault,
                    state.notes
                );
                session.set(Some(own.fault));
                state.stir(Some(own.fault));
            } else if state.ticks == own.at + own.lasts {
                session.set(None);
                state.stir(None);
            }
        }
        let ended = session.step(|line| {
            let line = Line::parse(line);
            let evidence = match &line {
                Line::Reading {
                    number,
                    values,
                    log_density,
                    ..
                } => twin.note(*number, values, *log_density),
                _ => Evidence::default(),
            };
            state.take(line, evidence);
        });
        assert_eq!(ended.expect("it runs"), None, "{:?}", state.notes);
        state.ticks += 1;
    }
    assert!(twin.compared > u64::from(END / 2), "{}", twin.compared);
    assert_eq!(twin.differing, 0);
    assert_eq!(state.incidents.len(), plan.len());
    for incident in &state.incidents {
        assert!(incident.is_good(), "{incident:?}, {:?}", state.notes);
    }
    assert_eq!(state.false_alarms, 0, "{:?}", state.notes);
    assert!(state.count > END / 2, "{}", state.count);
    assert!(
        state.alarm.is_none() && state.sensor_fault.is_none(),
        "{:?}",
        state.notes
    );
    let said = |text: &str| state.notes.iter().any(|note| note.text.contains(text));
    assert!(
        !said("panicked") && !said("hard fault"),
        "{:?}",
        state.notes
    );
}
