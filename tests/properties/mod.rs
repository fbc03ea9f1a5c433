//! Any model at all: random shapes, layers, masks, networks and parameters, as data and as a flow.

mod chooser;
use self::chooser::Chooser;
use crate::common;
use crate::common::agreement::measure;
use crate::common::models::{self, Random, maps};
use crate::common::reference;
use crate::common::scores::assert_same_scores;
use crate::common::tolerance::MODEL;
use nvpico::spec::BaseSpec;
use nvpico::train::fold;
use nvpico::{FlowSpec, LayerSpec};
use nvpico_codegen::calibration::Method;
use nvpico_codegen::export::{ExportOptions, module};
use nvpico_codegen::model::{Model, ModelSpec};
use proptest::prelude::*;

/// Runs `check` with a spec's view, random parameters, and what else is random.
fn with_flow<R>(
    spec: &ModelSpec,
    seed: u64,
    check: impl FnOnce(FlowSpec<'_>, &[f32], &mut Random) -> R,
) -> R {
    let layers = spec.layers();
    let flow = spec.flow_spec(&layers);
    let mut random = Random::new(seed);
    let params = models::params(&flow, &mut random);
    check(flow, &params, &mut random)
}

fn model(spec: ModelSpec, seed: u64) -> Model {
    let params = with_flow(&spec, seed, |_, params, _| params.to_vec());
    Model::new(spec, params)
}

/// The counts of a random model's logit, or normals.
fn sample(flow: &FlowSpec<'_>, random: &mut Random) -> Vec<f32> {
    maps::sample(flow, random)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_model_has_an_inverse_and_the_density_of_the_reference(
        layers in 1_usize..7,
        seed in any::<u64>(),
    ) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        with_flow(&spec, seed, |flow, params, random| {
            let x = sample(&flow, random);
            let (wide, wide_x) = (reference::wide(params), reference::wide(&x));
            let z = reference::forward(&flow, &wide, &wide_x).z;
            // Far outside, where unbounded scales can throw a sample, no inverse in f32 has its digits.
            prop_assume!(z.iter().all(|z| z.abs() < 30.0));
            let errors = measure(&flow, params, &x);
            prop_assert_eq!(errors.violation(&MODEL), None, "{:?} of {:?}", errors, spec);
            Ok(())
        })?;
    }

    #[test]
    fn any_model_scores_the_same_together_alone_and_deployed(
        layers in 1_usize..7,
        seed in any::<u64>(),
    ) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        with_flow(&spec, seed, |flow, params, random| {
            let rows: Vec<f32> = (0..9).flat_map(|_| sample(&flow, random)).collect();
            assert_same_scores(flow, params, &rows);
            let folded = fold(&flow, params);
            let deployed = folded.spec(&flow);
            let is_folded = |layer: &LayerSpec<'_>| !matches!(layer, LayerSpec::BatchNorm(_));
            assert!(folded.layers.iter().all(is_folded));
            let (one, other) = (common::flow(flow, params), common::flow(deployed, &folded.params));
            let scores = nvpico::batch::score(&other, &rows);
            prop_assert_eq!(nvpico::batch::score(&one, &rows), scores);
            Ok(())
        })?;
    }

    #[test]
    fn any_model_file_reads_back_to_the_byte(layers in 0_usize..7, seed in any::<u64>()) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        let mut model = model(spec, seed);
        if seed % 2 == 0 {
            model.calibrate(&Random::new(seed).normals(20), 0.1, Method::GivenRows);
        }
        let bytes = model.to_bytes();
        let reread = Model::from_bytes(&bytes).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&reread, &model);
        prop_assert_eq!(reread.to_bytes(), bytes);
        prop_assert_eq!(reread.hash(), model.hash());
    }

    #[test]
    fn any_deployed_model_is_a_model(layers in 0_usize..7, seed in any::<u64>()) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        let trained = model(spec, seed);
        let deployed = trained.deploy();
        // What the engine folds to, and what the file says of it.
        with_flow(&trained.header.spec, seed, |flow, params, _| {
            let folded = fold(&flow, params);
            prop_assert_eq!(&folded.layers, &deployed.spec.layers());
            prop_assert_eq!(&folded.params, &deployed.params);
            Ok(())
        })?;
        let again = Model::new(deployed.spec.clone(), deployed.params.clone());
        let reread = Model::from_bytes(&again.to_bytes()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(reread.deploy(), deployed);
        // And so the exported module is the same but for the hash of the file that it came from.
        let options = ExportOptions { vectors: 2 };
        let body = |model: &Model| {
            let ready = model.ready(None).expect("floats need nothing");
            let text = module(&ready, &options);
            let names_it = |line: &&str| {
                line.starts_with("// model sha256") || line.starts_with("pub const MODEL:")
            };
            let lines = text.lines().filter(|line| !names_it(line));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        prop_assert_eq!(body(&trained), body(&reread));
    }

    #[test]
    fn any_exported_module_holds_the_whole_model(layers in 0_usize..7, seed in any::<u64>()) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        let model = model(spec, seed);
        let ready = model.ready(None).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let text = module(&ready, &ExportOptions { vectors: 2 });
        let deployed = model.deploy();
        let dim = format!("pub const DIM: usize = {};", model.header.spec.dim());
        prop_assert!(text.contains(&dim), "{}", text);
        let layers = text.matches("nvpico::LayerSpec::").count();
        prop_assert_eq!(layers, deployed.spec.layers.len());
        prop_assert!(!text.contains("Trained"), "{}", text);
        // Every parameter, written so that it reads back exactly.
        let params = text.split("PARAMS: [f32; SPEC.param_len()] = [").nth(1);
        let params = params.and_then(|rest| rest.split("];").next());
        let found: Vec<u32> = params
            .unwrap_or_else(|| panic!("no parameters in {text}"))
            .split(',')
            .map(str::trim)
            .filter(|number| !number.is_empty())
            .map(|number| number.parse::<f32>().expect(number).to_bits())
            .collect();
        prop_assert_eq!(found, common::bits(&deployed.params));
    }

    #[test]
    fn lengths_add_up(layers in 0_usize..7, seed in any::<u64>()) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        with_flow(&spec, seed, |flow, params, _| {
            prop_assert_eq!(flow.validate(), Ok(()));
            prop_assert_eq!(params.len(), flow.param_len());
            let at = |index| (&flow.layers[index], flow.shape_at(index));
            let all = || (0..flow.layers.len()).map(at);
            let sum: usize = all().map(|(layer, shape)| layer.param_len(shape)).sum();
            let dim = flow.dim();
            prop_assert_eq!(sum + flow.base.param_len(dim, 0), flow.param_len());
            let most = all().map(|(layer, shape)| layer.scratch_len(shape)).max();
            let most = most.unwrap_or(0).max(flow.base.scratch_len(dim, 0));
            prop_assert_eq!(most, flow.scratch_len());
            for (layer, shape) in all() {
                let after = layer.output_shape(shape);
                prop_assert_eq!(after.and_then(|after| layer.input_shape(after)), Some(shape));
            }
            Ok(())
        })?;
    }

    /// Values that never change have a place in `untransformed_feature`, and only those.
    #[test]
    fn the_first_value_that_no_coupling_transforms_is_named(
        layers in 0_usize..6,
        seed in any::<u64>(),
    ) {
        let spec = Chooser(Random::new(seed)).spec(layers);
        with_flow(&spec, seed, |flow, _, random| {
            // Each value changes with the shift of an additive coupling, or never: all couplings become
            // additive here, all other layers that change values are gone.
            // A matrix mixes: what stays cannot be found by moving places.
            if flow.layers.contains(&LayerSpec::Linear) {
                return Ok(());
            }
            // A mixture models every value.
            let mixture = flow.base != BaseSpec::Normal;
            prop_assert!(!mixture || flow.untransformed_feature().is_none());
            let flow = flow.with_base(BaseSpec::Normal);
            let additive: Vec<LayerSpec<'_>> = flow
                .layers
                .iter()
                .filter_map(|layer| match layer {
                    LayerSpec::Coupling(own) => {
                        let mut own = *own;
                        own.transform = nvpico::spec::Transform::Additive;
                        Some(LayerSpec::Coupling(own))
                    }
                    LayerSpec::Standardize
                    | LayerSpec::Affine
                    | LayerSpec::BatchNorm(_)
                    | LayerSpec::Logit(_) => None,
                    other => Some(*other),
                })
                .collect();
            let plain = flow.with_layers(&additive);
            prop_assert_eq!(plain.untransformed_feature(), flow.untransformed_feature());
            let moves: Vec<LayerSpec<'_>> = additive
                .iter()
                .filter(|layer| !matches!(layer, LayerSpec::Coupling(_)))
                .copied()
                .collect();
            let moves = flow.with_layers(&moves);
            let own = models::params(&plain, random);
            let x = random.normals(flow.dim());
            let places: Vec<f32> = (0..flow.dim()).map(|at| at as f32).collect();
            let (z, _) = common::forward(&common::flow(plain, &own), &x);
            let (from, _) = common::forward(&common::flow(moves, &[]), &places);
            let unchanged = from
                .iter()
                .zip(&z)
                .filter(|(from, z)| x[**from as usize].to_bits() == z.to_bits())
                .map(|(from, _)| *from as usize)
                .min();
            prop_assert_eq!(unchanged, flow.untransformed_feature(), "{:?}", flow);
            Ok(())
        })?;
    }
}

#[test]
fn random_models_have_every_kind_of_layer_and_network() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let spec = Chooser(Random::new(seed)).spec(6);
        assert!(
            spec.flow_spec(&spec.layers()).validate().is_ok(),
            "{spec:?}"
        );
        let text = format!("{spec:?}");
        for name in [
            "Standardize",
            "Affine,",
            "BatchNorm",
            "Permutation",
            "Linear",
            "Logit",
            "Squeeze(Cells)",
            "Squeeze(CellsAlternate)",
            "Squeeze(Pairs)",
            "Unsqueeze(Cells)",
            "Unsqueeze(Pairs)",
            "FactorOut",
            "CheckerboardOdd",
            "CheckerboardEven",
            "Indices",
            "Convolution {",
            "ResidualConvolution",
            "eps: None",
            "eps: Some",
            "ResidualDense",
            "Two",
            "Sigmoid",
            "Atan",
            "ShiftFirst",
            "Additive",
        ] {
            if text.contains(name) {
                seen.insert(name);
            }
        }
    }
    assert_eq!(seen.len(), 25, "{seen:?}");
}
