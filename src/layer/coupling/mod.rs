//! Affine and additive coupling (paper sections 3.2 and 3.3; additive: NICE, arXiv:1410.8516).
//!
//! The kept features pass unchanged and feed the conditioner. The others become `y = x * exp(s) + t` (or `(x +
//! t) * exp(s)`, or `x + t`). So the Jacobian is triangular, the log-determinant is the sum of `s`, and the
//! inverse costs as much as the forward pass.
//!
//! Parameters: `rescale[transformed]` for [`ScaleMap::RescaledTanh`], then the conditioner's networks.
//!
//! Training runs [`gradient::forward_saving`], the same as [`forward`] but keeping every activation, and
//! [`gradient::backward`], which reads them.

pub(crate) mod fixed;
pub mod gradient;
#[cfg(feature = "feature-maps")]
mod maps;

use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::kernel::perceptron;
use crate::kernel::ping_pong::PingPong;
#[cfg(feature = "extra-layers")]
use crate::kernel::residual_dense;
use crate::spec::{Conditioner, CouplingSpec, ScaleMap, Shape, Transform};

/// Copies the kept features of `x` to the front of `out`.
#[inline(always)]
fn gather<V: Kernels>(spec: &CouplingSpec<'_>, x: &[V], out: &mut [V]) {
    for (slot, index) in out.iter_mut().zip(spec.mask.kept_features(x.len())) {
        if let Some(&value) = x.get(index) {
            *slot = value;
        }
    }
}

/// Runs each of the conditioner's networks on the kept features of `x` by `run(params, values)`, which replaces
/// the current values by the outputs and returns the remaining parameters. Returns raw log-scales and shifts,
/// one each per transformed feature (no log-scales for an additive coupling), and the parameters after the
/// conditioner's.
#[inline(always)]
#[allow(clippy::type_complexity, reason = "three slices")]
fn condition<'w, 'p, V: Kernels>(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    params: &'p [f32],
    x: &[V],
    scratch: &'w mut [V],
    run: impl Fn(&'p [f32], &mut PingPong<'_, V>) -> Option<&'p [f32]>,
) -> Option<(&'w [V], &'w [V], &'p [f32])> {
    let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
    let mut others = spec.net_count().saturating_sub(1);
    // With two networks, the log-scales of the first are stored at the end of the scratch.
    let end = scratch.len().checked_sub(outputs.saturating_mul(others))?;
    let has_two = others > 0;
    let (scratch, waiting) = scratch.split_at_mut_checked(end)?;
    let mut values = PingPong::new(scratch);
    let mut rest = params;
    loop {
        gather(spec, x, values.begin(inputs));
        rest = run(rest, &mut values)?;
        if others == 0 {
            break;
        }
        others = 0;
        for (slot, &value) in waiting.iter_mut().zip(values.values()?) {
            *slot = value;
        }
    }
    let result = values.into_values()?;
    let (raw, shift) = if has_two {
        (&*waiting, result)
    } else {
        result.split_at_checked(match spec.transform.scale_map() {
            Some(_) => outputs / 2,
            None => 0,
        })?
    };
    Some((raw, shift, rest))
}

/// The value from which a scale map and its slope are computed: the tanh, or the raw output for maps without
/// one.
#[inline(always)]
fn inner_of<V: Kernels>(map: ScaleMap, math: Math, raw: V) -> V {
    match map {
        ScaleMap::RescaledTanh => raw.tanh(math),
        ScaleMap::ClampedTanh { clamp } => (raw * V::splat(1.0 / clamp)).tanh(math),
        ScaleMap::Unbounded | ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. } => raw,
    }
}

/// The log-scale, from the result of [`inner_of`]; `rescale` is the learned factor, if any.
#[inline(always)]
fn log_scale<V: Kernels>(map: ScaleMap, math: Math, inner: V, rescale: Option<&f32>) -> V {
    match map {
        ScaleMap::RescaledTanh => inner * V::splat(rescale.copied().unwrap_or(1.0)),
        ScaleMap::ClampedTanh { clamp } => inner * V::splat(clamp),
        ScaleMap::Unbounded => inner,
        // Rejected by `Flow::new`, so not compiled in.
        ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. } if !cfg!(feature = "extra-layers") => {
            inner
        }
        ScaleMap::Atan { scale } => inner.map(|raw| math.atan(raw)) * V::splat(scale),
        ScaleMap::Sigmoid {
            offset,
            floor,
            inverse,
        } => {
            let s = (inner + V::splat(offset)).map(|raw| math.log_sigmoid(raw, floor));
            if inverse { -s } else { s }
        }
    }
}

/// `exp(s)`. For a sigmoid with a floor, `exp(s)` is computed directly, since taking the logarithm and back
/// would lose digits. Without a floor the sigmoid may underflow to 0 although `s` is finite.
#[inline(always)]
fn scale_factor<V: Kernels>(map: ScaleMap, math: Math, inner: V, s: V) -> V {
    let ScaleMap::Sigmoid {
        offset,
        floor,
        inverse,
    } = map
    else {
        return s.exp(math);
    };
    if floor <= 0.0 || !cfg!(feature = "extra-layers") {
        return s.exp(math);
    }
    let one = V::splat(1.0);
    let sigmoid = one / (one + (-(inner + V::splat(offset))).exp(math));
    let scale = sigmoid + V::splat(floor);
    if inverse { one / scale } else { scale }
}

/// `exp(s)` of one value, adding `s` to `sum`; `None` for an additive coupling.
#[inline(always)]
fn factor<V: Kernels>(
    map: Option<ScaleMap>,
    math: Math,
    raw: Option<&V>,
    rescale: Option<&f32>,
    sum: &mut V,
) -> Option<V> {
    let (map, &raw) = (map?, raw?);
    let inner = inner_of(map, math, raw);
    let s = log_scale(map, math, inner, rescale);
    *sum = *sum + s;
    Some(scale_factor(map, math, inner, s))
}

/// Splits the parameters into `rescale` and the conditioner's.
#[inline(always)]
fn split_params<'p>(
    spec: &CouplingSpec<'_>,
    params: &'p [f32],
    shape: Shape,
) -> (&'p [f32], &'p [f32]) {
    params
        .split_at_checked(spec.rescale_len(shape))
        .unwrap_or((&[], &[]))
}

/// Transforms each feature by `change(value, exp(s), t)`, without `exp(s)` for an additive coupling. Adds every
/// `s` to `sum` in feature order. Returns the parameters after the coupling's.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
fn transform<'p, V: Kernels>(
    spec: &CouplingSpec<'_>,
    math: Math,
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    scratch: &mut [V],
    sum: &mut V,
    mut change: impl FnMut(&mut V, Option<V>, V),
) -> Option<&'p [f32]> {
    let (rescale, nets) = split_params(spec, params, shape);
    let outputs = spec.net_outputs(shape);
    let (raw, shift, rest) = match &spec.conditioner {
        Conditioner::Dense(net) => condition(spec, shape, nets, x, scratch, |params, values| {
            perceptron::forward(net, outputs, params, values)
        })?,
        #[cfg(feature = "extra-layers")]
        Conditioner::ResidualDense(net) => {
            condition(spec, shape, nets, x, scratch, |params, values| {
                residual_dense::forward(net, outputs, params, values)
            })?
        }
        #[cfg(not(feature = "extra-layers"))]
        Conditioner::ResidualDense(_) => return None,
        #[cfg(feature = "feature-maps")]
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => {
            return maps::transform(spec, math, shape, params, x, scratch, change, sum);
        }
        #[cfg(not(feature = "feature-maps"))]
        Conditioner::Convolution(_) | Conditioner::ResidualConvolution(_) => return None,
    };
    let map = spec.transform.scale_map();
    let features = spec.mask.transformed_features(x.len());
    for ((at, index), &t) in features.enumerate().zip(shift) {
        let x = x.get_mut(index)?;
        let factor = factor(map, math, raw.get(at), rescale.get(at), sum);
        change(x, factor, t);
    }
    Some(rest)
}

/// Maps x to y. `scratch` holds at least `spec.scratch_len(shape)` values. Returns the parameters after the
/// coupling's; `None` if a slice is too short or the network is not compiled in.
#[inline(always)]
pub fn forward<'p, V: Kernels>(
    spec: &CouplingSpec<'_>,
    math: Math,
    shape: Shape,
    params: &'p [f32],
    x: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) -> Option<&'p [f32]> {
    let shift_first = matches!(spec.transform, Transform::ShiftFirst(_));
    let mut sum = V::splat(0.0);
    let change = |x: &mut V, factor: Option<V>, t: V| {
        let Some(factor) = factor else {
            *x = *x + t;
            return;
        };
        *x = if shift_first {
            (*x + t) * factor
        } else {
            *x * factor + t
        };
    };
    let rest = transform(spec, math, shape, params, x, scratch, &mut sum, change)?;
    *log_det = *log_det + sum;
    Some(rest)
}

/// Maps y to x; lengths and `None` as in [`forward`].
#[inline(always)]
pub fn inverse<V: Kernels>(
    spec: &CouplingSpec<'_>,
    math: Math,
    shape: Shape,
    params: &[f32],
    y: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let shift_first = matches!(spec.transform, Transform::ShiftFirst(_));
    let mut sum = V::splat(0.0);
    let change = |y: &mut V, factor: Option<V>, t: V| {
        let Some(factor) = factor else {
            *y = *y - t;
            return;
        };
        *y = if shift_first {
            *y / factor - t
        } else {
            (*y - t) / factor
        };
    };
    transform(spec, math, shape, params, y, scratch, &mut sum, change)?;
    *log_det = *log_det - sum;
    Some(())
}
