use super::*;
use std::vec::Vec;

const NAT: i32 = 1 << 16;
const QUANTILES: [Quantile; 5] = [
    Quantile::new(-6 * NAT, 1 << 16),
    Quantile::new(-5 * NAT, 1 << 16),
    Quantile::new(-4 * NAT, 1 << 16),
    Quantile::new(-3 * NAT, 1 << 16),
    Quantile::new(-2 * NAT, 1 << 16),
];
const TABLE: QuantileTable<'static> = QuantileTable::new(&QUANTILES, 2, 1 << 20);
const CHARTS: [Chart; 2] = [
    Chart::new(0, 20 << 8, 9 << 16),
    Chart::new(2, 8 << 8, 3 << 16).with_lower(-2 << 16),
];

fn alarm(hold_off: u32) -> Alarm<'static> {
    Alarm::new(AlarmSpec::new(TABLE, &CHARTS, hold_off)).unwrap()
}

/// The events of readings with these log-densities, in nats, and their places.
fn events(alarm: &mut Alarm<'_>, nats: &[i32]) -> Vec<(usize, AlarmEvent)> {
    let states = nats
        .iter()
        .map(|nats| alarm.note(nats * NAT, Decision::Normal, None));
    let events = states.enumerate();
    events
        .filter_map(|(at, state)| Some((at, state.event?)))
        .collect()
}

#[test]
fn gross_readings_are_an_alarm_at_once_and_small_faults_later() {
    let cause = |chart| Cause::Unlikely(chart);
    assert_eq!(
        events(&mut alarm(100), &[-4, -14, -4, -4, -4, -4, -4]),
        [
            (1, AlarmEvent::Raised(cause(0), Severity::Low)),
            (2, AlarmEvent::Cleared)
        ]
    );
    assert_eq!(
        events(&mut alarm(100), &[-2000]),
        [(0, AlarmEvent::Raised(cause(0), Severity::High))]
    );
    // Over 7 bits each: the average passes 3 bits with the second.
    assert_eq!(
        events(&mut alarm(100), &[-9; 8]),
        [(1, AlarmEvent::Raised(cause(1), Severity::Low))]
    );
}

#[test]
fn an_alarm_that_comes_back_within_the_hold_off_is_the_same() {
    let mut alarm = alarm(10);
    let kinds = |events: Vec<(usize, AlarmEvent)>| -> Vec<(usize, bool)> {
        let raised = |event| matches!(event, AlarmEvent::Raised(..));
        let on = events
            .into_iter()
            .filter(|(_, event)| *event != AlarmEvent::Cleared);
        on.map(|(at, event)| (at, raised(event))).collect()
    };
    let mut nats = [-4; 30];
    for at in [0, 6, 12] {
        nats[at] = -15;
    }
    assert_eq!(
        kinds(events(&mut alarm, &nats)),
        [(0, true), (6, false), (12, true)]
    );
    alarm.reset();
    assert_eq!(kinds(events(&mut alarm, &[-15])), [(0, true)]);
}

#[test]
fn readings_that_are_too_likely_are_a_sign_too() {
    let found = events(&mut alarm(100), &[-1; 12]);
    assert!(matches!(
        found[..],
        [(_, AlarmEvent::Raised(Cause::TooLikely(1), Severity::Low))]
    ));
}

#[test]
fn three_invalid_readings_are_an_alarm_and_one_is_none() {
    let mut alarm = alarm(100);
    let mut on = || alarm.note(i32::MIN, Decision::Invalid, None).is_on;
    assert_eq!([on(), on(), on()], [false, true, true]);
    // Far outside, a reading is gross, however likely.
    let mut other = super::tests::alarm(100);
    assert!(other.note(0, Decision::OutOfRange(1), None).is_on);
}

#[test]
fn what_is_not_judged_changes_nothing_but_the_time() {
    let mut alarm = alarm(2);
    let unknown = |alarm: &mut Alarm<'_>| alarm.note(i32::MIN, Decision::GivenOutOfRange(0), None);
    assert_eq!(
        unknown(&mut alarm),
        AlarmState {
            rarity: None,
            is_on: false,
            event: None
        }
    );
    assert!(alarm.note(-20 * NAT, Decision::Anomalous, None).is_on);
    for _ in 0..5 {
        assert!(unknown(&mut alarm).is_on);
    }
}

#[test]
fn a_guard_raises_it_whatever_the_density() {
    let mut alarm = alarm(100);
    let state = alarm.note(-4 * NAT, Decision::Normal, Some(Guard::Stuck(3)));
    let cause = Cause::Guard(Guard::Stuck(3));
    assert_eq!(state.event, Some(AlarmEvent::Raised(cause, Severity::High)));
    // It stays as long as the guard does.
    assert!(
        alarm
            .note(-4 * NAT, Decision::Normal, Some(Guard::Stuck(3)))
            .is_on
    );
    let state = alarm.note(-4 * NAT, Decision::Normal, None);
    assert_eq!(state.event, Some(AlarmEvent::Cleared));
}

#[test]
fn specs_that_cannot_work_are_refused() {
    let refused = |table, charts: &[Chart]| {
        Alarm::new(AlarmSpec::new(table, charts, 1)).err() == Some(DetectorError::Alarm)
    };
    assert!(!refused(TABLE, &CHARTS));
    assert!(refused(TABLE, &[]));
    assert!(refused(TABLE, &[CHARTS[0]; MOST_CHARTS + 1]));
    assert!(refused(QuantileTable::new(&[], 2, 0), &CHARTS));
    for chart in [
        Chart::new(16, 8, 1),
        Chart::new(0, 0, 1),
        Chart::new(0, 8, 0),
        Chart::new(0, 8, 1).with_lower(0),
    ] {
        assert!(refused(TABLE, &[chart]));
    }
}

#[test]
fn events_are_words() {
    let guard = Cause::Guard(Guard::AtLimit(7));
    assert_eq!(
        AlarmEvent::Raised(guard, Severity::High).to_word(),
        0x0704_0101
    );
    let chart = Cause::TooLikely(2);
    assert_eq!(
        AlarmEvent::Resumed(chart, Severity::Low).to_word(),
        0x0202_0002
    );
    assert_eq!(AlarmEvent::Cleared.to_word(), 3);
}

#[test]
fn averages_are_those_of_the_charts() {
    let mut alarm = alarm(1);
    alarm.note(-5 * NAT, Decision::Normal, None);
    assert!(alarm.averages().eq([1 << 16, 1 << 14]));
}
