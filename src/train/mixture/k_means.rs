//! Clusters of rows: k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's iterations.

use std::vec;
use std::vec::Vec;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Lloyd's iterations; representatives need no more.
const ITERATIONS: usize = 12;

/// Centres and the cluster of each row.
#[derive(Clone, Debug)]
pub struct Clusters {
    /// Row-major.
    pub centres: Vec<f64>,
    /// The cluster of each row.
    pub labels: Vec<usize>,
    /// Rows of each cluster.
    pub counts: Vec<usize>,
    /// Sum of the squared distances of the rows to their centres, before the centres moved last.
    pub scatter: f64,
}

/// Squared distance.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn uniform(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

/// Clusters rows of `dim` values around `count` centres. A cluster that loses its rows keeps its centre.
#[must_use]
pub fn cluster(rows: &[f64], dim: usize, count: usize, seed: u64) -> Clusters {
    let mut centres = first(rows, dim, count, seed);
    let mut labels = vec![0; rows.len() / dim];
    let mut counts = vec![0; count];
    let mut scatter = f64::INFINITY;
    for _ in 0..ITERATIONS {
        let (found, distances): (Vec<usize>, Vec<f64>) = assign(rows, dim, &centres);
        scatter = distances.iter().sum();
        let same = found == labels;
        labels = found;
        let mut sums = vec![0.0; count * dim];
        counts.fill(0);
        for (row, &label) in rows.chunks_exact(dim).zip(&labels) {
            counts[label] += 1;
            for (sum, x) in sums[label * dim..].iter_mut().zip(row) {
                *sum += x;
            }
        }
        for ((centre, sum), &rows) in centres
            .chunks_exact_mut(dim)
            .zip(sums.chunks_exact(dim))
            .zip(&counts)
        {
            if rows > 0 {
                for (centre, sum) in centre.iter_mut().zip(sum) {
                    *centre = sum / rows as f64;
                }
            }
        }
        if same {
            break;
        }
    }
    Clusters {
        centres,
        labels,
        counts,
        scatter,
    }
}

/// Rows far from each other.
fn first(rows: &[f64], dim: usize, count: usize, seed: u64) -> Vec<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x6b6d_6561_6e73);
    let all = rows.len() / dim;
    let row = |at: usize| &rows[at * dim..(at + 1) * dim];
    let mut centres = row((uniform(&mut random) * all as f64) as usize % all).to_vec();
    let mut nearest = vec![f64::INFINITY; all];
    while centres.len() < count * dim {
        let newest = &centres[centres.len() - dim..];
        nearest
            .par_iter_mut()
            .zip(rows.par_chunks_exact(dim))
            .for_each(|(nearest, row)| *nearest = nearest.min(distance(row, newest)));
        let total: f64 = nearest.iter().sum();
        let mut left = uniform(&mut random) * total;
        let picked = nearest.iter().position(|d| {
            left -= d;
            left < 0.0
        });
        centres.extend_from_slice(row(picked.unwrap_or(all - 1)));
    }
    centres
}

/// The nearest centre of each row, and its squared distance.
fn assign(rows: &[f64], dim: usize, centres: &[f64]) -> (Vec<usize>, Vec<f64>) {
    rows.par_chunks_exact(dim)
        .map(|row| {
            let mut best = (f64::INFINITY, 0);
            for (at, centre) in centres.chunks_exact(dim).enumerate() {
                let distance = distance(row, centre);
                if distance < best.0 {
                    best = (distance, at);
                }
            }
            (best.1, best.0)
        })
        .unzip()
}
