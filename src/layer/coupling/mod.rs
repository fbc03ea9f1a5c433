//! Affine and additive coupling (paper sections 3.2 and 3.3; additive: NICE, arXiv:1410.8516).
//!
//! The kept features pass unchanged and feed the conditioner; the others become
//! `y = x * exp(s) + t` (or `(x + t) * exp(s)`, or `x + t`), so the Jacobian is triangular, the log-determinant is the sum
//! of `s`, and the inverse costs as much as the forward pass.
//!
//! Parameters: `rescale[transformed]` for [`ScaleMap::RescaledTanh`], then the conditioner's networks.
//!
//! Training (feature `std`) runs `training::forward_saving`, which is [`forward`] with every activation
//! kept, and `training::backward`, which reads them.

#[cfg(feature = "feature-maps")]
mod maps;
#[cfg(feature = "std")]
pub mod training;

use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::kernel::dense;
#[cfg(feature = "foreign")]
use crate::kernel::residual;
#[cfg(feature = "foreign")]
use crate::spec::Nets;
use crate::spec::{Conditioner, CouplingSpec, DenseSpec, ScaleMap, Shape, Transform};

/// Copies the kept features of `x` to the front of `out`.
#[inline(always)]
fn gather<V: Kernels>(spec: &CouplingSpec<'_>, x: &[V], out: &mut [V]) {
    for (slot, index) in out.iter_mut().zip(spec.mask.kept_features(x.len())) {
        if let Some(&value) = x.get(index) {
            *slot = value;
        }
    }
}

/// Runs one network on the kept features of `x`; [`net_output`] is where the result stands. Each layer
/// reads from one end of `scratch` and writes to the other; the last hidden layer and the output are
/// one pass. Returns the parameters behind the network's.
#[inline(always)]
fn run_net<'p, V: Kernels>(
    spec: &CouplingSpec<'_>,
    net: &DenseSpec<'_>,
    (inputs, outputs): (usize, usize),
    params: &'p [f32],
    x: &[V],
    scratch: &mut [V],
) -> Option<&'p [f32]> {
    #[cfg(feature = "foreign")]
    if let Nets::Residual { norm } = net.nets {
        let shape = residual::Shape {
            inputs,
            outputs,
            norm,
        };
        let end = scratch.len().checked_sub(inputs)?;
        gather(spec, x, scratch.get_mut(end..)?);
        return residual::forward(net, shape, params, scratch);
    }
    gather(spec, x, scratch);
    let (mut params, mut from, mut at_front) = (params, inputs, true);
    let mut hidden = net.hidden;
    loop {
        // A hidden layer that is stored, the last one with the outputs, or the outputs alone.
        let (width, between) = match *hidden {
            [width, _, ..] => (width, None),
            [width] => (outputs, Some(width)),
            [] => (outputs, None),
        };
        let (input, output) = ends(scratch, at_front, from, width)?;
        params = if let Some(between) = between {
            V::dense_pair(params, input, between, output, net.activation)
        } else {
            let activation = (!hidden.is_empty()).then_some(net.activation);
            dense::forward(params, input, output, activation)
        };
        let [_, rest @ ..] = hidden else {
            return Some(params);
        };
        if rest.is_empty() {
            return Some(params);
        }
        (hidden, from, at_front) = (rest, width, !at_front);
    }
}

/// Hidden layers that are stored, and the last one, which is not.
#[inline(always)]
fn split_last(hidden: &[usize]) -> (&[usize], Option<usize>) {
    match hidden {
        [stored @ .., last] => (stored, Some(*last)),
        [] => (&[], None),
    }
}

/// The outputs of a network after [`run_net`].
#[inline(always)]
fn net_output<'w, V>(net: &DenseSpec<'_>, outputs: usize, scratch: &'w [V]) -> Option<&'w [V]> {
    let (stored, _) = split_last(net.hidden);
    #[cfg(feature = "foreign")]
    let stored = match net.nets {
        // Its result always stands at the end.
        Nets::Residual { .. } => &[],
        _ => stored,
    };
    if stored.len() % 2 == 0 {
        scratch.get(scratch.len().checked_sub(outputs)?..)
    } else {
        scratch.get(..outputs)
    }
}

/// `source` values at one end of `scratch` to read, and `target` values at the other end to write.
#[inline(always)]
fn ends<V>(
    scratch: &mut [V],
    source_at_front: bool,
    source: usize,
    target: usize,
) -> Option<(&[V], &mut [V])> {
    let at_end = if source_at_front { target } else { source };
    let (front, end) = scratch.split_at_mut_checked(scratch.len().checked_sub(at_end)?)?;
    if source_at_front {
        Some((front.get(..source)?, end))
    } else {
        Some((end, front.get_mut(..target)?))
    }
}

/// Runs the conditioner on the kept features of `x`; returns raw log-scales and shifts, one each per
/// transformed feature (no log-scales for an additive coupling), and the parameters behind its own.
#[inline(always)]
#[allow(clippy::type_complexity, reason = "three slices")]
fn condition<'w, 'p, V: Kernels>(
    spec: &CouplingSpec<'_>,
    net: &DenseSpec<'_>,
    shape: Shape,
    params: &'p [f32],
    x: &[V],
    scratch: &'w mut [V],
) -> Option<(&'w [V], &'w [V], &'p [f32])> {
    let (inputs, outputs) = (spec.net_inputs(shape), spec.net_outputs(shape));
    let mut others = spec.net_count().saturating_sub(1);
    // The first of two networks gives the log-scales, which wait at the end for the shifts.
    let end = scratch.len().checked_sub(outputs.saturating_mul(others))?;
    let has_two = others > 0;
    let (scratch, waiting) = scratch.split_at_mut_checked(end)?;
    let mut rest = params;
    loop {
        rest = run_net(spec, net, (inputs, outputs), rest, x, scratch)?;
        if others == 0 {
            break;
        }
        others = 0;
        for (slot, &value) in waiting.iter_mut().zip(net_output(net, outputs, scratch)?) {
            *slot = value;
        }
    }
    let result = net_output(net, outputs, scratch)?;
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

/// What a scale map and its slope are computed from: the tanh, or the raw output for maps without one.
#[inline(always)]
fn inner_of<V: Kernels>(map: ScaleMap, math: Math, raw: V) -> V {
    match map {
        ScaleMap::RescaledTanh => raw.tanh(math),
        ScaleMap::ClampedTanh { clamp } => (raw * V::splat(1.0 / clamp)).tanh(math),
        ScaleMap::Unbounded | ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. } => raw,
    }
}

/// The log-scale from [`inner_of`]; `rescale` is the learned factor where there is one.
#[inline(always)]
fn log_scale<V: Kernels>(map: ScaleMap, math: Math, inner: V, rescale: Option<&f32>) -> V {
    match map {
        ScaleMap::RescaledTanh => inner * V::splat(rescale.copied().unwrap_or(1.0)),
        ScaleMap::ClampedTanh { clamp } => inner * V::splat(clamp),
        ScaleMap::Unbounded => inner,
        // Refused by `Flow::new`, and no code for it.
        ScaleMap::Atan { .. } | ScaleMap::Sigmoid { .. } if !cfg!(feature = "foreign") => inner,
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

/// `exp(s)`. What comes from a sigmoid with a floor is there before its logarithm, which would cost
/// digits; without a floor it could be 0 where `s` is finite.
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
    if floor <= 0.0 || !cfg!(feature = "foreign") {
        return s.exp(math);
    }
    let one = V::splat(1.0);
    let sigmoid = one / (one + (-(inner + V::splat(offset))).exp(math));
    let scale = sigmoid + V::splat(floor);
    if inverse { one / scale } else { scale }
}

/// `exp(s)` of one value, its `s` added to `sum`; `None` for an additive coupling.
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

/// Cuts the parameters into `rescale` and the conditioner's.
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

/// Changes each transformed feature by `change(value, exp(s), t)`, without `exp(s)` for an additive
/// coupling. Adds the `s` to `sum`, in the order of the features; returns the parameters behind its own.
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
    let Conditioner::Dense(net) = &spec.conditioner else {
        #[cfg(feature = "feature-maps")]
        {
            let (own, rest) = params.split_at_checked(spec.param_len(shape))?;
            maps::transform(spec, math, shape, own, x, scratch, change, sum)?;
            return Some(rest);
        }
        #[cfg(not(feature = "feature-maps"))]
        return None;
    };
    let (rescale, nets) = split_params(spec, params, shape);
    let (raw, shift, rest) = condition(spec, net, shape, nets, x, scratch)?;
    let map = spec.transform.scale_map();
    let features = spec.mask.transformed_features(x.len());
    for ((at, index), &t) in features.enumerate().zip(shift) {
        let x = x.get_mut(index)?;
        let factor = factor(map, math, raw.get(at), rescale.get(at), sum);
        change(x, factor, t);
    }
    Some(rest)
}

/// x to y. `scratch` holds at least `spec.scratch_len(shape)` values. Returns the parameters behind its
/// own; `None` where a slice is too short or the network is not compiled in.
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

/// y to x; lengths and `None` as for [`forward`].
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
