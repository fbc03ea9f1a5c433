//! Every layer's `backward` against central differences of the `f64` reference.
//!
//! The loss is a random weighted sum of outputs and log-determinant, `sum(w * y) + c * log_det`, so
//! that no gradient can hide behind another. Samples lie in the lanes of the number type; parameter
//! gradients are sums over the lanes. Whole models and the training step are tried in
//! `src/train/step_tests.rs`.
#![cfg(feature = "std")]

mod common;

use common::models::{self, ACTIVATIONS, DIMS, NORMS, Random, couplings, spec};
use common::reference::{self, Norm, central_differences, wide};
use common::tolerance::{GRADIENT, GRADIENT_FLOOR, of_tensor};
use nvpico::conditioner::dense;
use nvpico::lanes::{Lanes, Packet};
use nvpico::layer::coupling::training::{self, Context};
use nvpico::layer::{affine, batch_norm, permutation, standardize};
use nvpico::spec::{Activation, BatchNormSpec, CouplingSpec, Shape};
use nvpico::{FlowSpec, LayerSpec, Math};

/// The largest error of some tensors; fails above the tolerance.
#[derive(Default)]
struct Largest(f64);

impl Largest {
    fn compare(&mut self, what: &str, found: &[f64], expected: &[f64]) {
        let error = of_tensor(found, expected, GRADIENT_FLOOR);
        assert!(
            error <= GRADIENT,
            "{what}: {error:e}\nfound    {found:?}\nexpected {expected:?}"
        );
        self.0 = self.0.max(error);
    }
}

/// A row in each lane, `[feature]` packets.
fn pack<V: Lanes>(rows: &[Vec<f32>]) -> Vec<V> {
    assert_eq!(rows.len(), V::COUNT, "a row for each lane");
    (0..rows[0].len())
        .map(|index| {
            let mut packet = V::splat(0.0);
            for (lane, row) in packet.as_lanes_mut().iter_mut().zip(rows) {
                *lane = row[index];
            }
            packet
        })
        .collect()
}

/// The values of one lane.
fn lane<V: Lanes>(packets: &[V], lane: usize) -> Vec<f64> {
    let value = |packet: &V| f64::from(packet.as_lanes()[lane]);
    packets.iter().map(value).collect()
}

fn random_rows(random: &mut Random, count: usize, dim: usize) -> Vec<Vec<f32>> {
    (0..count).map(|_| random.normals(dim)).collect()
}

fn dot(a: &[f64], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, &b)| a * f64::from(b)).sum()
}

/// The loss of one layer on a batch, by the reference: `c` is the weight of each row's
/// log-determinant.
fn weighted(
    spec: &FlowSpec<'_>,
    params: &[f64],
    x: &[Vec<f64>],
    (w, c): (&[Vec<f32>], &[f32]),
    norm: Norm,
) -> f64 {
    let mut rows = x.to_vec();
    let log_dets = reference::forward_batch(spec, params, &mut rows, norm);
    let outputs: f64 = rows.iter().zip(w).map(|(y, w)| dot(y, w)).sum();
    outputs + dot(&log_dets, c)
}

/// Gradients of a coupling for samples in every lane.
fn check_coupling<V: Lanes>(own: CouplingSpec<'static>, shape: Shape, random: &mut Random) -> f64 {
    let flow = models::on(shape, vec![LayerSpec::Coupling(own)]);
    let dim = shape.len();
    let params = models::params(&flow, random);
    let (x, w) = (
        random_rows(random, V::COUNT, dim),
        random_rows(random, V::COUNT, dim),
    );
    let c = random.normals(V::COUNT);

    let context = Context {
        math: Math::Libm,
        shape,
        rows: V::COUNT,
        keep: 1.0,
    };
    let mut packets: Vec<V> = pack(&x);
    let mut saved = vec![V::splat(0.0); training::saved_len(&own, shape)];
    let mut log_det = V::splat(0.0);
    training::forward_saving(
        &own,
        context,
        &params,
        &mut packets,
        &mut saved,
        &mut log_det,
    );
    let mut gradient: Vec<V> = pack(&w);
    let mut log_det_gradient = V::splat(0.0);
    log_det_gradient.as_lanes_mut().copy_from_slice(&c);
    // Backward adds to parameter gradients; what was there must stay.
    let mut param_gradient = vec![0.5; params.len()];
    // What other layers left in the scratch must not matter.
    let mut scratch = vec![V::splat(7.0); training::scratch_len(&own, shape)];
    training::backward(
        &own,
        context,
        &params,
        &saved,
        &mut gradient,
        log_det_gradient,
        &mut param_gradient,
        &mut scratch,
    );

    let mut largest = Largest::default();
    let (params, x): (_, Vec<_>) = (wide(&params), x.iter().map(|x| wide(x)).collect());
    for (at, row) in x.iter().enumerate() {
        let expected = central_differences(row, |x| {
            let (x, w) = ([x.to_vec()], &w[at..=at]);
            weighted(&flow, &params, &x, (w, &c[at..=at]), Norm::Running)
        });
        let what = format!("input of {own:?}");
        largest.compare(&what, &lane(&gradient, at), &expected);
    }
    let expected = central_differences(&params, |params| {
        weighted(&flow, params, &x, (&w, &c), Norm::Running)
    });
    let found: Vec<f64> = param_gradient.iter().map(|&g| f64::from(g) - 0.5).collect();
    let (at, nets) = (own.rescale_len(shape), own.net_count());
    largest.compare("rescale", &found[..at], &expected[..at]);
    let net_len = (params.len() - at) / nets;
    let nets = found[at..]
        .chunks(net_len)
        .zip(expected[at..].chunks(net_len));
    for (found, expected) in nets {
        largest.compare(&format!("net of {own:?}"), found, expected);
    }
    largest.0
}

#[test]
fn coupling_gradients_agree_for_single_samples() {
    let mut random = Random::new(21);
    let mut largest: f64 = 0.0;
    for dim in DIMS {
        // All of them for few features, a part that has every choice for many.
        let step = if dim > 5 { 5 } else { 1 };
        for own in couplings(dim).into_iter().step_by(step) {
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
    for own in couplings(5).into_iter().step_by(7) {
        let shape = Shape::vector(5);
        largest = largest.max(check_coupling::<Packet<8>>(own, shape, &mut random));
    }
    for own in couplings(3).into_iter().step_by(7) {
        let shape = Shape::vector(3);
        largest = largest.max(check_coupling::<Packet<16>>(own, shape, &mut random));
    }
    println!("coupling, packets: {largest:e}");
}

/// Gradients of a dense layer, through its activation.
fn check_dense<V: Lanes>(
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
        &mut param_gradient,
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
fn fixed_maps_and_permutations_take_gradients_back() {
    let mut random = Random::new(24);
    let mut largest = Largest::default();
    for dim in DIMS {
        let order = random.permutation(dim);
        for layer in [
            LayerSpec::Standardize,
            LayerSpec::Affine,
            LayerSpec::Permutation(order),
        ] {
            let flow = spec(dim, vec![layer]);
            let params = models::params(&flow, &mut random);
            let (x, w) = (random.normals(dim), random.normals(dim));
            let mut gradient = w.clone();
            let shape = Shape::vector(dim);
            match layer {
                LayerSpec::Standardize => standardize::backward(shape, &params, &mut gradient),
                LayerSpec::Affine => affine::backward(shape, &params, &mut gradient),
                _ => permutation::inverse(shape, order, &mut gradient, &mut vec![0.0; dim]),
            }
            let (params, w) = (wide(&params), [w]);
            let expected = central_differences(&wide(&x), |x| {
                weighted(&flow, &params, &[x.to_vec()], (&w, &[0.7]), Norm::Running)
            });
            largest.compare(&format!("{layer:?}"), &wide(&gradient), &expected);
        }
    }
    println!("fixed maps: {:e}", largest.0);
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
