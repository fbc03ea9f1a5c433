//! Bit for bit on feature maps: rows scored together or alone, on training's path or inference's,
//! folded or not, today or after the next change.

use crate::common;
use crate::common::layers::{OnMap, assert_same_lanes, through};
use crate::common::models::maps::{self, FORMS, KERNELS, LOGIT, SHAPES, TRAINED, shape};
use crate::common::models::{self, ACTIVATIONS, Random, TRANSFORMS, on};
use crate::common::scores::{assert_same_scores, score_bits};
use nvpico::layer::coupling::gradient::{self, Context};
use nvpico::spec::{
    Conditioner, ConvolutionLayer, ConvolutionSpec, CouplingSpec, Kernel, Mask, ResidualForm,
    Squeeze, Transform,
};
use nvpico::train::{fold, mean_log_prob};
use nvpico::{Flow, FlowSpec, LayerSpec, Math, batch};

const BACK_ENDS: [Math; 2] = [Math::Libm, Math::Micromath];

fn multi_scale() -> Vec<FlowSpec<'static>> {
    let stacks = maps::multi_scale(&maps::stacks());
    let residuals = FORMS.map(|form| maps::multi_scale(&maps::residuals(form)));
    stacks
        .into_iter()
        .chain(residuals.into_iter().flatten())
        .collect()
}

#[test]
fn maps_score_the_same_together_and_alone() {
    let mut random = Random::new(101);
    for mut spec in multi_scale() {
        let params = models::params(&spec, &mut random);
        for math in BACK_ENDS {
            spec.math = math;
            for count in [0, 1, 7, 16, 19] {
                assert_same_scores(spec, &params, &maps::samples(&spec, count, &mut random));
            }
        }
    }
}

#[test]
fn steps_have_the_bits_of_a_whole_score() {
    let mut random = Random::new(104);
    for spec in multi_scale() {
        let params = models::params(&spec, &mut random);
        let flow = Flow::new(spec, &params).unwrap();
        let mut workspace = vec![0.0; spec.workspace_len()];
        for row in maps::samples(&spec, 3, &mut random).chunks(spec.dim()) {
            let whole = flow.score(row, &mut workspace).unwrap();
            let mut stepper = flow.stepper(row, &mut workspace).unwrap();
            for _ in spec.layers {
                assert_eq!(stepper.step(), None);
            }
            let stepped = stepper.step().unwrap();
            assert_eq!(score_bits(&Ok(stepped)), score_bits(&Ok(whole)));
            assert_eq!(stepper.step(), Some(stepped), "the score stays");
        }
        let short = spec.workspace_len() - 1;
        assert!(
            flow.stepper(&vec![0.0; spec.dim()], &mut workspace[..short])
                .is_err()
        );
    }
}

#[test]
fn broken_and_overflowing_maps_score_the_same_together_and_alone() {
    let mut random = Random::new(102);
    for spec in multi_scale() {
        let params = models::params(&spec, &mut random);
        let mut rows = maps::samples(&spec, 20, &mut random);
        let values = [
            f32::NAN,
            f32::INFINITY,
            f32::MAX,
            f32::MIN,
            1e30,
            -0.0,
            1e-45,
        ];
        for (number, value) in values.into_iter().enumerate() {
            rows[(2 * number + 1) * spec.dim() + number] = value;
        }
        assert_same_scores(spec, &params, &rows);
    }
}

#[test]
fn lanes_of_packets_have_the_bits_of_single_maps() {
    let mut random = Random::new(103);
    for shape in SHAPES {
        let networks = [maps::stacks(), maps::residuals(ResidualForm::Deployed)].concat();
        let couplings = maps::couplings(shape, &networks);
        let couplings = couplings.into_iter().step_by(3).map(LayerSpec::Coupling);
        let mut layers = maps::fixed(shape, &mut random);
        layers.push(LayerSpec::Logit(LOGIT));
        for layer in layers.into_iter().chain(couplings) {
            let spec = on(shape, vec![layer]);
            let params = models::params(&spec, &mut random);
            let samples = maps::samples(&spec, 16, &mut random);
            let layer = OnMap {
                layer: &layer,
                shape,
                math: Math::Libm,
            };
            for forward in [true, false] {
                let half = &samples[..8 * shape.len()];
                assert_same_lanes::<8>(layer, &params, half, forward);
                assert_same_lanes::<16>(layer, &params, &samples, forward);
            }
        }
    }
}

/// A chip makes rows of convolutions by a kernel of its own, some places at a time: every remainder of
/// places, outputs and inputs, under every parity, against the lanes of a packet.
#[test]
fn every_width_of_maps_and_layers_has_the_bits_of_packets() {
    let mut random = Random::new(104);
    for (number, width) in (1..12).chain([17, 30]).enumerate() {
        for (at, kernel) in KERNELS.into_iter().enumerate() {
            let filters = 1 + (7 * number + 5 * at) % 37;
            let hidden: &'static [_] = vec![ConvolutionLayer::new(filters, kernel)].leak();
            let activation = ACTIVATIONS[(number + at) % 2];
            let stack = maps::stack(hidden, KERNELS[(at + 2) % 5], activation);
            let residual = maps::residual(1 + filters % 7, 1, kernel, ResidualForm::Deployed);
            let map = shape(1 + (number + at) % 3, 1 + number % 4, width);
            for own in maps::couplings(map, &[stack, residual]) {
                let layer = LayerSpec::Coupling(own);
                let params = models::params(&on(map, vec![layer]), &mut random);
                let samples = random.normals(8 * map.len());
                let whole = OnMap {
                    layer: &layer,
                    shape: map,
                    math: Math::Libm,
                };
                assert_same_lanes::<8>(whole, &params, &samples, true);
            }
        }
    }
}

#[test]
fn training_runs_the_stacks_of_the_chip() {
    let mut random = Random::new(105);
    for shape in SHAPES {
        for own in maps::couplings(shape, &maps::stacks()) {
            let layer = LayerSpec::Coupling(own);
            let params = models::params(&on(shape, vec![layer]), &mut random);
            let x = random.normals(shape.len());
            let whole = OnMap {
                layer: &layer,
                shape,
                math: Math::Libm,
            };
            let mut plain = x.clone();
            let log_det = through(whole, &params, &mut plain, true);
            let mut saving = x.clone();
            let mut saved = vec![0.0; gradient::saved_len(&own, shape)];
            let mut log_det_saving: f32 = 0.25;
            let context = Context {
                math: Math::Libm,
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

#[test]
fn folding_changes_no_bit_of_a_map() {
    let mut random = Random::new(106);
    for spec in multi_scale() {
        let params = models::params(&spec, &mut random);
        let flow = common::flow(spec, &params);
        let folded = fold(&spec, &params);
        let deployed = common::flow(folded.spec(&spec), &folded.params);
        for layer in &folded.layers {
            match layer {
                LayerSpec::BatchNorm(_) => panic!("a batch norm is left"),
                LayerSpec::Coupling(own) => {
                    if let Conditioner::ResidualConvolution(net) = own.conditioner {
                        assert_eq!(net.form, ResidualForm::Deployed);
                    }
                }
                _ => {}
            }
        }
        for _ in 0..3 {
            let x = maps::sample(&spec, &mut random);
            let (trained, score) = (common::score(&flow, &x), common::score(&deployed, &x));
            assert_eq!(score_bits(&Ok(trained)), score_bits(&Ok(score)));
            assert_eq!(batch::score(&flow, &x), batch::score(&deployed, &x));
            let mean = mean_log_prob(&spec, &params, &x).expect("scores");
            assert_eq!(mean.to_bits(), f64::from(score.log_prob).to_bits());
        }
    }
}

#[test]
fn folding_a_folded_model_changes_nothing() {
    let mut random = Random::new(107);
    for spec in maps::multi_scale(&maps::residuals(TRAINED)) {
        let params = models::params(&spec, &mut random);
        let once = fold(&spec, &params);
        let twice = fold(&once.spec(&spec), &once.params);
        assert_eq!(once.layers, twice.layers);
        assert_eq!(common::bits(&once.params), common::bits(&twice.params));
    }
}

/// A model with every kind of layer on maps.
const GOLDEN: [LayerSpec<'static>; 9] = [
    LayerSpec::Logit(LOGIT),
    LayerSpec::Coupling(CouplingSpec::new(
        Mask::CheckerboardOdd,
        TRANSFORMS[2],
        Conditioner::Convolution(ConvolutionSpec::new(
            &[ConvolutionLayer::new(3, Kernel::SQUARE)],
            Kernel::ROW,
            ACTIVATIONS[1],
        )),
    )),
    LayerSpec::Squeeze(Squeeze::Cells),
    LayerSpec::Affine,
    LayerSpec::Coupling(CouplingSpec::new(
        Mask::FirstHalf,
        TRANSFORMS[1],
        maps::residual(2, 1, Kernel::SQUARE, ResidualForm::Deployed),
    )),
    LayerSpec::Unsqueeze(Squeeze::Cells),
    LayerSpec::Squeeze(Squeeze::CellsAlternate),
    LayerSpec::FactorOut,
    LayerSpec::Coupling(CouplingSpec::new(
        Mask::CheckerboardEven,
        Transform::Additive,
        maps::residual(3, 0, Kernel::POINT, ResidualForm::Deployed),
    )),
];

/// A change here is a change of format: models in the field would score other bits than the desktop
/// that set their thresholds.
#[test]
fn maps_keep_the_bits_that_they_have_always_had() {
    let map = shape(1, 4, 6);
    // Multiples of 1/64: exact in f32.
    let value = |layer: &LayerSpec<'_>, index: usize| {
        let step = (index * 37 % 64) as f32;
        match layer {
            LayerSpec::Coupling(_) => (step - 31.0) / 64.0,
            _ => (step + 16.0) / 64.0,
        }
    };
    let mut spec = FlowSpec::new(map, &GOLDEN);
    let params: Vec<f32> = GOLDEN
        .iter()
        .enumerate()
        .flat_map(|(at, layer)| {
            (0..layer.param_len(spec.shape_at(at))).map(move |index| value(layer, index))
        })
        .collect();
    let samples = [0, 1, 2].map(|sample: usize| -> Vec<f32> {
        (0..map.len())
            .map(|at| ((at * (2 * sample + 3) + sample) % 16) as f32)
            .collect()
    });
    for (math, expected) in [
        (Math::Libm, [0xc292_b4c0, 0xc28f_f214, 0xc292_2ef2]),
        (Math::Micromath, [0xc292_b63a, 0xc28f_eee2, 0xc292_2eba]),
    ] {
        spec.math = math;
        let flow = common::flow(spec, &params);
        let found = [0, 1, 2].map(|at| common::score(&flow, &samples[at]).log_prob.to_bits());
        assert_eq!(found, expected, "{math:?}: {found:#010x?}");
    }
}
