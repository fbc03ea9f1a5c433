//! Bit for bit: rows scored together or alone, on training's path or inference's, by one thread or
//! two, today or after the next change.

use crate::common;
use crate::common::layers::{OnMap, assert_same_lanes, through};
use crate::common::models::{
    self, DIMS, HIDDEN, NORMS, Random, couplings, residual_couplings, spec, whole,
};
use crate::common::scores::{assert_same_scores, score_bits};
use nvpico::layer::coupling::gradient::{self, Context};
use nvpico::spec::{Activation, BatchNormSpec, Conditioner, CouplingSpec, DenseSpec};
use nvpico::spec::{Mask, Nets, ScaleMap, Shape, Transform};
use nvpico::train::{BatchNormTraining, TrainOptions, Trained, fold, init, mean_log_prob, train};
use nvpico::{FlowSpec, LayerSpec, Math, batch};

const BACK_ENDS: [Math; 2] = [Math::Libm, Math::Micromath];

/// Rows of one lane, part of a packet, a packet, one more, and more than a task's.
const COUNTS: [usize; 6] = [0, 1, 7, 16, 17, 300];

fn with(math: Math, mut spec: FlowSpec<'static>) -> FlowSpec<'static> {
    spec.math = math;
    spec
}

#[test]
fn rows_score_the_same_together_and_alone() {
    let mut random = Random::new(41);
    for math in BACK_ENDS {
        for dim in [2, 5, 17] {
            for spec in whole(dim, HIDDEN[3], &mut random) {
                let spec = with(math, spec);
                let params = models::params(&spec, &mut random);
                for count in COUNTS {
                    assert_same_scores(spec, &params, &random.normals(count * dim));
                }
            }
        }
    }
}

#[test]
fn every_coupling_scores_the_same_together_and_alone() {
    let mut random = Random::new(42);
    for math in BACK_ENDS {
        for dim in DIMS {
            for own in couplings(dim).into_iter().chain(residual_couplings()) {
                if !models::knows(math, LayerSpec::Coupling(own), dim) {
                    continue;
                }
                let spec = with(math, spec(dim, vec![LayerSpec::Coupling(own)]));
                let params = models::params(&spec, &mut random);
                assert_same_scores(spec, &params, &random.normals(17 * dim));
            }
        }
    }
}

#[test]
fn broken_and_overflowing_rows_score_the_same_together_and_alone() {
    let mut random = Random::new(43);
    for math in BACK_ENDS {
        for spec in whole(3, HIDDEN[2], &mut random) {
            let spec = with(math, spec);
            let params = models::params(&spec, &mut random);
            let mut rows = random.normals(40 * spec.dim());
            for (at, value) in [
                (4, f32::NAN),
                (20, f32::INFINITY),
                (31, f32::MAX),
                (50, f32::MIN),
                (51, f32::MAX),
                (77, 1e30),
                (90, -0.0),
                (91, 1e-45),
            ] {
                rows[at] = value;
            }
            assert_same_scores(spec, &params, &rows);
        }
    }
}

#[test]
fn a_remainder_shorter_than_a_row_is_left_out() {
    let spec = spec(3, vec![LayerSpec::Permutation(&[2, 0, 1])]);
    let flow = common::flow(spec, &[]);
    assert_eq!(batch::score(&flow, &[0.5; 8]).len(), 2);
    assert!(batch::score(&flow, &[0.5; 2]).is_empty());
}

#[test]
fn lanes_of_packets_have_the_bits_of_single_samples() {
    let mut random = Random::new(44);
    for dim in [3, 8, 17] {
        let order = random.permutation(dim);
        let fixed = [
            LayerSpec::Standardize,
            LayerSpec::Affine,
            LayerSpec::Linear,
            LayerSpec::Permutation(order),
        ];
        let layers = couplings(dim).into_iter().map(LayerSpec::Coupling);
        let layers = layers.chain(NORMS.map(LayerSpec::BatchNorm)).chain(fixed);
        for layer in layers {
            let params = models::params(&spec(dim, vec![layer]), &mut random);
            let samples = random.normals(16 * dim);
            for math in BACK_ENDS {
                if !models::knows(math, layer, dim) {
                    continue;
                }
                for forward in [true, false] {
                    let layer = OnMap {
                        layer: &layer,
                        shape: Shape::vector(dim),
                        math,
                    };
                    assert_same_lanes::<8>(layer, &params, &samples[..8 * dim], forward);
                    assert_same_lanes::<16>(layer, &params, &samples, forward);
                }
            }
        }
    }
}

#[test]
fn training_runs_the_forward_pass_of_the_chip() {
    let mut random = Random::new(45);
    for dim in [2, 8, 17] {
        for own in couplings(dim) {
            let layer = LayerSpec::Coupling(own);
            let params = models::params(&spec(dim, vec![layer]), &mut random);
            let x = random.normals(dim);
            for math in BACK_ENDS {
                if !models::knows(math, layer, dim) {
                    continue;
                }
                let mut plain = x.clone();
                let shape = Shape::vector(dim);
                let whole = OnMap {
                    layer: &layer,
                    shape,
                    math,
                };
                let log_det = through(whole, &params, &mut plain, true);
                let mut saving = x.clone();
                let mut saved = vec![0.0; gradient::saved_len(&own, shape)];
                let mut log_det_saving: f32 = 0.25;
                let context = Context {
                    math,
                    shape,
                    rows: 1,
                    keep: 1.0,
                };
                gradient::forward_saving(
                    &own,
                    context,
                    &params,
                    &mut saving,
                    &mut saved,
                    &mut log_det_saving,
                );
                assert_eq!(common::bits(&plain), common::bits(&saving), "{own:?}");
                assert_eq!(log_det.to_bits(), log_det_saving.to_bits(), "{own:?}");
            }
        }
    }
}

#[test]
fn folding_batch_norm_changes_no_bit() {
    let mut random = Random::new(46);
    for dim in DIMS {
        for spec in whole(dim, HIDDEN[2], &mut random) {
            let params = models::params(&spec, &mut random);
            let flow = common::flow(spec, &params);
            let folded = fold(&spec, &params);
            let deployed = common::flow(folded.spec(&spec), &folded.params);
            let is_norm = |layer: &LayerSpec<'_>| matches!(layer, LayerSpec::BatchNorm(_));
            assert!(!folded.layers.iter().any(is_norm));
            for _ in 0..20 {
                let x = random.normals(dim);
                let (trained, score) = (common::score(&flow, &x), common::score(&deployed, &x));
                assert_eq!(score_bits(&Ok(trained)), score_bits(&Ok(score)));
                let mean = mean_log_prob(&spec, &params, &x).expect("scores");
                assert_eq!(mean.to_bits(), f64::from(score.log_prob).to_bits());
            }
        }
    }
}

/// A short run in a thread pool of its own.
fn train_in_pool(threads: usize, seed: u64, batch_norm: BatchNormTraining) -> Trained {
    let [spec, ..] = whole(3, HIDDEN[2], &mut Random::new(47));
    let rows = Random::new(48).normals(3 * 350);
    let (fit, held_out) = rows.split_at(3 * 290);
    let options = TrainOptions {
        epochs: 4,
        batch: 150,
        learning_rate: 1e-2,
        batch_norm,
        seed,
        ..TrainOptions::default()
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool").install(|| {
        let start = init(&spec, fit, seed);
        train(&spec, start, fit, held_out, &options, |_| true).expect("trains")
    })
}

#[test]
fn training_repeats_to_the_bit_with_any_number_of_threads() {
    for batch_norm in [
        BatchNormTraining::Running { momentum: 0.9 },
        BatchNormTraining::Batch { momentum: 0.9 },
    ] {
        let once = train_in_pool(1, 7, batch_norm);
        assert!(once.best_epoch > 0, "something was learned");
        for threads in [1, 2] {
            let again = train_in_pool(threads, 7, batch_norm);
            assert_eq!(common::bits(&once.params), common::bits(&again.params));
            assert_eq!(once, again);
        }
        let other = train_in_pool(1, 8, batch_norm);
        assert_ne!(common::bits(&once.params), common::bits(&other.params));
    }
}

/// A model small enough to have the same parameters in any panel layout.
const GOLDEN: [LayerSpec<'static>; 6] = [
    LayerSpec::Standardize,
    LayerSpec::Coupling(CouplingSpec::new(
        Mask::FirstHalf,
        Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.9 }),
        Conditioner::Dense(DenseSpec::new(&[3], Activation::Relu)),
    )),
    LayerSpec::BatchNorm(BatchNormSpec::new(1e-5, true)),
    LayerSpec::Permutation(&[2, 0, 1]),
    LayerSpec::Coupling(CouplingSpec::new(
        Mask::Indices(&[1]),
        Transform::Affine(ScaleMap::RescaledTanh),
        Conditioner::Dense(
            DenseSpec::new(&[2, 3], Activation::LeakyRelu { slope: 0.1 }).with_nets(Nets::Two),
        ),
    )),
    LayerSpec::Coupling(CouplingSpec::new(
        Mask::Odd,
        Transform::Affine(ScaleMap::Unbounded),
        Conditioner::Dense(DenseSpec::new(&[], Activation::Relu)),
    )),
];

/// A change here is a change of format: models in the field would score other bits than the desktop
/// that set their thresholds.
#[test]
fn scores_keep_the_bits_that_they_have_always_had() {
    // Multiples of 1/64: exact in f32. Scales and variances are positive.
    let value = |layer: &LayerSpec<'_>, index: usize| {
        let step = (index * 37 % 64) as f32;
        match layer {
            LayerSpec::Coupling(_) => (step - 31.0) / 32.0,
            _ => (step + 16.0) / 64.0,
        }
    };
    let params: Vec<f32> = GOLDEN
        .iter()
        .flat_map(|layer| {
            (0..layer.param_len(Shape::vector(3))).map(move |index| value(layer, index))
        })
        .collect();
    let samples = [
        [0.0, 0.0, 0.0],
        [1.0, -1.0, 0.5],
        [-2.25, 0.125, 3.0],
        [3.0, -2.0, 1.0],
    ];
    for (math, expected) in [
        (
            Math::Libm,
            [0xc00a_665f, 0xc1dc_1f61, 0xc322_8071, 0xc670_d4af],
        ),
        (
            Math::Micromath,
            [0xc00a_6578, 0xc1dc_165d, 0xc322_7eb9, 0xc670_e622],
        ),
    ] {
        let spec = FlowSpec::new(Shape::vector(3), &GOLDEN).with_math(math);
        let flow = common::flow(spec, &params);
        let found = samples.map(|x| common::score(&flow, &x).log_prob.to_bits());
        assert_eq!(found, expected, "{math:?}: {found:#010x?}");
    }
}
