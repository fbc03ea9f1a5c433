//! The most recent readings, oldest first.

use super::Decision;

/// A reading in a detector's history.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PastReading<L = f32> {
    /// Number of the reading since start-up, wrapping.
    pub sequence: u32,
    /// `log p(x)`: in nats, `-inf` for an invalid reading; for an integer model in units of 2^-16 nat,
    /// `i32::MIN` for an invalid reading.
    pub log_prob: L,
    /// Classification of the reading.
    pub decision: Decision,
}

/// A ring buffer of the last `LEN` readings. Not `heapless::HistoryBuf`, which has a destructor: such a value
/// cannot be moved out of a `Result` in a `const`.
#[derive(Debug)]
pub(super) struct History<L, const LEN: usize> {
    readings: [PastReading<L>; LEN],
    /// Next slot to write; holds the oldest reading once the buffer is full.
    next: usize,
    is_full: bool,
}

impl<L: Copy, const LEN: usize> History<L, LEN> {
    /// An empty history; `filler` is never visible.
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

    /// Appends a reading, replacing the oldest one if full.
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
