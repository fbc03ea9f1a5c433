//! Readings at regular times, with the sensors' faults noted.

use embedded_hal::delay::DelayNs;
use nvpico::detector::{AlarmEvent, Decision};

use crate::adapt::AdaptEvent;

/// Time between readings, unless their source says otherwise.
pub const PERIOD_MS: u32 = 100;

/// Where readings of `N` values come from.
pub trait Source<const N: usize> {
    /// Time to wait before each reading; zero for a source that waits itself until there is one.
    const PERIOD_MS: u32 = PERIOD_MS;
    /// A value of a reading: `f32` in the sensor's unit, or `i32` raw counts.
    type Value: Copy;
    /// Why a sensor gave no reading.
    type Fault: Copy + PartialEq;

    /// The next reading; `None` when there will be no more, which live sensors never say.
    ///
    /// # Errors
    /// The fault of a sensor. The next call tries again.
    fn read(&mut self, clock: &mut impl DelayNs) -> Option<Result<[Self::Value; N], Self::Fault>>;

    /// Whether somebody says that the sensor was mounted anew before the newest reading and that the machine is well, such as by a
    /// button: readings from that one on show where values lie now. Asked once after each reading.
    fn is_mounted_anew(&mut self) -> bool {
        false
    }
}

/// What waits between readings.
pub trait Clock: DelayNs {
    /// Called once for each reading: a board with a watchdog restarts the watchdog's time here.
    fn still_alive(&mut self) {}
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a, V, F, const N: usize> {
    /// A sensor began to fail, or fails in another way than before.
    Fault(F),
    /// All sensors work again.
    Recovered,
    /// A reading was scored.
    Scored {
        /// Number of the reading since the start, wrapping.
        number: u32,
        /// The reading.
        reading: &'a [V; N],
        /// Its log-density in nats, `-inf` where it could not be scored.
        log_prob: f32,
        /// What it was found to be; `None` for one that a commissioning took, which is not judged.
        decision: Option<Decision>,
    },
    /// The alarm was raised, is back, or was cleared.
    Alarm {
        /// At this reading.
        number: u32,
        /// What happened, and why.
        event: AlarmEvent,
    },
    /// Something happened to the recalibration.
    Adapted {
        /// At this reading.
        number: u32,
        /// What happened.
        event: AdaptEvent,
    },
    /// A value is to blame for a reading, see [`tell_blamed`](crate::tell_blamed).
    Blamed {
        /// The reading.
        number: u32,
        /// Which value of it.
        index: u16,
        /// The value in the unit of its sensor.
        value: f32,
        /// What would be normal there.
        normal: f32,
    },
    /// A recording has all its rows, or the source has no more.
    Recorded {
        /// The number of rows.
        rows: usize,
    },
    /// A recording ended early: the sensors gave no reading for too long.
    NoReadings {
        /// Rows recorded before.
        rows: usize,
    },
    /// A recording ended early: the store did not take a row.
    StoreFailed {
        /// Rows recorded before.
        rows: usize,
    },
}

/// Receives events.
pub trait Log<V, F, const N: usize> {
    /// Takes an event.
    fn log(&mut self, event: Event<'_, V, F, N>);

    /// Takes the words of an alarm's record, which `nvpico replay` reads; see `nvpico::detector::Recorder`.
    fn record(&mut self, _words: &mut dyn Iterator<Item = u32>) {}
}

/// A source that is read once in its period, and whose faults go to the log.
#[derive(Debug)]
pub struct Acquire<S: Source<N>, C, L, const N: usize> {
    source: S,
    clock: C,
    pub(crate) log: L,
    last_fault: Option<S::Fault>,
}

impl<S, C, L, const N: usize> Acquire<S, C, L, N>
where
    S: Source<N>,
    C: Clock,
    L: Log<S::Value, S::Fault, N>,
{
    /// Takes the source, the clock and the log.
    pub const fn new(source: S, clock: C, log: L) -> Self {
        Self {
            source,
            clock,
            log,
            last_fault: None,
        }
    }

    /// Waits for the time of the next reading and reads; `None` at the end of the source.
    ///
    /// A fault that lasts is logged once.
    pub(crate) fn next(&mut self) -> Option<Result<[S::Value; N], S::Fault>> {
        self.clock.still_alive();
        if S::PERIOD_MS > 0 {
            self.clock.delay_ms(S::PERIOD_MS);
        }
        let reading = self.source.read(&mut self.clock)?;
        let fault = reading.err();
        if fault != self.last_fault {
            self.log.log(fault.map_or(Event::Recovered, Event::Fault));
            self.last_fault = fault;
        }
        Some(reading)
    }

    #[cfg(test)]
    pub(crate) const fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// Whether a commissioning is to begin with the newest reading.
    pub(crate) fn is_mounted_anew(&mut self) -> bool {
        self.source.is_mounted_anew()
    }
}

#[cfg(test)]
mod tests {
    use crate::test_parts::{Script, Told, acquire};

    #[test]
    fn a_fault_is_told_once_and_so_is_its_end() {
        let mut acquire = acquire(&[Ok(1.0), Err('a'), Err('a'), Err('b'), Ok(2.0), Ok(3.0)]);
        let mut readings = std::vec::Vec::new();
        while let Some(reading) = acquire.next() {
            readings.push(reading.ok());
        }
        let some = |value| Some([value, 0.0]);
        assert_eq!(
            readings,
            [some(1.0), None, None, None, some(2.0), some(3.0)]
        );
        assert_eq!(
            acquire.log.told,
            [Told::Fault('a'), Told::Fault('b'), Told::Recovered]
        );
    }

    #[test]
    fn the_clock_is_waited_for_and_the_watchdog_fed_at_each_reading() {
        let script: &Script = &[Ok(1.0), Err('a')];
        let mut acquire = acquire(script);
        while acquire.next().is_some() {}
        // Also before the end was seen.
        assert_eq!(acquire.clock.periods, 3);
        assert_eq!(acquire.clock.alive, 3);
    }
}
