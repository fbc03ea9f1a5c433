//! A fully connected layer: `y = activation(W x + b)`, and its gradients.
//!
//! Outputs are grouped in panels of 16 (then 8, 4, 2, 1 for the remainder). A panel's parameters are its
//! biases, followed by one row of weights per input. The kernel keeps one accumulator per output, initialises
//! it with the bias and adds `w * x` in input order, with a separate multiply and add. So every output is the
//! same sum in the same order on every machine, while the independent accumulators keep SIMD lanes and FPU
//! pipelines busy.
//!
//! ```
//! use nvpico::kernel::dense;
//! use nvpico::spec::Activation;
//!
//! // Two outputs: one panel of two. Biases, then a row per input.
//! let params = [0.5, -1.0, /* input 0 */ 2.0, 1.0, /* input 1 */ -1.0, 3.0];
//! let mut y = [0.0_f32; 2];
//! dense::forward(&params, &[1.0, 1.0], &mut y, Some(Activation::Relu));
//! assert_eq!(y, [1.5, 3.0]);
//! ```

#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
#[allow(
    unsafe_code,
    reason = "opt-in, with a safe twin that it is tested against"
)]
pub(crate) mod assembly;
mod backward;
pub(crate) mod fixed;
#[cfg(not(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf")))]
pub(crate) mod panels;
pub(crate) mod scalar;

/// Kernels for a single sample.
#[cfg(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf"))]
pub(crate) use assembly as single;
#[cfg(not(all(feature = "assembly", target_arch = "arm", target_abi = "eabihf")))]
pub(crate) use panels as single;

pub use backward::{backward, backward_activation};
pub(crate) use backward::{split_at, split_end};

use super::Kernels;
use crate::arithmetic::Lanes;
use crate::spec::Activation;

/// Maximum number of outputs per panel.
pub(crate) const WIDEST: usize = 16;

/// Number of parameters of a layer with `inputs` inputs and `outputs` outputs.
#[must_use]
pub const fn param_len(inputs: usize, outputs: usize) -> usize {
    inputs.saturating_add(1).saturating_mul(outputs)
}

/// Widths of the panels of a layer, in order: sixteens, then the powers of two that make up the remainder.
pub fn panels(outputs: usize) -> impl Iterator<Item = usize> {
    let rest = outputs % WIDEST;
    core::iter::repeat_n(WIDEST, outputs / WIDEST)
        .chain([8, 4, 2, 1].into_iter().filter(move |p| rest & p != 0))
}

/// `output = activation(W input + b)`. The layer's parameters are the first [`param_len`] values of `params`;
/// the rest is returned. If a slice is too short, the affected outputs are left unchanged.
#[inline(always)]
pub fn forward<'p, V: Kernels>(
    params: &'p [f32],
    input: &[V],
    output: &mut [V],
    activation: Option<Activation>,
) -> &'p [f32] {
    V::dense(params, input.len(), 0, input, output, activation)
}

/// Two layers in one pass, `output = W2 activation(W1 input + b1) + b2`. The `width` hidden values are computed
/// and consumed in chunks of whole panels, at most `CHUNK` values, so they are never stored all at once. Every
/// output is the same sum in the same order as with two calls of [`forward`]. `params` holds the parameters of
/// both layers in order; the rest is returned.
#[inline(always)]
pub fn forward_pair<'p, V: Kernels, const CHUNK: usize>(
    params: &'p [f32],
    input: &[V],
    width: usize,
    output: &mut [V],
    activation: Activation,
) -> &'p [f32] {
    let first_len = param_len(input.len(), width);
    let Some((mut first, second)) = params.split_at_checked(first_len) else {
        return &[];
    };
    let mut rest = second;
    let mut from = 0;
    // The initial value does not matter. Not zero, because a chip would call memset for it.
    let Some(&any) = output.first() else {
        return rest;
    };
    let mut hidden = [any; CHUNK];
    while from < width {
        let left = width.saturating_sub(from);
        let chunk = if left < CHUNK {
            panel_width(left)
        } else {
            CHUNK
        };
        let Some(hidden) = hidden.get_mut(..chunk) else {
            return &[];
        };
        first = forward(first, input, hidden, Some(activation));
        let done = if from == 0 { 0 } else { from.saturating_add(1) };
        rest = V::dense(second, width, done, hidden, output, None);
        from = from.saturating_add(chunk);
    }
    rest
}

/// Adds the contribution of some inputs, `part`, out of `inputs`, to every output of a layer. `done` is the
/// number of rows of each panel that were already added: with 0 the sums start at the biases, otherwise they
/// continue from `output`, which includes the biases and `done - 1` inputs. Pass the activation only with the
/// inputs that complete the sums. Returns the parameters after the layer's.
#[inline(always)]
pub fn add_inputs<'p, V: Kernels>(
    params: &'p [f32],
    inputs: usize,
    done: usize,
    part: &[V],
    output: &mut [V],
    activation: Option<Activation>,
) -> &'p [f32] {
    let mut params = params;
    let mut output = output;
    loop {
        let width = panel_width(output.len());
        let (Some((panel_params, rest)), Some((panel_output, other_outputs))) = (
            params.split_at_checked(param_len(inputs, width)),
            output.split_at_mut_checked(width),
        ) else {
            return &[];
        };
        if panel_output.is_empty() {
            return params;
        }
        let rows = panel_params
            .get(done.saturating_mul(width)..)
            .unwrap_or(&[]);
        panel(rows, done == 0, part, panel_output, activation);
        (params, output) = (rest, other_outputs);
    }
}

/// The biases of a layer, in output order.
#[cfg(feature = "feature-maps")]
#[inline(always)]
pub(crate) fn biases(params: &[f32], inputs: usize, outputs: usize) -> impl Iterator<Item = &f32> {
    let (mut params, mut left) = (params, outputs);
    core::iter::from_fn(move || {
        let width = panel_width(left);
        let (panel, rest) = params.split_at_checked(param_len(inputs, width))?;
        (params, left) = (rest, left.saturating_sub(width));
        panel.get(..width).filter(|biases| !biases.is_empty())
    })
    .flatten()
}

/// Applies the activation in place.
#[cfg(any(feature = "feature-maps", feature = "extra-layers"))]
#[inline(always)]
pub(crate) fn activate<V: Lanes>(values: &mut [V], activation: Activation) {
    let slope = match activation {
        Activation::Relu => None,
        Activation::LeakyRelu { slope } => Some(slope),
    };
    for value in values {
        let below = match slope {
            None => V::splat(0.0),
            Some(slope) => *value * V::splat(slope),
        };
        *value = value.or_if_negative(below);
    }
}

/// Width of the first panel of a layer with `outputs` outputs; 0 if there are none.
#[inline(always)]
pub(crate) const fn panel_width(outputs: usize) -> usize {
    match outputs {
        WIDEST.. => WIDEST,
        8.. => 8,
        4.. => 4,
        2.. => 2,
        _ => outputs,
    }
}

/// One panel, for packets. Each row has one value per output of the panel. The first row holds the biases if
/// `has_bias`, otherwise the sums continue from `output`; then follows one row of weights per input.
#[inline(always)]
fn panel<V: Kernels>(
    rows: &[f32],
    has_bias: bool,
    input: &[V],
    output: &mut [V],
    activation: Option<Activation>,
) {
    match output.len() {
        WIDEST => tiles::<V, WIDEST>(rows, has_bias, input, output, activation),
        8 => tiles::<V, 8>(rows, has_bias, input, output, activation),
        4 => tiles::<V, 4>(rows, has_bias, input, output, activation),
        2 => tiles::<V, 2>(rows, has_bias, input, output, activation),
        _ => tiles::<V, 1>(rows, has_bias, input, output, activation),
    }
}

/// A panel of `P` outputs, as many at a time as fit in registers.
#[inline(always)]
fn tiles<V: Kernels, const P: usize>(
    rows: &[f32],
    has_bias: bool,
    input: &[V],
    output: &mut [V],
    activation: Option<Activation>,
) {
    let (bias, weights) = split_bias::<P>(rows, has_bias);
    if V::TILE >= P {
        for (at, output) in output.as_chunks_mut::<P>().0.iter_mut().enumerate() {
            tile(bias, weights, at, input, output, activation);
        }
    } else if V::TILE == 8 {
        for (at, output) in output.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            tile(bias, weights, at, input, output, activation);
        }
    } else {
        for (at, output) in output.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            tile(bias, weights, at, input, output, activation);
        }
    }
}

/// Splits a panel's rows into biases, if present, and weights.
#[inline(always)]
#[allow(clippy::type_complexity, reason = "two parts of one slice")]
fn split_bias<const P: usize>(rows: &[f32], has_bias: bool) -> (Option<&[f32; P]>, &[[f32; P]]) {
    let (rows, _) = rows.as_chunks::<P>();
    match rows.split_first() {
        Some((bias, weights)) if has_bias => (Some(bias), weights),
        _ => (None, rows),
    }
}

/// The `at`-th tile of `T` outputs out of a panel's `P`.
#[inline(always)]
fn tile<V: Lanes, const P: usize, const T: usize>(
    bias: Option<&[f32; P]>,
    weights: &[[f32; P]],
    at: usize,
    input: &[V],
    output: &mut [V; T],
    activation: Option<Activation>,
) {
    if let Some(bias) = bias.and_then(|bias| bias.as_chunks::<T>().0.get(at)) {
        for (out, &bias) in output.iter_mut().zip(bias) {
            *out = V::splat(bias);
        }
    }
    let mut sums = *output;
    for (row, &x) in weights.iter().zip(input) {
        add_row(row, at, x, &mut sums);
    }
    // Unrolled by hand: the compiler would turn a loop over outputs into gathers and scatters across lanes.
    macro_rules! finish {
        ($($index:literal)*) => {$(
            if let (Some(out), Some(&sum)) = (output.get_mut($index), sums.get($index)) {
                *out = match activation {
                    None => sum,
                    Some(Activation::Relu) => sum.or_if_negative(V::splat(0.0)),
                    Some(Activation::LeakyRelu { slope }) => {
                        sum.or_if_negative(sum * V::splat(slope))
                    }
                };
            }
        )*};
    }
    finish!(0 1 2 3 4 5 6 7);
}

/// `sums += weight * x` for the `at`-th tile of `T` weights in a row.
#[inline(always)]
fn add_row<V: Lanes, const P: usize, const T: usize>(
    row: &[f32; P],
    at: usize,
    x: V,
    sums: &mut [V; T],
) {
    if let Some(row) = row.as_chunks::<T>().0.get(at) {
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum = *sum + V::splat(weight) * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Packet;
    use std::vec::Vec;

    const RELU: Option<Activation> = Some(Activation::Relu);

    /// Pseudo-random values within `-1 .. 1`.
    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(next).collect()
    }

    /// The sums as the format defines them: from the bias on, in the order of the inputs.
    fn reference(params: &[f32], input: &[f32], outputs: usize) -> Vec<f32> {
        let (mut params, mut sums) = (params, Vec::new());
        for width in panels(outputs) {
            let (panel, rest) = params.split_at(param_len(input.len(), width));
            params = rest;
            for output in 0..width {
                let mut sum = panel[output];
                for (row, x) in panel[width..].chunks(width).zip(input) {
                    sum += row[output] * x;
                }
                sums.push(if sum < 0.0 { 0.0 } else { sum });
            }
        }
        sums
    }

    #[test]
    fn panels_cover_every_output_once() {
        for outputs in 0..70 {
            assert_eq!(panels(outputs).sum::<usize>(), outputs);
        }
        assert!(panels(45).eq([16, 16, 8, 4, 1]));
    }

    #[test]
    fn every_shape_sums_in_the_order_of_the_inputs() {
        for inputs in 0..11 {
            for outputs in 1..36 {
                let params = values(param_len(inputs, outputs), 7);
                let input = values(inputs, 11);
                let expected = reference(&params, &input, outputs);
                let mut output = std::vec![0.0; outputs];
                forward(&params, &input, &mut output, RELU);
                assert_eq!(output, expected, "{inputs} to {outputs}");
                lanes_agree::<8>(&params, &input, &expected);
                lanes_agree::<16>(&params, &input, &expected);
            }
        }
    }

    fn lanes_agree<const N: usize>(params: &[f32], input: &[f32], expected: &[f32]) {
        let input: Vec<_> = input.iter().map(|&x| Packet::<N>::splat(x)).collect();
        let mut output = std::vec![Packet::<N>::splat(0.0); expected.len()];
        forward(params, &input, &mut output, RELU);
        for (found, &expected) in output.iter().zip(expected) {
            assert_eq!(found.0, [expected; N]);
        }
    }

    #[test]
    fn two_layers_in_one_pass_have_the_bits_of_two_passes() {
        for (inputs, width, outputs) in
            [(1, 1, 1), (4, 64, 8), (3, 37, 21), (16, 16, 16), (2, 7, 5)]
        {
            let input = values(inputs, 3);
            let first = values(param_len(inputs, width), 5);
            let second = values(param_len(width, outputs), 9);
            let (mut hidden, mut twice) = (std::vec![0.0; width], std::vec![0.0; outputs]);
            forward(&first, &input, &mut hidden, RELU);
            forward(&second, &hidden, &mut twice, None);
            let mut once = std::vec![0.0; outputs];
            let params = [first, second].concat();
            forward_pair::<f32, WIDEST>(&params, &input, width, &mut once, Activation::Relu);
            assert_eq!(once, twice);
        }
    }
}
