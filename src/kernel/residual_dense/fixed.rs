//! Common parts of residual networks in fixed point: values in Q16 that layers add to.
//!
//! Norms are padded to whole panels of channels. A layer whose sums are added is followed by a shift and one
//! multiplier per output.

use core::hint::black_box;

use crate::arithmetic::fixed::linear;
use crate::image::{
    BlocksHeader, LayerHeader, Narrowing, NormRecord, PANEL, Program, ScalingHeader, pair,
};
use crate::kernel::dense::fixed::{self as dense, Part, Weights, activation};

/// The words of a norm.
pub(crate) type NormWords = [i32; NormRecord::WORDS];

/// The norms of all channels.
pub(crate) fn take_norms<'p>(
    program: &mut Program<'p>,
    channels: usize,
) -> Option<&'p [NormWords]> {
    let words = program.take(channels.wrapping_mul(NormRecord::WORDS))?;
    Some(words.as_chunks().0)
}

/// `norm(value)` as a signed activation.
#[inline(always)]
pub(crate) fn normed(value: i32, norm: NormRecord) -> i32 {
    let NormRecord {
        multiplier,
        shift,
        offset,
    } = norm;
    let most = i32::from(i16::MAX);
    // A value that saturates here would be clamped to 16 bits anyway.
    linear(value, multiplier, shift, offset, &mut false).clamp(-most, most)
}

/// `activation(norm(h))`, leaky with a `slope` in Q15. Returns the sum of the activations.
#[inline(never)]
pub(crate) fn activate(values: &[i32], norms: &[NormWords], slope: i32, output: &mut [i32]) -> i32 {
    let mut total = 0_i32;
    let panels = values.as_chunks::<PANEL>().0.iter();
    let panels = panels.zip(norms.as_chunks::<PANEL>().0);
    for (slot, (&[a, b, c, d], [e, f, g, h])) in
        output.as_chunks_mut::<2>().0.iter_mut().zip(panels)
    {
        black_box(());
        let norm = NormRecord::from_words;
        let values = [
            normed(a, norm(e)),
            normed(b, norm(f)),
            normed(c, norm(g)),
            normed(d, norm(h)),
        ];
        let [a, b, c, d] = dense::activations(values, slope);
        total = total
            .wrapping_add(a)
            .wrapping_add(b)
            .wrapping_add(c)
            .wrapping_add(d);
        *slot = [pair(a, b), pair(c, d)];
    }
    total
}

/// Converts values to 16-bit activations. Returns their sum.
#[inline(never)]
pub(crate) fn narrowed(values: &[i32], shift: i32, output: &mut [i32]) -> i32 {
    let mut total = 0_i32;
    for (slot, &[a, b]) in output.iter_mut().zip(values.as_chunks::<2>().0) {
        black_box(());
        let (a, b) = (activation(a, shift), activation(b, shift));
        total = total.wrapping_add(a).wrapping_add(b);
        *slot = pair(a, b);
    }
    total
}

/// Sets all values to zero.
pub(crate) fn clear(values: &mut [i32]) {
    for value in values {
        black_box(());
        *value = 0;
    }
}

/// A layer whose sums are added to values in Q16.
#[derive(Clone, Copy)]
pub(crate) struct Adder<'p> {
    layer: Program<'p>,
    shift: i32,
    multipliers: &'p [i32],
}

impl<'p> Adder<'p> {
    /// Takes the next layer, which reads `inputs` words.
    pub(crate) fn take<W: Weights>(program: &mut Program<'p>, inputs: usize) -> Option<Self> {
        let layer = *program;
        let panels = dense::skip::<W>(program, inputs)?;
        let ScalingHeader { shift } = ScalingHeader::read(program)?;
        Some(Self {
            layer,
            shift,
            multipliers: program.take(panels.wrapping_mul(PANEL))?,
        })
    }

    /// Adds the layer's outputs to `values`. `input` are activations whose sum is `total`; `sums` is scratch.
    pub(crate) fn add<W: Weights>(
        mut self,
        input: &[i32],
        total: i32,
        sums: &mut [i32],
        values: &mut [i32],
    ) -> Option<()> {
        dense::forward::<W>(&mut self.layer, Part::Last, input, total, sums)?;
        for ((value, &sum), &multiplier) in values.iter_mut().zip(&*sums).zip(self.multipliers) {
            black_box(());
            // Saturation is safe here: the network remains a function of the kept values.
            *value = linear(sum, multiplier, self.shift, *value, &mut false);
        }
        Some(())
    }
}

/// Runs the networks of residual blocks (nflows): a layer, then `h + W2 a(W1 a(norm(h)))` per block, then a
/// layer.
///
/// `input` are activations whose sum is `total`; the sums of the last layer are written to `output`.
#[inline(never)]
pub(crate) fn run<W: Weights>(
    program: &mut Program<'_>,
    input: &[i32],
    total: i32,
    output: &mut [i32],
    scratch: &mut [i32],
) -> Option<()> {
    let BlocksHeader { blocks, panels } = BlocksHeader::read(program)?;
    let channels = (panels as usize).wrapping_mul(PANEL);
    let (hidden, scratch) = scratch.split_at_mut_checked(channels)?;
    let (sums, scratch) = scratch.split_at_mut_checked(channels)?;
    let (active, inner) = scratch.split_at_mut_checked(channels / 2)?;
    let inner = inner.get_mut(..channels / 2)?;
    clear(hidden);
    Adder::take::<W>(program, input.len())?.add::<W>(input, total, sums, hidden)?;
    for _ in 0..blocks {
        let norms = take_norms(program, channels)?;
        let slope = LayerHeader::read(&mut { *program })?.slope;
        let total = activate(hidden, norms, slope, active);
        let total = dense::forward::<W>(program, Part::Hidden, active, total, inner)?;
        Adder::take::<W>(program, inner.len())?.add::<W>(inner, total, sums, hidden)?;
    }
    let Narrowing { shift } = Narrowing::read(program)?;
    let total = narrowed(hidden, shift, active);
    dense::forward::<W>(program, Part::Last, active, total, output)?;
    Some(())
}
