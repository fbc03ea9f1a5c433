//! The plain layout: `couplings.I.net.L.weight|bias` and `norms.I.scale|shift`.
//!
//! One network per coupling, its last layer's outputs `[s..., t...]`, `y = x * exp(map(s)) + t`. Even
//! couplings keep the first half of the features, odd ones the second. After each coupling that has
//! one, `x = x * scale + shift`. The header's `architecture` entry is a JSON text:
//! `{"features", "hidden", "couplings", "activation", "scale", "norms"}`.

use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde::Deserialize;

use super::{ImportError, floats, not_safetensors, push_dense, read};
use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, MathName, Model, ModelSpec, NetsName,
    Provenance, ScaleName, ShapeName, Source, TransformName, hex,
};

/// Most features and hidden widths that are believed.
const MOST_WIDTH: usize = 1 << 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Architecture {
    features: usize,
    hidden: Vec<usize>,
    couplings: usize,
    activation: String,
    scale: String,
    norms: usize,
}

/// Reads a file of the plain layout.
///
/// # Errors
/// [`ImportError`] that names the entry or tensor that is missing or does not fit.
pub fn import(path: &Path) -> Result<Model, ImportError> {
    let bytes = read(path)?;
    let content = |reason: String| ImportError::Content {
        path: path.to_owned(),
        reason,
    };
    let mut model = from_bytes(&bytes).map_err(content)?;
    model.header.provenance = Provenance {
        made_by: format!("nvpico {} (import --from plain)", env!("CARGO_PKG_VERSION")),
        sources: vec![Source {
            file: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            sha256: hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes)),
        }],
        ..Provenance::default()
    };
    model.validate().map_err(content)?;
    Ok(model)
}

fn from_bytes(bytes: &[u8]) -> Result<Model, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| not_safetensors(&e))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get("architecture"))
        .ok_or("no `architecture` entry in its header")?;
    let architecture: Architecture =
        serde_json::from_str(text).map_err(|e| format!("its `architecture` entry: {e}"))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    build(&architecture, &Weights { tensors })
}

struct Weights<'a> {
    tensors: SafeTensors<'a>,
}

impl Weights<'_> {
    /// A tensor of known length.
    fn get(&self, name: &str, expected: usize) -> Result<Vec<f32>, String> {
        let values = floats(&self.tensors, name)?;
        if values.len() != expected {
            return Err(format!(
                "tensor `{name}` holds {} values, expected {expected}",
                values.len()
            ));
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the engine's numbers are f32"
        )]
        Ok(values.iter().map(|&v| v as f32).collect())
    }
}

fn build(architecture: &Architecture, weights: &Weights<'_>) -> Result<Model, String> {
    let dim = architecture.features;
    let activation = match architecture.activation.as_str() {
        "relu" => ActivationName::Relu,
        other => return Err(format!("activation `{other}` is not known (relu)")),
    };
    let transform = match architecture.scale.as_str() {
        "tanh" => TransformName::Affine(ScaleName::ClampedTanh(1.0)),
        "none" => TransformName::Affine(ScaleName::Unbounded),
        other => return Err(format!("scale `{other}` is not known (tanh, none)")),
    };
    let widths = architecture.hidden.iter().chain([&dim]);
    if let Some(width) = widths.copied().find(|&width| width > MOST_WIDTH) {
        return Err(format!(
            "a width of {width} in its `architecture` entry: at most {MOST_WIDTH} is believed"
        ));
    }
    if dim < 2 || architecture.couplings == 0 {
        return Err(format!(
            "{dim} features and {} couplings make no flow",
            architecture.couplings
        ));
    }
    let (mut layers, mut params) = (Vec::new(), Vec::new());
    for coupling in 0..architecture.couplings {
        let even = coupling % 2 == 0;
        let kept = if even { dim / 2 } else { dim - dim / 2 };
        let outputs = 2 * (dim - kept);
        let mut inputs = kept;
        for (index, &width) in architecture.hidden.iter().chain([&outputs]).enumerate() {
            let name = format!("couplings.{coupling}.net.{index}");
            let weight = weights.get(&format!("{name}.weight"), inputs * width)?;
            let bias = weights.get(&format!("{name}.bias"), width)?;
            push_dense(&mut params, &weight, &bias);
            inputs = width;
        }
        layers.push(Layer::Coupling {
            mask: if even {
                MaskName::FirstHalf
            } else {
                MaskName::SecondHalf
            },
            transform,
            conditioner: ConditionerName::Dense {
                hidden: architecture.hidden.clone(),
                activation,
                nets: NetsName::One,
            },
        });
        if coupling < architecture.norms {
            let scale = weights.get(&format!("norms.{coupling}.scale"), dim)?;
            let shift = weights.get(&format!("norms.{coupling}.shift"), dim)?;
            let log_det: f64 = scale.iter().map(|&s| f64::from(s).abs().ln()).sum();
            params.extend(scale);
            params.extend(shift);
            #[allow(
                clippy::cast_possible_truncation,
                reason = "the engine's numbers are f32"
            )]
            params.push(log_det as f32);
            layers.push(Layer::Affine);
        }
    }
    let spec = ModelSpec {
        shape: ShapeName::vector(dim),
        math: MathName::Libm,
        layers,
        base: crate::model::BaseName::Normal,
        kernels: None,
        given: 0,
    };
    Ok(Model::new(spec, params))
}
