//! Ranks and promises, on numbers whose distribution is known.

use rand_core::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

fn random(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// A stationary sequence in which each value is `keep` times the one before and noise: variance 1.
fn process(keep: f64, rows: usize, random: &mut Xoshiro256PlusPlus) -> Vec<f32> {
    let mut draw = || -> f64 { StandardNormal.sample(random) };
    let noise = (1.0 - keep * keep).sqrt();
    let mut value = draw();
    (0..rows)
        .map(|_| {
            value = keep * value + noise * draw();
            value as f32
        })
        .collect()
}

/// The probability of a lower value of a standard normal variable.
fn below(value: f32) -> f64 {
    0.5 * libm::erfc(-f64::from(value) / std::f64::consts::SQRT_2)
}

#[test]
fn the_rank_is_that_of_the_conformal_rule() {
    let rank = |rate, rows: usize| rank(rate, rows, rows as f64);
    assert_eq!([rank(0.01, 98), rank(0.01, 99), rank(0.01, 198)], [1, 1, 1]);
    assert_eq!([rank(0.01, 199), rank(0.01, 999)], [2, 10]);
    assert_eq!([rank(0.0, 50), rank(0.5, 0), rank(0.999, 3)], [1, 0, 3]);
}

#[test]
fn a_rate_that_the_rows_cannot_carry_becomes_the_lowest_that_they_can() {
    let rows: Vec<f32> = (0..50).map(|i| ((i * 37) % 50) as f32).collect();
    let found = Calibration::of(&rows, 0.01, Method::GivenRows).unwrap();
    assert_eq!(found.threshold.to_bits(), 0.0_f32.to_bits());
    assert!((found.false_alarm_rate - 1.0 / 51.0).abs() < 1e-12);
    assert_eq!(found.rows_to_carry(), Some(49));
    assert_eq!(Calibration::of(&[], 0.01, Method::GivenRows), None);
    assert_eq!(
        [least_rows(0.01), least_rows(0.5), least_rows(0.0)],
        [Some(99), Some(1), None]
    );
}

#[test]
fn rows_of_density_zero_are_counted() {
    let mut rows: Vec<f32> = (0..99).map(|i| ((i * 37) % 99) as f32).collect();
    rows[20..25].fill(f32::NEG_INFINITY);
    let found = Calibration::of(&rows, 0.01, Method::GivenRows).unwrap();
    assert_eq!(found.threshold.to_bits(), f32::MIN.to_bits());
    assert!((found.false_alarm_rate - 0.06).abs() < 1e-12, "{found:?}");
}

#[test]
fn ties_give_no_more_alarms_than_promised() {
    // Nine of ten rows are equal and lowest: none is strictly below.
    let rows: Vec<f32> = (0..1_000)
        .map(|i| f32::from(u8::from(i % 10 == 0)))
        .collect();
    let found = Calibration::of(&rows, 0.01, Method::GivenRows).unwrap();
    assert!(rows.iter().all(|row| *row >= found.threshold));
}

/// Means over recordings of a process: rate met less than the rate said, coverage of the interval by a second recording of
/// the same length, and the share of the rows that counted.
fn promises(keep: f64, rows: usize, asked: f64, recordings: u64) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for seed in 0..recordings {
        let mut random = random(seed);
        let found = process(keep, rows, &mut random);
        let found = Calibration::of(&found, asked, Method::GivenRows).unwrap();
        let next = process(keep, rows, &mut random);
        let met = next.iter().filter(|row| **row < found.threshold).count() as f64 / rows as f64;
        let Interval { low, high, .. } = found.interval;
        let inside = f64::from(u8::from((low..=high).contains(&met)));
        let own = [
            below(found.threshold),
            found.false_alarm_rate,
            inside,
            found.effective_rows / rows as f64,
        ];
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += own / recordings as f64;
        }
    }
    println!("{keep} {rows} {asked}: met, said, inside, effective share {sums:?}");
    sums
}

#[test]
fn rows_in_no_order_count_as_many_as_they_are() {
    for rows in [60, 300, 2_000] {
        let [met, said, inside, share] = promises(0.0, rows, 0.01, 400);
        assert!(share > 0.99, "{share}");
        assert!(met <= said * 1.1, "{met} {said}");
        assert!(inside > 0.87, "{inside}");
    }
}

#[test]
fn promises_hold_on_slow_processes() {
    for (keep, rows) in [(0.9, 1_000), (0.9, 6_000), (0.99, 6_000), (0.999, 12_000)] {
        let [met, said, inside, share] = promises(keep, rows, 0.01, 100);
        assert!(met <= said * 1.15, "{keep} {rows}: {met} {said}");
        assert!(inside >= 0.85, "{keep} {rows}: {inside}");
        assert!(share < 0.5, "{share}");
    }
    let [_, said, _, _] = promises(0.999, 12_000, 0.01, 20);
    assert!(said > 0.03, "{said}");
}

#[test]
fn equal_rows_are_one_row() {
    let mut rows = vec![-3.5; 500];
    let found = Calibration::of(&rows, 0.01, Method::GivenRows).unwrap();
    assert_eq!((found.effective_rows, found.false_alarm_rate), (1.0, 0.5));
    rows[77] = -9.0;
    rows[300] = -1.0;
    assert!((effective_rows(&rows, 0.01) - 1.0).abs() < 1e-9);
    // Readings in coarse steps come again as well.
    let coarse: Vec<f32> = (0..500).map(|i| -((i * 37 % 50) as f32)).collect();
    assert!(effective_rows(&coarse, 0.01) > 400.0);
    assert!((effective_rows(&[-1.0], 0.01) - 1.0).abs() < 1e-9);
}

#[test]
fn columns_tell_how_far_rows_are_alike() {
    let mut source = random(5);
    let slow = process(0.98, 4_000, &mut source);
    let quick = process(0.0, 4_000, &mut source);
    let table: Vec<f32> = (slow.iter().zip(&quick))
        .flat_map(|(a, b)| [*a, *b])
        .collect();
    let found = correlated_rows(&table, 2);
    // 99 rows for an independent one, and half as many again.
    assert!((70..500).contains(&found), "{found}");
    let mut apart = 0;
    for seed in 0..100 {
        let rows = process(0.0, 3_000, &mut random(100 + seed));
        apart += usize::from(correlated_rows(&rows, 10) > 0);
    }
    assert!(apart <= 1, "{apart}");
    assert_eq!(correlated_rows(&[1.0; 400], 2), 0);
}

#[test]
fn rows_like_the_calibration_rows_are_told_from_others() {
    let mut counts = [0; 3];
    for seed in 0..100 {
        let mut random = random(seed);
        let rows = process(0.9, 4_000, &mut random);
        let calibration = Calibration::of(&rows, 0.01, Method::GivenRows).unwrap();
        let sorted = ascending(&rows);
        let next = process(0.9, 2_000, &mut random);
        let compare = |rows: &[f32]| Resemblance::of(&calibration, &sorted, rows).unwrap();
        counts[0] += usize::from(!compare(&next).alike());
        let lower: Vec<f32> = next.iter().map(|row| row - 0.8).collect();
        counts[1] += usize::from(compare(&lower).less_likely);
        let mut faulty = next.clone();
        faulty.iter_mut().step_by(5).for_each(|row| *row -= 9.0);
        counts[2] += usize::from(compare(&faulty).more_alarms);
    }
    println!("{counts:?}");
    assert!(
        counts[0] <= 4 && counts[1] > 95 && counts[2] > 95,
        "{counts:?}"
    );
}
