//! The gradient of a whole training batch against central differences of an independent loss in
//! `f64`: every kind of layer, both ways of batch norm, full and partial packets and chunks.

use nvpico::spec::{Conditioner, Kernel, Mask, ResidualConvolutionSpec};
use nvpico::train::probe::{self, LaneCount, Outcome, needs_sixteen_lanes};
use nvpico::{FlowSpec, LayerSpec};

use crate::common::models::{self, NORMS, Random, TRANSFORMS, coupling, maps, masks, spec};
use crate::common::reference::{self, Norm, central_differences, wide};
use crate::common::tolerance::{GRADIENT_FLOOR, LOSS, MODEL_GRADIENT, of_tensor, relative};

/// Weight of the old running statistics.
const MOMENTUM: f64 = 0.8;

fn run(
    width: LaneCount,
    spec: FlowSpec<'_>,
    first: usize,
    params: &[f32],
    rows: &[f32],
    keep: f64,
) -> Outcome {
    probe::step(spec, first, params, rows, (keep, MOMENTUM), width)
}

/// Compares part by part; the largest error of loss and gradient.
fn check(spec: FlowSpec<'_>, count: usize, keep: f64, random: &mut Random) -> (f64, f64) {
    let params = models::params(&spec, random);
    let rows = maps::samples(&spec, count, random);
    let found = run(LaneCount::Sixteen, spec, 0, &params, &rows, keep);

    let (wide_params, wide_rows) = (wide(&params), wide(&rows));
    let loss = |params: &[f64]| reference::loss(&spec, params, &wide_rows, Norm::Batch { keep });
    let loss_error = relative(found.loss, loss(&wide_params));
    assert!(loss_error <= LOSS, "loss of {spec:?}: {loss_error:e}");

    let expected = central_differences(&wide_params, loss);
    let gradient = wide(&found.gradient);
    let (mut at, mut largest) = (0, 0.0_f64);
    for (what, len, is_learned) in parts(&spec) {
        let own = at..at + len;
        at += len;
        let (found, expected) = (&gradient[own.clone()], &expected[own]);
        if !is_learned {
            assert!(found.iter().all(|&g| g == 0.0), "{what} is not learned");
            continue;
        }
        let error = of_tensor(found, expected, GRADIENT_FLOOR);
        assert!(
            error <= MODEL_GRADIENT,
            "{what} of {spec:?}, {count} rows, keep {keep}: {error:e}\n{found:?}\n{expected:?}"
        );
        largest = largest.max(error);
    }
    assert_eq!(at, gradient.len(), "every parameter has a part");
    (loss_error, largest)
}

/// The parameters in parts: what they are, how many, whether they are learned.
fn parts(spec: &FlowSpec<'_>) -> Vec<(String, usize, bool)> {
    let mut all = Vec::new();
    for (index, layer) in spec.layers.iter().enumerate() {
        let shape = spec.shape_at(index);
        let len = layer.param_len(shape);
        let mut part = |what: &str, len, learned| {
            all.push((format!("layer {index}, {what}"), len, learned));
        };
        match layer {
            // Running statistics and fixed maps are not learned.
            LayerSpec::BatchNorm(_) => {
                part("statistics", 2 * shape.channels, false);
                part("map", len - 2 * shape.channels, true);
            }
            LayerSpec::Coupling(own) => {
                let rescale = own.rescale_len(shape);
                part("rescale", rescale, true);
                let Conditioner::ResidualConvolution(net) = &own.conditioner else {
                    part("network", len - rescale, true);
                    continue;
                };
                let (inputs, outputs) = (own.net_inputs(shape), own.net_outputs(shape));
                for (what, len, learned) in trained_parts(net, inputs, outputs) {
                    part(what, len, learned);
                }
            }
            LayerSpec::Linear => {
                part("matrix and bias", len - 1, true);
                part("log-determinant", 1, false);
            }
            _ => part("all", len, false),
        }
    }
    let base = spec.base_param_len();
    all.push(("base".into(), base, false));
    all
}

/// The same of a residual convolutional network in its trained form: batch norms and weight-normalised convolutions.
fn trained_parts(
    net: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
) -> Vec<(&'static str, usize, bool)> {
    let norm = |channels| {
        [
            ("statistics of a norm", 2 * channels, false),
            ("scale of a norm", channels, true),
            ("shift of a norm", channels, true),
        ]
    };
    let convolution = |kernel: Kernel, inputs, outputs| {
        [
            ("gains of a convolution", outputs, true),
            (
                "directions of a convolution",
                kernel.param_len(inputs, outputs),
                true,
            ),
        ]
    };
    let (kernel, width) = (net.kernel, net.filters);
    let mut all = Vec::new();
    all.extend(norm(inputs));
    all.extend(convolution(kernel, 2 * inputs, width));
    all.extend(convolution(Kernel::POINT, width, width));
    for _ in 0..net.blocks {
        all.extend(norm(width));
        all.extend(convolution(kernel, width, width));
        all.extend(norm(width));
        all.extend(convolution(kernel, width, width));
        all.extend(convolution(Kernel::POINT, width, width));
    }
    all.extend(norm(width));
    all.extend(convolution(Kernel::POINT, width, outputs));
    all
}

#[test]
fn gradients_of_whole_models_agree_with_the_reference() {
    let mut random = Random::new(31);
    let (mut loss, mut gradient) = (0.0_f64, 0.0_f64);
    for dim in [2, 5] {
        for spec in models::whole(dim, &[5, 3], &mut random) {
            for keep in [0.0, 0.9] {
                // Less than a packet; a chunk of 64 rows and part of another.
                for count in [5, 70] {
                    let errors = check(spec, count, keep, &mut random);
                    (loss, gradient) = (loss.max(errors.0), gradient.max(errors.1));
                }
            }
        }
    }
    println!("training step: loss {loss:e}, gradient {gradient:e}");
}

#[test]
fn gradients_of_whole_models_on_maps_agree_with_the_reference() {
    let mut random = Random::new(37);
    let (mut loss, mut gradient) = (0.0_f64, 0.0_f64);
    for networks in maps::small_networks() {
        for spec in maps::small(&networks) {
            // Part of a packet, a packet, and one with part of another.
            for (count, keep) in [(5, 0.9), (16, 0.0), (21, 0.9)] {
                let errors = check(spec, count, keep, &mut random);
                (loss, gradient) = (loss.max(errors.0), gradient.max(errors.1));
            }
        }
    }
    println!("training step on maps: loss {loss:e}, gradient {gradient:e}");
}

#[test]
fn gradients_of_mixtures_agree_with_the_reference() {
    let mut random = Random::new(41);
    let (mut loss, mut gradient) = (0.0_f64, 0.0_f64);
    let vectors = models::whole(5, &[5, 3], &mut random);
    let [networks, _] = maps::small_networks();
    for base in models::bases() {
        for spec in vectors.into_iter().chain(maps::small(&networks)) {
            let spec = spec.with_base(base);
            for (count, keep) in [(5, 0.0), (70, 0.9)] {
                let errors = check(spec, count, keep, &mut random);
                (loss, gradient) = (loss.max(errors.0), gradient.max(errors.1));
            }
        }
    }
    println!("training step of mixtures: loss {loss:e}, gradient {gradient:e}");
}

#[test]
fn gradients_agree_for_residual_networks_between_batch_norms() {
    let mut random = Random::new(38);
    let mut gradient = 0.0_f64;
    for own in models::residual_couplings().into_iter().step_by(5) {
        let [plain, affine] = NORMS.map(LayerSpec::BatchNorm);
        let first = LayerSpec::Coupling(coupling(Mask::FirstHalf, TRANSFORMS[2], &[4]));
        let spec = spec(3, vec![plain, first, LayerSpec::Coupling(own), affine]);
        gradient = gradient.max(check(spec, 20, 0.9, &mut random).1);
    }
    println!("residual networks: {gradient:e}");
}

#[test]
fn gradients_agree_for_every_transform_and_mask_between_batch_norms() {
    let mut random = Random::new(32);
    let mut gradient = 0.0_f64;
    for transform in TRANSFORMS {
        for mask in masks(3) {
            let [plain, affine] = NORMS.map(LayerSpec::BatchNorm);
            let between = LayerSpec::Coupling(coupling(mask, transform, &[4]));
            let spec = spec(3, vec![plain, between, affine]);
            for keep in [0.0, 0.9] {
                gradient = gradient.max(check(spec, 20, keep, &mut random).1);
            }
        }
    }
    println!("between batch norms: {gradient:e}");
}

#[test]
fn the_width_of_registers_changes_no_bit() {
    let mut random = Random::new(33);
    let specs = models::whole(5, &[7], &mut random);
    let mixtures = models::bases()
        .into_iter()
        .map(|base| specs[0].with_base(base));
    for spec in specs.into_iter().chain(mixtures) {
        assert!(!needs_sixteen_lanes(&spec));
        let params = models::params(&spec, &mut random);
        for count in [1, 7, 8, 16, 17, 100, 200] {
            let rows = random.normals(count * spec.dim());
            let eight = run(LaneCount::Eight, spec, 0, &params, &rows, 0.9);
            let sixteen = run(LaneCount::Sixteen, spec, 0, &params, &rows, 0.9);
            assert_eq!(eight.loss.to_bits(), sixteen.loss.to_bits(), "{count} rows");
            assert_eq!(eight.gradient, sixteen.gradient, "{count} rows");
            assert_eq!(eight.params, sixteen.params, "{count} rows");
        }
    }
}

#[test]
fn maps_and_norms_inside_networks_have_sixteen_lanes_on_every_machine() {
    for networks in maps::small_networks() {
        assert!(maps::small(&networks).iter().all(needs_sixteen_lanes));
    }
    for (form, needed) in [(maps::FORMS[0], false), (maps::TRAINED, true)] {
        let network = maps::residuals(form)[0];
        let vectors = spec(4, vec![maps::bounded(Mask::Even, network)]);
        assert_eq!(needs_sixteen_lanes(&vectors), needed);
    }
}

#[test]
fn a_layer_that_is_skipped_is_as_if_it_were_not_there() {
    let mut random = Random::new(34);
    let [whole, ..] = models::whole(3, &[6], &mut random);
    assert_eq!(whole.layers[0], LayerSpec::Standardize);
    let params = models::params(&whole, &mut random);
    let rows = random.normals(50 * whole.dim());
    let skipped = run(LaneCount::Eight, whole, 1, &params, &rows, 0.9);

    let rest = whole.with_layers(&whole.layers[1..]);
    let own = whole.layers[0].param_len(whole.shape);
    let alone = run(LaneCount::Eight, rest, 0, &params[own..], &rows, 0.9);
    assert_eq!(skipped.loss.to_bits(), alone.loss.to_bits());
    assert_eq!(skipped.gradient[own..], alone.gradient);
    assert_eq!(skipped.params[..own], params[..own]);
}

#[test]
fn running_statistics_take_in_the_batch() {
    let mut random = Random::new(35);
    let (dim, count) = (3, 70);
    for norm in NORMS {
        for keep in [0.0, 0.9] {
            let spec = spec(dim, vec![LayerSpec::BatchNorm(norm)]);
            let params = models::params(&spec, &mut random);
            let rows = random.normals(count * dim);
            let after = run(LaneCount::Eight, spec, 0, &params, &rows, keep).params;
            for at in 0..dim {
                let column: Vec<f64> = wide(&rows).into_iter().skip(at).step_by(dim).collect();
                let mean = column.iter().sum::<f64>() / count as f64;
                let squares = column.iter().map(|x| (x - mean).powi(2));
                let var = squares.sum::<f64>() / count as f64;
                for (slot, batch) in [(at, mean), (dim + at, var)] {
                    let mixed = MOMENTUM * f64::from(params[slot]) + (1.0 - MOMENTUM) * batch;
                    let error = relative(f64::from(after[slot]), mixed);
                    assert!(error <= LOSS, "{error:e}");
                }
            }
            assert_eq!(after[2 * dim..], params[2 * dim..], "learned ones stay");
        }
    }
}

#[test]
fn running_statistics_inside_networks_take_in_the_batch() {
    let mut random = Random::new(39);
    let [_, networks] = maps::small_networks();
    for shape in [maps::shape(2, 2, 3), maps::shape(3, 1, 4)] {
        for own in maps::couplings(shape, &networks) {
            let spec = models::on(shape, vec![LayerSpec::Coupling(own)]);
            for (count, keep) in [(5, 0.0), (16, 0.9), (37, 0.9)] {
                let params = models::params(&spec, &mut random);
                let rows = maps::samples(&spec, count, &mut random);
                let after = run(LaneCount::Sixteen, spec, 0, &params, &rows, keep).params;

                let samples: Vec<_> = rows.chunks(shape.len()).map(wide).collect();
                let (wide_params, wide_after) = (wide(&params), wide(&after));
                let seen = reference::coupling::inner_statistics(
                    &own,
                    shape,
                    &wide_params,
                    &samples,
                    keep,
                );
                let (mut at, mut seen) = (0, seen.into_iter());
                for (what, len, is_learned) in parts(&spec) {
                    for place in at..at + len {
                        if is_learned {
                            assert_eq!(after[place].to_bits(), params[place].to_bits());
                            continue;
                        }
                        let batch = seen.next().expect("a value for each statistic");
                        let mixed = MOMENTUM * wide_params[place] + (1.0 - MOMENTUM) * batch;
                        let error = relative(wide_after[place], mixed);
                        assert!(error <= LOSS, "{what}, {count} rows: {error:e}");
                    }
                    at += len;
                }
                assert_eq!(seen.next(), None);
            }
        }
    }
}

#[test]
fn an_overflowing_batch_on_a_map_leaves_every_statistic_finite() {
    let mut random = Random::new(40);
    let [_, networks] = maps::small_networks();
    for spec in maps::small(&networks) {
        let params = models::params(&spec, &mut random);
        let mut rows = maps::samples(&spec, 20, &mut random);
        rows[3] = f32::MAX;
        let after = run(LaneCount::Sixteen, spec, 0, &params, &rows, 0.9);
        assert!(!after.loss.is_finite() || after.gradient.iter().any(|g| !g.is_finite()));
        assert!(after.params.iter().all(|param| param.is_finite()));
    }
}

#[test]
fn an_overflowing_batch_leaves_the_running_statistics_finite() {
    let spec = spec(2, vec![LayerSpec::BatchNorm(NORMS[1])]);
    let params = models::params(&spec, &mut Random::new(36));
    let after = run(
        LaneCount::Eight,
        spec,
        0,
        &params,
        &[f32::MAX, 1.0, -f32::MAX, 2.0],
        0.9,
    );
    assert!(!after.loss.is_finite() || after.gradient.iter().any(|g| !g.is_finite()));
    assert!(after.params.iter().all(|param| param.is_finite()));
}
