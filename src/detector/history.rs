//! The last readings, oldest first.

use super::Decision;

/// What a detector remembers of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PastReading<L = f32> {
    /// Number of the reading since start, wrapping.
    pub sequence: u32,
    /// `log p(x)` in nats, `-inf` for an invalid reading; of a model in integers in steps of 2^-16 nat, `i32::MIN`
    /// for an invalid one.
    pub log_prob: L,
    /// What the reading is.
    pub decision: Decision,
}

/// A ring of the last `LEN` readings. Not `heapless::HistoryBuf`: that has a destructor, and what has one cannot be
/// taken out of a `Result` in a `const`.
#[derive(Debug)]
pub(super) struct History<L, const LEN: usize> {
    readings: [PastReading<L>; LEN],
    /// Where the next reading goes: the oldest one's place once the ring is full.
    next: usize,
    is_full: bool,
}

impl<L: Copy, const LEN: usize> History<L, LEN> {
    /// No readings yet; `filler` is never seen.
    pub(super) const fn new(filler: L) -> Self {
        let unused = PastReading {
            sequence: 0,
            log_prob: filler,
            decision: Decision::Invalid,
        };
        Self {
            readings: [unused; LEN],
            next: 0,
            is_full: false,
        }
    }

    /// Takes a reading in place of the oldest one.
    pub(super) fn write(&mut self, reading: PastReading<L>) {
        if let Some(slot) = self.readings.get_mut(self.next) {
            *slot = reading;
        }
        self.next = self.next.wrapping_add(1);
        if self.next >= LEN {
            self.next = 0;
            self.is_full = true;
        }
    }

    /// The readings, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &PastReading<L>> {
        let (newest, oldest) = self
            .readings
            .split_at_checked(self.next)
            .unwrap_or_default();
        let oldest = if self.is_full { oldest } else { &[] };
        oldest.iter().chain(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_readings_oldest_first() {
        let mut history = History::<i32, 3>::new(0);
        for sequence in 0..8_u32 {
            let first = sequence.saturating_sub(3);
            assert!(history.iter().map(|past| past.sequence).eq(first..sequence));
            history.write(PastReading {
                sequence,
                log_prob: -1,
                decision: Decision::Normal,
            });
        }
        assert_eq!(History::<i32, 3>::new(0).iter().count(), 0);
    }
}
