//! The panels of a dense layer for one sample, with sums in registers. The products are unrolled by hand, so a
//! build for size (`opt-level = "s"`) is as fast as one for speed.

use super::scalar::{Share, keep_as_written};
use crate::arithmetic::Lanes;
use crate::spec::Activation;

/// [`add_inputs`](super::add_inputs) for one sample; the caller applies leaky ReLU.
#[inline(never)]
pub(crate) fn add_inputs<'p>(params: &'p [f32], share: Share<'_>, output: &mut [f32]) -> &'p [f32] {
    let mut params = params;
    match all_panels(&mut params, share, output) {
        Some(()) => params,
        None => &[],
    }
}

/// [`forward_pair`](super::forward_pair) for one sample.
#[inline(always)]
pub(crate) fn forward_pair<'p>(
    params: &'p [f32],
    input: &[f32],
    width: usize,
    output: &mut [f32],
    activation: Activation,
) -> &'p [f32] {
    super::forward_pair::<f32, { super::WIDEST }>(params, input, width, output, activation)
}

#[inline(always)]
fn all_panels(params: &mut &[f32], share: Share<'_>, output: &mut [f32]) -> Option<()> {
    let mut left = output;
    while let Some(sums) = left.split_off_mut(..16) {
        panel_16(params, share, sums.first_chunk_mut()?)?;
    }
    if let Some(sums) = left.split_off_mut(..8) {
        panel_8(params, share, sums.first_chunk_mut()?)?;
    }
    if let Some(sums) = left.split_off_mut(..4) {
        panel_4(params, share, sums.first_chunk_mut()?)?;
    }
    share.remainder(params, left)
}

/// A panel of fixed width: the sums start at the biases or continue from `output`. Consumes its parameters.
macro_rules! panel {
    ($name:ident $width:literal $(($sum:ident $weight:ident))*) => {
        #[inline(always)]
        fn $name(params: &mut &[f32], share: Share<'_>, output: &mut [f32; $width]) -> Option<()> {
            let panel = params.split_off(..share.rows().wrapping_mul($width))?;
            let (bias, weights) = panel.as_chunks::<$width>().0.split_first()?;
            let weights = weights.get(share.before..)?;
            let [$(mut $sum),*] = if share.bias { *bias } else { *output };
            macro_rules! add {
                ($row:ident $x:ident) => {
                    let [$($weight),*] = $row;
                    $($sum += $weight * $x;)*
                };
            }
            let (inputs, last) = share.part.as_chunks::<2>();
            let (pairs, rest) = weights.split_at_checked(inputs.len() * 2)?;
            for ([first, second], [x, y]) in pairs.as_chunks::<2>().0.iter().zip(inputs) {
                keep_as_written();
                add!(first x);
                add!(second y);
            }
            if let ([row, ..], [x]) = (rest, last) {
                add!(row x);
            }
            if share.relu {
                $($sum = $sum.or_if_negative(0.0);)*
            }
            *output = [$($sum),*];
            Some(())
        }
    };
}

panel!(panel_16 16 (s0 w0) (s1 w1) (s2 w2) (s3 w3) (s4 w4) (s5 w5) (s6 w6) (s7 w7) (s8 w8) (s9 w9) (s10 w10) (s11 w11) (s12 w12) (s13 w13) (s14 w14) (s15 w15));
panel!(panel_8 8 (s0 w0) (s1 w1) (s2 w2) (s3 w3) (s4 w4) (s5 w5) (s6 w6) (s7 w7));
panel!(panel_4 4 (s0 w0) (s1 w1) (s2 w2) (s3 w3));
