//! A second density of kernels: a sample is as unlikely as the less favourable density says.

use nvpico::spec::{BaseSpec, KernelsSpec, MixtureSpec, Spread};
use nvpico::train::mixture::{self, Mixture};
use nvpico::{FlowSpec, LayerSpec, SpecError};

use crate::common;
use crate::common::models::{self, HIDDEN, Random, spec, whole};
use crate::common::reference::{self, central_differences, wide};
use crate::common::scores::assert_same_scores;
use crate::common::tolerance::{GRADIENT_FLOOR, INPUT_GRADIENT, MODEL, of_tensor, relative};

const COUNT: usize = 21;

/// Flows with kernels behind a standardisation, and their parameters.
fn models(dim: usize, random: &mut Random) -> Vec<(FlowSpec<'static>, Vec<f32>)> {
    let full = BaseSpec::Mixture(MixtureSpec::new(2, Spread::Full));
    let shared = BaseSpec::Mixture(MixtureSpec::new(COUNT, Spread::Shared));
    let alone = spec(dim, vec![LayerSpec::Standardize]);
    let couplings = whole(dim, HIDDEN[2], random);
    let flows = [alone, alone.with_base(full), couplings[0]];
    flows
        .into_iter()
        .map(|flow| {
            let mut params = models::params(&flow, random);
            // A scale and an offset at which either density is the lower one now and then.
            params.extend([0.7, -1.0]);
            params.extend(models::params(
                &spec(dim, Vec::new()).with_base(shared),
                random,
            ));
            (flow.with_kernels(KernelsSpec::new(COUNT)), params)
        })
        .collect()
}

#[test]
fn the_lower_density_is_the_score() {
    let mut random = Random::new(301);
    let mut lower = [0, 0];
    for dim in [2, 5, 17] {
        for (spec, params) in models(dim, &mut random) {
            let flow_alone = spec.without_kernels();
            let own = &params[..flow_alone.param_len()];
            for _ in 0..30 {
                let x = random.normals(dim);
                let found = common::score(&common::flow(spec, &params), &x);
                let by_flow = common::score(&common::flow(flow_alone, own), &x).log_prob;
                let second = reference::base::by_kernels(&spec, &wide(&params), &wide(&x));
                let second = second.expect("there are kernels");
                let expected = second.min(f64::from(by_flow));
                let error = relative(f64::from(found.log_prob), expected);
                assert!(error < MODEL.log_prob, "{spec:?}: {found:?}, {expected}");
                lower[usize::from(second < f64::from(by_flow))] += 1;
                let whole = reference::forward(&spec, &wide(&params), &wide(&x)).log_prob;
                assert!((whole - expected).abs() < 1e-3 * (1.0 + expected.abs()));
            }
        }
    }
    assert!(lower.iter().all(|&times| times > 20), "{lower:?}");
}

#[test]
fn bits_are_those_of_a_row_alone_and_in_steps() {
    let mut random = Random::new(302);
    for dim in [2, 5] {
        for (spec, params) in models(dim, &mut random) {
            let mut rows = random.normals(37 * dim);
            for (power, x) in (0..20).zip(rows.chunks_exact_mut(dim)) {
                x[0] *= 10.0_f32.powi(2 * power);
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

#[test]
fn gradients_are_those_of_the_lower_density() {
    let mut random = Random::new(303);
    for dim in [2, 5] {
        for (spec, params) in models(dim, &mut random) {
            for _ in 0..10 {
                let x = random.normals(dim);
                let flow = common::flow(spec, &params);
                let mut found = vec![7.0; dim];
                let mut workspace = vec![7.0; spec.gradient_workspace_len()];
                let score = flow.input_gradient(&x, &mut found, &mut workspace);
                assert_eq!(
                    score.expect("the row is valid").bits(),
                    common::score(&flow, &x).bits()
                );
                let log_prob = |x: &[f64]| reference::forward(&spec, &wide(&params), x).log_prob;
                let expected = central_differences(&wide(&x), log_prob);
                let error = of_tensor(&wide(&found), &expected, GRADIENT_FLOOR);
                assert!(error < 10.0 * INPUT_GRADIENT, "{spec:?}: {error:e}");
            }
        }
    }
}

#[test]
fn kernels_need_a_first_layer_and_a_number() {
    let layers = vec![LayerSpec::Standardize];
    let none = spec(3, layers).with_kernels(KernelsSpec::new(0));
    assert_eq!(none.validate(), Err(SpecError::Components));
    let bare = spec(3, Vec::new()).with_kernels(KernelsSpec::new(4));
    assert_eq!(bare.validate(), Err(SpecError::Components));
}

/// What is fitted is what the engine computes from the parameters.
#[test]
fn fitted_densities_are_those_of_their_parameters() {
    let mut random = Random::new(304);
    let rows: Vec<f64> = (0..300)
        .flat_map(|row| {
            let near = if row % 3 == 0 { 2.0 } else { -1.0 };
            let [a, b] = [random.normal(), random.normal()].map(f64::from);
            [near + 0.2 * a, 0.5 * near + 0.1 * a + 0.3 * b]
        })
        .collect();
    let held_out = &rows[..100];
    let choice = mixture::choose(&rows, held_out, &[0.0, 0.0], 0, 8, 1).expect("a mixture");
    assert!(choice.components > 1, "{choice:?}");
    let fitted = choice.fit(&rows, &[0.0, 0.0], 1).expect("a mixture");
    let kernels = mixture::kernels(&rows, held_out, 2, 0, 33, 1).expect("kernels");
    let full = BaseSpec::Mixture(MixtureSpec::new(fitted.components(), Spread::Full));
    let shared = BaseSpec::Mixture(MixtureSpec::new(kernels.count(), Spread::Shared));
    for row in rows.chunks_exact(2).take(50) {
        let x = [row[0] as f32, row[1] as f32];
        let cases = [
            (full, fitted.params(), fitted.log_prob(row)),
            (shared, kernels.params(), kernels.log_prob(row)),
        ];
        for (base, params, expected) in cases {
            let spec = spec(2, Vec::new()).with_base(base);
            let found = common::score(&common::flow(spec, &params), &x).log_prob;
            assert!(
                (f64::from(found) - expected).abs() < 2e-3,
                "{base:?}: {found}, {expected}"
            );
        }
    }
}

#[test]
fn the_density_of_several_starts_is_their_mean() {
    let mut random = Random::new(305);
    let rows: Vec<f64> = (0..400).map(|_| f64::from(random.normal())).collect();
    let mut choice = mixture::choose(&rows, &rows, &[0.0, 0.0], 0, 8, 1).expect("a mixture");
    (choice.components, choice.starts) = (3, 3);
    let mean = choice.fit(&rows, &[0.0, 0.0], 5).expect("a mixture");
    let floor = [choice.floor; 2];
    let starts: Vec<Mixture> = (5..8)
        .map(|seed| Mixture::fit(&rows, 2, 3, &floor, seed).expect("a mixture"))
        .collect();
    assert!(starts[0] != starts[1] || starts[1] != starts[2]);
    for row in rows.chunks_exact(2).take(20) {
        let densities = starts.iter().map(|own| own.log_prob(row).exp());
        let expected = (densities.sum::<f64>() / 3.0).ln();
        assert!((mean.log_prob(row) - expected).abs() < 1e-9);
    }
}
