//! Gradients of a coupling: passes that keep what its networks compute, and the gradients that read it.
//!
//! Let `g` be the gradient of the loss with respect to `y = x * exp(s) + t`. Then `dt = g`, `ds = g * x *
//! exp(s) + d log_det`, `dx = g * exp(s)`. If the shift comes first, `x + t` replaces `x`, and `dt = dx`. The
//! conditioner's gradient is added for the kept values.
//!
//! Training uses [`forward_saving`] from x to y, then [`backward`]. If only y is known, `pull_back` is used:
//! the networks read the kept values, which are the same in x and y, so running them again gives both x and
//! everything that the gradients read.

#[cfg(feature = "feature-maps")]
mod maps;
mod vectors;

use super::{inner_of, log_scale, scale_factor};
use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::spec::{Conditioner, CouplingSpec, ScaleMap, Shape, Transform};

/// Inputs of a pass other than tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Context {
    /// Back end of elementary functions.
    pub math: Math,
    /// Shape of the map.
    pub shape: Shape,
    /// Number of lanes that hold a row; the others do not contribute to statistics.
    pub rows: usize,
    /// Weight of the running statistics in the normalisation inside networks, `0 .. 1`.
    pub keep: f64,
}

/// Number of values that [`forward_saving`] keeps for [`backward`].
#[cfg(feature = "std")]
#[must_use]
pub fn saved_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let networks = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) | Conditioner::Convolution(_) => {
            spec.kept_networks_len(shape)
        }
        Conditioner::ResidualConvolution(net) => maps::trained_saved_len(net, spec, shape),
    };
    spec.kept_elementwise_len(shape) + networks
}

/// Length of the scratch for [`backward`].
#[cfg(feature = "std")]
#[must_use]
pub fn scratch_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let network = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) | Conditioner::Convolution(_) => {
            spec.network(shape).backward_len(shape)
        }
        Conditioner::ResidualConvolution(net) => maps::trained_scratch_len(net, spec, shape),
    };
    spec.outputs_len(shape) + network
}

/// Like [`forward`](super::forward), with the same kernels, but stores what [`backward`] needs in `saved`
/// (`saved_len` values). `None` if a slice is too short or the network is not compiled in.
#[inline(always)]
pub fn forward_saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let sum = saving(spec, context, Way::ToY, params, x, saved)?;
    *log_det = *log_det + sum;
    Some(())
}

/// Maps y to x, and converts the gradient of a log-density with respect to y to that with respect to x, both in
/// place. `scratch` has the length that [`CouplingSpec`] needs for gradients. `None` if it is too short, for a
/// residual network of convolutions, or if the network is not compiled in.
#[inline(always)]
pub(crate) fn pull_back<V: Kernels>(
    spec: &CouplingSpec<'_>,
    math: Math,
    shape: Shape,
    params: &[f32],
    y: &mut [V],
    gradient: &mut [V],
    scratch: &mut [V],
) -> Option<()> {
    let context = Context {
        math,
        shape,
        rows: V::COUNT,
        keep: 1.0,
    };
    let kept = (spec.kept_elementwise_len(shape)).saturating_add(spec.kept_networks_len(shape));
    let (saved, scratch) = scratch.split_at_mut_checked(kept)?;
    saving(spec, context, Way::ToX, params, y, saved)?;
    let log_det_gradient = V::splat(1.0);
    backward(
        spec,
        context,
        params,
        saved,
        gradient,
        log_det_gradient,
        None,
        scratch,
    )
}

/// Maps x to y or y to x, keeping what [`backward`] needs in `saved`. Returns the sum of `s`.
#[inline(always)]
fn saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    way: Way,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
) -> Option<V> {
    let (elementwise, networks) =
        saved.split_at_mut_checked(spec.kept_elementwise_len(context.shape))?;
    let (elementwise, _) = elementwise.as_chunks_mut();
    let saved = Saved {
        elementwise,
        networks,
    };
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
            vectors::saving(spec, context, way, params, x, saved)
        }
        #[cfg(feature = "feature-maps")]
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            maps::saving(spec, context, way, params, x, saved)
        }
        #[cfg(not(feature = "feature-maps"))]
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => None,
    }
}

/// Gradients of the coupling. Converts `gradient` from y to x in place; `log_det_gradient` is the gradient of
/// the loss with respect to the log-determinant, per lane. Adds to `param_gradient`, if given. `scratch` holds
/// at least `scratch_len` values. `None` as in [`forward_saving`].
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
    param_gradient: Option<&mut [f32]>,
    scratch: &mut [V],
) -> Option<()> {
    let (elementwise, networks) =
        saved.split_at_checked(spec.kept_elementwise_len(context.shape))?;
    let (elementwise, _) = elementwise.as_chunks();
    let tensors = Tensors {
        params,
        elementwise,
        networks,
        log_det_gradient,
    };
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
            vectors::backward(spec, context, tensors, gradient, param_gradient, scratch)
        }
        #[cfg(feature = "feature-maps")]
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            maps::backward(spec, context, tensors, gradient, param_gradient, scratch)
        }
        #[cfg(not(feature = "feature-maps"))]
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => None,
    }
}

/// Values kept per transformed value: the factor that `exp(s)` multiplies, `exp(s)`, and the value that the
/// slope of `s` is computed from.
type Kept<V> = [V; CouplingSpec::KEPT];

/// Storage for the values that a pass keeps.
struct Saved<'s, V> {
    /// Those of the transformed values; empty without a scale.
    elementwise: &'s mut [Kept<V>],
    networks: &'s mut [V],
}

/// Inputs of a coupling's backward pass other than the gradient.
#[derive(Clone, Copy)]
struct Tensors<'s, V> {
    params: &'s [f32],
    elementwise: &'s [Kept<V>],
    networks: &'s [V],
    log_det_gradient: V,
}

/// Direction in which a pass transforms the values.
#[derive(Clone, Copy)]
enum Way {
    /// x to y.
    ToY,
    /// y to x.
    ToX,
}

impl Way {
    /// Transforms a value in a coupling without a scale.
    #[inline(always)]
    fn shift<V: Kernels>(self, x: &mut V, t: V) {
        *x = match self {
            Way::ToY => *x + t,
            Way::ToX => *x - t,
        };
    }
}

/// The transformation of one value, and its gradients.
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

    /// Transforms `x`; returns `s`.
    #[inline(always)]
    fn change<V: Kernels>(
        self,
        way: Way,
        x: &mut V,
        raw: V,
        t: V,
        rescale: Option<&f32>,
        kept: &mut Kept<V>,
    ) -> V {
        let [old, factor, inner] = kept;
        *inner = inner_of(self.map, self.math, raw);
        let s = log_scale(self.map, self.math, *inner, rescale);
        *factor = scale_factor(self.map, self.math, *inner, s);
        match way {
            Way::ToY => {
                *old = if self.shift_first { *x + t } else { *x };
                *x = *old * *factor;
                if !self.shift_first {
                    *x = *x + t;
                }
            }
            Way::ToX => {
                if !self.shift_first {
                    *x = *x - t;
                }
                *old = *x / *factor;
                *x = if self.shift_first { *old - t } else { *old };
            }
        }
        s
    }

    /// Converts the gradient with respect to y to that with respect to x; returns the gradients with respect to
    /// the raw log-scale and the shift. `rescale` is the learned factor, `rescale_gradient` its gradient, if
    /// needed.
    #[inline(always)]
    fn backward<V: Kernels>(
        self,
        gradient: &mut V,
        kept: &Kept<V>,
        log_det_gradient: V,
        rescale: Option<&f32>,
        rescale_gradient: Option<&mut f32>,
    ) -> (V, V) {
        let [old, factor, inner] = *kept;
        let s_gradient = *gradient * old * factor + log_det_gradient;
        let mut raw = s_gradient * slope(self.map, self.math, inner);
        if let Some(&r) = rescale {
            if let Some(sum) = rescale_gradient {
                for &lane in (s_gradient * inner).as_lanes() {
                    *sum += lane;
                }
            }
            raw = raw * V::splat(r);
        }
        let through = *gradient * factor;
        let shift = if self.shift_first { through } else { *gradient };
        *gradient = through;
        (raw, shift)
    }
}

/// `d s / d raw`, from the result of [`inner_of`]; without the learned factor of a rescaled tanh.
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
            // Without a floor the sigmoid cancels; it may also be 0.
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

/// The values at the given indices, in increasing order.
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
