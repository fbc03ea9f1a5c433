//! From rarities to an alarm: evidence gathers in averages of several lengths, the alarm has hysteresis and a hold-off.

mod chart;
mod quantiles;

pub use chart::Chart;
pub use quantiles::{Quantile, QuantileTable};

use self::chart::Side;
use self::quantiles::BIT;
use super::guard::Guard;
use super::{Decision, DetectorError};

/// The most charts of an alarm.
pub const MOST_CHARTS: usize = 8;
/// As rare as this counts a reading that cannot be scored: one alone is no reason for an alarm.
const INVALID: i32 = 8 * BIT;
/// So many in a row are one.
const INVALID_READINGS: u8 = 3;
/// As rare as this, at least, counts a reading with a value out of its range.
const OUT_OF_RANGE: i32 = 16 * BIT;

/// When an alarm is raised, found on normal readings by `nvpico train` and `nvpico calibrate`.
///
/// The limits of the charts are such that in a block of `hold_off` normal readings all averages stay within them, but for the share of
/// blocks that the promise allows. An alarm that comes back within the hold-off is still the same alarm. So there are no more alarms
/// than blocks with an average beyond its limit, whatever the correlation of readings within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AlarmSpec<'a> {
    table: QuantileTable<'a>,
    charts: &'a [Chart],
    hold_off: u32,
}

impl<'a> AlarmSpec<'a> {
    /// Averages of the rarities by this table, at most [`MOST_CHARTS`] of them; a further alarm is raised no sooner than `hold_off`
    /// readings after the one before.
    #[must_use]
    pub const fn new(table: QuantileTable<'a>, charts: &'a [Chart], hold_off: u32) -> Self {
        Self {
            table,
            charts,
            hold_off,
        }
    }

    const fn is_valid(&self) -> bool {
        let mut charts = self.charts;
        while let Some((chart, rest)) = charts.split_first() {
            if !chart.is_valid() {
                return false;
            }
            charts = rest;
        }
        self.table.is_valid() && !self.charts.is_empty() && self.charts.len() <= MOST_CHARTS
    }
}

/// Why there is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cause {
    /// The average of the chart with this index is too high: readings are too unlikely.
    Unlikely(u8),
    /// The average of the chart with this index is too low: readings are too likely, so something does not move as it should.
    TooLikely(u8),
    /// A value does what no sensor does.
    Guard(Guard),
    /// Three readings in a row could not be scored.
    Invalid,
}

/// How much there is to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Severity {
    /// An average is beyond its limit.
    Low,
    /// An average is beyond its limit by more than half of it, or a value does what no sensor does.
    High,
}

impl Severity {
    /// In a word, for logs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::High => "high",
        }
    }
}

/// A change of the alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AlarmEvent {
    /// It is raised. The promise counts these.
    Raised(Cause, Severity),
    /// It is back within the hold-off: still the same alarm.
    Resumed(Cause, Severity),
    /// All averages are back within half of their limits.
    Cleared,
}

impl AlarmEvent {
    /// The event in a word, for records: from the lowest byte on what happened (1 raised, 2 resumed, 3 cleared), the severity (1 high),
    /// the kind of cause (1 unlikely, 2 too likely, 3 stuck, 4 at limit, 5 quiet, 6 jump, 7 invalid, 8 dwell) and the index of its chart, value or component, the lowest 8 bits of it.
    #[must_use]
    pub const fn to_word(self) -> u32 {
        let (kind, cause, severity) = match self {
            AlarmEvent::Raised(cause, severity) => (1, cause.to_bytes(), severity),
            AlarmEvent::Resumed(cause, severity) => (2, cause.to_bytes(), severity),
            AlarmEvent::Cleared => (3, [0, 0], Severity::Low),
        };
        let [cause, index] = cause;
        u32::from_le_bytes([kind, severity as u8, cause, index])
    }
}

impl Cause {
    /// The cause in words, for logs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Unlikely(_) => "too unlikely",
            Cause::TooLikely(_) => "too likely",
            Cause::Guard(guard) => guard.as_str(),
            Cause::Invalid => "no valid readings",
        }
    }

    /// Index of its chart, value or component; 0 where it has none.
    #[must_use]
    pub const fn index(self) -> u16 {
        match self {
            Cause::Unlikely(chart) | Cause::TooLikely(chart) => chart as u16,
            Cause::Guard(guard) => guard.index(),
            Cause::Invalid => 0,
        }
    }

    const fn to_bytes(self) -> [u8; 2] {
        match self {
            Cause::Unlikely(chart) => [1, chart],
            Cause::TooLikely(chart) => [2, chart],
            Cause::Guard(guard) => {
                let [low, _] = guard.index().to_le_bytes();
                let kind = match guard {
                    Guard::Stuck(_) => 3,
                    Guard::AtLimit(_) => 4,
                    Guard::Quiet(_) => 5,
                    Guard::Jump(_) => 6,
                    Guard::Dwell(_) => 8,
                };
                [kind, low]
            }
            Cause::Invalid => [7, 0],
        }
    }
}

/// The alarm after a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AlarmState {
    /// Rarity of the reading, in steps of 2^-8 bit: `-log2(2 p)` for the p-value p up to 1/2, `log2(2 (1 - p))` beyond. `None` where the
    /// reading is not judged.
    pub rarity: Option<i32>,
    /// Whether the alarm is on.
    pub is_on: bool,
    /// What changed.
    pub event: Option<AlarmEvent>,
}

/// What an alarm remembers, for records and for memory that outlasts a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AlarmMemory {
    averages: [i32; MOST_CHARTS],
    /// Readings since the alarm was raised, up to the hold-off.
    since: u32,
    is_on: bool,
    /// Readings in a row that could not be scored.
    invalid: u8,
}

impl AlarmMemory {
    /// No evidence, the alarm off and long ago.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            averages: [0; MOST_CHARTS],
            since: u32::MAX,
            is_on: false,
            invalid: 0,
        }
    }

    /// As words: the averages, the readings since the alarm was raised, whether it is on and how many readings in a row could not be scored.
    pub fn to_words(self) -> impl Iterator<Item = u32> {
        let flags = u32::from(self.is_on) | u32::from(self.invalid) << 8;
        let averages = self.averages.into_iter().map(i32::cast_unsigned);
        averages.chain([self.since, flags])
    }

    /// Of such words; `None` of another number of them.
    #[must_use]
    pub fn from_words(words: &[u32]) -> Option<Self> {
        let (averages, rest) = words.split_at_checked(MOST_CHARTS)?;
        let &[since, flags] = rest else { return None };
        let mut memory = Self::new();
        for (own, word) in memory.averages.iter_mut().zip(averages) {
            *own = word.cast_signed();
        }
        let [is_on, invalid, _, _] = flags.to_le_bytes();
        Some(Self {
            since,
            is_on: is_on & 1 > 0,
            invalid,
            ..memory
        })
    }
}

impl Default for AlarmMemory {
    fn default() -> Self {
        Self::new()
    }
}

/// Evidence and alarm.
///
/// ```
/// use nvpico::detector::{Alarm, AlarmEvent, AlarmSpec, Chart, Decision, Quantile, QuantileTable};
///
/// // Half of the normal readings lie below -4 nats, a quarter below -5, an eighth below -6.
/// const NAT: i32 = 1 << 16;
/// const QUANTILES: [Quantile; 3] =
///     [Quantile::new(-6 * NAT, 1 << 16), Quantile::new(-5 * NAT, 1 << 16), Quantile::new(-4 * NAT, 1 << 16)];
/// const TABLE: QuantileTable<'static> = QuantileTable::new(&QUANTILES, 2, 1 << 16);
/// // One reading of 5 bits, or an average over about four readings of 3 bits.
/// const CHARTS: [Chart; 2] = [Chart::new(0, 16 << 8, 5 << 16), Chart::new(2, 8 << 8, 3 << 16)];
/// let mut alarm = Alarm::new(AlarmSpec::new(TABLE, &CHARTS, 600))?;
///
/// // 3 bits: one in 16. Again and again it is an alarm.
/// let mut note = |nats: i32| alarm.note(nats * NAT, Decision::Anomalous, None);
/// assert!(!note(-7).is_on && !note(-7).is_on);
/// let mut readings = 2;
/// while !note(-8).is_on {
///     readings += 1;
/// }
/// assert_eq!(readings, 7);
/// // A gross one is an alarm at once: still the same one.
/// while note(-4).is_on {}
/// assert!(matches!(note(-20).event, Some(AlarmEvent::Resumed(..))));
/// # Ok::<(), nvpico::detector::DetectorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm<'a> {
    spec: AlarmSpec<'a>,
    memory: AlarmMemory,
}

impl<'a> Alarm<'a> {
    /// An alarm that is off, without evidence. Usable in a `const` context.
    ///
    /// # Errors
    /// [`DetectorError::Alarm`] where quantiles are not in ascending order, there is no chart or too many, or a limit lies on the
    /// wrong side of 0.
    pub const fn new(spec: AlarmSpec<'a>) -> Result<Self, DetectorError> {
        if !spec.is_valid() {
            return Err(DetectorError::Alarm);
        }
        Ok(Self {
            spec,
            memory: AlarmMemory::new(),
        })
    }

    /// Takes a reading with this log-density, in steps of 2^-16 nat, and this decision; `guard` is what a value of it does that no
    /// sensor does. A reading that is not judged leaves the alarm as it is.
    pub fn note(&mut self, log_prob: i32, decision: Decision, guard: Option<Guard>) -> AlarmState {
        self.memory.since = self.memory.since.saturating_add(1).min(self.spec.hold_off);
        let rarity = match decision {
            Decision::GivenOutOfRange(_) => {
                return AlarmState {
                    rarity: None,
                    is_on: self.memory.is_on,
                    event: None,
                };
            }
            Decision::Invalid => INVALID,
            Decision::OutOfRange(_) => self.spec.table.rarity(log_prob).max(OUT_OF_RANGE),
            Decision::Normal | Decision::Anomalous => self.spec.table.rarity(log_prob),
        };
        self.memory.invalid = if decision == Decision::Invalid {
            self.memory.invalid.saturating_add(1)
        } else {
            0
        };
        for (chart, average) in self.spec.charts.iter().zip(&mut self.memory.averages) {
            chart.note(rarity, average);
        }
        AlarmState {
            rarity: Some(rarity),
            event: self.change(guard),
            is_on: self.memory.is_on,
        }
    }

    /// The averages, one for each chart, in steps of 2^-16 bit.
    pub fn averages(&self) -> impl Iterator<Item = i32> {
        let averages = self.spec.charts.iter().zip(&self.memory.averages);
        averages.map(|(_, average)| *average)
    }

    /// What it remembers.
    #[must_use]
    pub const fn memory(&self) -> AlarmMemory {
        self.memory
    }

    /// Goes on from what an alarm of the same spec remembered.
    pub fn resume(&mut self, memory: AlarmMemory) {
        self.memory = memory;
    }

    /// Whether the alarm is on.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.memory.is_on
    }

    /// Forgets the evidence, as after a repair or a gap, and turns the alarm off.
    pub fn reset(&mut self) {
        self.memory = AlarmMemory::new();
    }

    /// Turns the alarm on or off.
    fn change(&mut self, guard: Option<Guard>) -> Option<AlarmEvent> {
        let found = match guard {
            Some(guard) => Some((Cause::Guard(guard), Severity::High)),
            None if self.memory.invalid >= INVALID_READINGS => {
                Some((Cause::Invalid, Severity::High))
            }
            None => self.beyond(),
        };
        if let Some((cause, severity)) = found {
            if self.memory.is_on {
                return None;
            }
            self.memory.is_on = true;
            if self.memory.since < self.spec.hold_off {
                return Some(AlarmEvent::Resumed(cause, severity));
            }
            self.memory.since = 0;
            return Some(AlarmEvent::Raised(cause, severity));
        }
        let mut charts = self.spec.charts.iter().zip(&self.memory.averages);
        if self.memory.is_on && charts.all(|(chart, average)| chart.is_calm(*average)) {
            self.memory.is_on = false;
            return Some(AlarmEvent::Cleared);
        }
        None
    }

    /// The first chart that is beyond a limit.
    fn beyond(&self) -> Option<(Cause, Severity)> {
        let charts = self.spec.charts.iter().zip(&self.memory.averages);
        let mut index: u8 = 0;
        for (chart, average) in charts {
            match chart.side(*average) {
                Side::Above { far: true } => return Some((Cause::Unlikely(index), Severity::High)),
                Side::Above { far: false } => return Some((Cause::Unlikely(index), Severity::Low)),
                Side::Below => return Some((Cause::TooLikely(index), Severity::Low)),
                Side::Within => index = index.wrapping_add(1),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
