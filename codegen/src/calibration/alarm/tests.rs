use super::*;
use crate::random::Source;

/// Log-densities of a standard normal variable that resembles its neighbours over so many readings.
fn log_probs(rows: usize, correlation: f64, random: &mut Source) -> Vec<f32> {
    let keep = if correlation > 0.0 {
        libm::exp(-1.0 / correlation)
    } else {
        0.0
    };
    let mut x = random.normal(1.0);
    let mut next = || {
        x = keep * x + random.normal((1.0 - keep * keep).sqrt());
        (-0.5 * x * x) as f32
    };
    (0..rows).map(|_| next()).collect()
}

fn record(log_probs: &[f32]) -> Record<'_> {
    Record {
        log_probs,
        effective: super::super::effective_rows(log_probs, 0.01),
        rate: Some(1.0),
        own: true,
    }
}

/// Alarms raised on log-densities.
fn raised(settings: &AlarmSettings, sorted: &[f32], log_probs: &[f32]) -> usize {
    let table = RarityTable::of(sorted).unwrap();
    let (quantiles, charts) = (table.quantiles(), settings.engine_charts());
    let spec = AlarmSpec::new(table.engine(&quantiles), &charts, settings.hold_off);
    let mut alarm = Alarm::new(spec).unwrap();
    let events = log_probs
        .iter()
        .filter_map(|log_prob| alarm.note(steps(*log_prob), Decision::Normal, None).event);
    events
        .filter(|event| matches!(event, nvpico::detector::AlarmEvent::Raised(..)))
        .count()
}

#[test]
fn the_promise_is_kept_whatever_the_correlation() {
    let mut random = Source::new(5);
    for correlation in [0.0, 30.0] {
        let (mut kept, mut alarms, mut expected) = (0, 0.0, 0.0);
        for _ in 0..20 {
            let normal = log_probs(20_000, correlation, &mut random);
            let settings = AlarmSettings::of(&record(&normal), None, Vec::new()).unwrap();
            let sorted = super::super::ascending(&normal);
            let fresh = log_probs(100_000, correlation, &mut random);
            let rate = raised(&settings, &sorted, &fresh) as f64 / 100_000.0;
            kept += usize::from(rate <= settings.promised);
            alarms += rate;
            expected += settings.expected;
        }
        // 19 of 20 are promised; 16 and fewer come by chance once in 60.
        assert!(kept >= 17, "{correlation}: {kept}");
        assert!(
            alarms < 2.0 * expected,
            "{correlation}: {alarms} {expected}"
        );
    }
}

#[test]
fn a_generous_budget_lowers_the_limits_and_one_out_of_reach_is_said() {
    let normal = log_probs(86_400, 5.0, &mut Source::new(2));
    let with = |text: &str| {
        let budget = Some(text.parse().unwrap());
        AlarmSettings::of(&record(&normal), budget, Vec::new()).unwrap()
    };
    let (few, many) = (with("1 per week"), with("100 per day"));
    assert_eq!((few.rank, few.promised > few.asked().unwrap()), (1, true));
    assert!(many.rank > 5 && many.promised <= many.asked().unwrap());
    assert!(many.charts[0].upper < few.charts[0].upper);
    // Three weeks.
    let readings = few.readings_to_carry().unwrap() / 604_800.0;
    assert!((2.9..3.1).contains(&readings), "{readings}");
    assert_eq!(many.readings_to_carry(), None);
    assert_eq!(few.validate(3), Ok(()));
    let mut damaged = few.clone();
    damaged.charts[0].upper = -1;
    assert!(damaged.validate(3).is_err());
    let mut damaged = few;
    damaged.guards = vec![GuardLimits::of(&[1.0, 2.0], &[]); 2];
    assert!(damaged.validate(3).is_err());
}

#[test]
fn gross_readings_of_a_normal_record_are_no_alarm_there() {
    let mut normal = log_probs(10_000, 0.0, &mut Source::new(4));
    for at in [1_234, 5_000, 9_000] {
        normal[at] = -80.0;
    }
    let settings = AlarmSettings::of(&record(&normal), None, Vec::new()).unwrap();
    assert_eq!(settings.rank, 1);
    let sorted = super::super::ascending(&normal);
    assert_eq!(raised(&settings, &sorted, &normal), 0);
}

#[test]
fn rarities_of_normal_readings_are_bits() {
    let normal = log_probs(10_000, 0.0, &mut Source::new(9));
    let sorted = super::super::ascending(&normal);
    let table = RarityTable::of(&sorted).unwrap();
    assert_eq!((table.first, table.quantiles.len()), (9, 18));
    let quantiles = table.quantiles();
    let charts = [Chart::new(0, 64 << 8, i32::MAX)];
    let mut alarm = Alarm::new(AlarmSpec::new(table.engine(&quantiles), &charts, 1)).unwrap();
    let mut rarity = |log_prob: f32| {
        let state = alarm.note(steps(log_prob), Decision::Normal, None);
        f64::from(state.rarity.unwrap()) / 256.0
    };
    let mean = sorted.iter().map(|own| rarity(*own)).sum::<f64>() / 10_000.0;
    assert!(mean.abs() < 0.1, "{mean}");
    for (share, bits) in [(0.5, 0.0), (0.125, 2.0), (0.875, -2.0), (1.0 / 1024.0, 9.0)] {
        let at = sorted[(share * 10_000.0) as usize];
        assert!((rarity(at) - bits).abs() < 0.05, "{share}");
    }
    assert!(rarity(f32::NEG_INFINITY) > 20.0);
}

#[test]
fn short_and_constant_records_have_limits_or_none() {
    assert_eq!(
        AlarmSettings::of(&record(&[-1.0, -2.0]), None, Vec::new()),
        None
    );
    assert_eq!(AlarmSettings::of(&record(&[]), None, Vec::new()), None);
    for rows in [3, 10, 25, 400] {
        for log_probs in [vec![-1.0; rows], (0..rows).map(|at| at as f32).collect()] {
            let found = AlarmSettings::of(&record(&log_probs), None, Vec::new()).unwrap();
            assert_eq!(found.validate(1), Ok(()));
            let sorted = super::super::ascending(&log_probs);
            assert_eq!(raised(&found, &sorted, &log_probs), 0);
        }
    }
}
