//! Where what recalibration learned outlasts a reset and a power cut, and how often it is written there.

/// What is kept: three words, then three for each value of a reading.
pub const KEPT_HEAD: usize = 3;

/// Bytes that are kept of readings of so many values.
#[must_use]
pub const fn kept_bytes(values: usize) -> usize {
    size_of::<u32>() * (KEPT_HEAD + 3 * values)
}

/// Bytes of a buffer in which a memory makes up what it keeps of so many values, with a number and a key: whole words of any flash.
#[must_use]
pub const fn kept_buffer(values: usize) -> usize {
    (2 * size_of::<u32>() + kept_bytes(values)).next_multiple_of(32)
}

/// Memory that outlasts a reset, such as flash. A write that is interrupted leaves what was there before.
pub trait Keep {
    /// Reads what was written last: fills `values` and gives the first words; `None` where nothing was written yet.
    ///
    /// # Errors
    /// The memory failed, or holds something else. What is in `values` then does not count.
    fn load(&mut self, values: &mut [[u32; 3]]) -> Result<Option<[u32; KEPT_HEAD]>, KeepError>;

    /// Writes in the place of what was there.
    ///
    /// # Errors
    /// The memory failed, or is too small.
    fn save(&mut self, head: [u32; KEPT_HEAD], values: &[[u32; 3]]) -> Result<(), KeepError>;
}

/// Why nothing was kept, or nothing was taken up of what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepError {
    /// The memory reports a failure.
    Memory,
    /// The range is not one of at least four whole pages.
    Range,
    /// A page, or the buffer, is too small for so many values.
    TooLarge,
    /// What is there is damaged.
    Damaged,
    /// What is there was written by another version of the application.
    Version,
    /// What is there belongs to another model, or to other limits.
    Model,
    /// What is there is not one number for each value and limit.
    Values,
}

impl KeepError {
    /// In words, for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            KeepError::Memory => "the memory reports a failure",
            KeepError::Range => "a range of at least four whole pages is needed",
            KeepError::TooLarge => "it does not fit a page, or the buffer",
            KeepError::Damaged => "it is damaged",
            KeepError::Version => "it is of another version of the application",
            KeepError::Model => "it is of another model, or of other limits",
            KeepError::Values => "it is not one number for each value",
        }
    }
}

/// No memory: after a reset the model is as it was trained.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl Keep for NoStore {
    fn load(&mut self, _values: &mut [[u32; 3]]) -> Result<Option<[u32; KEPT_HEAD]>, KeepError> {
        Ok(None)
    }

    fn save(&mut self, _head: [u32; KEPT_HEAD], _values: &[[u32; 3]]) -> Result<(), KeepError> {
        Ok(())
    }
}

impl<K: Keep> Keep for Option<K> {
    fn load(&mut self, values: &mut [[u32; 3]]) -> Result<Option<[u32; KEPT_HEAD]>, KeepError> {
        self.as_mut().map_or(Ok(None), |own| own.load(values))
    }

    fn save(&mut self, head: [u32; KEPT_HEAD], values: &[[u32; 3]]) -> Result<(), KeepError> {
        self.as_mut().map_or(Ok(()), |own| own.save(head, values))
    }
}

/// Writes that a burst of commissionings may take.
const BURST: u32 = 4;

/// How often may be written, so that no sensor that is moved again and again wears the memory out: once an hour in the long run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Readings of an hour.
    hour: u32,
    /// Readings that were not used up by a write.
    credit: u32,
    /// Readings since the last write.
    since: u32,
}

impl Budget {
    /// With all of a burst.
    pub(crate) const fn new(hour: u32) -> Self {
        let hour = if hour == 0 { 1 } else { hour };
        Self {
            hour,
            credit: hour.saturating_mul(BURST),
            since: 0,
        }
    }

    /// A reading passed.
    pub(crate) fn pass(&mut self) {
        self.since = self.since.saturating_add(1);
        let most = self.hour.saturating_mul(BURST);
        self.credit = self.credit.saturating_add(1).min(most);
    }

    /// Whether to write now: what is urgent at once while there is credit, all else an hour after the last write.
    pub(crate) fn allows(&self, is_urgent: bool) -> bool {
        self.credit >= self.hour && (is_urgent || self.since >= self.hour)
    }

    /// It was written, or tried.
    pub(crate) fn spend(&mut self) {
        self.credit = self.credit.saturating_sub(self.hour);
        self.since = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_urgent_is_written_at_once_and_no_more_than_once_an_hour_in_the_long_run() {
        let mut budget = Budget::new(100);
        let mut writes = 0;
        for reading in 0..100_000 {
            budget.pass();
            if budget.allows(true) {
                budget.spend();
                writes += 1;
                assert!(writes <= 5 + reading / 100);
            }
        }
        assert_eq!(writes, 1003);
    }

    #[test]
    fn drift_is_written_an_hour_after_the_last_write() {
        let mut budget = Budget::new(100);
        let written: std::vec::Vec<u32> = (1..=350)
            .filter(|_| {
                budget.pass();
                let now = budget.allows(false);
                if now {
                    budget.spend();
                }
                now
            })
            .collect();
        assert_eq!(written, [100, 200, 300]);
    }

    #[test]
    fn without_a_store_there_is_nothing() {
        let mut values = [[0; 3]; 2];
        assert_eq!(NoStore.save([1, 2, 3], &values), Ok(()));
        assert_eq!(NoStore.load(&mut values), Ok(None));
        assert_eq!(None::<NoStore>.load(&mut values), Ok(None));
        assert_eq!((kept_bytes(4), kept_buffer(4)), (60, 96));
    }
}
