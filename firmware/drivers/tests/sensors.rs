//! The sensor drivers on transcripts of the bus.

// Exact by design: the conversions must give the same bits everywhere.
#![allow(clippy::float_cmp)]

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use nvpico_drivers::Error;
use nvpico_drivers::lsm303dlhc::{self, Axis, Counts, Gain, Lsm303Magnetometer, Rate};
use nvpico_drivers::tmp105::{self, Tmp105};

const MAG: u8 = lsm303dlhc::ADDRESS;
const TEMP: u8 = tmp105::ADDRESS;
const ABSENT: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);

/// Runs `check` on a magnetometer with this transcript, and checks that the transcript was followed to its end.
fn magnetometer<T>(
    transcript: &[Transaction],
    check: impl FnOnce(&mut Lsm303Magnetometer<Mock>) -> T,
) -> T {
    let mut driver = Lsm303Magnetometer::new(Mock::new(transcript));
    let result = check(&mut driver);
    driver.release().done();
    result
}

/// The same for a thermometer.
fn thermometer<T>(transcript: &[Transaction], check: impl FnOnce(&mut Tmp105<Mock>) -> T) -> T {
    let mut driver = Tmp105::new(Mock::new(transcript));
    let result = check(&mut driver);
    driver.release().done();
    result
}

fn identity(found: [u8; 3]) -> Transaction {
    Transaction::write_read(MAG, vec![0x0A], found.to_vec())
}

fn setup(rate: u8, gain: u8, kept: [u8; 3]) -> Vec<Transaction> {
    vec![
        identity(*b"H43"),
        Transaction::write(MAG, vec![0x00, rate]),
        Transaction::write(MAG, vec![0x01, gain]),
        Transaction::write(MAG, vec![0x02, 0x00]),
        Transaction::write_read(MAG, vec![0x00], kept.to_vec()),
    ]
}

fn measurement(status: u8, data: [u8; 6]) -> Vec<Transaction> {
    vec![
        Transaction::write_read(MAG, vec![0x09], vec![status]),
        Transaction::write_read(MAG, vec![0x03], data.to_vec()),
    ]
}

#[test]
fn rates_and_gains_have_the_datasheets_bits() {
    let settings = [
        (Rate::Hz0_75, 0x00, Gain::Gauss1_3, 0x20),
        (Rate::Hz1_5, 0x04, Gain::Gauss1_9, 0x40),
        (Rate::Hz3, 0x08, Gain::Gauss2_5, 0x60),
        (Rate::Hz7_5, 0x0C, Gain::Gauss4_0, 0x80),
        (Rate::Hz15, 0x10, Gain::Gauss4_7, 0xA0),
        (Rate::Hz30, 0x14, Gain::Gauss5_6, 0xC0),
        (Rate::Hz75, 0x18, Gain::Gauss8_1, 0xE0),
        (Rate::Hz220, 0x1C, Gain::Gauss8_1, 0xE0),
    ];
    for (rate, rate_bits, gain, gain_bits) in settings {
        let transcript = setup(rate_bits, gain_bits, [rate_bits, gain_bits, 0]);
        let result = magnetometer(&transcript, |driver| driver.configure(rate, gain));
        assert_eq!(result, Ok(()), "{rate:?} {gain:?}");
    }
}

#[test]
fn registers_come_as_x_z_y_and_the_axes_have_their_own_gain() {
    let counts = magnetometer(
        &measurement(0x03, [0x00, 0x01, 0xFF, 0xFE, 0x00, 0x03]),
        Lsm303Magnetometer::read_counts,
    );
    assert_eq!(counts, Ok(Counts { x: 1, y: 3, z: -2 }));

    let mut transcript = setup(0x10, 0x80, [0x10, 0x80, 0x00]);
    transcript.extend(measurement(0x01, [0x01, 0xC2, 0x01, 0x90, 0xFE, 0x3E]));
    let field = magnetometer(&transcript, |driver| {
        driver.configure(Rate::Hz15, Gain::Gauss4_0)?;
        driver.read()
    });
    let field = field.expect("a measurement");
    assert_eq!([field.x, field.y, field.z], [100.0, -100.0, 100.0]);
}

#[test]
fn the_ends_of_the_range_are_counts() {
    let counts = magnetometer(
        &measurement(0x01, [0xF8, 0x00, 0x07, 0xFF, 0x00, 0x00]),
        Lsm303Magnetometer::read_counts,
    );
    assert_eq!(
        counts,
        Ok(Counts {
            x: -2048,
            y: 0,
            z: 2047
        })
    );
}

#[test]
fn overflow_names_its_axis() {
    let marks = [
        (Axis::X, [0xF0, 0x00, 0, 0, 0, 0]),
        (Axis::Z, [0, 0, 0xF0, 0x00, 0, 0]),
        (Axis::Y, [0, 0, 0, 0, 0xF0, 0x00]),
    ];
    for (axis, data) in marks {
        let result = magnetometer(&measurement(0x01, data), Lsm303Magnetometer::read);
        assert_eq!(result, Err(Error::Overflow(axis)));
    }
}

#[test]
fn more_than_twelve_bits_are_malformed() {
    let result = magnetometer(
        &measurement(0x01, [0x08, 0x00, 0, 0, 0, 0]),
        Lsm303Magnetometer::read,
    );
    assert_eq!(result, Err(Error::Malformed));
}

#[test]
fn a_measurement_that_is_not_there_is_not_read() {
    let status = Transaction::write_read(MAG, vec![0x09], vec![0x02]);
    let result = magnetometer(&[status], Lsm303Magnetometer::read);
    assert_eq!(result, Err(Error::NotReady));
}

#[test]
fn another_device_is_left_alone() {
    let result = magnetometer(&[identity(*b"H42")], |driver| {
        driver.configure(Rate::Hz15, Gain::Gauss1_3)
    });
    assert_eq!(result, Err(Error::WrongIdentity { found: *b"H42" }));
}

#[test]
fn settings_that_are_not_kept_are_seen() {
    // As after a reset between writing and reading: it sleeps.
    let result = magnetometer(&setup(0x10, 0x20, [0x10, 0x20, 0x03]), |driver| {
        driver.configure(Rate::Hz15, Gain::Gauss1_3)
    });
    assert_eq!(result, Err(Error::NotConfigured));

    let transcript = [
        Transaction::write(TEMP, vec![0x01, 0x60]),
        Transaction::write_read(TEMP, vec![0x01], vec![0x00]),
    ];
    assert_eq!(
        thermometer(&transcript, Tmp105::configure),
        Err(Error::NotConfigured)
    );
}

#[test]
fn every_error_of_the_bus_comes_through() {
    let kinds = [
        ABSENT,
        ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data),
        ErrorKind::Bus,
        ErrorKind::ArbitrationLoss,
        ErrorKind::Overrun,
        ErrorKind::Other,
    ];
    for kind in kinds {
        let failing = |transcript: Vec<Transaction>, at: usize| -> Vec<Transaction> {
            let mut cut: Vec<_> = transcript.into_iter().take(at + 1).collect();
            let last = cut.pop().expect("at least one transaction");
            cut.push(last.with_error(kind));
            cut
        };
        for at in 0..5 {
            let transcript = failing(setup(0x10, 0x20, [0x10, 0x20, 0]), at);
            let result = magnetometer(&transcript, |driver| {
                driver.configure(Rate::Hz15, Gain::Gauss1_3)
            });
            assert_eq!(result, Err(Error::Bus(kind)));
        }
        for at in 0..2 {
            let transcript = failing(measurement(0x01, [0; 6]), at);
            let result = magnetometer(&transcript, Lsm303Magnetometer::read);
            assert_eq!(result, Err(Error::Bus(kind)));
        }
        let transcript = [Transaction::write_read(TEMP, vec![0x00], vec![0; 2]).with_error(kind)];
        let result = thermometer(&transcript, Tmp105::read);
        assert_eq!(result, Err(Error::Bus(kind)));
        assert_eq!(Error::Bus(kind).is_absent(), kind == ABSENT);
    }
}

#[test]
fn temperatures_have_a_sign_and_sixteenths() {
    let examples = [
        ([0x7F, 0xF0], 127.9375),
        ([0x19, 0x10], 25.0625),
        ([0x00, 0x00], 0.0),
        ([0xFF, 0xF0], -0.0625),
        ([0xC9, 0x00], -55.0),
    ];
    for (bytes, degrees) in examples {
        let transcript = [Transaction::write_read(TEMP, vec![0x00], bytes.to_vec())];
        assert_eq!(thermometer(&transcript, Tmp105::read), Ok(degrees));
    }
}

#[test]
fn a_data_line_that_is_stuck_is_no_temperature() {
    let transcript = [Transaction::write_read(TEMP, vec![0x00], vec![0xFF, 0xFF])];
    assert_eq!(
        thermometer(&transcript, Tmp105::read),
        Err(Error::Malformed)
    );
}

#[test]
fn another_address_is_used() {
    let mut driver = Tmp105::with_address(
        Mock::new(&[Transaction::write_read(0x4B, vec![0x00], vec![0x20, 0x00])]),
        0x4B,
    );
    assert_eq!(driver.read(), Ok(32.0));
    driver.release().done();
}
