//! First parameters: the identity map, with hidden layers ready to learn.

use std::vec;
use std::vec::Vec;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::conditioner::dense::panels;
use crate::math::double;
use crate::spec::{CouplingSpec, FlowSpec, LayerSpec, Nets};

/// Uniform in `-bound .. bound`, from 24 random bits.
fn uniform(random: &mut impl Rng, bound: f32) -> f32 {
    let unit = (random.next_u32() >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0;
    unit * bound
}

/// Initial parameters of a flow. Hidden layers draw weights from `U(-b, b)`, `b = sqrt(6 / inputs)`
/// (He), and biases from `U(-1, 1) / sqrt(inputs)`; the last layer of every network is zero, factors
/// `r` are 1, batch norms start at mean 0 and variance 1: together the identity map. A
/// standardisation takes mean and standard deviation of `rows` (row-major, in the user's units).
#[must_use]
pub fn init(spec: &FlowSpec<'_>, rows: &[f32], seed: u64) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut params = Vec::with_capacity(spec.param_len());
    for layer in spec.layers {
        match layer {
            LayerSpec::Standardize => params.extend(standardization(rows, spec.dim)),
            LayerSpec::Affine => {
                params.extend(vec![1.0; spec.dim]);
                params.extend(vec![0.0; spec.dim + 1]);
            }
            LayerSpec::BatchNorm(norm) => {
                params.extend(vec![0.0; spec.dim]);
                params.extend(vec![1.0; spec.dim]);
                params.extend(vec![0.0; if norm.affine { 2 * spec.dim } else { 0 }]);
            }
            LayerSpec::Coupling(coupling) => {
                params.extend(vec![1.0; coupling.rescale_len(spec.dim)]);
                for _ in 0..coupling.net_count() {
                    init_net(coupling, spec.dim, &mut random, &mut params);
                }
            }
            LayerSpec::Permutation(_) => {}
        }
    }
    params
}

fn init_net(coupling: &CouplingSpec<'_>, dim: usize, random: &mut impl Rng, params: &mut Vec<f32>) {
    let mut inputs = coupling.mask.kept(dim);
    for (at, &width) in coupling.conditioner.hidden.iter().enumerate() {
        if let Nets::Residual { norm: true } = coupling.conditioner.nets
            && at % 2 == 1
        {
            params.extend(vec![1.0; width]);
            params.extend(vec![0.0; width]);
        }
        let bias_bound = 1.0 / (inputs as f32).sqrt();
        let weight_bound = (6.0 / inputs as f32).sqrt();
        for panel in panels(width) {
            params.extend((0..panel).map(|_| uniform(random, bias_bound)));
            params.extend((0..panel * inputs).map(|_| uniform(random, weight_bound)));
        }
        inputs = width;
    }
    params.extend(vec![0.0; (inputs + 1) * coupling.net_outputs(dim)]);
}

/// `mean[dim]`, `scale[dim]`, `log_det` of a table. A constant feature gets scale 1: it stays at zero
/// while it is healthy, and any change of it is seen in the user's units.
#[must_use]
pub fn standardization(rows: &[f32], dim: usize) -> Vec<f32> {
    let count = (rows.len() / dim).max(1) as f64;
    let mut mean = vec![0.0_f64; dim];
    for row in rows.chunks_exact(dim) {
        for (sum, &x) in mean.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    }
    for sum in &mut mean {
        *sum /= count;
    }
    let mut var = vec![0.0_f64; dim];
    for row in rows.chunks_exact(dim) {
        for ((sum, &x), &mean) in var.iter_mut().zip(row).zip(&mean) {
            let deviation = f64::from(x) - mean;
            *sum += deviation * deviation;
        }
    }
    let mut log_det = 0.0;
    let scale: Vec<f32> = var
        .iter()
        .zip(&mean)
        .map(|(&sum, &mean)| {
            let deviation = double::sqrt(sum / count);
            // What rounding leaves of a constant column, relative to its value, is no deviation.
            let constant =
                deviation <= mean.abs() * 1e-7 || deviation < f64::from(f32::MIN_POSITIVE);
            let scale = if constant {
                1.0
            } else {
                (1.0 / deviation) as f32
            };
            log_det += double::ln(f64::from(scale));
            scale
        })
        .collect();
    let mut params: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
    params.extend(scale);
    params.push(log_det as f32);
    params
}

/// `coefficient` for every weight of a conditioner, 0 for biases and all else.
#[must_use]
pub(super) fn decay(spec: &FlowSpec<'_>, coefficient: f32) -> Vec<f32> {
    let mut decay = Vec::with_capacity(spec.param_len());
    for layer in spec.layers {
        let LayerSpec::Coupling(coupling) = layer else {
            decay.extend(vec![0.0; layer.param_len(spec.dim)]);
            continue;
        };
        decay.extend(vec![0.0; coupling.rescale_len(spec.dim)]);
        for _ in 0..coupling.net_count() {
            let mut inputs = coupling.mask.kept(spec.dim);
            let outputs = coupling.net_outputs(spec.dim);
            for &width in coupling.conditioner.hidden.iter().chain([&outputs]) {
                for panel in panels(width) {
                    decay.extend(vec![0.0; panel]);
                    decay.extend(vec![coefficient; panel * inputs]);
                }
                inputs = width;
            }
        }
    }
    decay
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_features_keep_their_units() {
        let rows = [1.0, 101_325.0, 3.0, 101_325.0];
        let params = standardization(&rows, 2);
        assert_eq!(params, [2.0, 101_325.0, 1.0, 1.0, 0.0]);
    }
}
