//! Generated modules compile by themselves against `nvpico`, give the bits they promise, are formatted,
//! and are the same bytes every time.

use std::path::{Path, PathBuf};
use std::process::Command;

use nvpico_codegen::export::{ExportOptions, module};
use nvpico_codegen::model::{
    ActivationName, ConditionerName, FORMAT, Header, Layer, MaskName, MathName, Model, ModelSpec,
    NetsName, Provenance, ScaleName, ShapeName, TransformName,
};

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
    let spec = ModelSpec {
        shape: ShapeName::vector(5),
        math,
        layers,
    };
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
    let mut model = Model {
        header: Header {
            format: FORMAT,
            spec,
            columns: ["a", "b \"quoted\"", "µ", "d\\", "e"]
                .map(str::to_owned)
                .to_vec(),
            calibration: None,
            provenance: Provenance::default(),
        },
        params,
        calibration: Vec::new(),
    };
    model.calibrate(&[-12.5, -11.0, -9.25], 0.1);
    model.validate().expect("the model is valid");
    model
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A crate that holds nothing but generated modules.
fn write_crate(folder: &Path) {
    let manifest = format!(
        "[workspace]\n\n[package]\nname = \"generated\"\nedition = \"2024\"\n\n[dependencies]\n\
         nvpico = {{ path = {:?}, features = [\"micromath\"] }}\n",
        repository().display().to_string()
    );
    std::fs::create_dir_all(folder.join("src")).expect("folder");
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("manifest");
    // The versions that the project is locked to: no look at the registry.
    std::fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("lock file");
    std::fs::write(
        folder.join("src/lib.rs"),
        "#![no_std]\n#![deny(warnings)]\npub mod libm;\npub mod micromath;\n",
    )
    .expect("lib.rs");
}

#[test]
fn modules_compile_and_keep_their_bits() {
    let folder = tempfile::tempdir().expect("temporary folder");
    write_crate(folder.path());
    let mut files: Vec<PathBuf> = Vec::new();
    for (name, math) in [("libm", MathName::Libm), ("micromath", MathName::Micromath)] {
        let text = module(&model(math), &ExportOptions::default());
        let file = folder.path().join("src").join(format!("{name}.rs"));
        std::fs::write(&file, text).expect("module");
        files.push(file);
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("2 passed"), "{text}");

    let formatted = Command::new("rustfmt")
        .args(["--check", "--edition", "2024"])
        .args(&files)
        .output()
        .expect("rustfmt runs");
    let difference = String::from_utf8_lossy(&formatted.stdout);
    assert!(formatted.status.success(), "{difference}");
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let options = ExportOptions { vectors: 5 };
    let text = module(&model(MathName::Libm), &options);
    assert_eq!(text, module(&model(MathName::Libm), &options));
    let reread = Model::from_bytes(&model(MathName::Libm).to_bytes()).expect("reads back");
    assert_eq!(text, module(&reread, &options));
    assert!(
        text.contains("pub static INPUTS: [[f32; super::DIM]; 5]"),
        "{text}"
    );
    assert!(
        !text.contains(env!("CARGO_MANIFEST_DIR")),
        "no paths of the machine that made it"
    );
}
