//! Symmetric positive matrices by their lower triangles, in `f64`: values row by row, the first row with one.
//!
//! ```
//! use nvpico::train::triangle::{cholesky, inverse, place};
//!
//! // [4 2; 2 10] = L L^T with L = [2 0; 1 3].
//! let factor = cholesky(&[4.0, 2.0, 10.0], 2, 0.0).expect("positive");
//! assert_eq!((&factor[..], factor[place(1, 0)]), (&[2.0, 1.0, 3.0][..], 1.0));
//! assert_eq!(inverse(&factor, 2)[place(0, 0)], 0.5);
//! assert_eq!(cholesky(&[1.0, 2.0, 1.0], 2, 0.0), None);
//! ```

use std::vec;
use std::vec::Vec;

/// Where the value of a row and a column stands.
#[must_use]
pub const fn place(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

/// The lower Cholesky factor; `None` where a pivot is not above `least`.
#[must_use]
pub fn cholesky(lower: &[f64], dim: usize, least: f64) -> Option<Vec<f64>> {
    let mut factor = vec![0.0; lower.len()];
    for i in 0..dim {
        for j in 0..=i {
            let (a, b) = (
                &factor[place(i, 0)..place(i, j)],
                &factor[place(j, 0)..place(j, j)],
            );
            let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            let rest = lower[place(i, j)] - dot;
            factor[place(i, j)] = if i == j {
                if rest.is_nan() || rest <= least {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / factor[place(j, j)]
            };
        }
    }
    Some(factor)
}

/// The inverse of a lower triangle with a diagonal above 0.
#[must_use]
pub fn inverse(factor: &[f64], dim: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; factor.len()];
    for column in 0..dim {
        inverse[place(column, column)] = 1.0 / factor[place(column, column)];
        for row in column + 1..dim {
            let known: f64 = (column..row)
                .map(|k| factor[place(row, k)] * inverse[place(k, column)])
                .sum();
            inverse[place(row, column)] = -known / factor[place(row, row)];
        }
    }
    inverse
}
