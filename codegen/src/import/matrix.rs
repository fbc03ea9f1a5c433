//! An invertible matrix as the engine's layer: `matrix = P L U` with pivots from each column, L and U one layer and P a
//! permutation behind it.

use super::assemble::Assembly;
use super::weights::Weights;

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

    /// With the entry that a row and a column have.
    pub(crate) fn of(dim: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..dim * dim).map(|at| entry(at / dim, at % dim)).collect();
        Self::new(dim, values)
    }

    /// A tensor of `dim` times `dim` values; axes of length 1 may follow.
    pub(crate) fn read(weights: &Weights<'_>, key: &str, dim: usize) -> Result<Self, String> {
        let tensor = weights.tensor(key)?;
        if tensor.shape.get(..2) != Some(&[dim, dim]) || tensor.values.len() != dim * dim {
            return Err(format!(
                "tensor `{key}` has shape {:?}, expected [{dim}, {dim}]",
                tensor.shape
            ));
        }
        Ok(Self::new(dim, tensor.values))
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
}

impl Assembly {
    /// `y = matrix * x`; `what` names the matrix in messages.
    pub(crate) fn matrix(&mut self, what: &str, matrix: &Matrix) -> Result<(), String> {
        let (factors, rows) = factors(what, matrix)?;
        let mut back = vec![0; matrix.dim];
        for (at, &row) in rows.iter().enumerate() {
            back[row] = at;
        }
        self.linear(&factors.values, &vec![0.0; matrix.dim]);
        self.permutation(back);
        Ok(())
    }
}

/// L below the diagonal, U on and above it, and which row of the matrix each row of their product is.
fn factors(what: &str, matrix: &Matrix) -> Result<(Matrix, Vec<usize>), String> {
    let dim = matrix.dim;
    let mut factors = matrix.clone();
    let mut rows: Vec<usize> = (0..dim).collect();
    for step in 0..dim {
        let mut row = step;
        for other in step..dim {
            if factors.at(other, step).abs() > factors.at(row, step).abs() {
                row = other;
            }
        }
        factors.swap_rows(step, row);
        rows.swap(step, row);
        let pivot = factors.at(step, step);
        if pivot.abs() < SMALLEST_PIVOT || !pivot.is_finite() {
            return Err(format!("tensor `{what}` has no inverse"));
        }
        for row in step + 1..dim {
            let factor = factors.at(row, step) / pivot;
            for column in step + 1..dim {
                let less = factor * factors.at(step, column);
                factors.set(row, column, factors.at(row, column) - less);
            }
            factors.set(row, step, factor);
        }
    }
    Ok((factors, rows))
}
