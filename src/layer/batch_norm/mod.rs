//! Batch norm between couplings, with its running statistics (paper section 3.7).
//!
//! `y = (x - mean) / sqrt(var + eps)`, then `y * exp(log_scale) + shift` if affine. At inference the statistics
//! are constants, so the layer is an invertible affine map. [`fold`] computes that map, and the forward pass
//! here uses it, so a folded model is bit-identical.
//!
//! Parameters: `running_mean[channels]`, `running_var[channels]` and, if affine, `log_scale[channels]`,
//! `shift[channels]`.

use super::by_channel;
use crate::arithmetic::Lanes;
use crate::arithmetic::Math;
use crate::arithmetic::elementary::{ln, sqrt};
use crate::spec::{BatchNormSpec, Shape};

/// Parameters of one feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormParams {
    /// Running mean.
    pub mean: f32,
    /// Running variance.
    pub var: f32,
    /// Logarithm of the learned scale; 0 without one.
    pub log_scale: f32,
    /// The learned shift; 0 without one.
    pub shift: f32,
}

/// A feature's map `y = x * scale + shift` and its log-determinant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelMap {
    /// Factor.
    pub scale: f32,
    /// Offset.
    pub shift: f32,
    /// `ln scale`.
    pub log_det: f32,
}

/// The affine map of one feature with its running statistics.
#[must_use]
#[inline]
pub fn fold(feature: NormParams, eps: f32) -> ChannelMap {
    let var = feature.var + eps;
    let scale = Math::Libm.exp(feature.log_scale) / sqrt(var);
    ChannelMap {
        scale,
        shift: feature.shift - feature.mean * scale,
        log_det: feature.log_scale - 0.5 * ln(var),
    }
}

/// The parameters of each feature, in order.
#[inline]
pub fn features(
    spec: BatchNormSpec,
    params: &[f32],
    dim: usize,
) -> impl Iterator<Item = NormParams> + '_ {
    let (mean, rest) = params.split_at_checked(dim).unwrap_or((&[], &[]));
    let (var, rest) = rest.split_at_checked(dim).unwrap_or((&[], &[]));
    let (log_scale, shift) = rest.split_at_checked(dim).unwrap_or((&[], &[]));
    let learned = log_scale.iter().zip(shift).map(|(&s, &t)| (s, t));
    mean.iter()
        .zip(var)
        .zip(learned.chain(core::iter::repeat((0.0, 0.0))))
        .map(move |((&mean, &var), (log_scale, shift))| {
            let (log_scale, shift) = if spec.affine {
                (log_scale, shift)
            } else {
                (0.0, 0.0)
            };
            NormParams {
                mean,
                var,
                log_scale,
                shift,
            }
        })
}

/// Log-determinant of the layer: the sum over channels, in order, times the number of places.
#[inline]
fn log_det_of(spec: BatchNormSpec, shape: Shape, params: &[f32]) -> f32 {
    let mut sum = 0.0;
    for feature in features(spec, params, shape.channels) {
        sum += fold(feature, spec.eps).log_det;
    }
    sum * shape.pixels() as f32
}

/// Maps x to y.
#[inline(always)]
pub fn forward<V: Lanes>(
    spec: BatchNormSpec,
    shape: Shape,
    params: &[f32],
    x: &mut [V],
    log_det: &mut V,
) {
    *log_det = *log_det + V::splat(log_det_of(spec, shape, params));
    let maps = features(spec, params, shape.channels).map(|feature| fold(feature, spec.eps));
    by_channel(shape, x, maps, |x, map| {
        *x = *x * V::splat(map.scale) + V::splat(map.shift);
    });
}

/// Maps y to x.
#[inline(always)]
pub fn inverse<V: Lanes>(
    spec: BatchNormSpec,
    shape: Shape,
    params: &[f32],
    y: &mut [V],
    log_det: &mut V,
) {
    *log_det = *log_det - V::splat(log_det_of(spec, shape, params));
    let maps = features(spec, params, shape.channels).map(|feature| fold(feature, spec.eps));
    by_channel(shape, y, maps, |y, map| {
        *y = (*y - V::splat(map.shift)) / V::splat(map.scale);
    });
}

/// Converts the gradient with respect to y to that with respect to x, in place; running statistics are
/// constants.
#[inline(always)]
pub fn pull_back<V: Lanes>(spec: BatchNormSpec, shape: Shape, params: &[f32], gradient: &mut [V]) {
    let maps = features(spec, params, shape.channels).map(|feature| fold(feature, spec.eps));
    by_channel(shape, gradient, maps, |gradient, map| {
        *gradient = *gradient * V::splat(map.scale);
    });
}

#[cfg(feature = "std")]
mod training;
#[cfg(feature = "std")]
pub use training::{Gradient, Statistics, backward};
#[cfg(feature = "std")]
pub(crate) use training::{backward_rows, forward_saving};
