//! A live firmware in moving surroundings.

use std::cell::Cell;

use nvpico_codegen::harness::live::Live;
use nvpico_codegen::simulate::field::{Surroundings, surroundings};

pub fn wait(live: &mut Live, what: &str, is_it: impl FnMut(&str) -> bool) -> String {
    live.wait_for(what, is_it)
        .unwrap_or_else(|error| panic!("{error}"))
}

pub fn wait_for_text(live: &mut Live, text: &str) {
    wait(live, text, |line| line.contains(text));
}

/// Lets the surroundings sway normally, as sensors that hold still are stuck, until a line has this text or so many steps are done;
/// whether there was an alarm.
pub fn sway(live: &mut Live, until: &str, steps: usize) -> bool {
    let (found, alarm) = (Cell::new(false), Cell::new(false));
    let normal = surroundings(20_261, steps);
    live.follow(
        normal,
        || found.get(),
        |line| {
            found.set(found.get() || line.contains(until));
            alarm.set(alarm.get() || line.contains("alarm r"));
        },
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        found.get() || until == NOTHING,
        "{until}: not in {steps} steps"
    );
    alarm.get()
}

/// No line has it.
pub const NOTHING: &str = "no line has this";
/// Within two minutes an alarm is cleared.
pub const LONG: usize = 1_200;

/// Waits until an alarm is raised or back, in the lines from this one on: a machine that is too slow may have raised it already.
pub fn wait_for_alarm(live: &mut Live, from: usize) {
    if !live.log()[from..]
        .iter()
        .any(|line| line.contains("alarm r"))
    {
        wait_for_text(live, "alarm r");
    }
}

pub fn surround(live: &mut Live, surroundings: &Surroundings) {
    live.surround(surroundings)
        .unwrap_or_else(|error| panic!("{error}"));
}
