//! What is refused of feature maps, and why.

use crate::common::models::maps::{self, FORMS, shape};
use crate::common::models::{self, ACTIVATIONS, HIDDEN, on};
use nvpico::spec::{
    Activation, Conditioner, ConvolutionLayer, Feature, Kernel, LogitSpec, Mask, Nets,
    ResidualDenseSpec, ResidualForm, Shape, Squeeze,
};
use nvpico::{LayerSpec, SpecError};

/// What `Flow::new` says of this layer as the second of a flow of maps.
fn verdict(map: Shape, layer: LayerSpec<'static>) -> Result<(), SpecError> {
    on(map, vec![LayerSpec::Affine, layer]).validate()
}

#[test]
fn maps_without_places_or_with_one_value_are_refused() {
    for (map, dim) in [
        (shape(3, 0, 4), 0),
        (shape(3, 4, 0), 0),
        (shape(0, 4, 4), 0),
        (shape(1, 1, 1), 1),
    ] {
        let refused = Err(SpecError::Dimension { dim });
        assert_eq!(verdict(map, LayerSpec::Affine), refused, "{map:?}");
    }
    assert_eq!(verdict(shape(1, 1, 2), LayerSpec::Affine), Ok(()));
}

#[test]
fn layers_that_do_not_fit_their_map_are_refused() {
    let cells = LayerSpec::Squeeze(Squeeze::Cells);
    let alternate = LayerSpec::Squeeze(Squeeze::CellsAlternate);
    let pairs = LayerSpec::Squeeze(Squeeze::Pairs);
    for (map, layer, fits) in [
        (shape(1, 4, 4), cells, true),
        (shape(1, 3, 4), cells, false),
        (shape(1, 4, 3), alternate, false),
        (shape(1, 1, 4), cells, false),
        (shape(1, 1, 4), pairs, true),
        (shape(2, 3, 5), pairs, false),
        (shape(4, 1, 1), LayerSpec::Unsqueeze(Squeeze::Cells), true),
        (shape(6, 1, 1), LayerSpec::Unsqueeze(Squeeze::Cells), false),
        (shape(3, 2, 2), LayerSpec::Unsqueeze(Squeeze::Pairs), false),
        (shape(2, 2, 2), LayerSpec::FactorOut, true),
        (shape(3, 2, 2), LayerSpec::FactorOut, false),
        (shape(1, 4, 4), LayerSpec::FactorOut, false),
    ] {
        let refused = SpecError::LayerShape {
            layer: 1,
            shape: map,
        };
        let expected = if fits { Ok(()) } else { Err(refused) };
        assert_eq!(verdict(map, layer), expected, "{layer:?} of {map:?}");
    }
}

#[test]
fn the_shape_that_reaches_a_layer_counts() {
    let spec = |last| {
        let layers = vec![
            LayerSpec::Squeeze(Squeeze::Cells),
            LayerSpec::FactorOut,
            last,
        ];
        on(shape(1, 6, 6), layers)
    };
    let reached = shape(2, 3, 3);
    assert_eq!(spec(LayerSpec::FactorOut).validate(), Ok(()));
    assert_eq!(
        spec(LayerSpec::Squeeze(Squeeze::Cells)).validate(),
        Err(SpecError::LayerShape {
            layer: 2,
            shape: reached
        })
    );
    assert_eq!(
        spec(LayerSpec::Permutation(&[0, 1, 2, 3])).validate(),
        Err(SpecError::Permutation { layer: 2 })
    );
    let network = maps::stack(&[], Kernel::POINT, ACTIVATIONS[0]);
    let listed = maps::bounded(Mask::Indices(&[3]), network);
    assert_eq!(
        spec(listed).validate(),
        Err(SpecError::MaskIndex { layer: 2, index: 3 })
    );
    assert_eq!(spec(LayerSpec::Affine).param_len(), 5);
}

#[test]
fn checkerboards_on_one_place_are_refused() {
    let network = maps::stack(&[], Kernel::POINT, ACTIVATIONS[0]);
    for mask in [Mask::CheckerboardOdd, Mask::CheckerboardEven] {
        let refused = SpecError::MaskCoverage {
            layer: 1,
            kept: 4,
            dim: 4,
        };
        let layer = maps::bounded(mask, network);
        assert_eq!(verdict(shape(4, 1, 1), layer), Err(refused));
        assert_eq!(verdict(shape(1, 1, 2), layer), Ok(()));
        assert_eq!(verdict(shape(1, 2, 1), layer), Ok(()));
    }
    let channels = maps::bounded(Mask::FirstHalf, network);
    assert_eq!(
        verdict(shape(1, 4, 4), channels),
        Err(SpecError::MaskCoverage {
            layer: 1,
            kept: 0,
            dim: 1
        })
    );
}

#[test]
fn dense_networks_on_maps_are_refused() {
    let blocks = ResidualDenseSpec::new(3, 1, Activation::Relu);
    for network in [
        models::dense(HIDDEN[1], Activation::Relu, Nets::One),
        models::dense(HIDDEN[1], Activation::Relu, Nets::Two),
        Conditioner::ResidualDense(blocks),
    ] {
        let layer = maps::bounded(Mask::FirstHalf, network);
        let refused = Err(SpecError::DenseOnMap { layer: 1 });
        assert_eq!(verdict(shape(2, 1, 2), layer), refused);
        assert_eq!(verdict(shape(2, 1, 1), layer), Ok(()));
    }
}

#[test]
fn convolutions_without_filters_or_centre_are_refused() {
    let refused = Err(SpecError::Convolution { layer: 1 });
    let of = |network| {
        let layer = maps::bounded(Mask::CheckerboardOdd, network);
        verdict(shape(1, 4, 4), layer)
    };
    let hidden = |filters, kernel| -> &'static [ConvolutionLayer] {
        vec![ConvolutionLayer::new(filters, kernel)].leak()
    };
    for (height, width) in [(2, 3), (3, 2), (0, 1), (1, 0), (4, 4)] {
        let kernel = maps::kernel(height, width);
        assert_eq!(of(maps::stack(&[], kernel, ACTIVATIONS[0])), refused);
        let inside = maps::stack(hidden(3, kernel), Kernel::POINT, ACTIVATIONS[0]);
        assert_eq!(of(inside), refused);
        for form in FORMS {
            assert_eq!(of(maps::residual(3, 1, kernel, form)), refused);
        }
    }
    let empty = maps::stack(hidden(0, Kernel::ROW), Kernel::POINT, ACTIVATIONS[0]);
    assert_eq!(of(empty), refused);
    for form in FORMS {
        assert_eq!(of(maps::residual(0, 1, Kernel::ROW, form)), refused);
        assert_eq!(of(maps::residual(1, 0, Kernel::ROW, form)), Ok(()));
    }
}

#[test]
fn constants_of_maps_out_of_range_are_refused() {
    let refused = Err(SpecError::Constant { layer: 1 });
    let map = shape(2, 2, 2);
    for eps in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let form = ResidualForm::Trained { eps };
        let network = maps::residual(2, 1, Kernel::ROW, form);
        let layer = maps::bounded(Mask::FirstHalf, network);
        assert_eq!(verdict(map, layer), refused, "{eps}");
    }
    for slope in [-0.1, 1.0, f32::NAN] {
        let network = maps::stack(&[], Kernel::ROW, Activation::LeakyRelu { slope });
        let layer = maps::bounded(Mask::FirstHalf, network);
        assert_eq!(verdict(map, layer), refused, "{slope}");
    }
    for (alpha, levels) in [
        (0.0, 256.0),
        (1.0, 256.0),
        (-0.1, 256.0),
        (f32::NAN, 256.0),
        (0.05, 0.0),
        (0.05, -1.0),
        (0.05, f32::NAN),
        (0.05, f32::INFINITY),
    ] {
        let layer = LayerSpec::Logit(LogitSpec::new(alpha, levels));
        assert_eq!(verdict(map, layer), refused, "{alpha}, {levels}");
    }
    assert_eq!(verdict(map, LayerSpec::Logit(maps::LOGIT)), Ok(()));
}

#[test]
fn maps_beyond_memory_are_refused() {
    let refused = Err(SpecError::Overflow);
    let most = usize::MAX;
    for map in [
        shape(most, most, most),
        shape(2, most / 2, 1),
        shape(1, 1 << 32, 1 << 32),
    ] {
        assert_eq!(verdict(map, LayerSpec::Standardize), refused);
    }
    let wide = [ConvolutionLayer::new(most / 4, Kernel::SQUARE)];
    let networks = [
        maps::stack(wide.to_vec().leak(), Kernel::POINT, ACTIVATIONS[0]),
        maps::stack(&[], maps::kernel(most, 3), ACTIVATIONS[0]),
        maps::residual(most, 1, Kernel::POINT, FORMS[0]),
        maps::residual(most / 8, 1, Kernel::SQUARE, FORMS[1]),
        maps::residual(2, most, Kernel::SQUARE, FORMS[0]),
    ];
    for network in networks {
        let layer = maps::bounded(Mask::CheckerboardOdd, network);
        assert_eq!(verdict(shape(2, 4, 4), layer), refused, "{network:?}");
    }
}

#[test]
fn refusals_of_maps_say_what_is_wrong() {
    let map = shape(3, 2, 5);
    for (error, expected) in [
        (
            SpecError::LayerShape {
                layer: 4,
                shape: map,
            },
            &["layer 4", "3", "2", "5"][..],
        ),
        (SpecError::DenseOnMap { layer: 4 }, &["layer 4"]),
        (SpecError::Convolution { layer: 4 }, &["layer 4"]),
        (
            SpecError::FeatureMissing {
                layer: None,
                feature: Feature::FeatureMaps,
            },
            &["enable feature \"feature-maps\" of nvpico"],
        ),
        (
            SpecError::TrainedFormNotCompiled { layer: 4 },
            &["layer 4", "std"],
        ),
    ] {
        let text = error.to_string();
        for part in expected {
            assert!(text.contains(part), "{text}");
        }
    }
}
