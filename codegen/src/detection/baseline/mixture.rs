//! A mixture of Gaussians with full covariance matrices by expectation maximisation, as scikit-learn's
//! `GaussianMixture`: k-means gives the start, 1e-6 is added to each variance, the change of the mean log-density ends it;
//! the best of several starts.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::clusters::clusters;
use super::linear::{cholesky, inverse};

/// Starts.
const STARTS: usize = 3;
/// The most steps of a start, and the change of the mean log-density that ends it.
const STEPS: usize = 100;
const TOLERANCE: f64 = 1e-3;
/// Added to variances.
const VARIANCE: f64 = 1e-6;

#[derive(Clone, Debug)]
pub(super) struct Mixture {
    components: Vec<Component>,
}

#[derive(Clone, Debug)]
struct Component {
    mean: Vec<f64>,
    /// Inverse of the covariance matrix's lower Cholesky factor.
    whitening: Vec<f64>,
    /// Log of the weight and of the density at the mean.
    log_peak: f64,
}

impl Mixture {
    /// `None` where a covariance matrix is singular in every start.
    pub fn fit(
        rows: &[f64],
        dim: usize,
        components: usize,
        random: &mut Xoshiro256PlusPlus,
    ) -> Option<Self> {
        let mut best: Option<(f64, Self)> = None;
        for _ in 0..STARTS {
            let start = clusters(rows, dim, components, random);
            let Some((mean, fitted)) = Self::from_start(rows, dim, components, &start) else {
                continue;
            };
            if best.as_ref().is_none_or(|(highest, _)| mean > *highest) {
                best = Some((mean, fitted));
            }
        }
        best.map(|(_, fitted)| fitted)
    }

    fn from_start(
        rows: &[f64],
        dim: usize,
        components: usize,
        start: &[usize],
    ) -> Option<(f64, Self)> {
        let count = rows.len() / dim;
        let mut shares = vec![0.0; count * components];
        for (row, cluster) in start.iter().enumerate() {
            shares[row * components + cluster] = 1.0;
        }
        let mut fitted = Self::of_shares(rows, dim, components, &shares)?;
        let mut last = f64::NEG_INFINITY;
        for _ in 0..STEPS {
            let mut sum = 0.0;
            for (row, shares) in rows
                .chunks_exact(dim)
                .zip(shares.chunks_exact_mut(components))
            {
                sum += fitted.share(row, shares);
            }
            let mean = sum / count as f64;
            fitted = Self::of_shares(rows, dim, components, &shares)?;
            let change = mean - last;
            last = mean;
            if change.abs() < TOLERANCE {
                break;
            }
        }
        last.is_finite().then_some((last, fitted))
    }

    /// The mixture of largest likelihood for shares of each row in the components.
    fn of_shares(rows: &[f64], dim: usize, components: usize, shares: &[f64]) -> Option<Self> {
        let share = |component: usize| shares.iter().skip(component).step_by(components);
        let sizes = (0..components).map(|at| share(at).sum::<f64>() + 10.0 * f64::EPSILON);
        let sizes: Vec<f64> = sizes.collect();
        let all: f64 = sizes.iter().sum();
        let component = |(at, size): (usize, &f64)| {
            let own = || {
                rows.chunks_exact(dim)
                    .zip(share(at))
                    .filter(|(_, share)| **share > 0.0)
            };
            let mut mean = vec![0.0; dim];
            for (row, share) in own() {
                mean.iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| *sum += share * x);
            }
            for sum in &mut mean {
                *sum /= size;
            }
            let mut covariance = vec![0.0; dim * dim];
            let mut off = vec![0.0; dim];
            for (row, share) in own() {
                for ((off, x), mean) in off.iter_mut().zip(row).zip(&mean) {
                    *off = x - mean;
                }
                for (i, line) in covariance.chunks_exact_mut(dim).enumerate() {
                    let scaled = share * off[i];
                    for (sum, off) in line[..=i].iter_mut().zip(&off) {
                        *sum += scaled * off;
                    }
                }
            }
            for sum in &mut covariance {
                *sum /= size;
            }
            (0..dim).for_each(|i| covariance[i * dim + i] += VARIANCE);
            let factor = cholesky(&covariance, dim)?;
            let log_diagonal: f64 = (0..dim).map(|i| factor[i * dim + i].ln()).sum();
            let log_unit = -0.5 * dim as f64 * std::f64::consts::TAU.ln();
            Some(Component {
                mean,
                whitening: inverse(&factor, dim),
                log_peak: (size / all).ln() + log_unit - log_diagonal,
            })
        };
        let components = sizes.iter().enumerate().map(component);
        Some(Self {
            components: components.collect::<Option<_>>()?,
        })
    }

    /// Sets the shares of a row in the components and gives its log-density.
    fn share(&self, row: &[f64], shares: &mut [f64]) -> f64 {
        for (share, component) in shares.iter_mut().zip(&self.components) {
            *share = component.log_prob(row);
        }
        let largest = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = shares.iter().map(|share| (share - largest).exp()).sum();
        let log_prob = largest + sum.ln();
        for share in shares {
            *share = (*share - log_prob).exp();
        }
        log_prob
    }

    pub fn log_prob(&self, row: &[f64]) -> f64 {
        self.share(row, &mut vec![0.0; self.components.len()])
    }

    pub fn components(&self) -> usize {
        self.components.len()
    }
}

impl Component {
    fn log_prob(&self, row: &[f64]) -> f64 {
        let dim = self.mean.len();
        let off: Vec<f64> = row
            .iter()
            .zip(&self.mean)
            .map(|(x, mean)| x - mean)
            .collect();
        let square = |(i, line): (usize, &[f64])| {
            let z: f64 = line[..=i].iter().zip(&off).map(|(l, off)| l * off).sum();
            z * z
        };
        let lines = self.whitening.chunks_exact(dim).enumerate();
        self.log_peak - 0.5 * lines.map(square).sum::<f64>()
    }
}
