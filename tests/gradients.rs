//! Every layer's `backward` against central differences of the `f64` reference.
//!
//! The loss is a random weighted sum of outputs and log-determinant, `sum(w * y) + c * log_det`, so
//! that no gradient can hide behind another. Samples lie in the lanes of the number type; parameter
//! gradients are sums over the lanes. Whole models and the training step are tried in
//! `src/train/step_tests.rs`.

use crate::common;
use crate::common::gradients::{Largest, check_coupling, dot, lane, pack, random_rows, weighted};
use crate::common::models::maps::{self, LOGIT, SHAPES};
use crate::common::models::{
    self, ACTIVATIONS, DIMS, NORMS, Random, couplings, residual_couplings, spec,
};
use crate::common::reference::{self, Norm, central_differences, wide};
use nvpico::LayerSpec;
use nvpico::arithmetic::Packet;
use nvpico::kernel::Kernels;
use nvpico::kernel::dense;
use nvpico::layer::{affine, batch_norm, logit, permutation, standardize};
use nvpico::spec::{Activation, BatchNormSpec, CouplingSpec, Shape};

#[test]
fn coupling_gradients_agree_for_single_samples() {
    let mut random = Random::new(21);
    let mut largest: f64 = 0.0;
    for dim in DIMS {
        // A part of them that has every choice, for each dimension another one.
        for own in couplings(dim).into_iter().skip(dim % 5).step_by(5) {
            largest = largest.max(check_coupling::<f32>(own, Shape::vector(dim), &mut random));
        }
    }
    println!("coupling, one sample: {largest:e}");
}

#[test]
fn coupling_gradients_agree_for_packets() {
    let mut random = Random::new(22);
    let mut largest: f64 = 0.0;
    // A part of them that has every choice: each one went through single samples.
    for own in couplings(5).into_iter().step_by(13) {
        let shape = Shape::vector(5);
        largest = largest.max(check_coupling::<Packet<8>>(own, shape, &mut random));
    }
    for own in couplings(3).into_iter().step_by(13) {
        let shape = Shape::vector(3);
        largest = largest.max(check_coupling::<Packet<16>>(own, shape, &mut random));
    }
    println!("coupling, packets: {largest:e}");
}

#[test]
fn coupling_gradients_agree_for_residual_networks() {
    let mut random = Random::new(26);
    let mut largest: f64 = 0.0;
    let all = residual_couplings();
    let (narrow, wide) = all.split_at(24);
    for own in narrow.iter().chain(wide.iter().step_by(5)) {
        largest = largest.max(check_coupling::<f32>(*own, Shape::vector(5), &mut random));
    }
    for own in narrow.iter().step_by(5) {
        let shape = Shape::vector(3);
        largest = largest.max(check_coupling::<Packet<16>>(*own, shape, &mut random));
    }
    println!("residual networks: {largest:e}");
}

/// Couplings by stacks with no more parameters: differences by thousands take too long.
fn few(shape: Shape, params: usize) -> impl Iterator<Item = CouplingSpec<'static>> {
    let all = maps::couplings(shape, &maps::stacks()).into_iter();
    all.filter(move |own| own.param_len(shape) <= params)
}

#[test]
fn coupling_gradients_agree_for_stacks_of_convolutions() {
    let mut random = Random::new(27);
    let mut largest: f64 = 0.0;
    for shape in SHAPES {
        // Every mask, transform and stack, not each with each other one.
        for own in few(shape, 400).step_by(4) {
            largest = largest.max(check_coupling::<f32>(own, shape, &mut random));
        }
    }
    let small = maps::shape(2, 2, 3);
    for own in few(small, 150).step_by(5) {
        largest = largest
            .max(check_coupling::<Packet<8>>(own, small, &mut random))
            .max(check_coupling::<Packet<16>>(own, small, &mut random));
    }
    println!("stacks of convolutions: {largest:e}");
}

/// Gradients of a dense layer, through its activation.
fn check_dense<V: Kernels>(
    (inputs, outputs): (usize, usize),
    activation: Option<Activation>,
    random: &mut Random,
) -> f64 {
    let params = random.normals(dense::param_len(inputs, outputs));
    let (x, w) = (
        random_rows(random, V::COUNT, inputs),
        random_rows(random, V::COUNT, outputs),
    );
    let input: Vec<V> = pack(&x);
    let mut output = vec![V::splat(0.0); outputs];
    dense::forward(&params, &input, &mut output, activation);
    let mut gradient: Vec<V> = pack(&w);
    if let Some(activation) = activation {
        dense::backward_activation(&output, &mut gradient, activation);
    }
    let mut param_gradient = vec![0.0; params.len()];
    // Backward overwrites input gradients; what was there must go.
    let mut input_gradient = vec![V::splat(7.0); inputs];
    dense::backward(
        &params,
        &input,
        &gradient,
        Some(&mut param_gradient),
        &mut input_gradient,
    );

    let slope = match activation {
        None => 1.0,
        Some(Activation::Relu) => 0.0,
        Some(Activation::LeakyRelu { slope }) => f64::from(slope),
    };
    let loss = |params: &[f64], x: &[f64], w: &[f32]| {
        let mut y = reference::coupling::dense(params, x, outputs);
        for y in &mut y {
            *y = if *y < 0.0 { *y * slope } else { *y };
        }
        dot(&y, w)
    };
    let mut largest = Largest::default();
    let (params, x): (_, Vec<_>) = (wide(&params), x.iter().map(|x| wide(x)).collect());
    for (at, row) in x.iter().enumerate() {
        let expected = central_differences(row, |x| loss(&params, x, &w[at]));
        largest.compare("input", &lane(&input_gradient, at), &expected);
    }
    let expected = central_differences(&params, |params| {
        x.iter().zip(&w).map(|(x, w)| loss(params, x, w)).sum()
    });
    largest.compare("weights", &wide(&param_gradient), &expected);
    largest.0
}

#[test]
fn dense_gradients_agree_for_every_panel_and_remainder() {
    let mut random = Random::new(23);
    let mut largest: f64 = 0.0;
    let activations = ACTIVATIONS.map(Some).into_iter().chain([None]);
    for activation in activations {
        for outputs in (1..20).chain([31, 33]) {
            for inputs in [1, 4, 7, 18] {
                let shape = (inputs, outputs);
                largest = largest
                    .max(check_dense::<f32>(shape, activation, &mut random))
                    .max(check_dense::<Packet<8>>(shape, activation, &mut random))
                    .max(check_dense::<Packet<16>>(shape, activation, &mut random));
            }
        }
    }
    println!("dense: {largest:e}");
}

#[test]
fn relu_passes_no_gradient_at_zero() {
    let mut gradient = [1.0_f32, 1.0, 1.0];
    dense::backward_activation(&[0.0, -0.0, 0.5], &mut gradient, Activation::Relu);
    assert_eq!(
        common::bits(&gradient),
        common::bits(&[0.0, 0.0, 1.0]),
        "zero counts as the negative side"
    );
}

#[test]
fn layers_without_a_network_take_gradients_back() {
    let mut random = Random::new(24);
    let mut largest = Largest::default();
    for shape in DIMS.map(Shape::vector).into_iter().chain(SHAPES) {
        let mut layers = maps::fixed(shape, &mut random);
        layers.push(LayerSpec::Logit(LOGIT));
        for layer in layers {
            check_fixed(layer, shape, &mut random, &mut largest);
        }
    }
    println!("layers without a network: {:e}", largest.0);
}

fn check_fixed(
    layer: LayerSpec<'static>,
    shape: Shape,
    random: &mut Random,
    largest: &mut Largest,
) {
    let flow = models::on(shape, vec![layer]);
    let params = models::params(&flow, random);
    let (x, w) = (maps::sample(&flow, random), random.normals(shape.len()));
    let (mut gradient, mut scratch) = (w.clone(), vec![0.0; shape.len()]);
    match layer {
        LayerSpec::Standardize => standardize::backward(shape, &params, &mut gradient),
        LayerSpec::Affine => affine::backward(shape, &params, &mut gradient),
        LayerSpec::Permutation(order) => {
            permutation::inverse(shape, order, &mut gradient, &mut scratch);
        }
        LayerSpec::Logit(own) => logit::backward(own, &x, &mut gradient, 0.7),
        // Of batch norm below. Squeezes go back by their inverse, and factored out channels as they are:
        // both are tried in whole models.
        _ => return,
    }
    let (params, w) = (wide(&params), [w]);
    let expected = central_differences(&wide(&x), |x| {
        weighted(&flow, &params, &[x.to_vec()], (&w, &[0.7]), Norm::Running)
    });
    largest.compare(&format!("{layer:?}"), &wide(&gradient), &expected);
}

#[test]
fn batch_norm_gradients_go_through_the_batch_statistics() {
    let mut random = Random::new(25);
    let mut largest = Largest::default();
    for norm in NORMS {
        for keep in [0.0, 0.9] {
            for (dim, count) in [(2, 2), (3, 50), (5, 7)] {
                check_batch_norm(norm, keep, (dim, count), &mut random, &mut largest);
            }
        }
    }
    println!("batch norm: {:e}", largest.0);
}

fn check_batch_norm(
    norm: BatchNormSpec,
    keep: f64,
    (dim, count): (usize, usize),
    random: &mut Random,
    largest: &mut Largest,
) {
    let flow = spec(dim, vec![LayerSpec::BatchNorm(norm)]);
    let params = models::params(&flow, random);
    let (x, w) = (
        random_rows(random, count, dim),
        random_rows(random, count, dim),
    );
    let c = random.normals(count);
    let log_det_gradient: f64 = c.iter().map(|&c| f64::from(c)).sum();

    let wide_x: Vec<Vec<f64>> = x.iter().map(|x| wide(x)).collect();
    let batch = Norm::Batch { keep };
    let by_param = central_differences(&wide(&params), |params| {
        weighted(&flow, params, &wide_x, (&w, &c), batch)
    });
    let by_input = central_differences(&wide_x.concat(), |x| {
        let x: Vec<Vec<f64>> = x.chunks(dim).map(<[f64]>::to_vec).collect();
        weighted(&flow, &wide(&params), &x, (&w, &c), batch)
    });

    for (at, feature) in batch_norm::features(norm, &params, dim).enumerate() {
        let column = x.iter().map(|x| x[at]);
        let statistics = batch_norm::Statistics::of(column.clone(), feature, keep);
        let found = batch_norm::backward(
            column.zip(w.iter().map(|w| w[at])),
            statistics,
            feature.log_scale,
            norm.eps,
            keep,
            log_det_gradient,
        );
        let inputs: Vec<f64> = wide_x
            .iter()
            .zip(&w)
            .map(|(x, w)| f64::from(w[at]) * found.factor + found.constant + found.linear * x[at])
            .collect();
        let expected: Vec<f64> = by_input.iter().skip(at).step_by(dim).copied().collect();
        largest.compare("input", &inputs, &expected);
        if norm.affine {
            largest.compare(
                "log_scale",
                &[found.log_scale],
                &by_param[2 * dim + at..][..1],
            );
            largest.compare("shift", &[found.shift], &by_param[3 * dim + at..][..1]);
        }
    }
}
