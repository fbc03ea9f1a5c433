//! What is refused, and why: models that do not fit their spec by `Flow::new`, options and data by
//! `train`.

use crate::common;
use crate::common::models::{self, HIDDEN, TRANSFORMS, coupling};
use nvpico::spec::{Activation, BatchNormSpec, Conditioner, CouplingSpec, DenseSpec};
use nvpico::spec::{Mask, Nets, ResidualDenseSpec, ScaleMap, Shape, Transform};
use nvpico::train::{BatchNormTraining, Epoch, TrainError, TrainOptions, train};
use nvpico::{Flow, FlowSpec, LayerSpec, SpecError};

/// What `Flow::new` says of this layer as the second of a flow with zero parameters.
fn verdict(dim: usize, layer: LayerSpec<'_>) -> Result<(), SpecError> {
    let layers = [LayerSpec::Standardize, layer];
    let spec = FlowSpec::new(Shape::vector(dim), &layers);
    // Of a model that fits nowhere the length does not matter: structure is checked first.
    let params = vec![
        0.0;
        if spec.validate().is_ok() {
            spec.param_len()
        } else {
            0
        }
    ];
    Flow::new(spec, &params).map(|_| ())
}

fn mask_verdict(dim: usize, mask: Mask<'static>) -> Result<(), SpecError> {
    let own = coupling(mask, TRANSFORMS[2], HIDDEN[1]);
    verdict(dim, LayerSpec::Coupling(own))
}

#[test]
fn too_few_dimensions_are_refused() {
    for dim in [0, 1] {
        let refused = Err(SpecError::Dimension { dim });
        assert_eq!(verdict(dim, LayerSpec::Affine), refused);
    }
    assert_eq!(verdict(2, LayerSpec::Affine), Ok(()));
}

#[test]
fn masks_that_keep_nothing_or_everything_are_refused() {
    for (indices, kept) in [(&[][..], 0), (&[0, 1, 2], 3)] {
        assert_eq!(
            mask_verdict(3, Mask::Indices(indices)),
            Err(SpecError::MaskCoverage {
                layer: 1,
                kept,
                dim: 3
            })
        );
    }
}

#[test]
fn masks_with_unsorted_repeated_or_foreign_indices_are_refused() {
    for (indices, index) in [
        (&[2, 0][..], 0),
        (&[0, 2, 1], 1),
        (&[1, 1], 1),
        (&[0, 3], 3),
        (&[usize::MAX], usize::MAX),
    ] {
        assert_eq!(
            mask_verdict(3, Mask::Indices(indices)),
            Err(SpecError::MaskIndex { layer: 1, index })
        );
    }
    assert_eq!(mask_verdict(3, Mask::Indices(&[0, 2])), Ok(()));
}

#[test]
fn orders_that_are_no_permutation_are_refused() {
    for order in [
        &[][..],
        &[0, 1],
        &[0, 1, 1],
        &[1, 2, 3],
        &[0, 1, 2, 3],
        &[0, 1, usize::MAX],
    ] {
        assert_eq!(
            verdict(3, LayerSpec::Permutation(order)),
            Err(SpecError::Permutation { layer: 1 }),
            "{order:?}"
        );
    }
    assert_eq!(verdict(3, LayerSpec::Permutation(&[2, 0, 1])), Ok(()));
}

#[test]
fn hidden_layers_without_width_are_refused() {
    for hidden in [&[0][..], &[4, 0], &[0, 4]] {
        let own = coupling(Mask::Even, TRANSFORMS[0], hidden);
        assert_eq!(
            verdict(4, LayerSpec::Coupling(own)),
            Err(SpecError::HiddenWidth { layer: 1 })
        );
    }
}

#[test]
fn constants_out_of_range_are_refused() {
    let refused = Err(SpecError::Constant { layer: 1 });
    let not_positive = [0.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for constant in not_positive {
        let transform = Transform::Affine(ScaleMap::ClampedTanh { clamp: constant });
        let own = coupling(Mask::Even, transform, HIDDEN[0]);
        assert_eq!(verdict(2, LayerSpec::Coupling(own)), refused, "{constant}");
        let norm = LayerSpec::BatchNorm(BatchNormSpec::new(constant, false));
        assert_eq!(verdict(2, norm), refused, "{constant}");
    }
    for slope in [-0.1, 1.0, f32::NAN, f32::INFINITY] {
        let mut own = coupling(Mask::Even, TRANSFORMS[0], HIDDEN[1]);
        let activation = Activation::LeakyRelu { slope };
        own.conditioner = models::dense(HIDDEN[1], activation, Nets::One);
        assert_eq!(verdict(2, LayerSpec::Coupling(own)), refused, "{slope}");
    }
}

#[test]
fn a_wrong_number_of_parameters_is_refused() {
    let layers = [
        LayerSpec::Standardize,
        LayerSpec::Coupling(coupling(Mask::Odd, TRANSFORMS[1], HIDDEN[3])),
    ];
    let spec = FlowSpec::new(Shape::vector(3), &layers);
    let expected = spec.param_len();
    for found in [0, expected - 1, expected + 1] {
        let refused = SpecError::ParamLength { expected, found };
        assert_eq!(Flow::new(spec, &vec![0.0; found]).err(), Some(refused));
    }
    assert!(Flow::new(spec, &vec![0.0; expected]).is_ok());
}

#[test]
fn residual_blocks_of_no_width_are_refused() {
    for (width, expected) in [(4, Ok(())), (0, Err(SpecError::HiddenWidth { layer: 1 }))] {
        for blocks in 0..3 {
            for norm in [false, true] {
                let network = ResidualDenseSpec::new(width, blocks, Activation::Relu);
                let mut layer = coupling(Mask::Even, TRANSFORMS[0], HIDDEN[1]);
                layer.conditioner = Conditioner::ResidualDense(network.with_norm(norm));
                assert_eq!(verdict(4, LayerSpec::Coupling(layer)), expected);
            }
        }
    }
}

#[test]
fn sizes_beyond_memory_are_refused() {
    let hidden = [usize::MAX / 3, 5];
    let own = CouplingSpec::new(
        Mask::FirstHalf,
        TRANSFORMS[0],
        Conditioner::Dense(DenseSpec::new(&hidden, Activation::Relu).with_nets(Nets::Two)),
    );
    let refused = Err(SpecError::Overflow);
    assert_eq!(verdict(2, LayerSpec::Coupling(own)), refused);
}

const CONST_SPEC: FlowSpec<'static> = FlowSpec::new(
    Shape::vector(2),
    &[LayerSpec::Affine, LayerSpec::Permutation(&[1, 0])],
);
static CONST_PARAMS: [f32; CONST_SPEC.param_len()] = [2.0, 0.5, 1.0, -1.0, 0.0];
static CONST_FLOW: Flow<'static> = match Flow::new(CONST_SPEC, &CONST_PARAMS) {
    Ok(flow) => flow,
    Err(_) => panic!("the model does not fit its spec"),
};
const CONST_REFUSAL: SpecError = match Flow::new(CONST_SPEC, &[]) {
    Ok(_) => SpecError::Overflow,
    Err(error) => error,
};

#[test]
fn models_are_checked_and_built_at_compile_time() {
    let (z, log_det) = common::forward(&CONST_FLOW, &[3.0, 4.0]);
    assert_eq!(common::bits(&z), common::bits(&[1.0, 7.0]));
    assert_eq!(log_det.to_bits(), 0.0_f32.to_bits());
    let refused = SpecError::ParamLength {
        expected: 5,
        found: 0,
    };
    assert_eq!(CONST_REFUSAL, refused);
}

/// What `train` says before the first epoch.
fn refusal(rows: &[f32], held_out: &[f32], options: &TrainOptions) -> TrainError {
    let start = vec![0.0; CONST_SPEC.param_len()];
    let heard = |_: &Epoch| panic!("an epoch ran");
    train(&CONST_SPEC, start, rows, held_out, options, heard).expect_err("refused")
}

#[test]
fn options_out_of_range_are_refused() {
    let with = |change: &dyn Fn(&mut TrainOptions)| {
        let mut options = TrainOptions::default();
        change(&mut options);
        options
    };
    let not_positive = [0.0, -1.0, f32::NAN, f32::INFINITY];
    let negative = [-1e-3, f32::NAN, f32::INFINITY];
    let mut refused = vec![with(&|options| options.batch = 0)];
    for value in not_positive {
        refused.push(with(&|options| options.learning_rate = value));
        refused.push(with(&|options| options.clip = value));
        refused.push(with(&|options| options.decay = value));
    }
    refused.push(with(&|options| options.decay = 1.1));
    for value in negative {
        refused.push(with(&|options| options.l2 = value));
        refused.push(with(&|options| options.noise = value));
    }
    for momentum in [-0.1, 1.0, f64::NAN] {
        refused.push(with(&|options| {
            options.batch_norm = BatchNormTraining::Running { momentum };
        }));
        refused.push(with(&|options| {
            options.batch_norm = BatchNormTraining::Batch { momentum };
        }));
    }
    for options in refused {
        let error = refusal(&[0.5; 40], &[0.5; 4], &options);
        assert!(matches!(error, TrainError::Option(_)), "{options:?}");
    }
}

#[test]
fn data_that_is_no_table_of_numbers_is_refused() {
    let good = [0.5; 8];
    for values in [0, 7] {
        let expected = TrainError::Rows { values, dim: 2 };
        assert_eq!(
            refusal(&good[..values], &good, &TrainOptions::default()),
            expected
        );
        assert_eq!(
            refusal(&good, &good[..values], &TrainOptions::default()),
            expected
        );
    }
    let mut bad = good;
    bad[5] = f32::NAN;
    let at = |row| TrainError::NonFinite { row, column: 1 };
    assert_eq!(refusal(&bad, &good, &TrainOptions::default()), at(2));
    assert_eq!(refusal(&good, &bad, &TrainOptions::default()), at(6));

    let options = TrainOptions::default();
    let refused = train(&CONST_SPEC, vec![0.0; 4], &good, &good, &options, |_| true);
    let wrong = SpecError::ParamLength {
        expected: 5,
        found: 4,
    };
    assert_eq!(refused, Err(TrainError::Spec(wrong)));
}
