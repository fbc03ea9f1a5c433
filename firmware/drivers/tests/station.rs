//! The station on transcripts: rows, failures, and the way back.

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_bus::i2c::AtomicDevice;
use embedded_hal_bus::util::AtomicCell;
use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use nvpico_drivers::Error;
use nvpico_drivers::lsm303dlhc::Axis;
use nvpico_drivers::station::{Fault, Sensor, Station};

const MAG: u8 = 0x1E;
const TEMP: u8 = 0x48;
const ABSENT: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);

fn identity() -> Transaction {
    Transaction::write_read(MAG, vec![0x0A], b"H43".to_vec())
}

fn magnetometer_setup() -> Vec<Transaction> {
    vec![
        identity(),
        Transaction::write(MAG, vec![0x00, 0x14]),
        Transaction::write(MAG, vec![0x01, 0x20]),
        Transaction::write(MAG, vec![0x02, 0x00]),
        Transaction::write_read(MAG, vec![0x00], vec![0x14, 0x20, 0x00]),
    ]
}

fn thermometer_setup() -> Vec<Transaction> {
    vec![
        Transaction::write(TEMP, vec![0x01, 0x60]),
        Transaction::write_read(TEMP, vec![0x01], vec![0x60]),
    ]
}

fn status(value: u8) -> Transaction {
    Transaction::write_read(MAG, vec![0x09], vec![value])
}

fn field() -> Transaction {
    Transaction::write_read(MAG, vec![0x03], vec![0x01, 0x13, 0x00, 0x31, 0x00, 0x0B])
}

fn temperature() -> Transaction {
    Transaction::write_read(TEMP, vec![0x00], vec![0x17, 0x40])
}

const ROW: [f32; 4] = [25.0, 1.0, 5.0, 23.25];

/// The results of `reads` readings over one shared bus with this transcript, which must be followed to its end.
fn readings(parts: &[Vec<Transaction>], reads: usize) -> Vec<Result<[f32; 4], Fault>> {
    let mut bus = Mock::new(&parts.concat());
    let cell = AtomicCell::new(bus.clone());
    let mut station = Station::new(AtomicDevice::new(&cell), AtomicDevice::new(&cell));
    let results = (0..reads).map(|_| station.read(&mut NoopDelay)).collect();
    bus.done();
    results
}

fn fault(sensor: Sensor, error: Error) -> Result<[f32; 4], Fault> {
    Err(Fault { sensor, error })
}

#[test]
fn the_first_reading_sets_the_sensors_up_and_the_next_does_not() {
    let parts = [
        magnetometer_setup(),
        vec![status(1), field()],
        thermometer_setup(),
        vec![temperature()],
        vec![status(1), field(), temperature()],
    ];
    assert_eq!(readings(&parts, 2), [Ok(ROW), Ok(ROW)]);
}

#[test]
fn a_measurement_is_waited_for() {
    let parts = [
        magnetometer_setup(),
        vec![status(0), status(0), status(1), field()],
        thermometer_setup(),
        vec![temperature()],
    ];
    assert_eq!(readings(&parts, 1), [Ok(ROW)]);
}

#[test]
fn a_magnetometer_that_sleeps_is_a_status_and_is_set_up_again() {
    let parts = [
        magnetometer_setup(),
        vec![status(0); 40],
        magnetometer_setup(),
        vec![status(1), field()],
        thermometer_setup(),
        vec![temperature()],
    ];
    let asleep = fault(Sensor::Magnetometer, Error::NotReady);
    assert_eq!(readings(&parts, 2), [asleep, Ok(ROW)]);
}

#[test]
fn a_sensor_that_goes_and_comes_back_is_used_again() {
    let gone = |transaction: Transaction| vec![transaction.with_error(ABSENT)];
    let parts = [
        magnetometer_setup(),
        vec![status(1), field()],
        thermometer_setup(),
        vec![temperature()],
        gone(status(1)),
        gone(identity()),
        magnetometer_setup(),
        vec![status(1), field()],
        gone(temperature()),
        vec![status(1), field()],
        thermometer_setup(),
        vec![temperature()],
    ];
    let no_field = fault(Sensor::Magnetometer, Error::Bus(ABSENT));
    let no_temperature = fault(Sensor::Thermometer, Error::Bus(ABSENT));
    assert_eq!(
        readings(&parts, 5),
        [Ok(ROW), no_field, no_field, no_temperature, Ok(ROW)]
    );
}

#[test]
fn a_field_beyond_the_range_is_no_reason_to_set_up_again() {
    let beyond = Transaction::write_read(MAG, vec![0x03], vec![0, 0, 0, 0, 0xF0, 0x00]);
    let parts = [
        magnetometer_setup(),
        vec![status(1), beyond],
        vec![status(1), field()],
        thermometer_setup(),
        vec![temperature()],
    ];
    let overflow = fault(Sensor::Magnetometer, Error::Overflow(Axis::Y));
    assert_eq!(readings(&parts, 2), [overflow, Ok(ROW)]);
}

#[test]
fn faults_read_as_sentences() {
    let fault = Fault {
        sensor: Sensor::Magnetometer,
        error: Error::WrongIdentity { found: [0; 3] },
    };
    assert_eq!(
        fault.to_string(),
        "magnetometer: another device answers, its identity is [00, 00, 00]"
    );
}
