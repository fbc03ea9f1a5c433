//! The first matrix of a flow, from the data: standardised rows come out of it uncorrelated.
//!
//! With the Cholesky factor `G` of the rows' correlations (of maps, of the channels over all places) the matrix is the
//! inverse of `G`, which is lower triangular: value `i` is what the values before it do not tell of it. Training adds
//! noise to the rows, so the noise's variance is part of the correlations; it keeps the matrix bounded where columns
//! are copies of each other.

use nvpico::layer::linear::log_det;
use nvpico::spec::Shape;
use nvpico::train::triangle;

use super::gaussian::{correlation, factor_with_ridge};

/// Parameters of the matrix behind a standardisation with the parameters `standardize`. `rows` are row-major in the
/// units of the sensors, `noise` is in standard deviations. `None` where the rows are not finite.
#[must_use]
pub fn whitening(rows: &[f32], shape: Shape, standardize: &[f32], noise: f32) -> Option<Vec<f32>> {
    let channels = shape.channels;
    let values = by_place(rows, shape);
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&v| f64::from(v)).collect() };
    let mean = wide(standardize.get(..channels)?);
    let scale = wide(standardize.get(channels..2 * channels)?);
    let deviation: Vec<f64> = scale.iter().map(|scale| 1.0 / scale).collect();
    let mut matrix = correlation(&values, &mean, &deviation);
    for variance in matrix.iter_mut().step_by(channels + 1) {
        *variance += f64::from(noise).powi(2);
    }
    let (factor, _) = factor_with_ridge(&matrix, channels)?;
    let mut factors: Vec<f32> = of_inverse(&factor, channels)
        .into_iter()
        .map(|value| value as f32)
        .collect();
    let log_det = log_det(&factors, channels, shape.height * shape.width);
    factors.extend(vec![0.0; channels]);
    factors.push(log_det);
    factors
        .iter()
        .all(|value| value.is_finite())
        .then_some(factors)
}

/// Values of each place behind each other.
fn by_place(rows: &[f32], shape: Shape) -> Vec<f32> {
    let pixels = shape.height * shape.width;
    let mut values = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(shape.channels * pixels) {
        for place in 0..pixels {
            values.extend(row.iter().skip(place).step_by(pixels));
        }
    }
    values
}

/// The triangles of the inverse of a lower triangle: its diagonal is U, and with the columns over their diagonal it is
/// L.
fn of_inverse(factor: &[f64], dim: usize) -> Vec<f64> {
    let inverse = triangle::inverse(factor, dim);
    let mut factors = vec![0.0; dim * dim];
    for row in 0..dim {
        for column in 0..=row {
            let value = inverse[triangle::place(row, column)];
            // Over the diagonal of its column, which is one over that of the factor.
            let scale = if row == column {
                1.0
            } else {
                factor[triangle::place(column, column)]
            };
            factors[row * dim + column] = value * scale;
        }
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::*;
    use nvpico::train::standardization;

    /// Correlations of what comes out.
    fn check(rows: &[f32], shape: Shape) {
        let standardize = standardization(rows, shape, 0);
        let params = whitening(rows, shape, &standardize, 0.0).unwrap();
        let (mut whitened, mut log_det) = (Vec::new(), 0.0);
        for row in rows.chunks_exact(shape.len()) {
            let mut x = row.to_vec();
            nvpico::layer::standardize::forward(shape, &standardize, &mut x, &mut log_det);
            nvpico::layer::linear::forward(shape, &params, &mut x, &mut log_det);
            whitened.extend(x);
        }
        let dim = shape.channels;
        let found = correlation(
            &by_place(&whitened, shape),
            &vec![0.0; dim],
            &vec![1.0; dim],
        );
        for (at, &entry) in found.iter().enumerate() {
            let expected = f64::from(u8::from(at % dim == at / dim));
            assert!((entry - expected).abs() < 1e-4, "{at}: {entry}");
        }
    }

    #[test]
    fn rows_come_out_uncorrelated() {
        let mut state = 7_u32;
        let mut value = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        };
        let mut rows = Vec::new();
        for _ in 0..500 {
            let (a, b, c, d) = (value(), value(), value(), value());
            rows.extend([100.0 + a, 3.0 * a - b, a + b + d, 1000.0 * c + b]);
        }
        check(&rows, Shape::vector(4));
        // Two channels at two places.
        check(&rows, Shape::series(2, 2));
    }

    #[test]
    fn copies_of_a_column_stay_bounded_by_the_noise() {
        let rows: Vec<f32> = (0..100).flat_map(|i| [i as f32, 2.0 * i as f32]).collect();
        let shape = Shape::vector(2);
        let params = whitening(&rows, shape, &standardization(&rows, shape, 0), 0.05).unwrap();
        assert!(params.iter().all(|p| p.abs() < 20.0), "{params:?}");
    }
}
