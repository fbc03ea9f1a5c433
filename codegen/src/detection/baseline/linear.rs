//! Symmetric matrices, row-major, by their lower triangle.

/// The lower Cholesky factor; `None` for a matrix that is not positive definite.
pub(super) fn cholesky(matrix: &[f64], dim: usize) -> Option<Vec<f64>> {
    let mut factor = vec![0.0; dim * dim];
    for i in 0..dim {
        for j in 0..=i {
            let dot: f64 = (0..j)
                .map(|k| factor[i * dim + k] * factor[j * dim + k])
                .sum();
            let rest = matrix[i * dim + j] - dot;
            factor[i * dim + j] = if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / factor[j * dim + j]
            };
        }
    }
    Some(factor)
}

/// The inverse of a lower triangular matrix with a diagonal above 0.
pub(super) fn inverse(lower: &[f64], dim: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; dim * dim];
    for column in 0..dim {
        for row in column..dim {
            let known: f64 = (column..row)
                .map(|k| lower[row * dim + k] * inverse[k * dim + column])
                .sum();
            let own = if row == column { 1.0 } else { 0.0 };
            inverse[row * dim + column] = (own - known) / lower[row * dim + row];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_and_its_inverse_by_hand() {
        // 4 2; 2 10 = L L^T with L = 2 0; 1 3.
        let factor = cholesky(&[4.0, 2.0, 2.0, 10.0], 2).unwrap();
        assert_eq!(factor, [2.0, 0.0, 1.0, 3.0]);
        let inverse = inverse(&factor, 2);
        let expected = [0.5, 0.0, -1.0 / 6.0, 1.0 / 3.0];
        for (found, expected) in inverse.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15);
        }
        assert_eq!(cholesky(&[1.0, 2.0, 2.0, 1.0], 2), None);
    }
}
