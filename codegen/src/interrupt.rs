//! Ctrl-C and the wish of a system to end the program: SIGINT, SIGTERM, SIGHUP.
//!
//! A signal ends the program at once and removes its temporary files, unless there is something to keep ([`keep`]), such
//! as the best state of a training: then the work looks for it ([`heard`]) and ends by itself. A second signal never waits.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::{remove_all, say};

/// What a shell reports for a program that SIGINT has ended.
pub const EXIT_CODE: u8 = 130;

static KEEPING: AtomicBool = AtomicBool::new(false);
static HEARD: AtomicBool = AtomicBool::new(false);

/// Starts to listen, for the whole process.
pub fn listen() {
    // A second handler in one process is the only way this fails; then a signal just ends us.
    let _ = ctrlc::set_handler(|| {
        let first = !HEARD.swap(true, Ordering::Relaxed);
        if first && KEEPING.load(Ordering::Relaxed) {
            say!("interrupted: ending; once more ends at once and keeps nothing");
            return;
        }
        remove_all();
        say!("interrupted");
        process::exit(EXIT_CODE.into());
    });
}

/// From now on a signal is left to the work, which looks for it.
pub fn keep() {
    KEEPING.store(true, Ordering::Relaxed);
}

/// From now on a signal ends the program again.
pub fn release() {
    KEEPING.store(false, Ordering::Relaxed);
}

/// Whether a signal came.
#[must_use]
pub fn heard() -> bool {
    HEARD.load(Ordering::Relaxed)
}
