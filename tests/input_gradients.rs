//! Gradients of log-densities with respect to samples: by the inverse, against central differences of the `f64`
//! reference, and against a tape, as training keeps it.

use nvpico::layer::coupling::gradient::{self, Context};
use nvpico::layer::{self, Place, affine, batch_norm, linear, permutation, standardize};
use nvpico::spec::{Mask, ScaleMap, Shape, Transform};
use nvpico::{Flow, FlowSpec, LayerSpec, ScoreError};

use crate::common;
use crate::common::models::{
    self, DIMS, HIDDEN, Random, couplings, maps, residual_couplings, spec, whole,
};
use crate::common::reference::{self, central_differences, wide};
use crate::common::tolerance::{
    GRADIENT_FLOOR, INPUT_GRADIENT, INPUT_GRADIENT_MAP, INPUT_GRADIENT_TAPE, of_tensor,
};

/// The gradient at `x`; the score on the way has the bits of a score by itself.
fn gradient_of(flow: &Flow<'_>, x: &[f32]) -> Vec<f32> {
    let mut gradient = vec![7.0; x.len()];
    // What is left of others must not matter.
    let mut workspace = vec![7.0; flow.spec().gradient_workspace_len()];
    let score = flow.input_gradient(x, &mut gradient, &mut workspace);
    let score = score.expect("the sample is valid");
    assert_eq!(score.bits(), common::score(flow, x).bits());
    gradient
}

/// The error of the gradient at `x` relative to its largest value.
fn error(spec: &FlowSpec<'_>, params: &[f32], x: &[f32]) -> f64 {
    let found = gradient_of(&common::flow(*spec, params), x);
    let params = wide(params);
    let expected = central_differences(&wide(x), |x| reference::forward(spec, &params, x).log_prob);
    of_tensor(&wide(&found), &expected, GRADIENT_FLOOR)
}

fn check(spec: &FlowSpec<'_>, random: &mut Random, tolerance: f64) -> f64 {
    let params = models::params(spec, random);
    let x = maps::samples(spec, 1, random);
    let error = error(spec, &params, &x);
    assert!(error <= tolerance, "{spec:?}: {error:e}");
    error
}

#[test]
fn gradients_agree_for_every_coupling_on_vectors() {
    let mut random = Random::new(101);
    let mut largest: f64 = 0.0;
    for dim in DIMS {
        let part = couplings(dim).into_iter().skip(dim % 5).step_by(5);
        for own in part.chain(residual_couplings()) {
            let spec = spec(dim, vec![LayerSpec::Coupling(own)]);
            largest = largest.max(check(&spec, &mut random, INPUT_GRADIENT));
        }
    }
    println!("couplings: {largest:e}");
}

#[test]
fn gradients_agree_for_whole_models_on_vectors() {
    let mut random = Random::new(102);
    let mut largest: f64 = 0.0;
    for dim in DIMS {
        for hidden in HIDDEN {
            for spec in whole(dim, hidden, &mut random) {
                largest = largest.max(check(&spec, &mut random, INPUT_GRADIENT));
            }
        }
    }
    println!("whole models: {largest:e}");
}

#[test]
fn gradients_agree_on_maps() {
    let mut random = Random::new(103);
    let mut largest: f64 = 0.0;
    for shape in maps::SHAPES {
        for own in maps::couplings(shape, &maps::stacks()) {
            let spec = models::on(shape, vec![LayerSpec::Coupling(own)]);
            largest = largest.max(check(&spec, &mut random, INPUT_GRADIENT));
        }
    }
    println!("stacks of convolutions: {largest:e}");
    let mut largest: f64 = 0.0;
    for spec in maps::multi_scale(&maps::stacks()) {
        largest = largest.max(check(&spec, &mut random, INPUT_GRADIENT_MAP));
    }
    println!("at several scales: {largest:e}");
}

/// The gradient by what training keeps, not by the inverse; vectors alone.
fn by_tape(spec: &FlowSpec<'_>, params: &[f32], x: &[f32]) -> Vec<f32> {
    let shape = spec.shape;
    let (math, dim) = (spec.math, shape.len());
    let context = Context {
        math,
        shape,
        rows: 1,
        keep: 1.0,
    };
    let place = Place {
        math,
        input: shape,
        output: shape,
    };
    let (mut z, mut rest, mut log_det) = (x.to_vec(), params, 0.0);
    let mut scratch = vec![0.0; spec.gradient_workspace_len()];
    let mut tape = Vec::new();
    for layer in spec.layers {
        let (own, others) = rest.split_at(layer.param_len(shape));
        rest = others;
        let mut saved = Vec::new();
        if let LayerSpec::Coupling(coupling) = layer {
            saved = vec![0.0; gradient::saved_len(coupling, shape)];
            gradient::forward_saving(coupling, context, own, &mut z, &mut saved, &mut log_det)
        } else {
            layer::forward(layer, place, own, &mut z, &mut scratch, &mut log_det).map(|_| ())
        }
        .expect("the slices fit");
        tape.push((layer, own, saved));
    }
    let mut g: Vec<f32> = z.iter().map(|z| -z).collect();
    for (layer, own, saved) in tape.iter().rev() {
        match layer {
            LayerSpec::Standardize => standardize::backward(shape, own, &mut g),
            LayerSpec::Affine => affine::backward(shape, own, &mut g),
            LayerSpec::Linear => linear::pull_back(shape, own, &mut g).expect("the slices fit"),
            LayerSpec::BatchNorm(norm) => batch_norm::pull_back(*norm, shape, own, &mut g),
            LayerSpec::Permutation(order) => {
                permutation::inverse(shape, order, &mut g, &mut scratch[..dim]);
            }
            LayerSpec::Coupling(spec) => {
                let mut unused = vec![0.0; own.len()];
                let unused = Some(&mut unused[..]);
                gradient::backward(spec, context, own, saved, &mut g, 1.0, unused, &mut scratch)
                    .expect("the slices fit");
            }
            other => panic!("{other:?} is for maps"),
        }
    }
    g
}

#[test]
fn the_inverse_costs_little_against_a_tape() {
    let mut random = Random::new(104);
    let mut largest: f64 = 0.0;
    for dim in DIMS {
        for hidden in HIDDEN {
            for spec in whole(dim, hidden, &mut random) {
                let params = models::params(&spec, &mut random);
                let x = random.normals(dim);
                let found = wide(&gradient_of(&common::flow(spec, &params), &x));
                let expected = wide(&by_tape(&spec, &params, &x));
                let error = of_tensor(&found, &expected, GRADIENT_FLOOR);
                assert!(error <= INPUT_GRADIENT_TAPE, "{spec:?}: {error:e}");
                largest = largest.max(error);
            }
        }
    }
    println!("against a tape: {largest:e}");
}

#[test]
fn wrong_arguments_are_refused_and_the_gradient_is_left_alone() {
    let flow_spec = spec(2, vec![LayerSpec::Affine]);
    let params = [1.0, 1.0, 0.0, 0.0, 0.0];
    let flow = common::flow(flow_spec, &params);
    let run = |x: &[f32], gradient: &mut [f32], workspace: usize| {
        let before = gradient.to_vec();
        let found = flow.input_gradient(x, gradient, &mut vec![0.0; workspace]);
        assert_eq!(gradient, before);
        found.expect_err("the arguments are wrong")
    };
    let needed = flow_spec.gradient_workspace_len();
    assert_eq!(
        run(&[0.0, f32::NAN], &mut [1.0; 2], needed),
        ScoreError::NonFinite { index: 1 }
    );
    assert_eq!(
        run(&[0.0], &mut [1.0; 2], needed),
        ScoreError::InputLength {
            expected: 2,
            found: 1
        }
    );
    assert_eq!(
        run(&[0.0; 2], &mut [1.0; 3], needed),
        ScoreError::GradientLength {
            expected: 2,
            found: 3
        }
    );
    assert_eq!(
        run(&[0.0; 2], &mut [1.0; 2], needed - 1),
        ScoreError::WorkspaceLength {
            expected: needed,
            found: needed - 1
        }
    );
}

#[test]
fn residual_networks_of_convolutions_are_refused() {
    let shape = Shape::map(2, 3, 3);
    let [deployed, ..] = maps::FORMS;
    for conditioner in maps::residuals(deployed) {
        let spec = models::on(
            shape,
            vec![
                LayerSpec::Affine,
                maps::bounded(Mask::FirstHalf, conditioner),
            ],
        );
        assert_eq!(spec.layer_without_gradient(), Some(1));
        let params = models::params(&spec, &mut Random::new(5));
        let flow = common::flow(spec, &params);
        let mut workspace = vec![0.0; spec.gradient_workspace_len()];
        let found = flow.input_gradient(&[0.0; 18], &mut [0.0; 18], &mut workspace);
        assert_eq!(found, Err(ScoreError::NoGradient { layer: 1 }));
    }
}

#[test]
fn an_overflow_gives_no_nan() {
    let unbounded = Transform::Affine(ScaleMap::Unbounded);
    let own = models::coupling(Mask::FirstHalf, unbounded, &[]);
    let spec = spec(2, vec![LayerSpec::Coupling(own)]);
    // s = 100 x, t = 0.
    let flow_params = [0.0, 0.0, 100.0, 0.0];
    let flow = common::flow(spec, &flow_params);
    for x in [
        [10.0, 1.0],
        [-10.0, 1.0],
        [10.0, 0.0],
        [f32::MAX, -f32::MAX],
    ] {
        let gradient = gradient_of(&flow, &x);
        assert!(gradient.iter().all(|g| !g.is_nan()), "{x:?}: {gradient:?}");
    }
}
