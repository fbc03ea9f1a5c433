//! Training of the layers: a forward pass that keeps what [`backward`] reads, and gradients.

use super::coupling::gradient as coupling;
use super::{Place, affine, batch_norm, logit, permutation, squeeze, standardize};
use crate::kernel::Kernels;
use crate::spec::{LayerSpec, Shape};

/// Properties of the batch other than the rows in the lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'b> {
    /// Number of lanes that hold a row; the others do not contribute to statistics.
    pub rows: usize,
    /// Weight of the running statistics in the normalisation inside networks, `0 .. 1`.
    pub keep: f64,
    /// The map of each channel of a batch norm on this batch.
    pub maps: &'b [batch_norm::ChannelMap],
    /// The gradients of these maps.
    pub gradients: &'b [batch_norm::Gradient],
}

impl Batch<'_> {
    const fn context(&self, place: Place) -> coupling::Context {
        coupling::Context {
            math: place.math,
            shape: place.input,
            rows: self.rows,
            keep: self.keep,
        }
    }
}

/// Number of values that [`forward_saving`] keeps per sample.
pub(crate) fn saved_len(layer: &LayerSpec<'_>, shape: Shape) -> usize {
    match layer {
        LayerSpec::Coupling(spec) => coupling::saved_len(spec, shape),
        LayerSpec::BatchNorm(_) | LayerSpec::Logit(_) => shape.len(),
        LayerSpec::Standardize
        | LayerSpec::Affine
        | LayerSpec::Permutation(_)
        | LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut => 0,
    }
}

/// Length of the scratch for [`forward_saving`] and [`backward`].
pub(crate) fn scratch_len(layer: &LayerSpec<'_>, shape: Shape) -> usize {
    match layer {
        LayerSpec::Coupling(spec) => coupling::scratch_len(spec, shape),
        LayerSpec::Standardize
        | LayerSpec::Logit(_)
        | LayerSpec::Affine
        | LayerSpec::BatchNorm(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut => layer.scratch_len(shape),
    }
}

/// Like [`forward`](super::forward), with the same kernels, but keeps `saved_len` values in `saved`. `params`
/// holds only the layer's parameters.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
pub(crate) fn forward_saving<V: Kernels>(
    layer: &LayerSpec<'_>,
    place: Place,
    batch: Batch<'_>,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    scratch: &mut [V],
    log_det: &mut V,
) {
    let shape = place.input;
    match layer {
        LayerSpec::Standardize => fits(standardize::forward(shape, params, x, log_det)),
        LayerSpec::Affine => fits(affine::forward(shape, params, x, log_det)),
        LayerSpec::BatchNorm(_) => {
            batch_norm::forward_saving(batch.maps, shape, x, saved, log_det);
        }
        LayerSpec::Coupling(spec) => {
            let context = batch.context(place);
            fits(coupling::forward_saving(
                spec, context, params, x, saved, log_det,
            ));
        }
        LayerSpec::Permutation(order) => permutation::forward(shape, order, x, scratch),
        LayerSpec::Logit(spec) => {
            saved.copy_from_slice(x);
            logit::forward(*spec, x, log_det);
        }
        LayerSpec::Squeeze(kind) => squeeze::forward(*kind, shape, x, scratch),
        LayerSpec::Unsqueeze(kind) => squeeze::inverse(*kind, place.output, x, scratch),
        LayerSpec::FactorOut => {}
    }
}

/// Gradients of a layer. Converts `gradient` from y to x in place. Each lane's row has the given `weight` in
/// the loss, the negative weighted sum of the log-densities. Adds to `param_gradient`.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is one tensor of the pass"
)]
pub(crate) fn backward<V: Kernels>(
    layer: &LayerSpec<'_>,
    place: Place,
    batch: Batch<'_>,
    params: &[f32],
    saved: &[V],
    gradient: &mut [V],
    weight: V,
    param_gradient: &mut [f32],
    scratch: &mut [V],
) {
    let shape = place.input;
    match layer {
        LayerSpec::Standardize => standardize::backward(shape, params, gradient),
        LayerSpec::Affine => affine::backward(shape, params, gradient),
        LayerSpec::BatchNorm(_) => {
            batch_norm::backward_rows(batch.gradients, shape, saved, gradient, weight);
        }
        LayerSpec::Coupling(spec) => fits(coupling::backward(
            spec,
            batch.context(place),
            params,
            saved,
            gradient,
            -weight,
            Some(param_gradient),
            scratch,
        )),
        LayerSpec::Permutation(order) => permutation::inverse(shape, order, gradient, scratch),
        LayerSpec::Logit(spec) => logit::backward(*spec, saved, gradient, -weight),
        LayerSpec::Squeeze(kind) => squeeze::inverse(*kind, shape, gradient, scratch),
        LayerSpec::Unsqueeze(kind) => squeeze::forward(*kind, place.output, gradient, scratch),
        LayerSpec::FactorOut => {}
    }
}

#[inline(always)]
fn fits<T: Copy>(done: Option<T>) {
    debug_assert!(done.is_some(), "slices fit the spec");
}
