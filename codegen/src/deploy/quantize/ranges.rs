//! How large the values in a model's networks are, on normal rows.
//!
//! A quantised network holds its activations within 16 bits. What those have to span is not in the
//! parameters: it is seen on rows, and kept in the model file.

use nvpico::spec::network::{Op, Slot, Stage};
use nvpico::spec::{CouplingSpec, Shape};
use nvpico::{FlowSpec, LayerSpec};

use crate::deployed::Deployed;
use nvpico_reference::{self as reference, Norm};

/// Multiply-accumulates that looking at rows may take; more rows are thinned out.
const MOST_WORK: usize = 4_000_000_000;

/// The largest magnitude of every channel of every stage, in the order of the layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges(Vec<f32>);

/// The networks of a coupling, as far as they have ranges.
struct CouplingStages {
    /// Index of the coupling among the layers.
    layer: usize,
    /// Channels of each stage: input, then hidden layers, network after network.
    stages: Vec<usize>,
    /// Stages of one network.
    each: usize,
}

impl CouplingStages {
    fn of(layer: usize, spec: &CouplingSpec<'_>, shape: Shape) -> Self {
        let network = spec.network(shape);
        let inner = network.stages().filter_map(|stage| channels(&stage));
        let net: Vec<usize> = std::iter::once(network.inputs).chain(inner).collect();
        Self {
            layer,
            stages: net.repeat(spec.net_count()),
            each: net.len(),
        }
    }

    /// Those of every coupling.
    fn all(spec: &FlowSpec<'_>) -> Vec<Self> {
        let layers = spec.layers.iter().enumerate();
        layers
            .filter_map(|(index, layer)| match layer {
                LayerSpec::Coupling(own) => Some(Self::of(index, own, spec.shape_at(index))),
                _ => None,
            })
            .collect()
    }

    /// Channels of all stages.
    fn channels(&self) -> usize {
        self.stages.iter().sum()
    }

    /// Channels before those of a stage; `None` for a network's output, which is seen, too.
    fn start(&self, stage: usize) -> Option<usize> {
        let (net, within) = (stage / (self.each + 1), stage % (self.each + 1));
        let before = self.stages.get(..net * self.each + within)?;
        (within < self.each).then(|| before.iter().sum())
    }
}

/// Channels of a network's stage that has ranges: whatever an activation gives, and the sums `h` of residual blocks.
/// An integer layer reads one of these.
fn channels(stage: &Stage) -> Option<usize> {
    match stage.op {
        Op::Activation(_, channels) => Some(channels),
        Op::Convolution(own) if own.activation.is_some() || stage.to == Slot::Hidden => {
            Some(own.outputs)
        }
        Op::Convolution(_) | Op::Norm(_) | Op::BothSigns(_) => None,
    }
}

impl Ranges {
    /// Looks at rows (row-major) in the units of the sensors.
    #[must_use]
    pub fn of(model: &Deployed, rows: &[f32]) -> Self {
        let layers = model.spec.layers();
        let spec = model.spec.flow_spec(&layers);
        let networks = CouplingStages::all(&spec);
        let mut largest = vec![0.0_f64; networks.iter().map(CouplingStages::channels).sum()];
        let params = reference::wide(&model.params);
        let count = rows.len() / spec.dim();
        let affordable = MOST_WORK / spec.multiply_accumulates().max(1);
        let step = count.div_ceil(affordable.max(1)).max(1);
        let rows = rows.chunks_exact(spec.dim()).step_by(step);
        for row in rows.filter(|row| row.iter().all(|x| x.is_finite())) {
            let mut watch = |stage: reference::Stage, values: &[f64]| {
                let mut before = 0;
                for own in &networks {
                    if own.layer == stage.layer
                        && let Some(start) = own.start(stage.stage)
                    {
                        for (largest, value) in largest[before + start..].iter_mut().zip(values) {
                            *largest = largest.max(value.abs());
                        }
                    }
                    before += own.channels();
                }
            };
            let mut rows = [reference::wide(row)];
            reference::forward_watched(&spec, &params, &mut rows, Norm::Running, &mut watch);
        }
        Self(largest.iter().map(|&l| (l as f32).min(f32::MAX)).collect())
    }

    /// The numbers as they are kept.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Kept numbers; `None` where they are not those of such a model.
    #[must_use]
    pub fn from_values(spec: &FlowSpec<'_>, values: Vec<f32>) -> Option<Self> {
        let expected: usize = CouplingStages::all(spec)
            .iter()
            .map(CouplingStages::channels)
            .sum();
        let good = values.iter().all(|v| v.is_finite() && *v >= 0.0);
        (good && values.len() == expected).then_some(Self(values))
    }

    /// Of the coupling that is layer `index`, each stage by itself.
    #[must_use]
    pub fn coupling(&self, spec: &FlowSpec<'_>, index: usize) -> Vec<&[f32]> {
        let mut rest = &self.0[..];
        for own in CouplingStages::all(spec) {
            let (values, after) = rest.split_at(own.channels());
            if own.layer == index {
                let mut values = values;
                let mut stages = Vec::new();
                for channels in own.stages {
                    let (stage, others) = values.split_at(channels);
                    stages.push(stage);
                    values = others;
                }
                return stages;
            }
            rest = after;
        }
        Vec::new()
    }
}
