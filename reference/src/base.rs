//! The density of z, each component by itself.

use std::f64::consts::PI;

use nvpico::FlowSpec;
use nvpico::spec::{BaseSpec, MixtureSpec, Spread};

use crate::coupling::panel_width;
use crate::maps;

/// One component: weight, centre, and the lower triangle `W` of `(z - m)^T W^T W (z - m)`.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its share of the density; the shares of a mixture should sum to 1.
    pub weight: f64,
    /// The centre.
    pub centre: Vec<f64>,
    /// Rows of the triangle, zeros behind the diagonal.
    pub triangle: Vec<Vec<f64>>,
}

impl Component {
    /// `ln(weight N(z; m, S))`.
    fn log_density(&self, z: &[f64]) -> f64 {
        let mut sum = self.weight.ln();
        for (index, row) in self.triangle.iter().enumerate() {
            let apart = z.iter().zip(&self.centre).map(|(z, m)| z - m);
            let value: f64 = row.iter().zip(apart).map(|(w, d)| w * d).sum();
            sum += row[index].ln() - 0.5 * value * value - 0.5 * (2.0 * PI).ln();
        }
        sum
    }
}

/// The components of a mixture, from the parameters of the base.
#[must_use]
pub fn components(spec: MixtureSpec, dim: usize, params: &[f64]) -> Vec<Component> {
    match spec.spread {
        Spread::Shared => shared(spec.components, dim, params),
        Spread::Full => {
            let len = 1 + dim + dim * (dim + 1) / 2;
            params.chunks_exact(len).map(|own| full(dim, own)).collect()
        }
    }
}

fn shared(count: usize, dim: usize, params: &[f64]) -> Vec<Component> {
    let g = params[0];
    let variance = 0.5 / g;
    let mut rest = &params[1..];
    let mut all = Vec::new();
    while all.len() < count {
        let width = panel_width(count - all.len());
        let (panel, others) = rest.split_at((dim + 1) * width);
        rest = others;
        for at in 0..width {
            let centre: Vec<f64> = (1..=dim)
                .map(|row| panel[row * width + at] * variance)
                .collect();
            let norm_sq: f64 = centre.iter().map(|m| m * m).sum();
            let volume = dim as f64 / 2.0 * (2.0 * PI * variance).ln();
            let diagonal = |row| {
                let at = |column| {
                    if column == row {
                        variance.sqrt().recip()
                    } else {
                        0.0
                    }
                };
                (0..dim).map(at).collect()
            };
            all.push(Component {
                weight: (panel[at] + norm_sq * g + volume).exp(),
                centre,
                triangle: (0..dim).map(diagonal).collect(),
            });
        }
    }
    all
}

fn full(dim: usize, own: &[f64]) -> Component {
    let (centre, mut rest) = own[1..].split_at(dim);
    let mut triangle = Vec::new();
    let mut log_weight = own[0] + dim as f64 / 2.0 * (2.0 * PI).ln();
    for row in 0..dim {
        let (values, others) = rest.split_at(row + 1);
        rest = others;
        let mut values = values.to_vec();
        log_weight -= values[row].ln();
        values.resize(dim, 0.0);
        triangle.push(values);
    }
    Component {
        weight: log_weight.exp(),
        centre: centre.to_vec(),
        triangle,
    }
}

/// `log p(z)` by the base of a flow, of z with every value at its place in the sample.
///
/// # Panics
/// If `params` are not those of `spec`.
#[must_use]
pub fn log_prob(spec: &FlowSpec<'_>, params: &[f64], z: &[f64]) -> f64 {
    match spec.base {
        BaseSpec::Mixture(mixture) => {
            let end = params.len() - kernels_len(spec);
            let own = &params[end - spec.base.param_len(spec.dim())..end];
            let z: Vec<f64> = maps::order(spec).iter().map(|&place| z[place]).collect();
            of_mixture(mixture, own, &z)
        }
        _ => z.iter().map(|z| -0.5 * (z * z + (2.0 * PI).ln())).sum(),
    }
}
fn kernels_len(spec: &FlowSpec<'_>) -> usize {
    spec.kernels
        .map_or(0, |kernels| kernels.param_len(spec.dim()))
}

fn of_mixture(spec: MixtureSpec, params: &[f64], z: &[f64]) -> f64 {
    let logs: Vec<f64> = components(spec, z.len(), params)
        .iter()
        .map(|component| component.log_density(z))
        .collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    largest + sum.ln()
}

/// The log-density by the kernels on the flow's scale, if the model has some.
#[must_use]
pub fn by_kernels(spec: &FlowSpec<'_>, params: &[f64], x: &[f64]) -> Option<f64> {
    let kernels = spec.kernels?;
    let own = &params[params.len() - kernels_len(spec)..];
    let first = FlowSpec::new(spec.shape, spec.layers.get(..1)?);
    let mut rows = vec![x.to_vec()];
    let before = &params[..first.param_len()];
    let log_det = crate::forward_batch(&first, before, &mut rows, crate::Norm::Running)[0];
    let order = maps::order(&first);
    let y: Vec<f64> = order.iter().map(|&place| rows[0][place]).collect();
    Some(own[0] * (of_mixture(kernels.mixture(), &own[2..], &y) + log_det) + own[1])
}
