//! The layers, and the single place that dispatches to them.
//!
//! One file per layer, with forward, inverse and backward pass side by side, followed by tests. All layers work
//! in place on `x: &mut [V]`, channel after channel (for a vector, one value per feature), and add their
//! log-determinant to `log_det`. [`forward`] and [`inverse`] run any layer; training uses
//! `training::forward_saving` and `training::backward`, input gradients use `gradient::pull_back`. Their
//! matches are exhaustive, so a new layer does not compile until it is handled everywhere.
//!
//! [`Flow::new`](crate::Flow::new) has checked lengths and features. Layers that it rejects have no code here:
//! such a layer, or one with too few parameters, returns `None`. The sample is then impossible, never scored as
//! if the layer were absent.
//!
//! ```
//! use nvpico::layer::{self, Place};
//! use nvpico::spec::Shape;
//! use nvpico::{LayerSpec, Math};
//!
//! let shape = Shape::vector(2);
//! let place = Place { math: Math::Libm, input: shape, output: shape };
//! // Scales, shifts, and the sum of ln |scale|.
//! let params = [2.0, 1.0, 0.0, -1.0, core::f32::consts::LN_2];
//! let (mut x, mut log_det) = ([3.0_f32, 4.0], 0.0);
//! let rest = layer::forward(&LayerSpec::Affine, place, &params, &mut x, &mut [], &mut log_det);
//! assert_eq!(rest, Some(&[][..]));
//! assert_eq!((x, log_det), ([6.0, 3.0], core::f32::consts::LN_2));
//! ```

pub mod affine;
#[cfg(feature = "foreign")]
pub mod batch_norm;
pub mod coupling;
pub(crate) mod fixed;
pub(crate) mod gradient;
#[cfg(feature = "feature-maps")]
pub mod logit;
pub mod permutation;
#[cfg(feature = "feature-maps")]
pub mod squeeze;
pub mod standardize;
#[cfg(feature = "std")]
pub(crate) mod training;

use crate::arithmetic::Math;
use crate::kernel::Kernels;
use crate::spec::{LayerSpec, Shape};

/// Position of a layer in a flow.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Back end of elementary functions.
    pub math: Math,
    /// Shape of the layer's input.
    pub input: Shape,
    /// Shape of the layer's output.
    pub output: Shape,
}

/// Maps x to y for any layer. `x` holds `place.input.len()` values, `scratch` at least
/// [`LayerSpec::scratch_len`]. Each layer takes its parameters off the front of `params`, because computing
/// their number beforehand would cost a chip more time than many layers do. Returns the remaining parameters.
#[inline(always)]
pub fn forward<'p, V: Kernels>(
    layer: &LayerSpec<'_>,
    place: Place,
    params: &'p [f32],
    x: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) -> Option<&'p [f32]> {
    let shape = place.input;
    match layer {
        LayerSpec::Standardize => return standardize::forward(shape, params, x, log_det),
        LayerSpec::Affine => return affine::forward(shape, params, x, log_det),
        LayerSpec::Coupling(spec) => {
            return coupling::forward(spec, place.math, shape, params, x, scratch, log_det);
        }
        LayerSpec::Permutation(order) => permutation::forward(shape, order, x, scratch),
        #[cfg(feature = "foreign")]
        LayerSpec::BatchNorm(spec) => {
            let (norm, rest) = params.split_at_checked(layer.param_len(shape))?;
            batch_norm::forward(*spec, shape, norm, x, log_det);
            return Some(rest);
        }
        #[cfg(not(feature = "foreign"))]
        LayerSpec::BatchNorm(_) => return None,
        #[cfg(feature = "feature-maps")]
        LayerSpec::Logit(spec) => logit::forward(*spec, x, log_det),
        #[cfg(feature = "feature-maps")]
        LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, x, scratch),
        #[cfg(feature = "feature-maps")]
        LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, place.output, x, scratch),
        // Factored-out values stay where they are; the next layer gets a shorter slice.
        #[cfg(feature = "feature-maps")]
        LayerSpec::FactorOut => {}
        #[cfg(not(feature = "feature-maps"))]
        LayerSpec::Logit(_)
        | LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut => return None,
    }
    Some(params)
}

/// Maps y to x for any layer. Lengths as in [`forward`], but `params` holds only the layer's parameters.
#[inline(always)]
pub fn inverse<V: Kernels>(
    layer: &LayerSpec<'_>,
    place: Place,
    params: &[f32],
    y: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let shape = place.input;
    match layer {
        LayerSpec::Standardize => return standardize::inverse(shape, params, y, log_det),
        LayerSpec::Affine => return affine::inverse(shape, params, y, log_det),
        LayerSpec::Coupling(spec) => {
            return coupling::inverse(spec, place.math, shape, params, y, scratch, log_det);
        }
        LayerSpec::Permutation(order) => permutation::inverse(shape, order, y, scratch),
        #[cfg(feature = "foreign")]
        LayerSpec::BatchNorm(spec) => batch_norm::inverse(*spec, shape, params, y, log_det),
        #[cfg(not(feature = "foreign"))]
        LayerSpec::BatchNorm(_) => return None,
        #[cfg(feature = "feature-maps")]
        LayerSpec::Logit(spec) => logit::inverse(*spec, place.math, y, log_det),
        #[cfg(feature = "feature-maps")]
        LayerSpec::Squeeze(kind) => squeeze::inverse(*kind, shape, y, scratch),
        #[cfg(feature = "feature-maps")]
        LayerSpec::Unsqueeze(kind) => squeeze::forward(*kind, place.output, y, scratch),
        #[cfg(feature = "feature-maps")]
        LayerSpec::FactorOut => {}
        #[cfg(not(feature = "feature-maps"))]
        LayerSpec::Logit(_)
        | LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut => return None,
    }
    Some(())
}

/// Moves values from sample order to the order of z: does what [`forward`] does in layers that move values
/// between places and channels, and nothing in others.
#[cfg(feature = "feature-maps")]
#[inline(always)]
pub(crate) fn to_places_of_z<V: Copy>(
    layer: &LayerSpec<'_>,
    place: Place,
    x: &mut [V],
    scratch: &mut [V],
) {
    match layer {
        LayerSpec::Squeeze(kind) => squeeze::forward(*kind, place.input, x, scratch),
        LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, place.output, x, scratch),
        LayerSpec::Standardize
        | LayerSpec::Logit(_)
        | LayerSpec::Affine
        | LayerSpec::BatchNorm(_)
        | LayerSpec::Coupling(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::FactorOut => {}
    }
}

/// Inverse of [`to_places_of_z`].
#[cfg(feature = "feature-maps")]
#[inline(always)]
pub(crate) fn to_places_of_x<V: Copy>(
    layer: &LayerSpec<'_>,
    place: Place,
    z: &mut [V],
    scratch: &mut [V],
) {
    match layer {
        LayerSpec::Squeeze(kind) => squeeze::inverse(*kind, place.input, z, scratch),
        LayerSpec::Unsqueeze(kind) => squeeze::forward(*kind, place.output, z, scratch),
        LayerSpec::Standardize
        | LayerSpec::Logit(_)
        | LayerSpec::Affine
        | LayerSpec::BatchNorm(_)
        | LayerSpec::Coupling(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::FactorOut => {}
    }
}

/// Applies a function to every value of `x` and its channel's entry of `maps`.
#[inline(always)]
pub(crate) fn by_channel<V, M: Copy>(
    shape: Shape,
    x: &mut [V],
    maps: impl Iterator<Item = M>,
    mut change: impl FnMut(&mut V, M),
) {
    let pixels = shape.pixels();
    if pixels == 1 {
        for (x, map) in x.iter_mut().zip(maps) {
            change(x, map);
        }
        return;
    }
    let mut rest = x;
    for map in maps {
        let Some((channel, others)) = rest.split_at_mut_checked(pixels) else {
            return;
        };
        for x in channel {
            change(x, map);
        }
        rest = others;
    }
}
