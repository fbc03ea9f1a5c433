//! The alarm rule: how many recent readings must be not normal.

use super::Decision;
use super::history::{History, PastReading};

/// How many of the last `HISTORY` readings must be not normal to raise the alarm, and to clear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct AlarmRule {
    /// Raise the alarm at this many; `1 ..= HISTORY`.
    pub raise: usize,
    /// Clear the alarm at this many or fewer; less than `raise`.
    pub clear: usize,
}

impl AlarmRule {
    /// Raises the alarm at `raise` readings that are not normal, clears it at `clear` or fewer.
    #[must_use]
    pub const fn new(raise: usize, clear: usize) -> Self {
        Self { raise, clear }
    }

    /// Whether the alarm can be both raised and cleared with this history length.
    pub(super) const fn fits(self, history: usize) -> bool {
        self.clear < self.raise && self.raise <= history
    }
}

/// The last `HISTORY` readings and the state of the alarm.
#[derive(Debug)]
pub(super) struct RuleState<L, const HISTORY: usize> {
    rule: AlarmRule,
    pub(super) past: History<L, HISTORY>,
    sequence: u32,
    pub(super) is_on: bool,
}

impl<L: Copy, const HISTORY: usize> RuleState<L, HISTORY> {
    /// An alarm with an empty history; `filler` fills unused slots.
    pub(super) const fn new(rule: AlarmRule, filler: L) -> Self {
        Self {
            rule,
            past: History::new(filler),
            sequence: 0,
            is_on: false,
        }
    }

    /// Records a reading; returns whether the alarm is on afterwards. One that is not judged has a number, and no other part
    /// in it.
    pub(super) fn note(&mut self, log_prob: L, decision: Decision) -> bool {
        if let Decision::GivenOutOfRange(_) = decision {
            self.sequence = self.sequence.wrapping_add(1);
            return self.is_on;
        }
        self.past.write(PastReading {
            sequence: self.sequence,
            log_prob,
            decision,
        });
        self.sequence = self.sequence.wrapping_add(1);
        let past = self.past.iter();
        let bad = past
            .filter(|reading| reading.decision != Decision::Normal)
            .count();
        self.is_on = if self.is_on {
            bad > self.rule.clear
        } else {
            bad >= self.rule.raise
        };
        self.is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_and_goes_with_hysteresis() {
        use Decision::{Anomalous as Bad, Normal as Good};

        let mut alarm = RuleState::<f32, 4>::new(AlarmRule::new(3, 1), 0.0);
        let readings = [Bad, Bad, Good, Bad, Good, Good, Good, Good];
        let is_on = readings.map(|decision| alarm.note(0.0, decision));
        let expected = [false, false, false, true, true, false, false, false];
        assert_eq!(is_on, expected);
        let oldest = alarm.past.iter().next().unwrap();
        assert_eq!(oldest.sequence, 4);
    }

    #[test]
    fn what_is_not_judged_changes_nothing_but_the_number() {
        let mut alarm = RuleState::<f32, 2>::new(AlarmRule::new(1, 0), 0.0);
        let unknown = Decision::GivenOutOfRange(0);
        assert!(!alarm.note(0.0, unknown) && alarm.note(0.0, Decision::Anomalous));
        for _ in 0..5 {
            assert!(alarm.note(0.0, unknown));
        }
        assert!(alarm.note(0.0, Decision::Normal));
        let sequences = alarm.past.iter().map(|past| past.sequence);
        assert!(sequences.eq([1, 7]));
        assert!(!alarm.note(0.0, Decision::Normal));
    }

    #[test]
    fn numbers_wrap() {
        let mut alarm = RuleState::<i32, 2>::new(AlarmRule::new(1, 0), 0);
        alarm.sequence = u32::MAX;
        assert!(alarm.note(0, Decision::Invalid));
        assert!(alarm.note(0, Decision::Normal));
        let sequences = alarm.past.iter().map(|past| past.sequence);
        assert!(sequences.eq([u32::MAX, 0]));
    }
}
