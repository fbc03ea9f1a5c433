//! Training of couplings on feature maps: convolutional networks on whole maps.
//!
//! Kept of a forward pass: what [`Elementwise`] keeps of every place and transformed channel, then what
//! the network keeps, its input first and its outputs last.

use super::{Context, Elementwise, Tensors};
use crate::kernel::Kernels;
use crate::kernel::convolution::training::norm::Statistics;
use crate::kernel::convolution::training::{residual, stack};
use crate::kernel::convolution::{Extent, nth};
use crate::layer::coupling::maps::{extent, read, split_outputs};
use crate::layer::coupling::split_params;
use crate::spec::{Conditioner, CouplingSpec, Shape};

fn elementwise_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    Elementwise::KEPT * spec.mask.transformed(shape.channels) * shape.pixels()
}

pub(super) fn saved_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    elementwise_len(spec, shape) + net_saved_len(spec, extent(spec, shape))
}

fn net_saved_len(spec: &CouplingSpec<'_>, extent: Extent) -> usize {
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => 0,
        Conditioner::Convolution(own) => stack::saved_len(own, extent),
        Conditioner::ResidualConvolution(own) => residual::saved_len(own, extent),
    }
}

pub(super) fn scratch_len(spec: &CouplingSpec<'_>, shape: Shape) -> usize {
    let extent = extent(spec, shape);
    let net = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => 0,
        Conditioner::Convolution(own) => stack::scratch_len(own, extent),
        Conditioner::ResidualConvolution(own) => residual::scratch_len(own, extent),
    };
    shape.pixels() * extent.outputs + net
}

/// Where the network keeps its input.
fn input_at(spec: &CouplingSpec<'_>, extent: Extent) -> usize {
    match &spec.conditioner {
        Conditioner::ResidualConvolution(own) => residual::input_at(own, extent),
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) | Conditioner::Convolution(_) => 0,
    }
}

/// The transformed values: place in the map, transformed channel counted, place in the sample.
fn changed<'s>(
    spec: &'s CouplingSpec<'_>,
    extent: Extent,
) -> impl Iterator<Item = (usize, usize, usize)> + 's {
    let shape = extent.shape;
    (0..shape.height).flat_map(move |y| {
        extent
            .wanted(y)
            .within(shape.width)
            .flat_map(move |column| {
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
    let extent = extent(spec, shape);
    let (elementwise, net) = saved.split_at_mut_checked(elementwise_len(spec, shape))?;
    let net = net.get_mut(..net_saved_len(spec, extent))?;
    let input = net.get_mut(input_at(spec, extent)..)?;
    for y in 0..shape.height {
        let row = input.get_mut(nth(y, shape.width * extent.inputs))?;
        read(spec.mask, shape, x, y, row);
    }
    match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => return None,
        Conditioner::Convolution(own) => stack::forward(own, extent, params, net)?,
        Conditioner::ResidualConvolution(own) => {
            residual::forward(own, extent, statistics(context), params, net)?;
        }
    }
    let outputs = net.get(net.len().checked_sub(shape.pixels() * extent.outputs)?..)?;
    let transform = Elementwise::of(spec.transform, context.math);
    let transformed = spec.mask.transformed(shape.channels);
    let (kept, _) = elementwise.as_chunks_mut::<{ Elementwise::KEPT }>();
    // As in scoring: each row's sum by itself.
    let (mut sum, mut row, mut y) = (V::splat(0.0), V::splat(0.0), 0);
    for (place, at, index) in changed(spec, extent) {
        if place / shape.width != y {
            (sum, row, y) = (sum + row, V::splat(0.0), place / shape.width);
        }
        let (raw, shift) = split_outputs(
            spec.transform.scale_map(),
            outputs.get(nth(place, extent.outputs))?,
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
    let extent = extent(spec, shape);
    let (elementwise, net) = (tensors.saved).split_at_checked(elementwise_len(spec, shape))?;
    let net = net.get(..net_saved_len(spec, extent))?;
    let (output_gradient, scratch) =
        scratch.split_at_mut_checked(shape.pixels() * extent.outputs)?;
    let transform = Elementwise::of(spec.transform, context.math);
    let transformed = spec.mask.transformed(shape.channels);
    let (kept, _) = elementwise.as_chunks::<{ Elementwise::KEPT }>();
    for (place, at, index) in changed(spec, extent) {
        let own = output_gradient.get_mut(nth(place, extent.outputs))?;
        let g = gradient.get_mut(index)?;
        let Some(map) = transform else {
            *own.get_mut(at)? = *g;
            continue;
        };
        let kept = kept.get(place * transformed + at)?;
        let rescale = rescale.get(at).zip(rescale_gradient.get_mut(at));
        let (raw, shift) = map.backward(g, kept, tensors.log_det_gradient, rescale);
        *own.get_mut(at)? = raw;
        *own.get_mut(transformed + at)? = shift;
    }
    let input_gradient = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => return None,
        Conditioner::Convolution(own) => stack::backward(
            own,
            extent,
            params,
            net,
            output_gradient,
            param_gradient,
            scratch,
        )?,
        Conditioner::ResidualConvolution(own) => residual::backward(
            own,
            extent,
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
            if extent.kept.is_some_and(|parity| (y + column) % 2 != parity) {
                continue;
            }
            let g = gradient.get_mut(channel * shape.pixels() + place)?;
            *g = *g + *input_gradient.get(place * extent.inputs + at)?;
        }
    }
    Some(())
}

fn statistics(context: Context) -> Statistics {
    Statistics {
        rows: context.rows,
        keep: context.keep,
    }
}
