//! The application's traits on any chip: [`Sensors`] makes the drivers' station a source, [`Accelerometer`] their
//! accelerometer, [`DefmtLog`] logs events over defmt, [`LoggedRows`] stores rows in the log of a board without files.

#![no_std]
#![forbid(unsafe_code)]

mod accelerometer;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use nvpico::detector::{AlarmEvent, Decision};
use nvpico_app::{AdaptEvent, Event, Log, Source, Store};
use nvpico_drivers::station::{Fault, Station};

pub use accelerometer::Accelerometer;
pub use nvpico_drivers::station::{COLUMNS, FEATURES};

/// One reading in this many is logged at the level `info`, the others at `debug`.
const INFO_EVERY: u32 = 10;

/// A magnetometer and a thermometer, in microtesla and degrees Celsius: see [`COLUMNS`].
#[derive(Debug)]
pub struct Sensors<M, T>(Station<M, T>);

impl<M: I2c, T: I2c> Sensors<M, T> {
    /// The sensors on their handles of a bus, or of two.
    pub const fn new(magnetometer_bus: M, thermometer_bus: T) -> Self {
        Self(Station::new(magnetometer_bus, thermometer_bus))
    }
}

impl<M: I2c, T: I2c> Source<FEATURES> for Sensors<M, T> {
    type Value = f32;
    type Fault = Fault;

    fn read(&mut self, clock: &mut impl DelayNs) -> Option<Result<[f32; FEATURES], Fault>> {
        Some(self.0.read(clock))
    }
}

/// Logs events over defmt.
#[derive(Debug)]
pub struct DefmtLog;

impl<V: defmt::Format, F: defmt::Format, const N: usize> Log<V, F, N> for DefmtLog {
    fn log(&mut self, event: Event<'_, V, F, N>) {
        match event {
            Event::Fault(fault) => defmt::warn!("sensor fault: {}", fault),
            Event::Recovered => defmt::info!("sensors work again"),
            Event::Scored {
                number,
                reading,
                log_prob,
                decision,
            } => log_reading(number, reading, log_prob, decision),
            Event::Alarm { number, event } => match event {
                AlarmEvent::Raised(cause, severity) => {
                    defmt::warn!(
                        "alarm raised at reading {=u32}: {=str} ({=u16}), {=str}",
                        number,
                        cause.as_str(),
                        cause.index(),
                        severity.as_str()
                    );
                }
                AlarmEvent::Resumed(cause, severity) => {
                    defmt::warn!(
                        "alarm resumed at reading {=u32}: {=str} ({=u16}), {=str}",
                        number,
                        cause.as_str(),
                        cause.index(),
                        severity.as_str()
                    );
                }
                AlarmEvent::Cleared => defmt::info!("alarm cleared at reading {=u32}", number),
            },
            Event::Adapted { number, event } => log_adapted(number, event),
            Event::Blamed {
                number,
                index,
                value,
                normal,
            } => defmt::warn!(
                "reading {=u32}: value {=u16} is to blame, {=f32} where {=f32} would be normal",
                number,
                index,
                value,
                normal
            ),
            Event::Recorded { rows } => defmt::info!("recorded {=usize} rows", rows),
            Event::NoReadings { rows } => {
                defmt::error!("no readings any more, after {=usize} rows", rows);
            }
            Event::StoreFailed { rows } => {
                defmt::error!("a row could not be written, after {=usize} rows", rows);
            }
        }
    }

    fn record(&mut self, words: &mut dyn Iterator<Item = u32>) {
        while let Some(first) = words.next() {
            match [words.next(), words.next(), words.next()] {
                [Some(second), Some(third), Some(fourth)] => defmt::info!(
                    "record: {=u32:08x} {=u32:08x} {=u32:08x} {=u32:08x}",
                    first,
                    second,
                    third,
                    fourth
                ),
                rest => {
                    defmt::info!("record: {=u32:08x}", first);
                    for word in rest.into_iter().flatten() {
                        defmt::info!("record: {=u32:08x}", word);
                    }
                }
            }
        }
    }
}

fn log_adapted(number: u32, event: AdaptEvent) {
    match event {
        AdaptEvent::Restored => defmt::info!("recalibration goes on from what was kept"),
        AdaptEvent::NotRestored(error) => {
            defmt::warn!(
                "recalibration begins as the model was trained; what was kept is of no use: {=str}",
                error.as_str()
            );
        }
        AdaptEvent::Began => defmt::info!("commissioning began at reading {=u32}", number),
        AdaptEvent::Commissioned => defmt::info!("commissioned at reading {=u32}", number),
        AdaptEvent::Refused => {
            defmt::warn!(
                "commissioning refused at reading {=u32}: readings changed on the way",
                number
            );
        }
        AdaptEvent::Kept => defmt::debug!("recalibration kept at reading {=u32}", number),
        AdaptEvent::NotKept(error) => {
            defmt::warn!("recalibration could not be kept: {=str}", error.as_str());
        }
    }
}

fn log_reading<V: defmt::Format, const N: usize>(
    number: u32,
    reading: &[V; N],
    log_prob: f32,
    decision: Option<Decision>,
) {
    let decision = decision.map_or("not judged", Decision::as_str);
    if number.is_multiple_of(INFO_EVERY) {
        defmt::info!(
            "reading {=u32}: {}, log-density {=f32}, {=str}",
            number,
            reading,
            log_prob,
            decision
        );
    } else {
        defmt::debug!(
            "reading {=u32}: {}, log-density {=f32}, {=str}",
            number,
            reading,
            log_prob,
            decision
        );
    }
}

/// Rows in the log, for boards without a file system: `sed -n 's/.*row,//p'` makes CSV of the log.
#[derive(Debug)]
pub struct LoggedRows;

impl Store<f32, FEATURES> for LoggedRows {
    fn header(&mut self, &[x, y, z, temperature]: &[&str; FEATURES]) -> bool {
        defmt::info!("row,{=str},{=str},{=str},{=str}", x, y, z, temperature);
        true
    }

    fn row(&mut self, &[x, y, z, temperature]: &[f32; FEATURES]) -> bool {
        defmt::info!("row,{=f32},{=f32},{=f32},{=f32}", x, y, z, temperature);
        true
    }
}
