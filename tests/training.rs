//! Maximum likelihood training learns, stops and reports as its options say.

use crate::common;
use crate::common::models::{NORMS, Random, coupling, spec, whole};
use crate::common::tolerance::{INITIAL_LOG_PROB, MODEL, relative};
use crate::common::training::run;
use nvpico::spec::{Mask, ScaleMap, Transform};
use nvpico::train::{BatchNormTraining, TrainError, TrainOptions, init, mean_log_prob, train};
use nvpico::{FlowSpec, LayerSpec};
use nvpico_codegen::fit::gaussian::Gaussian;

pub const CLAMPED: Transform = Transform::Affine(ScaleMap::ClampedTanh { clamp: 1.5 });

/// Standardisation and couplings that take turns.
pub fn model(dim: usize, hidden: &'static [usize], couplings: usize) -> FlowSpec<'static> {
    let masks = [Mask::FirstHalf, Mask::SecondHalf].into_iter().cycle();
    let couplings = masks
        .take(couplings)
        .map(|mask| LayerSpec::Coupling(coupling(mask, CLAMPED, hidden)));
    let layers = [LayerSpec::Standardize].into_iter().chain(couplings);
    spec(dim, layers.collect())
}

/// Two half circles that reach into each other.
fn moons(random: &mut Random, count: usize) -> Vec<f32> {
    let mut row = |upper: bool| {
        let (sin, cos) = random.uniform(0.0, std::f32::consts::PI).sin_cos();
        let (x, y) = if upper {
            (cos, sin)
        } else {
            (1.0 - cos, 0.5 - sin)
        };
        [x, y].map(|value| value + 0.08 * random.normal())
    };
    (0..count).flat_map(|index| row(index % 2 == 0)).collect()
}

/// A parabola with noise, far from zero and in unequal units.
pub fn banana(random: &mut Random, count: usize) -> Vec<f32> {
    let mut row = || {
        let along = random.normal();
        let across = along * along + 0.2 * random.normal();
        [1_000.0 + 50.0 * along, -0.3 + 0.01 * across]
    };
    (0..count).flat_map(|_| row()).collect()
}

/// Options for runs of a second or less.
pub fn quick() -> TrainOptions {
    TrainOptions {
        epochs: 10,
        batch: 100,
        learning_rate: 5e-3,
        noise: 0.0,
        l2: 0.0,
        ..TrainOptions::default()
    }
}

/// Mean log-density of the full-covariance Gaussian, in nats.
fn gaussian(fit: &[f32], held_out: &[f32], dim: usize) -> f64 {
    let normal = Gaussian::fit(fit, dim).expect("fits");
    let rows = held_out.chunks_exact(dim);
    let count = rows.len() as f64;
    rows.map(|row| normal.log_prob(row)).sum::<f64>() / count
}

#[test]
fn a_flow_learns_what_a_gaussian_can_not() {
    let mut random = Random::new(71);
    let options = TrainOptions {
        epochs: 60,
        ..quick()
    };
    for (what, rows, margin) in [
        ("moons", moons(&mut random, 3_000), 0.7),
        ("banana", banana(&mut random, 3_000), 1.5),
    ] {
        let (fit, held_out) = rows.split_at(2 * 2_000);
        let (trained, _) = run(&model(2, &[32], 6), fit, held_out, &options);
        let gain = trained.held_out_log_prob - gaussian(fit, held_out, 2);
        println!("{what}: {gain} nats above the Gaussian");
        assert!(gain > margin, "{what}: {gain}");
    }
}

#[test]
fn the_first_parameters_are_normals_with_the_moments_of_the_rows() {
    let mut random = Random::new(72);
    for dim in [2, 3, 8] {
        let mut rows = random.normals(dim * 200);
        for row in rows.chunks_exact_mut(dim) {
            for (index, x) in row.iter_mut().enumerate() {
                *x = 100.0 * index as f32 + (1.0 + index as f32) * *x;
            }
        }
        // Every kind of layer but batch norm, whose eps is part of the map.
        let [listed, ..] = whole(dim, &[7], &mut random);
        let is_norm = |layer: &LayerSpec<'_>| matches!(layer, LayerSpec::BatchNorm(_));
        let layers = listed.layers.iter().filter(|layer| !is_norm(layer));
        let spec = spec(dim, layers.copied().collect());
        let params = init(&spec, &rows, 5);

        let moments: Vec<(f64, f64)> = (0..dim)
            .map(|index| {
                let column = rows.iter().skip(index).step_by(dim);
                let column: Vec<f64> = column.map(|&x| f64::from(x)).collect();
                let mean = column.iter().sum::<f64>() / column.len() as f64;
                let squares = column.iter().map(|x| (x - mean) * (x - mean));
                (mean, squares.sum::<f64>() / column.len() as f64)
            })
            .collect();
        let flow = common::flow(spec, &params);
        for x in rows.chunks_exact(dim) {
            let terms = x.iter().zip(&moments).map(|(&x, (mean, var))| {
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
fn epochs_report_log_densities_in_the_units_of_the_rows() {
    let mut random = Random::new(81);
    let rows = banana(&mut random, 400);
    let (fit, held_out) = rows.split_at(2 * 300);
    let spec = model(2, &[8], 2);
    let options = TrainOptions {
        epochs: 1,
        // Too small for a parameter to move.
        learning_rate: 1e-30,
        ..quick()
    };
    let (trained, epochs) = run(&spec, fit, held_out, &options);
    let score = |rows| mean_log_prob(&spec, &trained.params, rows).expect("scores");
    let error = relative(epochs[0].train_log_prob, score(fit));
    assert!(error <= MODEL.log_prob, "{error:e}");
    assert_eq!(
        epochs[0].held_out_log_prob.to_bits(),
        score(held_out).to_bits()
    );
}

#[test]
fn the_best_state_is_kept_and_early_stopping_stops() {
    let mut random = Random::new(73);
    // Few rows and many weights: it learns them by heart, and the held-out rows suffer.
    let rows = moons(&mut random, 90);
    let (fit, held_out) = rows.split_at(60);
    let options = TrainOptions {
        epochs: 300,
        learning_rate: 2e-2,
        patience: 7,
        ..quick()
    };
    let spec = model(2, &[32], 4);
    let (trained, epochs) = run(&spec, fit, held_out, &options);

    let scored = mean_log_prob(&spec, &trained.params, held_out).expect("scores");
    assert_eq!(scored.to_bits(), trained.held_out_log_prob.to_bits());
    assert_eq!(epochs.len(), trained.epochs);
    assert_eq!(trained.epochs, trained.best_epoch + options.patience);
    assert!(trained.best_epoch > 0 && trained.epochs < options.epochs);
    let best = &epochs[trained.best_epoch - 1];
    assert!(best.best);
    assert_eq!(
        best.held_out_log_prob.to_bits(),
        scored.to_bits(),
        "the epoch's own number"
    );
    for (number, epoch) in epochs.iter().enumerate() {
        assert_eq!(epoch.epoch, number + 1);
        assert!(epoch.held_out_log_prob <= scored);
        let before = epochs[..number].iter().map(|epoch| epoch.held_out_log_prob);
        let start = mean_log_prob(&spec, &init(&spec, fit, 0), held_out).expect("scores");
        let most = before.fold(start, f64::max);
        assert_eq!(epoch.best, epoch.held_out_log_prob > most);
    }
}

#[test]
fn a_start_that_nothing_betters_is_given_back() {
    let rows = Random::new(74).normals(200);
    let (fit, held_out) = rows.split_at(100);
    let spec = model(2, &[8], 2);
    let start = init(&spec, fit, 0);
    let options = TrainOptions {
        // Every step is a leap away from what the held-out rows like.
        learning_rate: 3.0,
        patience: 2,
        ..quick()
    };
    let trained = train(&spec, start.clone(), fit, held_out, &options, |_| true).expect("runs");
    assert_eq!(trained.best_epoch, 0);
    assert_eq!(trained.epochs, 2);
    assert_eq!(common::bits(&trained.params), common::bits(&start));
}

#[test]
fn the_learning_rate_decays_on_a_plateau() {
    let mut random = Random::new(75);
    let rows = moons(&mut random, 90);
    let (fit, held_out) = rows.split_at(60);
    let options = TrainOptions {
        epochs: 40,
        learning_rate: 4e-2,
        plateau: 3,
        decay: 0.25,
        patience: 1_000,
        ..quick()
    };
    let (_, epochs) = run(&model(2, &[16], 4), fit, held_out, &options);
    let (mut rate, mut waited, mut decays) = (options.learning_rate, 0, 0);
    for epoch in &epochs {
        assert_eq!(
            epoch.learning_rate.to_bits(),
            rate.to_bits(),
            "epoch {}",
            epoch.epoch
        );
        waited = if epoch.best { 0 } else { waited + 1 };
        if waited == options.plateau {
            (rate, waited, decays) = (rate * options.decay, 0, decays + 1);
        }
    }
    assert!(decays >= 2, "{decays} decays in {} epochs", epochs.len());
}

#[test]
fn the_listener_ends_the_run() {
    let rows = Random::new(76).normals(400);
    let (fit, held_out) = rows.split_at(300);
    let spec = model(2, &[8], 2);
    let mut heard = 0;
    let trained = train(
        &spec,
        init(&spec, fit, 0),
        fit,
        held_out,
        &quick(),
        |epoch| {
            heard = epoch.epoch;
            epoch.epoch < 3
        },
    );
    assert_eq!(trained.expect("trains").epochs, 3);
    assert_eq!(heard, 3);
}

#[test]
fn decay_shrinks_weights_and_the_clip_bounds_the_step() {
    let rows = moons(&mut Random::new(77), 400);
    let (fit, held_out) = rows.split_at(600);
    let spec = model(2, &[16], 4);
    let couplings = spec.layers[0].param_len(spec.shape)..;
    let squares = |options: &TrainOptions| {
        let (trained, _) = run(&spec, fit, held_out, options);
        let learned = trained.params[couplings.clone()].iter();
        learned.map(|w| f64::from(*w).powi(2)).sum::<f64>()
    };
    let plain = squares(&quick());
    let decayed = squares(&TrainOptions { l2: 1.0, ..quick() });
    assert!(decayed < 0.9 * plain, "{decayed} of {plain}");

    // Adam divides by the gradient's size until it is far below its epsilon: then a clip is seen.
    let start = init(&spec, fit, 0);
    let moved = |clip: f32| {
        let options = TrainOptions { clip, ..quick() };
        let (trained, _) = run(&spec, fit, held_out, &options);
        let pairs = trained.params.iter().zip(&start);
        pairs.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()))
    };
    assert!(moved(1e-12) < 0.01 * moved(10.0));
}

#[test]
fn both_uses_of_batch_norm_train_to_something_better() {
    let rows = moons(&mut Random::new(78), 1_500);
    let (fit, held_out) = rows.split_at(2 * 1_000);
    for norm in NORMS {
        let mut layers = vec![LayerSpec::Standardize];
        for mask in [Mask::FirstHalf, Mask::SecondHalf, Mask::FirstHalf] {
            layers.push(LayerSpec::Coupling(coupling(mask, CLAMPED, &[16])));
            layers.push(LayerSpec::BatchNorm(norm));
        }
        let spec = spec(2, layers);
        for batch_norm in [
            BatchNormTraining::Running { momentum: 0.9 },
            BatchNormTraining::Batch { momentum: 0.9 },
        ] {
            let options = TrainOptions {
                epochs: 25,
                batch_norm,
                ..quick()
            };
            let start = mean_log_prob(&spec, &init(&spec, fit, 0), held_out).expect("scores");
            let (trained, _) = run(&spec, fit, held_out, &options);
            let gain = trained.held_out_log_prob - start;
            println!("{batch_norm:?}, {norm:?}: {gain} nats");
            assert!(gain > 0.5, "{batch_norm:?}, {norm:?}: {gain}");
        }
    }
}

#[test]
fn a_constant_feature_is_trained_with_and_its_change_is_seen() {
    let mut random = Random::new(79);
    let rows: Vec<f32> = moons(&mut random, 600)
        .chunks_exact(2)
        .flat_map(|row| [row[0], 101_325.0, row[1]])
        .collect();
    let (fit, held_out) = rows.split_at(3 * 400);
    let spec = model(3, &[16], 4);
    let (trained, epochs) = run(&spec, fit, held_out, &quick());
    assert!(trained.params.iter().all(|param| param.is_finite()));
    assert!(epochs.iter().all(|epoch| epoch.skipped_batches == 0));
    let flow = common::flow(spec, &trained.params);
    let healthy = common::score(&flow, &held_out[..3]).log_prob;
    let changed = [held_out[0], 101_335.0, held_out[2]];
    assert!(common::score(&flow, &changed).log_prob < healthy - 10.0);
}

#[test]
fn overflowing_batches_are_left_out_and_counted() {
    let mut random = Random::new(80);
    // Without a standardisation one row is far enough out to overflow its batch.
    let full = model(2, &[8], 2);
    let spec = spec(2, full.layers[1..].to_vec());
    let mut rows = random.normals(2 * 100);
    let held_out = random.normals(2 * 50);
    rows[7] = 1e30;
    let options = TrainOptions {
        batch: 10,
        epochs: 3,
        ..quick()
    };
    let (trained, epochs) = run(&spec, &rows, &held_out, &options);
    assert!(trained.params.iter().all(|param| param.is_finite()));
    for epoch in epochs {
        assert_eq!(epoch.skipped_batches, 1);
        assert!(epoch.train_log_prob.is_finite());
    }

    let everywhere = vec![1e30; 2 * 100];
    let start = init(&spec, &rows, 0);
    let diverged = train(&spec, start, &everywhere, &held_out, &options, |_| true);
    assert_eq!(diverged, Err(TrainError::Diverged { epoch: 1 }));
}
