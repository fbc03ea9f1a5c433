//! An invertible matrix as layers that the engine has.
//!
//! `matrix = P L D U Q`: two permutations, a scale for each feature, and two unit triangles. A unit
//! triangle, cut in half, is an additive coupling of one half by the other without hidden layers,
//! and then a triangle in each half:
//!
//! ```text
//! [A 0]   [A 0] [  I      0]
//! [B C] = [0 C] [C^-1 B   I]
//! ```
//!
//! So all of it takes about `2 log2(dim)` couplings, which together multiply little more than the
//! matrix itself would. Complete pivoting keeps the entries of the triangles within 1.

use super::assemble::{Assembly, Conditioner};
use super::net::Mlp;
use crate::model::TransformName;

/// A pivot below this counts as none.
const SMALLEST_PIVOT: f64 = 1e-6;

/// A square matrix, row-major.
#[derive(Clone)]
pub(crate) struct Matrix {
    pub(crate) dim: usize,
    pub(crate) values: Vec<f64>,
}

impl Matrix {
    pub(crate) fn new(dim: usize, values: Vec<f64>) -> Self {
        Self { dim, values }
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.dim + column]
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        self.values[row * self.dim + column] = value;
    }

    pub(crate) fn transposed(&self) -> Self {
        let entry = |at: usize| self.at(at % self.dim, at / self.dim);
        Self::new(self.dim, (0..self.values.len()).map(entry).collect())
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        let entry = |at: usize| -> f64 {
            let (row, column) = (at / self.dim, at % self.dim);
            (0..self.dim)
                .map(|k| self.at(row, k) * other.at(k, column))
                .sum()
        };
        Self::new(self.dim, (0..self.values.len()).map(entry).collect())
    }

    /// Whether it is the identity but for rounding in float32.
    pub(crate) fn is_identity(&self) -> bool {
        (0..self.values.len()).all(|at| {
            let expected = if at / self.dim == at % self.dim {
                1.0
            } else {
                0.0
            };
            (self.values[at] - expected).abs() < 1e-4
        })
    }

    fn swap_rows(&mut self, a: usize, b: usize) {
        for column in 0..self.dim {
            self.values
                .swap(a * self.dim + column, b * self.dim + column);
        }
    }

    fn swap_columns(&mut self, a: usize, b: usize) {
        for row in 0..self.dim {
            self.values.swap(row * self.dim + a, row * self.dim + b);
        }
    }
}

impl Assembly {
    /// `y = matrix * x`; `what` names the matrix in messages.
    pub(crate) fn matrix(&mut self, what: &str, matrix: &Matrix) -> Result<(), String> {
        let factors = Factors::of(what, matrix)?;
        let dim = matrix.dim;
        let mut back = vec![0; dim];
        for (at, &row) in factors.rows.iter().enumerate() {
            back[row] = at;
        }
        let scale: Vec<f64> = (0..dim).map(|i| factors.product.at(i, i)).collect();
        self.permutation(factors.columns.clone());
        self.triangle(what, &factors, true)?;
        if scale.iter().any(|&s| s.to_bits() != 1.0_f64.to_bits()) {
            self.scale(&scale);
        }
        self.triangle(what, &factors, false)?;
        self.permutation(back);
        Ok(())
    }

    fn triangle(&mut self, what: &str, factors: &Factors, upper: bool) -> Result<(), String> {
        let dim = factors.product.dim;
        let mut levels = Vec::new();
        halve(&factors.product, 0..dim, 0, upper, &mut levels);
        for level in levels {
            let kept: Vec<usize> = (0..dim).filter(|i| !level.changed.contains(i)).collect();
            let weight: Vec<f64> = level
                .changed
                .iter()
                .flat_map(|&row| kept.iter().map(move |&column| (row, column)))
                .map(|(row, column)| level.added.at(row, column))
                .collect();
            if weight.iter().all(|&w| w == 0.0) {
                continue;
            }
            let net = Mlp::linear(weight, kept.len());
            let transform = TransformName::Additive;
            self.coupling(what, &kept, transform, None, Conditioner::One(net))?;
        }
        Ok(())
    }
}

/// `matrix[rows[i]][columns[j]]` is entry `i, j` of `L D U`: below the diagonal of `product` stand
/// the entries of `L`, above those of `U`, on it `D`.
struct Factors {
    rows: Vec<usize>,
    columns: Vec<usize>,
    product: Matrix,
}

impl Factors {
    fn of(what: &str, matrix: &Matrix) -> Result<Self, String> {
        let dim = matrix.dim;
        let mut product = matrix.clone();
        let (mut rows, mut columns): (Vec<usize>, Vec<usize>) =
            ((0..dim).collect(), (0..dim).collect());
        for step in 0..dim {
            let (mut row, mut column) = (step, step);
            for (i, j) in (step..dim).flat_map(|i| (step..dim).map(move |j| (i, j))) {
                if product.at(i, j).abs() > product.at(row, column).abs() {
                    (row, column) = (i, j);
                }
            }
            product.swap_rows(step, row);
            product.swap_columns(step, column);
            rows.swap(step, row);
            columns.swap(step, column);
            let pivot = product.at(step, step);
            if pivot.abs() < SMALLEST_PIVOT || !pivot.is_finite() {
                return Err(format!("tensor `{what}` has no inverse"));
            }
            for i in step + 1..dim {
                let factor = product.at(i, step) / pivot;
                for j in step + 1..dim {
                    product.set(i, j, product.at(i, j) - factor * product.at(step, j));
                }
                product.set(i, step, factor);
            }
            for j in step + 1..dim {
                product.set(step, j, product.at(step, j) / pivot);
            }
        }
        Ok(Self {
            rows,
            columns,
            product,
        })
    }
}

/// What one coupling adds to the features that it changes.
struct Level {
    changed: Vec<usize>,
    added: Matrix,
}

/// Cuts the triangle on the features of `range`, and what is left in its halves.
fn halve(
    triangle: &Matrix,
    range: std::ops::Range<usize>,
    depth: usize,
    upper: bool,
    levels: &mut Vec<Level>,
) {
    if range.len() < 2 {
        return;
    }
    let dim = triangle.dim;
    let middle = range.start + range.len() / 2;
    let (first, second) = (range.start..middle, middle..range.end);
    let (changed, kept) = if upper {
        (first.clone(), second.clone())
    } else {
        (second.clone(), first.clone())
    };
    if levels.len() == depth {
        levels.push(Level {
            changed: Vec::new(),
            added: Matrix::new(dim, vec![0.0; dim * dim]),
        });
    }
    let level = &mut levels[depth];
    // The triangle on `changed`, solved for the block beside it: a row needs those solved before.
    let order: Vec<usize> = if upper {
        changed.clone().rev().collect()
    } else {
        changed.clone().collect()
    };
    for column in kept {
        for (at, &row) in order.iter().enumerate() {
            let known: f64 = order[..at]
                .iter()
                .map(|&before| triangle.at(row, before) * level.added.at(before, column))
                .sum();
            level
                .added
                .set(row, column, triangle.at(row, column) - known);
        }
    }
    level.changed.extend(changed);
    halve(triangle, first, depth + 1, upper, levels);
    halve(triangle, second, depth + 1, upper, levels);
}
