//! The paper's residual convolutional network with skip connections, in its deployed form.
//!
//! `h` and `skip` are whole maps, accumulated in place; the map between the two convolutions of a block passes
//! through rings of a few rows. Each convolution's result is summed separately before it is added to `h` or
//! `skip`: starting the sum at their values would lose digits with every term.

use super::{Layer, NetDims, Row, Rows, Source, nth, slot};
use crate::kernel::Kernels;
use crate::kernel::dense;
use crate::spec::{Activation, Kernel, ResidualConvolutionSpec};

/// Scale and shift per channel: a batch norm with its running statistics.
#[derive(Clone, Copy)]
struct ScaleAndShift<'p> {
    scale: &'p [f32],
    shift: &'p [f32],
}

impl<'p> ScaleAndShift<'p> {
    #[inline(always)]
    fn split(params: &'p [f32], channels: usize) -> Option<(Self, &'p [f32])> {
        let (scale, rest) = params.split_at_checked(channels)?;
        let (shift, rest) = rest.split_at_checked(channels)?;
        Some((Self { scale, shift }, rest))
    }

    /// Applied to the places of a row.
    #[inline(always)]
    fn apply<V: Kernels>(self, row: &mut [V]) {
        let maps = self.scale.iter().zip(self.shift).cycle();
        for (value, (&scale, &shift)) in row.iter_mut().zip(maps) {
            *value = *value * V::splat(scale) + V::splat(shift);
        }
    }
}

/// Runs the network; returns the parameters after the network's. `scratch` has the length that
/// [`ResidualConvolutionSpec`] gives. `None` if a slice is too short, which a valid spec rules out.
#[inline(always)]
pub(crate) fn forward<'p, V: Kernels>(
    spec: &ResidualConvolutionSpec,
    dims: NetDims,
    params: &'p [f32],
    rows: &mut impl Rows<V>,
    scratch: &mut [V],
) -> Option<&'p [f32]> {
    let shape = dims.shape;
    let map = shape.pixels().saturating_mul(spec.filters);
    let (hidden, scratch) = scratch.split_at_mut_checked(map)?;
    let (skip, rings) = scratch.split_at_mut_checked(map)?;
    let mut maps = Maps {
        dims,
        kernel: spec.kernel,
        filters: spec.filters,
        hidden,
        skip,
        rings,
    };
    let mut params = maps.first(params, rows)?;
    for _ in 0..spec.blocks {
        params = maps.block(params)?;
    }
    maps.last(params, rows)
}

struct Maps<'s, V> {
    dims: NetDims,
    kernel: Kernel,
    filters: usize,
    /// `[height, width, filters]`
    hidden: &'s mut [V],
    /// `[height, width, filters]`
    skip: &'s mut [V],
    rings: &'s mut [V],
}

impl<V: Kernels> Maps<'_, V> {
    /// `h = conv(relu(concat(n, -n)))`, `skip = point(h)`.
    #[inline(always)]
    fn first<'p>(&mut self, params: &'p [f32], rows: &impl Rows<V>) -> Option<&'p [f32]> {
        let (shape, inputs) = (self.dims.shape, self.dims.inputs);
        let (norm, params) = ScaleAndShift::split(params, inputs)?;
        let doubled = inputs.saturating_mul(2);
        let (conv, params) = Layer::split(params, self.kernel, doubled, self.filters)?;
        let (point, params) = Layer::split(params, Kernel::POINT, self.filters, self.filters)?;
        let (held, below) = (self.kernel.rows(shape), self.kernel.height / 2);
        let (len, read) = (
            shape.width.saturating_mul(doubled),
            shape.width.saturating_mul(inputs),
        );
        for step in 0..shape.height.saturating_add(below) {
            if step < shape.height {
                let row = self.rings.get_mut(slot(held, step, len))?;
                // The row is read to the end of the slot, and expanded in place from the front.
                let start = row.len().checked_sub(read)?;
                let values = row.get_mut(start..)?;
                rows.read(step, values);
                norm.apply(values);
                both_signs(row, start, inputs);
            }
            let Some(y) = step.checked_sub(below) else {
                continue;
            };
            let source = Source {
                values: &*self.rings,
                slots: held,
            };
            let hidden = self
                .hidden
                .get_mut(nth(y, shape.width.saturating_mul(self.filters)))?;
            V::convolve(Row::new(conv, source, shape, y, hidden));
            let skip = self
                .skip
                .get_mut(nth(y, shape.width.saturating_mul(self.filters)))?;
            let source = Source {
                values: &*hidden,
                slots: 1,
            };
            V::convolve(Row::new(point, source, shape, y, skip));
        }
        Some(params)
    }

    /// `h += conv(relu(conv(relu(norm(h)))))`, `skip += point(h)`.
    #[inline(always)]
    fn block<'p>(&mut self, params: &'p [f32]) -> Option<&'p [f32]> {
        let (shape, filters) = (self.dims.shape, self.filters);
        let (norm, params) = ScaleAndShift::split(params, filters)?;
        let (conv, params) = Layer::split(params, self.kernel, filters, filters)?;
        let (second, params) = Layer::split(params, self.kernel, filters, filters)?;
        let (point, params) = Layer::split(params, Kernel::POINT, filters, filters)?;
        let (held, below) = (self.kernel.rows(shape), self.kernel.height / 2);
        let len = shape.width.saturating_mul(filters);
        let (active, inner) = self.rings.split_at_mut_checked(held.saturating_mul(len))?;
        for step in 0..shape.height.saturating_add(below).saturating_add(below) {
            if step < shape.height {
                let target = active.get_mut(slot(held, step, len))?;
                let hidden = self.hidden.get(nth(step, len))?;
                for (target, &hidden) in target.iter_mut().zip(hidden) {
                    *target = hidden;
                }
                norm.apply(target);
                dense::activate(target, Activation::Relu);
            }
            if let Some(y) = step.checked_sub(below).filter(|&y| y < shape.height) {
                let source = Source {
                    values: &*active,
                    slots: held,
                };
                let target = inner.get_mut(slot(held, y, len))?;
                V::convolve(Row {
                    activation: Some(Activation::Relu),
                    ..Row::new(conv, source, shape, y, target)
                });
            }
            let Some(y) = step.checked_sub(below).and_then(|y| y.checked_sub(below)) else {
                continue;
            };
            let source = Source {
                values: &*inner,
                slots: held,
            };
            // The first convolution no longer reads this row of activations, so it can be reused.
            let made = active.get_mut(slot(held, y, len))?;
            V::convolve(Row::new(second, source, shape, y, made));
            let hidden = self.hidden.get_mut(nth(y, len))?;
            add(hidden, made);
            let source = Source {
                values: &*hidden,
                slots: 1,
            };
            V::convolve(Row::new(point, source, shape, y, made));
            add(self.skip.get_mut(nth(y, len))?, made);
        }
        Some(params)
    }

    /// The outputs, `point(relu(norm(skip)))`.
    #[inline(always)]
    fn last<'p>(&mut self, params: &'p [f32], rows: &mut impl Rows<V>) -> Option<&'p [f32]> {
        let NetDims { shape, outputs, .. } = self.dims;
        let (norm, params) = ScaleAndShift::split(params, self.filters)?;
        let (point, behind) = Layer::split(params, Kernel::POINT, self.filters, outputs)?;
        let output = self.rings.get_mut(..shape.width.saturating_mul(outputs))?;
        for y in 0..shape.height {
            let len = shape.width.saturating_mul(self.filters);
            let skip = self.skip.get_mut(nth(y, len))?;
            norm.apply(skip);
            dense::activate(skip, Activation::Relu);
            let source = Source {
                values: &*skip,
                slots: 1,
            };
            V::convolve(Row {
                columns: self.dims.wanted(y),
                ..Row::new(point, source, shape, y, &mut *output)
            });
            rows.write(y, output);
        }
        Some(behind)
    }
}

/// `sums += terms`.
#[inline(always)]
pub(crate) fn add<V: Kernels>(sums: &mut [V], terms: &[V]) {
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum = *sum + term;
    }
}

/// `relu(concat(n, -n))` place by place. `n` starts at `start`, the result at the front.
#[inline(always)]
fn both_signs<V: Kernels>(row: &mut [V], start: usize, channels: usize) {
    let mut place: usize = 0;
    let (mut from, mut to) = (start, 0_usize);
    while from < row.len() {
        // Each place's target starts before its source and ends no later than it. Going upwards through the
        // channels, writing the second half before the first, overwrites nothing unread.
        for channel in 0..channels {
            let source = from.saturating_add(channel);
            let Some(&value) = row.get(source) else {
                return;
            };
            if let Some(slot) = row.get_mut(to.saturating_add(channel)) {
                *slot = value;
            }
        }
        for channel in 0..channels {
            let at = to.saturating_add(channel);
            let Some(&value) = row.get(at) else { return };
            let zero = V::splat(0.0);
            if let Some(slot) = row.get_mut(at.saturating_add(channels)) {
                *slot = (-value).or_if_negative(zero);
            }
            if let Some(slot) = row.get_mut(at) {
                *slot = value.or_if_negative(zero);
            }
        }
        place = place.saturating_add(1);
        (from, to) = (
            start.saturating_add(place.saturating_mul(channels)),
            place.saturating_mul(channels).saturating_mul(2),
        );
    }
}
