//! What the driver does, whatever the bus: the blocking driver and the asynchronous one differ in the calls of [`Bus`] and [`Wait`]
//! alone.

use super::registers::{
    CONTROL, DATA, FIFO_BYPASS, FIFO_CONTROL, FIFO_STATUS, IDENTITY, IDENTITY_VALUE, PLACES,
    SAMPLE, Status, controls, fifo, sample,
};
use super::{Counts, Error, Settings};

/// Samples after the device was set up that are not settled yet.
const UNSETTLED: u32 = 7;
/// For so many periods the device may be late: its clock is not this chip's.
const LATE: usize = 16;

/// A bus with the device on it.
#[allow(async_fn_in_trait, reason = "only this crate implements it")]
pub trait Bus {
    /// Reads registers that follow each other.
    async fn read(&mut self, first: u8, into: &mut [u8]) -> Result<(), Error>;
    /// Writes a register.
    async fn write(&mut self, register: u8, value: u8) -> Result<(), Error>;
}

/// What passes the time until there are samples.
#[allow(async_fn_in_trait, reason = "only this crate implements it")]
pub trait Wait {
    /// Waits for so many microseconds, or less if there are samples already.
    async fn wait(&mut self, us: u32) -> Result<(), Error>;
}

/// The device, and the samples that were read from it and not yet given on.
#[derive(Debug)]
pub(super) struct Device<B> {
    pub(super) bus: B,
    settings: Settings,
    is_set: bool,
    bytes: [u8; PLACES * SAMPLE],
    /// Bytes given on, and bytes read.
    next: usize,
    end: usize,
    /// Of the samples to come, those that are not given on.
    unsettled: u32,
    /// Whether the device is being read: a call that is given up here loses samples.
    reading: bool,
    /// Periods that passed since the last sample was given on.
    waited: u32,
    /// An error, and the calls that it is still to be told.
    owed: Option<(Error, u32)>,
    pub(super) overruns: u32,
}

impl<B: Bus> Device<B> {
    pub(super) const fn new(bus: B, settings: Settings) -> Self {
        Self {
            bus,
            settings,
            is_set: false,
            bytes: [0; PLACES * SAMPLE],
            next: 0,
            end: 0,
            unsettled: 0,
            reading: false,
            waited: 0,
            owed: None,
            overruns: 0,
        }
    }

    /// The next sample. A call that fails stands for a period, too, so whoever counts calls counts time.
    pub(super) async fn read(&mut self, wait: &mut impl Wait) -> Result<Counts, Error> {
        if let Some((error, periods)) = self.owed.take() {
            self.owed = (periods > 1).then_some((error, periods - 1));
            return Err(error);
        }
        self.waited = 0;
        let sample = if self.reading {
            Err(Error::Cancelled)
        } else {
            self.try_read(wait).await
        };
        self.reading = false;
        if let Err(error) = sample {
            (self.next, self.end) = (0, 0);
            let more = self.waited.saturating_sub(1);
            self.owed = (more > 0).then_some((error, more));
            if error == Error::Overrun {
                self.overruns = self.overruns.saturating_add(1);
            } else {
                self.is_set = false;
            }
        }
        sample
    }

    async fn try_read(&mut self, wait: &mut impl Wait) -> Result<Counts, Error> {
        if !self.is_set {
            // A device that does not answer is asked once a period.
            self.wait(wait, 1).await?;
            self.set_up().await?;
        }
        loop {
            while self.next == self.end {
                self.fill(wait).await?;
            }
            let read = self.bytes.get(self.next..self.end).unwrap_or_default();
            let Some((&bytes, _)) = read.split_first_chunk() else {
                return Err(Error::Malformed);
            };
            self.next += SAMPLE;
            let counts = sample(bytes)?;
            if self.unsettled == 0 {
                return Ok(counts);
            }
            self.unsettled -= 1;
        }
    }

    /// Checks that it is the right device, and lets it measure.
    async fn set_up(&mut self) -> Result<(), Error> {
        let [found] = self.registers(IDENTITY).await?;
        if found != IDENTITY_VALUE {
            return Err(Error::WrongIdentity { found });
        }
        self.bus.write(FIFO_CONTROL, FIFO_BYPASS).await?;
        let controls = controls(self.settings);
        for (register, value) in (CONTROL..).zip(controls) {
            self.bus.write(register, value).await?;
        }
        if self.registers(CONTROL).await? != controls {
            return Err(Error::NotConfigured);
        }
        self.restart().await?;
        if self.registers(FIFO_CONTROL).await? != [fifo(self.settings)] {
            return Err(Error::NotConfigured);
        }
        self.is_set = true;
        self.unsettled = UNSETTLED;
        Ok(())
    }

    /// Empties the FIFO and lets it take samples.
    async fn restart(&mut self) -> Result<(), Error> {
        self.bus.write(FIFO_CONTROL, FIFO_BYPASS).await?;
        self.bus.write(FIFO_CONTROL, fifo(self.settings)).await
    }

    /// Waits for samples and reads all that there are.
    async fn fill(&mut self, wait: &mut impl Wait) -> Result<(), Error> {
        let batch = usize::from(self.settings.batch());
        let mut waiting = self.waiting().await?;
        if waiting < batch {
            self.wait(wait, (batch - waiting) as u32).await?;
            waiting = self.waiting().await?;
        }
        for _ in 0..LATE {
            if waiting > 0 {
                return self.read_fifo(waiting).await;
            }
            self.wait(wait, 1).await?;
            waiting = self.waiting().await?;
        }
        Err(Error::NoSamples)
    }

    async fn wait(&mut self, wait: &mut impl Wait, periods: u32) -> Result<(), Error> {
        self.reading = false;
        self.waited = self.waited.saturating_add(periods);
        let us = self.settings.rate.period_us().saturating_mul(periods);
        wait.wait(us).await
    }

    async fn read_fifo(&mut self, waiting: usize) -> Result<(), Error> {
        let end = waiting * SAMPLE;
        let into = self.bytes.get_mut(..end).ok_or(Error::Malformed)?;
        // The device goes on with the next sample's first register behind the last one of a sample.
        self.bus.read(DATA, into).await?;
        // A chip that was busy with something else between both may have come too late: as many as the FIFO holds came since.
        if self.waiting().await? + waiting >= PLACES {
            return self.lost().await;
        }
        (self.next, self.end) = (0, end);
        Ok(())
    }

    /// Samples in the FIFO, none of which is behind a hole.
    async fn waiting(&mut self) -> Result<usize, Error> {
        self.reading = true;
        let status = Status(u8::from_le_bytes(self.registers(FIFO_STATUS).await?));
        if status.overrun() {
            self.lost().await?;
        }
        Ok(status.waiting())
    }

    /// Where the hole is, is not known: all that is in the FIFO goes.
    async fn lost<T>(&mut self) -> Result<T, Error> {
        self.restart().await?;
        Err(Error::Overrun)
    }

    async fn registers<const N: usize>(&mut self, first: u8) -> Result<[u8; N], Error> {
        let mut values = [0; N];
        self.bus.read(first, &mut values).await?;
        Ok(values)
    }
}
