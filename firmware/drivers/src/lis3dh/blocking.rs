//! The driver on embedded-hal.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{Error as _, I2c};
use embedded_hal::spi::{Error as _, Operation, SpiDevice};

use super::device::{Bus, Device, Wait};
use super::{Counts, Error, Settings};

/// Bit of a register's number on I2C that lets the device go on to the next register.
pub(super) const I2C_GO_ON: u8 = 0x80;
/// The same on SPI.
pub(super) const SPI_GO_ON: u8 = 0x40;
/// Bit on SPI for reading.
pub(super) const SPI_READ: u8 = 0x80;

/// What is sent to read from a register on.
pub(super) const fn i2c_command(first: u8, values: usize) -> u8 {
    if values > 1 { first | I2C_GO_ON } else { first }
}

/// The same on SPI.
pub(super) const fn spi_command(first: u8, values: usize) -> u8 {
    if values > 1 {
        first | SPI_READ | SPI_GO_ON
    } else {
        first | SPI_READ
    }
}

/// The device on I2C.
#[derive(Debug)]
pub struct I2cBus<I2C> {
    i2c: I2C,
    address: u8,
}

impl<I2C: I2c> Bus for I2cBus<I2C> {
    async fn read(&mut self, first: u8, into: &mut [u8]) -> Result<(), Error> {
        let command = i2c_command(first, into.len());
        let read = self.i2c.write_read(self.address, &[command], into);
        read.map_err(|error| Error::I2c(error.kind()))
    }

    async fn write(&mut self, register: u8, value: u8) -> Result<(), Error> {
        let written = self.i2c.write(self.address, &[register, value]);
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
        let read = (self.spi).transaction(&mut [Operation::Write(&command), Operation::Read(into)]);
        read.map_err(|error| Error::Spi(error.kind()))
    }

    async fn write(&mut self, register: u8, value: u8) -> Result<(), Error> {
        let written = self.spi.write(&[register, value]);
        written.map_err(|error| Error::Spi(error.kind()))
    }
}

/// A delay.
struct Timer<'a, D>(&'a mut D);

impl<D: DelayNs> Wait for Timer<'_, D> {
    async fn wait(&mut self, us: u32) -> Result<(), Error> {
        self.0.delay_us(us);
        Ok(())
    }
}

/// The driver. It owns its handle of the bus; share a bus with the devices of `embedded-hal-bus`.
#[derive(Debug)]
pub struct Lis3dh<B> {
    device: Device<B>,
}

impl<I2C: I2c> Lis3dh<I2cBus<I2C>> {
    /// The driver of a device on I2C at [`LOW`](super::LOW) or [`HIGH`](super::HIGH) that has not spoken to it yet. The FIFO asks for
    /// 400 kHz at the fastest rates.
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
    /// An [`Error`]; the next sample does not follow the last one. A call that fails takes a period at least, on average.
    pub fn read(&mut self, delay: &mut impl DelayNs) -> Result<Counts, Error> {
        at_once(self.device.read(&mut Timer(delay)))
    }

    /// How often samples may have been lost because the FIFO was full.
    pub const fn overruns(&self) -> u32 {
        self.device.overruns
    }
}

/// What a future gives that waits for nothing: those of blocking buses are complete when they are asked first.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
