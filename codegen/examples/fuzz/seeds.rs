//! Files that are good: what damage starts from. With `NVPICO_SHARED` also state dicts by the libraries themselves.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use nvpico_codegen::calibration::Method;
use nvpico_codegen::data;
use nvpico_codegen::model::{
    ActivationName, ConditionerName, Layer, MaskName, MathName, Model, ModelSpec, NetsName,
    ScaleName, ShapeName, SqueezeName, TransformName,
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

/// State dicts that are larger make slow cases.
const LARGEST: u64 = 200_000;

/// Values that are no extremes, and positive.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|at| 0.25 + (at % 7) as f32 / 16.0).collect()
}

fn coupling(mask: MaskName, transform: TransformName, nets: NetsName) -> Layer {
    Layer::Coupling {
        mask,
        transform,
        conditioner: ConditionerName::Dense {
            hidden: vec![3],
            activation: ActivationName::LeakyRelu(0.1),
            nets,
        },
    }
}

/// Model files: of readings, with an integer form and without one, and of maps.
pub fn models() -> Vec<Vec<u8>> {
    let clamped = ScaleName::ClampedTanh(2.0);
    let vector = vec![
        Layer::Standardize,
        coupling(
            MaskName::Even,
            TransformName::Affine(clamped),
            NetsName::One,
        ),
        Layer::Permutation {
            order: vec![2, 0, 1],
        },
        coupling(
            MaskName::Indices(vec![0, 2]),
            TransformName::ShiftFirst(ScaleName::RescaledTanh),
            NetsName::Two,
        ),
        Layer::Affine,
    ];
    let normed = vec![
        Layer::BatchNorm {
            eps: 1e-5,
            affine: true,
        },
        Layer::Linear,
        coupling(MaskName::FirstHalf, TransformName::Additive, NetsName::One),
    ];
    let map = vec![
        Layer::Logit {
            alpha: 0.05,
            levels: 16.0,
        },
        coupling(
            MaskName::CheckerboardEven,
            TransformName::Affine(clamped),
            NetsName::One,
        ),
        Layer::Squeeze(SqueezeName::Cells),
        Layer::FactorOut,
    ];
    [([3, 1, 1], vector), ([2, 1, 1], normed), ([1, 2, 2], map)]
        .into_iter()
        .filter_map(|(shape, layers)| {
            let spec = ModelSpec {
                shape: ShapeName(shape),
                math: MathName::Libm,
                layers,
                base: nvpico_codegen::model::BaseName::Normal,
                kernels: None,
                given: 0,
            };
            let views = spec.layers();
            let flow = spec.flow_spec(&views);
            flow.validate().ok()?;
            let params = values(flow.param_len());
            let rows = values(20 * spec.dim());
            drop(views);
            let mut model = Model::new(spec, params);
            model.find_ranges(&rows);
            model.calibrate_on(&rows, 0.1, Method::GivenRows).ok()?;
            model.validate().ok()?;
            Some(model.to_bytes())
        })
        .collect()
}

/// Text tables of many kinds.
pub fn tables() -> Vec<Vec<u8>> {
    let mut comma = String::from("time,a,b,c,anomaly\n");
    let mut semicolon = String::from("\u{feff}a;b;c;state\r\n");
    let mut tabs = String::from("# logger 3\n# units\na\tb\tc\n");
    let mut quoted = String::from("\"a\",\"b, x\",\"c \"\"1\"\"\",note\n");
    let mut bare = String::new();
    for row in 0..24 {
        let x = f64::from(row * 37 % 11) / 8.0;
        comma += &format!(
            "2024-01-01 00:00:{row:02},{x},{},{},{}\n",
            x * x,
            3.0 - x,
            row % 2
        );
        let european = format!("{x};{};1.2{row:02},5;on\r\n", x + 0.5);
        semicolon += &european.replace('.', ",");
        tabs += &format!("{x}\t-{x}\t{:e}\n", x * 1e-3);
        quoted += &format!("\"{x}\",{x},\"{x}\",\"say \"\"{row}\"\"\nnext\"\n");
        bare += &format!("{x} {row} NaN\n");
    }
    let wide: Vec<u8> = comma.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all: Vec<Vec<u8>> = [comma, semicolon, tabs, quoted, bare]
        .into_iter()
        .map(String::into_bytes)
        .collect();
    all.push([&[0xff, 0xfe][..], &wide].concat());
    all.push(
        "a,b,c\n1,2,3\n\u{b0}C,5,6\n"
            .replace('\u{b0}', "\u{fffd}")
            .into_bytes(),
    );
    all
}

/// Arrays of readings and of maps, and archives.
pub fn arrays(folder: &Path) -> Vec<Vec<u8>> {
    let path = folder.join("seed");
    let mut all = Vec::new();
    let mut keep = |written: std::io::Result<()>| {
        written.expect("written");
        all.push(fs::read(&path).expect("read"));
    };
    keep(data::write_npy(&path, &[3], &values(24)));
    keep(data::write_npy(&path, &[1, 2, 2], &values(24)));
    let labels = [false, true, false, false, true, false];
    keep(data::write_npz(
        &path,
        &[1, 2, 2],
        &values(24),
        &labels,
        &[""; 6],
    ));
    keep(data::write_npz(
        &path,
        &[4],
        &values(24),
        &labels,
        &["x"; 6],
    ));
    fs::remove_file(path).expect("removed");
    all
}

/// A state dict with its architecture, and reference rows.
#[derive(Clone)]
pub struct Weights {
    pub tensors: Vec<u8>,
    pub vectors: Vec<u8>,
    /// Of the layout without a library.
    pub plain: bool,
}

/// A tensor by key, type and shape.
type Described = (&'static str, Dtype, &'static [usize]);

pub fn weights() -> Vec<Weights> {
    const F: Dtype = Dtype::F32;
    let plain: &[Described] = &[
        ("couplings.0.net.0.weight", F, &[3, 1]),
        ("couplings.0.net.0.bias", F, &[3]),
        ("couplings.0.net.1.weight", F, &[4, 3]),
        ("couplings.0.net.1.bias", F, &[4]),
        ("norms.0.scale", F, &[3]),
        ("norms.0.shift", F, &[3]),
    ];
    let normflows: &[Described] = &[
        ("flows.0.b", F, &[1, 3]),
        ("flows.0.s.net.0.weight", F, &[4, 3]),
        ("flows.0.s.net.0.bias", F, &[4]),
        ("flows.0.s.net.2.weight", F, &[3, 4]),
        ("flows.0.s.net.2.bias", F, &[3]),
        ("flows.1.s", F, &[1, 3]),
        ("flows.1.t", F, &[1, 3]),
        ("q0.loc", F, &[1, 3]),
        ("q0.log_scale", F, &[1, 3]),
    ];
    let freia: &[Described] = &[
        ("module_list.0.subnet1.0.weight", F, &[4, 1]),
        ("module_list.0.subnet1.0.bias", F, &[4]),
        ("module_list.0.subnet1.2.weight", F, &[4, 4]),
        ("module_list.0.subnet1.2.bias", F, &[4]),
        ("module_list.0.subnet2.0.weight", F, &[4, 2]),
        ("module_list.0.subnet2.0.bias", F, &[4]),
        ("module_list.0.subnet2.2.weight", F, &[2, 4]),
        ("module_list.0.subnet2.2.bias", F, &[2]),
        ("module_list.1.scale", F, &[1, 3]),
        ("module_list.1.bias", F, &[1, 3]),
    ];
    let nflows: &[Described] = &[
        ("_transform._transforms.0._shift", F, &[]),
        ("_transform._transforms.0._scale", F, &[3]),
        ("_transform._transforms.1.running_mean", F, &[3]),
        ("_transform._transforms.1.running_var", F, &[3]),
        ("_transform._transforms.1.unconstrained_weight", F, &[3]),
        ("_transform._transforms.1.bias", F, &[3]),
        ("_transform._transforms.2.lower_entries", F, &[3]),
        ("_transform._transforms.2.upper_entries", F, &[3]),
        ("_transform._transforms.2.unconstrained_upper_diag", F, &[3]),
        ("_transform._transforms.2.bias", F, &[3]),
    ];
    let mut all = vec![
        described(
            plain,
            &json!({"features": 3, "hidden": [3], "couplings": 1, "activation": "relu", "scale": "tanh", "norms": 1}),
            true,
        ),
        described(
            normflows,
            &json!({"library": "normflows", "flows": ["MaskedAffineFlow", "AffineConstFlow"], "features": 3,
                "activation": "leaky_relu(0.1)", "s_output": null, "t_output": null, "base": "DiagGaussian"}),
            false,
        ),
        described(
            freia,
            &json!({"library": "FrEIA", "modules": ["GLOWCouplingBlock", "ActNorm"], "features": 3, "hidden": [4],
                "activation": "relu", "clamp": 1.5, "clamp_activation": "TANH"}),
            false,
        ),
        described(
            nflows,
            &json!({"library": "nflows", "cls": "Flow", "features": 3, "base": "StandardNormal",
                "transforms": ["PointwiseAffineTransform", "BatchNorm", "LULinear"], "input_mean": [1, 2, 3]}),
            false,
        ),
    ];
    all.extend(shared());
    all
}

fn described(tensors: &[Described], architecture: &Value, plain: bool) -> Weights {
    let stored = |tensors: &[Described]| -> Vec<(String, Dtype, Vec<usize>, Vec<u8>)> {
        let bytes = |key: &str, shape: &[usize]| -> Vec<u8> {
            let mut values = values(shape.iter().product());
            if key.strip_suffix(".b").is_some() {
                values = vec![1.0, 0.0, 1.0];
            }
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        (tensors.iter())
            .map(|(key, dtype, shape)| (key.to_string(), *dtype, shape.to_vec(), bytes(key, shape)))
            .collect()
    };
    let file = |tensors: &[Described], metadata| {
        let stored = stored(tensors);
        let views = stored.iter().map(|(key, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (key, view.expect("lengths agree"))
        });
        safetensors::serialize(views, metadata).expect("views are valid")
    };
    let told = HashMap::from([("architecture".to_owned(), architecture.to_string())]);
    let f = Dtype::F32;
    let vectors: &[Described] = &[("x", f, &[4, 3]), ("log_prob", f, &[4]), ("z", f, &[4, 3])];
    Weights {
        tensors: file(tensors, Some(told)),
        vectors: file(vectors, None),
        plain,
    }
}

/// State dicts in `$NVPICO_SHARED/golden`.
fn shared() -> Vec<Weights> {
    let folder = env::var_os("NVPICO_SHARED").map(PathBuf::from);
    let files = folder.and_then(|folder| fs::read_dir(folder.join("golden")).ok());
    let mut paths: Vec<PathBuf> = files
        .into_iter()
        .flatten()
        .flatten()
        .map(|f| f.path())
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let name = path.to_string_lossy();
        let Some(name) = name.strip_suffix(".weights.safetensors") else {
            continue;
        };
        let vectors = fs::read(format!("{name}.vectors.safetensors"));
        if let (Ok(weights), Ok(vectors)) = (fs::read(&path), vectors)
            && weights.len() as u64 <= LARGEST
        {
            all.push(Weights {
                tensors: weights,
                vectors,
                plain: false,
            });
        }
    }
    all
}

pub fn settings() -> Vec<String> {
    [
        "couplings = 4\nhidden = [16, 16]\nmask = \"mixed\"\nscale = \"clamped\"\nclamp = 2.0\nleaky = 0.1\nnets = 2\n\
         mix = \"none\"\nwhiten = true\nbatch-norm = \"none\"\nmath = \"libm\"\nepochs = 20\nbatch = 64\n\
         learning-rate = 0.001\nl2 = 0.00005\nclip = 10.0\nnoise = 0.05\npatience = 5\nseed = 3\nheld-out = 0.2\n\
         split = \"blocks\"\nprecision = \"i8\"\nfine-tune = 40\nfalse-alarm-rate = 0.01\n",
        "architecture = \"image\"\ncouplings = 2\nscales = 2\nfilters = 4\nlevels = 16\nalpha = 0.05\n\
         batch-norm-momentum = 0.9\n",
        "architecture = \"paper\"\ncouplings = 3\nscales = 2\nfilters = 4\nblocks = 2\n",
        "architecture = \"window\"\nscales = 1\nfilters = 8\n",
        "architecture = \"vector\"\nmask = \"half\"\nhidden = [8]\n",
    ]
    .map(str::to_owned)
    .to_vec()
}
