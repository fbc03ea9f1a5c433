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
    /// `ln(weight N(z; m, S))`, also of the first values of z alone.
    fn log_density(&self, z: &[f64]) -> f64 {
        let mut sum = self.weight.ln();
        // The first values alone have the first rows.
        for (index, row) in self.triangle.iter().enumerate().take(z.len()) {
            let apart = z.iter().zip(&self.centre).map(|(z, m)| z - m);
            let value: f64 = row.iter().zip(apart).map(|(w, d)| w * d).sum();
            sum += row[index].ln() - 0.5 * value * value - 0.5 * (2.0 * PI).ln();
        }
        sum
    }
}

/// The components of a mixture, from the parameters of the base; with given values the weights are known but for what all of
/// them have in common.
#[must_use]
pub fn components(spec: MixtureSpec, dim: usize, given: usize, params: &[f64]) -> Vec<Component> {
    match spec.spread {
        Spread::Shared if given > 0 => shared_given(spec.components, dim, given, params),
        Spread::Full if given > 0 => {
            let len = 2 + dim + dim * (dim + 1) / 2;
            (params.chunks_exact(len))
                .map(|own| full_given(dim, given, own))
                .collect()
        }
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
    let (centre, triangle) = own[1..].split_at(dim);
    let triangle = rows(dim, triangle);
    let log_dets = (0..dim).map(|row| triangle[row][row].ln());
    let log_weight = own[0] + dim as f64 / 2.0 * (2.0 * PI).ln() - log_dets.sum::<f64>();
    Component {
        weight: log_weight.exp(),
        centre: centre.to_vec(),
        triangle,
    }
}

/// The rows of a triangle, with zeros behind the diagonal.
fn rows(dim: usize, mut values: &[f64]) -> Vec<Vec<f64>> {
    let mut triangle = Vec::new();
    for row in 0..dim {
        let (own, others) = values.split_at(row + 1);
        values = others;
        let mut own = own.to_vec();
        own.resize(dim, 0.0);
        triangle.push(own);
    }
    triangle
}

/// A component with two constants: that of its weight, and that of the values which are not given.
///
/// # Panics
/// If the latter does not make a density of them.
fn full_given(dim: usize, given: usize, own: &[f64]) -> Component {
    let (centre, triangle) = own[2..].split_at(dim);
    let triangle = rows(dim, triangle);
    let log_det =
        |rows: std::ops::Range<usize>| rows.map(|row| triangle[row][row].ln()).sum::<f64>();
    let expected = log_det(given..dim) - (dim - given) as f64 / 2.0 * (2.0 * PI).ln();
    assert!((own[1] - expected).abs() < 1e-4 * (1.0 + expected.abs()));
    Component {
        weight: (own[0] - log_det(0..given)).exp(),
        centre: centre.to_vec(),
        triangle,
    }
}

/// Two dense layers, of the given values and of the others, whose bandwidths may differ: the first has weights `m / h^2` and
/// biases `ln weight - |m|^2 / (2 h^2)` of an `h` that is not among the parameters. Any one gives the same density; it is 1 here.
fn shared_given(count: usize, dim: usize, given: usize, params: &[f64]) -> Vec<Component> {
    let (known, others) = params[1..].split_at(count * (given + 1));
    let known = shared(count, given, &[&[0.5], known].concat());
    let others = shared(count, dim - given, &[&params[..1], others].concat());
    known
        .into_iter()
        .zip(others)
        .map(|(known, other)| {
            assert!((other.weight - 1.0).abs() < 1e-3, "{}", other.weight);
            let zeros = |count| vec![0.0; count];
            let first = (known.triangle.into_iter()).map(|row| [row, zeros(dim - given)].concat());
            let last = (other.triangle.into_iter()).map(|row| [zeros(given), row].concat());
            Component {
                weight: known.weight,
                centre: [known.centre, other.centre].concat(),
                triangle: first.chain(last).collect(),
            }
        })
        .collect()
}

/// `log p(z)` by the base of a flow, of z with every value at its place in the sample.
///
/// # Panics
/// If `params` are not those of `spec`.
#[must_use]
pub fn log_prob(spec: &FlowSpec<'_>, params: &[f64], z: &[f64]) -> f64 {
    if let BaseSpec::Mixture(mixture) = spec.base {
        let end = params.len() - kernels_len(spec);
        let own = &params[end - spec.base_param_len()..end];
        let z: Vec<f64> = maps::order(spec).iter().map(|&place| z[place]).collect();
        return of_mixture(mixture, spec.given(), own, &z);
    }
    let judged = z.iter().skip(spec.given());
    judged.map(|z| -0.5 * (z * z + (2.0 * PI).ln())).sum()
}

fn kernels_len(spec: &FlowSpec<'_>) -> usize {
    spec.kernels
        .map_or(0, |kernels| kernels.param_len(spec.dim(), spec.given()))
}

/// The density of all values over that of the given ones.
fn of_mixture(spec: MixtureSpec, given: usize, params: &[f64], z: &[f64]) -> f64 {
    let components = components(spec, z.len(), given, params);
    if given == 0 {
        return sum(&components, z);
    }
    sum(&components, z) - sum(&components, &z[..given])
}

fn sum(components: &[Component], z: &[f64]) -> f64 {
    let logs: Vec<f64> = components
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
    // With given values those behind the coupling of these.
    let front = if spec.given() > 0 { 2 } else { 1 };
    let first = FlowSpec::new(spec.shape, spec.layers.get(..front)?).with_given(spec.given());
    let mut rows = vec![x.to_vec()];
    let before = &params[..first.param_len()];
    let log_det = crate::forward_batch(&first, before, &mut rows, crate::Norm::Running)[0];
    let order = maps::order(&first);
    let y: Vec<f64> = order.iter().map(|&place| rows[0][place]).collect();
    Some(own[0] * (of_mixture(kernels.mixture(), spec.given(), &own[2..], &y) + log_det) + own[1])
}
