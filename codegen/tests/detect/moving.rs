//! A live firmware in moving surroundings.

use std::cell::Cell;

use nvpico_codegen::harness::live::Live;
use nvpico_codegen::simulate::field::{Surroundings, surroundings};

/// A firmware, and every line of its log so far: recalibration makes of a reading what those before it taught.
pub struct Watched {
    pub live: Live,
    pub log: Vec<String>,
}

pub fn wait(watched: &mut Watched, what: &str, mut is_it: impl FnMut(&str) -> bool) -> String {
    let Watched { live, log } = watched;
    live.wait_for(what, |line| {
        log.push(line.to_owned());
        is_it(line)
    })
    .unwrap_or_else(|error| panic!("{error}"))
}

pub fn wait_for_text(watched: &mut Watched, text: &str) {
    wait(watched, text, |line| line.contains(text));
}

/// Lets the surroundings sway normally, as sensors that hold still are stuck, until a line has this text or so many steps are done;
/// whether there was an alarm.
pub fn sway(watched: &mut Watched, until: &str, steps: usize) -> bool {
    let Watched { live, log } = watched;
    let (found, alarm) = (Cell::new(false), Cell::new(false));
    let normal = surroundings(20_261, steps);
    live.follow(
        normal,
        || found.get(),
        |line| {
            log.push(line.to_owned());
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
pub fn wait_for_alarm(watched: &mut Watched, from: usize) {
    if !watched.log[from..]
        .iter()
        .any(|line| line.contains("alarm r"))
    {
        wait_for_text(watched, "alarm r");
    }
}

pub fn surround(watched: &mut Watched, surroundings: &Surroundings) {
    watched
        .live
        .surround(surroundings)
        .unwrap_or_else(|error| panic!("{error}"));
}
