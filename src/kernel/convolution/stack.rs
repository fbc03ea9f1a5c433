//! A stack of convolutions, computed row by row: each layer runs a few rows behind the one before it, and only
//! the rows of its input that its window covers are held, in a ring buffer.
//!
//! Gradients need whole maps: [`forward_saving`] keeps every layer's input and the outputs, [`backward`] reads them.

use core::mem;

use super::map::Map;
use super::{Layer, NetDims, Row, Rows, Source, slot};
use crate::kernel::{Kernels, dense};
use crate::spec::{ConvolutionSpec, Kernel};

/// Runs the network; returns the parameters after the network's. `scratch` has the length that
/// [`ConvolutionSpec`] gives. `None` if a slice is too short, which a valid spec rules out.
#[inline(always)]
pub(crate) fn forward<'p, V: Kernels>(
    spec: &ConvolutionSpec<'_>,
    dims: NetDims,
    params: &'p [f32],
    rows: &mut impl Rows<V>,
    scratch: &mut [V],
) -> Option<&'p [f32]> {
    let shape = dims.shape;
    let first = spec.hidden.first().map_or(spec.last, |layer| layer.kernel);
    let mut step: usize = 0;
    loop {
        // Each step reads one row, and every layer computes the one row that has become possible.
        let len = shape.width.saturating_mul(dims.inputs);
        let held = first.rows(shape);
        let (mut ring, mut scratch) = scratch.split_at_mut_checked(held.saturating_mul(len))?;
        if step < shape.height {
            rows.read(step, ring.get_mut(slot(held, step, len))?);
        }
        let (mut params, mut inputs, mut kept) = (params, dims.inputs, dims.kept);
        let (mut held, mut delay) = (held, 0);
        let mut hidden = spec.hidden;
        while let [current, others @ ..] = hidden {
            let (layer, rest) = Layer::split(params, current.kernel, inputs, current.filters)?;
            let next = others.first().map_or(spec.last, |layer| layer.kernel);
            let (next_held, len) = (
                next.rows(shape),
                shape.width.saturating_mul(current.filters),
            );
            let (target, after) = scratch.split_at_mut_checked(next_held.saturating_mul(len))?;
            delay += current.kernel.height / 2;
            if let Some(y) = row_of(step, delay, shape.height) {
                let output = target.get_mut(slot(next_held, y, len))?;
                let source = Source {
                    values: ring,
                    slots: held,
                };
                V::convolve(Row {
                    kept,
                    activation: Some(spec.activation),
                    ..Row::new(layer, source, shape, y, output)
                });
            }
            (params, inputs, kept, held) = (rest, current.filters, None, next_held);
            (ring, scratch, hidden) = (target, after, others);
        }
        let (layer, behind) = Layer::split(params, spec.last, inputs, dims.outputs)?;
        delay += spec.last.height / 2;
        if let Some(y) = row_of(step, delay, shape.height) {
            let output = scratch.get_mut(..shape.width.saturating_mul(dims.outputs))?;
            let source = Source {
                values: ring,
                slots: held,
            };
            V::convolve(Row {
                kept,
                columns: dims.wanted(y),
                ..Row::new(layer, source, shape, y, &mut *output)
            });
            rows.write(y, output);
        }
        step = step.saturating_add(1);
        if step >= shape.height.saturating_add(delay) {
            return Some(behind);
        }
    }
}

/// The row that a layer, `delay` rows behind, computes at `step`.
#[inline(always)]
pub(crate) fn row_of(step: usize, delay: usize, height: usize) -> Option<usize> {
    step.checked_sub(delay).filter(|&y| y < height)
}

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

/// Runs the network on whole maps. The first map in `saved` is the input; the last one becomes the outputs.
pub(crate) fn forward_saving<V: Kernels>(
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

/// Backward pass. `gradient` holds the gradient of the outputs. Adds to `param_gradient`, if given; returns the
/// slice that holds the gradient of the input map. `scratch` holds twice the widest map and twice the largest
/// window.
pub(crate) fn backward<'w, V: Kernels>(
    spec: &ConvolutionSpec<'_>,
    dims: NetDims,
    params: &[f32],
    saved: &[V],
    gradient: &[V],
    param_gradient: Option<&mut [f32]>,
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
    let mut saved = saved.get(..saved.len().checked_sub(pixels * dims.outputs)?)?;
    let mut outputs = dims.outputs;
    let layers = kernels(spec).rev().zip(channels(spec, dims).rev().skip(1));
    for (index, (kernel, inputs)) in layers.enumerate() {
        let len = kernel.param_len(inputs, outputs);
        let (rest, last) = params.split_at_checked(params.len().checked_sub(len)?)?;
        let (rest_gradient, own_gradient) = dense::split_end(param_gradient, len)?;
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
        )?;
        if !before.is_empty() {
            dense::backward_activation(input, input_gradient, spec.activation);
        }
        mem::swap(&mut source, &mut target);
        (params, param_gradient, saved, outputs) = (rest, rest_gradient, before, inputs);
    }
    source.get(..pixels * dims.inputs)
}
