//! A kernel density: one bandwidth around representatives of the rows.
//!
//! Local structure is what nearest neighbours have and a standard normal has not. With representatives from k-means and
//! a bandwidth chosen by rows that were held out, the density is still exact and normalised.

use std::vec::Vec;

use rayon::prelude::*;

use super::given::log_ratio;
use super::{HALF_LN_2PI, k_means, log_sum_exp};
use crate::kernel::dense::panels;

/// Bandwidths that are tried, in units of a standardised feature.
const BANDWIDTHS: [f64; 12] = [
    0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0,
];

/// Those of given values: without a bound they have no part.
const OF_GIVEN: [f64; 5] = [f64::INFINITY, 2.0, 1.0, 0.5, 0.25];

/// A kernel density.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernels {
    dim: usize,
    /// The first values of a row: the density is that of the others where these are given.
    given: usize,
    /// Row-major.
    centres: Vec<f64>,
    log_weights: Vec<f64>,
    bandwidth: f64,
    /// That of the given values.
    of_given: f64,
}

/// At most `count` kernels around standardised rows, with the bandwidth that gives held-out rows the highest density; the given
/// values, the first ones of a row, have a bandwidth of their own. `None` without rows.
#[must_use]
pub fn kernels(
    rows: &[f64],
    held_out: &[f64],
    dim: usize,
    given: usize,
    count: usize,
    seed: u64,
) -> Option<Kernels> {
    if held_out.is_empty() {
        return None;
    }
    let mut kernels = Kernels::around(rows, dim, count, [1.0; 2], seed)?;
    kernels.given = given;
    let distances: Vec<[Vec<f64>; 2]> = held_out
        .par_chunks_exact(dim)
        .map(|row| kernels.distances(row))
        .collect();
    let mean = |bandwidths: [f64; 2]| -> f64 {
        let scored: Vec<f64> = (distances.par_iter())
            .map(|distances| kernels.at(distances, bandwidths))
            .collect();
        scored.iter().sum::<f64>() / scored.len() as f64
    };
    let mut best = (f64::NEG_INFINITY, [1.0; 2]);
    let of_given = if given > 0 { &OF_GIVEN[..] } else { &[1.0] };
    for &of_given in of_given {
        for bandwidth in BANDWIDTHS {
            let found = mean([bandwidth, of_given]);
            if found > best.0 {
                best = (found, [bandwidth, of_given]);
            }
        }
    }
    [kernels.bandwidth, kernels.of_given] = best.1;
    Some(kernels)
}

impl Kernels {
    /// At most `count` kernels around standardised rows. `None` without rows.
    #[must_use]
    pub fn around(
        rows: &[f64],
        dim: usize,
        count: usize,
        [bandwidth, of_given]: [f64; 2],
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
            given: 0,
            centres: used
                .iter()
                .flat_map(|&at| centres[at * dim..(at + 1) * dim].to_vec())
                .collect(),
            log_weights: used
                .iter()
                .map(|&at| libm::log(counts[at] as f64 / all as f64))
                .collect(),
            bandwidth,
            of_given,
        })
    }

    /// Number of kernels.
    #[must_use]
    pub fn count(&self) -> usize {
        self.log_weights.len()
    }

    /// The same kernels around other rows, as many at the most. `None` without rows.
    #[must_use]
    pub fn around_others(&self, rows: &[f64], count: usize, seed: u64) -> Option<Self> {
        let bandwidths = [self.bandwidth, self.of_given];
        let around = Self::around(rows, self.dim, count, bandwidths, seed)?;
        Some(Self {
            given: self.given,
            ..around
        })
    }

    /// The same with the bandwidth times `factor`, but for that of the given values.
    #[must_use]
    pub fn sharper(mut self, factor: f64) -> Self {
        self.bandwidth *= factor;
        self
    }

    /// From each centre: of the values that are judged, and of the given ones.
    fn distances(&self, row: &[f64]) -> [Vec<f64>; 2] {
        let of = |part: core::ops::Range<usize>| {
            let centres = self.centres.chunks_exact(self.dim);
            centres
                .map(|centre| k_means::distance(&row[part.clone()], &centre[part.clone()]))
                .collect()
        };
        [of(self.given..self.dim), of(0..self.given)]
    }

    fn at(&self, distances: &[Vec<f64>; 2], bandwidths: [f64; 2]) -> f64 {
        let [own, of_given] = bandwidths.map(|h| 0.5 / (h * h));
        let [distances, apart] = distances;
        let normaliser = self.normaliser(bandwidths[0]);
        let terms = distances.iter().map(|distance| -own * distance);
        if self.given == 0 {
            let terms: Vec<f64> = terms.zip(&self.log_weights).map(|(a, b)| b + a).collect();
            return log_sum_exp(&terms) - normaliser;
        }
        let weights = apart.iter().zip(&self.log_weights);
        let weights: Vec<f64> = weights
            .map(|(distance, log_weight)| log_weight - of_given * distance)
            .collect();
        log_ratio(&terms.collect::<Vec<f64>>(), &weights) - normaliser
    }

    /// `values ln(bandwidth sqrt(2 pi))` of the values that are judged.
    fn normaliser(&self, bandwidth: f64) -> f64 {
        (self.dim - self.given) as f64 * (libm::log(bandwidth) + HALF_LN_2PI)
    }

    /// Log-density of a row, in nats.
    #[must_use]
    pub fn log_prob(&self, row: &[f64]) -> f64 {
        self.at(&self.distances(row), [self.bandwidth, self.of_given])
    }

    /// The parameters of a base density with [`Spread::Shared`](crate::spec::Spread), in the order of the spec.
    #[must_use]
    pub fn params(&self) -> Vec<f32> {
        let precision = 1.0 / (self.bandwidth * self.bandwidth);
        let mut params = std::vec![(0.5 * precision) as f32];
        let normaliser = self.normaliser(self.bandwidth);
        if self.given == 0 {
            let constants = (&*self.log_weights, normaliser);
            self.layer(0..self.dim, precision, constants, &mut params);
        } else {
            let of_given = 1.0 / (self.of_given * self.of_given);
            let constants = (&*self.log_weights, 0.0);
            self.layer(0..self.given, of_given, constants, &mut params);
            let none = std::vec![0.0; self.count()];
            let constants = (&*none, normaliser);
            self.layer(self.given..self.dim, precision, constants, &mut params);
        }
        params
    }

    /// A dense layer of some values: logarithms of weights less the squares of the centres and a normaliser, and the centres.
    fn layer(
        &self,
        values: core::ops::Range<usize>,
        precision: f64,
        (log_weights, normaliser): (&[f64], f64),
        params: &mut Vec<f32>,
    ) {
        let centre = |at: usize| &self.centres[at * self.dim..][values.clone()];
        let mut from = 0;
        for panel in panels(self.count()) {
            let units = from..from + panel;
            params.extend(units.clone().map(|at| {
                let norm: f64 = centre(at).iter().map(|m| m * m).sum();
                (log_weights[at] - 0.5 * precision * norm - normaliser) as f32
            }));
            for input in 0..values.len() {
                params.extend(
                    units
                        .clone()
                        .map(|at| (centre(at)[input] * precision) as f32),
                );
            }
            from += panel;
        }
    }
}
