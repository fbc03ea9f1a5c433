//! Recalibration in `detect`: over resets, with memories that fail, and with damaged states.

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
