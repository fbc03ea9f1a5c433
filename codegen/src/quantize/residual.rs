//! Residual networks as words of the integer engine: the paper's on maps, and those of nflows.
//!
//! `h` and `skip` count in Q16; every layer reads activations of 16 bits with a step of its own, and hands its
//! sums on through a multiplier for each output.

use anyhow::bail;
use nvpico::integer::layout::{activation_words, window_inputs};
use nvpico::integer::weights::PANEL;
use nvpico::integer::{Weights, op};
use nvpico::spec::{Activation, CouplingSpec, DenseSpec, Kernel, ResidualConvolutionSpec, Shape};

use super::layer::{MARGIN, Q16, common_shift, power, whole, word};
use super::network::{Network, Window, input_shift};
use super::row::LARGEST_ACTIVATION;

/// The share of the widest channel's range that every channel's is taken to have at least: one that was
/// never active on the rows that were seen has some, too.
const LEAST_RANGE: f64 = 1.0 / 256.0;

impl Network<'_> {
    /// Writes the words of the layers; returns those of the kept channels' records. `ranges` are those of the
    /// stages that `reference` shows.
    ///
    /// # Errors
    /// A number beyond 32 bits.
    pub(super) fn residual<W: Weights>(
        &mut self,
        spec: &CouplingSpec<'_>,
        net: &ResidualConvolutionSpec,
        shape: Shape,
        ranges: &[&[f32]],
    ) -> anyhow::Result<Vec<i32>> {
        let (inputs, filters) = (spec.net_inputs(shape), net.filters);
        let mut stages = ranges.iter().copied();
        let mut stage = || stages.next().unwrap_or_default();
        let norms = self.norm(inputs, inputs, stage())?;
        let kept = spec.mask.kept_features(shape.channels);
        let records = kept
            .zip(norms.chunks_exact(op::NORM))
            .flat_map(|(index, norm)| [&[word(index)][..], norm].concat())
            .collect();
        // Each kept channel is two activations.
        self.steps = self.steps.repeat(2);
        let first = Window {
            signs: true,
            taps: net.kernel.taps(),
            stride: 2 * inputs,
            inputs: window_inputs(net.kernel, inputs),
        };
        self.sums::<W>(first, filters)?;
        self.skip::<W>(filters, stage())?;
        let place = activation_words(filters);
        let inner = Window::over(net.kernel, place);
        let channels = filters.next_multiple_of(PANEL);
        for _ in 0..net.blocks {
            let norms = self.norm(filters, channels, stage())?;
            self.words.extend(norms);
            self.hidden::<W>(inner, filters, stage(), Activation::Relu);
            self.sums::<W>(inner, filters)?;
            self.skip::<W>(filters, stage())?;
        }
        let norms = self.norm(filters, channels, stage())?;
        self.words.extend(norms);
        self.last::<W>(Window::over(Kernel::POINT, place), spec.net_outputs(shape));
        Ok(records)
    }

    /// Writes the words of a network of residual blocks on vectors; `norm` says whether blocks have norms.
    ///
    /// # Errors
    /// A number beyond 32 bits.
    pub(super) fn blocks<W: Weights>(
        &mut self,
        net: &DenseSpec<'_>,
        norm: bool,
        outputs: usize,
        ranges: &[&[f32]],
    ) -> anyhow::Result<()> {
        let [width, layers @ ..] = net.hidden else {
            bail!("a residual network has a first layer");
        };
        let (width, channels) = (*width, width.next_multiple_of(PANEL));
        // The input's range made its shift.
        let mut stages = ranges.iter().copied().skip(1);
        let mut stage = || stages.next().unwrap_or_default();
        let (blocks, panels) = (layers.len() / 2, channels / PANEL);
        self.words.extend([blocks, panels].map(word));
        self.sums::<W>(self.all_inputs(), width)?;
        let mut hidden = stage();
        let (ones, zeros) = (vec![1.0; width], vec![0.0; width]);
        for _ in 0..blocks {
            let norms = if norm {
                self.norm(width, channels, stage())?
            } else {
                norm_words(&ones, &zeros, channels, self.activations(stage()))?
            };
            self.words.extend(norms);
            self.hidden::<W>(self.all_inputs(), width, stage(), net.activation);
            self.sums::<W>(self.all_inputs(), width)?;
            hidden = stage();
        }
        let shift = input_shift(hidden);
        self.words.push(shift);
        self.steps = vec![power(shift - Q16); width];
        self.last::<W>(self.all_inputs(), outputs);
        Ok(())
    }

    /// The next norm's words, zeros for what fills `channels`; steps are those of its activations.
    fn norm(&mut self, count: usize, channels: usize, ranges: &[f32]) -> anyhow::Result<Vec<i32>> {
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

    /// A layer whose sums go to `h` or `skip`.
    fn sums<W: Weights>(&mut self, window: Window, outputs: usize) -> anyhow::Result<()> {
        self.linear::<W>(window, outputs, &[]);
        let factors: Vec<f64> = self.steps.iter().map(|step| step * power(Q16)).collect();
        let shift = common_shift(factors.iter().copied());
        self.words.push(shift);
        for &factor in &factors {
            self.words.push(whole(factor, shift, "a multiplier")?);
        }
        let filled = outputs.next_multiple_of(PANEL);
        self.words.resize(self.words.len() + filled - outputs, 0);
        Ok(())
    }

    /// `point(h)`; `ranges` are those of `h`.
    fn skip<W: Weights>(&mut self, filters: usize, ranges: &[f32]) -> anyhow::Result<()> {
        let shift = input_shift(ranges);
        self.words.push(shift);
        self.steps = vec![power(shift - Q16); filters];
        self.sums::<W>(
            Window::over(Kernel::POINT, activation_words(filters)),
            filters,
        )
    }
}

/// The words of a norm whose activations count in `steps`, zeros for what fills `channels`.
fn norm_words(
    scale: &[f32],
    shift: &[f32],
    channels: usize,
    steps: &[f64],
) -> anyhow::Result<Vec<i32>> {
    let mut words = Vec::new();
    for ((&scale, &shift), step) in scale.iter().zip(shift).zip(steps) {
        let factor = f64::from(scale) / step * power(-Q16);
        let bits = common_shift(std::iter::once(factor));
        words.push(whole(factor, bits, "a norm's scale")?);
        words.push(bits);
        words.push(whole(f64::from(shift) / step, 0, "a norm's shift")?);
    }
    for _ in steps.len()..channels {
        words.extend([0, 1, 0]);
    }
    Ok(words)
}
