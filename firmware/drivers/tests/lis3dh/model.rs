//! A LIS3DH in software: registers, a FIFO that fills with time, and what can go wrong.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{self, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
use embedded_hal_async::digital;
use nvpico_drivers::lis3dh::LOW;

const PLACES: usize = 32;

/// The device and the time.
#[allow(clippy::struct_excessive_bools, reason = "what can go wrong with it")]
pub struct State {
    registers: [u8; 64],
    fifo: VecDeque<[u8; 6]>,
    overrun: bool,
    /// Since the start.
    pub now_ns: u64,
    /// When the next sample comes.
    due_ns: u64,
    /// Samples measured: the next one's number.
    pub measured: u16,
    /// Whether something answers at its address.
    pub present: bool,
    /// Whether it takes what is written.
    pub writable: bool,
    /// Transactions until one fails.
    pub fails_in: Option<usize>,
    /// Time that passes before samples are read.
    pub delay_before_data_ns: u64,
    /// Whether the data line is stuck.
    pub stuck: bool,
    /// Transactions until one is waited for without end.
    pub hangs_in: Option<usize>,
}

/// Handles of one device.
#[derive(Clone)]
pub struct Model(pub Rc<RefCell<State>>);

impl Model {
    pub fn new() -> Self {
        let mut registers = [0; 64];
        registers[0x0F] = 0x33;
        registers[0x20] = 0x07;
        Self(Rc::new(RefCell::new(State {
            registers,
            fifo: VecDeque::new(),
            overrun: false,
            now_ns: 0,
            due_ns: 0,
            measured: 0,
            present: true,
            writable: true,
            fails_in: None,
            delay_before_data_ns: 0,
            stuck: false,
            hangs_in: None,
        })))
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.borrow_mut())
    }

    pub fn pass_us(&self, us: u64) {
        self.with(|state| state.pass(us * 1000));
    }
}

impl State {
    /// Nanoseconds from sample to sample; `None` while it is off.
    fn period(&self) -> Option<u64> {
        let hertz = match self.registers[0x20] >> 4 {
            1 => 1,
            2 => 10,
            3 => 25,
            4 => 50,
            5 => 100,
            6 => 200,
            7 => 400,
            9 => 1344,
            _ => return None,
        };
        Some(1_000_000_000 / hertz)
    }

    fn pass(&mut self, ns: u64) {
        self.now_ns += ns;
        let Some(period) = self.period() else {
            return;
        };
        while self.due_ns <= self.now_ns {
            self.due_ns += period;
            self.measure();
        }
    }

    fn measure(&mut self) {
        let number = self.measured;
        self.measured += 1;
        if self.registers[0x24] & 0x40 == 0 || self.registers[0x2E] >> 6 != 2 {
            return;
        }
        if self.fifo.len() == PLACES {
            self.fifo.pop_front();
        }
        let [low, high] = (number << 4).to_le_bytes();
        let [flipped_low, flipped_high] = (!number << 4).to_le_bytes();
        self.fifo
            .push_back([low, high, flipped_low, flipped_high, 0x40, 0x1F]);
        self.overrun |= self.fifo.len() == PLACES;
    }

    fn register(&self, register: u8) -> u8 {
        if register != 0x2F {
            return self.registers[usize::from(register)];
        }
        let waiting = self.fifo.len();
        u8::from(self.overrun) << 6 | u8::from(waiting == 0) << 5 | waiting.min(31) as u8
    }

    /// Loses its settings, as with a loss of power.
    pub fn reset(&mut self) {
        self.registers[0x20..0x30].fill(0);
        self.fifo.clear();
        self.overrun = false;
    }

    pub fn set_identity(&mut self, identity: u8) {
        self.registers[0x0F] = identity;
    }

    /// Samples in the FIFO.
    pub fn waiting(&self) -> usize {
        self.fifo.len()
    }

    fn write(&mut self, register: u8, value: u8) {
        if !self.writable {
            return;
        }
        let was_off = self.period().is_none();
        self.registers[usize::from(register)] = value;
        if was_off && self.period().is_some() {
            self.due_ns = self.now_ns;
        }
        if self.registers[0x2E] >> 6 == 0 {
            self.fifo.clear();
            self.overrun = false;
        }
    }

    fn read(&mut self, command: u8, into: &mut [u8]) {
        let (first, goes_on) = (command & 0x3F, command & 0x80 != 0);
        assert!(
            goes_on || into.len() == 1,
            "it would read one register only"
        );
        if first == 0x28 {
            self.pass(self.delay_before_data_ns);
            for sample in into.chunks_mut(6) {
                // With nothing in it, it repeats itself.
                let bytes = self.fifo.pop_front().unwrap_or([0; 6]);
                self.overrun = false;
                sample.copy_from_slice(&bytes[..sample.len()]);
            }
        } else {
            for (register, value) in (first..).zip(into.iter_mut()) {
                *value = self.register(register);
            }
        }
        if self.stuck && first == 0x28 {
            into.fill(0xFF);
        }
    }

    fn transaction(&mut self, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        // Fifty bits at 400 kHz, about.
        self.pass(125_000);
        if let Some(left) = &mut self.fails_in {
            if *left == 0 {
                self.fails_in = None;
                return Err(ErrorKind::Bus);
            }
            *left -= 1;
        }
        if !self.present {
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        match operations {
            [Operation::Write([register, value])] => self.write(*register, *value),
            [Operation::Write([command]), Operation::Read(into)] => self.read(*command, into),
            other => panic!("not what this device takes: {other:?}"),
        }
        Ok(())
    }
}

impl ErrorType for Model {
    type Error = ErrorKind;
}

impl I2c for Model {
    fn transaction(&mut self, address: u8, ops: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        assert_eq!(address, LOW);
        self.with(|state| state.transaction(ops))
    }
}

impl embedded_hal_async::i2c::I2c for Model {
    async fn transaction(
        &mut self,
        address: u8,
        ops: &mut [Operation<'_>],
    ) -> Result<(), ErrorKind> {
        let hangs = self.with(|state| match &mut state.hangs_in {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        });
        let done = I2c::transaction(self, address, ops);
        if hangs {
            // The device has done its part: who gives up here has lost it.
            std::future::pending::<()>().await;
        }
        done.map_err(|error| i2c::Error::kind(&error))
    }
}

/// Time passes on the device, too.
impl DelayNs for Model {
    fn delay_ns(&mut self, ns: u32) {
        self.with(|state| state.pass(ns.into()));
    }
}

impl embedded_hal_async::delay::DelayNs for Model {
    async fn delay_ns(&mut self, ns: u32) {
        DelayNs::delay_ns(self, ns);
    }
}

/// Its interrupt, on the watermark.
pub struct Interrupt(pub Model);

impl embedded_hal::digital::ErrorType for Interrupt {
    type Error = core::convert::Infallible;
}

impl Interrupt {
    /// Whether the pin is high after another tenth of a millisecond.
    fn is_high(&self) -> bool {
        self.0.pass_us(100);
        self.0.with(|state| {
            let watermark = usize::from(state.registers[0x2E] & 0x1F);
            state.registers[0x22] & 0x04 != 0 && state.fifo.len() >= watermark
        })
    }

    /// Waits until the pin has been at each of these levels, in this order.
    async fn levels(&self, levels: &[bool]) -> Result<(), core::convert::Infallible> {
        let mut left = levels.iter().copied().peekable();
        poll_fn(|context| {
            let is_high = self.is_high();
            while left.next_if_eq(&is_high).is_some() {}
            if left.peek().is_none() {
                return Poll::Ready(Ok(()));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

impl digital::Wait for Interrupt {
    async fn wait_for_high(&mut self) -> Result<(), Self::Error> {
        self.levels(&[true]).await
    }

    async fn wait_for_low(&mut self) -> Result<(), Self::Error> {
        self.levels(&[false]).await
    }

    async fn wait_for_rising_edge(&mut self) -> Result<(), Self::Error> {
        self.levels(&[false, true]).await
    }

    async fn wait_for_falling_edge(&mut self) -> Result<(), Self::Error> {
        self.levels(&[true, false]).await
    }

    async fn wait_for_any_edge(&mut self) -> Result<(), Self::Error> {
        let was_high = self.is_high();
        self.levels(&[!was_high]).await
    }
}
