//! Training goes on through a rounding of the parameters, by the straight-through estimator.

use crate::common::models::{NORMS, Random, coupling, spec};
use crate::common::training::run;
use crate::training::{CLAMPED, banana, model, quick};
use nvpico::LayerSpec;
use nvpico::spec::Mask;
use nvpico::train::{Rounding, TrainOptions, init, mean_log_prob, train, train_rounded};

/// Parameters in coarse steps, but for what stands before a given one.
struct Coarse {
    step: f32,
    from: usize,
}

impl Rounding for Coarse {
    fn rounded(&self, params: &[f32]) -> Option<Vec<f32>> {
        let mut rounded = params.to_vec();
        for param in &mut rounded[self.from..] {
            *param = (*param / self.step).round() * self.step;
        }
        Some(rounded)
    }
}

#[test]
fn training_through_a_rounding_makes_good_what_it_took() {
    let mut random = Random::new(77);
    let rows = banana(&mut random, 3_000);
    let (fit, held_out) = rows.split_at(4_000);
    let model = model(2, &[16, 16], 4);
    let options = TrainOptions {
        epochs: 30,
        ..quick()
    };
    let (floats, _) = run(&model, fit, held_out, &options);
    // The standardisation is in the units of the data.
    let coarse = Coarse {
        step: 0.125,
        from: 4,
    };
    let judge = |params: &[f32]| mean_log_prob(&model, params, held_out).unwrap();
    let rounded = judge(&coarse.rounded(&floats.params).unwrap());
    let start = floats.params.clone();
    let trained = train_rounded(
        &model,
        start,
        fit,
        held_out,
        &options,
        &coarse,
        &|| false,
        |_| true,
    )
    .unwrap();
    println!(
        "{} in floats, {rounded} rounded, {} trained",
        floats.held_out_log_prob, trained.held_out_log_prob
    );
    assert!(floats.held_out_log_prob - rounded > 0.2);
    assert!(trained.held_out_log_prob > rounded + 0.1);
    // What is kept is behind the rounding; what is told is rounded.
    let kept = judge(&coarse.rounded(&trained.params).unwrap());
    assert_eq!(kept.to_bits(), trained.held_out_log_prob.to_bits());
    assert_ne!(trained.params, coarse.rounded(&trained.params).unwrap());
}

#[test]
fn running_statistics_go_on_under_a_rounding() {
    let mut random = Random::new(78);
    let rows = banana(&mut random, 600);
    let norm = LayerSpec::BatchNorm(NORMS[0]);
    let layers = vec![
        LayerSpec::Standardize,
        LayerSpec::Coupling(coupling(Mask::FirstHalf, CLAMPED, &[8])),
        norm,
    ];
    let model = spec(2, layers);
    let start = init(&model, &rows, 1);
    let statistics = start.len() - norm.param_len(model.shape);
    let coarse = Coarse {
        step: 0.25,
        from: start.len(),
    };
    let (held_out, options) = (&rows[..200], quick());
    let plain = train(&model, start.clone(), &rows, held_out, &options, |_| true).unwrap();
    let same = train_rounded(
        &model,
        start.clone(),
        &rows,
        held_out,
        &options,
        &coarse,
        &|| false,
        |_| true,
    );
    // A rounding that changes nothing changes no bit; statistics move.
    assert_eq!(same.unwrap(), plain);
    assert_ne!(
        plain.params[statistics..statistics + 4],
        start[statistics..statistics + 4]
    );
}
