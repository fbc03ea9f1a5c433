//! An I2C master on two open-drain lines, for chips and boards without an I2C peripheral.
//!
//! Seven-bit addresses, repeated starts, clock stretching up to a limit, loss of arbitration, and release of a bus
//! that a device holds. The lines are behind [`Lines`], so the protocol is tested against a simulated device.
//!
//! ```
//! use embedded_hal::i2c::{ErrorKind, Error as _, I2c};
//! use embedded_hal_mock::eh1::delay::NoopDelay;
//! use nvpico_drivers::bitbang::{BitBang, Lines};
//!
//! /// Two lines with pull-ups and no device.
//! struct Nothing { clock: bool, data: bool }
//!
//! impl Lines for Nothing {
//!     fn set_clock(&mut self, released: bool) { self.clock = released; }
//!     fn set_data(&mut self, released: bool) { self.data = released; }
//!     fn clock(&mut self) -> bool { self.clock }
//!     fn data(&mut self) -> bool { self.data }
//! }
//!
//! let mut i2c = BitBang::new(Nothing { clock: true, data: true }, NoopDelay, 100_000);
//! let error = i2c.write(0x1E, &[0]).unwrap_err();
//! assert!(matches!(error.kind(), ErrorKind::NoAcknowledge(_)));
//! ```

use core::{fmt, mem};

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{
    self, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation, SevenBitAddress,
};

/// Longest time that a device may hold the clock. `SMBus` allows 25 ms.
const STRETCH_LIMIT_US: u32 = 25_000;
/// A device that holds the data line has at most a byte and an acknowledgement left to send.
const CLOCKS_TO_FREE: u32 = 9;
const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;

/// Two open-drain lines with pull-ups. A released line is high unless someone else pulls it.
pub trait Lines {
    /// Releases the clock line, or pulls it low.
    fn set_clock(&mut self, released: bool);
    /// Releases the data line, or pulls it low.
    fn set_data(&mut self, released: bool);
    /// Whether the clock line is high.
    fn clock(&mut self) -> bool;
    /// Whether the data line is high.
    fn data(&mut self) -> bool;
}

/// Why a transaction ended early. The lines are released after each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BitBangError {
    /// No device has the address, or it refused a byte.
    NoAcknowledge(NoAcknowledgeSource),
    /// Another master spoke.
    ArbitrationLost,
    /// A device held the clock for too long.
    ClockHeld,
    /// A device holds the data line and does not let go.
    DataHeld,
}

impl fmt::Display for BitBangError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAcknowledge(source) => write!(f, "no acknowledgement: {source}"),
            Self::ArbitrationLost => f.write_str("another master spoke"),
            Self::ClockHeld => f.write_str("a device held the clock for too long"),
            Self::DataHeld => f.write_str("a device holds the data line"),
        }
    }
}

impl core::error::Error for BitBangError {}

impl i2c::Error for BitBangError {
    fn kind(&self) -> ErrorKind {
        match *self {
            Self::NoAcknowledge(source) => ErrorKind::NoAcknowledge(source),
            Self::ArbitrationLost => ErrorKind::ArbitrationLoss,
            Self::ClockHeld | Self::DataHeld => ErrorKind::Bus,
        }
    }
}

/// The master.
#[derive(Debug)]
pub struct BitBang<L, D> {
    lines: L,
    delay: D,
    half_period_ns: u32,
}

impl<L: Lines, D: DelayNs> BitBang<L, D> {
    /// A master that gives at most `frequency` clocks a second; zero counts as one.
    pub fn new(mut lines: L, delay: D, frequency: u32) -> Self {
        lines.set_data(true);
        lines.set_clock(true);
        let half_period_ns = (NANOSECONDS_PER_SECOND / 2)
            .checked_div(frequency)
            .unwrap_or(NANOSECONDS_PER_SECOND / 2);
        Self {
            lines,
            delay,
            half_period_ns,
        }
    }

    /// Gives lines and delay back.
    pub fn release(self) -> (L, D) {
        (self.lines, self.delay)
    }

    fn wait(&mut self) {
        self.delay.delay_ns(self.half_period_ns);
    }

    /// Lets the clock rise, and waits for a device that still holds it.
    fn raise_clock(&mut self) -> Result<(), BitBangError> {
        self.lines.set_clock(true);
        let mut waited_us = 0;
        while !self.lines.clock() {
            if waited_us >= STRETCH_LIMIT_US {
                return Err(BitBangError::ClockHeld);
            }
            self.delay.delay_us(1);
            waited_us += 1;
        }
        self.wait();
        Ok(())
    }

    fn lower_clock(&mut self) {
        self.lines.set_clock(false);
        self.wait();
    }

    /// From an idle bus: frees it if need be.
    fn claim(&mut self) -> Result<(), BitBangError> {
        self.lines.set_data(true);
        self.raise_clock()?;
        if self.lines.data() {
            return Ok(());
        }
        // A device was interrupted inside a byte, by a reset of this chip perhaps: let it finish.
        for _ in 0..CLOCKS_TO_FREE {
            self.lower_clock();
            self.raise_clock()?;
            if self.lines.data() {
                return self.stop();
            }
        }
        Err(BitBangError::DataHeld)
    }

    /// A start, with both lines high before.
    fn start(&mut self) {
        self.lines.set_data(false);
        self.wait();
        self.lower_clock();
    }

    /// A start inside a transaction, with the clock low before.
    fn restart(&mut self) -> Result<(), BitBangError> {
        self.lines.set_data(true);
        self.wait();
        self.raise_clock()?;
        if !self.lines.data() {
            return Err(BitBangError::ArbitrationLost);
        }
        self.start();
        Ok(())
    }

    /// Ends the transaction and leaves both lines released.
    fn stop(&mut self) -> Result<(), BitBangError> {
        self.lower_clock();
        self.lines.set_data(false);
        self.wait();
        let raised = self.raise_clock();
        self.lines.set_data(true);
        self.wait();
        raised
    }

    fn write_bit(&mut self, bit: bool) -> Result<(), BitBangError> {
        self.lines.set_data(bit);
        self.wait();
        self.raise_clock()?;
        if bit && !self.lines.data() {
            return Err(BitBangError::ArbitrationLost);
        }
        self.lower_clock();
        Ok(())
    }

    fn read_bit(&mut self) -> Result<bool, BitBangError> {
        self.lines.set_data(true);
        self.wait();
        self.raise_clock()?;
        let bit = self.lines.data();
        self.lower_clock();
        Ok(bit)
    }

    /// Sends a byte, which `source` names for the case that it is refused.
    fn write_byte(&mut self, byte: u8, source: NoAcknowledgeSource) -> Result<(), BitBangError> {
        for shift in (0..8).rev() {
            self.write_bit(byte >> shift & 1 != 0)?;
        }
        if self.read_bit()? {
            return Err(BitBangError::NoAcknowledge(source));
        }
        Ok(())
    }

    fn read_byte(&mut self, acknowledge: bool) -> Result<u8, BitBangError> {
        let mut byte = 0;
        for _ in 0..8 {
            byte = byte << 1 | u8::from(self.read_bit()?);
        }
        // Not acknowledged means: the last one. Releasing the line is no claim, so nobody can win against it.
        self.lines.set_data(!acknowledge);
        self.wait();
        self.raise_clock()?;
        self.lower_clock();
        Ok(byte)
    }

    fn run(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), BitBangError> {
        let mut direction = None;
        let mut rest = operations;
        while let Some((operation, later)) = mem::take(&mut rest).split_first_mut() {
            let reads = is_read(operation);
            let begins = direction != Some(reads);
            if begins {
                if direction.is_some() {
                    self.restart()?;
                } else {
                    self.start();
                }
                direction = Some(reads);
                let byte = address << 1 | u8::from(reads);
                self.write_byte(byte, NoAcknowledgeSource::Address)?;
            }
            match operation {
                Operation::Write(bytes) => {
                    for &byte in *bytes {
                        self.write_byte(byte, NoAcknowledgeSource::Data)?;
                    }
                }
                Operation::Read(bytes) => {
                    let more = later
                        .iter()
                        .take_while(|operation| is_read(operation))
                        .any(|operation| matches!(operation, Operation::Read(bytes) if !bytes.is_empty()));
                    if bytes.is_empty() && begins && !more {
                        // The device has begun to send: only a byte that is not acknowledged ends it.
                        self.read_byte(false)?;
                    }
                    let count = bytes.len();
                    for (index, byte) in bytes.iter_mut().enumerate() {
                        *byte = self.read_byte(more || index + 1 < count)?;
                    }
                }
            }
            rest = later;
        }
        Ok(())
    }
}

fn is_read(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::Read(_))
}

impl<L: Lines, D: DelayNs> ErrorType for BitBang<L, D> {
    type Error = BitBangError;
}

impl<L: Lines, D: DelayNs> I2c<SevenBitAddress> for BitBang<L, D> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Self::Error> {
        if operations.is_empty() {
            return Ok(());
        }
        self.claim()?;
        match self.run(address, operations) {
            Ok(()) => self.stop(),
            Err(error @ (BitBangError::ArbitrationLost | BitBangError::ClockHeld)) => {
                // The bus is another's: do not end what they began.
                self.lines.set_data(true);
                self.lines.set_clock(true);
                Err(error)
            }
            Err(error) => {
                // What went wrong first is what matters.
                let _ = self.stop();
                Err(error)
            }
        }
    }
}
