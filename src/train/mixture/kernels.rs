//! A kernel density: one bandwidth around representatives of the rows.
//!
//! Local structure is what nearest neighbours have and a standard normal has not. With representatives from k-means and
//! a bandwidth chosen by rows that were held out, the density is still exact and normalised.

use std::vec::Vec;

use rayon::prelude::*;

use super::{HALF_LN_2PI, k_means, log_sum_exp};
use crate::kernel::dense::panels;

/// Bandwidths that are tried, in units of a standardised feature.
const BANDWIDTHS: [f64; 12] = [
    0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0,
];

/// A kernel density.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    dim: usize,
    /// Row-major.
    centres: Vec<f64>,
    log_weights: Vec<f64>,
    bandwidth: f64,
}

/// At most `count` kernels around standardised rows, with the bandwidth that gives held-out rows the highest density.
/// `None` without rows.
#[must_use]
pub fn kernels(
    rows: &[f64],
    held_out: &[f64],
    dim: usize,
    count: usize,
    seed: u64,
) -> Option<Kernels> {
    if held_out.is_empty() {
        return None;
    }
    let mut kernels = Kernels::around(rows, dim, count, 1.0, seed)?;
    let distances: Vec<Vec<f64>> = held_out
        .par_chunks_exact(dim)
        .map(|row| kernels.distances(row))
        .collect();
    let mean = |bandwidth: f64| -> f64 {
        let scored: Vec<f64> = (distances.par_iter())
            .map(|distances| kernels.at(distances, bandwidth))
            .collect();
        scored.iter().sum::<f64>() / scored.len() as f64
    };
    let mut best = (f64::NEG_INFINITY, 1.0);
    for bandwidth in BANDWIDTHS {
        let found = mean(bandwidth);
        if found > best.0 {
            best = (found, bandwidth);
        }
    }
    kernels.bandwidth = best.1;
    Some(kernels)
}

impl Kernels {
    /// At most `count` kernels around standardised rows. `None` without rows.
    #[must_use]
    pub fn around(
        rows: &[f64],
        dim: usize,
        count: usize,
        bandwidth: f64,
        seed: u64,
    ) -> Option<Self> {
        let all = rows.len() / dim.max(1);
        if all == 0 || count == 0 {
            return None;
        }
        let (centres, counts) = if all <= count {
            (rows.to_vec(), std::vec![1; all])
        } else {
            let found = k_means::cluster(rows, dim, count, seed);
            (found.centres, found.counts)
        };
        let kept = |at: &usize| counts[*at] > 0;
        let used: Vec<usize> = (0..counts.len()).filter(kept).collect();
        Some(Self {
            dim,
            centres: used
                .iter()
                .flat_map(|&at| centres[at * dim..(at + 1) * dim].to_vec())
                .collect(),
            log_weights: used
                .iter()
                .map(|&at| libm::log(counts[at] as f64 / all as f64))
                .collect(),
            bandwidth,
        })
    }

    /// Number of kernels.
    #[must_use]
    pub fn count(&self) -> usize {
        self.log_weights.len()
    }

    /// The bandwidth, in units of a standardised feature.
    #[must_use]
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// The same with the bandwidth times `factor`.
    #[must_use]
    pub fn sharper(mut self, factor: f64) -> Self {
        self.bandwidth *= factor;
        self
    }

    fn distances(&self, row: &[f64]) -> Vec<f64> {
        let centres = self.centres.chunks_exact(self.dim);
        centres
            .map(|centre| k_means::distance(row, centre))
            .collect()
    }

    fn at(&self, distances: &[f64], bandwidth: f64) -> f64 {
        let half_precision = 0.5 / (bandwidth * bandwidth);
        let terms: Vec<f64> = distances
            .iter()
            .zip(&self.log_weights)
            .map(|(distance, log_weight)| log_weight - half_precision * distance)
            .collect();
        let dim = self.dim as f64;
        log_sum_exp(&terms) - dim * (libm::log(bandwidth) + HALF_LN_2PI)
    }

    /// Log-density of a row, in nats.
    #[must_use]
    pub fn log_prob(&self, row: &[f64]) -> f64 {
        self.at(&self.distances(row), self.bandwidth)
    }

    /// The parameters of a base density with [`Spread::Shared`](crate::spec::Spread), in the order of the spec.
    #[must_use]
    pub fn params(&self) -> Vec<f32> {
        let precision = 1.0 / (self.bandwidth * self.bandwidth);
        let normaliser = self.dim as f64 * (libm::log(self.bandwidth) + HALF_LN_2PI);
        let centre = |at: usize| &self.centres[at * self.dim..(at + 1) * self.dim];
        let mut params = std::vec![(0.5 * precision) as f32];
        let mut from = 0;
        for panel in panels(self.count()) {
            let units = from..from + panel;
            params.extend(units.clone().map(|at| {
                let norm: f64 = centre(at).iter().map(|m| m * m).sum();
                (self.log_weights[at] - 0.5 * precision * norm - normaliser) as f32
            }));
            for input in 0..self.dim {
                params.extend(
                    units
                        .clone()
                        .map(|at| (centre(at)[input] * precision) as f32),
                );
            }
            from += panel;
        }
        params
    }
}
