//! Gradients of a fully connected layer.

use super::{WIDEST, panel_width, param_len};
use crate::arithmetic::{Lanes, select};
use crate::spec::Activation;

/// The largest lane count of any number type.
const MOST_LANES: usize = 16;

/// Converts the gradient with respect to an activated output to that with respect to the sum before the
/// activation, in place. `output` is the result of [`forward`](super::forward).
#[inline(always)]
pub fn backward_activation<V: Lanes>(output: &[V], gradient: &mut [V], activation: Activation) {
    let slope = match activation {
        Activation::Relu => 0.0,
        Activation::LeakyRelu { slope } => slope,
    };
    for (gradient, &output) in gradient.iter_mut().zip(output) {
        // Zero counts as negative: ReLU's gradient is 0 there.
        *gradient = output.zip(*gradient, |y, g| select(y > 0.0, g, g * slope));
    }
}

/// Gradients of a linear layer. `output_gradient` is with respect to the sums before the activation. Adds to
/// `param_gradient` (same layout as the parameters) unless it is `None`, overwrites `input_gradient`.
///
/// Samples are added one at a time in lane order, so the sums do not depend on the lane count.
#[inline(always)]
pub fn backward<V: Lanes>(
    params: &[f32],
    input: &[V],
    output_gradient: &[V],
    param_gradient: Option<&mut [f32]>,
    input_gradient: &mut [V],
) {
    for gradient in input_gradient.iter_mut() {
        *gradient = V::splat(0.0);
    }
    let Some(param_gradient) = param_gradient else {
        return add_input_gradient(params, output_gradient, input_gradient);
    };
    let mut state = Backward {
        params,
        param_gradient,
        input,
        input_gradient,
    };
    let (panels, rest) = output_gradient.as_chunks::<WIDEST>();
    for gradient in panels {
        state.panel(gradient);
    }
    let (panels, rest) = rest.as_chunks::<8>();
    for gradient in panels {
        state.panel(gradient);
    }
    let (panels, rest) = rest.as_chunks::<4>();
    for gradient in panels {
        state.panel(gradient);
    }
    let (panels, rest) = rest.as_chunks::<2>();
    for gradient in panels {
        state.panel(gradient);
    }
    let (panels, _) = rest.as_chunks::<1>();
    for gradient in panels {
        state.panel(gradient);
    }
}

/// `dx[input] += sum over the outputs of weight * gradient`: the same sums in the same order as [`input_tiles`], in
/// compact code for a chip.
#[inline(never)]
fn add_input_gradient<V: Lanes>(params: &[f32], output_gradient: &[V], input_gradient: &mut [V]) {
    let (mut params, mut outputs) = (params, output_gradient);
    while !outputs.is_empty() {
        let width = panel_width(outputs.len());
        let len = param_len(input_gradient.len(), width);
        let (Some((panel, params_behind)), Some((gradient, outputs_behind))) = (
            params.split_at_checked(len),
            outputs.split_at_checked(width),
        ) else {
            return;
        };
        (params, outputs) = (params_behind, outputs_behind);
        // The weights follow the biases.
        let mut rows = panel.get(width..).unwrap_or(&[]);
        for sum in input_gradient.iter_mut() {
            let Some((row, others)) = rows.split_at_checked(width) else {
                return;
            };
            rows = others;
            for (&weight, &g) in row.iter().zip(gradient) {
                *sum = *sum + V::splat(weight) * g;
            }
        }
    }
}

/// Splits the gradients of parameters, if there are any, at `at`.
#[inline(always)]
#[allow(clippy::type_complexity, reason = "two parts of one slice")]
pub(crate) fn split_at(
    param_gradient: Option<&mut [f32]>,
    at: usize,
) -> Option<(Option<&mut [f32]>, Option<&mut [f32]>)> {
    let Some(param_gradient) = param_gradient else {
        return Some((None, None));
    };
    let (front, end) = param_gradient.split_at_mut_checked(at)?;
    Some((Some(front), Some(end)))
}

/// Like [`split_at`], with `len` values in the second part.
#[inline(always)]
#[allow(clippy::type_complexity, reason = "two parts of one slice")]
pub(crate) fn split_end(
    param_gradient: Option<&mut [f32]>,
    len: usize,
) -> Option<(Option<&mut [f32]>, Option<&mut [f32]>)> {
    let all = param_gradient.as_deref().map_or(len, <[f32]>::len);
    split_at(param_gradient, all.checked_sub(len)?)
}

/// The remaining slices of a layer while its panels are processed.
struct Backward<'s, V> {
    params: &'s [f32],
    param_gradient: &'s mut [f32],
    input: &'s [V],
    input_gradient: &'s mut [V],
}

impl<V: Lanes> Backward<'_, V> {
    #[inline(always)]
    fn panel<const P: usize>(&mut self, gradient: &[V; P]) {
        let len = param_len(self.input.len(), P);
        let params = self.params;
        let param_gradient = core::mem::take(&mut self.param_gradient);
        let (Some((panel_params, rest)), Some((own_gradient, rest_gradient))) = (
            params.split_at_checked(len),
            param_gradient.split_at_mut_checked(len),
        ) else {
            return;
        };
        self.params = rest;
        self.param_gradient = rest_gradient;
        let (rows, _) = panel_params.as_chunks::<P>();
        let (row_gradients, _) = own_gradient.as_chunks_mut::<P>();
        let (Some((_, weights)), Some((bias_gradient, weight_gradients))) =
            (rows.split_first(), row_gradients.split_first_mut())
        else {
            return;
        };
        let by_lane = transpose(gradient);
        for sample in by_lane.iter().take(V::COUNT) {
            for (sum, &g) in bias_gradient.iter_mut().zip(sample) {
                *sum += g;
            }
        }
        weight_rows(&by_lane, self.input, weight_gradients);
        input_tiles(weights, gradient, self.input_gradient);
    }
}

/// Transposes `[output][lane]` to `[lane][output]`; unused lanes are zero.
#[inline(always)]
fn transpose<V: Lanes, const P: usize>(gradient: &[V; P]) -> [[f32; P]; MOST_LANES] {
    const { assert!(V::COUNT <= MOST_LANES, "too many lanes for this buffer") };
    let mut by_lane = [[0.0; P]; MOST_LANES];
    for (output, gradient) in gradient.iter().enumerate() {
        for (sample, &g) in by_lane.iter_mut().zip(gradient.as_lanes()) {
            if let Some(slot) = sample.get_mut(output) {
                *slot = g;
            }
        }
    }
    by_lane
}

/// `dW[input][output] += sum over lanes of input * gradient`, one row at a time. The sums of different rows are
/// independent, so the processor overlaps them.
#[inline(always)]
fn weight_rows<V: Lanes, const P: usize>(
    by_lane: &[[f32; P]; MOST_LANES],
    input: &[V],
    rows: &mut [[f32; P]],
) {
    for (row, input) in rows.iter_mut().zip(input) {
        let mut sums = *row;
        for (sample, &x) in by_lane.iter().zip(input.as_lanes()) {
            for (sum, &g) in sums.iter_mut().zip(sample) {
                *sum += x * g;
            }
        }
        *row = sums;
    }
}

/// `dx[input] += sum over the panel's outputs of weight * gradient`.
#[inline(always)]
fn input_tiles<V: Lanes, const P: usize>(
    weights: &[[f32; P]],
    gradient: &[V; P],
    input_gradient: &mut [V],
) {
    let (rows, row_rest) = weights.as_chunks::<4>();
    let (tiles, rest) = input_gradient.as_chunks_mut::<4>();
    for (sums, rows) in tiles.iter_mut().zip(rows) {
        input_tile(rows, gradient, sums);
    }
    let (rows, _) = row_rest.as_chunks::<1>();
    let (tiles, _) = rest.as_chunks_mut::<1>();
    for (sums, rows) in tiles.iter_mut().zip(rows) {
        input_tile(rows, gradient, sums);
    }
}

#[inline(always)]
fn input_tile<V: Lanes, const P: usize, const T: usize>(
    rows: &[[f32; P]; T],
    gradient: &[V; P],
    sums: &mut [V; T],
) {
    let mut tile = *sums;
    for (output, &g) in gradient.iter().enumerate() {
        for (sum, row) in tile.iter_mut().zip(rows) {
            let Some(&weight) = row.get(output) else {
                return;
            };
            *sum = *sum + V::splat(weight) * g;
        }
    }
    *sums = tile;
}
