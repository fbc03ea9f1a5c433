//! TI's TMP105 thermometer, at its full resolution of 12 bits: a sixteenth of a degree.
//!
//! ```
//! use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
//! use nvpico_drivers::tmp105::{ADDRESS, Tmp105};
//!
//! # let mut bus = Mock::new(&[
//! #     Transaction::write(ADDRESS, vec![0x01, 0x60]),
//! #     Transaction::write_read(ADDRESS, vec![0x01], vec![0x60]),
//! #     Transaction::write_read(ADDRESS, vec![0x00], vec![0x17, 0x40]),
//! # ]);
//! let mut thermometer = Tmp105::new(bus.clone());
//! thermometer.configure()?;
//! assert_eq!(thermometer.read()?, 23.25); // degrees Celsius
//! # bus.done();
//! # Ok::<(), nvpico_drivers::Error>(())
//! ```
//!
//! Numbers are from the datasheet, TI `SBOS648`.

use embedded_hal::i2c::I2c;

use crate::Error;

/// The address with both address pins low.
pub const ADDRESS: u8 = 0x48;

/// A measurement of 12 bits takes so long at most.
pub const PERIOD_MS: u32 = 300;

const TEMPERATURE_REGISTER: u8 = 0x00;
const CONFIGURATION_REGISTER: u8 = 0x01;
/// Twelve bits, measuring continuously.
const CONFIGURATION: u8 = 0x60;
/// The other bits report alerts and depend on them.
const CONFIGURATION_MASK: u8 = 0x61;
/// Low bits of the temperature that are always zero.
const UNUSED: i16 = 0x000F;
const COUNTS_PER_DEGREE: f32 = 256.0;

/// The driver. It owns its handle of the bus; share a bus with the devices of `embedded-hal-bus`.
#[derive(Debug)]
pub struct Tmp105<I2C> {
    i2c: I2C,
    address: u8,
}

impl<I2C: I2c> Tmp105<I2C> {
    /// A driver for the device at [`ADDRESS`] that has not spoken to it yet: [`configure`](Self::configure) comes
    /// first.
    pub const fn new(i2c: I2C) -> Self {
        Self::with_address(i2c, ADDRESS)
    }

    /// The same for a device whose address pins are set otherwise.
    pub const fn with_address(i2c: I2C, address: u8) -> Self {
        Self { i2c, address }
    }

    /// Gives the handle of the bus back.
    pub fn release(self) -> I2C {
        self.i2c
    }

    /// Lets the device measure continuously with 12 bits. It has no identity to check, but it must keep its settings.
    ///
    /// The first measurement with them takes [`PERIOD_MS`].
    ///
    /// # Errors
    /// [`Error::NotConfigured`] or [`Error::Bus`].
    pub fn configure(&mut self) -> Result<(), Error> {
        self.i2c
            .write(self.address, &[CONFIGURATION_REGISTER, CONFIGURATION])?;
        let [kept] = self.read_register(CONFIGURATION_REGISTER)?;
        if kept & CONFIGURATION_MASK == CONFIGURATION {
            Ok(())
        } else {
            Err(Error::NotConfigured)
        }
    }

    /// The newest temperature in degrees Celsius.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Bus`].
    pub fn read(&mut self) -> Result<f32, Error> {
        let counts = i16::from_be_bytes(self.read_register(TEMPERATURE_REGISTER)?);
        if counts & UNUSED != 0 {
            return Err(Error::Malformed);
        }
        Ok(f32::from(counts) / COUNTS_PER_DEGREE)
    }

    fn read_register<const N: usize>(&mut self, register: u8) -> Result<[u8; N], Error> {
        let mut value = [0; N];
        self.i2c.write_read(self.address, &[register], &mut value)?;
        Ok(value)
    }
}
