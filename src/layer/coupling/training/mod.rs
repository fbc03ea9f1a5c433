//! The coupling in training: the forward pass that keeps its activations, and the gradients.
//!
//! `g` is the loss's gradient with respect to `y = x * exp(s) + t`. Then `dt = g`,
//! `ds = g * x * exp(s) + d log_det`, `dx = g * exp(s)`; where the shift is first, `x + t` stands for
//! `x`, and `dt = dx`. The conditioner's gradient comes on top for the kept values.

mod dense;
mod maps;
mod residual_dense;

use super::{inner_of, log_scale, scale_factor};
use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::spec::{Conditioner, CouplingSpec, ScaleMap, Shape, Transform};

/// What a training pass knows besides its tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Context {
    /// Back end of elementary functions.
    pub math: Math,
    /// Shape of the map.
    pub shape: Shape,
    /// Lanes that carry a row; the others have no part in statistics.
    pub rows: usize,
    /// Weight of the running statistics in what normalises inside networks, `0 .. 1`.
    pub keep: f64,
}

/// Values that [`forward_saving`] keeps for [`backward`].
#[must_use]
pub fn saved_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => dense::saved_len(spec, shape),
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            maps::saved_len(spec, shape)
        }
    }
}

/// Values of scratch for [`forward_saving`] and [`backward`].
#[must_use]
pub fn scratch_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => dense::scratch_len(spec, shape),
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            maps::scratch_len(spec, shape)
        }
    }
}

/// [`forward`](super::forward) with the same kernels, that keeps what [`backward`] needs in `saved`
/// ([`saved_len`] values).
#[inline(always)]
pub fn forward_saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) {
    let done = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
            dense::forward_saving(spec, context, params, x, saved, log_det)
        }
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            maps::forward_saving(spec, context, params, x, saved, log_det)
        }
    };
    debug_assert!(done.is_some(), "slices fit the spec");
}

/// Gradients of the coupling. `gradient` goes from y to x in place; `log_det_gradient` is the loss's
/// with respect to the log-determinant, per lane. Adds to `param_gradient`. `scratch` holds at least
/// [`scratch_len`] values.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
pub fn backward<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    params: &[f32],
    saved: &[V],
    gradient: &mut [V],
    log_det_gradient: V,
    param_gradient: &mut [f32],
    scratch: &mut [V],
) {
    let tensors = Tensors {
        params,
        saved,
        log_det_gradient,
    };
    let done = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
            dense::backward(spec, context, tensors, gradient, param_gradient, scratch)
        }
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            maps::backward(spec, context, tensors, gradient, param_gradient, scratch)
        }
    };
    debug_assert!(done.is_some(), "slices fit the spec");
}

/// What a coupling's backward pass reads besides the gradient.
#[derive(Clone, Copy)]
struct Tensors<'s, V> {
    params: &'s [f32],
    saved: &'s [V],
    log_det_gradient: V,
}

/// What the backward pass of one network on vectors reads.
#[derive(Clone, Copy)]
struct NetTensors<'s, V> {
    params: &'s [f32],
    input: &'s [V],
    activations: &'s [V],
}

/// The change of one value and its gradients.
#[derive(Clone, Copy)]
struct Elementwise {
    map: ScaleMap,
    shift_first: bool,
    math: Math,
}

impl Elementwise {
    /// `None` for an additive coupling.
    #[inline(always)]
    fn of(transform: Transform, math: Math) -> Option<Self> {
        Some(Self {
            map: transform.scale_map()?,
            shift_first: matches!(transform, Transform::ShiftFirst(_)),
            math,
        })
    }

    /// Values kept for one transformed one: what `exp(s)` multiplied, `exp(s)`, and what the slope of
    /// `s` is computed from.
    const KEPT: usize = 3;

    /// Changes `x`; returns `s`.
    #[inline(always)]
    fn forward<V: Kernels>(
        self,
        x: &mut V,
        raw: V,
        t: V,
        rescale: Option<&f32>,
        kept: &mut [V; Self::KEPT],
    ) -> V {
        let [old, factor, inner] = kept;
        *inner = inner_of(self.map, self.math, raw);
        let s = log_scale(self.map, self.math, *inner, rescale);
        *factor = scale_factor(self.map, self.math, *inner, s);
        *old = if self.shift_first { *x + t } else { *x };
        *x = *old * *factor;
        if !self.shift_first {
            *x = *x + t;
        }
        s
    }

    /// Turns the gradient with respect to y into that with respect to x; returns those with respect to
    /// the raw log-scale and the shift. `rescale` is the learned factor and its gradient.
    #[inline(always)]
    fn backward<V: Kernels>(
        self,
        gradient: &mut V,
        kept: &[V; Self::KEPT],
        log_det_gradient: V,
        rescale: Option<(&f32, &mut f32)>,
    ) -> (V, V) {
        let [old, factor, inner] = *kept;
        let s_gradient = *gradient * old * factor + log_det_gradient;
        let mut raw = s_gradient * slope(self.map, self.math, inner);
        if let Some((&r, sum)) = rescale {
            for &lane in (s_gradient * inner).as_lanes() {
                *sum += lane;
            }
            raw = raw * V::splat(r);
        }
        let through = *gradient * factor;
        let shift = if self.shift_first { through } else { *gradient };
        *gradient = through;
        (raw, shift)
    }
}

/// `d s / d raw` from what [`inner_of`] gave; without the learned factor of a rescaled tanh.
#[inline(always)]
fn slope<V: Kernels>(map: ScaleMap, math: Math, inner: V) -> V {
    let one = V::splat(1.0);
    match map {
        ScaleMap::Unbounded => one,
        ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. } => one - inner * inner,
        ScaleMap::Atan { scale } => V::splat(scale) / (one + inner * inner),
        ScaleMap::Sigmoid {
            offset,
            floor,
            inverse,
        } => {
            let sigmoid = one / (one + (-(inner + V::splat(offset))).exp(math));
            // Without a floor the sigmoid cancels, and may be 0.
            let share = if floor > 0.0 {
                sigmoid / (sigmoid + V::splat(floor))
            } else {
                one
            };
            let slope = (one - sigmoid) * share;
            if inverse { -slope } else { slope }
        }
    }
}

/// The values at rising indices.
#[inline(always)]
fn pick<V>(features: impl Iterator<Item = usize>, x: &mut [V]) -> impl Iterator<Item = &mut V> {
    let mut values = x.iter_mut();
    let mut passed = 0;
    features.map_while(move |index| {
        let value = values.nth(index - passed);
        passed = index + 1;
        value
    })
}

/// Cuts `len` values off the end.
#[inline(always)]
fn split_end<V>(values: &mut [V], len: usize) -> Option<(&mut [V], &mut [V])> {
    values.split_at_mut_checked(values.len().checked_sub(len)?)
}
