//! Recordings in the host's folder: readings to replay, rows as CSV.

use core::convert::Infallible;

use embedded_hal::delay::DelayNs;
use nvpico_app::{Clock, Line, Source, Store};

use crate::host::{File, Mode};

/// Readings in the file `readings.bin`, little-endian `f32`, for boards whose emulation has no sensors. At the end of
/// the file the source ends; there are no faults. A file `mounted.bin` holds the numbers of readings before which the sensor is mounted
/// anew, in order, as words.
pub struct Replayed {
    readings: File,
    mounted: Option<File>,
    /// Number of the next reading, and of the next one before which the sensor is mounted anew.
    number: u32,
    next_mounted: Option<u32>,
}

fn next_word(file: Option<&File>) -> Option<u32> {
    let mut word = [0_u32];
    (file?.read(&mut word) == 1).then_some(word[0])
}

/// The file's readings, and a clock that does not wait; `None` when the host has no such file.
pub fn replayed() -> Option<(Replayed, NoWait)> {
    let readings = File::open(c"readings.bin", Mode::Read)?;
    let mounted = File::open(c"mounted.bin", Mode::Read);
    let next_mounted = next_word(mounted.as_ref());
    let replayed = Replayed {
        readings,
        mounted,
        number: 0,
        next_mounted,
    };
    Some((replayed, NoWait))
}

impl<const N: usize> Source<N> for Replayed {
    type Value = f32;
    type Fault = Infallible;

    fn read(&mut self, _clock: &mut impl DelayNs) -> Option<Result<[f32; N], Infallible>> {
        let mut reading = [0.0; N];
        self.number += 1;
        (self.readings.read(&mut reading) == N).then_some(Ok(reading))
    }

    fn is_mounted_anew(&mut self) -> bool {
        let is_now = self.next_mounted == self.number.checked_sub(1);
        if is_now {
            self.next_mounted = next_word(self.mounted.as_ref());
        }
        is_now
    }
}

/// The clock of a replay: recorded readings need not be waited for.
pub struct NoWait;

impl DelayNs for NoWait {
    fn delay_ns(&mut self, _ns: u32) {}
}

impl Clock for NoWait {}

/// Rows in the file `record.csv`.
pub struct CsvFile(File);

/// Makes the file, or empties it; `None` when the host cannot.
pub fn store() -> Option<CsvFile> {
    File::open(c"record.csv", Mode::Write).map(CsvFile)
}

impl<const N: usize> Store<f32, N> for CsvFile {
    fn header(&mut self, columns: &[&str; N]) -> bool {
        Line::of(columns).is_some_and(|line| self.0.write_text(line.text()))
    }

    fn row(&mut self, reading: &[f32; N]) -> bool {
        Line::of(reading).is_some_and(|line| self.0.write_text(line.text()))
    }
}
