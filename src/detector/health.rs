//! Counts over a long time, in a line that a fleet can send: is the model still the machine's?
//!
//! ```
//! use nvpico::detector::{Decision, Health};
//!
//! let mut health = Health::new();
//! health.count(Decision::Normal, Some(0), None);
//! health.count(Decision::Invalid, Some(8 << 8), None);
//! assert_eq!((health.readings(), health.invalid()), (2, 1));
//! assert_eq!(health.to_bytes().len(), 56);
//! ```

use super::alarm::{AlarmEvent, Cause};
use super::{Decision, Report};

/// Bins of rarities: below -2 bits, a bit each up to 4, and above; a normal reading is in bin `k` with a probability of
/// 1/8, 1/8, 1/4, 1/4, 1/8, 1/16, 1/32, 1/32.
pub const HEALTH_BINS: usize = 8;

/// A bit of rarity.
const BIT: i32 = 1 << 8;

/// What was counted since it began. Counts stay at their largest value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Health {
    readings: u32,
    invalid: u32,
    out_of_range: u32,
    not_judged: u32,
    alarms: u16,
    resumed: u16,
    guards: u16,
    silences: u16,
    bins: [u32; HEALTH_BINS],
}

impl Health {
    /// Nothing counted.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            readings: 0,
            invalid: 0,
            out_of_range: 0,
            not_judged: 0,
            alarms: 0,
            resumed: 0,
            guards: 0,
            silences: 0,
            bins: [0; HEALTH_BINS],
        }
    }

    /// Counts what a monitor made of a reading.
    pub fn note<S>(&mut self, report: &Report<S>) {
        self.count(report.decision, report.rarity, report.event);
    }

    /// Counts a reading that is not judged, as in a commissioning.
    pub fn skip(&mut self) {
        self.readings = self.readings.saturating_add(1);
        self.not_judged = self.not_judged.saturating_add(1);
    }

    /// Counts a reading.
    pub fn count(&mut self, decision: Decision, rarity: Option<i32>, event: Option<AlarmEvent>) {
        let add = |count: &mut u32| *count = count.saturating_add(1);
        let more = |count: &mut u16| *count = count.saturating_add(1);
        add(&mut self.readings);
        match decision {
            Decision::Invalid => add(&mut self.invalid),
            Decision::OutOfRange(_) => add(&mut self.out_of_range),
            Decision::GivenOutOfRange(_) => add(&mut self.not_judged),
            Decision::Normal | Decision::Anomalous => {
                let bits = rarity.unwrap_or(0).saturating_add(2 * BIT).div_euclid(BIT);
                let bin = usize::try_from(bits.saturating_add(1)).unwrap_or(0);
                if let Some(count) = self.bins.get_mut(bin.min(HEALTH_BINS - 1)) {
                    add(count);
                }
            }
        }
        match event {
            Some(AlarmEvent::Raised(cause, _)) => {
                more(&mut self.alarms);
                match cause {
                    Cause::Guard(_) => more(&mut self.guards),
                    Cause::Invalid => more(&mut self.silences),
                    Cause::Unlikely(_) | Cause::TooLikely(_) => {}
                }
            }
            Some(AlarmEvent::Resumed(..)) => more(&mut self.resumed),
            Some(AlarmEvent::Cleared) | None => {}
        }
    }

    /// Readings, those among them that could not be scored included.
    #[must_use]
    pub const fn readings(&self) -> u32 {
        self.readings
    }

    /// Readings that could not be scored.
    #[must_use]
    pub const fn invalid(&self) -> u32 {
        self.invalid
    }

    /// Alarms raised.
    #[must_use]
    pub const fn alarms(&self) -> u16 {
        self.alarms
    }

    /// Judged readings by rarity, see [`HEALTH_BINS`].
    #[must_use]
    pub const fn bins(&self) -> &[u32; HEALTH_BINS] {
        &self.bins
    }

    /// The line, little-endian: readings, invalid, out of range, not judged (four bytes each); alarms, resumed, alarms by a guard, alarms
    /// for want of valid readings (two bytes each); the bins (four bytes each).
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        let [readings, invalid] = [self.readings, self.invalid].map(u32::to_le_bytes);
        let [outside, not_judged] = [self.out_of_range, self.not_judged].map(u32::to_le_bytes);
        let events = [self.alarms, self.resumed, self.guards, self.silences].map(u16::to_le_bytes);
        let bins = self.bins.map(u32::to_le_bytes);
        let counts = [readings, invalid, outside, not_judged];
        let all = (counts.iter().flatten())
            .chain(events.iter().flatten())
            .chain(bins.iter().flatten());
        for (byte, own) in bytes.iter_mut().zip(all) {
            *byte = *own;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{Guard, Severity};

    #[test]
    fn rarities_fall_into_bins() {
        let mut health = Health::new();
        for bits in [-9, -2, -1, 0, 1, 2, 3, 4, 5, 60] {
            health.count(Decision::Normal, Some(bits * BIT), None);
        }
        health.count(Decision::Anomalous, Some(i32::MAX), None);
        assert_eq!(health.bins(), &[1, 1, 1, 1, 1, 1, 1, 4]);
        health.count(Decision::Normal, Some(i32::MIN), None);
        assert_eq!(health.bins()[0], 2);
    }

    #[test]
    fn a_line_holds_all_counts() {
        let mut health = Health::new();
        let raised = |cause| Some(AlarmEvent::Raised(cause, Severity::High));
        health.count(Decision::OutOfRange(1), None, raised(Cause::Unlikely(0)));
        health.count(Decision::Invalid, None, raised(Cause::Invalid));
        health.count(Decision::Invalid, None, Some(AlarmEvent::Cleared));
        let resumed = AlarmEvent::Resumed(Cause::Unlikely(0), Severity::Low);
        health.count(Decision::GivenOutOfRange(0), None, Some(resumed));
        health.count(
            Decision::Normal,
            Some(0),
            raised(Cause::Guard(Guard::Stuck(0))),
        );
        health.skip();
        let bytes = health.to_bytes();
        assert_eq!(bytes[..4], 6_u32.to_le_bytes());
        assert_eq!(bytes[4..16], [2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(bytes[16..24], [3, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(health.bins().iter().sum::<u32>(), 1);
    }
}
