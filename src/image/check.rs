//! Whether words are those of a spec. Done once, when a model is made, in a `const` at the best.
//!
//! Every field has a rule, see [`fields`](super::fields):
//! * what the spec states must be just that: ops, channels, places, lengths, indices, windows, panels, slopes,
//!   bounds of log-scales, the constants of a logit;
//! * shifts must lie within the ranges of [`stated`](super::stated), which the arithmetic supports;
//! * all others are free numbers of the model: means, scales and their log-determinants, multipliers, offsets, biases and
//!   weights. Any weights make a coupling, whose density is one.

use super::decode::Program;
use super::fields::{
    BlocksHeader, ConvolutionHeader, DenseHeader, KeptRecord, KernelHeader, LayerHeader, Narrowing,
    NetworkHeader, Norm, Record, ResidualHeader, ScalingHeader,
};
use super::op;
use super::sections::{Section, Sums};
use super::sizes::sum_words;
use super::stated::Bound;
use super::width::{PANEL, Width};
use super::word;
use crate::spec::{Conditioner, CouplingSpec, FlowSpec, Shape, SpecError};

impl FlowSpec<'_> {
    /// Checks that words are those of this structure, but for the numbers of the model.
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
            let own = program.take(layer.word_len::<W>(shape));
            if !matches!(own, Some(own) if layer.has_words::<W>(shape, Program::new(own))) {
                return Err(SpecError::Words { layer: index });
            }
            index += 1;
        }
        Ok(())
    }
}

/// Whether the norms of so many channels have shifts that can be.
const fn has_norms(channels: usize, program: &mut Program<'_>) -> bool {
    let mut left = channels;
    while left > 0 {
        if !Norm::check(Norm::from_words(&[0; Norm::WORDS]), program) {
            return false;
        }
        left -= 1;
    }
    true
}

impl CouplingSpec<'_> {
    /// Whether header, kept values and records are those of this coupling; takes their words.
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

    /// Whether a channel is among the kept or the transformed ones.
    const fn has_channel(&self, channel: usize, shape: Shape, kept: bool) -> bool {
        self.mask.parity().is_some() || self.mask.keeps(channel, shape.channels) == kept
    }

    /// Whether the next words are the indices of kept channels, two to each.
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

    /// Whether the records of the kept channels have their indices, and shifts that can be.
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

    /// Whether the records of the transformed channels have their indices and the bounds that the spec states.
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

    /// Whether the sections of the networks are those of this coupling; takes their words.
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
    /// Whether the next words are those of this section of a network whose activations have such a slope.
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
