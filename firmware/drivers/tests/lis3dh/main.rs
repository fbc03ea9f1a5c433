//! The accelerometer's driver on a device in software, whose samples are numbered: none is lost without a word.

mod asynchronous;
mod model;
mod windows;

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal::spi;
use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::spi::{Mock, Transaction};
use nvpico_drivers::lis3dh::{Counts, Error, I2cBus, LOW, Lis3dh, Range, Rate, Settings};

use model::Model;

const SETTINGS: Settings = Settings {
    rate: Rate::Hz400,
    range: Range::G2,
};

const RATES: [Rate; 8] = [
    Rate::Hz1,
    Rate::Hz10,
    Rate::Hz25,
    Rate::Hz50,
    Rate::Hz100,
    Rate::Hz200,
    Rate::Hz400,
    Rate::Hz1344,
];

fn driver(settings: Settings) -> (Model, Lis3dh<I2cBus<Model>>) {
    let model = Model::new();
    (model.clone(), Lis3dh::on_i2c(model, LOW, settings))
}

/// The number of a sample, which is in two of its axes.
fn number(counts: Counts) -> i16 {
    assert_eq!((counts.x, counts.z), (!counts.y, 500));
    counts.x
}

/// So many samples, which follow each other; the first one's number.
fn follow(model: &mut Model, driver: &mut Lis3dh<I2cBus<Model>>, count: i16) -> i16 {
    let first = number(driver.read(model).expect("a sample"));
    for expected in first + 1..first + count {
        assert_eq!(driver.read(model).map(number), Ok(expected));
    }
    first
}

#[test]
fn samples_come_in_order_at_every_rate_and_in_time() {
    for rate in RATES {
        let settings = Settings { rate, ..SETTINGS };
        let (mut model, mut driver) = driver(settings);
        let first = follow(&mut model, &mut driver, 300);
        // What has not settled is left out.
        assert!(first >= 7, "{rate:?}");
        let behind = model.with(|state| i32::from(state.measured)) - i32::from(first) - 300;
        assert!((0..=32).contains(&behind), "{rate:?}: {behind}");
        assert_eq!(driver.overruns(), 0);
    }
}

#[test]
fn a_range_has_its_step() {
    let counts = Counts {
        x: 1000,
        y: -500,
        z: 2047,
    };
    for (range, expected) in [
        (Range::G2, [1.0, -0.5, 2.047]),
        (Range::G4, [2.0, -1.0, 4.094]),
        (Range::G8, [4.0, -2.0, 8.188]),
        (Range::G16, [12.0, -6.0, 24.564]),
    ] {
        let g = counts.acceleration(range);
        assert!(
            g.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{g:?}"
        );
    }
}

#[test]
fn who_reads_too_late_is_told_and_goes_on_with_new_samples() {
    let (mut model, mut driver) = driver(SETTINGS);
    let first = follow(&mut model, &mut driver, 100);
    // What was read before is still given; forty more samples came.
    model.pass_us(40 * 2500);
    let mut last = first + 99;
    let error = loop {
        match driver.read(&mut model) {
            Ok(counts) => {
                last += 1;
                assert_eq!(number(counts), last);
            }
            Err(error) => break error,
        }
    };
    assert_eq!((error, driver.overruns()), (Error::Overrun, 1));
    let next = follow(&mut model, &mut driver, 100);
    assert!(next > last + 32, "{next} behind {last}");
    assert_eq!(driver.overruns(), 1);
}

#[test]
fn a_chip_that_is_busy_between_status_and_samples_is_told_too() {
    for late in [10, 20, 40, 80] {
        let (mut model, mut driver) = driver(SETTINGS);
        let mut last = follow(&mut model, &mut driver, 100) + 99;
        model.with(|state| state.delay_before_data_ns = late * 2_500_000);
        let mut told = false;
        for _ in 0..100 {
            match driver.read(&mut model) {
                Ok(counts) => {
                    let own = number(counts);
                    assert!(told || own == last + 1, "{late}: {own} behind {last}");
                    (last, told) = (own, false);
                }
                Err(error) => {
                    assert_eq!(error, Error::Overrun);
                    told = true;
                }
            }
        }
        assert_eq!(driver.overruns() > 0, late >= 20, "{late}");
    }
}

#[test]
fn a_full_fifo_may_have_lost_samples() {
    for (waiting, expected) in [(31, 0), (32, 1)] {
        let (mut model, mut driver) = driver(SETTINGS);
        follow(&mut model, &mut driver, 1);
        while model.with(|state| state.waiting()) < waiting {
            model.pass_us(100);
        }
        for _ in 0..40 {
            let _ = driver.read(&mut model);
        }
        assert_eq!(driver.overruns(), expected, "{waiting}");
    }
}

#[test]
fn a_device_that_goes_is_told_in_its_time_and_used_when_it_is_back() {
    let (mut model, mut driver) = driver(SETTINGS);
    follow(&mut model, &mut driver, 16);
    while driver.read(&mut model).is_ok() {
        model.with(|state| state.present = false);
    }
    let begin = model.with(|state| state.now_ns);
    let absent = Error::I2c(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
    for _ in 0..400 {
        assert_eq!(driver.read(&mut model), Err(absent));
    }
    let took = model.with(|state| state.now_ns) - begin;
    assert!((900_000_000..1_100_000_000).contains(&took), "{took}");
    model.with(|state| state.present = true);
    while driver.read(&mut model).is_err() {}
    follow(&mut model, &mut driver, 100);
    assert_eq!(driver.overruns(), 0);
}

#[test]
fn a_device_without_its_settings_gives_no_samples_and_is_set_up_again() {
    let (mut model, mut driver) = driver(SETTINGS);
    follow(&mut model, &mut driver, 100);
    model.with(|state| {
        state.reset();
        state.writable = false;
    });
    let mut told = Vec::new();
    let begin = model.with(|state| state.now_ns);
    for _ in 0..400 {
        told.extend(driver.read(&mut model).err());
    }
    let took = model.with(|state| state.now_ns) - begin;
    // Setting it up takes longer than a sample.
    assert!((900_000_000..1_500_000_000).contains(&took), "{took}");
    told.dedup();
    assert_eq!(told, [Error::NoSamples, Error::NotConfigured]);
    model.with(|state| state.writable = true);
    while driver.read(&mut model).is_err() {}
    follow(&mut model, &mut driver, 100);
}

#[test]
fn another_device_is_left_alone() {
    let (mut model, mut driver) = driver(SETTINGS);
    model.with(|state| state.set_identity(0x32));
    let error = driver.read(&mut model).expect_err("another device");
    assert_eq!(error, Error::WrongIdentity { found: 0x32 });
    assert_eq!(
        error.to_string(),
        "another device answers, its identity is 32, not 33"
    );
}

#[test]
fn a_data_line_that_is_stuck_gives_no_sample() {
    let (mut model, mut driver) = driver(SETTINGS);
    model.with(|state| state.stuck = true);
    assert_eq!(driver.read(&mut model), Err(Error::Malformed));
}

#[test]
fn a_bus_that_fails_anywhere_leaves_no_hole_untold() {
    for fails_in in 0..60 {
        let (mut model, mut driver) = driver(SETTINGS);
        model.with(|state| state.fails_in = Some(fails_in));
        let (mut last, mut failed) = (None, 0);
        for _ in 0..600 {
            match driver.read(&mut model) {
                Ok(counts) => {
                    let own = number(counts);
                    assert!(last.is_none_or(|last| own == last + 1), "{fails_in}");
                    last = Some(own);
                }
                Err(error) => {
                    assert_eq!(error, Error::I2c(ErrorKind::Bus));
                    (last, failed) = (None, failed + 1);
                }
            }
        }
        assert!(failed > 0, "{fails_in}");
        follow(&mut model, &mut driver, 100);
    }
}

#[test]
fn on_spi_the_commands_are_the_datasheets() {
    let write = |register: u8, value: u8| {
        [
            Transaction::transaction_start(),
            Transaction::write_vec(vec![register, value]),
            Transaction::transaction_end(),
        ]
    };
    let read = |command: u8, values: Vec<u8>| {
        vec![
            Transaction::transaction_start(),
            Transaction::write_vec(vec![command]),
            Transaction::read_vec(values),
            Transaction::transaction_end(),
        ]
    };
    let settings = Settings {
        rate: Rate::Hz100,
        range: Range::G16,
    };
    let controls = [0x57, 0x00, 0x04, 0xB8, 0x40, 0x00];
    let mut transcript = read(0x8F, vec![0x33]);
    transcript.extend(write(0x2E, 0x00));
    for (register, value) in (0x20..).zip(controls) {
        transcript.extend(write(register, value));
    }
    transcript.extend(read(0xE0, controls.to_vec()));
    transcript.extend([write(0x2E, 0x00), write(0x2E, 0x8A)].into_iter().flatten());
    transcript.extend(read(0xAE, vec![0x8A]));
    transcript.extend(read(0xAF, vec![0x8A]));
    transcript.extend(read(0xE8, [0x10, 0x00, 0xF0, 0xFF, 0x00, 0x7F].repeat(10)));
    transcript.extend(read(0xAF, vec![0x20]));
    let mut bus = Mock::new(&transcript);
    let mut driver = Lis3dh::on_spi(bus.clone(), settings);
    let counts = driver.read(&mut NoopDelay);
    assert_eq!(
        counts,
        Ok(Counts {
            x: 1,
            y: -1,
            z: 2032
        })
    );
    bus.done();
}

/// A bus on which nothing works.
struct Broken;

impl spi::ErrorType for Broken {
    type Error = spi::ErrorKind;
}

impl spi::SpiDevice for Broken {
    fn transaction(&mut self, _: &mut [spi::Operation<'_, u8>]) -> Result<(), spi::ErrorKind> {
        Err(spi::ErrorKind::ModeFault)
    }
}

#[test]
fn errors_on_spi_come_through() {
    let mut driver = Lis3dh::on_spi(Broken, SETTINGS);
    let error = driver.read(&mut NoopDelay);
    assert_eq!(error, Err(Error::Spi(spi::ErrorKind::ModeFault)));
}
