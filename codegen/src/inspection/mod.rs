//! What a model is and what it costs, as plain data.

mod costs;
pub mod math_error;

use nvpico::LayerSpec;
use serde::Serialize;

use crate::calibration::{AlarmSettings, Calibration};
use crate::deploy::Ready;
use crate::model::{BaseName, Layer, MathName, Model, Provenance, ShapeName};
use crate::output;
use crate::precision::Precision;
use crate::samples::SampleSpec;
pub use costs::{CoreCost, costs};
use math_error::MathError;

/// A layer as deployed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerReport {
    /// The structure.
    pub layer: Layer,
    /// Shape of the map that reaches it.
    pub shape: ShapeName,
    /// Parameters.
    pub parameters: usize,
    /// Multiply-accumulates for one score.
    pub multiply_accumulates: usize,
    /// Bytes of scratch beside the sample, in floats.
    pub scratch_bytes: usize,
    /// Whether it is the layer that decides the workspace.
    pub workspace_peak: bool,
}

/// A model; the names are those of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Values of a sample.
    pub dim: usize,
    /// Channels, height and width, as the layers take them.
    pub shape: ShapeName,
    /// Channels, height and width, as the data has them: unlike `shape` where a map is taken value by value.
    pub sample_shape: ShapeName,
    /// Names of the values; not told for maps, whose shape says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The raw samples that the values are features of; absent where rows of features are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleSpec>,
    /// Bytes of RAM that an extractor of the features takes, beside the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_ram_bytes: Option<usize>,
    /// The precision that the model is meant for; the costs below are those in it.
    pub precision: Precision,
    /// Back end of elementary functions.
    pub math: MathName,
    /// Its errors.
    pub math_error: MathError,
    /// The layers as deployed: batch norms folded.
    pub layers: Vec<LayerReport>,
    /// Parameters as deployed.
    pub parameters: usize,
    /// Multiply-accumulates for one score.
    pub multiply_accumulates: usize,
    /// Bytes of flash that the parameters take.
    pub flash_bytes: usize,
    /// Bytes of RAM that the workspace takes.
    pub ram_bytes: usize,
    /// Density of z.
    pub base: BaseName,
    /// Kernels of the second density.
    pub kernels: Option<usize>,
    /// Names of the given columns; absent without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// The first feature that no coupling transforms.
    pub untransformed_feature: Option<usize>,
    /// A log-density below it is anomalous in this precision, in nats.
    #[serde(serialize_with = "output::serialize_f32_option")]
    pub threshold: Option<f32>,
    /// The threshold in floats and where it comes from.
    pub calibration: Option<Calibration>,
    /// The alarm, and what it promises.
    pub alarm: Option<AlarmSettings>,
    /// Where the model comes from.
    pub provenance: Provenance,
    /// SHA-256 of the model file.
    pub sha256: String,
    /// What a score costs on the cores asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<CoreCost>,
}

/// Looks at a model.
#[must_use]
pub fn inspect(model: &Model) -> Inspection {
    let deployed = model.deploy();
    // A model whose integers are missing is shown in floats.
    let ready = model.ready(None).ok();
    let layers = deployed.spec.layers();
    let spec = deployed.spec.flow_spec(&layers);
    let mut reports: Vec<LayerReport> = (deployed.spec.layers.iter().zip(&layers).enumerate())
        .map(|(index, (layer, view))| {
            let shape = spec.shape_at(index);
            LayerReport {
                layer: layer.clone(),
                shape: ShapeName([shape.channels, shape.height, shape.width]),
                parameters: view.param_len(shape),
                multiply_accumulates: match view {
                    LayerSpec::Coupling(coupling) => coupling.multiply_accumulates(shape),
                    _ => 0,
                },
                scratch_bytes: 4 * view.scratch_len(shape),
                workspace_peak: false,
            }
        })
        .collect();
    let peak = 4 * spec.scratch_len();
    if let Some(layer) = (reports.iter_mut()).find(|layer| peak > 0 && layer.scratch_bytes == peak)
    {
        layer.workspace_peak = true;
    }
    Inspection {
        dim: spec.dim(),
        shape: deployed.spec.shape,
        sample_shape: model.map_shape().map_or(deployed.spec.shape, ShapeName),
        columns: model
            .map_shape()
            .is_none()
            .then(|| model.header.columns.clone()),
        samples: model.header.samples.clone(),
        feature_ram_bytes: (model.header.samples.as_ref()).map(SampleSpec::ram_bytes),
        precision: (ready.as_ref()).map_or(Precision::F32, Ready::precision),
        math: deployed.spec.math,
        math_error: math_error::measure(deployed.spec.math.into()),
        layers: reports,
        parameters: spec.param_len(),
        multiply_accumulates: spec.multiply_accumulates(),
        flash_bytes: (ready.as_ref()).map_or(4 * spec.param_len(), Ready::param_bytes),
        ram_bytes: (ready.as_ref()).map_or(4 * spec.workspace_len(), Ready::workspace_bytes),
        base: deployed.spec.base,
        kernels: deployed.spec.kernels,
        given: model.header.columns[..deployed.spec.given].to_vec(),
        untransformed_feature: spec.untransformed_feature(),
        threshold: ready.as_ref().and_then(Ready::threshold),
        calibration: model.header.calibration,
        alarm: model.header.alarm.clone(),
        provenance: model.header.provenance.clone(),
        sha256: model.hash(),
        costs: Vec::new(),
    }
}
