//! The programs that read live sensors, apart from the board: [`detect`] scores each reading and keeps the alarm,
//! [`record`] gathers normal readings to train on. Both read the same way, so a model sees what it was trained on.

#[cfg(feature = "semihosting")]
mod csv;
mod detect;
mod record;

#[cfg(feature = "semihosting")]
pub use csv::CsvFile;
pub use detect::{HISTORY, RULE, detect};
pub use record::{RowSink, record};

pub use nvpico_drivers::station::{COLUMNS, FEATURES};

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use nvpico_drivers::station::{Fault, Station};

/// Time between readings.
pub const PERIOD_MS: u32 = 100;

/// A reading: the values of [`COLUMNS`].
pub type Reading = [f32; FEATURES];

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

/// Tells of a sensor that begins to fail, fails otherwise, or works again; not of every failed reading.
#[derive(Default)]
struct FaultLog {
    last: Option<Fault>,
}

impl FaultLog {
    fn note<T>(&mut self, result: &Result<T, Fault>) {
        let now = result.as_ref().err().copied();
        if now == self.last {
            return;
        }
        if let Some(fault) = now {
            defmt::warn!("sensor fault: {}", fault);
        } else {
            defmt::info!("sensors work again");
        }
        self.last = now;
    }
}

/// Waits for a reading's time, then reads.
fn next_reading<M: I2c, T: I2c>(
    station: &mut Station<M, T>,
    delay: &mut impl DelayNs,
) -> Result<Reading, Fault> {
    delay.delay_ms(PERIOD_MS);
    station.read(delay)
}
