//! Mixtures as the density of z: against the reference, their volume, bits, far samples, gradients and samples.

use nvpico::spec::{BaseSpec, MixtureSpec, Shape, Spread, Squeeze};
use nvpico::train::{TrainOptions, init, train};
use nvpico::{Flow, FlowSpec, LayerSpec, Math, SpecError};

use crate::common;
use crate::common::agreement::check;
use crate::common::models::{self, HIDDEN, Random, bases, maps, spec, whole};
use crate::common::reference::{self, central_differences, wide};
use crate::common::scores::assert_same_scores;
use crate::common::tolerance::{
    GRADIENT_FLOOR, INPUT_GRADIENT, INPUT_GRADIENT_MAP, MODEL, Tolerance, of_tensor, relative,
};

/// The flows of some layers with every base.
fn with_bases(specs: impl IntoIterator<Item = FlowSpec<'static>>) -> Vec<FlowSpec<'static>> {
    specs
        .into_iter()
        .flat_map(|spec| bases().into_iter().map(move |base| spec.with_base(base)))
        .collect()
}

/// Layers on vectors with every base, and no layers at all.
fn on_vectors(dim: usize, random: &mut Random) -> Vec<FlowSpec<'static>> {
    let alone = spec(dim, Vec::new());
    with_bases(whole(dim, HIDDEN[2], random).into_iter().chain([alone]))
}

#[test]
fn densities_agree_with_those_of_each_component() {
    let mut random = Random::new(201);
    for dim in [2, 3, 8, 17] {
        check("mixtures", on_vectors(dim, &mut random), 3, &MODEL);
    }
}

#[test]
fn densities_agree_on_maps_in_the_order_that_the_layers_leave() {
    let allowed = Tolerance {
        // A map has hundreds of values.
        log_prob: 1e-4,
        ..MODEL
    };
    let specs = with_bases(maps::multi_scale(&maps::stacks()).into_iter().take(2));
    check("mixtures on maps", specs, 1, &allowed);
}

#[test]
fn the_back_end_of_a_mixture_is_that_of_its_model() {
    let mut random = Random::new(202);
    for base in bases() {
        let exact = spec(3, Vec::new()).with_base(base);
        let rough = exact.with_math(Math::Micromath);
        let params = models::params(&exact, &mut random);
        for _ in 0..20 {
            let x = random.normals(3);
            let [exact, rough] =
                [exact, rough].map(|spec| common::score(&common::flow(spec, &params), &x).log_prob);
            // Its exponential is off by 2.4e-3.
            assert!((exact - rough).abs() < 3e-3, "{base:?}: {exact} {rough}");
        }
    }
}

#[test]
fn the_whole_plane_has_probability_one() {
    const STEPS: i32 = 400;
    let mut random = Random::new(203);
    for base in bases() {
        let spec = spec(2, Vec::new()).with_base(base);
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let place = |step: i32| (f64::from(step) + 0.5) * 16.0 / f64::from(STEPS) - 8.0;
        let mut sum = 0.0;
        for row in 0..STEPS {
            for column in 0..STEPS {
                let x = [place(row) as f32, place(column) as f32];
                sum += f64::from(common::score(&flow, &x).log_prob).exp();
            }
        }
        let volume = sum * (16.0 / f64::from(STEPS)).powi(2);
        assert!((volume - 1.0).abs() < 1e-4, "{base:?}: {volume}");
    }
}

#[test]
fn bits_are_those_of_a_row_alone_and_in_steps() {
    let mut random = Random::new(204);
    for math in [Math::Libm, Math::Micromath] {
        for dim in [2, 5] {
            for spec in on_vectors(dim, &mut random) {
                let spec = spec.with_math(math);
                let params = models::params(&spec, &mut random);
                let mut rows = random.normals(37 * dim);
                // Rows at all distances, and some beyond all.
                let powers = (4..37).step_by(2).chain(std::iter::repeat(37));
                for ((row, x), power) in rows.chunks_exact_mut(dim).enumerate().skip(17).zip(powers)
                {
                    x[row % dim] *= 10.0_f32.powi(power);
                }
                assert_same_scores(spec, &params, &rows);
                let flow = common::flow(spec, &params);
                let mut workspace = vec![7.0; spec.workspace_len()];
                for x in rows.chunks_exact(dim) {
                    let mut stepper = flow.stepper(x, &mut workspace).expect("the row is valid");
                    for _ in spec.layers {
                        assert_eq!(stepper.step(), None);
                    }
                    let score = stepper.step().expect("the base is the last step");
                    assert_eq!(score.bits(), common::score(&flow, x).bits());
                    assert_eq!(stepper.step(), Some(score), "the score stays");
                }
            }
        }
    }
}

#[test]
fn the_farther_the_less_likely_and_never_a_number_beyond_all() {
    let mut random = Random::new(205);
    for base in bases() {
        let spec = spec(3, Vec::new()).with_base(base);
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        for direction in [[1.0, 0.0, 0.0], [-0.3, 0.5, 0.1], [0.0, -1.0, 1.0]] {
            let mut before = f32::INFINITY;
            for power in 1..39 {
                let x = direction.map(|x: f32| x * 10.0_f32.powi(power));
                let score = common::score(&flow, &x);
                assert!(
                    !score.log_prob.is_nan() && score.log_prob <= before,
                    "{base:?}"
                );
                before = score.log_prob;
            }
            assert!(before < f32::MIN, "{before}");
        }
    }
}

#[test]
fn broken_parameters_make_nothing_normal() {
    let mut random = Random::new(206);
    for base in bases() {
        let spec = spec(2, Vec::new()).with_base(base);
        let good = models::params(&spec, &mut random);
        for at in 0..good.len() {
            for value in [f32::NAN, f32::INFINITY] {
                let mut params = good.clone();
                params[at] = value;
                let score = common::score(&common::flow(spec, &params), &[0.25, -0.5]);
                assert!(score.log_prob < f32::INFINITY, "{base:?}, {at}: {score:?}");
                let best = common::score(&common::flow(spec, &good), &[0.25, -0.5]);
                assert!(
                    score.log_prob <= best.log_prob + 1e-3,
                    "{base:?}, {at}: {score:?}"
                );
            }
        }
    }
}

#[test]
fn gradients_agree_with_differences() {
    let mut random = Random::new(207);
    let vectors = [2, 3, 8].map(|dim| on_vectors(dim, &mut random)).concat();
    let maps = with_bases(maps::multi_scale(&maps::stacks()).into_iter().take(2));
    let vectors = vectors.into_iter().map(|spec| (spec, INPUT_GRADIENT));
    let maps = maps.into_iter().map(|spec| (spec, INPUT_GRADIENT_MAP));
    for (spec, tolerance) in vectors.chain(maps) {
        let params = models::params(&spec, &mut random);
        let x = maps::sample(&spec, &mut random);
        let mut gradient = vec![7.0; spec.dim()];
        let mut workspace = vec![7.0; spec.gradient_workspace_len()];
        let flow = common::flow(spec, &params);
        let score = flow.input_gradient(&x, &mut gradient, &mut workspace);
        let score = score.expect("the sample is valid");
        assert_eq!(score.bits(), common::score(&flow, &x).bits());
        let params = wide(&params);
        let log_prob = |x: &[f64]| reference::forward(&spec, &params, x).log_prob;
        let expected = central_differences(&wide(&x), log_prob);
        let error = of_tensor(&wide(&gradient), &expected, GRADIENT_FLOOR);
        assert!(error <= tolerance, "{spec:?}: {error:e}");
    }
}

#[test]
fn a_mixture_has_components() {
    for spread in [Spread::Shared, Spread::Full] {
        let base = BaseSpec::Mixture(MixtureSpec::new(0, spread));
        let spec = FlowSpec::new(Shape::vector(2), &[]).with_base(base);
        assert_eq!(spec.validate(), Err(SpecError::Components));
        let base = BaseSpec::Mixture(MixtureSpec::new(usize::MAX / 2, spread));
        assert_eq!(spec.with_base(base).validate(), Err(SpecError::Overflow));
        let base = BaseSpec::Mixture(MixtureSpec::new(3, spread));
        let spec = spec.with_base(base);
        let params = vec![0.0; spec.param_len() - 1];
        assert!(Flow::new(spec, &params).is_err());
    }
}

#[test]
fn samples_have_the_weights_and_moments_of_the_components() {
    const COUNT: u32 = 30_000;
    let mut random = Random::new(208);
    for base in bases() {
        let BaseSpec::Mixture(mixture) = base else {
            continue;
        };
        let spec = spec(2, Vec::new()).with_base(base);
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let components = reference::base::components(mixture, 2, 0, &wide(&params));
        let mut scratch = vec![0.0; spec.scratch_len()];
        let (mut sums, mut log_probs) = ([0.0; 2], 0.0);
        let mut near = vec![0; components.len()];
        for _ in 0..COUNT {
            let mut x = [f32::NAN; 2];
            flow.sample(&mut random.0, 1.0, &mut x, &mut scratch)
                .expect("samples");
            sums[0] += f64::from(x[0]);
            sums[1] += f64::from(x[1]);
            log_probs += f64::from(common::score(&flow, &x).log_prob);
            // At temperature 0 a sample is a centre.
            flow.sample(&mut random.0, 0.0, &mut x, &mut scratch)
                .expect("samples");
            let at = components
                .iter()
                .position(|component| of_tensor(&wide(&x), &component.centre, 1.0) < 1e-4);
            near[at.expect("a centre")] += 1;
        }
        let count = f64::from(COUNT);
        let mut mean = [0.0; 2];
        for (component, near) in components.iter().zip(near) {
            let found = f64::from(near) / count;
            assert!(
                (found - component.weight).abs() < 0.015,
                "{base:?}: {found}"
            );
            mean[0] += component.weight * component.centre[0];
            mean[1] += component.weight * component.centre[1];
        }
        for (sum, mean) in sums.iter().zip(mean) {
            assert!((sum / count - mean).abs() < 0.03, "{base:?}");
        }
        // The entropy, by an integral over the plane.
        let mut entropy = 0.0;
        for row in -300..300 {
            for column in -300..300 {
                let x = [
                    f64::from(row) * 0.03 + 0.015,
                    f64::from(column) * 0.03 + 0.015,
                ];
                let log_prob = reference::forward(&spec, &wide(&params), &x).log_prob;
                entropy += log_prob.exp() * log_prob * 0.03 * 0.03;
            }
        }
        assert!((log_probs / count - entropy).abs() < 0.03, "{base:?}");
    }
}

#[test]
fn a_sample_on_a_map_at_temperature_zero_is_a_centre() {
    let mut random = Random::new(209);
    let layers = vec![
        LayerSpec::Squeeze(Squeeze::Cells),
        LayerSpec::FactorOut,
        LayerSpec::Squeeze(Squeeze::Pairs),
    ];
    for spec in with_bases([models::on(Shape::map(1, 4, 4), layers)]) {
        let BaseSpec::Mixture(mixture) = spec.base else {
            continue;
        };
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let order = reference::order(&spec);
        let components = reference::base::components(mixture, 16, 0, &wide(&params));
        let mut scratch = vec![0.0; spec.scratch_len()];
        for _ in 0..20 {
            let mut x = vec![0.0; 16];
            let log_det = flow.sample(&mut random.0, 0.0, &mut x, &mut scratch);
            assert_eq!(log_det, Ok(0.0));
            let z: Vec<f64> = order.iter().map(|&place| f64::from(x[place])).collect();
            assert!(
                (components.iter()).any(|one| of_tensor(&z, &one.centre, 1.0) < 1e-5),
                "{z:?}"
            );
        }
    }
}

#[test]
fn the_first_parameters_are_a_standard_normal_density() {
    let mut random = Random::new(210);
    let rows = random.normals(60);
    for spec in on_vectors(3, &mut random) {
        let params = init(&spec, &rows, 5);
        let plain = spec.with_base(BaseSpec::Normal);
        let plain_params = init(&plain, &rows, 5);
        assert_eq!(params[..plain_params.len()], plain_params);
        for x in rows.chunks_exact(3) {
            let found = common::score(&common::flow(spec, &params), x).log_prob;
            let expected = common::score(&common::flow(plain, &plain_params), x).log_prob;
            assert!(relative(f64::from(found), f64::from(expected)) < MODEL.log_prob);
        }
    }
}

#[test]
fn training_goes_by_the_base_and_keeps_it() {
    let mut random = Random::new(211);
    let rows = random.normals(400);
    let (fit, held_out) = rows.split_at(300);
    let coupling = models::coupling(nvpico::spec::Mask::Even, models::TRANSFORMS[2], &[6, 11]);
    let layers = vec![LayerSpec::Standardize, LayerSpec::Coupling(coupling)];
    let options = TrainOptions {
        epochs: 15,
        batch: 32,
        learning_rate: 1e-2,
        ..TrainOptions::default()
    };
    for spec in with_bases([spec(2, layers)]) {
        let len = spec.param_len() - spec.base_param_len();
        let mut start = init(&spec, fit, 1);
        let drawn = models::params(&spec, &mut random);
        start[len..].copy_from_slice(&drawn[len..]);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().expect("threads");
            pool.install(|| train(&spec, start.clone(), fit, held_out, &options, |_| true))
                .expect("trains")
        };
        let trained = run(1);
        assert_eq!(trained, run(3));
        assert_eq!(trained.params[len..], start[len..], "the base stays");
        let before = nvpico::train::mean_log_prob(&spec, &start, held_out);
        let before = before.expect("the rows are valid");
        assert!(trained.held_out_log_prob > before, "{:?}", spec.base);
    }
}
