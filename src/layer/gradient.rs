//! One layer of the backward pass from a score: recovers its input and the gradient of the log-density with
//! respect to it.

#[cfg(feature = "extra-layers")]
use super::batch_norm;
#[cfg(feature = "extra-layers")]
use super::linear;
use super::{Place, affine, coupling, permutation, standardize};
#[cfg(feature = "feature-maps")]
use super::{logit, squeeze};
use crate::kernel::Kernels;
use crate::spec::LayerSpec;

/// Maps y to x, and converts the gradient with respect to y to that with respect to x, both in place. `params`
/// holds only the layer's parameters. `None` as in [`inverse`](super::inverse), and for a residual network of
/// convolutions.
#[inline(always)]
pub(crate) fn pull_back<V: Kernels>(
    layer: &LayerSpec<'_>,
    place: Place,
    params: &[f32],
    y: &mut [V],
    gradient: &mut [V],
    scratch: &mut [V],
) -> Option<()> {
    let Place { math, input, .. } = place;
    // Already part of the score.
    let mut log_det = V::splat(0.0);
    match layer {
        LayerSpec::Standardize => {
            standardize::inverse(input, params, y, &mut log_det)?;
            standardize::backward(input, params, gradient);
        }
        LayerSpec::Affine => {
            affine::inverse(input, params, y, &mut log_det)?;
            affine::backward(input, params, gradient);
        }
        #[cfg(feature = "extra-layers")]
        LayerSpec::Linear => {
            linear::inverse(input, params, y, &mut log_det)?;
            linear::pull_back(input, params, gradient)?;
        }
        LayerSpec::Coupling(spec) => {
            coupling::gradient::pull_back(spec, math, input, params, y, gradient, scratch)?;
        }
        LayerSpec::Permutation(order) => {
            permutation::inverse(input, order, y, scratch);
            permutation::inverse(input, order, gradient, scratch);
        }
        #[cfg(feature = "extra-layers")]
        LayerSpec::BatchNorm(spec) => {
            batch_norm::inverse(*spec, input, params, y, &mut log_det);
            batch_norm::pull_back(*spec, input, params, gradient);
        }
        #[cfg(not(feature = "extra-layers"))]
        LayerSpec::BatchNorm(_) | LayerSpec::Linear => return None,
        #[cfg(feature = "feature-maps")]
        LayerSpec::Logit(spec) => {
            logit::inverse(*spec, math, y, &mut log_det);
            logit::backward(*spec, y, gradient, V::splat(1.0));
        }
        #[cfg(feature = "feature-maps")]
        LayerSpec::Squeeze(kind) => {
            squeeze::inverse(*kind, input, y, scratch);
            squeeze::inverse(*kind, input, gradient, scratch);
        }
        #[cfg(feature = "feature-maps")]
        LayerSpec::Unsqueeze(kind) => {
            squeeze::forward(*kind, place.output, y, scratch);
            squeeze::forward(*kind, place.output, gradient, scratch);
        }
        // Factored-out values and their gradients are at the end.
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
