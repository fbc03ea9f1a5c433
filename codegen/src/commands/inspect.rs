//! `nvpico inspect`: what a model is and what it costs.

use std::path::PathBuf;

use clap::Args;
use nvpico::LayerSpec;
use serde::Serialize;

use super::inspect_cost::{self, Clock, CoreCost};
use super::{load_model, print_json};
use crate::harness::Core;
use crate::math_error::{self, MathError};
use crate::model::{Calibration, ConditionerName, Layer, MathName, Model, Provenance, ShapeName};
use crate::output::TextTable;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nvpico inspect --model pump.safetensors
  nvpico inspect --model pump.safetensors --json
  nvpico inspect --model pump.safetensors --core m4f,m33 --clock 48M

Flash and RAM are what the parameters and the workspace take. --core estimates the whole, and the work,
from measurements of other models; `nvpico verify` measures this one.")]
/// Arguments of `nvpico inspect`.
pub struct InspectArgs {
    /// Model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Cores to estimate flash, RAM, stack and work on, with commas between
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CORES")]
    core: Vec<Core>,
    /// Clock of the cores, for the time of a score
    #[arg(long, requires = "core", value_name = "HERTZ")]
    clock: Option<Clock>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

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

/// # Errors
/// A model that cannot be read.
pub fn run(args: &InspectArgs) -> anyhow::Result<bool> {
    let model = load_model(&args.model)?;
    let mut inspection = inspect(&model);
    inspection.costs = inspect_cost::costs(&model.deploy(), &args.core, args.clock);
    if args.json {
        print_json(&inspection)?;
    } else {
        print!("{}", report(&inspection));
    }
    Ok(true)
}

fn describe(layer: &Layer) -> String {
    match layer {
        Layer::Standardize => "standardize".to_owned(),
        Layer::Affine => "affine".to_owned(),
        Layer::BatchNorm { .. } => "batch norm".to_owned(),
        Layer::Permutation { .. } => "permutation".to_owned(),
        Layer::Logit { alpha, levels } => format!("logit, alpha {alpha}, {levels} levels"),
        Layer::Squeeze(kind) => format!("squeeze {kind:?}"),
        Layer::Unsqueeze(kind) => format!("unsqueeze {kind:?}"),
        Layer::FactorOut => "factor out half of the channels".to_owned(),
        Layer::Coupling {
            mask,
            transform,
            conditioner,
        } => {
            let net = match conditioner {
                ConditionerName::Dense {
                    hidden,
                    activation,
                    nets,
                } => format!("hidden {hidden:?} {activation:?}, nets {nets:?}"),
                ConditionerName::Convolution {
                    hidden,
                    last,
                    activation,
                } => {
                    let windows: Vec<String> = (hidden.iter())
                        .map(|l| format!("{}x{} to {}", l.kernel.height, l.kernel.width, l.filters))
                        .chain([format!("{}x{}", last[0], last[1])])
                        .collect();
                    format!("convolutions {} {activation:?}", windows.join(", "))
                }
                ConditionerName::ResidualConvolution {
                    filters,
                    blocks,
                    kernel: [height, width],
                    ..
                } => format!("{blocks} residual blocks of {height}x{width}, {filters} filters"),
            };
            format!("coupling, keeps {mask:?}, {transform:?}, {net}")
        }
    }
}

/// The inspection as a person reads it.
#[must_use]
pub fn report(i: &Inspection) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let mut table = TextTable::new(&[
        "layer",
        "",
        "map",
        "parameters",
        "multiply-accumulates",
        "scratch B",
    ]);
    for (index, layer) in i.layers.iter().enumerate() {
        table.row([
            index.to_string(),
            describe(&layer.layer),
            layer.shape.to_string(),
            layer.parameters.to_string(),
            layer.multiply_accumulates.to_string(),
            layer.scratch_bytes.to_string(),
        ]);
    }
    let _ = match &i.columns {
        Some(columns) => writeln!(out, "{} features: {}", i.dim, columns.join(", ")),
        None => writeln!(
            out,
            "samples of {} (channels, height, width), {} values",
            i.sample_shape, i.dim
        ),
    };
    let _ = writeln!(out, "\n{table}");
    let _ = writeln!(out, "parameters             {}", i.parameters);
    let _ = writeln!(out, "multiply-accumulates   {}", i.multiply_accumulates);
    let _ = writeln!(out, "flash for parameters   {} bytes", i.flash_bytes);
    let _ = writeln!(out, "RAM for the workspace  {} bytes", i.ram_bytes);
    if let Some(peak) = i.layers.iter().position(|layer| layer.workspace_peak) {
        let _ = writeln!(
            out,
            "                       {} for the sample, {} at the peak, layer {peak}",
            4 * i.dim,
            i.layers[peak].scratch_bytes
        );
    }
    let _ = writeln!(
        out,
        "elementary functions   {:?} (exp off by up to {:.1e}, tanh by {:.1e})",
        i.math, i.math_error.exp_relative, i.math_error.tanh_absolute
    );
    if let Some(feature) = i.untransformed_feature {
        let _ = writeln!(
            out,
            "note: no coupling transforms `{}`; it is modelled as a plain Gaussian",
            match &i.columns {
                Some(columns) => columns[feature].clone(),
                None => format!("value {feature}"),
            }
        );
    }
    match i.calibration {
        Some(c) => {
            let _ = writeln!(
                out,
                "threshold              {:.4} nats ({} % false alarms on {} held-out rows)",
                c.threshold,
                100.0 * c.false_alarm_rate,
                c.rows
            );
        }
        None => out.push_str("threshold              none: not calibrated\n"),
    }
    let p = &i.provenance;
    let _ = writeln!(out, "made by                {}", p.made_by);
    for source in &p.sources {
        let _ = writeln!(
            out,
            "from                   {} (sha256 {})",
            source.file, source.sha256
        );
    }
    if let Some(log_prob) = p.held_out_log_prob {
        let _ = writeln!(
            out,
            "held-out log-density   {log_prob:.4} nats ({} rows, epoch {}; Gaussian {})",
            p.held_out_rows,
            p.best_epoch,
            p.gaussian_log_prob
                .map_or_else(|| "-".to_owned(), |g| format!("{g:.4}"))
        );
    }
    let _ = writeln!(out, "model sha256           {}", i.sha256);
    if !i.costs.is_empty() {
        let _ = write!(out, "\n{}", inspect_cost::report(&i.costs));
    }
    out
}
