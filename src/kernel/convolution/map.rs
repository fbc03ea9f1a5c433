//! A convolution on a whole map, and its gradients.
//!
//! Gradients need every map, so passes that keep them run layer by layer, whereas scoring runs row by row; both
//! use the same row kernel. The backward pass gathers each window into a patch and calls the gradients of the
//! dense layer.

use super::{Columns, Layer, NetDims, Row, Source, nth};
use crate::kernel::{Kernels, dense};
use crate::spec::{Activation, Shape};

/// A convolution on a whole map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map<'p> {
    pub layer: Layer<'p>,
    pub shape: Shape,
    /// If the input is masked by a checkerboard, the parity of `y + x` where it is non-zero.
    pub kept: Option<usize>,
    /// The parity of `y + x` where outputs are needed, unless all are.
    pub wanted: Option<usize>,
}

impl<'p> Map<'p> {
    /// A convolution inside a network: reads all places, computes all outputs.
    pub(crate) fn inner(layer: Layer<'p>, dims: NetDims) -> Self {
        Self {
            layer,
            shape: dims.shape,
            kept: None,
            wanted: None,
        }
    }

    /// The last convolution: computes outputs only where the coupling transforms.
    pub(crate) fn last(layer: Layer<'p>, dims: NetDims) -> Self {
        Self {
            wanted: dims.kept.map(|parity| parity ^ 1),
            ..Self::inner(layer, dims)
        }
    }

    fn columns(&self, y: usize) -> Columns {
        self.wanted
            .map_or(Columns::ALL, |parity| Columns::of_parity(y, parity))
    }

    /// Applies the convolution to `input`, writing `output`.
    pub(crate) fn forward<V: Kernels>(
        self,
        input: &[V],
        output: &mut [V],
        activation: Option<Activation>,
    ) {
        let shape = self.shape;
        for y in 0..shape.height {
            let Some(output) = output.get_mut(nth(y, shape.width * self.layer.outputs)) else {
                return;
            };
            let source = Source {
                values: input,
                slots: shape.height,
            };
            let row = Row {
                kept: self.kept,
                columns: self.columns(y),
                activation,
                ..Row::new(self.layer, source, shape, y, output)
            };
            V::convolve(row);
        }
    }

    /// Computes gradients, adding to `param_gradient`, if given, and to `input_gradient`. `patch` has room for
    /// a window and its gradient.
    pub(crate) fn backward<V: Kernels>(
        self,
        input: &[V],
        output_gradient: &[V],
        param_gradient: Option<&mut [f32]>,
        input_gradient: &mut [V],
        patch: &mut [V],
    ) -> Option<()> {
        let backward = Backward {
            map: self,
            input,
            output_gradient,
            param_gradient,
            input_gradient,
            patch,
        };
        #[cfg(feature = "std")]
        if backward.param_gradient.is_some() {
            V::convolve_backward(backward);
            return Some(());
        }
        backward.run()
    }
}

/// The gradients of a convolution on a whole map, and the tensors they are computed from.
#[derive(Debug)]
pub struct Backward<'s, V> {
    map: Map<'s>,
    input: &'s [V],
    output_gradient: &'s [V],
    param_gradient: Option<&'s mut [f32]>,
    input_gradient: &'s mut [V],
    patch: &'s mut [V],
}

impl<V: Kernels> Backward<'_, V> {
    #[inline(always)]
    pub(crate) fn run(self) -> Option<()> {
        let Self {
            map,
            input,
            output_gradient,
            mut param_gradient,
            input_gradient,
            patch,
        } = self;
        let Layer {
            params,
            kernel,
            inputs,
            outputs,
        } = map.layer;
        let Shape { height, width, .. } = map.shape;
        let (above, left) = (kernel.height / 2, kernel.width / 2);
        let (values, gradients) = patch.split_at_mut_checked(kernel.taps() * inputs)?;
        let gradients = gradients.get_mut(..values.len())?;
        for y in 0..height {
            for column in map.columns(y).within(width) {
                let from = (left.saturating_sub(column), column.saturating_sub(left));
                let taps = (column + left + 1).min(width) - from.1;
                values.fill(V::splat(0.0));
                for row in lines(y, above, height) {
                    let line = (row.line * width + from.1) * inputs;
                    let start = (row.tap * kernel.width + from.0) * inputs;
                    let source = input.get(line..line + taps * inputs)?;
                    let target = values.get_mut(start..start + taps * inputs)?;
                    for (slot, &value) in target.iter_mut().zip(source) {
                        *slot = value;
                    }
                }
                let output_gradient = output_gradient.get(nth(y * width + column, outputs))?;
                dense::backward(
                    params,
                    values,
                    output_gradient,
                    param_gradient.as_deref_mut(),
                    gradients,
                );
                for row in lines(y, above, height) {
                    let line = (row.line * width + from.1) * inputs;
                    let start = (row.tap * kernel.width + from.0) * inputs;
                    let target = input_gradient.get_mut(line..line + taps * inputs)?;
                    for (sum, &g) in target.iter_mut().zip(gradients.get(start..)?) {
                        *sum = *sum + g;
                    }
                }
            }
        }
        Some(())
    }
}

/// A row of a window, and the row of the map that it covers.
struct Line {
    tap: usize,
    line: usize,
}

/// The rows of a window around row `y` that are within the map.
fn lines(y: usize, above: usize, height: usize) -> impl Iterator<Item = Line> {
    (0..=2 * above).filter_map(move |tap| {
        let line = (y + tap).checked_sub(above)?;
        (line < height).then_some(Line { tap, line })
    })
}
