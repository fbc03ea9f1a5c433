//! Checks that words match a spec. Runs once, when a model is created; usually at compile time, in a `const`.
//!
//! Every field has a rule, see [`fields`](super::fields):
//! * fields determined by the spec must have exactly that value: ops, channels, places, lengths, indices,
//!   windows, panels, slopes, bounds of log-scales, the constants of a logit;
//! * shifts must be within the ranges in [`stated`](super::stated) that the arithmetic supports;
//! * all other fields are parameters and may have any value: means, scales and their log-determinants,
//!   multipliers, offsets, biases and weights. A coupling is a valid density with any weights.

use super::decode::Program;
use super::fields::{
    BlocksHeader, ConvolutionHeader, DenseHeader, KeptRecord, KernelHeader, LayerHeader, Narrowing,
    NetworkHeader, NormRecord, Record, ResidualHeader, ScalingHeader,
};
use super::op;
use super::sections::{Section, Sums};
use super::sizes::sum_words;
use super::stated::Bound;
use super::width::{PANEL, Width};
use super::word;
use crate::spec::{Conditioner, CouplingSpec, FlowSpec, Shape, SpecError};

impl FlowSpec<'_> {
    /// Checks that the words match this structure, except for the values of the parameters.
    pub(crate) const fn check_words<W: Width>(&self, words: &[i32]) -> Result<(), SpecError> {
        let expected = self.word_len::<W>();
        if words.len() != expected {
            return Err(SpecError::ParamLength {
                expected,
                found: words.len(),
            });
        }
        let mut program = Program::new(words);
        let mut walk = self.walk();
        let mut index = 0;
        while let Some((layer, shape)) = walk.next() {
            let words = program.take(layer.word_len::<W>(shape));
            if !matches!(words, Some(words) if layer.has_words::<W>(shape, Program::new(words))) {
                return Err(SpecError::Words { layer: index });
            }
            if index == 0
                && let Some(kernels) = self.second()
            {
                let dim = self.dim();
                let words = program.take(kernels.word_len::<W>(dim));
                if !matches!(words, Some(words) if kernels.has_words::<W>(dim, Program::new(words)))
                {
                    return Err(SpecError::Words { layer: index });
                }
            }
            index += 1;
        }
        let (base, dim) = (self.base, self.dim());
        let words = program.take(base.word_len::<W>(dim));
        if !matches!(words, Some(words) if base.has_words::<W>(dim, Program::new(words))) {
            return Err(SpecError::Words { layer: index });
        }
        Ok(())
    }
}

/// Whether the norms of this many channels have valid shifts.
const fn has_norms(channels: usize, program: &mut Program<'_>) -> bool {
    let mut left = channels;
    while left > 0 {
        if !NormRecord::check(NormRecord::from_words(&[0; NormRecord::WORDS]), program) {
            return false;
        }
        left -= 1;
    }
    true
}

impl CouplingSpec<'_> {
    /// Whether header, kept values and records match this coupling; consumes their words.
    pub(super) const fn has_head(&self, shape: Shape, program: &mut Program<'_>) -> bool {
        let kept = match &self.conditioner {
            Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
                let stated = self.dense_header(shape);
                DenseHeader::check(stated, program) && self.has_values(shape, stated.kept, program)
            }
            Conditioner::Convolution(net) => {
                let stated = self.convolution_header(net, shape);
                ConvolutionHeader::check(stated, program)
                    && self.has_values(shape, stated.kept, program)
            }
            Conditioner::ResidualConvolution(net) => {
                ResidualHeader::check(self.residual_header(net, shape), program)
                    && self.has_kept_records(shape, program)
            }
        };
        kept && self.has_records(shape, program)
    }

    /// Whether a channel is kept, or transformed if `kept` is false. Under a checkerboard every channel is
    /// both.
    const fn has_channel(&self, channel: usize, shape: Shape, kept: bool) -> bool {
        self.mask.parity().is_some() || self.mask.keeps(channel, shape.channels) == kept
    }

    /// Whether the next words are the indices of the kept channels, two per word.
    const fn has_values(&self, shape: Shape, words: i32, program: &mut Program<'_>) -> bool {
        let channels = shape.channels;
        let mut index = 0;
        let Some(mut words) = program.take(words as usize) else {
            return false;
        };
        while let [word, rest @ ..] = words {
            let mut half = 0;
            while half < 2 {
                while index < channels && !self.has_channel(index, shape, true) {
                    index += 1;
                }
                let expected = if index < channels {
                    index
                } else {
                    op::NO_INDEX as usize
                };
                if ((*word >> (16 * half)) & op::NO_INDEX) as usize != expected {
                    return false;
                }
                index += 1;
                half += 1;
            }
            words = rest;
        }
        true
    }

    /// Whether the records of the kept channels have the right indices and valid shifts.
    const fn has_kept_records(&self, shape: Shape, program: &mut Program<'_>) -> bool {
        let mut index = 0;
        while index < shape.channels {
            let stated = KeptRecord {
                channel: word(index),
                multiplier: 0,
                shift: 0,
                offset: 0,
            };
            if self.has_channel(index, shape, true) && !KeptRecord::check(stated, program) {
                return false;
            }
            index += 1;
        }
        true
    }

    /// Whether the records of the transformed channels have the right indices and the bounds that the spec
    /// determines.
    const fn has_records(&self, shape: Shape, program: &mut Program<'_>) -> bool {
        let mut index = 0;
        while index < shape.channels {
            if self.has_channel(index, shape, false) {
                let Some(found) = Record::read(program) else {
                    return false;
                };
                let bound = match self.stated_bound() {
                    Bound::Stated(bound) => bound,
                    Bound::Number => found.bound,
                    Bound::Beyond => return false,
                };
                let stated = Record {
                    channel: word(index),
                    bound,
                    raw_multiplier: 0,
                    shift_multiplier: 0,
                };
                if !found.fits(stated) {
                    return false;
                }
            }
            index += 1;
        }
        true
    }

    /// Whether the sections of the networks match this coupling; consumes their words.
    pub(super) const fn has_networks<W: Width>(
        &self,
        shape: Shape,
        program: &mut Program<'_>,
    ) -> bool {
        let Some(slope) = self.slope_word() else {
            return false;
        };
        let mut index = 0;
        while let Some(section) = self.section(shape, index) {
            if !section.has_words::<W>(slope, program) {
                return false;
            }
            index += 1;
        }
        true
    }
}

impl Section {
    /// Whether the next words match this section; `slope` is that of the network's activation.
    const fn has_words<W: Width>(&self, slope: i32, program: &mut Program<'_>) -> bool {
        match self {
            Section::Network { hidden } => {
                let hidden = word(*hidden);
                NetworkHeader::check(NetworkHeader { hidden }, program)
            }
            Section::Blocks { blocks, width } => {
                let stated = BlocksHeader {
                    blocks: word(*blocks),
                    panels: word(width.div_ceil(PANEL)),
                };
                BlocksHeader::check(stated, program)
            }
            Section::Kernel(kernel) => {
                let stated = KernelHeader {
                    height: word(kernel.height),
                    width: word(kernel.width),
                };
                KernelHeader::check(stated, program)
            }
            Section::Layer(layer) => {
                let Some(found) = LayerHeader::read(program) else {
                    return false;
                };
                let whole = matches!(layer.sums, Sums::Added | Sums::Outputs);
                let stated = LayerHeader {
                    panels: word(layer.outputs.div_ceil(PANEL)),
                    shift: 0,
                    slope: if whole { 0 } else { slope },
                };
                found.fits(stated)
                    && !(whole && found.shift != 0)
                    && program.take(layer.numbers::<W>()).is_some()
            }
            Section::Scaling { outputs } => {
                ScalingHeader::check(ScalingHeader { shift: 0 }, program)
                    && program.take(sum_words(*outputs)).is_some()
            }
            Section::Narrowing { .. } => Narrowing::check(Narrowing { shift: 0 }, program),
            Section::Norms { channels, .. } => has_norms(sum_words(*channels), program),
        }
    }
}
