//! The application, independent of any chip: [`Acquire`] takes readings from a [`Source`], [`detect`] scores each one and
//! keeps the alarm, [`Recalibration`] follows a machine that ages and keeps that over a reset, [`detect_windows`] does so with the features of windows of them, [`tell_blamed`] says which values are to
//! blame, [`record`] gathers them in a [`Store`] to train on. Both acquire in the same way, so a model sees what it was trained on.
//!
//! A board supplies the [`Source`] and the [`Clock`]; where events and rows go is a [`Log`] and a [`Store`]. All four
//! are traits, so the application also runs on the desktop:
//!
//! ```
//! use embedded_hal::delay::DelayNs;
//! use nvpico_app::{Acquire, Clock, Event, Log, Source, Store, record};
//!
//! struct Counter(u16);
//! impl Source<1> for Counter {
//!     type Value = f32;
//!     type Fault = ();
//!     fn read(&mut self, _clock: &mut impl DelayNs) -> Option<Result<[f32; 1], ()>> {
//!         self.0 += 1;
//!         (self.0 <= 3).then_some(Ok([f32::from(self.0)])) // three readings, then no more
//!     }
//! }
//!
//! struct NoWait;
//! impl DelayNs for NoWait {
//!     fn delay_ns(&mut self, _ns: u32) {}
//! }
//! impl Clock for NoWait {}
//!
//! struct Silent;
//! impl Log<f32, (), 1> for Silent {
//!     fn log(&mut self, _event: Event<'_, f32, (), 1>) {}
//! }
//!
//! struct Rows(Vec<[f32; 1]>);
//! impl Store<f32, 1> for Rows {
//!     fn header(&mut self, _columns: &[&str; 1]) -> bool {
//!         true
//!     }
//!     fn row(&mut self, reading: &[f32; 1]) -> bool {
//!         self.0.push(*reading);
//!         true
//!     }
//! }
//!
//! let mut rows = Rows(Vec::new());
//! assert!(record(&mut Acquire::new(Counter(0), NoWait, Silent), &["count"], &mut rows, 600));
//! assert_eq!(rows.0, [[1.0], [2.0], [3.0]]);
//! ```

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod acquire;
mod adapt;
mod blame;
mod csv;
mod detect;
mod keep;
mod record;
#[cfg(test)]
mod test_parts;
mod watch;
mod windows;

pub use acquire::{Acquire, Clock, Event, Log, PERIOD_MS, Source};
pub use adapt::{Adapt, AdaptEvent, AsTrained, Recalibration};
pub use blame::{InUnit, MOST_BLAMED, tell_blamed};
pub use csv::Line;
pub use detect::{Input, Nats, detect};
pub use keep::{KEPT_HEAD, Keep, KeepError, NoStore, kept_buffer, kept_bytes};
pub use record::{Store, record};
pub use watch::{Model, RECORDED, Watch};
pub use windows::{CountWindows, FloatWindows, Windows, detect_windows, has_rate};

/// FNV-1a over words, by which a host compares features and evidence.
pub fn digest(words: impl Iterator<Item = u32>) -> u32 {
    words.fold(0x811c_9dc5, |hash, word| {
        (hash ^ word).wrapping_mul(0x0100_0193)
    })
}

/// Whether two lists of names are equal. In `const` contexts, to refuse a model for other columns at compile time.
pub const fn same_names(a: &[&str], b: &[&str]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        let (a, b) = (a[index].as_bytes(), b[index].as_bytes());
        if a.len() != b.len() {
            return false;
        }
        let mut at = 0;
        while at < a.len() {
            if a[at] != b[at] {
                return false;
            }
            at += 1;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::same_names;

    #[test]
    fn names_are_compared_letter_by_letter() {
        assert!(same_names(&["a", "bc"], &["a", "bc"]));
        assert!(!same_names(&["a", "bc"], &["a", "bd"]));
        assert!(!same_names(&["a", "bc"], &["a", "b"]));
        assert!(!same_names(&["a"], &["a", "b"]));
    }
}
