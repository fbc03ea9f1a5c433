//! What a model is and what it costs, as plain data.

mod costs;
pub mod math_error;

use nvpico::LayerSpec;
use serde::Serialize;

use crate::calibration::Calibration;
use crate::model::{Layer, MathName, Model, Provenance, ShapeName};
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
    /// Bytes of scratch beside the sample.
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
    /// The first feature that no coupling transforms.
    pub untransformed_feature: Option<usize>,
    /// The threshold and where it comes from.
    pub calibration: Option<Calibration>,
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
        math: deployed.spec.math,
        math_error: math_error::measure(deployed.spec.math.into()),
        layers: reports,
        parameters: spec.param_len(),
        multiply_accumulates: spec.multiply_accumulates(),
        flash_bytes: 4 * spec.param_len(),
        ram_bytes: 4 * spec.workspace_len(),
        untransformed_feature: spec.untransformed_feature(),
        calibration: model.header.calibration,
        provenance: model.header.provenance.clone(),
        sha256: model.hash(),
        costs: Vec::new(),
    }
}
