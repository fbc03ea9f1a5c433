use std::vec::Vec;

use super::*;

mod kept;

const SPEC: AdaptSpec<'static> = AdaptSpec {
    centre: &[10.0, -2.0, 3.0],
    spread: &[0.5, 0.1, 1.0],
    near: &[4.0, 0.5, 9.0],
    speed: &[0.02, 0.0, 0.1],
    track: &[1.0, 0.2, 0.5],
    reach: &[8.0, 1.0, 0.0],
    witnesses: &[],
    fraction: 0,
    block: 2,
    rate: 1,
    smooth: 0,
    widen: 2,
    windows: 8,
    settle: 1,
    steady: [300, 300],
};

const COUNTS: AdaptSpec<'static, i32> = AdaptSpec {
    centre: &[1000, -200, 3],
    spread: &[50 << 4, 10 << 4, 1 << 4],
    near: &[400 << 4, 50 << 4, 9 << 4],
    speed: &[2 << 4, 0, 1],
    track: &[100 << 4, 20 << 4, 0],
    reach: &[800 << 4, 100 << 4, 0],
    witnesses: &[],
    fraction: 4,
    block: 2,
    rate: 1,
    smooth: 0,
    widen: 2,
    windows: 8,
    settle: 1,
    steady: [300, 300],
};

fn adapter(spec: AdaptSpec<'static>) -> Adapter<'static, f32, [Trace<f32>; 3]> {
    Adapter::new(spec, [Trace::default(); 3]).unwrap()
}

/// Numbers with no pattern, from a seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Between -1 and 1.
    fn unit(&mut self) -> f32 {
        (self.next() % 2_001) as f32 / 1_000.0 - 1.0
    }

    /// Any bits.
    fn any(&mut self) -> f32 {
        f32::from_bits((self.next() as u32) << 1 | 1 & self.next() as u32)
    }
}

fn bits(adapter: &Adapter<'_, f32, [Trace<f32>; 3]>) -> Vec<u32> {
    let values = adapter
        .traces()
        .iter()
        .flat_map(|own| [own.shift, own.anchor, own.spread]);
    values.map(f32::to_bits).collect()
}

fn within_limits(adapter: &Adapter<'_, f32, [Trace<f32>; 3]>) -> bool {
    let spec = adapter.spec();
    adapter.traces().iter().enumerate().all(|(at, own)| {
        own.anchor.abs() <= spec.reach[at]
            && (own.shift - own.anchor).abs() <= spec.track[at] * 1.000_01
            && own.shift.abs() <= (spec.reach[at] + spec.track[at]) * 1.000_01
            && own.spread >= spec.spread[at] * 0.1
            && own.spread <= spec.spread[at] * 4.000_01
    })
}

#[test]
fn limits_hold_whatever_comes() {
    for seed in 0..60 {
        let mut noise = Noise(seed);
        let smooth = (seed % 3) as u8;
        let mut own = adapter(AdaptSpec {
            smooth,
            witnesses: &[(1, 0.3)],
            ..SPEC
        });
        let mut out = [0.0; 3];
        for step in 0..400 {
            if noise.next().is_multiple_of(37) {
                own.commission();
            }
            let x: [f32; 3] = core::array::from_fn(|at| match noise.next() % 8 {
                0 => noise.any(),
                1 => SPEC.centre[at] + 50.0 * noise.unit(),
                _ => SPEC.centre[at] + SPEC.spread[at] * noise.unit() + step as f32 * 0.1,
            });
            own.apply(&x, &mut out);
            let valid = x.iter().all(|value| value.is_finite());
            assert!(
                !valid || out.iter().all(|value| !value.is_nan()),
                "{x:?} {out:?}"
            );
            own.learn(&x, noise.next().is_multiple_of(2));
            assert!(within_limits(&own), "seed {seed}: {:?}", own.traces());
        }
    }
}

#[test]
fn counts_hold_their_limits_too() {
    for seed in 0..60 {
        let mut noise = Noise(seed);
        let mut own = Adapter::new(COUNTS, [Trace::default(); 3]).unwrap();
        let mut out = [0; 3];
        for _ in 0..400 {
            if noise.next().is_multiple_of(37) {
                own.commission();
            }
            let x: [i32; 3] = core::array::from_fn(|at| match noise.next() % 6 {
                0 => (noise.next() as i32) << 1,
                1 => i32::MIN + (noise.next() % 2) as i32,
                _ => COUNTS.centre[at] + (noise.next() % 200) as i32,
            });
            own.apply(&x, &mut out);
            own.learn(&x, noise.next().is_multiple_of(2));
            for (at, trace) in own.traces().iter().enumerate() {
                assert!(trace.anchor.abs() <= COUNTS.reach[at]);
                assert!((trace.shift - trace.anchor).abs() <= COUNTS.track[at]);
                assert!(trace.spread <= COUNTS.spread[at] << 2);
            }
        }
    }
}

#[test]
fn a_slow_ramp_stops_at_the_limit() {
    let mut own = adapter(SPEC);
    let mut out = [0.0; 3];
    let mut farthest = 0.0_f32;
    for step in 0..20_000 {
        // Slower than the value may move.
        let ramp = step as f32 * 0.002;
        let x = [10.0 + ramp, -2.0 + ramp * 0.01, 3.0];
        own.apply(&x, &mut out);
        if ramp < 1.0 {
            farthest = farthest.max((out[0] - 10.0).abs());
        }
        own.learn(&x, true);
    }
    assert!(farthest < 0.2, "{farthest}");
    assert_eq!(own.traces()[0].shift(), SPEC.track[0]);
    // No speed: as trained.
    assert_eq!(own.traces()[1].shift(), 0.0);
    assert!(out[0] - 10.0 > 30.0);
    own.reset();
    assert_eq!(bits(&own), bits(&adapter(SPEC)));
}

#[test]
fn what_is_far_off_or_no_reading_teaches_nothing() {
    let mut own = adapter(SPEC);
    let before = bits(&own);
    let mut out = [0.0; 3];
    for at in 0..100 {
        let mut x = SPEC.centre.to_vec();
        x[at % 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][at % 3];
        own.commission();
        own.apply(&x, &mut out);
        assert_eq!(
            out.map(f32::to_bits).to_vec(),
            x.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        );
        assert_eq!(own.learn(&x, true), Learned::Nothing);
        assert_eq!(own.learn(&x[..2], true), Learned::Nothing);
    }
    own.reset();
    for _ in 0..100 {
        own.learn(&[10.0 + 4.5, -2.0, 3.0], false);
    }
    assert_eq!(bits(&own), before);
}

#[test]
fn a_commissioning_finds_the_new_place() {
    let mut own = adapter(SPEC);
    let mut noise = Noise(1);
    let mut out = [0.0; 3];
    own.commission();
    let mut learned = Vec::new();
    for at in 0..9 {
        // The first one is waited for.
        let own_shift = if at == 0 { 40.0 } else { 5.0 };
        let x = [
            10.0 + own_shift + 0.5 * noise.unit(),
            -2.4 + 0.05 * noise.unit(),
            9.0,
        ];
        own.apply(&x, &mut out);
        learned.push(own.learn(&x, false));
    }
    assert_eq!(learned[0], Learned::Settling);
    assert!(
        learned[1..8]
            .iter()
            .all(|own| *own == Learned::Commissioning)
    );
    assert_eq!(learned[8], Learned::Commissioned);
    own.apply(&[15.0, -2.4, 9.0], &mut out);
    assert!(
        (out[0] - 10.0).abs() < 0.4 && (out[1] + 2.0).abs() < 0.05,
        "{out:?}"
    );
    // The third value has no reach.
    assert_eq!(out[2], 9.0);
    // Beyond its reach a value is not followed.
    own.commission();
    for _ in 0..9 {
        own.learn(&[10.0 + 30.0, -2.0, 3.0], false);
    }
    assert_eq!(own.traces()[0].shift(), SPEC.reach[0]);
}

#[test]
fn a_fault_that_begins_in_a_commissioning_is_refused() {
    for first in 2..7 {
        let mut own = adapter(SPEC);
        let before = bits(&own);
        own.commission();
        let mut last = Learned::Nothing;
        for at in 0..9 {
            let fault = if at > first { 3.0 } else { 0.0 };
            let sign = if at % 2 == 0 { 0.05 } else { -0.05 };
            last = own.learn(
                &[11.0 + fault + sign, -2.0 + fault / 4.0 + sign / 4.0, 3.0],
                false,
            );
        }
        assert_eq!(last, Learned::Refused, "from reading {first}");
        assert_eq!(bits(&own), before);
        assert!(!own.is_commissioning());
    }
}

#[test]
fn what_varies_more_is_narrowed() {
    let mut own = adapter(SPEC);
    own.commission();
    for at in 0..9 {
        let sign = if at % 2 == 0 { 0.75 } else { -0.75 };
        own.learn(&[10.0 + sign, -2.0, 3.0], false);
    }
    assert_eq!(own.last(), Learned::Commissioned);
    // Steps of 1.5 in place of 0.5.
    let mut out = [0.0; 3];
    own.apply(&[13.0, -2.0, 3.0], &mut out);
    assert!((out[0] - 11.0).abs() < 0.1, "{out:?}");
}

#[test]
fn a_witness_begins_a_commissioning() {
    let mut own = adapter(AdaptSpec {
        witnesses: &[(1, 0.3)],
        ..SPEC
    });
    assert_eq!(own.learn(&[10.0, -2.0, 3.0], true), Learned::Tracked);
    assert_eq!(own.learn(&[10.0, -2.2, 3.0], true), Learned::Tracked);
    assert_eq!(own.learn(&[10.0, -1.8, 3.0], true), Learned::Settling);
    assert_eq!(own.learn(&[10.0, -1.8, 3.0], true), Learned::Commissioning);
    let mut out = [0.0; 3];
    own.apply(&[10.0, -1.2, 3.0], &mut out);
    assert_eq!(out, [10.0, -2.0, 3.0]);
    // Moved again on the way.
    assert_eq!(own.learn(&[10.0, -1.2, 3.0], true), Learned::Settling);
}

#[test]
fn scores_of_means_take_the_last_readings() {
    let mut own = adapter(AdaptSpec { smooth: 2, ..SPEC });
    let mut out = [0.0; 3];
    for (offset, mean) in [
        (0.0, 0.0),
        (4.0, 1.0),
        (0.0, 1.0),
        (0.0, 1.0),
        (0.0, 1.0),
        (0.0, 0.0),
    ] {
        own.apply(&[10.0 + offset, -2.0, 3.0], &mut out);
        own.learn(&[10.0 + offset, -2.0, 3.0], false);
        // Slow tracking takes its part.
        assert!((out[0] - 10.0 - mean).abs() < 0.05, "{out:?}");
    }
}

#[test]
fn floats_and_counts_learn_the_same() {
    let mut floats = Adapter::new(
        AdaptSpec {
            centre: &[1000.0, -200.0, 3.0],
            spread: &[50.0, 10.0, 1.0],
            near: &[400.0, 50.0, 9.0],
            speed: &[2.0, 0.0, 1.0],
            track: &[100.0, 20.0, 0.0],
            reach: &[800.0, 100.0, 0.0],
            ..SPEC
        },
        [Trace::default(); 3],
    )
    .unwrap();
    let mut counts = Adapter::new(COUNTS, [Trace::default(); 3]).unwrap();
    let mut noise = Noise(3);
    floats.commission();
    counts.commission();
    for _ in 0..200 {
        let x = [1400, -180, 3].map(|own| own + (noise.next() % 40) as i32);
        let wide = x.map(|value| value as f32);
        let (mut a, mut b) = ([0.0; 3], [0; 3]);
        floats.apply(&wide, &mut a);
        counts.apply(&x, &mut b);
        for (a, b) in a.iter().zip(b) {
            assert!((a - b as f32).abs() < 2.0, "{a} {b}");
        }
        assert_eq!(floats.learn(&wide, true), counts.learn(&x, true));
    }
}

#[test]
fn wrong_limits_are_refused() {
    let with = |spec: AdaptSpec<'static>| Adapter::new(spec, [Trace::default(); 3]).unwrap_err();
    let (lengths, limit) = (AdaptError::Lengths, AdaptError::Limit);
    let near = &[1.0];
    assert_eq!(with(AdaptSpec { near, ..SPEC }), lengths);
    let witnesses = &[(3, 1.0)];
    assert_eq!(with(AdaptSpec { witnesses, ..SPEC }), lengths);
    let spread = &[1.0, 0.0, 1.0];
    assert_eq!(with(AdaptSpec { spread, ..SPEC }), limit);
    let reach = &[1.0, -1.0, 1.0];
    assert_eq!(with(AdaptSpec { reach, ..SPEC }), limit);
    let speed = &[1.0, f32::NAN, 1.0];
    assert_eq!(with(AdaptSpec { speed, ..SPEC }), limit);
    for windows in [0, 3, 6, 130] {
        assert_eq!(with(AdaptSpec { windows, ..SPEC }), AdaptError::Settings);
    }
    assert_eq!(with(AdaptSpec { smooth: 3, ..SPEC }), AdaptError::Settings);
}
