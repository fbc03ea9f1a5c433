//! An invertible matrix: `y = L U x + b` at each place, L lower triangular with ones on its diagonal, U upper
//! triangular. On a vector it mixes all features, on a map the channels of each place: with a permutation behind it the
//! invertible 1x1 convolution `W = P L U` of Glow (arXiv:1807.03039, section 3.2).
//!
//! The factors are what is kept, not their product: they take as many multiply-accumulates as the product would, work in
//! place, and the inverse is two substitutions, exact to rounding, with nothing else stored.
//!
//! Parameters: `factors[channels][channels]`, `bias[channels]`, `log_det`. Row `i` of the factors has L before its
//! diagonal, and U on and behind it. `log_det` is the sum of `ln |u_ii|` over all places, computed once in f64.
//!
//! ```
//! use nvpico::layer::linear;
//! use nvpico::spec::Shape;
//!
//! // L = [1 0; 0.5 1], U = [2 1; 0 1].
//! let params = [2.0, 1.0, 0.5, 1.0, 0.0, 10.0, core::f32::consts::LN_2];
//! let (mut x, mut log_det) = ([3.0_f32, 4.0], 0.0);
//! assert_eq!(linear::forward(Shape::vector(2), &params, &mut x, &mut log_det), Some(&[][..]));
//! // U x = [10, 4]
//! assert_eq!((x, log_det), ([10.0, 19.0], core::f32::consts::LN_2));
//! linear::inverse(Shape::vector(2), &params, &mut x, &mut log_det);
//! assert_eq!((x, log_det), ([3.0, 4.0], 0.0));
//! ```

#[cfg(feature = "std")]
mod training;

use core::hint::black_box;

use crate::arithmetic::Lanes;
use crate::arithmetic::fixed::{Progress, Q16, Q24, rounded, saturated};
use crate::image::{AffineChannel, AffineHeader, Program};
use crate::spec::Shape;
#[cfg(feature = "std")]
pub use training::log_det;
#[cfg(feature = "std")]
pub(crate) use training::{Diagonals, identity};

/// A layer's parameters.
#[derive(Clone, Copy, Debug)]
struct Params<'p> {
    factors: &'p [f32],
    bias: &'p [f32],
    log_det: f32,
}

impl<'p> Params<'p> {
    /// The parameters, and those behind them.
    #[inline(always)]
    fn split(params: &'p [f32], channels: usize) -> Option<(Self, &'p [f32])> {
        let (factors, rest) = params.split_at_checked(channels.saturating_mul(channels))?;
        let (bias, rest) = rest.split_at_checked(channels)?;
        let (&log_det, rest) = rest.split_first()?;
        let own = Self {
            factors,
            bias,
            log_det,
        };
        Some((own, rest))
    }

    /// The rows of the factors, each with its number and its bias.
    #[inline(always)]
    fn rows(&self) -> impl DoubleEndedIterator<Item = (usize, &'p [f32], f32)> {
        let rows = self.factors.chunks_exact(self.bias.len().max(1));
        let rows = rows.zip(self.bias).enumerate();
        rows.map(|(at, (row, &bias))| (at, row, bias))
    }
}

/// `sum of weights[j] * x[at + j * stride]`.
#[inline(always)]
fn product<V: Lanes>(weights: &[f32], x: &[V], at: usize, stride: usize) -> V {
    let mut sum = V::splat(0.0);
    let mut at = at;
    for &weight in weights {
        let Some(&x) = x.get(at) else {
            return sum;
        };
        sum = sum + x * V::splat(weight);
        at = at.wrapping_add(stride);
    }
    sum
}

/// x to y. Returns the parameters behind its own; `None` where they are too few.
#[inline(always)]
pub fn forward<'p, V: Lanes>(
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    log_det: &mut V,
) -> Option<&'p [f32]> {
    let (own, rest) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    for place in 0..pixels {
        upper(own, x, place, pixels)?;
        lower(own, x, place, pixels)?;
    }
    *log_det = *log_det + V::splat(own.log_det);
    Some(rest)
}

/// U x at a place: a row reads values that no earlier row wrote.
#[inline(always)]
fn upper<V: Lanes>(own: Params<'_>, x: &mut [V], place: usize, pixels: usize) -> Option<()> {
    for (row, weights, _) in own.rows() {
        let at = row.wrapping_mul(pixels).wrapping_add(place);
        let sum = product(weights.get(row..)?, x, at, pixels);
        *x.get_mut(at)? = sum;
    }
    Some(())
}

/// L x + b at a place, from the last row to the first.
#[inline(always)]
fn lower<V: Lanes>(own: Params<'_>, x: &mut [V], place: usize, pixels: usize) -> Option<()> {
    for (row, weights, bias) in own.rows().rev() {
        let at = row.wrapping_mul(pixels).wrapping_add(place);
        let sum = product(weights.get(..row)?, x, place, pixels);
        let x = x.get_mut(at)?;
        *x = *x + sum + V::splat(bias);
    }
    Some(())
}

/// y to x by substitution, forwards through L and backwards through U; `None` where parameters are missing.
#[inline(always)]
pub fn inverse<V: Lanes>(shape: Shape, params: &[f32], y: &mut [V], log_det: &mut V) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    for place in 0..pixels {
        for (row, weights, bias) in own.rows() {
            let at = row.wrapping_mul(pixels).wrapping_add(place);
            let sum = product(weights.get(..row)?, y, place, pixels);
            let y = y.get_mut(at)?;
            *y = *y - V::splat(bias) - sum;
        }
        for (row, weights, _) in own.rows().rev() {
            let at = row.wrapping_mul(pixels).wrapping_add(place);
            let (&scale, weights) = weights.get(row..)?.split_first()?;
            let sum = product(weights, y, at.wrapping_add(pixels), pixels);
            let y = y.get_mut(at)?;
            *y = (*y - sum) / V::splat(scale);
        }
    }
    *log_det = *log_det - V::splat(own.log_det);
    Some(())
}

/// x to y in fixed point, Q16. A row is an [`AffineChannel`] with the diagonal of U as its multiplier, then the
/// multipliers of all other channels, which share its shift. No sum leaves 64 bits: the check holds the multipliers of
/// a sum within 2^31 together.
#[inline(never)]
pub(crate) fn forward_fixed(
    program: &mut Program<'_>,
    x: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    let AffineHeader {
        channels,
        places,
        log_det,
    } = AffineHeader::read(program)?;
    progress.log_det = progress
        .log_det
        .wrapping_add(i64::from(log_det) << (Q24 - Q16));
    let (channels, places) = (channels as usize, places as usize);
    let len = channels.wrapping_add(AffineChannel::WORDS - 1);
    let words = program.take(channels.wrapping_mul(len))?;
    for place in 0..places {
        black_box(());
        for (row, words) in words.chunks_exact(len.max(1)).enumerate() {
            let (head, others) = words.split_first_chunk()?;
            let AffineChannel {
                multiplier, shift, ..
            } = AffineChannel::from_words(head);
            let at = row.wrapping_mul(places).wrapping_add(place);
            let value = x.get_mut(at)?;
            let start = i64::from(*value).wrapping_mul(i64::from(multiplier));
            let sum = product_fixed(others.get(row..)?, x, at.wrapping_add(places), places);
            let sum = rounded(start.wrapping_add(sum), shift.cast_unsigned());
            *x.get_mut(at)? = saturated(sum, &mut progress.beyond);
        }
        for (row, words) in words.chunks_exact(len.max(1)).enumerate().rev() {
            let (head, others) = words.split_first_chunk()?;
            let AffineChannel { shift, offset, .. } = AffineChannel::from_words(head);
            let at = row.wrapping_mul(places).wrapping_add(place);
            let sum = product_fixed(others.get(..row)?, x, place, places);
            let sum = rounded(sum, shift.cast_unsigned()).wrapping_add(i64::from(offset));
            let value = x.get_mut(at)?;
            *value = saturated(sum.wrapping_add(i64::from(*value)), &mut progress.beyond);
        }
    }
    Some(())
}

/// `sum of multipliers[j] * x[at + j * stride]`.
#[inline(never)]
fn product_fixed(multipliers: &[i32], x: &[i32], at: usize, stride: usize) -> i64 {
    let mut sum: i64 = 0;
    let mut at = at;
    for &multiplier in multipliers {
        black_box(());
        let Some(&x) = x.get(at) else {
            return sum;
        };
        sum = sum.wrapping_add(i64::from(x).wrapping_mul(i64::from(multiplier)));
        at = at.wrapping_add(stride);
    }
    sum
}

/// [`forward`] with x and U x kept, one behind the other.
#[cfg(any(feature = "std", test))]
#[inline(always)]
pub(crate) fn forward_saving<V: Lanes>(
    shape: Shape,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    let (input, between) = saved.split_at_mut_checked(shape.len())?;
    input.copy_from_slice(x);
    for place in 0..pixels {
        upper(own, x, place, pixels)?;
    }
    between.copy_from_slice(x);
    for place in 0..pixels {
        lower(own, x, place, pixels)?;
    }
    *log_det = *log_det + V::splat(own.log_det);
    Some(())
}

/// Gradients; `gradient` goes from y to x in place, `saved` is what [`forward_saving`] kept, and every lane has its
/// `weight` in the loss, from which the log-determinant is taken. That one's parameter gets none: it follows the
/// diagonal.
#[cfg(any(feature = "std", test))]
#[inline(always)]
pub(crate) fn backward<V: Lanes>(
    shape: Shape,
    params: &[f32],
    saved: &[V],
    gradient: &mut [V],
    weight: V,
    param_gradient: &mut [f32],
) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let (channels, pixels) = (shape.channels, shape.pixels());
    let (input, between) = saved.split_at_checked(shape.len())?;
    let (factors, rest) = param_gradient.split_at_mut_checked(own.factors.len())?;
    for ((row, _, _), factors) in own.rows().zip(factors.chunks_exact_mut(channels)) {
        for place in 0..pixels {
            let gradient = *gradient.get(row * pixels + place)?;
            add_lanes(rest.get_mut(row)?, gradient);
            let between = between.iter().skip(place).step_by(pixels);
            for (sum, &value) in factors.iter_mut().take(row).zip(between) {
                add_lanes(sum, value * gradient);
            }
        }
    }
    back_through_lower(own, gradient, pixels)?;
    for ((row, weights, _), factors) in own.rows().zip(factors.chunks_exact_mut(channels)) {
        for place in 0..pixels {
            let gradient = *gradient.get(row * pixels + place)?;
            let input = input.iter().skip(row * pixels + place).step_by(pixels);
            // The logarithm of the diagonal is counted with its first term: a lane is one addition, so the number of
            // lanes changes no bit.
            let mut less = if place == 0 {
                weight * V::splat(pixels as f32) / V::splat(*weights.get(row)?)
            } else {
                V::splat(0.0)
            };
            for (sum, &value) in factors.iter_mut().skip(row).zip(input) {
                add_lanes(sum, value * gradient - less);
                less = V::splat(0.0);
            }
        }
    }
    back_through_upper(own, gradient, pixels)
}

/// The gradient from that with respect to y to that with respect to x, in place.
#[inline(always)]
pub fn pull_back<V: Lanes>(shape: Shape, params: &[f32], gradient: &mut [V]) -> Option<()> {
    let (own, _) = Params::split(params, shape.channels)?;
    let pixels = shape.pixels();
    back_through_lower(own, gradient, pixels)?;
    back_through_upper(own, gradient, pixels)
}

/// By L transposed: a column reads gradients of later rows, which are still those of y.
#[inline(always)]
fn back_through_lower<V: Lanes>(own: Params<'_>, gradient: &mut [V], pixels: usize) -> Option<()> {
    for place in 0..pixels {
        for (column, _, _) in own.rows() {
            let at = column.wrapping_mul(pixels).wrapping_add(place);
            let mut sum = *gradient.get(at)?;
            for (row, weights, _) in own.rows().skip(column.wrapping_add(1)) {
                let of_row = *gradient.get(row.wrapping_mul(pixels).wrapping_add(place))?;
                sum = sum + of_row * V::splat(*weights.get(column)?);
            }
            *gradient.get_mut(at)? = sum;
        }
    }
    Some(())
}

/// By U transposed: a column reads gradients of earlier rows.
#[inline(always)]
fn back_through_upper<V: Lanes>(own: Params<'_>, gradient: &mut [V], pixels: usize) -> Option<()> {
    for place in 0..pixels {
        for (column, _, _) in own.rows().rev() {
            let mut sum = V::splat(0.0);
            for (row, weights, _) in own.rows().take(column.wrapping_add(1)) {
                let of_row = *gradient.get(row.wrapping_mul(pixels).wrapping_add(place))?;
                sum = sum + of_row * V::splat(*weights.get(column)?);
            }
            *gradient.get_mut(column.wrapping_mul(pixels).wrapping_add(place))? = sum;
        }
    }
    Some(())
}

/// Adds one lane after the other.
#[cfg(any(feature = "std", test))]
#[inline(always)]
fn add_lanes<V: Lanes>(sum: &mut f32, terms: V) {
    for &term in terms.as_lanes() {
        *sum += term;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{I8, op};
    use crate::integer::IntegerFlow;
    use crate::{FlowSpec, LayerSpec};
    use std::vec::Vec;

    const PARAMS: [f32; 13] = [
        2.0,
        -1.0,
        0.5, //
        0.25,
        -0.5,
        1.5, //
        -0.75,
        1.25,
        4.0, //
        1.0,
        -2.0,
        0.125, //
        1.386_294_4,
    ];

    /// The words of [`PARAMS`]: exact, as all its numbers are multiples of an eighth.
    fn words(places: i32) -> Vec<i32> {
        let eighths = |value: f32| (value * 8.0) as i32;
        let mut words = std::vec![op::LINEAR, 3, places, 90_852 * places];
        for row in 0..3 {
            let own = &PARAMS[3 * row..3 * row + 3];
            let offset = (PARAMS[9 + row] * 65_536.0) as i32;
            words.extend([eighths(own[row]), 3, offset]);
            words.extend((0..3).filter(|&at| at != row).map(|at| eighths(own[at])));
        }
        words
    }

    #[test]
    fn the_product_is_that_of_the_factors() {
        // L U, written out.
        let matrix = [[2.0, -1.0, 0.5], [0.5, -0.75, 1.625], [-1.5, 0.125, 5.5]];
        let x = [1.5, -2.0, 3.0];
        let mut y = x;
        let mut log_det = 0.0;
        assert!(forward(Shape::vector(3), &PARAMS, &mut y, &mut log_det).is_some());
        for (row, (entries, bias)) in matrix.iter().zip([1.0, -2.0, 0.125]).enumerate() {
            let expected: f32 = entries.iter().zip(x).map(|(w, x)| w * x).sum();
            assert_eq!(y[row], expected + bias);
        }
        assert!(inverse(Shape::vector(3), &PARAMS, &mut y, &mut log_det).is_some());
        assert_eq!((y, log_det), (x, 0.0));
    }

    #[test]
    fn too_few_parameters_are_no_layer() {
        let (mut x, mut log_det) = ([0.0_f32; 3], 0.0);
        for len in 0..PARAMS.len() {
            let shape = Shape::vector(3);
            assert!(forward(shape, &PARAMS[..len], &mut x, &mut log_det).is_none());
            assert!(inverse(shape, &PARAMS[..len], &mut x, &mut log_det).is_none());
        }
    }

    #[test]
    fn fixed_point_multiplies_by_the_same_matrix() {
        let shape = Shape::vector(3);
        let words = words(1);
        let x = [98_304, -131_072, 65_536];
        let mut fixed = x;
        let mut progress = Progress::new();
        let mut program = Program::new(&words[1..]);
        assert!(forward_fixed(&mut program, &mut fixed, &mut progress).is_some());
        let mut y = x.map(|x| x as f32 / 65_536.0);
        let mut log_det = 0.0;
        assert!(forward(shape, &PARAMS, &mut y, &mut log_det).is_some());
        assert_eq!(fixed.map(|y| y as f32 / 65_536.0), y);
        assert!(!progress.beyond);
        let layers = [LayerSpec::Linear];
        let spec = FlowSpec::new(shape, &layers);
        assert!(IntegerFlow::<I8>::new(spec, &words).is_ok());
    }

    #[test]
    fn what_leaves_32_bits_is_impossible() {
        let words = words(1);
        for x in [[i32::MAX; 3], [i32::MIN; 3], [i32::MAX, i32::MIN, i32::MAX]] {
            let mut x = x;
            let mut progress = Progress::new();
            let mut program = Program::new(&words[1..]);
            assert!(forward_fixed(&mut program, &mut x, &mut progress).is_some());
            assert!(progress.beyond);
        }
    }

    #[cfg(feature = "feature-maps")]
    #[test]
    fn every_place_of_a_map_is_a_vector() {
        let shape = Shape::series(3, 2);
        let mut map = [1.5_f32, -2.0, 0.5, 3.0, -1.0, 2.5];
        let mut fixed = map.map(|x| (x * 65_536.0) as i32);
        let (mut first, mut second) = ([map[0], map[2], map[4]], [map[1], map[3], map[5]]);
        let mut log_det = 0.0;
        assert!(forward(shape, &PARAMS, &mut map, &mut log_det).is_some());
        for x in [&mut first, &mut second] {
            assert!(forward(Shape::vector(3), &PARAMS, x, &mut log_det).is_some());
        }
        assert_eq!([map[0], map[2], map[4]], first);
        assert_eq!([map[1], map[3], map[5]], second);
        let words = words(2);
        let mut program = Program::new(&words[1..]);
        assert!(forward_fixed(&mut program, &mut fixed, &mut Progress::new()).is_some());
        assert_eq!(fixed.map(|y| y as f32 / 65_536.0), map);
    }

    /// `-0.3 log_det + sum of w y` of a sample, in double precision.
    fn loss(shape: Shape, params: &[f64], x: &[f64], w: &[f64]) -> f64 {
        let (channels, pixels) = (shape.channels, shape.pixels());
        let at = |row: usize, column: usize| params[row * channels + column];
        let mut loss = 0.0;
        for place in 0..pixels {
            let u: Vec<f64> = (0..channels)
                .map(|row| {
                    (row..channels)
                        .map(|k| at(row, k) * x[k * pixels + place])
                        .sum()
                })
                .collect();
            for row in 0..channels {
                let lower: f64 = (0..row).map(|k| at(row, k) * u[k]).sum();
                let y = u[row] + lower + params[channels * channels + row];
                loss += w[row * pixels + place] * y - 0.3 * at(row, row).abs().ln();
            }
        }
        loss
    }

    fn check_gradients(shape: Shape) {
        let len = shape.len();
        let x: Vec<f32> = (0..len).map(|i| (i * 37 % 11) as f32 * 0.3 - 1.4).collect();
        let w: Vec<f32> = (0..len).map(|i| (i * 23 % 7) as f32 * 0.2 - 0.5).collect();
        let (mut y, mut saved, mut log_det) = (x.clone(), std::vec![0.0; 2 * len], 0.0);
        let (mut gradient, mut found) = (w.clone(), std::vec![0.0; PARAMS.len()]);
        assert!(forward_saving(shape, &PARAMS, &mut y, &mut saved, &mut log_det).is_some());
        let mut plain = x.clone();
        assert!(forward(shape, &PARAMS, &mut plain, &mut log_det).is_some());
        assert_eq!(y, plain);
        let done = backward(shape, &PARAMS, &saved, &mut gradient, 0.3, &mut found);
        assert!(done.is_some());
        let mut alone = w.clone();
        assert!(pull_back(shape, &PARAMS, &mut alone).is_some());
        assert_eq!(alone, gradient);
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let (params, x, w) = (wide(&PARAMS), wide(&x), wide(&w));
        let slope = |values: &[f64], at: usize, loss: &dyn Fn(&[f64]) -> f64| {
            let moved = |by: f64| {
                let mut values = values.to_vec();
                values[at] += by;
                loss(&values)
            };
            (moved(1e-5) - moved(-1e-5)) / 2e-5
        };
        for (at, &found) in found.iter().enumerate() {
            let expected = slope(&params, at, &|params| loss(shape, params, &x, &w));
            assert!(
                (f64::from(found) - expected).abs() < 1e-4,
                "{at}: {found}, {expected}"
            );
        }
        for (at, &found) in gradient.iter().enumerate() {
            let expected = slope(&x, at, &|x| loss(shape, &params, x, &w));
            assert!(
                (f64::from(found) - expected).abs() < 1e-4,
                "{at}: {found}, {expected}"
            );
        }
    }

    #[test]
    fn gradients_are_those_of_differences() {
        check_gradients(Shape::vector(3));
        #[cfg(feature = "feature-maps")]
        check_gradients(Shape::map(3, 2, 2));
    }

    #[cfg(feature = "std")]
    #[test]
    fn diagonals_learn_by_their_logarithm_and_keep_their_sign() {
        let layers = [LayerSpec::Affine, LayerSpec::Linear];
        let spec = FlowSpec::new(Shape::vector(3), &layers);
        let diagonals = Diagonals::of(&spec);
        let mut params = [&[0.0; 7][..], &PARAMS].concat();
        let mut gradient = std::vec![1.0; params.len()];
        diagonals.pull_back(&params, &mut gradient);
        assert_eq!([gradient[7], gradient[8], gradient[11]], [2.0, 1.0, -0.5]);
        let taken = diagonals.take(&mut params);
        assert_eq!(taken, [2.0, -0.5, 4.0]);
        (params[7], params[11], params[15]) = (0.5, -0.5, -3e9);
        diagonals.put_back(&taken, &mut params);
        let e = 0.5_f32.exp();
        assert!((params[7] - 2.0 * e).abs() < 1e-6 && (params[11] + 0.5 / e).abs() < 1e-6);
        // A step that would end at zero is not taken.
        assert_eq!(params[15], 4.0);
        assert!((params[19] - 4.0_f32.ln()).abs() < 1e-6);
    }
}
