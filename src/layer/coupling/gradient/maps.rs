//! Gradients of couplings on feature maps: convolutional networks on whole maps.
//!
//! The maps of the network are kept, from its input (after statistics, if any) to its outputs.

use super::{Context, Elementwise, Saved, Tensors, Way};
use crate::kernel::Kernels;
#[cfg(feature = "std")]
use crate::kernel::convolution::training::{norm::GhostBatch, residual};
use crate::kernel::convolution::{NetDims, nth, stack};
use crate::kernel::dense;
use crate::layer::coupling::maps::{dims, read, split_outputs};
use crate::layer::coupling::split_params;
use crate::spec::{Conditioner, CouplingSpec};
#[cfg(feature = "std")]
use crate::spec::{ResidualConvolutionSpec, Shape};

/// Number of values that a residual network in its trained form keeps.
#[cfg(feature = "std")]
pub(super) fn trained_saved_len(
    net: &ResidualConvolutionSpec,
    spec: &CouplingSpec<'_>,
    shape: Shape,
) -> usize {
    residual::saved_len(net, dims(spec, shape))
}

/// Length of the scratch of its gradients.
#[cfg(feature = "std")]
pub(super) fn trained_scratch_len(
    net: &ResidualConvolutionSpec,
    spec: &CouplingSpec<'_>,
    shape: Shape,
) -> usize {
    residual::scratch_len(net, dims(spec, shape))
}

/// Position of the network's input among its kept values: at the front, except in the trained form.
fn input_at(spec: &CouplingSpec<'_>, dims: NetDims) -> usize {
    #[cfg(feature = "std")]
    if let Conditioner::ResidualConvolution(conditioner) = &spec.conditioner {
        return residual::input_at(conditioner, dims);
    }
    let _ = (spec, dims);
    0
}

/// A transformed value.
#[derive(Clone, Copy)]
struct Changed {
    /// Row of the map, and place in the map.
    y: usize,
    place: usize,
    /// Number of the transformed channel, and index in the sample.
    at: usize,
    index: usize,
}

/// The transformed values, in the order in which a score visits them.
fn changed<'s>(spec: &'s CouplingSpec<'_>, dims: NetDims) -> impl Iterator<Item = Changed> + 's {
    let shape = dims.shape;
    (0..shape.height).flat_map(move |y| {
        dims.wanted(y).within(shape.width).flat_map(move |column| {
            let place = y * shape.width + column;
            let channels = spec.mask.transformed_features(shape.channels);
            channels.enumerate().map(move |(at, channel)| Changed {
                y,
                place,
                at,
                index: channel * shape.pixels() + place,
            })
        })
    })
}

pub(super) fn saving<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    way: Way,
    params: &[f32],
    x: &mut [V],
    saved: Saved<'_, V>,
) -> Option<V> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, params, shape);
    let dims = dims(spec, shape);
    let Saved {
        elementwise,
        networks,
    } = saved;
    let input = networks.get_mut(input_at(spec, dims)..)?;
    for y in 0..shape.height {
        let row = input.get_mut(nth(y, shape.width * dims.inputs))?;
        read(spec.mask, shape, x, y, row);
    }
    match &spec.conditioner {
        Conditioner::Convolution(conditioner) => {
            stack::forward_saving(conditioner, dims, params, networks)?;
        }
        #[cfg(feature = "std")]
        Conditioner::ResidualConvolution(conditioner) => {
            residual::forward(conditioner, dims, statistics(context), params, networks)?;
        }
        #[cfg(not(feature = "std"))]
        Conditioner::ResidualConvolution(_) => return None,
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => return None,
    }
    let outputs = networks.get(networks.len().checked_sub(shape.pixels() * dims.outputs)?..)?;
    let transform = Elementwise::of(spec.transform, context.math);
    let transformed = spec.mask.transformed(shape.channels);
    // As in scoring, each row is summed separately.
    let (mut sum, mut row, mut last) = (V::splat(0.0), V::splat(0.0), 0);
    for Changed {
        y,
        place,
        at,
        index,
    } in changed(spec, dims)
    {
        if y != last {
            (sum, row, last) = (sum + row, V::splat(0.0), y);
        }
        let (raw, shift) = split_outputs(
            spec.transform.scale_map(),
            outputs.get(nth(place, dims.outputs))?,
        )?;
        let (x, &t) = (x.get_mut(index)?, shift.get(at)?);
        let Some(map) = transform else {
            way.shift(x, t);
            continue;
        };
        let kept = elementwise.get_mut(place * transformed + at)?;
        row = row + map.change(way, x, *raw.get(at)?, t, rescale.get(at), kept);
    }
    Some(sum + row)
}

pub(super) fn backward<V: Kernels>(
    spec: &CouplingSpec<'_>,
    context: Context,
    tensors: Tensors<'_, V>,
    gradient: &mut [V],
    param_gradient: Option<&mut [f32]>,
    scratch: &mut [V],
) -> Option<()> {
    let shape = context.shape;
    let (rescale, params) = split_params(spec, tensors.params, shape);
    let (mut rescale_gradient, param_gradient) =
        dense::split_at(param_gradient, spec.rescale_len(shape))?;
    let dims = dims(spec, shape);
    let (output_gradient, scratch) = scratch.split_at_mut_checked(spec.outputs_len(shape))?;
    let transform = Elementwise::of(spec.transform, context.math);
    let transformed = spec.mask.transformed(shape.channels);
    for Changed {
        place, at, index, ..
    } in changed(spec, dims)
    {
        let place_gradient = output_gradient.get_mut(nth(place, dims.outputs))?;
        let g = gradient.get_mut(index)?;
        let Some(map) = transform else {
            *place_gradient.get_mut(at)? = *g;
            continue;
        };
        let kept = tensors.elementwise.get(place * transformed + at)?;
        let rescale_gradient = rescale_gradient
            .as_deref_mut()
            .and_then(|gradient| gradient.get_mut(at));
        let (raw, shift) = map.backward(
            g,
            kept,
            tensors.log_det_gradient,
            rescale.get(at),
            rescale_gradient,
        );
        *place_gradient.get_mut(at)? = raw;
        *place_gradient.get_mut(transformed + at)? = shift;
    }
    let input_gradient = match &spec.conditioner {
        Conditioner::Convolution(conditioner) => stack::backward(
            conditioner,
            dims,
            params,
            tensors.networks,
            output_gradient,
            param_gradient,
            scratch,
        )?,
        #[cfg(feature = "std")]
        Conditioner::ResidualConvolution(conditioner) => residual::backward(
            conditioner,
            dims,
            statistics(context),
            params,
            tensors.networks,
            output_gradient,
            param_gradient?,
            scratch,
        )?,
        #[cfg(not(feature = "std"))]
        Conditioner::ResidualConvolution(_) => return None,
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => return None,
    };
    for (at, channel) in spec.mask.kept_features(shape.channels).enumerate() {
        for y in 0..shape.height {
            for column in 0..shape.width {
                if dims.kept.is_some_and(|parity| (y + column) % 2 != parity) {
                    continue;
                }
                let place = y * shape.width + column;
                let g = gradient.get_mut(channel * shape.pixels() + place)?;
                *g = *g + *input_gradient.get(place * dims.inputs + at)?;
            }
        }
    }
    Some(())
}

#[cfg(feature = "std")]
fn statistics(context: Context) -> GhostBatch {
    GhostBatch {
        rows: context.rows,
        keep: context.keep,
    }
}
