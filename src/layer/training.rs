//! The layers in training: forward with what [`backward`] reads kept, and the gradients.

use std::vec;
use std::vec::Vec;

use super::coupling::gradient as coupling;
use super::{Place, affine, batch_norm, linear, logit, permutation, squeeze, standardize};
use crate::kernel::Kernels;
use crate::spec::{LayerSpec, Shape};

/// What a pass knows of the batch besides the rows in its lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'b> {
    /// Lanes that carry a row; the others have no part in statistics.
    pub rows: usize,
    /// Weight of the running statistics in what normalises inside networks, `0 .. 1`.
    pub keep: f64,
    /// The channels' maps of a batch norm on this batch.
    pub maps: &'b [batch_norm::ChannelMap],
    /// Their gradients.
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

/// Parameters with which a layer leaves every value as it is; of a coupling those in front of its networks'.
pub(crate) fn identity(layer: &LayerSpec<'_>, shape: Shape) -> Vec<f32> {
    let channels = shape.channels;
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    match layer {
        LayerSpec::Standardize => [zeros, ones, vec![0.0]].concat(),
        LayerSpec::Affine => [ones, zeros, vec![0.0]].concat(),
        LayerSpec::Linear => linear::identity(channels),
        LayerSpec::BatchNorm(norm) => {
            let learned = vec![0.0; if norm.affine { 2 * channels } else { 0 }];
            [zeros, ones, learned].concat()
        }
        LayerSpec::Coupling(coupling) => vec![1.0; coupling.rescale_len(shape)],
        LayerSpec::Logit(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut => Vec::new(),
    }
}

/// Values that [`forward_saving`] keeps of a sample.
pub(crate) fn saved_len(layer: &LayerSpec<'_>, shape: Shape) -> usize {
    match layer {
        LayerSpec::Coupling(spec) => coupling::saved_len(spec, shape),
        LayerSpec::BatchNorm(_) | LayerSpec::Logit(_) => shape.len(),
        LayerSpec::Linear => 2 * shape.len(),
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
        | LayerSpec::Linear
        | LayerSpec::BatchNorm(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut => layer.scratch_len(shape),
    }
}

/// [`forward`](super::forward) with the same kernels, `saved_len` values kept in `saved`. `params` are the
/// layer's alone.
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
        LayerSpec::Linear => fits(linear::forward_saving(shape, params, x, saved, log_det)),
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

/// Gradients of a layer. `gradient` goes from y to x in place; every lane's row has the given `weight` in
/// the loss, which is minus the weighted sum of the log-densities. Adds to `param_gradient`.
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
        LayerSpec::Linear => fits(linear::backward(
            shape,
            params,
            saved,
            gradient,
            weight,
            param_gradient,
        )),
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
