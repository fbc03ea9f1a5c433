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
