//! A source, a clock, a log and a store that tests look into.

use embedded_hal::delay::DelayNs;
use nvpico::detector::{
    AlarmEvent, AlarmSpec, BlameSpec, Chart, Decision, Quantile, QuantileTable,
};
use std::vec::Vec;

use crate::{Acquire, AdaptEvent, Clock, Event, Log, PERIOD_MS, Source, Store};

/// First values of readings, and faults, one after the other.
pub(crate) type Script = [Result<f32, char>];

/// Gives what a script says.
pub(crate) struct Scripted {
    script: Vec<Result<f32, char>>,
    at: usize,
    /// Readings before which the sensor is mounted anew.
    pub(crate) mounted: Vec<usize>,
}

impl Source<2> for Scripted {
    type Value = f32;
    type Fault = char;

    fn read(&mut self, _clock: &mut impl DelayNs) -> Option<Result<[f32; 2], char>> {
        let reading = self.script.get(self.at)?.map(|value| [value, 0.0]);
        self.at += 1;
        Some(reading)
    }

    fn is_mounted_anew(&mut self) -> bool {
        self.mounted.contains(&(self.at - 1))
    }
}

/// Counts what it is asked.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) periods: u32,
    pub(crate) alive: u32,
}

impl DelayNs for Counting {
    fn delay_ns(&mut self, ns: u32) {
        assert_eq!(ns, PERIOD_MS * 1_000_000);
        self.periods += 1;
    }
}

impl Clock for Counting {
    fn still_alive(&mut self) {
        self.alive += 1;
    }
}

/// An event without the reading's borrow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    Fault(char),
    Recovered,
    Scored(u32, f32, Option<Decision>),
    Raised(u32),
    Resumed(u32),
    Cleared(u32),
    Adapted(u32, AdaptEvent),
    Blamed(u32, u16, f32, f32),
    Recorded(usize),
    NoReadings(usize),
    StoreFailed(usize),
}

/// Keeps all events, and the words of records.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) told: Vec<Told>,
    pub(crate) words: Vec<u32>,
}

impl Log<f32, char, 2> for Kept {
    fn log(&mut self, event: Event<'_, f32, char, 2>) {
        self.told.push(match event {
            Event::Fault(fault) => Told::Fault(fault),
            Event::Recovered => Told::Recovered,
            Event::Scored {
                number,
                log_prob,
                decision,
                ..
            } => Told::Scored(number, log_prob, decision),
            Event::Alarm { number, event } => match event {
                AlarmEvent::Raised(..) => Told::Raised(number),
                AlarmEvent::Resumed(..) => Told::Resumed(number),
                AlarmEvent::Cleared => Told::Cleared(number),
            },
            Event::Adapted { number, event } => Told::Adapted(number, event),
            Event::Blamed {
                number,
                index,
                value,
                normal,
            } => Told::Blamed(number, index, value, normal),
            Event::Recorded { rows } => Told::Recorded(rows),
            Event::NoReadings { rows } => Told::NoReadings(rows),
            Event::StoreFailed { rows } => Told::StoreFailed(rows),
        });
    }

    fn record(&mut self, words: &mut dyn Iterator<Item = u32>) {
        self.words.extend(words);
    }
}

/// Nothing is blamed.
pub(crate) const NO_BLAME: BlameSpec<'static, f32> = BlameSpec {
    threshold: 0.0,
    ranges: &[],
    given: 0,
    typical: &[],
    scales: &[],
};

/// The alarm of a log-density of which half are below -2 nats and an eighth below -4: a reading of 9 bits, or four of 4, raise it.
pub(crate) const ALARM: AlarmSpec<'static> = AlarmSpec::new(
    QuantileTable::new(
        &[
            Quantile::new(-4 << 16, 1 << 16),
            Quantile::new(-3 << 16, 1 << 16),
            Quantile::new(-2 << 16, 1 << 16),
        ],
        2,
        1 << 20,
    ),
    &[
        Chart::new(0, 64 << 8, 9 << 16),
        Chart::new(2, 8 << 8, 4 << 16),
    ],
    100,
);

/// Readings by a script, with a clock and a log.
pub(crate) fn acquire(script: &Script) -> Acquire<Scripted, Counting, Kept, 2> {
    let source = Scripted {
        script: script.to_vec(),
        at: 0,
        mounted: Vec::new(),
    };
    Acquire::new(source, Counting::default(), Kept::default())
}

/// Takes a header and a limited number of rows.
pub(crate) struct Room {
    pub(crate) rows: Vec<f32>,
    pub(crate) most: usize,
}

impl Store<f32, 2> for Room {
    fn header(&mut self, _columns: &[&str; 2]) -> bool {
        true
    }

    fn row(&mut self, &[value, _]: &[f32; 2]) -> bool {
        self.rows.push(value);
        self.rows.len() <= self.most
    }
}
