//! Random parameters.

use super::Random;
use nvpico::spec::{
    BaseSpec, Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, Kernel,
    ResidualConvolutionSpec, ResidualDenseSpec, ResidualForm, Shape, Spread,
};
use nvpico::{FlowSpec, LayerSpec};

/// Random parameters of a spec, of the size that training leaves behind.
pub fn params(spec: &FlowSpec<'_>, random: &mut Random) -> Vec<f32> {
    let mut all = Vec::with_capacity(spec.param_len());
    for (index, layer) in spec.layers.iter().enumerate() {
        let shape = spec.shape_at(index);
        let (channels, pixels) = (shape.channels, shape.pixels());
        match layer {
            LayerSpec::Standardize => {
                all.extend(random.uniforms(channels, -2.0, 2.0));
                let scales = random.uniforms(channels, 0.4, 2.5);
                push_scales(&mut all, scales, &[], pixels, spec.given());
            }
            LayerSpec::Affine => {
                let mut scales = random.uniforms(channels, 0.4, 2.0);
                // A negative scale turns the axis round; the density does not mind.
                scales[channels - 1] = -scales[channels - 1];
                let shifts = random.uniforms(channels, -1.0, 1.0);
                push_scales(&mut all, scales, &shifts, pixels, spec.given());
            }
            LayerSpec::Linear => {
                let (step, off) = (channels + 1, 0.8 / channels as f32);
                let mut factors = random.uniforms(channels * channels, -off, off);
                let scales = random.uniforms(channels, 0.5, 1.6);
                for (slot, scale) in factors.iter_mut().step_by(step).zip(scales) {
                    *slot = scale;
                }
                factors[0] = -factors[0];
                let sum = nvpico::layer::linear::log_det(&factors, channels, pixels);
                all.extend(factors);
                all.extend(random.uniforms(channels, -1.0, 1.0));
                all.push(sum);
            }
            LayerSpec::BatchNorm(norm) => {
                all.extend(random.uniforms(channels, -1.0, 1.0));
                all.extend(random.uniforms(channels, 0.3, 2.0));
                if norm.affine {
                    all.extend(random.uniforms(2 * channels, -0.5, 0.5));
                }
            }
            LayerSpec::Coupling(coupling) => {
                all.extend(random.uniforms(coupling.rescale_len(shape), -1.2, 1.2));
                for _ in 0..coupling.net_count() {
                    push_net(&mut all, coupling, shape, random);
                }
            }
            _ => {}
        }
    }
    push_base(&mut all, spec, random);
    assert_eq!(all.len(), spec.param_len());
    all
}

/// A mixture whose weights sum to 1, with components near each other.
fn push_base(all: &mut Vec<f32>, spec: &FlowSpec<'_>, random: &mut Random) {
    let BaseSpec::Mixture(mixture) = spec.base else {
        return;
    };
    let (count, dim, given) = (mixture.components, spec.dim(), spec.given());
    let half_ln = |variance: f64| 0.5 * (2.0 * std::f64::consts::PI * variance).ln();
    let shares: Vec<f64> = (0..count)
        .map(|_| f64::from(random.uniform(0.1, 1.0)))
        .collect();
    let whole: f64 = shares.iter().sum();
    let mut log_weights = shares.iter().map(|share| (share / whole).ln());
    match mixture.spread {
        Spread::Shared => {
            let g = random.uniform(0.5, 4.0);
            all.push(g);
            if given > 0 {
                // The given values may have another bandwidth.
                let of_given = random.uniform(0.5, 4.0);
                push_centres(all, [count, given], of_given, &mut log_weights, random);
                let mut none =
                    std::iter::repeat(-((dim - given) as f64) * half_ln(0.5 / f64::from(g)));
                return push_centres(all, [count, dim - given], g, &mut none, random);
            }
            let variance = 0.5 / f64::from(g);
            for width in nvpico::kernel::dense::panels(count) {
                let centres: Vec<Vec<f32>> = (0..width)
                    .map(|_| random.uniforms(dim, -1.0, 1.0))
                    .collect();
                for (centre, log_weight) in centres.iter().zip(&mut log_weights) {
                    let norm_sq: f64 = centre.iter().map(|&m| f64::from(m).powi(2)).sum();
                    let volume = dim as f64 * half_ln(variance);
                    all.push((log_weight - norm_sq * f64::from(g) - volume) as f32);
                }
                for input in 0..dim {
                    all.extend(centres.iter().map(|centre| centre[input] * 2.0 * g));
                }
            }
        }
        Spread::Full => {
            for log_weight in log_weights {
                let mut triangle = Vec::new();
                let mut of_weight = log_weight;
                let mut constant = -((dim - given) as f64) * half_ln(1.0);
                for row in 0..dim {
                    triangle.extend(random.uniforms(row, -0.4, 0.4));
                    let diagonal = random.uniform(0.6, 2.0);
                    let own = if row < given {
                        &mut of_weight
                    } else {
                        &mut constant
                    };
                    *own += f64::from(diagonal).ln();
                    triangle.push(diagonal);
                }
                if given > 0 {
                    all.extend([of_weight as f32, constant as f32]);
                } else {
                    all.push((of_weight + constant) as f32);
                }
                all.extend(random.uniforms(dim, -1.0, 1.0));
                all.extend(triangle);
            }
        }
    }
}

/// A dense layer of components with random centres, whose biases are `constants` less the squares of the centres.
fn push_centres(
    all: &mut Vec<f32>,
    [count, inputs]: [usize; 2],
    g: f32,
    constants: &mut dyn Iterator<Item = f64>,
    random: &mut Random,
) {
    for width in nvpico::kernel::dense::panels(count) {
        let centres: Vec<Vec<f32>> = (0..width)
            .map(|_| random.uniforms(inputs, -1.0, 1.0))
            .collect();
        for (centre, constant) in centres.iter().zip(&mut *constants) {
            let norm_sq: f64 = centre.iter().map(|&m| f64::from(m).powi(2)).sum();
            all.push((constant - norm_sq * f64::from(g)) as f32);
        }
        for input in 0..inputs {
            all.extend(centres.iter().map(|centre| centre[input] * 2.0 * g));
        }
    }
}

/// Scales, shifts and the sum of `ln |scale|` over all places but the given ones.
fn push_scales(all: &mut Vec<f32>, scales: Vec<f32>, shifts: &[f32], pixels: usize, given: usize) {
    let judged = scales.iter().skip(given);
    let sum: f64 = judged.map(|&s| f64::from(s).abs().ln()).sum();
    all.extend(scales);
    all.extend(shifts);
    all.push((sum * pixels as f64) as f32);
}

fn push_net(all: &mut Vec<f32>, coupling: &CouplingSpec<'_>, shape: Shape, random: &mut Random) {
    let (inputs, outputs) = (coupling.net_inputs(shape), coupling.net_outputs(shape));
    match &coupling.conditioner {
        Conditioner::Dense(net) => push_dense(all, net, inputs, outputs, random),
        Conditioner::ResidualDense(net) => push_blocks(all, net, inputs, outputs, random),
        Conditioner::Convolution(net) => push_stack(all, net, inputs, outputs, random),
        Conditioner::ResidualConvolution(net) => {
            push_residual(all, net, inputs, outputs, random);
        }
    }
}

fn push_dense(
    all: &mut Vec<f32>,
    net: &DenseSpec<'_>,
    inputs: usize,
    outputs: usize,
    random: &mut Random,
) {
    let mut inputs = inputs;
    for &width in net.hidden.iter().chain([&outputs]) {
        push_weights(all, inputs, width, random);
        inputs = width;
    }
}

fn push_blocks(
    all: &mut Vec<f32>,
    net: &ResidualDenseSpec,
    inputs: usize,
    outputs: usize,
    random: &mut Random,
) {
    push_weights(all, inputs, net.width, random);
    for _ in 0..net.blocks {
        if net.norm {
            all.extend(random.uniforms(2 * net.width, -1.0, 1.0));
        }
        push_weights(all, net.width, net.width, random);
        push_weights(all, net.width, net.width, random);
    }
    push_weights(all, net.width, outputs, random);
}

/// Biases and weights of a layer that sums `inputs` values, in whatever panels.
fn push_weights(all: &mut Vec<f32>, inputs: usize, outputs: usize, random: &mut Random) {
    let bound = 1.0 / (inputs as f32).sqrt();
    all.extend(random.uniforms((inputs + 1) * outputs, -bound, bound));
}

fn push_stack(
    all: &mut Vec<f32>,
    net: &ConvolutionSpec<'_>,
    inputs: usize,
    outputs: usize,
    random: &mut Random,
) {
    let mut inputs = inputs;
    for layer in net.hidden {
        push_weights(all, layer.kernel.taps() * inputs, layer.filters, random);
        inputs = layer.filters;
    }
    push_weights(all, net.last.taps() * inputs, outputs, random);
}

fn push_residual(
    all: &mut Vec<f32>,
    net: &ResidualConvolutionSpec,
    inputs: usize,
    outputs: usize,
    random: &mut Random,
) {
    let mut network = Residual {
        all,
        is_trained: net.form != ResidualForm::Deployed,
        random,
    };
    let width = net.filters;
    network.norm(inputs);
    network.convolution(net.kernel, 2 * inputs, width);
    network.convolution(Kernel::POINT, width, width);
    for _ in 0..net.blocks {
        network.norm(width);
        network.convolution(net.kernel, width, width);
        if network.is_trained {
            network.norm(width);
        }
        network.convolution(net.kernel, width, width);
        network.convolution(Kernel::POINT, width, width);
    }
    network.norm(width);
    network.convolution(Kernel::POINT, width, outputs);
}

struct Residual<'s> {
    all: &'s mut Vec<f32>,
    is_trained: bool,
    random: &'s mut Random,
}

impl Residual<'_> {
    fn norm(&mut self, channels: usize) {
        let random = &mut *self.random;
        if self.is_trained {
            self.all.extend(random.uniforms(channels, -0.5, 0.5));
            self.all.extend(random.uniforms(channels, 0.4, 2.0));
        }
        self.all.extend(random.uniforms(channels, 0.4, 1.4));
        self.all.extend(random.uniforms(channels, -0.5, 0.5));
    }

    fn convolution(&mut self, kernel: Kernel, inputs: usize, outputs: usize) {
        let inputs = kernel.taps() * inputs;
        if self.is_trained {
            self.all.extend(self.random.uniforms(outputs, -0.8, 0.8));
        }
        push_weights(self.all, inputs, outputs, self.random);
    }
}
