//! Given values: densities of the others where these are known, against the reference, joint densities, integrals and samples.

use nvpico::spec::{
    Activation, BaseSpec, BatchNormSpec, KernelsSpec, Mask, MixtureSpec, Nets, Shape, Spread,
    Squeeze,
};
use nvpico::train::mixture::{self, Mixture};
use nvpico::train::{TrainOptions, init, mean_log_prob, train};
use nvpico::{FlowSpec, LayerSpec, Math, SpecError};

use crate::common;
use crate::common::agreement::check;
use crate::common::models::{self, Random, TRANSFORMS, bases, coupling, dense, spec};
use crate::common::reference::{self, central_differences, wide};
use crate::common::scores::assert_same_scores;
use crate::common::tolerance::{GRADIENT_FLOOR, INPUT_GRADIENT, MODEL, of_tensor, relative};

/// Layers of `dim` values, the first `given` of them kept by all: a coupling that keeps no others, then halves of the others.
fn layers(dim: usize, given: usize) -> Vec<LayerSpec<'static>> {
    let judged = dim - given;
    let known: Vec<usize> = (0..given).collect();
    let keep = |others: std::ops::Range<usize>| {
        let kept: Vec<usize> = known.iter().copied().chain(others).collect();
        Mask::Indices(kept.leak())
    };
    let mut layers = vec![
        LayerSpec::Standardize,
        LayerSpec::Coupling(coupling(keep(0..0), TRANSFORMS[2], &[6, 11])),
    ];
    if judged > 1 {
        let middle = given + judged / 2;
        let mut two = coupling(keep(given..middle), TRANSFORMS[1], &[7]);
        two.conditioner = dense(&[7], Activation::LeakyRelu { slope: 0.1 }, Nets::Two);
        let mut order = known.clone();
        order.extend((given..dim).rev());
        layers.extend([
            LayerSpec::Coupling(two),
            LayerSpec::Affine,
            LayerSpec::Permutation(order.leak()),
            LayerSpec::Coupling(coupling(keep(middle..dim), TRANSFORMS[0], &[])),
        ]);
    }
    layers
}

/// Flows with every base, and with kernels; with their parameters.
fn all(dim: usize, given: usize, random: &mut Random) -> Vec<(FlowSpec<'static>, Vec<f32>)> {
    let bases = bases().into_iter().chain([BaseSpec::Normal]);
    let specs = bases.flat_map(|base| {
        let alone = spec(dim, vec![LayerSpec::Standardize]);
        [alone, spec(dim, layers(dim, given))].map(|spec| spec.with_base(base).with_given(given))
    });
    let mut all: Vec<_> = specs
        .map(|spec| (spec, models::params(&spec, random)))
        .collect();
    // Standardisation alone has no coupling that kernels stand behind.
    for at in [1, 9, 15] {
        let (spec, mut params) = all[at].clone();
        let shared = BaseSpec::Mixture(MixtureSpec::new(21, Spread::Shared));
        let kernels = FlowSpec::new(Shape::vector(dim), &[]).with_base(shared);
        params.extend([0.7, -1.0]);
        params.extend(models::params(&kernels.with_given(given), random));
        all.push((spec.with_kernels(KernelsSpec::new(21)), params));
    }
    all
}

const SIZES: [(usize, usize); 5] = [(2, 1), (3, 2), (5, 1), (8, 3), (17, 2)];

#[test]
fn densities_and_maps_agree_with_the_reference() {
    let mut random = Random::new(401);
    for (dim, given) in SIZES {
        let specs = all(dim, given, &mut random).into_iter();
        let without = specs.map(|(spec, _)| spec.without_kernels());
        check("given values", without, 3, &MODEL);
        for (spec, params) in all(dim, given, &mut random) {
            let flow = common::flow(spec, &params);
            for _ in 0..10 {
                let x = random.normals(dim);
                let found = f64::from(common::score(&flow, &x).log_prob);
                let expected = reference::forward(&spec, &wide(&params), &wide(&x)).log_prob;
                assert!(
                    relative(found, expected) < MODEL.log_prob,
                    "{spec:?}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn what_is_judged_has_probability_one_whatever_is_given() {
    const STEPS: i32 = 4_000;
    let mut random = Random::new(402);
    for (dim, given) in [(2, 1), (3, 2)] {
        for (spec, params) in all(dim, given, &mut random) {
            if spec.kernels.is_some() {
                // The lower of two densities is none.
                continue;
            }
            let flow = common::flow(spec, &params);
            // Near, far, and far beyond all that was seen.
            for far in [0.3, -2.0, 9.0] {
                let mut sum = 0.0;
                for step in 0..STEPS {
                    let place = (f64::from(step) + 0.5) * 160.0 / f64::from(STEPS) - 80.0;
                    let mut x = vec![far; given];
                    x.push(place as f32);
                    sum += f64::from(common::score(&flow, &x).log_prob).exp();
                }
                let volume = sum * 160.0 / f64::from(STEPS);
                assert!((volume - 1.0).abs() < 1e-3, "{spec:?}, {far}: {volume}");
            }
        }
    }
}

#[test]
fn a_density_is_the_joint_one_over_that_of_what_is_given() {
    let mut random = Random::new(403);
    let rows: Vec<f64> = (0..600)
        .flat_map(|row| {
            let near = if row % 3 == 0 { 2.0 } else { -1.0 };
            let [a, b, c] = [(); 3].map(|()| f64::from(random.normal()));
            [near + 0.5 * a, 0.5 * near + 0.4 * a + 0.3 * b, c - near]
        })
        .collect();
    let floor = [1e-3; 3];
    let joint = Mixture::fit(&rows, 3, 4, &floor, 1).expect("a mixture");
    for given in [1, 2] {
        let conditional = joint.clone().with_given(given);
        let known: Vec<f64> = rows
            .chunks(3)
            .flat_map(|row| row[..given].to_vec())
            .collect();
        let base = BaseSpec::Mixture(MixtureSpec::new(joint.components(), Spread::Full));
        let both = spec(3, Vec::new()).with_base(base);
        let params = joint.params();
        // The marginal mixture has the leading blocks.
        let marginal: Vec<f32> = params
            .chunks(10)
            .flat_map(|own| {
                let (centre, triangle) = (&own[1..4], &own[4..]);
                let rest: f32 = [2, 5][given - 1..]
                    .iter()
                    .map(|&at| triangle[at].ln())
                    .sum();
                let constant = own[0] - rest + (3 - given) as f32 * 0.918_938_5;
                let len = given * (given + 1) / 2;
                [&[constant], &centre[..given], &triangle[..len]].concat()
            })
            .collect();
        let mut scratch = vec![0.0_f32; 16];
        let conditional_params = conditional.params();
        let own = both.with_given(given);
        let flow = common::flow(own, &conditional_params);
        for (row, known) in rows.chunks(3).zip(known.chunks(given)).take(60) {
            let x: Vec<f32> = row.iter().map(|&x| x as f32).collect();
            let whole = common::score(&common::flow(both, &params), &x).log_prob;
            let z: Vec<f32> = known.iter().map(|&x| x as f32).collect();
            let part = nvpico::base::mixture::log_prob(
                MixtureSpec::new(joint.components(), Spread::Full),
                Math::Libm,
                &marginal,
                &z,
                &mut scratch,
                0.0,
                0.0,
            );
            let found = common::score(&flow, &x).log_prob;
            assert!(
                (found - (whole - part)).abs() < 1e-3,
                "{found}, {whole}, {part}"
            );
            assert!((f64::from(found) - conditional.log_prob(row)).abs() < 1e-3);
        }
        let kernels = mixture::kernels(&rows, &rows[..300], 3, given, 40, 1).expect("kernels");
        let base = BaseSpec::Mixture(MixtureSpec::new(kernels.count(), Spread::Shared));
        let params = kernels.params();
        let flow = common::flow(own.with_base(base), &params);
        for row in rows.chunks(3).take(60) {
            let x: Vec<f32> = row.iter().map(|&x| x as f32).collect();
            let found = f64::from(common::score(&flow, &x).log_prob);
            let expected = kernels.log_prob(row);
            assert!((found - expected).abs() < 2e-3, "{found}, {expected}");
        }
    }
}

#[test]
fn bits_are_those_of_a_row_alone_and_in_steps() {
    let mut random = Random::new(404);
    for (dim, given) in [(2, 1), (5, 2)] {
        for (spec, params) in all(dim, given, &mut random) {
            for math in [Math::Libm, Math::Micromath] {
                let spec = spec.with_math(math);
                let mut rows = random.normals(60 * dim);
                // Up to rows that are beyond all.
                for (power, x) in (0..37).zip(rows.chunks_exact_mut(dim)) {
                    x[power as usize % dim] *= 10.0_f32.powi(power);
                }
                assert_same_scores(spec, &params, &rows);
                let flow = common::flow(spec, &params);
                let mut workspace = vec![7.0; spec.workspace_len()];
                for x in rows.chunks_exact(dim) {
                    let mut stepper = flow.stepper(x, &mut workspace).expect("the row is valid");
                    let score = (0..=spec.layers.len()).find_map(|_| stepper.step());
                    let whole = common::score(&flow, x);
                    assert_eq!(score.map(nvpico::Score::bits), Some(whole.bits()));
                    assert!(!whole.log_prob.is_nan() && whole.log_prob < f32::INFINITY);
                }
            }
        }
    }
}

#[test]
fn gradients_agree_with_differences() {
    let mut random = Random::new(405);
    for (dim, given) in [(2, 1), (3, 2), (8, 3)] {
        for (spec, params) in all(dim, given, &mut random) {
            let x = random.normals(dim);
            let mut found = vec![7.0; dim];
            let mut workspace = vec![7.0; spec.gradient_workspace_len()];
            let flow = common::flow(spec, &params);
            let score = flow.input_gradient(&x, &mut found, &mut workspace);
            let score = score.expect("the row is valid");
            assert_eq!(score.bits(), common::score(&flow, &x).bits());
            let params = wide(&params);
            let log_prob = |x: &[f64]| reference::forward(&spec, &params, x).log_prob;
            let expected = central_differences(&wide(&x), log_prob);
            let error = of_tensor(&wide(&found), &expected, GRADIENT_FLOOR);
            assert!(error < 10.0 * INPUT_GRADIENT, "{spec:?}: {error:e}");
        }
    }
}

#[test]
fn samples_are_those_of_the_density_where_values_are_given() {
    const COUNT: u32 = 20_000;
    let mut random = Random::new(406);
    for (spec, params) in all(2, 1, &mut random) {
        let flow = common::flow(
            spec.without_kernels(),
            &params[..spec.without_kernels().param_len()],
        );
        let mut scratch = vec![0.0; spec.scratch_len()];
        let given = random.uniform(-1.0, 1.0);
        let (mut mean, mut found) = (0.0, 0.0);
        for _ in 0..COUNT {
            let mut x = [given, f32::NAN];
            let done = flow.sample(&mut random.0, 1.0, &mut x, &mut scratch);
            assert!(done.is_ok() && (x[0] - given).abs() < 1e-5, "{x:?}");
            mean += f64::from(x[1]);
            found += f64::from(common::score(&flow, &x).log_prob);
        }
        let (mut expected, mut entropy) = (0.0, 0.0);
        for step in 0..8_000 {
            let x = f64::from(step) * 0.01 - 40.0;
            let log_prob = common::score(&flow, &[given, x as f32]).log_prob;
            let share = f64::from(log_prob).exp() * 0.01;
            expected += x * share;
            entropy += if share > 0.0 {
                f64::from(log_prob) * share
            } else {
                0.0
            };
        }
        let count = f64::from(COUNT);
        assert!(
            (mean / count - expected).abs() < 0.1,
            "{spec:?}: {} {expected}",
            mean / count
        );
        assert!(
            (found / count - entropy).abs() < 0.05,
            "{spec:?}: {} {entropy}",
            found / count
        );
    }
    let (spec, params) = all(2, 1, &mut random).remove(0);
    let flow = common::flow(spec, &params);
    let mut scratch = vec![0.0; spec.scratch_len()];
    let refused = flow.sample(&mut random.0, 1.0, &mut [f32::NAN, 0.0], &mut scratch);
    assert_eq!(refused, Err(nvpico::ScoreError::NonFinite { index: 0 }));
}

#[test]
fn what_would_change_a_given_value_is_refused() {
    let of = |layer| spec(4, vec![LayerSpec::Standardize, layer]).with_given(2);
    let changed = |value| Err(SpecError::GivenChanged { layer: 1, value });
    let mask = |mask| LayerSpec::Coupling(coupling(mask, TRANSFORMS[2], &[3]));
    for (layer, expected) in [
        (mask(Mask::FirstHalf), Ok(())),
        (mask(Mask::Indices(&[0, 1, 3])), Ok(())),
        (mask(Mask::SecondHalf), changed(0)),
        (mask(Mask::Even), changed(1)),
        (mask(Mask::Indices(&[1, 2])), changed(0)),
        (LayerSpec::Permutation(&[0, 1, 3, 2]), Ok(())),
        (LayerSpec::Permutation(&[0, 3, 2, 1]), changed(1)),
        (LayerSpec::Affine, Ok(())),
        (LayerSpec::Linear, changed(0)),
        (
            LayerSpec::BatchNorm(BatchNormSpec::new(1e-5, true)),
            changed(0),
        ),
    ] {
        assert_eq!(of(layer).validate(), expected, "{layer:?}");
    }
    for given in [4, 5, usize::MAX] {
        let none = spec(4, Vec::new()).with_given(given);
        assert_eq!(none.validate(), Err(SpecError::Given { given }));
    }
    let map = FlowSpec::new(Shape::map(2, 2, 2), &[LayerSpec::Squeeze(Squeeze::Cells)]);
    assert_eq!(
        map.with_given(1).validate(),
        Err(SpecError::Given { given: 1 })
    );
    let error = of(mask(Mask::Even)).validate().unwrap_err().to_string();
    assert!(
        error.starts_with("layer 1: ") && error.ends_with("(value 1)"),
        "{error}"
    );
    // The first judged value, not a given one.
    let kept = spec(4, vec![mask(Mask::Indices(&[0, 1, 2]))]).with_given(2);
    assert_eq!(kept.untransformed_feature(), Some(2));
}

/// Current follows the square of speed, and spreads with it.
#[test]
fn training_finds_how_values_depend_on_what_is_given() {
    let mut random = Random::new(407);
    let rows: Vec<f32> = (0..3_000)
        .flat_map(|_| {
            let speed = random.uniform(0.5, 2.0);
            [speed, speed * speed + 0.2 * speed * random.normal()]
        })
        .collect();
    let (fit, held_out) = rows.split_at(4_800);
    let known = Mask::Indices(&[0]);
    let layers = vec![
        LayerSpec::Standardize,
        LayerSpec::Coupling(coupling(known, TRANSFORMS[2], &[16, 16])),
    ];
    let spec = spec(2, layers).with_given(1);
    let options = TrainOptions {
        epochs: 60,
        batch: 64,
        learning_rate: 3e-3,
        noise: 0.0,
        ..TrainOptions::default()
    };
    let start = init(&spec, fit, 3);
    let before = mean_log_prob(&spec, &start, held_out).expect("a model");
    let trained = train(&spec, start, fit, held_out, &options, |_| true).expect("a model");
    let exact = |row: &[f32]| -> f64 {
        let (speed, current) = (f64::from(row[0]), f64::from(row[1]));
        let deviation = 0.2 * speed;
        let z = (current - speed * speed) / deviation;
        -0.5 * z * z - deviation.ln() - 0.918_938_5
    };
    let best = held_out.chunks(2).map(exact).sum::<f64>() / (held_out.len() / 2) as f64;
    let found = trained.held_out_log_prob;
    assert!(
        before < best - 0.5 && (best - found).abs() < 0.2,
        "{before}, {found}, {best}"
    );
}

#[test]
fn the_first_parameters_are_a_standard_normal_density_of_what_is_judged() {
    let mut random = Random::new(408);
    let rows = random.normals(90);
    for base in bases() {
        let spec = spec(3, layers(3, 1)).with_given(1);
        let plain = init(&spec, &rows, 5);
        let with_base = spec.with_base(base);
        let params = init(&with_base, &rows, 5);
        assert_eq!(params[..plain.len()], plain);
        for x in rows.chunks_exact(3) {
            let found = common::score(&common::flow(with_base, &params), x).log_prob;
            let expected = common::score(&common::flow(spec, &plain), x).log_prob;
            assert!(relative(f64::from(found), f64::from(expected)) < MODEL.log_prob);
        }
    }
}
