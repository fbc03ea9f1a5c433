//! The layers, and the one place where they are told apart.
//!
//! A file a layer: forward, inverse and backward side by side, then its tests. All layers work in place on
//! `x: &mut [V]`, channel after channel (for a vector, one value per feature), and add their log-determinant
//! to `log_det`. [`forward`] and [`inverse`] run any of them, `forward_fixed` runs them in fixed point; training runs
//! `training::forward_saving` and `training::backward`; `gradient::pull_back` goes back from a score. Their matches name
//! every layer, so a new one does not compile until it is dispatched everywhere.
//!
//! [`Flow::new`](crate::Flow::new) has checked lengths and features. What it refuses has no code here: such
//! a layer, or one with too few parameters, returns `None`, and the score is impossible, never that of a
//! model without the layer.
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
#[cfg(feature = "extra-layers")]
pub mod batch_norm;
pub mod coupling;
pub(crate) mod gradient;
#[cfg(feature = "extra-layers")]
pub mod linear;
#[cfg(feature = "feature-maps")]
pub mod logit;
pub mod permutation;
#[cfg(feature = "feature-maps")]
pub mod squeeze;
pub mod standardize;
#[cfg(feature = "std")]
pub(crate) mod training;

use crate::arithmetic::Math;
use crate::arithmetic::fixed::Progress;
#[cfg(feature = "feature-maps")]
use crate::image::FactorOutHeader;
use crate::image::{AffineChannel, Op, Program, StandardizeChannel};
use crate::kernel::Kernels;
use crate::kernel::dense::fixed::Weights;
use crate::spec::{LayerSpec, Shape};

/// Where a layer stands in a flow.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Back end of elementary functions.
    pub math: Math,
    /// Shape of what reaches the layer.
    pub input: Shape,
    /// Shape of what goes on.
    pub output: Shape,
}

/// x to y for any layer. `x` holds `place.input.len()` values, `scratch` at least
/// [`LayerSpec::scratch_len`]. Layers take their parameters off the front of `params`: to count them first
/// would cost a chip more than many a layer takes. Returns those that follow.
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
        #[cfg(feature = "extra-layers")]
        LayerSpec::Linear => return linear::forward(shape, params, x, log_det),
        LayerSpec::Coupling(spec) => {
            return coupling::forward(spec, place.math, shape, params, x, scratch, log_det);
        }
        LayerSpec::Permutation(order) => permutation::forward(shape, order, x, scratch),
        #[cfg(feature = "extra-layers")]
        LayerSpec::BatchNorm(spec) => {
            let (norm, rest) = params.split_at_checked(layer.param_len(shape))?;
            batch_norm::forward(*spec, shape, norm, x, log_det);
            return Some(rest);
        }
        #[cfg(not(feature = "extra-layers"))]
        LayerSpec::BatchNorm(_) | LayerSpec::Linear => return None,
        #[cfg(feature = "feature-maps")]
        LayerSpec::Logit(spec) => logit::forward(*spec, x, log_det),
        #[cfg(feature = "feature-maps")]
        LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, x, scratch),
        #[cfg(feature = "feature-maps")]
        LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, place.output, x, scratch),
        // What is factored out stays where it is; the next layer gets a shorter slice.
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

/// y to x for any layer; lengths as for [`forward`], `params` being the layer's alone.
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
        #[cfg(feature = "extra-layers")]
        LayerSpec::Linear => return linear::inverse(shape, params, y, log_det),
        LayerSpec::Coupling(spec) => {
            return coupling::inverse(spec, place.math, shape, params, y, scratch, log_det);
        }
        LayerSpec::Permutation(order) => permutation::inverse(shape, order, y, scratch),
        #[cfg(feature = "extra-layers")]
        LayerSpec::BatchNorm(spec) => batch_norm::inverse(*spec, shape, params, y, log_det),
        #[cfg(not(feature = "extra-layers"))]
        LayerSpec::BatchNorm(_) | LayerSpec::Linear => return None,
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

/// [`forward`] in fixed point, in place; the program stands behind its op, which is `kind`. `None` where the words are not
/// those of a layer.
#[inline(always)]
pub(crate) fn forward_fixed<W: Weights>(
    program: &mut Program<'_>,
    kind: i32,
    x: &mut [i32],
    scratch: &mut [i32],
    progress: &mut Progress,
) -> Option<()> {
    // What was factored out lies behind it.
    #[cfg(feature = "feature-maps")]
    let x = {
        let len = x.len().min(progress.left);
        x.get_mut(..len)?
    };
    match Op::of(kind)? {
        Op::Standardize => affine::fixed::forward(program, StandardizeChannel::WORDS, x, progress),
        Op::Affine => affine::fixed::forward(program, AffineChannel::WORDS, x, progress),
        #[cfg(feature = "extra-layers")]
        Op::Linear => linear::fixed::forward(program, x, progress),
        #[cfg(not(feature = "extra-layers"))]
        Op::Linear => None,
        Op::Permutation => permutation::fixed::forward(program, x, scratch),
        Op::Coupling => coupling::fixed::forward::<W>(program, kind, x, scratch, progress),
        #[cfg(feature = "feature-maps")]
        Op::Squeeze => squeeze::fixed::forward(squeeze::fixed::Way::Squeeze, program, x, scratch),
        #[cfg(feature = "feature-maps")]
        Op::Unsqueeze => {
            squeeze::fixed::forward(squeeze::fixed::Way::Unsqueeze, program, x, scratch)
        }
        #[cfg(feature = "feature-maps")]
        Op::FactorOut => {
            progress.left = FactorOutHeader::read(program)?.goes_on as usize;
            Some(())
        }
        #[cfg(feature = "feature-maps")]
        Op::Logit => logit::fixed::forward(program, x, progress),
        #[cfg(feature = "feature-maps")]
        Op::Convolution => coupling::fixed::maps::forward::<W>(program, kind, x, scratch, progress),
        #[cfg(all(feature = "feature-maps", feature = "extra-layers"))]
        Op::Residual => {
            coupling::fixed::residual::forward::<W>(program, kind, x, scratch, progress)
        }
        #[cfg(not(feature = "feature-maps"))]
        Op::Squeeze | Op::Unsqueeze | Op::FactorOut | Op::Logit | Op::Convolution => None,
        #[cfg(not(all(feature = "feature-maps", feature = "extra-layers")))]
        Op::Residual => None,
    }
}

/// Moves values as [`forward`] does where a layer moves places to channels or back, and changes nothing
/// else: from the sample's order to that of z.
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
        | LayerSpec::Linear
        | LayerSpec::BatchNorm(_)
        | LayerSpec::Coupling(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::FactorOut => {}
    }
}

/// Undoes [`to_places_of_z`].
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
        | LayerSpec::Linear
        | LayerSpec::BatchNorm(_)
        | LayerSpec::Coupling(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::FactorOut => {}
    }
}

/// Changes every value of `x` with its channel's entry of `maps`.
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
