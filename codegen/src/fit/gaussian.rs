//! The full-covariance Gaussian: the model a flow has to beat.
//!
//! Fitted in closed form by maximum likelihood in `f64`. Each feature is scaled by its own standard
//! deviation first (the density is still that of the user's units), so that the ridge, which is
//! added to the correlation matrix only when it has no Cholesky factor, means the same for
//! millivolts and for revolutions. A constant feature has no spread to scale by: it is modelled as
//! if its standard deviation were 1, with the same standardisation as the flow's.
//!
//! ```
//! use nvpico_codegen::fit::gaussian::Gaussian;
//!
//! // Two features that rise together.
//! let rows: Vec<f32> = (0..100)
//!     .flat_map(|i| [i as f32, i as f32 + (i % 3) as f32])
//!     .collect();
//! let normal = Gaussian::fit(&rows, 2).expect("more rows than features");
//! assert_eq!(normal.ridge(), 0.0);
//! // Each value alone is ordinary; together they are not.
//! assert!(normal.log_prob(&[50.0, 51.0]) > normal.log_prob(&[50.0, 10.0]) + 100.0);
//! ```

use nvpico::train::triangle::{cholesky, place};

/// A Gaussian fitted to rows.
#[derive(Clone, Debug)]
pub struct Gaussian {
    mean: Vec<f64>,
    /// Standard deviation of each feature, 1 for a constant one.
    scale: Vec<f64>,
    /// Lower Cholesky factor of the correlation matrix plus ridge, by its triangle.
    factor: Vec<f64>,
    /// The first features: the density is that of the others where these are given.
    given: usize,
    /// `-dim/2 ln 2 pi - sum ln scale - sum ln diag(factor)`, of the features that are not given.
    log_normalizer: f64,
    ridge: f64,
}

/// A pivot below this is rounding error: the matrix counts as singular.
const SMALLEST_PIVOT: f64 = 1e-10;

impl Gaussian {
    /// Fits mean and covariance (divided by the number of rows) to row-major `values`.
    ///
    /// `None` when there is no row, `dim` is 0, the length is no multiple of it, or a value is not
    /// finite.
    #[must_use]
    pub fn fit(values: &[f32], dim: usize) -> Option<Self> {
        if dim == 0
            || values.is_empty()
            || !values.len().is_multiple_of(dim)
            || !values.iter().all(|value| value.is_finite())
        {
            return None;
        }
        let (mean, scale) = moments(values, dim);
        let correlation = correlation(values, &mean, &scale);
        let (factor, ridge) = factor_with_ridge(&correlation, dim)?;
        let all = Self {
            mean,
            scale,
            factor,
            given: 0,
            log_normalizer: 0.0,
            ridge,
        };
        Some(all.with_given(0))
    }

    /// The density of the other features where the first ones are given: they are the first ones of the triangle, too.
    #[must_use]
    pub fn with_given(self, given: usize) -> Self {
        let dim = self.dim();
        let log_diagonal = (given..dim).map(|i| self.factor[place(i, i)].ln());
        let log_diagonal: f64 = log_diagonal.sum();
        let log_scale: f64 = self.scale.iter().skip(given).map(|value| value.ln()).sum();
        let half = -0.5 * (dim - given) as f64 * (2.0 * std::f64::consts::PI).ln();
        Self {
            given,
            log_normalizer: half - log_scale - log_diagonal,
            ..self
        }
    }

    /// What was added to the diagonal of the correlation matrix: 0 where none was needed.
    #[must_use]
    pub fn ridge(&self) -> f64 {
        self.ridge
    }

    /// Number of features.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Log-density of one row, in nats.
    ///
    /// # Panics
    /// When the row has another number of features.
    #[must_use]
    pub fn log_prob(&self, row: &[f32]) -> f64 {
        let dim = self.dim();
        assert_eq!(row.len(), dim, "one value for each feature");
        // Forward substitution: factor * solved = (row - mean) / scale.
        let mut solved = vec![0.0; dim];
        for i in 0..dim {
            let factor = &self.factor[place(i, 0)..=place(i, i)];
            let known: f64 = factor.iter().zip(&solved[..i]).map(|(l, z)| l * z).sum();
            let scaled = (f64::from(row[i]) - self.mean[i]) / self.scale[i];
            solved[i] = (scaled - known) / factor[i];
        }
        let judged = solved.iter().skip(self.given);
        self.log_normalizer - 0.5 * judged.map(|z| z * z).sum::<f64>()
    }

    /// Mean log-density of row-major rows, in nats; not-a-number for none.
    ///
    /// # Panics
    /// When the length is no multiple of the number of features.
    #[must_use]
    pub fn mean_log_prob(&self, values: &[f32]) -> f64 {
        assert!(values.len().is_multiple_of(self.dim()), "whole rows");
        let rows = values.chunks_exact(self.dim());
        let count = rows.len() as f64;
        rows.map(|row| self.log_prob(row)).sum::<f64>() / count
    }
}

/// Mean and standard deviation of each feature; the deviation of a constant one is 1.
pub(crate) fn moments(values: &[f32], dim: usize) -> (Vec<f64>, Vec<f64>) {
    let count = (values.len() / dim) as f64;
    let mut mean = vec![0.0; dim];
    for row in values.chunks_exact(dim) {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += f64::from(*value) / count;
        }
    }
    let mut scale = vec![0.0; dim];
    for row in values.chunks_exact(dim) {
        for ((sum, value), mean) in scale.iter_mut().zip(row).zip(&mean) {
            *sum += (f64::from(*value) - mean).powi(2) / count;
        }
    }
    for (variance, mean) in scale.iter_mut().zip(&mean) {
        let deviation = variance.sqrt();
        // The engine's rule: what rounding leaves of a constant is no deviation.
        let constant = deviation <= mean.abs() * 1e-7 || deviation < f64::from(f32::MIN_POSITIVE);
        *variance = if constant { 1.0 } else { deviation };
    }
    (mean, scale)
}

/// The correlation matrix, row-major; the row of a constant feature is that of the identity.
pub(super) fn correlation(values: &[f32], mean: &[f64], scale: &[f64]) -> Vec<f64> {
    let dim = mean.len();
    let count = (values.len() / dim) as f64;
    let mut matrix = vec![0.0; dim * dim];
    let mut scaled = vec![0.0; dim];
    for row in values.chunks_exact(dim) {
        for (j, value) in row.iter().enumerate() {
            scaled[j] = (f64::from(*value) - mean[j]) / scale[j];
        }
        for i in 0..dim {
            for j in 0..=i {
                matrix[i * dim + j] += scaled[i] * scaled[j] / count;
            }
        }
    }
    for i in 0..dim {
        for j in 0..i {
            matrix[j * dim + i] = matrix[i * dim + j];
        }
        // 1 up to rounding where the feature varies, about 0 where it is constant.
        if matrix[i * dim + i] < 0.5 {
            for j in 0..dim {
                matrix[i * dim + j] = 0.0;
                matrix[j * dim + i] = 0.0;
            }
            matrix[i * dim + i] = 1.0;
        }
    }
    matrix
}

/// The triangle of the Cholesky factor, with the smallest ridge of 0, 1e-9, 1e-8, ... 1 that gives one.
pub(super) fn factor_with_ridge(matrix: &[f64], dim: usize) -> Option<(Vec<f64>, f64)> {
    let lower = |ridge: f64| -> Vec<f64> {
        let entry = |(i, j)| matrix[i * dim + j] + if i == j { ridge } else { 0.0 };
        let places = (0..dim).flat_map(|i| (0..=i).map(move |j| (i, j)));
        places.map(entry).collect()
    };
    std::iter::once(0.0)
        .chain((-9..=0).map(|exponent| 10f64.powi(exponent)))
        .find_map(|ridge| Some((cholesky(&lower(ridge), dim, SMALLEST_PIVOT)?, ridge)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LN_2_PI: f64 = 1.837_877_066_409_345_3;

    #[test]
    fn a_given_feature_moves_the_mean_of_the_other() {
        // Correlated by 1/2: given a, b has the mean a / 2 and three quarters of its variance.
        let rows: Vec<f32> = [
            [2.0, 1.0],
            [-2.0, -1.0],
            [0.0, 1.732_050_8],
            [0.0, -1.732_050_8],
        ]
        .concat();
        let both = Gaussian::fit(&rows, 2).unwrap();
        let normal = both.clone().with_given(1);
        for row in [[2.0, 1.0], [-4.0, 0.0]] {
            let variance: f64 = 1.5;
            let apart: f64 = f64::from(row[1]) - 0.5 * f64::from(row[0]);
            let expected = -0.5 * (LN_2_PI + variance.ln() + apart * apart / variance);
            let found = normal.log_prob(&row);
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn one_feature_by_hand() {
        // Mean 2, variance ((1 + 0 + 1) / 3).
        let normal = Gaussian::fit(&[1.0, 2.0, 3.0], 1).unwrap();
        let variance: f64 = 2.0 / 3.0;
        let expected = -0.5 * (LN_2_PI + variance.ln()) - 0.5 * 4.0 / variance;
        assert!((normal.log_prob(&[4.0]) - expected).abs() < 1e-12);
    }

    #[test]
    fn two_correlated_features_by_hand() {
        // Covariance [[1, 0.6], [0.6, 1]]: corners of a rotated rectangle.
        let (long, short) = (1.6f32.sqrt(), 0.4f32.sqrt());
        let rows = [
            [long, long],
            [-long, -long],
            [short, -short],
            [-short, short],
        ];
        let values: Vec<f32> = rows.concat().iter().map(|v| v + 10.0).collect();
        let normal = Gaussian::fit(&values, 2).unwrap();
        // Determinant 0.64; the inverse is [[1, -0.6], [-0.6, 1]] / 0.64.
        let at = |a: f64, b: f64| {
            -LN_2_PI - 0.5 * 0.64f64.ln() - 0.5 * (a * a + b * b - 1.2 * a * b) / 0.64
        };
        for (a, b) in [(0.0, 0.0), (1.0, 1.0), (1.0, -1.0), (0.5, 2.0)] {
            let found = normal.log_prob(&[a as f32 + 10.0, b as f32 + 10.0]);
            assert!((found - at(a, b)).abs() < 1e-5, "{found} {}", at(a, b));
        }
    }

    #[test]
    fn units_only_shift_the_log_density() {
        let values: Vec<f32> = (0..60).map(|i| ((i * 31) % 17) as f32).collect();
        let scaled: Vec<f32> = values
            .iter()
            .enumerate()
            .map(|(i, v)| if i % 2 == 0 { v * 1024.0 } else { *v })
            .collect();
        let difference = Gaussian::fit(&values, 2).unwrap().mean_log_prob(&values)
            - Gaussian::fit(&scaled, 2).unwrap().mean_log_prob(&scaled);
        assert!((difference - 1024f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn a_copied_column_needs_a_ridge_and_says_so() {
        let values: Vec<f32> = (0..50).flat_map(|i| [i as f32, 2.0 * i as f32]).collect();
        let normal = Gaussian::fit(&values, 2).unwrap();
        assert!(normal.ridge() > 0.0 && normal.ridge() <= 1e-8);
        assert!(normal.mean_log_prob(&values).is_finite());
    }

    #[test]
    fn a_constant_column_counts_as_unit_spread() {
        let values: Vec<f32> = (0..50).flat_map(|i| [i as f32, 0.1]).collect();
        let both = Gaussian::fit(&values, 2).unwrap();
        let alone: Vec<f32> = (0..50).map(|i| i as f32).collect();
        let one = Gaussian::fit(&alone, 1).unwrap();
        assert_eq!(both.ridge().to_bits(), 0);
        let difference = both.log_prob(&[7.0, 0.1]) - one.log_prob(&[7.0]);
        assert!((difference + 0.5 * LN_2_PI).abs() < 1e-9);
    }

    #[test]
    fn refuses_what_it_cannot_fit() {
        assert!(Gaussian::fit(&[], 2).is_none());
        assert!(Gaussian::fit(&[1.0], 0).is_none());
        assert!(Gaussian::fit(&[1.0, 2.0, 3.0], 2).is_none());
        assert!(Gaussian::fit(&[1.0, f32::NAN], 1).is_none());
        // Fewer rows than features: a ridge carries it.
        assert!(Gaussian::fit(&[1.0, 2.0, 3.0], 3).is_some());
    }

    #[test]
    fn fewer_rows_than_features_or_huge_values_stay_finite() {
        let huge = [f32::MAX, f32::MIN, f32::MAX, 1.0, f32::MIN, f32::MAX];
        let normal = Gaussian::fit(&huge, 2).unwrap();
        assert!(normal.mean_log_prob(&huge).is_finite());
    }
}
