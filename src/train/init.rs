//! Initial parameters: the identity map, with hidden layers ready to learn.

use std::vec;
use std::vec::Vec;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::arithmetic::elementary::double;
use crate::flow::base::HALF_LN_2PI;
use crate::kernel::convolution::training::weight_norm;
use crate::kernel::dense::panels;
use crate::layer::training::identity;
use crate::spec::network::{Convolution, Network, Op, Slot, Stage};
use crate::spec::{BaseSpec, Conditioner, FlowSpec, LayerSpec, ResidualForm, Shape, Spread};

/// Uniform in `-bound .. bound`, from 24 random bits.
fn uniform(random: &mut impl Rng, bound: f32) -> f32 {
    let unit = (random.next_u32() >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0;
    unit * bound
}

/// Initial parameters of a flow.
///
/// Weights of hidden layers are drawn from `U(-b, b)`, `b = sqrt(6 / inputs)` (He), and biases from `U(-1, 1) /
/// sqrt(inputs)`, where `inputs` is the number of inputs per output. The last layer of every network is zero,
/// factors `r` are 1, batch norms start with mean 0 and variance 1: together the identity map.
///
/// In a residual convolutional network the gains are the norms of the drawn weights, so training starts where
/// it would without weight normalisation; the second convolution of each block and the last layer have gain 0.
/// A standardisation takes mean and standard deviation from `rows` (row-major, in the user's units). All components of
/// a mixture start as the standard normal density. Training keeps the base as it is, so fit it before.
#[must_use]
pub fn init(spec: &FlowSpec<'_>, rows: &[f32], seed: u64) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut params = Vec::with_capacity(spec.param_len());
    let mut walk = spec.walk();
    while let Some((layer, shape)) = walk.next() {
        if let LayerSpec::Standardize = layer {
            params.extend(standardization(rows, shape, spec.given()));
            continue;
        }
        params.extend(identity(layer, shape));
        if let LayerSpec::Coupling(coupling) = layer {
            for _ in 0..coupling.net_count() {
                init_net(coupling.network(shape), &mut random, &mut params);
            }
        }
    }
    params.extend(base(spec));
    params
}

/// Parameters of a base with which it is a standard normal density: all components are.
fn base(spec: &FlowSpec<'_>) -> Vec<f32> {
    let dim = spec.dim();
    let BaseSpec::Mixture(mixture) = spec.base else {
        return Vec::new();
    };
    let components = mixture.components;
    let given = spec.given();
    let log_weight = -(components as f64).ln() as f32;
    let constant = -((dim - given) as f32) * HALF_LN_2PI;
    // A weight stands with the given values, where there are some.
    let constants = if given > 0 {
        vec![(log_weight, given), (constant, dim - given)]
    } else {
        vec![(log_weight + constant, dim)]
    };
    let mut params = Vec::new();
    match mixture.spread {
        Spread::Shared => {
            params.push(0.5);
            for (constant, inputs) in constants {
                for panel in panels(components) {
                    params.extend(vec![constant; panel]);
                    params.extend(vec![0.0; panel * inputs]);
                }
            }
        }
        Spread::Full => {
            for _ in 0..components {
                params.extend(constants.iter().map(|(constant, _)| constant));
                params.extend(vec![0.0; dim]);
                for row in 0..dim {
                    params.extend(vec![0.0; row]);
                    params.push(1.0);
                }
            }
        }
    }
    params
}

/// Biases and weights of panels with `inputs` inputs per output.
fn init_panels(inputs: usize, outputs: usize, random: &mut impl Rng, params: &mut Vec<f32>) {
    let bias_bound = 1.0 / (inputs as f32).sqrt();
    let weight_bound = (6.0 / inputs as f32).sqrt();
    for panel in panels(outputs) {
        params.extend((0..panel).map(|_| uniform(random, bias_bound)));
        params.extend((0..panel * inputs).map(|_| uniform(random, weight_bound)));
    }
}

fn init_net(network: Network<'_>, random: &mut impl Rng, params: &mut Vec<f32>) {
    // A weight-normalised network is drawn in its trained form and, if required, converted to the deployed
    // form.
    if let Conditioner::ResidualConvolution(net) = network.conditioner
        && let ResidualForm::Deployed = net.form
    {
        let form = ResidualForm::Trained { eps: 1e-5 };
        let trained = Network {
            conditioner: Conditioner::ResidualConvolution(net.with_form(form)),
            ..network
        };
        let mut drawn = Vec::new();
        init_net(trained, random, &mut drawn);
        params.extend(weight_norm::deploy(trained, &drawn));
        return;
    }
    for stage in network.stages() {
        match stage.op {
            Op::Convolution(convolution) if convolution.normalised => {
                init_normalised(convolution, &stage, random, params);
            }
            Op::Convolution(convolution) if stage.to == Slot::Output => {
                params.extend(vec![0.0; convolution.param_len()]);
            }
            Op::Convolution(convolution) => {
                init_panels(convolution.rows(), convolution.outputs, random, params);
            }
            Op::Norm(norm) => {
                if norm.eps.is_some() {
                    params.extend(vec![0.0; norm.channels]);
                    params.extend(vec![1.0; norm.channels]);
                }
                params.extend(vec![1.0; norm.channels]);
                params.extend(vec![0.0; norm.channels]);
            }
            Op::Activation(..) | Op::BothSigns(_) => {}
        }
    }
}

/// Gains and panels of a weight-normalised stage.
fn init_normalised(
    convolution: Convolution,
    stage: &Stage,
    random: &mut impl Rng,
    params: &mut Vec<f32>,
) {
    let (rows, outputs) = (convolution.rows(), convolution.outputs);
    let (mut gains, mut panels) = (vec![0.0; outputs], Vec::new());
    init_panels(rows, outputs, random, &mut panels);
    if stage.to == Slot::Output {
        // Zero biases, too: the identity map.
        weight_norm::clear_biases(rows, outputs, &mut panels);
    }
    if !stage.ends_branch() {
        weight_norm::set_gains(rows, &panels, &mut gains);
    }
    params.extend(gains);
    params.extend(panels);
}

/// `mean[channels]`, `scale[channels]`, `log_det` of a table of samples. A constant channel gets scale 1: it
/// stays at zero while healthy, and any change shows in the user's units. The first `given` channels have no part in the
/// log-determinant.
#[must_use]
pub fn standardization(rows: &[f32], shape: Shape, given: usize) -> Vec<f32> {
    let (channels, pixels) = (shape.channels, shape.pixels());
    let count = (rows.len() / shape.len()).max(1) as f64 * pixels as f64;
    let mut mean = vec![0.0_f64; channels];
    for row in rows.chunks_exact(shape.len()) {
        for (sum, channel) in mean.iter_mut().zip(row.chunks_exact(pixels)) {
            for &x in channel {
                *sum += f64::from(x);
            }
        }
    }
    for sum in &mut mean {
        *sum /= count;
    }
    let mut var = vec![0.0_f64; channels];
    for row in rows.chunks_exact(shape.len()) {
        for ((sum, channel), &mean) in var.iter_mut().zip(row.chunks_exact(pixels)).zip(&mean) {
            for &x in channel {
                let deviation = f64::from(x) - mean;
                *sum += deviation * deviation;
            }
        }
    }
    let mut log_det = 0.0;
    let scale: Vec<f32> = var
        .iter()
        .zip(&mean)
        .enumerate()
        .map(|(at, (&sum, &mean))| {
            let deviation = double::sqrt(sum / count);
            // A deviation at the level of rounding errors, relative to the value, means a constant column.
            let constant =
                deviation <= mean.abs() * 1e-7 || deviation < f64::from(f32::MIN_POSITIVE);
            let scale = if constant {
                1.0
            } else {
                (1.0 / deviation) as f32
            };
            if at >= given {
                log_det += double::ln(f64::from(scale)) * pixels as f64;
            }
            scale
        })
        .collect();
    let mut params: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
    params.extend(scale);
    params.push(log_det as f32);
    params
}

/// `coefficient` for every weight of a conditioner (for every gain, if weight-normalised, as in the paper), 0
/// for biases and everything else.
#[must_use]
pub(super) fn decay(spec: &FlowSpec<'_>, coefficient: f32) -> Vec<f32> {
    let mut decay = Vec::with_capacity(spec.param_len());
    let mut walk = spec.walk();
    while let Some((layer, shape)) = walk.next() {
        // Only networks have weights that decay.
        let LayerSpec::Coupling(coupling) = layer else {
            decay.extend(vec![0.0; layer.param_len(shape)]);
            continue;
        };
        decay.extend(vec![0.0; coupling.rescale_len(shape)]);
        for _ in 0..coupling.net_count() {
            for stage in coupling.network(shape).stages() {
                decay_stage(&stage, coefficient, &mut decay);
            }
        }
    }
    decay.extend(vec![0.0; spec.base_param_len()]);
    decay
}

fn decay_stage(stage: &Stage, coefficient: f32, decay: &mut Vec<f32>) {
    match stage.op {
        Op::Convolution(convolution) if convolution.normalised => {
            decay.extend(vec![coefficient; convolution.outputs]);
            decay.extend(vec![0.0; convolution.param_len() - convolution.outputs]);
        }
        Op::Convolution(convolution) => {
            for panel in panels(convolution.outputs) {
                decay.extend(vec![0.0; panel]);
                decay.extend(vec![coefficient; panel * convolution.rows()]);
            }
        }
        Op::Norm(norm) => decay.extend(vec![0.0; norm.param_len()]),
        Op::Activation(..) | Op::BothSigns(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_features_keep_their_units() {
        let rows = [1.0, 101_325.0, 3.0, 101_325.0];
        let params = standardization(&rows, Shape::vector(2), 0);
        assert_eq!(params, [2.0, 101_325.0, 1.0, 1.0, 0.0]);
    }
}
