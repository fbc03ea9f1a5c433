//! Scores live readings for ever, and keeps the alarm.

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use embedded_hal_bus::i2c::AtomicDevice;
use embedded_hal_bus::util::AtomicCell;
use nvpico::detector::{AlarmRule, Decision, Detector, Observation};
use nvpico_drivers::station::Station;

use super::{FEATURES, FaultLog, Reading, next_reading};
use crate::board::SensorBoard;

/// Readings that the alarm looks back on: most of a second.
pub const HISTORY: usize = 8;

/// Half of the last readings raise the alarm, a second of normal ones clears it. At a false-alarm rate of one reading
/// in a hundred, chance alone raises it once in a day and a half, not once in ten seconds.
pub const RULE: AlarmRule = AlarmRule::new(4, 0);

/// A reading in so many is logged at the level `info`, the others at `debug`.
const INFO_EVERY: u32 = 10;

/// Reads, scores, decides and reports, for ever. A sensor's fault is a reading that is not normal.
pub fn detect<I: I2c, D: DelayNs, const WORKSPACE: usize>(
    board: SensorBoard<I, D, impl FnMut()>,
    detector: &mut Detector<FEATURES, WORKSPACE, HISTORY>,
) -> ! {
    let SensorBoard {
        i2c,
        mut delay,
        mut still_alive,
    } = board;
    let bus = AtomicCell::new(i2c);
    let mut station = Station::new(AtomicDevice::new(&bus), AtomicDevice::new(&bus));
    let mut faults = FaultLog::default();
    let mut alarm = false;
    let mut number = 0u32;
    loop {
        still_alive();
        let reading = next_reading(&mut station, &mut delay);
        faults.note(&reading);
        let observation = match &reading {
            Ok(reading) => detector.observe(reading),
            Err(_) => detector.observe_invalid(),
        };
        if let Ok(reading) = &reading {
            log_reading(number, reading, &observation);
        }
        if observation.alarm != alarm {
            alarm = observation.alarm;
            if alarm {
                defmt::warn!("alarm raised at reading {=u32}", number);
            } else {
                defmt::info!("alarm cleared at reading {=u32}", number);
            }
        }
        number = number.wrapping_add(1);
    }
}

fn log_reading(number: u32, reading: &Reading, observation: &Observation) {
    let decision = match observation.decision {
        Decision::Normal => "normal",
        Decision::Anomalous => "anomalous",
        Decision::Invalid => "invalid",
    };
    let log_prob = match observation.score {
        Some(Ok(score)) => score.log_prob,
        _ => f32::NEG_INFINITY,
    };
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
