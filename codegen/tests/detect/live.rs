//! What `nvpico demo live` does: faults are stirred through the emulator's control while the firmware runs; each is found in its
//! stated time and named, and there is no alarm while all is normal.

use nvpico_codegen::demo::live::RATE;
use nvpico_codegen::demo::live::fault::{Fault, Planned};
use nvpico_codegen::demo::live::line::Line;
use nvpico_codegen::demo::live::session::Session;
use nvpico_codegen::demo::live::state::State;
use nvpico_codegen::demo::live::twin::Evidence;
use nvpico_codegen::demo::live::world::World;
use nvpico_codegen::harness::Core;

use super::{build, field_model};

/// The end, in tenths of a second.
const END: u32 = 50 * RATE;

#[test]
fn every_fault_is_found_in_its_time_and_named() {
    let (folder, elf) = build("detect", Core::M4f, &field_model());
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
            state.take(Line::parse(line), Evidence::default());
        });
        assert_eq!(ended.expect("it runs"), None, "{:?}", state.notes);
        state.ticks += 1;
    }
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
