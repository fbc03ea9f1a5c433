//! Models in integers, of every kind of layer.

use nvpico_codegen::data::Table;
use nvpico_codegen::export::{self, ExportOptions};
use nvpico_codegen::fit::recipe::{Architecture, BaseChoice, Recipe};
use nvpico_codegen::fit::training;
use nvpico_codegen::harness::no_panic::{self, Verdict};
use nvpico_codegen::harness::verify::compare;
use nvpico_codegen::harness::{Core, VerifyRequest};
use nvpico_codegen::model::{
    ActivationName, BaseName, ConditionerName, Layer, MaskName, MathName, Model, ModelSpec,
    NetsName, ScaleName, ShapeName, SpreadName, TransformName,
};
use nvpico_codegen::precision::Precision;

use crate::second_target_dir;

/// A model of simulated readings or counts, trained a little, in integers.
fn in_integers(shape: [usize; 3], recipe: Recipe) -> (Model, Vec<f32>) {
    let dim: usize = shape.iter().product();
    let mut state: u32 = 5;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32
    };
    let rows: Vec<f32> = (0..200 * dim).map(|_| value()).collect();
    let is_map = shape[1] * shape[2] > 1;
    let table = Table {
        columns: ShapeName(shape).value_names(),
        shape: is_map.then_some(shape),
        values: rows.clone(),
        rows: 200,
        row_numbers: (1..=200).collect(),
        ..Table::default()
    };
    let recipe = Recipe {
        epochs: Some(2),
        couplings: Some(2),
        base: Some(BaseChoice::Normal),
        kernels: Some(0),
        ..recipe
    };
    let outcome = training::fit(&table, None, recipe, |_, _| true);
    (outcome.expect("it can be trained").model, rows)
}

/// A map that goes through a matrix, in integers.
fn mixed_map_in_integers() -> (Model, Vec<f32>) {
    let spec = ModelSpec {
        shape: ShapeName([3, 1, 4]),
        math: MathName::Libm,
        layers: vec![Layer::Standardize, Layer::Linear],
        base: nvpico_codegen::model::BaseName::Normal,
        kernels: None,
        given: 0,
    };
    let rows: Vec<f32> = (0..1200_u32).map(|at| (at * at % 89) as f32).collect();
    let layers = spec.layers();
    let mut params = nvpico::train::init(&spec.flow_spec(&layers), &rows, 3);
    for (at, param) in params.iter_mut().enumerate().skip(7) {
        *param += (at % 5) as f32 * 0.2 - 0.4;
    }
    let mut model = Model::new(spec, params);
    model.find_ranges(&rows);
    (model, rows)
}

/// A model of parts that other libraries have, in integers.
fn imported_in_integers() -> (Model, Vec<f32>) {
    let activation = ActivationName::LeakyRelu(0.1);
    let coupling = |mask, scale, conditioner| Layer::Coupling {
        mask,
        transform: TransformName::Affine(scale),
        conditioner,
    };
    let blocks = ConditionerName::ResidualDense {
        width: 6,
        blocks: 1,
        activation,
        norm: true,
    };
    let two = ConditionerName::Dense {
        hidden: vec![6, 6, 6],
        activation,
        nets: NetsName::Two,
    };
    let sigmoid = ScaleName::Sigmoid {
        offset: 2.0,
        floor: 1e-3,
        inverse: true,
    };
    let spec = ModelSpec {
        shape: ShapeName::vector(5),
        math: MathName::Libm,
        layers: vec![
            Layer::Standardize,
            coupling(MaskName::Odd, sigmoid, blocks),
            Layer::Linear,
            coupling(MaskName::Even, ScaleName::Atan(1.5), two),
        ],
        base: nvpico_codegen::model::BaseName::Normal,
        kernels: None,
        given: 0,
    };
    let rows: Vec<f32> = (0..1000_u32).map(|at| (at * at % 97) as f32).collect();
    let layers = spec.layers();
    let mut params = nvpico::train::init(&spec.flow_spec(&layers), &rows, 3);
    for (at, param) in params.iter_mut().enumerate().skip(10) {
        *param += (at % 7) as f32 * 0.03 - 0.09;
    }
    let mut model = Model::new(spec, params);
    model.find_ranges(&rows);
    (model, rows)
}

/// A coupling onto a mixture, in integers.
fn mixture_in_integers(spread: SpreadName) -> (Model, Vec<f32>) {
    let coupling = Layer::Coupling {
        mask: MaskName::Even,
        transform: TransformName::Affine(ScaleName::ClampedTanh(1.5)),
        conditioner: ConditionerName::Dense {
            hidden: vec![6],
            activation: ActivationName::Relu,
            nets: NetsName::One,
        },
    };
    let components = 6;
    let spec = ModelSpec {
        shape: ShapeName::vector(5),
        math: MathName::Libm,
        layers: vec![Layer::Standardize, coupling],
        base: BaseName::Mixture { components, spread },
        kernels: None,
        given: 0,
    };
    let rows: Vec<f32> = (0..1000_u32).map(|at| (at * at % 97) as f32).collect();
    let layers = spec.layers();
    let flow = spec.flow_spec(&layers);
    let mut params = nvpico::train::init(&flow, &rows, 3);
    // Any constants, centres and triangles; the bandwidth is positive.
    for (at, param) in params.iter_mut().enumerate().skip(11) {
        *param += (at % 7) as f32 * 0.05 - 0.15;
    }
    let mut model = Model::new(spec, params);
    model.find_ranges(&rows);
    (model, rows)
}

#[test]
fn integers_link_no_floating_point() {
    let recipe = Recipe {
        hidden: Some(vec![6]),
        ..Recipe::default()
    };
    let (model, _) = in_integers([3, 1, 1], recipe);
    let ready = model.ready(Some(Precision::I8)).expect("it has integers");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let module = folder.path().join("model.rs");
    let text = export::module(&ready, &ExportOptions::default());
    std::fs::write(&module, text).expect("it can be written");
    let features = ready.spec().engine_features(Precision::I8);
    let linked = |part| {
        let target = second_target_dir();
        no_panic::floating_point(&module, Core::M0, &features, &[part], &target)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    assert_eq!(linked("integer-samples"), [""; 0]);
    assert_ne!(linked("samples"), [""; 0], "floats are seen where they are");
}

#[test]
fn integers_give_the_desktops_bits_and_cannot_panic() {
    let vector = Recipe {
        hidden: Some(vec![9, 16]),
        nets: Some(2),
        leaky: Some(0.1),
        ..Recipe::default()
    };
    let map = Recipe {
        filters: Some(5),
        levels: Some(256),
        ..Recipe::default()
    };
    let paper = Recipe {
        architecture: Some(Architecture::Paper),
        filters: Some(3),
        blocks: Some(1),
        ..Recipe::default()
    };
    for (model, mut rows) in [
        in_integers([5, 1, 1], vector),
        in_integers([1, 6, 6], map),
        in_integers([3, 4, 2], paper),
        imported_in_integers(),
        mixed_map_in_integers(),
        mixture_in_integers(SpreadName::Shared),
        mixture_in_integers(SpreadName::Full),
    ] {
        // Counts that no converter gives, and readings beyond all counts.
        rows[0] = 3e9;
        rows[7] = -1.0;
        for precision in [Precision::I8, Precision::I16] {
            let ready = model.ready(Some(precision)).expect("it has integers");
            let (words, expected) = ready.bits(&rows);
            let folder = tempfile::tempdir().expect("a temporary folder");
            let module = folder.path().join("model.rs");
            let text = export::module(&ready, &ExportOptions::default());
            std::fs::write(&module, text).expect("it can be written");
            // Cores differ in nothing that the width of the weights has a part in.
            let cores = match precision {
                Precision::I8 => &Core::ALL[..],
                _ => &[Core::M0, Core::M4f],
            };
            for (cores, assembly) in [(cores, false), (&[Core::M4f], true)] {
                let mut features = ready.spec().engine_features(precision);
                features.extend(assembly.then_some("assembly"));
                let request = VerifyRequest {
                    model: &module,
                    dim: model.header.spec.dim(),
                    words: &words,
                    digests: None,
                    expected: &expected,
                    alarm: None,
                    cores,
                    features: &features,
                    target_dir: &second_target_dir(),
                    keep: None,
                };
                let reports = compare(&request, |_| {}).unwrap_or_else(|error| panic!("{error}"));
                for report in reports {
                    assert_eq!(report.differing_bits, 0, "{precision}: {report:?}");
                }
                let verdict =
                    no_panic::check(&module, Core::M4f, &features, &[], &second_target_dir());
                assert_eq!(
                    verdict.unwrap_or_else(|error| panic!("{error}")),
                    Verdict::NoPanic
                );
            }
        }
    }
}
