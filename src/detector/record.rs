//! The readings before and after an alarm, with all that was made of them, to be sent or kept.
//!
//! A [`Recorder`] holds the last `LEN` readings. Half of them after an alarm was raised it holds still, until somebody has taken the
//! record and lets it go on. `nvpico replay` reproduces every number of a record on the desktop, bit for bit.

use super::alarm::{AlarmMemory, MOST_CHARTS};
use super::{AlarmEvent, Decision, Report};
use crate::flow::{Density, Value};

/// Which version of the words it is.
pub const RECORD_FORMAT: u32 = 0x3152_564E; // "NVR1"

/// Words before the readings: format, model, values of a reading, readings.
pub const RECORD_HEAD: usize = 4;

/// Words of a reading beside its values.
pub const RECORD_WORDS: usize = 4 + MOST_CHARTS + 2;

/// A reading with what was made of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<V, const DIM: usize> {
    /// Number of the reading since start-up, wrapping.
    pub number: u32,
    /// Log-density in steps of 2^-16 nat, the lowest for a reading that could not be scored.
    pub log_prob: i32,
    /// Rarity in steps of 2^-8 bit; the lowest for a reading that is not judged.
    pub rarity: i32,
    /// Decision and alarm: [`Report::flags`].
    pub flags: u32,
    /// Evidence and alarm after the reading.
    pub memory: AlarmMemory,
    /// Its values; zeros for one that the sensor failed to deliver.
    pub x: [V; DIM],
}

/// The last `LEN` readings of `DIM` values.
///
/// ```
/// # mod model {
/// #     use nvpico::detector::{AlarmSpec, Chart, GuardSpec, Quantile, QuantileTable};
/// #     use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
/// #     pub const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
/// #     pub static FLOW: Flow<'static> = match Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0]) {
/// #         Ok(flow) => flow,
/// #         Err(error) => panic!("{}", error.message()),
/// #     };
/// #     const TABLE: QuantileTable<'static> = QuantileTable::new(&[Quantile::new(-4 << 16, 0)], 1, 1 << 20);
/// #     const ALARM: AlarmSpec<'static> = AlarmSpec::new(TABLE, &[Chart::new(0, 60 << 8, 5 << 16)], 600);
/// #     static GUARDS: [GuardSpec<f32>; 2] = [GuardSpec::none(); 2];
/// #     pub const WORKSPACE: usize = SPEC.workspace_len();
/// #     pub const MODEL: u32 = 0;
/// #     pub const DIM: usize = 2;
/// #     pub const fn monitor() -> nvpico::detector::Monitor<f32, 2, 2> {
/// #         match nvpico::detector::Monitor::new(FLOW.anomalous_below(-6.0), ALARM, &GUARDS, &[]) {
/// #             Ok(monitor) => monitor,
/// #             Err(error) => panic!("{}", error.message()),
/// #         }
/// #     }
/// # }
/// use nvpico::Flow;
/// use nvpico::detector::Recorder;
///
/// let mut monitor = const { model::monitor() };
/// let mut workspace = [0.0; model::WORKSPACE];
/// let mut recorder = Recorder::<f32, { model::DIM }, 8>::new(model::MODEL);
/// let mut sent = Vec::new();
/// for at in 0..20 {
///     let reading = [if at == 9 { 80.0 } else { 20.0 }, 1.0];
///     let report = monitor.observe(&model::FLOW, &reading, &mut workspace);
///     recorder.note::<Flow>(Some(&reading), &report, monitor.alarm().memory());
///     if recorder.is_complete() {
///         sent.extend(recorder.words());
///         recorder.go_on();
///     }
/// }
/// // Of this model, two values a reading, eight readings.
/// assert_eq!(sent[1..4], [model::MODEL, 2, 8]);
/// ```
#[derive(Clone, Debug)]
pub struct Recorder<V, const DIM: usize, const LEN: usize> {
    model: u32,
    entries: [Entry<V, DIM>; LEN],
    next: usize,
    count: usize,
    number: u32,
    /// Readings until the record of an alarm is complete.
    left: Option<usize>,
}

impl<V: Value, const DIM: usize, const LEN: usize> Recorder<V, DIM, LEN> {
    /// Empty; `model` is the constant `MODEL` of a generated module.
    #[must_use]
    pub const fn new(model: u32) -> Self {
        let entry = Entry {
            number: 0,
            log_prob: 0,
            rarity: 0,
            flags: 0,
            memory: AlarmMemory::new(),
            x: [V::ZERO; DIM],
        };
        Self {
            model,
            entries: [entry; LEN],
            next: 0,
            count: 0,
            number: 0,
            left: None,
        }
    }

    /// Takes a reading, unless a record is complete; `None` for one that the sensor failed to deliver.
    pub fn note<D: Density<Value = V>>(
        &mut self,
        x: Option<&[V; DIM]>,
        report: &Report<D::Score>,
        memory: AlarmMemory,
    ) {
        let number = self.number;
        self.number = self.number.wrapping_add(1);
        if self.is_complete() {
            return;
        }
        let log_prob = match &report.score {
            Some(Ok(score)) => D::log_prob(score),
            _ => D::IMPOSSIBLE,
        };
        if let Some(entry) = self.entries.get_mut(self.next) {
            *entry = Entry {
                number,
                log_prob: log_prob.steps(),
                rarity: report.rarity.unwrap_or(i32::MIN),
                flags: report.flags(),
                memory,
                x: x.copied().unwrap_or([V::ZERO; DIM]),
            };
        }
        self.next = self.next.wrapping_add(1);
        if self.next >= LEN {
            self.next = 0;
        }
        self.count = self.count.saturating_add(1).min(LEN);
        self.left = match (self.left, report.event) {
            (Some(left), _) => Some(left.saturating_sub(1)),
            (None, Some(AlarmEvent::Raised(..))) => Some(LEN >> 1),
            (None, _) => None,
        };
    }

    /// A reading that is not judged, as in a commissioning: it has a number and is not recorded.
    pub fn skip(&mut self) {
        self.number = self.number.wrapping_add(1);
    }

    /// Whether the record of an alarm is complete: nothing is taken until [`go_on`](Self::go_on).
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.left, Some(0))
    }

    /// Lets it go on with the next readings.
    pub fn go_on(&mut self) {
        self.left = None;
        self.count = 0;
    }

    /// The readings, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<V, DIM>> {
        let (newest, oldest) = self.entries.split_at_checked(self.next).unwrap_or_default();
        let all = oldest.iter().chain(newest);
        all.skip(LEN.saturating_sub(self.count))
    }

    /// The record as words: [`RECORD_HEAD`] of them, then for each reading, oldest first, its values and [`RECORD_WORDS`] more.
    pub fn words(&self) -> impl Iterator<Item = u32> {
        let word = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let head = [RECORD_FORMAT, self.model, word(DIM), word(self.count)];
        let entries = self.entries().flat_map(|entry| {
            let values = entry.x.iter().map(|value| value.to_word());
            let own = [
                entry.number,
                entry.log_prob.cast_unsigned(),
                entry.rarity.cast_unsigned(),
                entry.flags,
            ];
            values.chain(own).chain(entry.memory.to_words())
        });
        head.into_iter().chain(entries)
    }
}

impl<S> Report<S> {
    /// Decision, alarm and event in a word, for records: [`AlarmEvent::to_word`], with bit 7 for an alarm that is on and the decision in bits
    /// 4 to 6 (0 normal, 1 anomalous, 2 out of range, 3 given out of range, 4 invalid).
    #[must_use]
    pub fn flags(&self) -> u32 {
        flags(self.decision, self.alarm, self.event)
    }
}

/// [`Report::flags`] of its parts.
#[must_use]
#[doc(hidden)]
pub fn flags(decision: Decision, is_on: bool, event: Option<AlarmEvent>) -> u32 {
    let decision: u32 = match decision {
        Decision::Normal => 0,
        Decision::Anomalous => 1,
        Decision::OutOfRange(_) => 2,
        Decision::GivenOutOfRange(_) => 3,
        Decision::Invalid => 4,
    };
    let event = event.map_or(0, AlarmEvent::to_word);
    event ^ (u32::from(is_on) << 7) ^ (decision << 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{Cause, Severity};
    use crate::{Flow, Score};
    use std::vec::Vec;

    fn report(event: Option<AlarmEvent>) -> Report<Score> {
        Report {
            score: None,
            decision: Decision::Normal,
            rarity: Some(5),
            alarm: event.is_some(),
            event,
        }
    }

    #[test]
    fn a_record_ends_half_of_its_length_after_the_alarm() {
        let mut recorder = Recorder::<f32, 1, 4>::new(7);
        let raised = AlarmEvent::Raised(Cause::Unlikely(1), Severity::Low);
        for (at, x) in (0..9_u8).map(f32::from).enumerate() {
            let event = (at == 5).then_some(raised);
            recorder.note::<Flow<'_>>(Some(&[x]), &report(event), AlarmMemory::new());
            assert_eq!(recorder.is_complete(), at >= 7, "{at}");
        }
        let numbers: Vec<u32> = recorder.entries().map(|entry| entry.number).collect();
        assert_eq!(numbers, [4, 5, 6, 7]);
        let words: Vec<u32> = recorder.words().collect();
        assert_eq!(words[..RECORD_HEAD], [RECORD_FORMAT, 7, 1, 4]);
        assert_eq!(words.len(), RECORD_HEAD + 4 * (1 + RECORD_WORDS));
        assert_eq!(f32::from_bits(words[RECORD_HEAD]), 4.0);
        assert_eq!(
            words[RECORD_HEAD + 1..][..3],
            [4, i32::MIN.cast_unsigned(), 5]
        );
        recorder.go_on();
        assert_eq!(recorder.entries().count(), 0);
        recorder.skip();
        recorder.note::<Flow<'_>>(None, &report(None), AlarmMemory::new());
        let numbers: Vec<u32> = recorder.entries().map(|entry| entry.number).collect();
        assert_eq!(numbers, [10]);
    }

    #[test]
    fn flags_tell_decision_alarm_and_event() {
        let raised = AlarmEvent::Raised(Cause::Unlikely(2), Severity::High);
        assert_eq!(flags(Decision::Invalid, true, Some(raised)), 0x0201_01C1);
        assert_eq!(flags(Decision::Normal, false, None), 0);
    }
}
