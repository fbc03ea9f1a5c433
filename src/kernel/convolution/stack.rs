//! A stack of convolutions, computed row by row: each layer runs a few rows behind the one before it, and only
//! the rows of its input that its window covers are held, in a ring buffer.

use super::{Layer, NetDims, Row, Rows, Source, slot};
use crate::kernel::Kernels;
use crate::spec::ConvolutionSpec;

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
fn row_of(step: usize, delay: usize, height: usize) -> Option<usize> {
    step.checked_sub(delay).filter(|&y| y < height)
}
