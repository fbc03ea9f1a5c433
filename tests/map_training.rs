//! Training on feature maps, end to end: it learns, repeats to the bit, and takes counts.

use crate::common;
use crate::common::models::maps::{self, LOGIT, TRAINED, bounded, counts, shape, slopes};
use crate::common::models::{ACTIVATIONS, NORMS, Random, coupling, on, residual_couplings, spec};
use crate::common::tolerance::{INITIAL_LOG_PROB, MODEL, relative};
use crate::common::training::run;
use nvpico::spec::{
    Conditioner, ConvolutionLayer, Kernel, Mask, ResidualForm, ScaleMap, Shape, Squeeze, Transform,
};
use nvpico::train::{
    BatchNormTraining, TrainError, TrainOptions, fold, init, mean_log_prob, train,
};
use nvpico::{FlowSpec, LayerSpec};

const HIDDEN: &[ConvolutionLayer] = &[
    ConvolutionLayer::new(8, Kernel::SQUARE),
    ConvolutionLayer::new(8, Kernel::POINT),
];

fn stack() -> Conditioner<'static> {
    maps::stack(HIDDEN, Kernel::SQUARE, ACTIVATIONS[0])
}

fn residual() -> Conditioner<'static> {
    maps::residual(4, 1, Kernel::SQUARE, TRAINED)
}

/// Checkerboards, a squeeze, channels.
fn plain(first: LayerSpec<'static>, network: Conditioner<'static>) -> FlowSpec<'static> {
    let layers = vec![
        first,
        bounded(Mask::CheckerboardOdd, network),
        bounded(Mask::CheckerboardEven, network),
        LayerSpec::Squeeze(Squeeze::Cells),
        bounded(Mask::FirstHalf, network),
        bounded(Mask::SecondHalf, network),
    ];
    on(shape(1, 4, 4), layers)
}

/// Two scales, a batch norm between them.
fn multi_scale(map: Shape, squeeze: Squeeze, network: Conditioner<'static>) -> FlowSpec<'static> {
    let layers = vec![
        LayerSpec::Standardize,
        bounded(Mask::CheckerboardOdd, network),
        bounded(Mask::CheckerboardEven, network),
        LayerSpec::Squeeze(squeeze),
        bounded(Mask::FirstHalf, network),
        bounded(Mask::SecondHalf, network),
        LayerSpec::FactorOut,
        LayerSpec::BatchNorm(NORMS[1]),
        bounded(Mask::CheckerboardOdd, network),
        bounded(Mask::CheckerboardEven, network),
    ];
    on(map, layers)
}

fn quick() -> TrainOptions {
    TrainOptions {
        epochs: 6,
        batch: 32,
        learning_rate: 5e-3,
        noise: 0.0,
        l2: 0.0,
        ..TrainOptions::default()
    }
}

/// Nats per held-out row that training gains over the first parameters.
fn gain(what: &str, spec: &FlowSpec<'_>, rows: &[f32], options: &TrainOptions) -> f64 {
    let (fit, held_out) = rows.split_at(rows.len() / spec.dim() / 4 * 3 * spec.dim());
    let start = mean_log_prob(spec, &init(spec, fit, options.seed), held_out).expect("scores");
    let (trained, epochs) = run(spec, fit, held_out, options);
    assert!(epochs.iter().all(|epoch| epoch.skipped_batches == 0));
    assert!(trained.params.iter().all(|param| param.is_finite()));
    let gain = trained.held_out_log_prob - start;
    println!("{what}: {gain} nats");
    gain
}

#[test]
fn stacks_of_convolutions_learn_slopes() {
    let mut random = Random::new(111);
    let spec = plain(LayerSpec::Standardize, stack());
    let rows = slopes(&mut random, spec.shape, 400);
    assert!(gain("stacks", &spec, &rows, &quick()) > 8.0);
}

#[test]
fn residual_networks_learn_slopes_at_several_scales() {
    let mut random = Random::new(112);
    let momentum = 0.9;
    for (map, squeeze, batch_norm) in [
        (
            shape(1, 4, 4),
            Squeeze::CellsAlternate,
            BatchNormTraining::Running { momentum },
        ),
        (
            shape(2, 1, 8),
            Squeeze::Pairs,
            BatchNormTraining::Batch { momentum },
        ),
    ] {
        let spec = multi_scale(map, squeeze, residual());
        let rows = slopes(&mut random, map, 400);
        let options = TrainOptions {
            batch_norm,
            ..quick()
        };
        let what = format!("residual networks, {map:?}, {batch_norm:?}");
        assert!(gain(&what, &spec, &rows, &options) > 8.0, "{what}");
    }
}

#[test]
fn residual_networks_of_vectors_learn() {
    let mut random = Random::new(113);
    let rows = slopes(&mut random, Shape::series(1, 6), 600);
    for own in residual_couplings().into_iter().skip(13).step_by(9) {
        let mut back = own;
        back.mask = Mask::Odd;
        let layers = vec![
            LayerSpec::Standardize,
            LayerSpec::Coupling(own),
            LayerSpec::Coupling(back),
        ];
        let what = format!("{:?}", own.conditioner);
        assert!(
            gain(&what, &spec(6, layers), &rows, &quick()) > 2.0,
            "{what}"
        );
    }
}

#[test]
fn maps_train_to_the_same_bits_with_any_number_of_threads() {
    let mut random = Random::new(114);
    let models = [
        plain(LayerSpec::Standardize, stack()),
        multi_scale(shape(1, 4, 4), Squeeze::CellsAlternate, residual()),
    ];
    for spec in models {
        let rows = slopes(&mut random, spec.shape, 150);
        let (fit, held_out) = rows.split_at(110 * spec.dim());
        let options = TrainOptions {
            epochs: 2,
            // Three chunks and part of a packet.
            batch: 55,
            noise: 0.05,
            ..quick()
        };
        let in_pool = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let options = TrainOptions {
                seed,
                ..options.clone()
            };
            pool.expect("a pool")
                .install(|| run(&spec, fit, held_out, &options).0)
        };
        let once = in_pool(1, 3);
        assert!(once.best_epoch > 0, "something was learned");
        let again = in_pool(4, 3);
        assert_eq!(common::bits(&once.params), common::bits(&again.params));
        assert_eq!(once, again);
        let other = in_pool(4, 4);
        assert_ne!(common::bits(&once.params), common::bits(&other.params));
    }
}

#[test]
fn the_first_parameters_are_normals_on_maps_too() {
    let mut random = Random::new(115);
    for network in [stack(), residual()] {
        let map = shape(2, 4, 4);
        let rows = slopes(&mut random, map, 50);
        let mut layers = multi_scale(map, Squeeze::Cells, network).layers.to_vec();
        layers.retain(|layer| !matches!(layer, LayerSpec::BatchNorm(_)));
        let spec = on(map, layers);
        let params = init(&spec, &rows, 7);
        let folded = fold(&spec, &params);
        let flow = common::flow(folded.spec(&spec), &folded.params);
        let moments = [0, 1].map(|channel| {
            let values = rows
                .chunks_exact(16)
                .skip(channel)
                .step_by(2)
                .flatten()
                .map(|&x| f64::from(x));
            let count = values.clone().count() as f64;
            let mean = values.clone().sum::<f64>() / count;
            (
                mean,
                values.map(|x| (x - mean).powi(2)).sum::<f64>() / count,
            )
        });
        for x in rows.chunks_exact(map.len()) {
            let terms = x.iter().enumerate().map(|(at, &x)| {
                let (mean, var) = moments[at / 16];
                let normalizer = (2.0 * std::f64::consts::PI * var).ln();
                -0.5 * ((f64::from(x) - mean).powi(2) / var + normalizer)
            });
            let expected: f64 = terms.sum();
            let found = f64::from(common::score(&flow, x).log_prob);
            let error = relative(found, expected);
            assert!(error <= INITIAL_LOG_PROB, "{error:e}: {found}, {expected}");
        }
    }
}

#[test]
fn epochs_report_log_densities_of_maps_in_the_units_of_the_rows() {
    let mut random = Random::new(116);
    let spec = plain(LayerSpec::Standardize, stack());
    let rows = slopes(&mut random, spec.shape, 60);
    let options = TrainOptions {
        epochs: 1,
        // Too small for a parameter to move.
        learning_rate: 1e-30,
        ..quick()
    };
    let (trained, epochs) = run(&spec, &rows, &rows, &options);
    let score = mean_log_prob(&spec, &trained.params, &rows).expect("scores");
    let error = relative(epochs[0].train_log_prob, score);
    assert!(error <= MODEL.log_prob, "{error:e}");
}

#[test]
fn counts_are_learned_by_their_logit() {
    let mut random = Random::new(117);
    let spec = plain(LayerSpec::Logit(LOGIT), stack());
    let rows = counts(&mut random, spec.shape, 400);
    assert!(gain("counts", &spec, &rows, &quick()) > 8.0);
}

#[test]
fn saturated_counts_overflow_no_batch() {
    let map = shape(1, 16, 16);
    let mut logit = LOGIT;
    logit.levels = 256.0;
    let layers = vec![
        LayerSpec::Logit(logit),
        bounded(
            Mask::CheckerboardOdd,
            maps::stack(&[], Kernel::POINT, ACTIVATIONS[0]),
        ),
    ];
    let spec = on(map, layers);
    let white = vec![255.0; 4_000 * map.len()];
    let options = TrainOptions {
        epochs: 1,
        ..quick()
    };
    let (_, epochs) = run(&spec, &white, &white[..map.len()], &options);
    assert_eq!(epochs[0].skipped_batches, 0);
}

#[test]
fn rows_beyond_the_levels_are_left_out_and_counted() {
    let mut random = Random::new(118);
    let spec = plain(LayerSpec::Logit(LOGIT), residual());
    let mut rows = counts(&mut random, spec.shape, 64);
    let held_out = counts(&mut random, spec.shape, 10);
    rows[5] = 17.0;
    let options = TrainOptions {
        epochs: 2,
        ..quick()
    };
    let (trained, epochs) = run(&spec, &rows, &held_out, &options);
    assert!(trained.params.iter().all(|param| param.is_finite()));
    for epoch in epochs {
        assert_eq!(epoch.skipped_batches, 1);
        assert!(epoch.train_log_prob.is_finite());
    }
}

#[test]
fn a_deployed_network_is_not_trained() {
    let network = maps::residual(4, 1, Kernel::SQUARE, ResidualForm::Deployed);
    let spec = plain(LayerSpec::Standardize, network);
    let rows = slopes(&mut Random::new(119), spec.shape, 20);
    let start = init(&spec, &rows, 0);
    assert!(mean_log_prob(&spec, &start, &rows).is_ok(), "but it scores");
    let refused = train(&spec, start, &rows, &rows, &quick(), |_| true);
    assert!(matches!(refused, Err(TrainError::Option(_))), "{refused:?}");
}

#[test]
fn deployed_networks_start_as_trained_ones_do() {
    let mut random = Random::new(120);
    let forms = [TRAINED, ResidualForm::Deployed].map(|form| {
        let network = maps::residual(4, 2, Kernel::SQUARE, form);
        multi_scale(shape(1, 4, 4), Squeeze::Cells, network)
    });
    let rows = slopes(&mut random, forms[0].shape, 30);
    let [trained, deployed] = forms.map(|spec| {
        let params = init(&spec, &rows, 5);
        mean_log_prob(&spec, &params, &rows).expect("scores")
    });
    let error = relative(trained, deployed);
    assert!(error <= MODEL.log_prob, "{trained}, {deployed}");
}

#[test]
fn decay_shrinks_gains_and_nothing_else_of_a_weight_normalised_network() {
    let mut random = Random::new(121);
    // The network is one convolution of 1 x 1 and two points: all gains stand where they are looked for.
    let network = maps::residual(3, 0, Kernel::POINT, TRAINED);
    let spec = on(
        shape(1, 1, 8),
        vec![bounded(Mask::CheckerboardOdd, network)],
    );
    let rows = random.normals(32 * 8);
    let start = init(&spec, &rows, 0);
    let trained = |l2| {
        let options = TrainOptions {
            epochs: 1,
            l2,
            ..quick()
        };
        // The state after the one step, better or not.
        let far = vec![1e3; 8];
        let fit = train(&spec, start.clone(), &rows, &far, &options, |_| true).expect("trains");
        fit.params
    };
    let (plain, decayed) = (trained(0.0), trained(1e3));
    // A norm of one channel, 2 inputs to 3 filters, 3 to 3, a norm of three, 3 inputs to 2 outputs.
    let gains = [4..7, 16..19];
    for (at, (plain, decayed)) in plain.iter().zip(&decayed).enumerate() {
        if gains.iter().any(|gains| gains.contains(&at)) {
            assert!(*decayed < start[at], "gain {at}: {decayed}");
        } else {
            assert_eq!(plain.to_bits(), decayed.to_bits(), "parameter {at}");
        }
    }
}

#[test]
fn dense_couplings_after_the_last_scale_learn_with_the_maps() {
    let mut random = Random::new(122);
    let clamped = Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.5 });
    let layers = vec![
        LayerSpec::Standardize,
        bounded(Mask::CheckerboardOdd, stack()),
        bounded(Mask::CheckerboardEven, stack()),
        LayerSpec::Squeeze(Squeeze::Cells),
        LayerSpec::FactorOut,
        LayerSpec::Squeeze(Squeeze::Cells),
        LayerSpec::Coupling(coupling(Mask::FirstHalf, clamped, &[16])),
        LayerSpec::Coupling(coupling(Mask::SecondHalf, clamped, &[16])),
    ];
    let spec = on(shape(1, 4, 4), layers);
    let rows = slopes(&mut random, spec.shape, 400);
    assert!(gain("dense at the end", &spec, &rows, &quick()) > 8.0);
}
