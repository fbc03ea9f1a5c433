//! ST's LIS3DH accelerometer, at 12 bits and through its FIFO of 32 samples, on I2C or SPI.
//!
//! [`Lis3dh::read`] gives one sample after the other, in order and without a hole. Where samples may have been lost, it gives an
//! error instead: the application ends its window there, so that no window has two sides of a hole in it. A device that failed is
//! set up again at the next call.
//!
//! ```
//! use embedded_hal_mock::eh1::{delay::NoopDelay, i2c::{Mock, Transaction}};
//! use nvpico_drivers::lis3dh::{Counts, LOW, Lis3dh, Range, Rate, Settings};
//!
//! # let mut bus = Mock::new(&[
//! #     Transaction::write_read(LOW, vec![0x0F], vec![0x33]),
//! #     Transaction::write(LOW, vec![0x2E, 0x00]),
//! #     Transaction::write(LOW, vec![0x20, 0x77]),
//! #     Transaction::write(LOW, vec![0x21, 0x00]),
//! #     Transaction::write(LOW, vec![0x22, 0x04]),
//! #     Transaction::write(LOW, vec![0x23, 0x98]),
//! #     Transaction::write(LOW, vec![0x24, 0x40]),
//! #     Transaction::write(LOW, vec![0x25, 0x00]),
//! #     Transaction::write_read(LOW, vec![0xA0], vec![0x77, 0x00, 0x04, 0x98, 0x40, 0x00]),
//! #     Transaction::write(LOW, vec![0x2E, 0x00]),
//! #     Transaction::write(LOW, vec![0x2E, 0x90]),
//! #     Transaction::write_read(LOW, vec![0x2E], vec![0x90]),
//! #     Transaction::write_read(LOW, vec![0x2F], vec![0x90]),
//! #     Transaction::write_read(LOW, vec![0xA8], [0x00, 0x40, 0x80, 0xFF, 0x40, 0x1F].repeat(16)),
//! #     Transaction::write_read(LOW, vec![0x2F], vec![0x20]),
//! # ]);
//! # let i2c = bus.clone();
//! # let mut delay = NoopDelay;
//! let settings = Settings { rate: Rate::Hz400, range: Range::G4 };
//! let mut accelerometer = Lis3dh::on_i2c(i2c, LOW, settings);
//! let counts = accelerometer.read(&mut delay)?;
//! assert_eq!(counts, Counts { x: 1024, y: -8, z: 500 });
//! assert_eq!(counts.acceleration(Range::G4), [2.048, -0.016, 1.0]); // g
//! # bus.done();
//! # Ok::<(), nvpico_drivers::lis3dh::Error>(())
//! ```
//!
//! With the feature `async`, [`asynchronous`] has the same driver on embedded-hal-async, which can wait for the device's interrupt.
//!
//! Numbers are from the datasheet, ST `DocID17530`. Some devices keep only the upper 10 of the 12 bits in the FIFO: samples then come
//! in steps of four counts.

#[cfg(feature = "async")]
pub mod asynchronous;
mod blocking;
mod device;
mod registers;

use core::fmt;

use embedded_hal::{i2c, spi};

pub use blocking::{I2cBus, Lis3dh, SpiBus};

/// The address on I2C with the pin `SDO` low.
pub const LOW: u8 = 0x18;
/// The address on I2C with the pin `SDO` high, or open.
pub const HIGH: u8 = 0x19;

/// Names of a sample's values with their unit: the header of recorded data, hence the channels of a model.
pub const COLUMNS: [&str; 3] = ["acceleration_x_g", "acceleration_y_g", "acceleration_z_g"];

/// Samples a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub enum Rate {
    Hz1,
    Hz10,
    Hz25,
    Hz50,
    Hz100,
    Hz200,
    #[default]
    Hz400,
    Hz1344,
}

impl Rate {
    /// Samples a second, as the datasheet has them; a device may be off by some percent.
    #[must_use]
    pub const fn hertz(self) -> u16 {
        match self {
            Self::Hz1 => 1,
            Self::Hz10 => 10,
            Self::Hz25 => 25,
            Self::Hz50 => 50,
            Self::Hz100 => 100,
            Self::Hz200 => 200,
            Self::Hz400 => 400,
            Self::Hz1344 => 1344,
        }
    }

    /// Time from one sample to the next, rounded up.
    #[must_use]
    pub const fn period_us(self) -> u32 {
        1_000_000_u32.div_ceil(self.hertz() as u32)
    }

    const fn bits(self) -> u8 {
        let setting = match self {
            Self::Hz1 => 1,
            Self::Hz10 => 2,
            Self::Hz25 => 3,
            Self::Hz50 => 4,
            Self::Hz100 => 5,
            Self::Hz200 => 6,
            Self::Hz400 => 7,
            Self::Hz1344 => 9,
        };
        setting << 4
    }
}

/// The range, and with it the resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub enum Range {
    #[default]
    G2,
    G4,
    G8,
    G16,
}

impl Range {
    /// Thousandths of g in a count.
    #[must_use]
    pub const fn milli_g_per_count(self) -> u8 {
        match self {
            Self::G2 => 1,
            Self::G4 => 2,
            Self::G8 => 4,
            // Not eight: so the datasheet.
            Self::G16 => 12,
        }
    }

    const fn bits(self) -> u8 {
        (self as u8) << 4
    }
}

/// How the device measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settings {
    /// Samples a second.
    pub rate: Rate,
    /// The range.
    pub range: Range,
}

impl Settings {
    /// Samples that are waited for before the FIFO is read: half of it, or as many as come in a tenth of a second.
    const fn batch(self) -> u8 {
        match self.rate.hertz() / 10 {
            0 => 1,
            batch @ 1..=16 => batch as u8,
            _ => 16,
        }
    }
}

/// A sample as the device gives it: 12 bits and a sign an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[allow(missing_docs)] // The names say it.
pub struct Counts {
    pub x: i16,
    pub y: i16,
    pub z: i16,
}

impl Counts {
    /// The acceleration in g (9.80665 m/s²), in the order of [`COLUMNS`]. One multiplication and one division, so that every
    /// processor gives the same bits.
    #[must_use]
    pub fn acceleration(self, range: Range) -> [f32; 3] {
        let step = f32::from(range.milli_g_per_count());
        [self.x, self.y, self.z].map(|count| f32::from(count) * step / 1000.0)
    }
}

/// Why there is no sample. The next one does not follow the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The I2C bus failed.
    I2c(i2c::ErrorKind),
    /// The SPI bus failed.
    Spi(spi::ErrorKind),
    /// Another device answers.
    WrongIdentity {
        /// What its identity register holds.
        found: u8,
    },
    /// The device does not hold the settings that were written to it.
    NotConfigured,
    /// The FIFO was full, so samples may be lost: it was read too late.
    Overrun,
    /// The device gives no samples any more.
    NoSamples,
    /// The device's interrupt cannot be waited for.
    Interrupt,
    /// An earlier call was dropped while it read the device, so samples are lost.
    Cancelled,
    /// Bits that the device never sets were set.
    Malformed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I2c(kind) => write!(f, "I2C: {kind}"),
            Self::Spi(kind) => write!(f, "SPI: {kind}"),
            Self::WrongIdentity { found } => write!(
                f,
                "another device answers, its identity is {found:02x}, not 33"
            ),
            Self::NotConfigured => f.write_str("the device does not keep its settings"),
            Self::Overrun => f.write_str("the FIFO was full: samples may be lost"),
            Self::NoSamples => f.write_str("the device gives no samples any more"),
            Self::Interrupt => f.write_str("the device's interrupt cannot be waited for"),
            Self::Cancelled => f.write_str("an earlier read was given up: samples are lost"),
            Self::Malformed => f.write_str("the sample has bits set that the device never sets"),
        }
    }
}

impl core::error::Error for Error {}
