//! Mixtures of Gaussians, fitted in `f64`: full covariances by expectation-maximisation, and kernels of one bandwidth
//! around representative rows.
//!
//! A fitted mixture is the base density of a flow
//! ([`BaseSpec::Mixture`](crate::spec::BaseSpec)). The same rows and the same seed give the same bits with any number of
//! threads.
//!
//! ```
//! use nvpico::train::mixture::Mixture;
//!
//! // Two clusters on a line.
//! let rows: Vec<f64> = (0..200)
//!     .flat_map(|i| {
//!         let (side, along) = (if i % 2 == 0 { -3.0 } else { 3.0 }, f64::from(i % 10) / 10.0);
//!         [side + 0.1 * along, along]
//!     })
//!     .collect();
//! let floor = [1e-4; 2];
//! let one = Mixture::fit(&rows, 2, 1, &floor, 0).expect("rows are finite");
//! let two = Mixture::fit(&rows, 2, 2, &floor, 0).expect("rows are finite");
//! assert!(two.mean_log_prob(&rows) > one.mean_log_prob(&rows) + 1.0);
//! ```

mod choice;
mod given;
mod k_means;
mod kernels;

use std::vec;
use std::vec::Vec;

use rayon::prelude::*;

use super::triangle::{cholesky, inverse, place};
pub use choice::{Choice, choose};
use given::log_ratio;
#[doc(hidden)]
pub use k_means::{Clusters, cluster};
pub use kernels::{Kernels, kernels};

/// `ln(2 pi) / 2`.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;
/// Most iterations, and the gain of the mean log-density, in nats, that ends them.
const ITERATIONS: usize = 60;
const TOLERANCE: f64 = 1e-3;
/// Rows of a part of the sums: they are added in the order of the parts, whatever the threads.
const PART: usize = 256;
/// Clusterings of which the tightest one starts a mixture, and where it clips standardised values.
const CLUSTERINGS: u64 = 4;
const CLIP: f64 = 3.0;
/// A pivot below this is rounding.
const SMALLEST_PIVOT: f64 = 1e-12;

/// A mixture of Gaussians with full covariances.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    dim: usize,
    /// The first values of a row: the density is that of the others where these are given.
    given: usize,
    components: Vec<Component>,
}

/// One Gaussian of a mixture.
#[derive(Clone, Debug, PartialEq)]
struct Component {
    mean: Vec<f64>,
    /// Inverse of the covariance's lower Cholesky factor, row by row: a lower triangle `W` with `|W (z - mean)|^2` the
    /// squared Mahalanobis distance.
    factor: Vec<f64>,
    /// `ln weight + sum ln diag(W) - dim/2 ln 2 pi`.
    constant: f64,
}

/// Sums over rows, weighted by a component's share of each.
#[derive(Clone)]
struct Sums {
    weight: f64,
    first: Vec<f64>,
    /// Lower triangle, row by row.
    second: Vec<f64>,
}

impl Sums {
    fn new(dim: usize) -> Self {
        Self {
            weight: 0.0,
            first: vec![0.0; dim],
            second: vec![0.0; dim * (dim + 1) / 2],
        }
    }

    fn add_row(&mut self, row: &[f64], share: f64) {
        self.weight += share;
        let mut second = self.second.iter_mut();
        for (i, &a) in row.iter().enumerate() {
            let weighted = share * a;
            if let Some(sum) = self.first.get_mut(i) {
                *sum += weighted;
            }
            // `by_ref` first: the row is the longer one.
            for (sum, &b) in second.by_ref().take(i + 1).zip(row) {
                *sum += weighted * b;
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.weight += other.weight;
        let pairs = self.first.iter_mut().zip(&other.first);
        for (sum, value) in pairs.chain(self.second.iter_mut().zip(&other.second)) {
            *sum += value;
        }
    }
}

impl Component {
    /// The Gaussian of weighted sums, with `floor` added to the variances. `None` where it is degenerate all the same.
    fn of(sums: &Sums, rows: f64, floor: &[f64]) -> Option<Self> {
        let dim = floor.len();
        let mean: Vec<f64> = sums.first.iter().map(|sum| sum / sums.weight).collect();
        let mut covariance = sums.second.iter().map(|sum| sum / sums.weight);
        let mut lower = Vec::with_capacity(dim * (dim + 1) / 2);
        for (i, (a, floor)) in mean.iter().zip(floor).enumerate() {
            for (j, b) in mean.iter().take(i + 1).enumerate() {
                let value = covariance.next()? - a * b;
                lower.push(if i == j {
                    value.max(0.0) + floor
                } else {
                    value
                });
            }
        }
        let factor = inverse(&cholesky(&lower, dim, SMALLEST_PIVOT)?, dim);
        let log_weight = libm::log(sums.weight / rows);
        let log_det: f64 = (0..dim).map(|i| libm::log(factor[place(i, i)])).sum();
        let constant = log_weight + log_det - dim as f64 * HALF_LN_2PI;
        constant.is_finite().then_some(Self {
            mean,
            factor,
            constant,
        })
    }

    /// `ln weight + log N(row)`; `room` holds as many values as the row.
    fn log_prob(&self, row: &[f64], room: &mut [f64]) -> f64 {
        for ((difference, x), mean) in room.iter_mut().zip(row).zip(&self.mean) {
            *difference = x - mean;
        }
        let mut factor = self.factor.as_slice();
        let mut distance = 0.0;
        for i in 0..row.len() {
            let (line, rest) = factor.split_at((i + 1).min(factor.len()));
            let y: f64 = line.iter().zip(&*room).map(|(w, x)| w * x).sum();
            distance += y * y;
            factor = rest;
        }
        self.constant - 0.5 * distance
    }
}

impl Mixture {
    /// Fits `components` Gaussians to standardised rows (row-major, `dim` values each). `floor` is added to the variance
    /// of each feature. The first components are those of a k-means clustering with `seed`.
    ///
    /// Fewer components come out where some are left without a row. `None` where the rows are fewer than the components,
    /// not finite, or degenerate in spite of the floor.
    #[must_use]
    pub fn fit(
        rows: &[f64],
        dim: usize,
        components: usize,
        floor: &[f64],
        seed: u64,
    ) -> Option<Self> {
        let count = rows.len() / dim.max(1);
        if components == 0 || count < components || !rows.iter().all(|x| x.is_finite()) {
            return None;
        }
        let labels = first_clusters(rows, dim, components, seed);
        let mut sums = vec![Sums::new(dim); components];
        for (row, &label) in rows.chunks_exact(dim).zip(&labels) {
            sums.get_mut(label)?.add_row(row, 1.0);
        }
        let mut mixture = Self::of(&sums, floor)?;
        let mut before = f64::NEG_INFINITY;
        for _ in 0..ITERATIONS {
            let (sums, log_prob) = mixture.expectation(rows);
            let next = Self::of(&sums, floor)?;
            let done = log_prob - before < TOLERANCE;
            mixture = next;
            before = log_prob;
            if done || components == 1 {
                break;
            }
        }
        Some(mixture)
    }

    /// The mean of densities on the same dimensions: a mixture of all their components.
    fn average(mixtures: &[Self]) -> Option<Self> {
        let share = libm::log(mixtures.len() as f64);
        let components = mixtures.iter().flat_map(|mixture| &mixture.components);
        Some(Self {
            dim: mixtures.first()?.dim,
            given: 0,
            components: components
                .map(|component| Component {
                    constant: component.constant - share,
                    ..component.clone()
                })
                .collect(),
        })
    }

    /// Components that share in less than a row are left out: they would be a row's spike.
    fn of(sums: &[Sums], floor: &[f64]) -> Option<Self> {
        let kept = || sums.iter().filter(|sums| sums.weight >= 1.0);
        let rows: f64 = kept().map(|sums| sums.weight).sum();
        let components: Option<Vec<Component>> = kept()
            .map(|sums| Component::of(sums, rows, floor))
            .collect();
        Some(Self {
            dim: floor.len(),
            given: 0,
            components: components.filter(|components| !components.is_empty())?,
        })
    }

    /// Sums of the rows weighted by each component's share, and the mean log-density.
    fn expectation(&self, rows: &[f64]) -> (Vec<Sums>, f64) {
        let dim = self.dim;
        let parts: Vec<(Vec<Sums>, f64)> = rows
            .par_chunks(PART * dim)
            .map(|part| {
                let mut sums = vec![Sums::new(dim); self.components.len()];
                let (mut room, mut terms) = (vec![0.0; dim], vec![0.0; self.components.len()]);
                let mut total = 0.0;
                for row in part.chunks_exact(dim) {
                    let log_prob = self.terms(row, &mut room, &mut terms);
                    total += log_prob;
                    for (sums, term) in sums.iter_mut().zip(&terms) {
                        let share = libm::exp(term - log_prob);
                        // Below this nothing is left of it in the sums.
                        if share > 1e-12 {
                            sums.add_row(row, share);
                        }
                    }
                }
                (sums, total)
            })
            .collect();
        let mut all = vec![Sums::new(dim); self.components.len()];
        let mut total = 0.0;
        for (sums, part) in &parts {
            total += part;
            for (all, sums) in all.iter_mut().zip(sums) {
                all.add(sums);
            }
        }
        (all, total / (rows.len() / dim) as f64)
    }

    /// Each component's term of the density at a row, and the log of their sum.
    fn terms(&self, row: &[f64], room: &mut [f64], terms: &mut [f64]) -> f64 {
        for (term, component) in terms.iter_mut().zip(&self.components) {
            *term = component.log_prob(row, room);
        }
        log_sum_exp(terms)
    }

    /// Number of components.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Log-density of a row, in nats.
    #[must_use]
    pub fn log_prob(&self, row: &[f64]) -> f64 {
        let (mut room, mut terms) = (vec![0.0; self.dim], vec![0.0; self.components.len()]);
        if self.given == 0 {
            return self.terms(row, &mut room, &mut terms);
        }
        let mut weights = terms.clone();
        let slots = terms.iter_mut().zip(&mut weights);
        for ((term, weight), component) in slots.zip(&self.components) {
            [*weight, *term] = component.conditional(row, self.given, &mut room);
        }
        log_ratio(&terms, &weights)
    }

    /// Mean log-density of rows, in nats.
    #[must_use]
    pub fn mean_log_prob(&self, rows: &[f64]) -> f64 {
        mean(&self.log_probs(rows))
    }

    fn log_probs(&self, rows: &[f64]) -> Vec<f64> {
        rows.par_chunks(self.dim)
            .map(|row| self.log_prob(row))
            .collect()
    }

    /// The parameters of a base density with [`Spread::Full`](crate::spec::Spread), in the order of the spec.
    #[must_use]
    pub fn params(&self) -> Vec<f32> {
        let mut params = Vec::new();
        for component in &self.components {
            if self.given == 0 {
                params.push(component.constant as f32);
            } else {
                params.extend(component.constants(self.given).map(|x| x as f32));
            }
            params.extend(component.mean.iter().map(|&x| x as f32));
            params.extend(component.factor.iter().map(|&x| x as f32));
        }
        params
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The cluster of each row in the tightest of some clusterings. A few far rows would make clusters of their own: values are clipped for it.
fn first_clusters(rows: &[f64], dim: usize, count: usize, seed: u64) -> Vec<usize> {
    let near: Vec<f64> = rows.iter().map(|x| x.clamp(-CLIP, CLIP)).collect();
    let seeds = (0..CLUSTERINGS).map(|at| seed.wrapping_mul(CLUSTERINGS).wrapping_add(at));
    let tightest = seeds
        .map(|seed| k_means::cluster(&near, dim, count, seed))
        .min_by(|a, b| a.scatter.total_cmp(&b.scatter));
    tightest.map_or_else(Vec::new, |clusters| clusters.labels)
}

/// `ln(sum(exp(terms)))`.
fn log_sum_exp(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    let sum: f64 = terms.iter().map(|term| libm::exp(term - most)).sum();
    most + libm::log(sum)
}
