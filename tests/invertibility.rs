//! Every layer and whole models: the inverse undoes the forward pass, the log-determinant is that of
//! the Jacobian, and `f32` agrees with an independent `f64` implementation.

use crate::common;
use crate::common::agreement::{check, measure};
use crate::common::models::{
    self, DIMS, HIDDEN, NORMS, Random, coupling, couplings, masks, residual_couplings, spec, whole,
};
use crate::common::reference;
use crate::common::tolerance::{LAYER, MICROMATH, MODEL};
use nvpico::spec::{Activation, CouplingSpec, Mask, Nets, ScaleMap, Transform};
use nvpico::{FlowSpec, LayerSpec, Math};
use proptest::prelude::*;

/// One flow for each dimension and layer.
fn alone(
    layers: impl Fn(usize) -> Vec<LayerSpec<'static>>,
) -> impl Iterator<Item = FlowSpec<'static>> {
    DIMS.into_iter().flat_map(move |dim| {
        let layers = layers(dim);
        layers.into_iter().map(move |layer| spec(dim, vec![layer]))
    })
}

#[test]
fn inverse_undoes_forward_for_fixed_maps() {
    check(
        "standardize",
        alone(|_| vec![LayerSpec::Standardize]),
        20,
        &LAYER,
    );
    check("affine", alone(|_| vec![LayerSpec::Affine]), 20, &LAYER);
    check("linear", alone(|_| vec![LayerSpec::Linear]), 20, &LAYER);
}

#[test]
fn inverse_undoes_forward_for_batch_norm() {
    let norms = || NORMS.map(LayerSpec::BatchNorm).to_vec();
    check("batch norm", alone(move |_| norms()), 20, &LAYER);
}

#[test]
fn inverse_undoes_forward_for_permutations() {
    let permutations = |dim| {
        let mut random = Random::new(dim as u64);
        let mut layer = || LayerSpec::Permutation(random.permutation(dim));
        vec![layer(), layer(), layer()]
    };
    check("permutation", alone(permutations), 3, &LAYER);
}

#[test]
fn inverse_undoes_forward_for_every_coupling() {
    let all = |dim| {
        couplings(dim)
            .into_iter()
            .map(LayerSpec::Coupling)
            .collect()
    };
    check("coupling", alone(all), 2, &LAYER);
}

#[test]
fn inverse_undoes_forward_for_residual_networks() {
    let all = |_| {
        residual_couplings()
            .into_iter()
            .map(LayerSpec::Coupling)
            .collect()
    };
    check("residual networks", alone(all), 3, &LAYER);
}

#[test]
fn inverse_undoes_forward_for_whole_models() {
    let mut random = Random::new(8);
    let models = DIMS.map(|dim| whole(dim, HIDDEN[2], &mut random));
    check("whole models", models.into_iter().flatten(), 10, &MODEL);
}

#[test]
fn micromath_is_off_by_no_more_than_its_functions() {
    let micromath = |mut spec: FlowSpec<'static>| {
        spec.math = Math::Micromath;
        spec
    };
    let all = |dim| {
        couplings(dim)
            .into_iter()
            .map(LayerSpec::Coupling)
            .filter(|layer| models::knows(Math::Micromath, *layer, dim))
            .collect()
    };
    check("micromath", alone(all).map(micromath), 1, &MICROMATH);
}

#[test]
fn kept_features_pass_unchanged_and_the_others_do_not() {
    let map = Transform::Affine(ScaleMap::Unbounded);
    let mut random = Random::new(3);
    for dim in DIMS {
        for mask in masks(dim) {
            let spec = spec(
                dim,
                vec![LayerSpec::Coupling(coupling(mask, map, HIDDEN[2]))],
            );
            let params = models::params(&spec, &mut random);
            let x = random.normals(dim);
            let (z, _) = common::forward(&common::flow(spec, &params), &x);
            for (index, (x, z)) in x.iter().zip(z).enumerate() {
                let same = x.to_bits() == z.to_bits();
                assert_eq!(same, mask.keeps(index, dim), "feature {index} of {mask:?}");
            }
        }
    }
}

#[test]
fn additive_couplings_keep_volume_exactly() {
    let mut random = Random::new(4);
    for mask in masks(5) {
        for nets in [Nets::One, Nets::Two] {
            let mut own = coupling(mask, Transform::Additive, HIDDEN[1]);
            own.conditioner = models::dense(HIDDEN[1], Activation::Relu, nets);
            let spec = spec(5, vec![LayerSpec::Coupling(own)]);
            let params = models::params(&spec, &mut random);
            let (_, log_det) = common::forward(&common::flow(spec, &params), &random.normals(5));
            assert_eq!(log_det.to_bits(), 0.0_f32.to_bits());
        }
    }
}

#[test]
fn permutations_take_feature_i_from_the_place_they_name() {
    let spec = spec(4, vec![LayerSpec::Permutation(&[2, 0, 3, 1])]);
    let flow = common::flow(spec, &[]);
    let (z, log_det) = common::forward(&flow, &[10.0, 11.0, 12.0, 13.0]);
    assert_eq!(common::bits(&z), common::bits(&[12.0, 10.0, 13.0, 11.0]));
    assert_eq!(log_det.to_bits(), 0.0_f32.to_bits());
}

fn any_layer(dim: usize) -> impl Strategy<Value = LayerSpec<'static>> {
    let indices: Vec<usize> = (0..dim).collect();
    let listed = prop::sample::subsequence(indices.clone(), 1..dim)
        .prop_map(|kept| Mask::Indices(kept.leak()));
    let mask = prop_oneof![prop::sample::select(masks(dim).to_vec()), listed];
    let widths = prop::collection::vec(1_usize..20, 0..4);
    let coupling = (
        mask,
        prop::sample::select(models::TRANSFORMS.to_vec()),
        widths,
        prop::sample::select(models::ACTIVATIONS.to_vec()),
        prop::sample::select(models::NETS.to_vec()),
    )
        .prop_map(|(mask, transform, hidden, activation, nets)| {
            LayerSpec::Coupling(CouplingSpec::new(
                mask,
                transform,
                models::dense(hidden.leak(), activation, nets),
            ))
        });
    prop_oneof![
        6 => coupling,
        1 => Just(LayerSpec::Standardize),
        1 => Just(LayerSpec::Affine),
        1 => prop::sample::select(NORMS.map(LayerSpec::BatchNorm).to_vec()),
        1 => Just(indices).prop_shuffle().prop_map(|order| LayerSpec::Permutation(order.leak())),
    ]
}

fn any_spec() -> impl Strategy<Value = FlowSpec<'static>> {
    (2_usize..20)
        .prop_flat_map(|dim| (Just(dim), prop::collection::vec(any_layer(dim), 1..6)))
        .prop_map(|(dim, layers)| spec(dim, layers))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn inverse_undoes_forward_for_any_model(spec in any_spec(), seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let (params, x) = (models::params(&spec, &mut random), random.normals(spec.dim()));
        let z = reference::forward(&spec, &reference::wide(&params), &reference::wide(&x)).z;
        // Far outside, where unbounded scales can throw a sample, no inverse in f32 has its digits.
        prop_assume!(z.iter().all(|z| z.abs() < 30.0));
        let errors = measure(&spec, &params, &x);
        prop_assert_eq!(errors.violation(&MODEL), None, "{:?}", errors);
    }
}
