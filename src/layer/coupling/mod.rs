//! Affine and additive coupling (paper sections 3.2 and 3.3; additive: NICE, arXiv:1410.8516).
//!
//! The kept features pass unchanged and feed the conditioner; the others become
//! `y = x * exp(s) + t` (or `x + t`), so the Jacobian is triangular, the log-determinant is the sum
//! of `s`, and the inverse costs as much as the forward pass.
//!
//! Parameters: `rescale[transformed]` for [`ScaleMap::RescaledTanh`], then the conditioner's networks.
//!
//! Training runs [`forward_saving`], which is [`forward`] with every activation kept, and
//! [`backward`](fn@backward), which reads them.

use core::mem;

mod backward;

pub use backward::{backward, backward_scratch_len, forward_saving, saved_len};

use crate::conditioner::dense;
use crate::lanes::Lanes;
use crate::math::Math;
use crate::spec::{CouplingSpec, ScaleMap, Transform};

/// Copies the kept features of `x` to the front of `out`.
#[inline(always)]
pub(crate) fn gather<V: Lanes>(spec: &CouplingSpec<'_>, x: &[V], out: &mut [V]) {
    let kept = x
        .iter()
        .zip(spec.mask.iter(x.len()))
        .filter(|(_, kept)| *kept);
    for (slot, (&value, _)) in out.iter_mut().zip(kept) {
        *slot = value;
    }
}

/// Runs one network on the kept features of `x`; the result ends in the slice returned.
#[inline(always)]
fn run_net<'w, V: Lanes>(
    spec: &CouplingSpec<'_>,
    params: &[f32],
    x: &[V],
    outputs: usize,
    source: &'w mut [V],
    target: &'w mut [V],
) -> &'w mut [V] {
    let (mut source, mut target) = (source, target);
    gather(spec, x, source);
    let mut params = params;
    let mut from = spec.mask.kept(x.len());
    for &width in spec.conditioner.hidden {
        let len = dense::param_len(from, width);
        let (Some((own, rest)), Some(input), Some(output)) = (
            params.split_at_checked(len),
            source.get(..from),
            target.get_mut(..width),
        ) else {
            return &mut [];
        };
        V::dense(own, input, output, Some(spec.conditioner.activation));
        params = rest;
        from = width;
        mem::swap(&mut source, &mut target);
    }
    let (Some(input), Some(output)) = (source.get(..from), target.get_mut(..outputs)) else {
        return &mut [];
    };
    V::dense(params, input, output, None);
    output
}

/// Runs the conditioner on the kept features of `x`; returns raw log-scales and shifts, one each per
/// transformed feature (no log-scales for an additive coupling).
#[inline(always)]
fn condition<'w, V: Lanes>(
    spec: &CouplingSpec<'_>,
    params: &[f32],
    x: &[V],
    scratch: &'w mut [V],
) -> (&'w [V], &'w [V]) {
    let dim = x.len();
    let outputs = spec.net_outputs(dim);
    let widest = spec.widest(dim);
    let nothing: (&[V], &[V]) = (&[], &[]);
    let Some((source, rest)) = scratch.split_at_mut_checked(widest) else {
        return nothing;
    };
    let Some((target, own)) = rest.split_at_mut_checked(widest) else {
        return nothing;
    };
    // The first of two networks gives the log-scales, which wait in `own` for the shifts.
    let mut params = params;
    if spec.net_count() == 2 {
        let (Some((first, second)), Some(raw)) = (
            params.split_at_checked(params.len() / 2),
            own.get_mut(..outputs),
        ) else {
            return nothing;
        };
        params = second;
        let result = run_net(spec, first, x, outputs, source, target);
        for (slot, &value) in raw.iter_mut().zip(result.iter()) {
            *slot = value;
        }
    }
    let result = run_net(spec, params, x, outputs, source, target);
    let raws = match (spec.transform, spec.net_count()) {
        (Transform::Affine(_), 1) => outputs / 2,
        _ => 0,
    };
    let (raw, shift) = result.split_at_checked(raws).unwrap_or(nothing);
    if spec.net_count() == 2 {
        return (own, shift);
    }
    (raw, shift)
}

/// The log-scale `s` from the conditioner's raw output.
#[inline(always)]
fn log_scale<V: Lanes>(map: ScaleMap, math: Math, raw: V, rescale: f32) -> V {
    log_scale_from(map, inner_tanh(map, math, raw), raw, rescale)
}

/// The tanh of a scale map; 0 for the unbounded one, which has none.
#[inline(always)]
fn inner_tanh<V: Lanes>(map: ScaleMap, math: Math, raw: V) -> V {
    match map {
        ScaleMap::RescaledTanh => raw.tanh(math),
        ScaleMap::ClampedTanh { clamp } => (raw * V::splat(1.0 / clamp)).tanh(math),
        ScaleMap::Unbounded => V::splat(0.0),
    }
}

/// The log-scale from the scale map's tanh.
#[inline(always)]
fn log_scale_from<V: Lanes>(map: ScaleMap, inner: V, raw: V, rescale: f32) -> V {
    match map {
        ScaleMap::RescaledTanh => inner * V::splat(rescale),
        ScaleMap::ClampedTanh { clamp } => inner * V::splat(clamp),
        ScaleMap::Unbounded => raw,
    }
}

/// Cuts the parameters into `rescale` and the conditioner's.
#[inline(always)]
pub(crate) fn split_params<'p>(
    spec: &CouplingSpec<'_>,
    params: &'p [f32],
    dim: usize,
) -> (&'p [f32], &'p [f32]) {
    params
        .split_at_checked(spec.rescale_len(dim))
        .unwrap_or((&[], &[]))
}

/// The transformed features of `x`, in order.
#[inline(always)]
pub(crate) fn transformed<'x, V: Lanes>(
    spec: &CouplingSpec<'x>,
    x: &'x mut [V],
) -> impl Iterator<Item = &'x mut V> {
    let mask = spec.mask.iter(x.len());
    x.iter_mut()
        .zip(mask)
        .filter(|(_, kept)| !*kept)
        .map(|(x, _)| x)
}

/// x to y. `scratch` holds at least `spec.scratch_len(dim)` values.
#[inline(always)]
pub fn forward<V: Lanes>(
    spec: &CouplingSpec<'_>,
    math: Math,
    params: &[f32],
    x: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) {
    let (rescale, nets) = split_params(spec, params, x.len());
    let (raw, shift) = condition(spec, nets, x, scratch);
    let changed = transformed(spec, x);
    let mut rescale = rescale.iter();
    match spec.transform {
        Transform::Additive => {
            for (x, &t) in changed.zip(shift) {
                *x = *x + t;
            }
        }
        Transform::Affine(map) => {
            for ((x, &raw), &t) in changed.zip(raw).zip(shift) {
                let r = rescale.next().copied().unwrap_or(1.0);
                let s = log_scale(map, math, raw, r);
                *x = *x * s.exp(math) + t;
                *log_det = *log_det + s;
            }
        }
    }
}

/// y to x. `scratch` holds at least `spec.scratch_len(dim)` values.
#[inline(always)]
pub fn inverse<V: Lanes>(
    spec: &CouplingSpec<'_>,
    math: Math,
    params: &[f32],
    y: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) {
    let (rescale, nets) = split_params(spec, params, y.len());
    let (raw, shift) = condition(spec, nets, y, scratch);
    let changed = transformed(spec, y);
    let mut rescale = rescale.iter();
    match spec.transform {
        Transform::Additive => {
            for (y, &t) in changed.zip(shift) {
                *y = *y - t;
            }
        }
        Transform::Affine(map) => {
            for ((y, &raw), &t) in changed.zip(raw).zip(shift) {
                let r = rescale.next().copied().unwrap_or(1.0);
                let s = log_scale(map, math, raw, r);
                *y = (*y - t) * (-s).exp(math);
                *log_det = *log_det - s;
            }
        }
    }
}
