//! The ends of the input: what is refused, what overflows, what a broken sensor gives. Never NaN,
//! never a score above the mode's.

use crate::common;
use crate::common::models::{self, HIDDEN, Random, TRANSFORMS, coupling, masks, spec, whole};
use nvpico::arithmetic::Packet;
use nvpico::base::{self, HALF_LN_2PI};
use nvpico::spec::{Mask, ScaleMap, Shape, Transform};
use nvpico::train::init;
use nvpico::{Flow, FlowSpec, LayerSpec, Math, Score, ScoreError, batch};

const BACK_ENDS: [Math; 2] = [Math::Libm, Math::Micromath];

/// Readings of broken sensors and of sensors without noise.
const ODD: [f32; 14] = [
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    f32::MIN_POSITIVE,
    1e-20,
    1.0,
    -4096.0,
    65_535.0,
    1e10,
    -1e19,
    3e38,
    f32::MAX,
    f32::MIN,
];

/// The log-density of one row by the chip's code; the batch's score has the same bits. Nothing that the flow makes of
/// the row is NaN, and the parts say why a row is impossible.
fn log_prob(flow: &Flow<'_>, x: &[f32]) -> f32 {
    let score = common::score(flow, x);
    let together = batch::score(flow, x)[0].expect("the row is valid");
    assert_eq!(score.bits(), together.bits());
    let Score {
        log_prob,
        z_norm_sq,
        log_det,
        component: _,
    } = score;
    assert!(!log_prob.is_nan() && log_prob < f32::INFINITY, "{x:?}");
    assert!(z_norm_sq >= 0.0, "{x:?}: {z_norm_sq}");
    assert!(log_det < f32::INFINITY, "{x:?}: {log_det}");
    let again = base::log_prob(z_norm_sq, log_det, flow.dim());
    assert_eq!(again.to_bits(), log_prob.to_bits(), "{x:?}");
    for (values, log_det) in [common::forward(flow, x), common::inverse(flow, x)] {
        assert!(values.iter().all(|value| !value.is_nan()), "{x:?}");
        assert!(!log_det.is_nan(), "{x:?}");
    }
    log_prob
}

#[test]
fn non_finite_features_are_named_and_nothing_is_written() {
    let mut random = Random::new(51);
    let [spec, ..] = whole(4, HIDDEN[1], &mut random);
    let params = models::params(&spec, &mut random);
    let flow = common::flow(spec, &params);
    let mut scratch = vec![0.0; spec.scratch_len()];
    let mut workspace = vec![0.0; spec.workspace_len()];
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in 0..4 {
            let mut x = random.normals(4);
            x[index] = bad;
            if index < 3 {
                // The first one is named.
                x[3] = f32::NAN;
            }
            let before = common::bits(&x);
            let expected = ScoreError::NonFinite { index };
            assert_eq!(flow.score(&x, &mut workspace), Err(expected));
            assert_eq!(flow.log_prob(&x, &mut workspace), Err(expected));
            assert_eq!(batch::score(&flow, &x), [Err(expected)]);
            assert_eq!(flow.forward(&mut x, &mut scratch), Err(expected));
            assert_eq!(flow.inverse(&mut x, &mut scratch), Err(expected));
            assert_eq!(common::bits(&x), before);
        }
    }
}

#[test]
fn wrong_lengths_are_errors_and_long_workspaces_are_not() {
    let mut random = Random::new(52);
    let [spec, ..] = whole(3, HIDDEN[1], &mut random);
    let params = models::params(&spec, &mut random);
    let flow = common::flow(spec, &params);
    let (needed, needed_scratch) = (spec.workspace_len(), spec.scratch_len());
    for found in [0, 2, 4] {
        let input = Err(ScoreError::InputLength { expected: 3, found });
        let mut x = vec![0.5; found];
        let before = x.clone();
        assert_eq!(flow.forward(&mut x, &mut vec![0.0; needed]), input);
        assert_eq!(x, before);
        let score = flow.score(&x, &mut vec![0.0; needed]);
        assert_eq!(score.map(|score| score.log_det), input);
    }
    let short = |expected: usize, found: usize| ScoreError::WorkspaceLength { expected, found };
    let mut x = [0.5; 3];
    for found in [0, needed_scratch - 1] {
        let expected = Err(short(needed_scratch, found));
        assert_eq!(flow.forward(&mut x, &mut vec![0.0; found]), expected);
        assert_eq!(flow.inverse(&mut x, &mut vec![0.0; found]), expected);
    }
    let found = needed - 1;
    let expected = Err(short(needed, found));
    assert_eq!(flow.score(&x, &mut vec![0.0; found]), expected);
    let exact = flow.score(&x, &mut vec![0.0; needed]);
    let longer = flow.score(&x, &mut vec![9.0; needed + 5]);
    assert!(exact.is_ok());
    assert_eq!(exact, longer);
}

#[test]
fn the_base_density_takes_no_overflow_for_a_likelihood() {
    let (huge, nan) = (f32::INFINITY, f32::NAN);
    let overflows = [
        (0.0, huge),
        (huge, 0.0),
        (huge, huge),
        (nan, 0.0),
        (0.0, nan),
        (0.0, -huge),
        (f32::MAX, -f32::MAX),
        (-0.0, huge),
    ];
    let minus_infinity = f32::NEG_INFINITY.to_bits();
    for (z_norm_sq, log_det) in overflows {
        let alone = base::log_prob(z_norm_sq, log_det, 2);
        assert_eq!(alone.to_bits(), minus_infinity, "{z_norm_sq}, {log_det}");
    }
    let pick = |of: fn((f32, f32)) -> f32| Packet(overflows.map(of));
    let together = base::log_prob(pick(|pair| pair.0), pick(|pair| pair.1), 2);
    assert_eq!(together.0.map(f32::to_bits), [minus_infinity; 8]);
}

/// A coupling without hidden layers: for every output of the net the same bias and weight.
fn constant_net(transform: Transform, bias: f32, weight: f32) -> (LayerSpec<'static>, Vec<f32>) {
    let own = coupling(Mask::FirstHalf, transform, &[]);
    let mut params = vec![1.0; own.rescale_len(Shape::vector(2))];
    let outputs = own.net_outputs(Shape::vector(2));
    params.extend(vec![bias; outputs]);
    params.extend(vec![weight; outputs]);
    (LayerSpec::Coupling(own), params)
}

#[test]
fn a_term_that_overflows_is_infinite_and_the_other_keeps_its_value() {
    for (bias, weight, x, z_norm_sq, log_det) in [
        // z overflows, or is infinity times zero; the log-determinant is a number.
        (0.0, 500.0, [1.0, 1.0], f32::INFINITY, 500.0),
        (0.0, 500.0, [1.0, -500.0], f32::INFINITY, 500.0),
        // The log-scale overflows downwards and upwards.
        (0.0, -1e30, [1e30, 1.0], f32::INFINITY, f32::NEG_INFINITY),
        (0.0, 1e30, [1e30, 1.0], f32::INFINITY, f32::NEG_INFINITY),
        // Infinity less infinity: neither is a number.
        (
            f32::NEG_INFINITY,
            f32::MAX,
            [1e9, 1.0],
            f32::INFINITY,
            f32::NEG_INFINITY,
        ),
    ] {
        let (layer, params) = constant_net(TRANSFORMS[3], bias, weight);
        let layers = [layer];
        let spec = FlowSpec::new(Shape::vector(2), &layers);
        let flow = common::flow(spec, &params);
        let minus_infinity = f32::NEG_INFINITY.to_bits();
        assert_eq!(log_prob(&flow, &x).to_bits(), minus_infinity, "{x:?}");
        let score = common::score(&flow, &x);
        let expected = [minus_infinity, z_norm_sq.to_bits(), log_det.to_bits()];
        assert_eq!(score.bits(), expected, "{x:?}: {score:?}");
    }
}

#[test]
fn overflow_inside_is_minus_infinity() {
    for math in BACK_ENDS {
        for (transform, bias, weight, x) in [
            // exp(s) overflows while the log-determinant is finite.
            (TRANSFORMS[3], 0.0, 500.0, [1.0, 1.0]),
            // The same times a zero, which is NaN.
            (TRANSFORMS[3], 0.0, 500.0, [1.0, 0.0]),
            // The log-scale itself overflows, up and down.
            (TRANSFORMS[3], 0.0, 1e30, [1e30, 1.0]),
            (TRANSFORMS[3], 0.0, -1e30, [1e30, 1.0]),
            // The shift overflows, or the square of the latent.
            (TRANSFORMS[0], 0.0, 1e30, [1e30, 1.0]),
            (TRANSFORMS[2], 0.0, 0.0, [1e20, 1.0]),
            (TRANSFORMS[1], 0.0, 1.0, [f32::MAX, f32::MIN]),
            // Parameters that are not numbers can not make a number.
            (TRANSFORMS[2], f32::NAN, 0.0, [0.1, 0.2]),
            (TRANSFORMS[0], f32::INFINITY, 0.0, [0.1, 0.2]),
            (TRANSFORMS[1], 0.0, f32::NAN, [0.1, 0.2]),
        ] {
            let (layer, params) = constant_net(transform, bias, weight);
            let layers = [layer];
            let spec = FlowSpec::new(Shape::vector(2), &layers).with_math(math);
            let flow = common::flow(spec, &params);
            assert_eq!(
                log_prob(&flow, &x).to_bits(),
                f32::NEG_INFINITY.to_bits(),
                "{transform:?}, {math:?}: {x:?} with weight {weight}"
            );
        }
    }
}

#[test]
fn broken_readings_score_a_number_below_the_bound_or_minus_infinity() {
    let mut random = Random::new(54);
    for math in BACK_ENDS {
        let clamp = 1.3;
        let bounded = Transform::Affine(ScaleMap::ClampedTanh { clamp });
        let [first, second, ..] = masks(4);
        let layers = [first, second, first, second]
            .map(|mask| LayerSpec::Coupling(coupling(mask, bounded, HIDDEN[1])));
        let mut spec = spec(4, layers.to_vec());
        spec.math = math;
        // Weights of a model that training let grow.
        let params: Vec<f32> = models::params(&spec, &mut random)
            .iter()
            .map(|param| 30.0 * param)
            .collect();
        let flow = common::flow(spec, &params);
        // At z = 0 with every scale at its end: the bound of any density of this model.
        let most = 8.0 * clamp - 4.0 * HALF_LN_2PI;
        for constant in ODD {
            for other in ODD {
                for x in [[constant; 4], [constant, other, constant, other]] {
                    let log_prob = log_prob(&flow, &x);
                    assert!(log_prob <= most + 1e-4, "{x:?}: {log_prob}");
                }
            }
        }
    }
}

#[test]
fn no_reading_scores_above_the_mode_of_a_normal_distribution() {
    let mut random = Random::new(55);
    for math in BACK_ENDS {
        for mut spec in whole(3, HIDDEN[2], &mut random) {
            spec.math = math;
            // The first parameters are a normal distribution around the rows' mean.
            let rows: Vec<f32> = random.normals(3 * 64).iter().map(|x| 5.0 * x).collect();
            let params = init(&spec, &rows, 1);
            let flow = common::flow(spec, &params);
            let mode = common::inverse(&flow, &[0.0; 3]).0;
            let most = log_prob(&flow, &mode);
            for (a, b) in ODD.into_iter().flat_map(|a| ODD.map(|b| (a, b))) {
                let found = log_prob(&flow, &[a, b, a]);
                assert!(found <= most, "{a:e}, {b:e}: {found} above {most}");
            }
            let near: Vec<f32> = mode.iter().map(|x| x + 3.0).collect();
            assert!(log_prob(&flow, &near) < most);
        }
    }
}

#[test]
fn the_sign_of_zero_and_denormals_do_not_count() {
    let mut random = Random::new(56);
    for spec in whole(3, HIDDEN[1], &mut random) {
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let zero = log_prob(&flow, &[0.0, 0.5, 0.0]);
        for other in [-0.0, 1e-45, -1e-45, f32::MIN_POSITIVE] {
            let found = log_prob(&flow, &[other, 0.5, other]);
            assert_eq!(found.to_bits(), zero.to_bits(), "{other:e}");
        }
    }
}

#[test]
fn elementary_functions_keep_their_promises_at_the_ends() {
    for math in BACK_ENDS {
        assert!(math.exp(f32::NAN).is_nan());
        assert!(math.tanh(f32::NAN).is_nan());
        assert_eq!(math.exp(0.0).to_bits(), 1.0_f32.to_bits());
        assert_eq!(math.exp(f32::NEG_INFINITY).to_bits(), 0.0_f32.to_bits());
        // No NaN from a number, and nothing out of range: over all floats, then around the ends.
        let all = (0..=u32::MAX).step_by(9_973);
        let ends = [88.722_84_f32, -87.336_55, -103.972_08, 10.0]
            .into_iter()
            .flat_map(|end| end.to_bits() - 2_000..end.to_bits() + 2_000);
        for x in all.chain(ends).map(f32::from_bits).filter(|x| !x.is_nan()) {
            let (exp, tanh) = (math.exp(x), math.tanh(x));
            assert!(exp >= 0.0, "{math:?}: exp({x:e}) is {exp}");
            assert!(tanh.abs() <= 1.0, "{math:?}: tanh({x:e}) is {tanh}");
            if x > 89.0 {
                assert_eq!(exp.to_bits(), f32::INFINITY.to_bits(), "exp({x:e})");
            }
            if x < -104.0 {
                assert_eq!(exp.to_bits(), 0.0_f32.to_bits(), "exp({x:e})");
            }
        }
    }
}

#[test]
fn scales_at_the_end_of_the_range_score_as_unlikely() {
    for math in BACK_ENDS {
        for step in 0..2_000 {
            // From exp(s) just finite to just not: s runs over 88 .. 90, and down.
            let s = 88.0 + step as f32 * 1e-3;
            for bias in [s, -s] {
                let (layer, params) = constant_net(TRANSFORMS[3], bias, 0.0);
                let layers = [layer];
                let spec = FlowSpec::new(Shape::vector(2), &layers).with_math(math);
                let flow = common::flow(spec, &params);
                let found = log_prob(&flow, &[0.5, 0.5]);
                assert!(found < -1e3, "{math:?}, s = {bias}: {found}");
            }
        }
    }
}
