//! Feature maps: every layer and network on them, and whole multi-scale models, against the `f64`
//! reference and back again; what a coupling reads; overflow.

use crate::common;
use crate::common::agreement::check;
use crate::common::layers::{OnMap, through};
use crate::common::models::maps::{
    self, FORMS, LOGIT, SHAPES, SQUEEZES, TRAINED, bounded, sample, shape,
};
use crate::common::models::{self, ACTIVATIONS, Random, TRANSFORMS, on};
use crate::common::tolerance::{LAYER, MODEL, Tolerance};
use nvpico::spec::{Conditioner, CouplingSpec, Kernel, Mask, Shape, Squeeze, Transform};
use nvpico::{FlowSpec, LayerSpec, Math, ScoreError, batch};

/// A logit on its own: its log-determinant comes from other terms on the way back.
const LOGIT_ALONE: Tolerance = Tolerance {
    log_det_pair: 1e-6,
    ..LAYER
};

fn alone(
    layers: impl Fn(Shape) -> Vec<LayerSpec<'static>>,
) -> impl Iterator<Item = FlowSpec<'static>> {
    SHAPES.into_iter().flat_map(move |shape| {
        let layers = layers(shape);
        layers.into_iter().map(move |layer| on(shape, vec![layer]))
    })
}

fn couplings(shape: Shape, conditioners: &[Conditioner<'static>]) -> Vec<LayerSpec<'static>> {
    let all = maps::couplings(shape, conditioners);
    all.into_iter().map(LayerSpec::Coupling).collect()
}

#[test]
fn layers_without_a_network_agree_with_the_reference() {
    let fixed = |shape| maps::fixed(shape, &mut Random::new(91));
    check("fixed layers on maps", alone(fixed), 3, &LAYER);
    let logit = |_| vec![LayerSpec::Logit(LOGIT)];
    check("logit", alone(logit), 10, &LOGIT_ALONE);
}

#[test]
fn stacks_of_convolutions_agree_with_the_reference() {
    let all = |shape| couplings(shape, &maps::stacks());
    check("stacks", alone(all), 1, &LAYER);
}

#[test]
fn residual_networks_agree_with_the_reference() {
    for form in FORMS {
        let all = |shape| couplings(shape, &maps::residuals(form));
        check("residual convolutions", alone(all), 1, &LAYER);
    }
}

#[test]
fn multi_scale_models_agree_with_the_reference() {
    let stacks = maps::multi_scale(&maps::stacks());
    check("multi-scale, stacks", stacks, 3, &MODEL);
    for form in FORMS {
        let residuals = maps::multi_scale(&maps::residuals(form));
        check("multi-scale, residual", residuals, 3, &MODEL);
    }
}

#[test]
fn squeezing_alone_changes_nothing() {
    let mut random = Random::new(92);
    for squeeze in SQUEEZES {
        let map = shape(2, 4, 6);
        let spec = on(map, vec![LayerSpec::Squeeze(squeeze), LayerSpec::FactorOut]);
        let x = random.normals(map.len());
        let flow = common::flow(spec, &[]);
        let (z, log_det) = common::forward(&flow, &x);
        assert_eq!(common::bits(&z), common::bits(&x), "{squeeze:?}");
        assert_eq!(log_det.to_bits(), 0.0_f32.to_bits());
    }
}

#[test]
fn a_latent_stands_where_its_values_come_from() {
    // Four channels of one place; the first two change places, the last two are done before that.
    let layers = vec![
        LayerSpec::Squeeze(Squeeze::Cells),
        LayerSpec::FactorOut,
        LayerSpec::Permutation(&[1, 0]),
    ];
    let flow = common::flow(on(shape(1, 2, 2), layers), &[]);
    let (z, _) = common::forward(&flow, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(common::bits(&z), common::bits(&[2.0, 1.0, 3.0, 4.0]));

    // In the alternate order the two on the diagonal go on.
    let layers = vec![
        LayerSpec::Squeeze(Squeeze::CellsAlternate),
        LayerSpec::FactorOut,
        LayerSpec::Permutation(&[1, 0]),
    ];
    let flow = common::flow(on(shape(1, 2, 2), layers), &[]);
    let (z, _) = common::forward(&flow, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(common::bits(&z), common::bits(&[4.0, 2.0, 3.0, 1.0]));
}

/// Couplings of every mask with a stack and a residual network.
fn readers(shape: Shape) -> Vec<CouplingSpec<'static>> {
    let conditioners = [
        maps::stacks()[7],
        maps::stacks()[17],
        maps::residuals(FORMS[0])[2],
        maps::residuals(TRAINED)[1],
        maps::stack(&[], Kernel::SQUARE, ACTIVATIONS[0]),
    ];
    maps::couplings(shape, &conditioners)
}

#[test]
fn a_value_under_the_mask_is_never_read() {
    let mut random = Random::new(93);
    for shape in SHAPES {
        for own in readers(shape) {
            let layer = LayerSpec::Coupling(own);
            let params = models::params(&on(shape, vec![layer]), &mut random);
            let whole = OnMap {
                layer: &layer,
                shape,
                math: Math::Libm,
            };
            let x = random.normals(shape.len());
            let mut plain = x.clone();
            let log_det = through(whole, &params, &mut plain, true);
            // What is not a number spreads to all that reads it.
            let mut broken = x.clone();
            for (index, x) in broken.iter_mut().enumerate() {
                if index % 3 != 1 && !own.mask.keeps_value(index, shape) {
                    *x = f32::NAN;
                }
            }
            let mut changed = broken.clone();
            let log_det_changed = through(whole, &params, &mut changed, true);
            assert_eq!(log_det.to_bits(), log_det_changed.to_bits(), "{own:?}");
            for (index, (changed, plain)) in changed.iter().zip(&plain).enumerate() {
                if broken[index].is_nan() {
                    assert!(changed.is_nan());
                } else {
                    assert_eq!(changed.to_bits(), plain.to_bits(), "{index} of {own:?}");
                }
            }
        }
    }
}

#[test]
fn kept_values_pass_and_the_others_do_not() {
    let mut random = Random::new(94);
    for shape in SHAPES {
        for own in readers(shape) {
            let spec = on(shape, vec![LayerSpec::Coupling(own)]);
            let params = models::params(&spec, &mut random);
            let x = random.normals(shape.len());
            let (z, log_det) = common::forward(&common::flow(spec, &params), &x);
            for (index, (x, z)) in x.iter().zip(z).enumerate() {
                let same = x.to_bits() == z.to_bits();
                assert_eq!(same, own.mask.keeps_value(index, shape), "{index}, {own:?}");
            }
            if own.transform == Transform::Additive {
                assert_eq!(log_det.to_bits(), 0.0_f32.to_bits());
            }
        }
    }
}

#[test]
fn checkerboards_keep_what_the_paper_keeps() {
    let map = shape(2, 3, 4);
    for (mask, parity) in [(Mask::CheckerboardOdd, 1), (Mask::CheckerboardEven, 0)] {
        for index in 0..map.len() {
            let (y, x) = (index / 4 % 3, index % 4);
            assert_eq!(mask.keeps_value(index, map), (y + x) % 2 == parity);
        }
    }
}

#[test]
fn non_finite_values_of_a_map_are_named() {
    let mut random = Random::new(95);
    for spec in maps::multi_scale(&maps::stacks()) {
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let mut workspace = vec![0.0; spec.workspace_len()];
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = sample(&spec, &mut random);
            let index = x.len() / 2;
            x[index] = bad;
            let expected = Err(ScoreError::NonFinite { index });
            assert_eq!(flow.score(&x, &mut workspace), expected);
            assert_eq!(batch::score(&flow, &x), [expected]);
        }
    }
}

#[test]
fn counts_beyond_the_levels_score_minus_infinity() {
    let mut random = Random::new(96);
    let [spec, ..] = &maps::multi_scale(&maps::stacks())[..] else {
        panic!("there are models");
    };
    assert_eq!(spec.layers[0], LayerSpec::Logit(LOGIT));
    let params = models::params(spec, &mut random);
    let flow = common::flow(*spec, &params);
    let inside = sample(spec, &mut random);
    assert!(common::score(&flow, &inside).log_prob.is_finite());
    let highest = LOGIT.levels - 0.5;
    for beyond in [highest + 1e-3, -1.5, 1e10, -1e10, f32::MAX, f32::MIN] {
        for index in [0, 17, 63] {
            let mut x = inside.clone();
            x[index] = beyond;
            let alone = common::score(&flow, &x).log_prob;
            let together = batch::score(&flow, &x)[0].expect("finite").log_prob;
            assert_eq!(alone.to_bits(), f32::NEG_INFINITY.to_bits(), "{beyond}");
            assert_eq!(together.to_bits(), alone.to_bits());
        }
    }
}

#[test]
fn an_overflow_on_a_map_is_minus_infinity_and_never_a_number() {
    let mut random = Random::new(97);
    let map = shape(2, 3, 4);
    let networks = [
        maps::stacks()[7],
        maps::residuals(FORMS[0])[2],
        maps::residuals(TRAINED)[2],
    ];
    for network in networks {
        for transform in [TRANSFORMS[0], TRANSFORMS[1], TRANSFORMS[3]] {
            let couple = |mask| LayerSpec::Coupling(CouplingSpec::new(mask, transform, network));
            let spec = on(
                map,
                vec![couple(Mask::CheckerboardOdd), couple(Mask::FirstHalf)],
            );
            let params = models::params(&spec, &mut random);
            let flow = common::flow(spec, &params);
            for value in [f32::MAX, -1e30] {
                for index in 0..map.len() {
                    let mut x = random.normals(map.len());
                    x[index] = value;
                    let alone = common::score(&flow, &x).log_prob;
                    let together = batch::score(&flow, &x)[0].expect("finite").log_prob;
                    assert_eq!(alone.to_bits(), f32::NEG_INFINITY.to_bits());
                    assert_eq!(together.to_bits(), alone.to_bits());
                }
            }
        }
    }
}

#[test]
fn parameters_that_are_not_numbers_make_no_number() {
    let mut random = Random::new(98);
    let map = shape(2, 2, 3);
    for network in [maps::stacks()[7], maps::residuals(FORMS[0])[2]] {
        let spec = on(map, vec![bounded(Mask::CheckerboardOdd, network)]);
        let good = models::params(&spec, &mut random);
        let x = random.normals(map.len());
        for index in 0..good.len() {
            let mut params = good.clone();
            params[index] = f32::NAN;
            let flow = common::flow(spec, &params);
            let found = common::score(&flow, &x).log_prob;
            // A window's weight that lies beyond the edges of this map everywhere is never read.
            if !found.is_finite() {
                assert_eq!(found.to_bits(), f32::NEG_INFINITY.to_bits());
            }
        }
    }
}
