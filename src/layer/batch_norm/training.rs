//! Batch norm in training: batch statistics, mixed with the running ones as in the paper's appendix E, and
//! gradients through them.

use super::{ChannelMap, NormParams};
use crate::arithmetic::elementary::double;
use crate::arithmetic::{Lanes, select};
use crate::spec::Shape;

/// A feature's batch statistics in training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Mean of the batch.
    pub batch_mean: f64,
    /// Biased variance of the batch.
    pub batch_var: f64,
    /// Mean used for normalisation.
    pub mean: f64,
    /// Variance used for normalisation.
    pub var: f64,
}

impl Statistics {
    /// Statistics of one feature's values in a batch. `keep` is the weight of the running statistics in the
    /// normalisation: the momentum in the paper's appendix E, 0 in plain batch norm.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f32> + Clone, running: NormParams, keep: f64) -> Self {
        let (mut count, mut sum) = (0.0, 0.0);
        for value in values.clone() {
            count += 1.0;
            sum += f64::from(value);
        }
        let batch_mean = sum / count;
        let mut squares = 0.0;
        for value in values {
            let deviation = f64::from(value) - batch_mean;
            squares += deviation * deviation;
        }
        let batch_var = squares / count;
        Self {
            batch_mean,
            batch_var,
            mean: keep * f64::from(running.mean) + (1.0 - keep) * batch_mean,
            var: keep * f64::from(running.var) + (1.0 - keep) * batch_var,
        }
    }
}

/// Gradients of one feature's normalisation through the batch statistics (appendix E: the running part is
/// constant).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient {
    /// With respect to `log_scale`.
    pub log_scale: f64,
    /// With respect to `shift`.
    pub shift: f64,
    /// The gradient with respect to an input `x` is `g * factor + constant + linear * x`, where `g` is the
    /// gradient with respect to its output.
    pub factor: f64,
    /// See `factor`.
    pub constant: f64,
    /// See `factor`.
    pub linear: f64,
}

/// Gradients of one feature over a batch. `pairs` are the inputs and output gradients of all rows;
/// `log_det_gradient` is the gradient of the loss with respect to the log-determinant, summed over the rows.
#[must_use]
pub fn backward(
    pairs: impl Iterator<Item = (f32, f32)>,
    statistics: Statistics,
    log_scale: f32,
    eps: f32,
    keep: f64,
    log_det_gradient: f64,
) -> Gradient {
    let inverse_var = 1.0 / (statistics.var + f64::from(eps));
    let (mut count, mut sum, mut moment) = (0.0, 0.0, 0.0);
    for (x, g) in pairs {
        count += 1.0;
        sum += f64::from(g);
        moment += f64::from(g) * (f64::from(x) - statistics.mean);
    }
    let factor = double::exp(f64::from(log_scale)) * double::sqrt(inverse_var);
    let mean_gradient = -sum * factor * (1.0 - keep);
    let var_gradient = (-0.5 * moment * factor * inverse_var
        - 0.5 * log_det_gradient * inverse_var)
        * (1.0 - keep);
    let linear = 2.0 * var_gradient / count;
    Gradient {
        log_scale: moment * factor + log_det_gradient,
        shift: sum,
        factor,
        constant: mean_gradient / count - linear * statistics.batch_mean,
        linear,
    }
}

/// Maps x to y by the batch's map of each channel; `saved` keeps x.
#[inline(always)]
pub(crate) fn forward_saving<V: Lanes>(
    maps: &[ChannelMap],
    shape: Shape,
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) {
    let mut sum = 0.0;
    let pixels = shape.pixels();
    let channels = x
        .chunks_exact_mut(pixels)
        .zip(saved.chunks_exact_mut(pixels));
    for ((x, saved), map) in channels.zip(maps) {
        for (x, slot) in x.iter_mut().zip(saved) {
            *slot = *x;
            *x = *x * V::splat(map.scale) + V::splat(map.shift);
        }
        sum += map.log_det;
    }
    *log_det = *log_det + V::splat(sum * pixels as f32);
}

/// Converts the rows' gradients in place, by the channels' gradients. Lanes of weight 0 do not contribute to
/// the statistics and get gradient 0.
#[inline(always)]
pub(crate) fn backward_rows<V: Lanes>(
    gradients: &[Gradient],
    shape: Shape,
    saved: &[V],
    gradient: &mut [V],
    weight: V,
) {
    let pixels = shape.pixels();
    let channels = gradient
        .chunks_exact_mut(pixels)
        .zip(saved.chunks_exact(pixels));
    for ((row, saved), channel) in channels.zip(gradients) {
        for (g, &input) in row.iter_mut().zip(saved) {
            let through = *g * V::splat(channel.factor as f32)
                + V::splat(channel.constant as f32)
                + input * V::splat(channel.linear as f32);
            *g = through.zip(weight, |g, w| select(w > 0.0, g, 0.0));
        }
    }
}
