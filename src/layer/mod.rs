//! One file a layer: forward, inverse and backward side by side, then its tests.
//!
//! All layers work in place on `x: &mut [V]`, channel after channel (for a vector, one value per
//! feature), take exactly their own parameters, and add their log-determinant to `log_det`. Lengths were checked by
//! [`Flow::new`](crate::Flow::new); a slice that is too short makes a layer do less, never panic.

pub mod affine;
#[cfg(feature = "foreign")]
pub mod batch_norm;
pub mod coupling;
#[cfg(feature = "feature-maps")]
pub mod logit;
pub mod permutation;
#[cfg(feature = "feature-maps")]
pub mod squeeze;
pub mod standardize;

use crate::spec::Shape;

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
