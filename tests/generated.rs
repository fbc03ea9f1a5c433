//! Generated modules compile by themselves against `nvpico`, give the bits they promise, are formatted,
//! and are the same bytes every time.

use std::path::{Path, PathBuf};
use std::process::Command;

use nvpico::spec::{ConvolutionLayer, Kernel};
use nvpico_codegen::calibration::Method;
use nvpico_codegen::deploy::Ready;
use nvpico_codegen::export::{ExportOptions, module};
use nvpico_codegen::model::{
    ActivationName, ConditionerName, Layer, MaskName, MathName, Model, ModelSpec, NetsName,
    ScaleName, ShapeName, Source, SqueezeName, TransformName,
};
use nvpico_codegen::precision::Precision;

/// A model ready to run in floats.
fn floats(model: &Model) -> Ready<'_> {
    model
        .ready(Some(Precision::F32))
        .expect("floats need nothing")
}

/// The model with every kind of layer, ranges of its values seen on rows.
pub fn observed() -> Model {
    let mut model = model(MathName::Libm);
    let rows: Vec<f32> = (0..100 * model.header.spec.dim())
        .map(|at| ((at * at) % 37) as f32 / 37.0)
        .collect();
    model.find_ranges(&rows);
    let parts = model
        .integer
        .as_mut()
        .expect("every kind of layer has integers");
    // Nobody trained it: its values explode.
    for range in &mut parts.ranges {
        *range = range.min(100.0);
    }
    model
}

/// A model with every kind of layer, and parameters from a small generator.
fn model(math: MathName) -> Model {
    let coupling = |mask, transform, hidden: &[usize], activation, nets| Layer::Coupling {
        mask,
        transform,
        conditioner: ConditionerName::Dense {
            hidden: hidden.to_vec(),
            activation,
            nets,
        },
    };
    let layers = vec![
        Layer::Standardize,
        coupling(
            MaskName::FirstHalf,
            TransformName::Affine(ScaleName::ClampedTanh(1.9)),
            &[13, 8],
            ActivationName::Relu,
            NetsName::One,
        ),
        Layer::BatchNorm {
            eps: 1e-5,
            affine: true,
        },
        Layer::Permutation {
            order: vec![4, 0, 3, 1, 2],
        },
        coupling(
            MaskName::Indices(vec![0, 3]),
            TransformName::Affine(ScaleName::RescaledTanh),
            &[5],
            ActivationName::LeakyRelu(0.01),
            NetsName::Two,
        ),
        coupling(
            MaskName::Odd,
            TransformName::Additive,
            &[],
            ActivationName::Relu,
            NetsName::One,
        ),
        Layer::Affine,
        coupling(
            MaskName::Even,
            TransformName::ShiftFirst(ScaleName::Unbounded),
            &[16],
            ActivationName::Relu,
            NetsName::Two,
        ),
        coupling(
            MaskName::SecondHalf,
            TransformName::Affine(ScaleName::ClampedTanh(0.5)),
            &[3, 3, 3],
            ActivationName::Relu,
            NetsName::One,
        ),
    ];
    let spec = ModelSpec::onto_normal(ShapeName::vector(5), math, layers);
    with_params(
        spec,
        &["a", "b \"quoted\"", "µ", "d\\", "e"].map(str::to_owned),
    )
}

/// A model of maps with every kind of layer and network that a chip runs.
fn map_model() -> Model {
    let couple = |mask, conditioner| Layer::Coupling {
        mask,
        transform: TransformName::Affine(ScaleName::RescaledTanh),
        conditioner,
    };
    let stack = || ConditionerName::Convolution {
        hidden: vec![ConvolutionLayer::new(5, Kernel::SQUARE)],
        last: [1, 3],
        activation: ActivationName::LeakyRelu(0.1),
    };
    let residual = |eps| ConditionerName::ResidualConvolution {
        filters: 3,
        blocks: 1,
        kernel: [3, 3],
        eps,
    };
    let layers = vec![
        Layer::Logit {
            alpha: 0.05,
            levels: 256.0,
        },
        couple(MaskName::CheckerboardOdd, stack()),
        couple(MaskName::CheckerboardEven, residual(Some(1e-3))),
        Layer::BatchNorm {
            eps: 1e-5,
            affine: false,
        },
        Layer::Squeeze(SqueezeName::Cells),
        couple(MaskName::FirstHalf, residual(None)),
        Layer::Unsqueeze(SqueezeName::Cells),
        Layer::Squeeze(SqueezeName::CellsAlternate),
        Layer::FactorOut,
        Layer::Squeeze(SqueezeName::Pairs),
        Layer::Permutation {
            order: vec![3, 1, 0, 2],
        },
        couple(MaskName::Odd, stack()),
    ];
    let spec = ModelSpec::onto_normal(ShapeName([1, 4, 8]), MathName::Libm, layers);
    let columns: Vec<String> = (0..spec.dim()).map(|at| format!("p{at}")).collect();
    with_params(spec, &columns)
}

/// Names as files may have them, with all that a compiler would obey.
fn with_hostile_names(mut model: Model) -> Model {
    for (at, column) in model.header.columns.iter_mut().enumerate() {
        *column = format!("{at}\u{202e}\u{2066} \"}}]; */ // \r\n\u{feff}\\u{{202e}} {{}}");
    }
    model.header.provenance.sources.push(Source {
        file: "a\u{202e}\"*/\r\n#![x]\u{85}\u{2028}.csv".into(),
        sha256: "0".repeat(64),
    });
    model
}

/// Parameters from a small generator.
fn with_params(spec: ModelSpec, columns: &[String]) -> Model {
    let views = spec.layers();
    let mut state: u32 = 1;
    let params = (0..spec.flow_spec(&views).param_len())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Away from zero and positive, so that it can be a scale or a variance, too.
            0.05 + (state >> 8) as f32 / (1 << 25) as f32
        })
        .collect();
    drop(views);
    let mut model = Model::new(spec, params);
    model.header.columns = columns.to_vec();
    model.calibrate(&[-12.5, -11.0, -9.25], 0.1, Method::GivenRows);
    model.validate().expect("the model is valid");
    model
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

/// Models that need more than is compiled in: of the engine's own tests all have every feature.
const REFUSALS: &str = r#"
use nvpico::spec::*;
use nvpico::{FlowSpec, LayerSpec, SpecError};

fn verdict(shape: Shape, layer: LayerSpec<'_>) -> Result<(), SpecError> {
    FlowSpec::new(shape, &[layer]).validate()
}

fn missing(layer: Option<usize>, feature: Feature) -> Result<(), SpecError> {
    Err(SpecError::FeatureMissing { layer, feature })
}

fn couple<'a>(mask: Mask<'a>, map: ScaleMap, conditioner: Conditioner<'a>) -> LayerSpec<'a> {
    LayerSpec::Coupling(CouplingSpec::new(mask, Transform::Affine(map), conditioner))
}

fn dense(nets: Nets) -> Conditioner<'static> {
    Conditioner::Dense(DenseSpec::new(&[3], Activation::Relu).with_nets(nets))
}

const MAP: Shape = Shape { channels: 2, height: 2, width: 2 };

fn on_map(form: ResidualForm) -> LayerSpec<'static> {
    let network = ResidualConvolutionSpec::new(2, 1, Kernel::ROW).with_form(form);
    let network = Conditioner::ResidualConvolution(network);
    couple(Mask::CheckerboardOdd, ScaleMap::RescaledTanh, network)
}

#[test]
fn vectors_need_the_features_of_their_layers() {
    let vector = |layer| verdict(Shape::vector(4), layer);
    let foreign = missing(Some(0), Feature::ExtraLayers);
    assert_eq!(vector(couple(Mask::Even, ScaleMap::RescaledTanh, dense(Nets::One))), Ok(()));
    let blocks = Conditioner::ResidualDense(ResidualDenseSpec::new(3, 0, Activation::Relu).with_norm(true));
    let residual = couple(Mask::Even, ScaleMap::RescaledTanh, blocks);
    assert_eq!(vector(residual), foreign);
    assert_eq!(vector(couple(Mask::Even, ScaleMap::Atan { scale: 1.0 }, dense(Nets::One))), foreign);
    assert_eq!(vector(LayerSpec::BatchNorm(BatchNormSpec::new(1e-3, false))), foreign);
    let mixture = FlowSpec::new(Shape::vector(4), &[]).with_base(BaseSpec::Mixture(MixtureSpec::new(3, Spread::Full)));
    assert_eq!(mixture.validate(), missing(None, Feature::ExtraLayers));
}

#[cfg(feature = "maps")]
#[test]
fn networks_in_their_trained_form_need_the_desktop() {
    assert_eq!(verdict(MAP, on_map(ResidualForm::Deployed)), Ok(()));
    let refused = Err(SpecError::TrainedFormNotCompiled { layer: 0 });
    assert_eq!(verdict(MAP, on_map(ResidualForm::Trained { eps: 1e-3 })), refused);
}

#[cfg(not(feature = "maps"))]
#[test]
fn maps_need_their_feature() {
    let refused = missing(None, Feature::FeatureMaps);
    assert_eq!(verdict(MAP, LayerSpec::Affine), refused);
    assert_eq!(verdict(MAP, on_map(ResidualForm::Deployed)), refused);
    let refused = missing(Some(0), Feature::FeatureMaps);
    let stack = Conditioner::Convolution(ConvolutionSpec::new(&[], Kernel::POINT, Activation::Relu));
    for layer in [
        LayerSpec::Logit(LogitSpec::new(0.05, 16.0)),
        LayerSpec::Squeeze(Squeeze::Cells),
        LayerSpec::Unsqueeze(Squeeze::Cells),
        LayerSpec::FactorOut,
        couple(Mask::Even, ScaleMap::RescaledTanh, stack),
        couple(Mask::CheckerboardEven, ScaleMap::RescaledTanh, dense(Nets::One)),
    ] {
        assert_eq!(verdict(Shape::vector(4), layer), refused);
    }
}
"#;

/// A crate that holds nothing but generated modules.
fn write_crate(folder: &Path) {
    let manifest = format!(
        "[workspace]\n\n[package]\nname = \"generated\"\nedition = \"2024\"\n\n[dependencies]\n\
         nvpico = {{ path = {:?}, features = [\"micromath\"] }}\n\n\
         [features]\nmaps = [\"nvpico/feature-maps\"]\nwithout = []\n\n\
         [[bin]]\nname = \"program\"\n\n\
         [[bin]]\nname = \"without\"\nrequired-features = [\"without\"]\n",
        repository().display().to_string()
    );
    std::fs::create_dir_all(folder.join("src")).expect("folder");
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("manifest");
    // The versions that the project is locked to: no look at the registry.
    std::fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("lock file");
    std::fs::write(
        folder.join("src/lib.rs"),
        "#![no_std]\n#![deny(warnings)]\npub mod libm;\npub mod micromath;\npub mod i8;\npub mod i16;\n\
         #[cfg(feature = \"maps\")]\npub mod maps;\n#[cfg(test)]\nmod refusals;\n",
    )
    .expect("lib.rs");
    std::fs::write(folder.join("src/refusals.rs"), REFUSALS).expect("refusals.rs");
    let binaries = folder.join("src/bin");
    std::fs::create_dir_all(&binaries).expect("folder");
    // A program that uses next to nothing of its models, in floats and in integers.
    std::fs::write(
        binaries.join("program.rs"),
        "#![deny(warnings)]\n#[path = \"../libm.rs\"]\nmod floats;\n#[path = \"../i8.rs\"]\nmod integers;\n\
         fn main() {\n    let dims = floats::FLOW.dim() + integers::FLOW.dim();\n    println!(\"{dims}\");\n}\n",
    )
    .expect("program.rs");
    std::fs::write(
        binaries.join("without.rs"),
        "#[path = \"../maps.rs\"]\nmod model;\nfn main() {\n    println!(\"{}\", model::FLOW.dim());\n}\n",
    )
    .expect("without.rs");
}

#[test]
fn modules_compile_and_keep_their_bits() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write_crate(folder.path());
    let mut files: Vec<PathBuf> = Vec::new();
    for (name, math) in [("libm", MathName::Libm), ("micromath", MathName::Micromath)] {
        let model = with_hostile_names(model(math));
        let text = module(&floats(&model), &ExportOptions::default());
        let file = folder.path().join("src").join(format!("{name}.rs"));
        std::fs::write(&file, text).expect("module");
        files.push(file);
    }
    let integers = observed();
    for (name, precision) in [("i8", Precision::I8), ("i16", Precision::I16)] {
        let ready = integers.ready(Some(precision)).expect("it was observed");
        let file = folder.path().join("src").join(format!("{name}.rs"));
        std::fs::write(&file, module(&ready, &ExportOptions::default())).expect("module");
        files.push(file);
    }
    let file = folder.path().join("src/maps.rs");
    std::fs::write(
        &file,
        module(&floats(&map_model()), &ExportOptions::default()),
    )
    .expect("module");
    files.push(file);
    // Four modules' vectors and two tests of what is refused; with maps one module more.
    test_crate(folder.path(), &[], "6 passed");
    test_crate(folder.path(), &["--features", "maps"], "7 passed");

    let (built, errors) = cargo(folder.path(), &["check", "--bin", "program"]);
    assert!(built, "{errors}");
    let (built, errors) = cargo(
        folder.path(),
        &["check", "--bin", "without", "--features", "without"],
    );
    let named = errors.contains("enable feature \"feature-maps\" of nvpico");
    assert!(!built && named, "{errors}");

    let formatted = Command::new("rustfmt")
        .args(["--check", "--edition", "2024"])
        .args(&files)
        .output()
        .expect("rustfmt runs");
    let difference = String::from_utf8_lossy(&formatted.stdout);
    assert!(formatted.status.success(), "{difference}");
}

/// Runs the crate's tests.
fn test_crate(folder: &Path, features: &[&str], expected: &str) {
    let (passed, text) = cargo(folder, &[&["test"], features].concat());
    assert!(passed, "{text}");
    assert!(text.contains(expected), "{text}");
}

/// Runs cargo in the crate: whether it succeeded, and what it printed.
pub fn cargo(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.success(), format!("{text}\n{errors}"))
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let options = ExportOptions { vectors: 5 };
    for make in [|| model(MathName::Libm), map_model] {
        let text = module(&floats(&make()), &options);
        assert_eq!(text, module(&floats(&make()), &options));
        let reread = Model::from_bytes(&make().to_bytes()).expect("reads back");
        assert_eq!(text, module(&floats(&reread), &options));
        assert!(
            text.contains("pub static INPUTS: [[super::Value; super::DIM]; 5]"),
            "{text}"
        );
        assert!(
            text.contains("pub const NVPICO_FEATURES: &[&str] = &["),
            "{text}"
        );
        assert!(
            !text.contains(&repository().display().to_string()),
            "no paths of the machine that made it"
        );
    }
}
