//! What stands between readings and density: nothing, or recalibration that outlasts a reset.

use nvpico::detector::Value;
use nvpico::detector::adapt::{AdaptError, AdaptSpec, Adapter, Kept, Learned, Number, Trace};

use crate::blame::InUnit;
use crate::digest;
use crate::keep::{Budget, KEPT_HEAD, Keep, KeepError};

/// Which version of what is kept it is.
const FORMAT: u32 = 0x3141_564E; // "NVA1"

/// Milliseconds in an hour.
const HOUR_MS: u32 = 3_600_000;

/// What happened to the recalibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdaptEvent {
    /// It goes on from what was kept before the reset.
    Restored,
    /// It begins as the model was trained: what was kept is of no use.
    NotRestored(KeepError),
    /// A commissioning began: until it ends readings are not judged.
    Began,
    /// It found the new place of every value.
    Commissioned,
    /// It was refused, as readings changed on the way: all is as it was before.
    Refused,
    /// What was learned is kept from now on.
    Kept,
    /// What was learned could not be kept.
    NotKept(KeepError),
}

/// What stands between readings of `DIM` values and the density.
pub trait Adapt<V, const DIM: usize> {
    /// Whether a reading is ever moved. Where not, the compiler leaves out all that serves it.
    const MOVES: bool;

    /// At the start: takes up what was kept.
    fn restore(&mut self) -> Option<AdaptEvent>;

    /// The sensor was mounted anew.
    fn commission(&mut self);

    /// Where the model expects a reading.
    fn apply(&mut self, x: &[V; DIM]) -> [V; DIM];

    /// Learns from a reading after it was scored; `None` for one that a sensor failed to deliver.
    fn learn(&mut self, x: Option<&[V; DIM]>, is_normal: bool) -> (Learned, Option<AdaptEvent>);

    /// Keeps what was learned if that is due. Once for each reading.
    fn keep(&mut self) -> Option<AdaptEvent>;

    /// A value that the model expects at this place of a reading, in the unit of the sensor: where the sensor would give it now.
    fn back(&self, index: u16, value: f32, unit: i32) -> f32;
}

/// No recalibration: the model as it was trained.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsTrained;

impl<V: Copy, const DIM: usize> Adapt<V, DIM> for AsTrained {
    const MOVES: bool = false;

    fn restore(&mut self) -> Option<AdaptEvent> {
        None
    }

    fn commission(&mut self) {}

    fn apply(&mut self, x: &[V; DIM]) -> [V; DIM] {
        *x
    }

    fn learn(&mut self, _x: Option<&[V; DIM]>, _is_normal: bool) -> (Learned, Option<AdaptEvent>) {
        (Learned::Nothing, None)
    }

    fn keep(&mut self) -> Option<AdaptEvent> {
        None
    }

    fn back(&self, _index: u16, value: f32, _unit: i32) -> f32 {
        value
    }
}

/// Recalibration within the limits of a model, kept in `K`.
#[derive(Debug)]
pub struct Recalibration<'a, V, K, const DIM: usize> {
    adapter: Adapter<'a, V, [Trace<V>; DIM]>,
    keep: K,
    /// What the state belongs to: the model and its limits.
    model: u32,
    /// Shifts as they were kept last.
    kept: [V; DIM],
    /// Whether what was kept last says that a commissioning is on.
    is_kept_on: bool,
    /// Whether one is on, and was told of.
    is_on: bool,
    /// Something is to be kept that cannot wait.
    is_urgent: bool,
    budget: Budget,
}

impl<'a, V: Number + Value, K: Keep, const DIM: usize> Recalibration<'a, V, K, DIM> {
    /// As the model was trained. `spec` and `model` are a generated module's `ADAPT` and `MODEL`, a reading comes every `period_ms`.
    ///
    /// # Errors
    /// Limits that are not those of readings of `DIM` values.
    pub fn new(
        spec: AdaptSpec<'a, V>,
        model: u32,
        period_ms: u32,
        keep: K,
    ) -> Result<Self, AdaptError> {
        let limits = [
            spec.centre,
            spec.spread,
            spec.near,
            spec.speed,
            spec.track,
            spec.reach,
        ];
        let limits = limits.into_iter().flatten();
        let words = limits.map(|own| Number::to_word(*own));
        let settings = [u32::from(spec.fraction), u32::from(spec.widen)];
        Ok(Self {
            adapter: Adapter::new(spec, [Trace::default(); DIM])?,
            keep,
            model: digest([model].into_iter().chain(settings).chain(words)),
            kept: [<V as Value>::ZERO; DIM],
            is_kept_on: false,
            is_on: false,
            is_urgent: false,
            budget: Budget::new(HOUR_MS / period_ms.max(1)),
        })
    }

    /// The engine's part.
    pub const fn adapter(&self) -> &Adapter<'a, V, [Trace<V>; DIM]> {
        &self.adapter
    }

    fn shifts(&self) -> [V; DIM] {
        let mut shifts = [<V as Value>::ZERO; DIM];
        for (shift, trace) in shifts.iter_mut().zip(self.adapter.traces()) {
            *shift = trace.shift();
        }
        shifts
    }

    /// Whether a value moved by more than a mean step between two readings since it was kept.
    fn has_drifted(&self) -> bool {
        let values = self.adapter.traces().iter().zip(&self.kept);
        (values.zip(self.adapter.spec().spread))
            .any(|((trace, kept), spread)| trace.shift().distance(*kept) > *spread)
    }

    fn take_up(&mut self) -> Result<bool, KeepError> {
        let mut words = [[0; 3]; DIM];
        let Some([format, model, flags]) = self.keep.load(&mut words)? else {
            return Ok(false);
        };
        if format != FORMAT {
            return Err(KeepError::Version);
        }
        if model != self.model {
            return Err(KeepError::Model);
        }
        let restored = self.adapter.restore(&words.map(Kept::from_words));
        restored.map_err(|_| KeepError::Values)?;
        self.kept = self.shifts();
        self.is_kept_on = flags & COMMISSIONING != 0;
        if self.is_kept_on {
            self.adapter.commission();
        }
        Ok(true)
    }

    fn write(&mut self) -> Result<(), KeepError> {
        let mut words = [[0; 3]; DIM];
        for (words, trace) in words.iter_mut().zip(self.adapter.traces()) {
            *words = trace.kept().to_words();
        }
        let is_on = self.adapter.is_commissioning();
        let flags = if is_on { COMMISSIONING } else { 0 };
        let head: [u32; KEPT_HEAD] = [FORMAT, self.model, flags];
        self.keep.save(head, &words)?;
        self.kept = self.shifts();
        self.is_kept_on = is_on;
        self.is_urgent = false;
        Ok(())
    }
}

/// A commissioning was on.
const COMMISSIONING: u32 = 1;

impl<V: Number + Value + InUnit, K: Keep, const DIM: usize> Adapt<V, DIM>
    for Recalibration<'_, V, K, DIM>
{
    const MOVES: bool = true;

    fn restore(&mut self) -> Option<AdaptEvent> {
        match self.take_up() {
            Ok(true) => Some(AdaptEvent::Restored),
            Ok(false) => None,
            Err(error) => Some(AdaptEvent::NotRestored(error)),
        }
    }

    fn commission(&mut self) {
        self.adapter.commission();
    }

    fn apply(&mut self, x: &[V; DIM]) -> [V; DIM] {
        let mut moved = *x;
        self.adapter.apply(x, &mut moved);
        moved
    }

    fn learn(&mut self, x: Option<&[V; DIM]>, is_normal: bool) -> (Learned, Option<AdaptEvent>) {
        let Some(x) = x else {
            return (self.adapter.learn(&[], false), None);
        };
        let learned = self.adapter.learn(x, is_normal);
        let event = match learned {
            Learned::Commissioned => Some(AdaptEvent::Commissioned),
            Learned::Refused => Some(AdaptEvent::Refused),
            Learned::Settling | Learned::Commissioning if !self.is_on => Some(AdaptEvent::Began),
            Learned::Settling | Learned::Commissioning | Learned::Nothing | Learned::Tracked => {
                None
            }
        };
        // One that begins again after every reset is kept once.
        self.is_urgent |= match event {
            Some(AdaptEvent::Began) => !self.is_kept_on,
            other => other.is_some(),
        };
        self.is_on = self.adapter.is_commissioning();
        (learned, event)
    }

    fn keep(&mut self) -> Option<AdaptEvent> {
        self.budget.pass();
        if !(self.is_urgent || self.budget.allows(false) && self.has_drifted())
            || !self.budget.allows(self.is_urgent)
        {
            return None;
        }
        self.budget.spend();
        Some(
            self.write()
                .map_or_else(AdaptEvent::NotKept, |()| AdaptEvent::Kept),
        )
    }

    fn back(&self, index: u16, value: f32, unit: i32) -> f32 {
        let index = usize::from(index);
        let spec = self.adapter.spec();
        let place = spec.centre.get(index).zip(spec.spread.get(index));
        let own = self.adapter.traces().get(index).zip(spec.reach.get(index));
        let (Some((centre, spread)), Some((trace, reach))) = (place, own) else {
            return value;
        };
        if *reach <= <V as Value>::ZERO {
            return value;
        }
        // Of the unit of the limits only the ratio counts.
        let widest = InUnit::in_unit(1_i32, i32::from(spec.widen));
        let wider = trace.spread().in_unit(0) / spread.in_unit(0);
        let centre = centre.in_unit(unit);
        let shift = trace
            .shift()
            .in_unit(unit.saturating_sub(i32::from(spec.fraction)));
        centre + (value - centre) * wider.clamp(1.0, widest) + shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::detect;
    use crate::keep::NoStore;
    use crate::test_parts::{ALARM, NO_BLAME, Told, acquire};
    use crate::watch::{Model, Watch};
    use nvpico::detector::{Decision, Monitor, Recorder};
    use nvpico::spec::Shape;
    use nvpico::{Flow, FlowSpec, LayerSpec};
    use std::{vec, vec::Vec};

    const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    const LIMITS: AdaptSpec<'static> = AdaptSpec::new([
        &[20.0, 0.0],
        &[0.5, 0.5],
        &[3.0, 3.0],
        &[0.2, 0.2],
        &[8.0, 8.0],
        &[64.0, 64.0],
    ])
    .with_commissioning(8, 2)
    .with_steady([300, 300]);

    /// Memory that a test looks into.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Pages {
        kept: Option<([u32; KEPT_HEAD], Vec<[u32; 3]>)>,
        writes: usize,
        fails: bool,
    }

    impl Keep for &mut Pages {
        fn load(&mut self, values: &mut [[u32; 3]]) -> Result<Option<[u32; KEPT_HEAD]>, KeepError> {
            Ok(self.kept.as_ref().map(|(head, words)| {
                values.copy_from_slice(words);
                *head
            }))
        }

        fn save(&mut self, head: [u32; KEPT_HEAD], values: &[[u32; 3]]) -> Result<(), KeepError> {
            self.writes += 1;
            if self.fails {
                return Err(KeepError::Memory);
            }
            self.kept = Some((head, values.to_vec()));
            Ok(())
        }
    }

    /// What the log is told of these first values, of which the normal ones lie about 20; mounted anew before some of them. The record
    /// of an alarm follows.
    fn run(
        script: &[Result<f32, char>],
        mounted: &[usize],
        limits: AdaptSpec<'static>,
        keep: impl Keep,
    ) -> (Vec<Told>, Vec<u32>) {
        static PARAMS: [f32; SPEC.param_len()] = [20.0, 0.0, 1.0, 1.0, 0.0];
        let flow = Flow::new(SPEC, &PARAMS).expect("a standardisation alone");
        let mut monitor = Monitor::<f32, 2, 0>::new(flow.anomalous_below(-4.0), ALARM, &[], &[]);
        let mut acquire = acquire(script);
        acquire.source_mut().mounted = mounted.to_vec();
        let mut watch = Watch {
            model: Model {
                density: &flow,
                blame: &NO_BLAME,
                workspace: &mut [0.0; SPEC.workspace_len()],
            },
            adapt: Recalibration::new(limits, 7, 100, keep).expect("limits of two values"),
            monitor: monitor.as_mut().expect("it fits"),
            recorder: &mut Recorder::new(9),
            units: &[0, 0],
        };
        detect(&mut acquire, &mut watch);
        (acquire.log.told, acquire.log.words)
    }

    fn events(told: &[Told]) -> Vec<(u32, AdaptEvent)> {
        let events = told.iter().filter_map(|own| match own {
            Told::Adapted(number, event) => Some((*number, *event)),
            _ => None,
        });
        events.collect()
    }

    fn decisions(told: &[Told]) -> Vec<Option<Decision>> {
        let scored = told.iter().filter_map(|own| match own {
            Told::Scored(_, _, decision) => Some(*decision),
            _ => None,
        });
        scored.collect()
    }

    /// Readings about a place.
    fn about(place: f32, count: usize) -> Vec<Result<f32, char>> {
        let signs = [0.25, -0.25].into_iter().cycle();
        signs.take(count).map(|sign| Ok(place + sign)).collect()
    }

    #[test]
    fn a_sensor_mounted_anew_is_found_and_kept_over_a_reset() {
        use AdaptEvent::{Began, Commissioned, Kept, Restored};
        let script = [about(20.0, 5), about(50.0, 30)].concat();
        let mut pages = Pages::default();
        let (told, _) = run(&script, &[5], LIMITS, &mut pages);
        let expected = [(5, Began), (5, Kept), (14, Commissioned), (14, Kept)];
        assert_eq!(events(&told), expected);
        let decisions = self::decisions(&told);
        assert_eq!(decisions[5..15], [None; 10]);
        let mut judged = decisions[..5].iter().chain(&decisions[15..]);
        assert!(
            judged.all(|own| *own == Some(Decision::Normal)),
            "{decisions:?}"
        );
        assert!(!told.iter().any(|own| matches!(own, Told::Raised(_))));
        // After a reset.
        let (told, _) = run(&about(50.0, 20), &[], LIMITS, &mut pages);
        assert_eq!(events(&told), [(0, Restored)]);
        let mut decisions = self::decisions(&told).into_iter();
        assert!(decisions.all(|own| own == Some(Decision::Normal)));
        // Without memory all is as it was trained.
        let (told, _) = run(&about(50.0, 20), &[], LIMITS, NoStore);
        assert!(told.iter().any(|own| matches!(own, Told::Raised(_))));
    }

    #[test]
    fn a_commissioning_that_a_reset_interrupts_begins_again() {
        use AdaptEvent::{Began, Commissioned, Kept, Restored};
        let mut pages = Pages::default();
        run(&about(50.0, 6), &[0], LIMITS, &mut pages);
        let (told, _) = run(&about(50.0, 20), &[], LIMITS, &mut pages);
        let expected = [(0, Restored), (0, Began), (9, Commissioned), (9, Kept)];
        assert_eq!(events(&told), expected);
        assert_eq!(pages.writes, 2);
    }

    #[test]
    fn a_fault_that_begins_on_the_way_is_refused_and_judged_afterwards() {
        use AdaptEvent::{Began, Kept, Refused};
        let script = [about(20.0, 6), about(45.0, 20)].concat();
        let mut pages = Pages::default();
        let (told, words) = run(&script, &[0], LIMITS, &mut pages);
        assert_eq!(
            events(&told),
            [(0, Began), (0, Kept), (9, Refused), (9, Kept)]
        );
        assert!(told.contains(&Told::Raised(10)));
        // The record of the alarm numbers readings as the log does, and holds none of the commissioning.
        assert_eq!(words[4..][2..3], [10]);
        // A sensor that fails is told of all the same.
        let script = [about(20.0, 4), vec![Err('a'); 6]].concat();
        let (told, _) = run(&script, &[0], LIMITS, &mut pages);
        assert!(told.contains(&Told::Raised(6)), "{told:?}");
    }

    #[test]
    fn the_state_of_another_model_or_of_other_limits_is_refused() {
        use AdaptEvent::NotRestored;
        let mut pages = Pages::default();
        run(&about(50.0, 20), &[0], LIMITS, &mut pages);
        let kept = pages.clone();
        let other = LIMITS.with_widening(5);
        let (told, _) = run(&about(20.0, 4), &[], other, &mut pages);
        assert_eq!(events(&told), [(0, NotRestored(KeepError::Model))]);
        assert!(self::decisions(&told)[3] == Some(Decision::Normal));
        let damage = |word: usize, value: u32| {
            let mut damaged = kept.clone();
            let (head, words) = damaged.kept.as_mut().expect("a state");
            match head.get_mut(word) {
                Some(own) => *own = value,
                None => words[0][word - KEPT_HEAD] = value,
            }
            damaged
        };
        for (word, value, error) in [
            (0, 1, KeepError::Version),
            (1, 1, KeepError::Model),
            (3, f32::NAN.to_bits(), KeepError::Values),
            (5, f32::INFINITY.to_bits(), KeepError::Values),
        ] {
            let (told, _) = run(&about(20.0, 4), &[], LIMITS, &mut damage(word, value));
            assert_eq!(events(&told), [(0, NotRestored(error))], "word {word}");
            assert_eq!(self::decisions(&told)[3], Some(Decision::Normal));
        }
    }

    #[test]
    fn whatever_bit_is_flipped_the_state_is_refused_or_within_the_limits() {
        let mut pages = Pages::default();
        run(&about(50.0, 20), &[0], LIMITS, &mut pages);
        let mut restored = 0;
        for (word, bit) in (0..9).flat_map(|word| (0..32).map(move |bit| (word, bit))) {
            let mut damaged = pages.clone();
            let (head, words) = damaged.kept.as_mut().expect("a state");
            match head.get_mut(word) {
                Some(own) => *own ^= 1 << bit,
                None => words.as_flattened_mut()[word - KEPT_HEAD] ^= 1 << bit,
            }
            let mut own =
                Recalibration::<f32, _, 2>::new(LIMITS, 7, 100, &mut damaged).expect("limits");
            let event = own.restore();
            restored += usize::from(event == Some(AdaptEvent::Restored));
            assert!(event.is_some(), "{word} {bit}");
            for trace in own.adapter().traces() {
                let kept = trace.kept();
                assert!(kept.anchor.abs() <= 64.0, "{word} {bit}: {kept:?}");
                assert!(
                    (kept.shift - kept.anchor).abs() <= 8.001,
                    "{word} {bit}: {kept:?}"
                );
                assert!((0.0..=8.0).contains(&kept.spread), "{word} {bit}: {kept:?}");
            }
            let moved = own.apply(&[50.0, 0.0]);
            assert!(moved.iter().all(|value| value.is_finite()), "{word} {bit}");
        }
        // Of the first words those for other things than a commissioning, of the others those that are a number.
        assert!(restored > 32, "{restored}");
    }

    #[test]
    fn a_memory_that_fails_is_told_of_and_all_else_goes_on() {
        use AdaptEvent::{Began, Commissioned, NotKept};
        let mut pages = Pages {
            fails: true,
            ..Pages::default()
        };
        let (told, _) = run(&about(50.0, 30), &[0], LIMITS, &mut pages);
        let failed = NotKept(KeepError::Memory);
        let events = events(&told);
        assert_eq!(
            events[..4],
            [(0, Began), (0, failed), (1, failed), (2, failed)]
        );
        assert!(events.contains(&(9, Commissioned)));
        // As often as it may be written, and no more.
        assert_eq!(pages.writes, 4);
    }

    #[test]
    fn drift_is_kept_an_hour_later() {
        let mut pages = Pages::default();
        let script = about(21.5, 37_000);
        let (told, _) = run(&script, &[], LIMITS, &mut pages);
        assert_eq!(events(&told), [(35_999, AdaptEvent::Kept)]);
    }

    #[test]
    fn what_would_be_normal_is_told_where_the_sensor_is_now() {
        let mut own = Recalibration::<f32, _, 2>::new(LIMITS, 7, 100, NoStore).expect("limits");
        assert!((own.back(0, 21.0, 0) - 21.0).abs() < 1e-5);
        own.commission();
        for at in 0..10_u8 {
            // Four times the steps of training.
            let sign = if at % 2 == 0 { 1.0 } else { -1.0 };
            own.learn(Some(&[50.0 + sign, 0.0]), true);
        }
        assert!((own.back(0, 21.0, 0) - 54.0).abs() < 1e-4);
        assert!((own.back(9, 21.0, 0) - 21.0).abs() < 1e-5);
        let moved = own.apply(&[54.0, 0.0]);
        assert!((moved[0] - 21.0).abs() < 1e-4);
    }
}
