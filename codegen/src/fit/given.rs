//! Models with given columns: a first coupling that keeps these alone moves and scales every other value by what is given.
//!
//! Its network has one hidden layer of hinges, `max(0, given value - knot)`, so shift and log-scale are piecewise linear in each
//! given column. A column of few different values, such as the speeds of a machine or a word of a category, has a knot at each of
//! them: then what comes out has mean 0 and variance 1 at every one of them. Both are fitted in closed form or by a few Newton
//! steps, to rows that some tens of each value are enough of.

use nvpico::kernel::dense;
use nvpico::train::triangle::{cholesky, place};

use crate::data::Table;
use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, NetsName, ScaleName, TransformName,
};

/// Bound of the log-scale, far beyond what columns have.
const CLAMP: f64 = 8.0;
/// A column with more different values than this is no setting of a few steps, and has knots at quantiles, this many.
const MOST_VALUES: usize = 32;
const QUANTILES: usize = 8;
/// Rows for each knot of a column.
const ROWS_PER_KNOT: usize = 8;
/// Part of a standardised value's variance that is no matter of what is given: a value that is constant at a setting stays finite.
const FLOOR: f64 = 4e-4;
/// Newton steps for the log-scale, and the largest change of a row's log-scale by one of them.
const STEPS: usize = 30;
const LONGEST: f64 = 1.0;
/// Added to the diagonal of the normal equations, as a share of their trace: words of a category sum to 1.
const RIDGE: f64 = 1e-9;

/// The given columns of a table: how many, and where shift and log-scale have knots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// The first columns of a row are given.
    pub columns: usize,
    /// Columns and knots, in the sensors' units.
    knots: Vec<(usize, f32)>,
}

impl Given {
    /// Of a table.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        let knots = (0..table.given).flat_map(|at| {
            let column = table.iter().map(|row| row[at]).collect();
            knots(column).into_iter().map(move |knot| (at, knot))
        });
        Self {
            columns: table.given,
            knots: knots.collect(),
        }
    }

    /// The coupling.
    #[must_use]
    pub fn layer(&self) -> Layer {
        Layer::Coupling {
            mask: MaskName::Indices((0..self.columns).collect()),
            transform: TransformName::ShiftFirst(ScaleName::ClampedTanh(CLAMP as f32)),
            conditioner: ConditionerName::Dense {
                // A layer needs a unit, also where nothing that is given varies.
                hidden: vec![self.knots.len().max(1)],
                activation: ActivationName::Relu,
                nets: NetsName::One,
            },
        }
    }

    /// The coupling of standardised rows of `dim` values; `mean` and `scale` are those of the given columns. `None` where the rows
    /// are degenerate.
    #[must_use]
    pub(super) fn fit(
        &self,
        rows: &[f64],
        dim: usize,
        [mean, scale]: [&[f32]; 2],
    ) -> Option<Conditional> {
        let standardized = |&(at, knot): &(usize, f32)| {
            let knot = (knot - *mean.get(at)?) * *scale.get(at)?;
            Some((at, f64::from(knot)))
        };
        let knots: Option<Vec<_>> = self.knots.iter().map(standardized).collect();
        let mut own = Conditional {
            given: self.columns,
            knots: knots?,
            shifts: Vec::new(),
            log_scales: Vec::new(),
        };
        let basis: Vec<f64> = rows
            .chunks_exact(dim)
            .flat_map(|row| own.basis(row))
            .collect();
        let terms = own.knots.len() + 1;
        let column =
            |at: usize| -> Vec<f64> { rows.iter().skip(at).step_by(dim).copied().collect() };
        for at in self.columns..dim {
            let values = column(at);
            let location = location(&basis, terms, &values)?;
            let apart = basis.chunks_exact(terms).zip(&values);
            let squares: Vec<f64> = apart
                .map(|(basis, x)| (x - product(basis, &location)).powi(2) + FLOOR)
                .collect();
            own.log_scales.push(log_scale(&basis, terms, &squares)?);
            own.shifts.push(location.into_iter().map(|x| -x).collect());
        }
        Some(own)
    }
}

/// Knots of a column: all of its values but the highest one where they are few, else quantiles. None of a constant one.
fn knots(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let rows = values.len();
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
        return Vec::new();
    };
    // Values that are nearer than this are one.
    let near = 1e-3 * (high - low);
    let mut different: Vec<f32> = Vec::new();
    for &value in &values {
        if different.last().is_none_or(|last| value - last > near) {
            different.push(value);
        }
    }
    let most = (rows / ROWS_PER_KNOT).clamp(1, MOST_VALUES);
    if different.len() > most {
        let count = QUANTILES.min(most);
        different = (0..=count)
            .map(|at| values[at * (rows - 1) / count])
            .collect();
        different.dedup();
    }
    different.pop();
    different
}

/// `sum of a[i] b[i]`.
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The weights of the terms by least squares.
fn location(basis: &[f64], terms: usize, values: &[f64]) -> Option<Vec<f64>> {
    let rows = basis.chunks_exact(terms).zip(values);
    solve(terms, rows.map(|(basis, value)| (basis, 1.0, *value)))
}

/// The weights of the terms of `eta`, with `clamp tanh(eta / clamp)` the log-scale that makes these squares one in the mean: the most
/// likely one of normal values, by Fisher scoring.
fn log_scale(basis: &[f64], terms: usize, squares: &[f64]) -> Option<Vec<f64>> {
    let mean = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    let mut weights = vec![0.0; terms];
    weights[0] = -0.5 * mean.ln();
    for _ in 0..STEPS {
        let rows = basis
            .chunks_exact(terms)
            .zip(squares)
            .map(|(basis, square)| {
                let (log_scale, slope) = bounded(product(basis, &weights));
                // The gradient over the information, 2 slope^2.
                let missing = (1.0 - square * (2.0 * log_scale).exp()) / (2.0 * slope);
                (basis, slope * slope, missing)
            });
        let step = solve(terms, rows)?;
        let changes = basis
            .chunks_exact(terms)
            .map(|basis| product(basis, &step).abs());
        let part = LONGEST / changes.fold(LONGEST, f64::max);
        for (weight, step) in weights.iter_mut().zip(&step) {
            *weight += part * step;
        }
    }
    weights
        .iter()
        .all(|weight| weight.is_finite())
        .then_some(weights)
}

/// The log-scale and its slope.
fn bounded(eta: f64) -> (f64, f64) {
    let tanh = (eta / CLAMP).tanh();
    (CLAMP * tanh, (1.0 - tanh * tanh).max(1e-6))
}

/// Weighted least squares: rows of terms, weight and value.
fn solve<'b>(terms: usize, rows: impl Iterator<Item = (&'b [f64], f64, f64)>) -> Option<Vec<f64>> {
    let mut matrix = vec![0.0; terms * (terms + 1) / 2];
    let mut right = vec![0.0; terms];
    for (basis, weight, value) in rows {
        for (i, a) in basis.iter().enumerate() {
            right[i] += weight * a * value;
            for (j, b) in basis[..=i].iter().enumerate() {
                matrix[place(i, j)] += weight * a * b;
            }
        }
    }
    let trace: f64 = (0..terms).map(|i| matrix[place(i, i)]).sum();
    for i in 0..terms {
        matrix[place(i, i)] += RIDGE * trace / terms as f64;
    }
    let factor = cholesky(&matrix, terms, 0.0)?;
    // L y = b, then L^T x = y.
    for i in 0..terms {
        let known = product(&factor[place(i, 0)..place(i, i)], &right[..i]);
        right[i] = (right[i] - known) / factor[place(i, i)];
    }
    for i in (0..terms).rev() {
        let known: f64 = (i + 1..terms).map(|k| factor[place(k, i)] * right[k]).sum();
        right[i] = (right[i] - known) / factor[place(i, i)];
    }
    Some(right)
}

/// The coupling, of standardised values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conditional {
    given: usize,
    /// Columns and knots.
    knots: Vec<(usize, f64)>,
    /// For each judged value the weights of 1 and of each hinge.
    shifts: Vec<Vec<f64>>,
    log_scales: Vec<Vec<f64>>,
}

impl Conditional {
    /// 1 and the hinges.
    fn basis(&self, row: &[f64]) -> Vec<f64> {
        let hinges = self
            .knots
            .iter()
            .map(|(at, knot)| (row[*at] - knot).max(0.0));
        std::iter::once(1.0).chain(hinges).collect()
    }

    /// Shift and log-scale of each judged value of a row.
    fn maps(&self, row: &[f64]) -> Vec<[f64; 2]> {
        let basis = self.basis(row);
        let pairs = self.shifts.iter().zip(&self.log_scales);
        pairs
            .map(|(shift, log_scale)| {
                let (log_scale, _) = bounded(product(&basis, log_scale));
                [product(&basis, shift), log_scale]
            })
            .collect()
    }

    /// Moves and scales a row in place; gives the log-determinant.
    pub(super) fn forward(&self, row: &mut [f64]) -> f64 {
        let maps = self.maps(row);
        let mut log_det = 0.0;
        for (x, [shift, log_scale]) in row[self.given..].iter_mut().zip(maps) {
            *x = (*x + shift) * log_scale.exp();
            log_det += log_scale;
        }
        log_det
    }

    /// Undoes [`forward`](Self::forward).
    pub(super) fn inverse(&self, row: &mut [f64]) {
        let maps = self.maps(row);
        for (x, [shift, log_scale]) in row[self.given..].iter_mut().zip(maps) {
            *x = *x * (-log_scale).exp() - shift;
        }
    }

    /// The parameters of [`Given::layer`].
    pub(super) fn params(&self) -> Vec<f32> {
        let mut params = Vec::new();
        // A unit of nothing where there is no knot.
        let unused = [(usize::MAX, 0.0)];
        let knots = if self.knots.is_empty() {
            &unused[..]
        } else {
            &self.knots
        };
        let hinge = |input: Option<usize>, at: usize| {
            let (column, knot) = knots[at];
            match input {
                None => -knot,
                Some(input) => f64::from(u8::from(input == column)),
            }
        };
        layer(&mut params, self.given, knots.len(), hinge);
        let outputs: Vec<&Vec<f64>> = self.log_scales.iter().chain(&self.shifts).collect();
        layer(&mut params, knots.len(), outputs.len(), |input, at| {
            let term = input.map_or(0, |input| input + 1);
            outputs[at].get(term).copied().unwrap_or(0.0)
        });
        params
    }
}

/// A dense layer in panels: the biases, `weight(None, output)`, then the weights of each input.
fn layer(
    params: &mut Vec<f32>,
    inputs: usize,
    outputs: usize,
    weight: impl Fn(Option<usize>, usize) -> f64,
) {
    let mut from = 0;
    for width in dense::panels(outputs) {
        for input in std::iter::once(None).chain((0..inputs).map(Some)) {
            params.extend((from..from + width).map(|at| weight(input, at) as f32));
        }
        from += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MathName, ModelSpec, ShapeName};
    use crate::random::Source;

    /// Speeds of 1 to 4; a value whose mean and deviation depend on it, one that does not, and one that is constant at each.
    fn rows(count: usize) -> Vec<f64> {
        let mut random = Source::new(3);
        let row = |at: usize| {
            let speed = (at % 4) as f64 - 1.5;
            let deviation = [0.1, 0.5, 0.2, 1.0][at % 4];
            [
                speed,
                speed * speed + deviation * random.normal(1.0),
                random.normal(1.0),
                speed,
            ]
        };
        (0..count).flat_map(row).collect()
    }

    fn given(rows: &[f64]) -> Given {
        Given::of(&Table {
            columns: ["speed", "a", "b", "c"].map(String::from).to_vec(),
            given: 1,
            rows: rows.len() / 4,
            values: rows.iter().map(|&x| x as f32).collect(),
            ..Table::default()
        })
    }

    #[test]
    fn what_comes_out_has_mean_0_and_variance_1_at_each_setting() {
        let mut rows = rows(800);
        let given = given(&rows);
        assert_eq!(given.knots, [(0, -1.5), (0, -0.5), (0, 0.5)]);
        let own = given.fit(&rows, 4, [&[0.0], &[1.0]]).unwrap();
        let before = rows.clone();
        for row in rows.chunks_exact_mut(4) {
            own.forward(row);
        }
        for at in 0..4 {
            for column in [1, 2] {
                let values = rows
                    .chunks_exact(4)
                    .skip(at)
                    .step_by(4)
                    .map(|row| row[column]);
                let count = values.len() as f64;
                let mean = values.clone().sum::<f64>() / count;
                let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / count;
                assert!(mean.abs() < 1e-5, "{mean}");
                // But for the floor.
                assert!((variance - 1.0).abs() < 0.05, "{at} {column}: {variance}");
            }
        }
        assert!(rows.iter().all(|x| x.is_finite()));
        for row in rows.chunks_exact_mut(4) {
            own.inverse(row);
        }
        assert!(rows.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn the_engine_computes_what_was_fitted() {
        let rows = rows(400);
        let given = given(&rows);
        let own = given.fit(&rows, 4, [&[0.0], &[1.0]]).unwrap();
        let spec = ModelSpec {
            shape: ShapeName::vector(4),
            math: MathName::Libm,
            layers: vec![given.layer()],
            base: crate::model::BaseName::Normal,
            kernels: None,
            given: 1,
        };
        let (layers, params) = (spec.layers(), own.params());
        let flow = nvpico::Flow::new(spec.flow_spec(&layers), &params).unwrap();
        let mut scratch = vec![0.0; flow.spec().scratch_len()];
        for row in rows.chunks_exact(4) {
            let mut x: Vec<f32> = row.iter().map(|&x| x as f32).collect();
            let log_det = flow.forward(&mut x, &mut scratch).unwrap();
            let mut expected = row.to_vec();
            let expected_log_det = own.forward(&mut expected);
            assert!((f64::from(log_det) - expected_log_det).abs() < 1e-4);
            let pairs = x.iter().zip(&expected);
            assert!(
                pairs.clone().all(|(a, b)| (f64::from(*a) - b).abs() < 1e-3),
                "{x:?} {expected:?}"
            );
        }
    }

    #[test]
    fn columns_of_many_values_have_knots_at_quantiles_and_constant_ones_none() {
        assert!(knots(vec![2.0; 100]).is_empty());
        assert!(knots(Vec::new()).is_empty());
        let many = knots((0..1_000).map(|at| at as f32).collect());
        assert_eq!((many.len(), many[0], many[1]), (8, 0.0, 124.0));
        // Too few rows for each of them.
        assert!(knots((0..40).map(|at| at as f32).collect()).len() <= 5);
        // Nothing varies: a unit that does nothing.
        let mut rows = rows(100);
        for row in rows.chunks_exact_mut(4) {
            row[0] = 1.0;
        }
        let given = given(&rows);
        let own = given.fit(&rows, 4, [&[1.0], &[1.0]]).unwrap();
        let layer = given.layer();
        assert_eq!(
            own.params().len(),
            layer.spec().param_len(nvpico::spec::Shape::vector(4))
        );
    }
}
