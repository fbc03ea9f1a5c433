//! The magnetometer of ST's LSM303DLHC.
//!
//! ```
//! use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
//! use nvpico_drivers::lsm303dlhc::{ADDRESS, Gain, Lsm303Magnetometer, Rate};
//!
//! # let mut bus = Mock::new(&[
//! #     Transaction::write_read(ADDRESS, vec![0x0A], b"H43".to_vec()),
//! #     Transaction::write(ADDRESS, vec![0x00, 0x14]),
//! #     Transaction::write(ADDRESS, vec![0x01, 0x20]),
//! #     Transaction::write(ADDRESS, vec![0x02, 0x00]),
//! #     Transaction::write_read(ADDRESS, vec![0x00], vec![0x14, 0x20, 0x00]),
//! #     Transaction::write_read(ADDRESS, vec![0x09], vec![0x01]),
//! #     Transaction::write_read(ADDRESS, vec![0x03], vec![0x01, 0x13, 0xFF, 0x9E, 0x00, 0x0B]),
//! # ]);
//! let mut magnetometer = Lsm303Magnetometer::new(bus.clone());
//! magnetometer.configure(Rate::Hz30, Gain::Gauss1_3)?;
//! let field = magnetometer.read()?;
//! assert_eq!([field.x, field.y, field.z], [25.0, 1.0, -10.0]); // microtesla
//! # bus.done();
//! # Ok::<(), nvpico_drivers::Error>(())
//! ```
//!
//! Numbers are from the datasheet, ST `DocID018771`, tables 72 to 85.

use embedded_hal::i2c::I2c;

use crate::Error;

/// The address; the chip has no other.
pub const ADDRESS: u8 = 0x1E;

const RATE_REGISTER: u8 = 0x00;
const GAIN_REGISTER: u8 = 0x01;
const MODE_REGISTER: u8 = 0x02;
const DATA_REGISTERS: u8 = 0x03;
const STATUS_REGISTER: u8 = 0x09;
const IDENTITY_REGISTERS: u8 = 0x0A;

const IDENTITY: [u8; 3] = *b"H43";
const MODE_CONTINUOUS: u8 = 0x00;
const STATUS_READY: u8 = 0x01;
/// What a data register holds when the field is beyond the range.
const OVERFLOW: i16 = -4096;
/// The converter has 12 bits.
const COUNTS: core::ops::RangeInclusive<i16> = -2048..=2047;

const MICROTESLA_PER_GAUSS: f32 = 100.0;

/// Measurements a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub enum Rate {
    Hz0_75,
    Hz1_5,
    Hz3,
    Hz7_5,
    #[default]
    Hz15,
    Hz30,
    Hz75,
    Hz220,
}

impl Rate {
    /// Time from one measurement to the next, rounded up.
    #[must_use]
    pub const fn period_ms(self) -> u32 {
        match self {
            Self::Hz0_75 => 1334,
            Self::Hz1_5 => 667,
            Self::Hz3 => 334,
            Self::Hz7_5 => 134,
            Self::Hz15 => 67,
            Self::Hz30 => 34,
            Self::Hz75 => 14,
            Self::Hz220 => 5,
        }
    }

    const fn bits(self) -> u8 {
        (self as u8) << 2
    }
}

/// The range, and with it the resolution. The earth's field is at most 0.65 gauss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub enum Gain {
    #[default]
    Gauss1_3,
    Gauss1_9,
    Gauss2_5,
    Gauss4_0,
    Gauss4_7,
    Gauss5_6,
    Gauss8_1,
}

impl Gain {
    /// Counts for one gauss along x and y, and along z: the axes differ.
    #[must_use]
    pub const fn counts_per_gauss(self) -> (f32, f32) {
        match self {
            Self::Gauss1_3 => (1100.0, 980.0),
            Self::Gauss1_9 => (855.0, 760.0),
            Self::Gauss2_5 => (670.0, 600.0),
            Self::Gauss4_0 => (450.0, 400.0),
            Self::Gauss4_7 => (400.0, 355.0),
            Self::Gauss5_6 => (330.0, 295.0),
            Self::Gauss8_1 => (230.0, 205.0),
        }
    }

    /// Zero is not a setting of the device.
    const fn bits(self) -> u8 {
        (self as u8 + 1) << 5
    }
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub enum Axis {
    X,
    Y,
    Z,
}

/// A measurement as the device gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub struct Counts {
    pub x: i16,
    pub y: i16,
    pub z: i16,
}

impl Counts {
    /// The field at a gain. One multiplication and one division, so that every processor gives the same bits.
    #[must_use]
    pub fn field(self, gain: Gain) -> Field {
        let (xy, z) = gain.counts_per_gauss();
        Field {
            x: f32::from(self.x) * MICROTESLA_PER_GAUSS / xy,
            y: f32::from(self.y) * MICROTESLA_PER_GAUSS / xy,
            z: f32::from(self.z) * MICROTESLA_PER_GAUSS / z,
        }
    }
}

/// A magnetic field in microtesla.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub struct Field {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

/// The driver. It owns its handle of the bus; share a bus with the devices of `embedded-hal-bus`.
#[derive(Debug)]
pub struct Lsm303Magnetometer<I2C> {
    i2c: I2C,
    gain: Gain,
}

impl<I2C: I2c> Lsm303Magnetometer<I2C> {
    /// A driver that has not spoken to its device yet: [`configure`](Self::configure) comes first.
    pub const fn new(i2c: I2C) -> Self {
        Self {
            i2c,
            gain: Gain::Gauss1_3,
        }
    }

    /// Gives the handle of the bus back.
    pub fn release(self) -> I2C {
        self.i2c
    }

    /// Checks that it is the right device, and lets it measure continuously.
    ///
    /// The measurement that is under way is still made with the old settings: wait for two periods of `rate`.
    ///
    /// # Errors
    /// [`Error::WrongIdentity`], [`Error::NotConfigured`] or [`Error::Bus`].
    pub fn configure(&mut self, rate: Rate, gain: Gain) -> Result<(), Error> {
        let found = self.read_registers(IDENTITY_REGISTERS)?;
        if found != IDENTITY {
            return Err(Error::WrongIdentity { found });
        }
        let settings = [rate.bits(), gain.bits(), MODE_CONTINUOUS];
        // One register at a time: not every model of the device takes more.
        for (register, value) in [RATE_REGISTER, GAIN_REGISTER, MODE_REGISTER]
            .into_iter()
            .zip(settings)
        {
            self.i2c.write(ADDRESS, &[register, value])?;
        }
        if self.read_registers(RATE_REGISTER)? != settings {
            return Err(Error::NotConfigured);
        }
        self.gain = gain;
        Ok(())
    }

    /// Whether a measurement waits to be read.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub fn is_ready(&mut self) -> Result<bool, Error> {
        let [status] = self.read_registers(STATUS_REGISTER)?;
        Ok(status & STATUS_READY != 0)
    }

    /// The newest measurement, as counts.
    ///
    /// # Errors
    /// [`Error::NotReady`], [`Error::Overflow`], [`Error::Malformed`] or [`Error::Bus`].
    pub fn read_counts(&mut self) -> Result<Counts, Error> {
        if !self.is_ready()? {
            return Err(Error::NotReady);
        }
        // All six in one go: the device holds the measurement still while it is read. Note the order.
        let [xh, xl, zh, zl, yh, yl] = self.read_registers(DATA_REGISTERS)?;
        Ok(Counts {
            x: count(Axis::X, [xh, xl])?,
            y: count(Axis::Y, [yh, yl])?,
            z: count(Axis::Z, [zh, zl])?,
        })
    }

    /// The newest measurement, in microtesla.
    ///
    /// # Errors
    /// As [`read_counts`](Self::read_counts).
    pub fn read(&mut self) -> Result<Field, Error> {
        Ok(self.read_counts()?.field(self.gain))
    }

    fn read_registers<const N: usize>(&mut self, first: u8) -> Result<[u8; N], Error> {
        let mut values = [0; N];
        self.i2c.write_read(ADDRESS, &[first], &mut values)?;
        Ok(values)
    }
}

fn count(axis: Axis, bytes: [u8; 2]) -> Result<i16, Error> {
    match i16::from_be_bytes(bytes) {
        OVERFLOW => Err(Error::Overflow(axis)),
        count if COUNTS.contains(&count) => Ok(count),
        _ => Err(Error::Malformed),
    }
}
