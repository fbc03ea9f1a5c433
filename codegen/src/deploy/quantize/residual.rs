//! What residual networks have beyond others, as words of the integer engine: norms, and layers that are added.
//!
//! `h` and `skip` count in Q16; every layer reads activations of 16 bits with a step of its own, and hands its
//! sums on through a multiplier for each output.

use nvpico::image::{KeptRecord, Narrowing, NormRecord, PANEL, ScalingHeader, word};
use nvpico::spec::{CouplingSpec, Shape};

use super::network::{Quantizer, input_shift};
use super::number::{MARGIN, Q16, common_shift, power, whole};
use super::row::LARGEST_ACTIVATION;

/// The share of the widest channel's range that every channel's is taken to have at least: one that was
/// never active on the rows that were seen has some, too.
const LEAST_RANGE: f64 = 1.0 / 256.0;

impl Quantizer<'_> {
    /// The words of the kept channels' records; steps become those of their activations, one for each sign.
    ///
    /// # Errors
    /// A number beyond 32 bits.
    pub(super) fn kept_records(
        &mut self,
        spec: &CouplingSpec<'_>,
        shape: Shape,
    ) -> anyhow::Result<Vec<i32>> {
        let inputs = spec.net_inputs(shape);
        let norms = self.norms(inputs, self.ranges[0])?;
        let (norms, _) = norms.as_chunks();
        self.steps = self.steps.repeat(2);
        let kept = spec.mask.kept_features(shape.channels);
        let record = |(channel, norm)| {
            let NormRecord {
                multiplier,
                shift,
                offset,
            } = NormRecord::from_words(norm);
            KeptRecord {
                channel: word(channel),
                multiplier,
                shift,
                offset,
            }
        };
        let records = kept.zip(norms).map(record);
        Ok(records.flat_map(KeptRecord::to_words).collect())
    }

    /// The next norms' words, zeros for what fills `channels`; steps are those of its activations.
    ///
    /// # Errors
    /// A number beyond 32 bits.
    pub(super) fn norms(&mut self, channels: usize, ranges: &[f32]) -> anyhow::Result<Vec<i32>> {
        let count = ranges.len();
        if !self.has_norms {
            let (ones, zeros) = (vec![1.0; count], vec![0.0; count]);
            return norm_words(&ones, &zeros, channels, self.activations(ranges));
        }
        let (own, rest) = self.params.split_at(2 * count);
        self.params = rest;
        self.rounded.extend_from_slice(own);
        let (scale, shift) = own.split_at(count);
        norm_words(scale, shift, channels, self.activations(ranges))
    }

    /// Steps become those of activations with such ranges.
    fn activations(&mut self, ranges: &[f32]) -> &[f64] {
        let widest = ranges.iter().fold(0.0_f32, |most, &r| most.max(r));
        let least = LEAST_RANGE * if widest > 0.0 { f64::from(widest) } else { 1.0 };
        let step = |&range: &f32| MARGIN * f64::from(range).max(least) / (LARGEST_ACTIVATION - 1.0);
        self.steps = ranges.iter().map(step).collect();
        &self.steps
    }

    /// Multipliers that bring sums to Q16.
    ///
    /// # Errors
    /// A number beyond 32 bits.
    pub(super) fn scaling(&mut self, outputs: usize) -> anyhow::Result<()> {
        let factors: Vec<f64> = self.steps.iter().map(|step| step * power(Q16)).collect();
        let shift = common_shift(factors.iter().copied());
        self.words.extend(ScalingHeader { shift }.to_words());
        for &factor in &factors {
            self.words.push(whole(factor, shift, "a multiplier")?);
        }
        let filled = outputs.next_multiple_of(PANEL);
        self.words.resize(self.words.len() + filled - outputs, 0);
        Ok(())
    }

    /// The shift that makes activations of values in Q16 with such ranges; steps become theirs.
    pub(super) fn narrowing(&mut self, ranges: &[f32]) {
        let shift = input_shift(ranges);
        self.words.extend(Narrowing { shift }.to_words());
        self.steps = vec![power(shift - Q16); ranges.len()];
    }
}

/// The words of norms whose activations count in `steps`, zeros for what fills `channels`.
fn norm_words(
    scale: &[f32],
    shift: &[f32],
    channels: usize,
    steps: &[f64],
) -> anyhow::Result<Vec<i32>> {
    let mut words = Vec::new();
    for ((&scale, &offset), step) in scale.iter().zip(shift).zip(steps) {
        let factor = f64::from(scale) / step * power(-Q16);
        let shift = common_shift(std::iter::once(factor));
        let norm = NormRecord {
            multiplier: whole(factor, shift, "a norm's scale")?,
            shift,
            offset: whole(f64::from(offset) / step, 0, "a norm's shift")?,
        };
        words.extend(norm.to_words());
    }
    let none = NormRecord {
        multiplier: 0,
        shift: 1,
        offset: 0,
    };
    for _ in steps.len()..channels {
        words.extend(none.to_words());
    }
    Ok(words)
}
