//! The driver on embedded-hal-async. It reads as the blocking one does. A call may be dropped while it waits; where one is dropped
//! while it reads the device, the next call gives [`Error::Cancelled`].

use embedded_hal_async::delay::DelayNs;
use embedded_hal_async::digital;
use embedded_hal_async::i2c::{Error as _, I2c};
use embedded_hal_async::spi::{Error as _, Operation, SpiDevice};

use super::blocking::{i2c_command, spi_command};
use super::device::{Bus, Device, Wait};
use super::{Counts, Error, Settings};

/// The device on I2C.
#[derive(Debug)]
pub struct I2cBus<I2C> {
    i2c: I2C,
    address: u8,
}

impl<I2C: I2c> Bus for I2cBus<I2C> {
    async fn read(&mut self, first: u8, into: &mut [u8]) -> Result<(), Error> {
        let command = [i2c_command(first, into.len())];
        let read = self.i2c.write_read(self.address, &command, into).await;
        read.map_err(|error| Error::I2c(error.kind()))
    }

    async fn write(&mut self, register: u8, value: u8) -> Result<(), Error> {
        let written = self.i2c.write(self.address, &[register, value]).await;
        written.map_err(|error| Error::I2c(error.kind()))
    }
}

/// The device on SPI, in mode 0 or 3 and with at most 10 MHz.
#[derive(Debug)]
pub struct SpiBus<SPI> {
    spi: SPI,
}

impl<SPI: SpiDevice> Bus for SpiBus<SPI> {
    async fn read(&mut self, first: u8, into: &mut [u8]) -> Result<(), Error> {
        let command = [spi_command(first, into.len())];
        let mut operations = [Operation::Write(&command), Operation::Read(into)];
        let read = self.spi.transaction(&mut operations).await;
        read.map_err(|error| Error::Spi(error.kind()))
    }

    async fn write(&mut self, register: u8, value: u8) -> Result<(), Error> {
        let written = self.spi.write(&[register, value]).await;
        written.map_err(|error| Error::Spi(error.kind()))
    }
}

/// A delay.
struct Timer<'a, D>(&'a mut D);

impl<D: DelayNs> Wait for Timer<'_, D> {
    async fn wait(&mut self, us: u32) -> Result<(), Error> {
        self.0.delay_us(us).await;
        Ok(())
    }
}

/// The device's interrupt.
struct Interrupt<'a, P>(&'a mut P);

impl<P: digital::Wait> Wait for Interrupt<'_, P> {
    async fn wait(&mut self, _us: u32) -> Result<(), Error> {
        let risen = self.0.wait_for_high().await;
        risen.map_err(|_| Error::Interrupt)
    }
}

/// The driver. It owns its handle of the bus.
#[derive(Debug)]
pub struct Lis3dh<B> {
    device: Device<B>,
}

impl<I2C: I2c> Lis3dh<I2cBus<I2C>> {
    /// The driver of a device on I2C at [`LOW`](super::LOW) or [`HIGH`](super::HIGH) that has not spoken to it yet.
    pub const fn on_i2c(i2c: I2C, address: u8, settings: Settings) -> Self {
        let bus = I2cBus { i2c, address };
        Self {
            device: Device::new(bus, settings),
        }
    }

    /// Gives the handle of the bus back.
    pub fn release(self) -> I2C {
        self.device.bus.i2c
    }
}

impl<SPI: SpiDevice> Lis3dh<SpiBus<SPI>> {
    /// The driver of a device on SPI that has not spoken to it yet.
    pub const fn on_spi(spi: SPI, settings: Settings) -> Self {
        let bus = SpiBus { spi };
        Self {
            device: Device::new(bus, settings),
        }
    }

    /// Gives the handle of the bus back.
    pub fn release(self) -> SPI {
        self.device.bus.spi
    }
}

impl<B: Bus> Lis3dh<B> {
    /// The next sample; waits until there is one, by time. Sets the device up where it is not.
    ///
    /// # Errors
    /// An [`Error`]; the next sample does not follow the last one.
    pub async fn read(&mut self, delay: &mut impl DelayNs) -> Result<Counts, Error> {
        self.device.read(&mut Timer(delay)).await
    }

    /// The same, by the device's interrupt: its pin `INT1` is high while the FIFO is half full. A device that has gone raises no
    /// interrupt: give this a time limit, and [`read`](Self::read) when it has passed, which says what is wrong.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`Error::Interrupt`].
    pub async fn read_at(&mut self, interrupt: &mut impl digital::Wait) -> Result<Counts, Error> {
        self.device.read(&mut Interrupt(interrupt)).await
    }

    /// How often samples may have been lost because the FIFO was full.
    pub const fn overruns(&self) -> u32 {
        self.device.overruns
    }
}
