//! Training of stacks of convolutions. A forward pass keeps every layer's input, then the outputs.

use core::mem;

use super::Map;
use crate::kernel::Kernels;
use crate::kernel::convolution::{Layer, NetDims};
use crate::kernel::dense;
use crate::spec::{ConvolutionSpec, Kernel};

/// Number of channels of every layer's input and of the outputs.
fn channels<'s>(
    spec: &'s ConvolutionSpec<'_>,
    dims: NetDims,
) -> impl DoubleEndedIterator<Item = usize> + 's {
    let hidden = spec.hidden.iter().map(|layer| layer.filters);
    [dims.inputs]
        .into_iter()
        .chain(hidden)
        .chain([dims.outputs])
}

fn kernels<'s>(spec: &'s ConvolutionSpec<'_>) -> impl DoubleEndedIterator<Item = Kernel> + 's {
    let hidden = spec.hidden.iter().map(|layer| layer.kernel);
    hidden.chain([spec.last])
}

pub(crate) fn saved_len(spec: &ConvolutionSpec<'_>, dims: NetDims) -> usize {
    channels(spec, dims).sum::<usize>() * dims.shape.pixels()
}

/// Length of two gradient maps and the largest patch.
pub(crate) fn scratch_len(spec: &ConvolutionSpec<'_>, dims: NetDims) -> usize {
    let widest = channels(spec, dims).max().unwrap_or(0);
    let patches = kernels(spec)
        .zip(channels(spec, dims))
        .map(|(kernel, inputs)| Map::patch_len(kernel.taps(), inputs));
    2 * widest * dims.shape.pixels() + patches.max().unwrap_or(0)
}

/// The first map in `saved` is the input; the last one becomes the outputs.
pub(crate) fn forward<V: Kernels>(
    spec: &ConvolutionSpec<'_>,
    dims: NetDims,
    params: &[f32],
    saved: &mut [V],
) -> Option<()> {
    let pixels = dims.shape.pixels();
    let mut params = params;
    let (mut input, mut saved) = saved.split_at_mut_checked(pixels * dims.inputs)?;
    let mut inputs = dims.inputs;
    for (index, hidden) in spec.hidden.iter().enumerate() {
        let (layer, rest) = Layer::split(params, hidden.kernel, inputs, hidden.filters)?;
        let (output, after) = saved.split_at_mut_checked(pixels * hidden.filters)?;
        let map = Map {
            kept: dims.kept.filter(|_| index == 0),
            ..Map::inner(layer, dims)
        };
        map.forward(input, output, Some(spec.activation));
        (params, inputs, input, saved) = (rest, hidden.filters, output, after);
    }
    let (layer, _) = Layer::split(params, spec.last, inputs, dims.outputs)?;
    let map = Map {
        kept: dims.kept.filter(|_| spec.hidden.is_empty()),
        ..Map::last(layer, dims)
    };
    map.forward(input, saved.get_mut(..pixels * dims.outputs)?, None);
    Some(())
}

/// `gradient` holds the gradient of the outputs. Returns the slice that holds the gradient of the input map.
pub(crate) fn backward<'w, V: Kernels>(
    spec: &ConvolutionSpec<'_>,
    dims: NetDims,
    params: &[f32],
    saved: &[V],
    gradient: &[V],
    param_gradient: &mut [f32],
    scratch: &'w mut [V],
) -> Option<&'w [V]> {
    let pixels = dims.shape.pixels();
    let widest = pixels * channels(spec, dims).max().unwrap_or(0);
    let (first, scratch) = scratch.split_at_mut_checked(widest)?;
    let (second, patch) = scratch.split_at_mut_checked(widest)?;
    let (mut source, mut target) = (first, second);
    for (slot, &g) in source.iter_mut().zip(gradient) {
        *slot = g;
    }
    let mut params = params;
    let mut param_gradient = param_gradient;
    let mut saved = saved.get(..saved_len(spec, dims) - pixels * dims.outputs)?;
    let mut outputs = dims.outputs;
    let layers = kernels(spec).rev().zip(channels(spec, dims).rev().skip(1));
    for (index, (kernel, inputs)) in layers.enumerate() {
        let len = kernel.param_len(inputs, outputs);
        let (rest, last) = params.split_at_checked(params.len().checked_sub(len)?)?;
        let at = param_gradient.len().checked_sub(len)?;
        let (rest_gradient, own_gradient) = param_gradient.split_at_mut_checked(at)?;
        let (before, input) = saved.split_at_checked(saved.len().checked_sub(pixels * inputs)?)?;
        let (layer, _) = Layer::split(last, kernel, inputs, outputs)?;
        let map = if index == 0 {
            Map::last(layer, dims)
        } else {
            Map::inner(layer, dims)
        };
        let input_gradient = target.get_mut(..pixels * inputs)?;
        input_gradient.fill(V::splat(0.0));
        map.backward(
            input,
            source.get(..pixels * outputs)?,
            own_gradient,
            input_gradient,
            patch,
        );
        if !before.is_empty() {
            dense::backward_activation(input, input_gradient, spec.activation);
        }
        mem::swap(&mut source, &mut target);
        (params, param_gradient, saved, outputs) = (rest, rest_gradient, before, inputs);
    }
    source.get(..pixels * dims.inputs)
}
