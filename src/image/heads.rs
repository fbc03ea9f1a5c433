//! The part of the first words of couplings and logits that the spec determines: op and header. Other fields are zero.

use super::fields::{ConvolutionHeader, DenseHeader, LogitHeader, ResidualHeader};
use super::lengths::{net_scratch, residual_lengths, stack_window};
use super::op;
use super::sizes::{activation_words, place_words, sum_words};
use super::stated::{SHARE_BITS, filling_shift, ln, whole};
use super::width::PANEL;
use super::word;
use crate::arithmetic::fixed::Q24;
use crate::spec::{
    Conditioner, ConvolutionSpec, CouplingSpec, LogitSpec, Mask, ResidualConvolutionSpec, ScaleMap,
    Shape, Transform,
};

impl LogitSpec {
    /// The header without the number of values; `None` if a constant overflows 32 bits.
    const fn constants(self) -> Option<LogitHeader> {
        let (alpha, levels) = (self.alpha as f64, self.levels as f64);
        let slope = (1.0 - alpha) / levels;
        let share = slope * (1_u64 << SHARE_BITS) as f64;
        let shift = filling_shift(share);
        let (Some(last), Some(multiplier), Some(lowest), Some(half), Some(ln_slope)) = (
            whole(levels - 1.0, 0),
            whole(share, shift.cast_unsigned()),
            whole(alpha + 0.5 * slope, SHARE_BITS),
            whole(0.5 * slope, SHARE_BITS),
            whole(ln(slope), Q24),
        ) else {
            return None;
        };
        Some(LogitHeader {
            values: 0,
            last,
            multiplier,
            shift,
            lowest,
            half,
            ln_slope,
        })
    }

    /// `None` if a constant overflows 32 bits.
    pub(super) const fn header(self, shape: Shape) -> Option<LogitHeader> {
        match self.constants() {
            Some(header) => Some(LogitHeader {
                values: word(shape.len()),
                ..header
            }),
            None => None,
        }
    }
}

/// Under a checkerboard, the parity of `y + x` of kept places; 2 for other masks.
const fn parity_word(mask: Mask<'_>) -> i32 {
    match mask.parity() {
        Some(0) => 0,
        Some(_) => 1,
        None => 2,
    }
}

impl CouplingSpec<'_> {
    /// The first word: kind of networks, and flags for the use of their outputs.
    pub(super) const fn op(&self) -> i32 {
        let conditioner = match self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => op::COUPLING,
            Conditioner::Convolution(_) => op::CONVOLUTION,
            Conditioner::ResidualConvolution(_) => op::RESIDUAL,
        };
        let transform = match self.transform {
            Transform::Additive => 0,
            Transform::Affine(_) => op::AFFINE_COUPLING,
            Transform::ShiftFirst(_) => op::SHIFT_FIRST,
        };
        let map = match self.transform.scale_map() {
            Some(ScaleMap::RescaledTanh | ScaleMap::ClampedTanh { .. }) => op::TANH,
            Some(ScaleMap::Atan { .. }) => op::ATAN,
            Some(ScaleMap::Sigmoid { inverse: false, .. }) => op::SIGMOID,
            Some(ScaleMap::Sigmoid { inverse: true, .. }) => op::SIGMOID | op::INVERSE,
            Some(ScaleMap::Unbounded) | None => 0,
        };
        let nets = match &self.conditioner {
            Conditioner::ResidualDense(_) => op::BLOCKS,
            Conditioner::Dense(_) if self.net_count() == 2 => op::TWO_NETS,
            Conditioner::Dense(_)
            | Conditioner::Convolution(_)
            | Conditioner::ResidualConvolution(_) => 0,
        };
        conditioner | transform | map | nets
    }

    /// Header of a coupling with fully connected networks.
    #[must_use]
    #[doc(hidden)]
    pub const fn dense_header(&self, shape: Shape) -> DenseHeader {
        let inputs = self.net_inputs(shape);
        DenseHeader {
            kept: word(activation_words(inputs)),
            records: word(self.mask.transformed(shape.channels)),
            front: word(net_scratch(&self.conditioner, inputs)[0]),
            input_shift: 0,
            raw_shift: 0,
            shift_shift: 0,
        }
    }

    /// Header of a coupling with a stack of convolutions.
    #[must_use]
    #[doc(hidden)]
    pub const fn convolution_header(
        &self,
        net: &ConvolutionSpec<'_>,
        shape: Shape,
    ) -> ConvolutionHeader {
        ConvolutionHeader {
            kept: word(place_words(self.net_inputs(shape), true)),
            records: word(self.mask.transformed(shape.channels)),
            height: word(shape.height),
            width: word(shape.width),
            parity: parity_word(self.mask),
            window: word(stack_window(self, shape)),
            layers: word(net.hidden.len().saturating_add(1)),
            input_shift: 0,
            raw_shift: 0,
            shift_shift: 0,
        }
    }

    /// Header of a coupling with the paper's residual network.
    #[must_use]
    #[doc(hidden)]
    pub const fn residual_header(
        &self,
        net: &ResidualConvolutionSpec,
        shape: Shape,
    ) -> ResidualHeader {
        ResidualHeader {
            kept: word(self.net_inputs(shape)),
            records: word(self.mask.transformed(shape.channels)),
            height: word(shape.height),
            width: word(shape.width),
            parity: parity_word(self.mask),
            panels: word(sum_words(net.filters) / PANEL),
            blocks: word(net.blocks),
            kernel_height: word(net.kernel.height),
            kernel_width: word(net.kernel.width),
            window: word(residual_lengths(self, net, shape).window),
            raw_shift: 0,
            shift_shift: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logit_of_too_many_levels_has_no_words() {
        let spec = |levels| LogitSpec {
            alpha: 0.05,
            levels,
        };
        assert!(spec(256.0).constants().is_some());
        assert_eq!(spec(3e9).constants(), None);
    }
}
