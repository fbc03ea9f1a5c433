//! A fully connected layer: `y = activation(W x + b)`, and its gradients.
//!
//! Outputs come in panels of 8 (then 4, 2, 1 for the remainder). A panel's parameters are its biases
//! and then, for each input, one row with the panel's weights; the kernel keeps one accumulator per
//! output, starts it at the bias and adds `w * x` in the order of the inputs, with a plain multiply
//! and a plain add. So every output is the same sum in the same order on every machine, while the
//! independent accumulators keep SIMD lanes and FPU pipelines busy.
//!
//! ```
//! use nvpico::conditioner::dense;
//! use nvpico::spec::Activation;
//!
//! // Two outputs: one panel of two. Biases, then a row per input.
//! let params = [0.5, -1.0, /* input 0 */ 2.0, 1.0, /* input 1 */ -1.0, 3.0];
//! let mut y = [0.0_f32; 2];
//! dense::forward(&params, &[1.0, 1.0], &mut y, Some(Activation::Relu));
//! assert_eq!(y, [1.5, 3.0]);
//! ```

use crate::lanes::Lanes;
use crate::spec::Activation;

/// The most lanes of any number type.
const MOST_LANES: usize = 16;

/// Parameters of a layer with `inputs` inputs and `outputs` outputs.
#[must_use]
pub const fn param_len(inputs: usize, outputs: usize) -> usize {
    inputs.saturating_add(1).saturating_mul(outputs)
}

#[inline(always)]
fn activate<V: Lanes>(value: V, activation: Option<Activation>) -> V {
    match activation {
        None => value,
        Some(Activation::Relu) => value.or_if_negative(V::splat(0.0)),
        Some(Activation::LeakyRelu { slope }) => value.or_if_negative(value * V::splat(slope)),
    }
}

/// `output = activation(W input + b)`. `params` holds [`param_len`] values; what is missing from a
/// short slice leaves its outputs as they were.
#[inline(always)]
pub fn forward<V: Lanes>(
    params: &[f32],
    input: &[V],
    output: &mut [V],
    activation: Option<Activation>,
) {
    let rows = input.len().saturating_add(1);
    let mut params = params;
    let (panels, rest) = output.as_chunks_mut::<8>();
    for outputs in panels {
        panel(&mut params, rows, input, outputs, activation);
    }
    let (panels, rest) = rest.as_chunks_mut::<4>();
    for outputs in panels {
        panel(&mut params, rows, input, outputs, activation);
    }
    let (panels, rest) = rest.as_chunks_mut::<2>();
    for outputs in panels {
        panel(&mut params, rows, input, outputs, activation);
    }
    let (panels, _) = rest.as_chunks_mut::<1>();
    for outputs in panels {
        panel(&mut params, rows, input, outputs, activation);
    }
}

/// One panel of `P` outputs; takes its parameters from the front of `params`.
#[inline(always)]
fn panel<V: Lanes, const P: usize>(
    params: &mut &[f32],
    rows: usize,
    input: &[V],
    output: &mut [V; P],
    activation: Option<Activation>,
) {
    let Some((own, rest)) = params.split_at_checked(rows.saturating_mul(P)) else {
        return;
    };
    *params = rest;
    let (rows, _) = own.as_chunks::<P>();
    let Some((bias, weights)) = rows.split_first() else {
        return;
    };
    if P == 8 && V::TILE == 4 {
        // Eight accumulators would not fit the registers: two halves.
        let (halves, _) = output.as_chunks_mut::<4>();
        if let [low, high] = halves {
            tile(bias, weights, input, low, activation, |row| {
                row.first_chunk::<4>()
            });
            tile(bias, weights, input, high, activation, |row| {
                row.last_chunk::<4>()
            });
        }
    } else {
        tile(bias, weights, input, output, activation, |row| Some(row));
    }
}

/// `T` outputs of a panel of `P`, picked from each row by `select`.
#[inline(always)]
fn tile<V: Lanes, const P: usize, const T: usize>(
    bias: &[f32; P],
    weights: &[[f32; P]],
    input: &[V],
    output: &mut [V; T],
    activation: Option<Activation>,
    select: impl Fn(&[f32; P]) -> Option<&[f32; T]>,
) {
    let Some(bias) = select(bias) else { return };
    let mut sums = bias.map(V::splat);
    for (row, &x) in weights.iter().zip(input) {
        let Some(row) = select(row) else { return };
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum = *sum + V::splat(weight) * x;
        }
    }
    for (out, sum) in output.iter_mut().zip(sums) {
        *out = activate(sum, activation);
    }
}

/// Turns the gradient with respect to an activated output into that with respect to the sum before
/// the activation, in place. `output` is what [`forward`] gave.
#[inline(always)]
pub fn backward_activation<V: Lanes>(output: &[V], gradient: &mut [V], activation: Activation) {
    let slope = match activation {
        Activation::Relu => 0.0,
        Activation::LeakyRelu { slope } => slope,
    };
    for (gradient, &output) in gradient.iter_mut().zip(output) {
        // Zero counts as the negative side: there ReLU's gradient is 0.
        *gradient = output.zip(*gradient, |y, g| {
            crate::lanes::select(y > 0.0, g, g * slope)
        });
    }
}

/// Gradients of a linear layer: `output_gradient` is with respect to the sums before the activation.
/// Adds to `param_gradient` (laid out as the parameters), overwrites `input_gradient`.
///
/// Samples are added one after the other in lane order, so the sums do not depend on how many lanes
/// the number type has.
#[inline(always)]
pub fn backward<V: Lanes>(
    params: &[f32],
    input: &[V],
    output_gradient: &[V],
    param_gradient: &mut [f32],
    input_gradient: &mut [V],
) {
    for gradient in input_gradient.iter_mut() {
        *gradient = V::splat(0.0);
    }
    let mut state = Backward {
        params,
        param_gradient,
        input,
        input_gradient,
    };
    let (panels, rest) = output_gradient.as_chunks::<8>();
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

/// What is left of a layer's slices while its panels are worked off.
struct Backward<'s, V> {
    params: &'s [f32],
    param_gradient: &'s mut [f32],
    input: &'s [V],
    input_gradient: &'s mut [V],
}

impl<V: Lanes> Backward<'_, V> {
    #[inline(always)]
    fn panel<const P: usize>(&mut self, gradient: &[V; P]) {
        let len = self.input.len().saturating_add(1).saturating_mul(P);
        let params = self.params;
        let param_gradient = core::mem::take(&mut self.param_gradient);
        let (Some((own, rest)), Some((own_gradient, rest_gradient))) = (
            params.split_at_checked(len),
            param_gradient.split_at_mut_checked(len),
        ) else {
            return;
        };
        self.params = rest;
        self.param_gradient = rest_gradient;
        let (rows, _) = own.as_chunks::<P>();
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

/// `[output][lane]` to `[lane][output]`; lanes beyond the number type's are zero.
#[inline(always)]
fn transpose<V: Lanes, const P: usize>(gradient: &[V; P]) -> [[f32; P]; MOST_LANES] {
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

/// `dW[input][output] += sum over lanes of input * gradient`. One row after the other: the rows'
/// sums are independent, so the processor overlaps them.
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
