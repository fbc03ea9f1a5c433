//! How many products of a score have an input that is not zero: without an FPU a product with zero is quick, and a ReLU
//! makes many zeros. Counted on rows drawn from the model itself.

use nvpico::kernel::dense;
use nvpico::spec::network::{Network, Op};
use nvpico::spec::{Conditioner, CouplingSpec, Shape};
use nvpico::{Flow, LayerSpec};

use super::samples::rows_of;
use crate::deploy::Deployed;

/// Of the rows.
const SEED: u64 = 7;

/// Products of fully connected layers with inputs that are not zero, the mean over rows drawn from the model.
pub(super) fn active_products(deployed: &Deployed) -> f64 {
    let dim = deployed.spec.dim();
    let layers = deployed.spec.layers();
    let flow = deployed.spec.flow_spec(&layers);
    let is_dense = |layer: &LayerSpec<'_>| {
        matches!(layer, LayerSpec::Coupling(coupling)
            if matches!(coupling.conditioner, Conditioner::Dense(_)))
    };
    if flow.shape.pixels() != 1 || !layers.iter().any(is_dense) {
        return 0.0;
    }
    let rows = rows_of(deployed, SEED);
    let mut scratch = vec![0.0; flow.workspace_len()];
    let mut total = 0;
    for row in rows.chunks(dim) {
        let mut x = row.to_vec();
        let mut params = &deployed.params[..];
        for layer in &layers {
            let (own, rest) = params.split_at(layer.param_len(flow.shape));
            params = rest;
            if let LayerSpec::Coupling(coupling) = layer {
                total += coupling_products(coupling, flow.shape, own, &x);
            }
            let alone = flow.with_layers(std::slice::from_ref(layer));
            // A row that overflows is as good as any for counting.
            let _ = Flow::new(alone, own).map(|flow| flow.forward(&mut x, &mut scratch));
        }
    }
    total as f64 / (rows.len() / dim) as f64
}

fn coupling_products(
    coupling: &CouplingSpec<'_>,
    shape: Shape,
    params: &[f32],
    x: &[f32],
) -> usize {
    if !matches!(coupling.conditioner, Conditioner::Dense(_)) {
        return 0;
    }
    let network = coupling.network(shape);
    let kept: Vec<f32> = (coupling.mask.kept_features(x.len()))
        .map(|index| x[index])
        .collect();
    let nets = &params[coupling.rescale_len(shape)..];
    nets.chunks(network.param_len())
        .map(|own| net_products(&network, own, kept.clone()))
        .sum()
}

fn net_products(network: &Network<'_>, params: &[f32], input: Vec<f32>) -> usize {
    let (mut params, mut values, mut total) = (params, input, 0);
    for stage in network.stages() {
        let (own, rest) = params.split_at(stage.param_len());
        if let Op::Convolution(layer) = stage.op {
            total += layer.outputs * values.iter().filter(|&&value| value != 0.0).count();
            let mut output = vec![0.0; layer.outputs];
            dense::forward(own, &values, &mut output, layer.activation);
            values = output;
        }
        params = rest;
    }
    total
}
