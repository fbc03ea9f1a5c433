//! Training of couplings on feature maps: convolutional networks on whole maps.
//!
//! Kept of a forward pass: what [`Elementwise`] keeps of every place and transformed channel, then what
//! the network keeps, its input first and its outputs last.

use super::{Context, Elementwise, Tensors};
use crate::kernel::Kernels;
use crate::kernel::convolution::training::norm::GhostBatch;
use crate::kernel::convolution::training::{residual, stack};
use crate::kernel::convolution::{NetDims, nth};
use crate::layer::coupling::maps::{dims, read, split_outputs};
use crate::layer::coupling::split_params;
use crate::spec::{Conditioner, CouplingSpec, Shape};

fn elementwise_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    Elementwise::KEPT * spec.mask.transformed(shape.channels) * shape.pixels()
}

pub(super) fn saved_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    elementwise_len(spec, shape) + net_saved_len(spec, dims(spec, shape))
}

fn net_saved_len(spec: &CouplingSpec<'_>, dims: NetDims) -> usize {
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => 0,
        Conditioner::Convolution(conditioner) => stack::saved_len(conditioner, dims),
        Conditioner::ResidualConvolution(conditioner) => residual::saved_len(conditioner, dims),
    }
}

pub(super) fn scratch_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let dims = dims(spec, shape);
    let net = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => 0,
        Conditioner::Convolution(conditioner) => stack::scratch_len(conditioner, dims),
        Conditioner::ResidualConvolution(conditioner) => residual::scratch_len(conditioner, dims),
    };
    shape.pixels() * dims.outputs + net
}

/// Where the network keeps its input.
fn input_at(spec: &CouplingSpec<'_>, dims: NetDims) -> usize {
    match &spec.conditioner {
        Conditioner::ResidualConvolution(conditioner) => residual::input_at(conditioner, dims),
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) | Conditioner::Convolution(_) => 0,
    }
}

/// The transformed values: place in the map, transformed channel counted, place in the sample.
fn changed<'s>(
    spec: &'s CouplingSpec<'_>,
    dims: NetDims,
) -> impl Iterator<Item = (usize, usize, usize)> + 's {
    let shape = dims.shape;
    (0..shape.height).flat_map(move |y| {
        dims.wanted(y).within(shape.width).flat_map(move |column| {
            let place = y * shape.width + column;
            let channels = spec.mask.transformed_features(shape.channels);
            (channels.enumerate())
                .map(move |(at, channel)| (place, at, channel * shape.pixels() + place))
        })
    })
}

pub(super) fn forward_saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    params: &[f32],
    x: &mut [V],
    saved: &mut [V],
    log_det: &mut V,
) -> Option<()> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, params, shape);
    let dims = dims(spec, shape);
    let (elementwise, net) = saved.split_at_mut_checked(elementwise_len(spec, shape))?;
    let net = net.get_mut(..net_saved_len(spec, dims))?;
    let input = net.get_mut(input_at(spec, dims)..)?;
    for y in 0..shape.height {
        let row = input.get_mut(nth(y, shape.width * dims.inputs))?;
        read(spec.mask, shape, x, y, row);
    }
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => return None,
        Conditioner::Convolution(conditioner) => stack::forward(conditioner, dims, params, net)?,
        Conditioner::ResidualConvolution(conditioner) => {
            residual::forward(conditioner, dims, statistics(context), params, net)?;
        }
    }
    let outputs = net.get(net.len().checked_sub(shape.pixels() * dims.outputs)?..)?;
    let transform = Elementwise::of(spec.transform, context.math);
    let transformed = spec.mask.transformed(shape.channels);
    let (kept, _) = elementwise.as_chunks_mut::<{ Elementwise::KEPT }>();
    // As in scoring: each row's sum by itself.
    let (mut sum, mut row, mut y) = (V::splat(0.0), V::splat(0.0), 0);
    for (place, at, index) in changed(spec, dims) {
        if place / shape.width != y {
            (sum, row, y) = (sum + row, V::splat(0.0), place / shape.width);
        }
        let (raw, shift) = split_outputs(
            spec.transform.scale_map(),
            outputs.get(nth(place, dims.outputs))?,
        )?;
        let (x, &t) = (x.get_mut(index)?, shift.get(at)?);
        let Some(map) = transform else {
            *x = *x + t;
            continue;
        };
        let kept = kept.get_mut(place * transformed + at)?;
        row = row + map.forward(x, *raw.get(at)?, t, rescale.get(at), kept);
    }
    *log_det = *log_det + (sum + row);
    Some(())
}

pub(super) fn backward<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    tensors: Tensors<'_, V>,
    gradient: &mut [V],
    param_gradient: &mut [f32],
    scratch: &mut [V],
) -> Option<()> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, tensors.params, shape);
    let (rescale_gradient, param_gradient) =
        param_gradient.split_at_mut_checked(spec.rescale_len(shape))?;
    let dims = dims(spec, shape);
    let (elementwise, net) = (tensors.saved).split_at_checked(elementwise_len(spec, shape))?;
    let net = net.get(..net_saved_len(spec, dims))?;
    let (output_gradient, scratch) = scratch.split_at_mut_checked(shape.pixels() * dims.outputs)?;
    let transform = Elementwise::of(spec.transform, context.math);
    let transformed = spec.mask.transformed(shape.channels);
    let (kept, _) = elementwise.as_chunks::<{ Elementwise::KEPT }>();
    for (place, at, index) in changed(spec, dims) {
        let place_gradient = output_gradient.get_mut(nth(place, dims.outputs))?;
        let g = gradient.get_mut(index)?;
        let Some(map) = transform else {
            *place_gradient.get_mut(at)? = *g;
            continue;
        };
        let kept = kept.get(place * transformed + at)?;
        let rescale = rescale.get(at).zip(rescale_gradient.get_mut(at));
        let (raw, shift) = map.backward(g, kept, tensors.log_det_gradient, rescale);
        *place_gradient.get_mut(at)? = raw;
        *place_gradient.get_mut(transformed + at)? = shift;
    }
    let input_gradient = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => return None,
        Conditioner::Convolution(conditioner) => stack::backward(
            conditioner,
            dims,
            params,
            net,
            output_gradient,
            param_gradient,
            scratch,
        )?,
        Conditioner::ResidualConvolution(conditioner) => residual::backward(
            conditioner,
            dims,
            statistics(context),
            params,
            net,
            output_gradient,
            param_gradient,
            scratch,
        )?,
    };
    for (at, channel) in spec.mask.kept_features(shape.channels).enumerate() {
        for place in 0..shape.pixels() {
            let (y, column) = (place / shape.width, place % shape.width);
            if dims.kept.is_some_and(|parity| (y + column) % 2 != parity) {
                continue;
            }
            let g = gradient.get_mut(channel * shape.pixels() + place)?;
            *g = *g + *input_gradient.get(place * dims.inputs + at)?;
        }
    }
    Some(())
}

fn statistics(context: Context) -> GhostBatch {
    GhostBatch {
        rows: context.rows,
        keep: context.keep,
    }
}
