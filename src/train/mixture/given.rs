//! Mixtures of rows whose first values are given.

use std::vec;
use std::vec::Vec;

use super::{Component, HALF_LN_2PI, Mixture, log_sum_exp, place};

impl Component {
    /// What [`constant`](Self::constant) has of the weight and of the given values, and what it has of the others; what all
    /// components have in common of the given values is left out.
    pub(super) fn constants(&self, given: usize) -> [f64; 2] {
        let dim = self.mean.len();
        let log_det = |rows: core::ops::Range<usize>| -> f64 {
            rows.map(|at| libm::log(self.factor[place(at, at)])).sum()
        };
        let others = log_det(given..dim) - (dim - given) as f64 * HALF_LN_2PI;
        [self.constant + given as f64 * HALF_LN_2PI - others, others]
    }

    /// `ln weight + log N(given values)`, but for what all components have in common, and the log-density of the others where
    /// these are given; `room` holds as many values as the row.
    pub(super) fn conditional(&self, row: &[f64], given: usize, room: &mut [f64]) -> [f64; 2] {
        for ((difference, x), mean) in room.iter_mut().zip(row).zip(&self.mean) {
            *difference = x - mean;
        }
        let mut logs = self.constants(given);
        for i in 0..row.len() {
            let line = &self.factor[place(i, 0)..=place(i, i)];
            let y: f64 = line.iter().zip(&*room).map(|(w, x)| w * x).sum();
            logs[usize::from(i >= given)] -= 0.5 * y * y;
        }
        logs
    }
}

impl Mixture {
    /// The same with the first values of a row given: densities are those of the others where these are known.
    #[must_use]
    pub fn with_given(self, given: usize) -> Self {
        Self { given, ..self }
    }

    /// The density of values that do not depend on `given` others, which stand first in a row: each component has mean 0 and
    /// variance 1 there.
    #[must_use]
    pub fn beside_given(self, given: usize) -> Self {
        let dim = self.dim + given;
        let embedded = |component: &Component| {
            let mut factor = Vec::new();
            for row in 0..dim {
                let own = row.checked_sub(given);
                let old = own.map_or(&[][..], |row| {
                    &component.factor[place(row, 0)..=place(row, row)]
                });
                factor.resize(factor.len() + row.min(given), 0.0);
                factor.extend_from_slice(if own.is_some() { old } else { &[1.0] });
            }
            Component {
                mean: [vec![0.0; given], component.mean.clone()].concat(),
                factor,
                constant: component.constant - given as f64 * HALF_LN_2PI,
            }
        };
        Self {
            dim,
            given,
            components: self.components.iter().map(embedded).collect(),
        }
    }
}

/// `ln(sum(exp(weights + terms)) / sum(exp(weights)))`, also where all weights are far below 1.
pub(super) fn log_ratio(terms: &[f64], weights: &[f64]) -> f64 {
    let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let near: Vec<f64> = weights.iter().map(|weight| weight - most).collect();
    let both: Vec<f64> = terms.iter().zip(&near).map(|(a, b)| a + b).collect();
    log_sum_exp(&both) - log_sum_exp(&near)
}
