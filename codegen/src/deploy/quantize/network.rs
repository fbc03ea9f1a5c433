//! The networks of a coupling as words of the integer engine, and as the floats that these words stand for.

use anyhow::Context as _;
use nvpico::image::{
    BlocksHeader, INPUT_SHIFT, KernelHeader, LayerHeader, LayerShape, NetworkHeader, PANEL,
    SUM_SHIFT, Section, Sums, word,
};
use nvpico::integer::Weights;
use nvpico::kernel::dense;
use nvpico::spec::network::Op;
use nvpico::spec::{Conditioner, CouplingSpec, ScaleMap, Shape};

use super::number::{MARGIN, Q16, power};
use super::row::{IntegerRow, LARGEST_ACTIVATION, Row, panels};

/// A unit may have so many times the share of its range in a sum's step of the middle one, before its
/// weights are made coarser for it: two bits of the activations of all others at the most.
const UNEVEN: f64 = 8.0;

/// All networks of a coupling.
#[derive(Clone, Debug, Default)]
pub(super) struct QuantizedNetworks {
    /// An activation of what they read counts in steps of `2^input_shift` in Q16.
    pub input_shift: i32,
    /// What one step of each sum of the last layers is worth.
    pub steps: Vec<f64>,
    /// Records of the kept channels, where the network is a residual one.
    pub records: Vec<i32>,
    /// The words of the layers.
    pub words: Vec<i32>,
    /// The parameters that the words stand for, in the order of the spec.
    pub rounded: Vec<f32>,
}

/// Quantises the networks of a coupling; `params` are theirs alone, `ranges` those of their stages.
///
/// # Errors
/// A number beyond 32 bits.
pub(super) fn all<W: Weights>(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    params: &[f32],
    ranges: &[&[f32]],
) -> anyhow::Result<QuantizedNetworks> {
    let mut all = QuantizedNetworks {
        input_shift: input_shift(ranges[0]),
        ..QuantizedNetworks::default()
    };
    let count = spec.net_count();
    let sections: Vec<Section> = (0..)
        .map_while(|index| spec.section(shape, index))
        .collect();
    let slope = spec
        .slope_word()
        .context("a slope leaves the 32 bits of the integer engine")?;
    // A sigmoid's offset is part of the biases of the raw log-scales, which come first.
    let mut offsets = match spec.transform.scale_map() {
        Some(ScaleMap::Sigmoid { offset, .. }) => {
            vec![f64::from(offset); spec.mask.transformed(shape.channels)]
        }
        _ => Vec::new(),
    };
    let mut stages = spec.network(shape).stages();
    let has_norms = stages.any(|stage| matches!(stage.op, Op::Norm(_)));
    let networks = params
        .chunks(params.len() / count)
        .zip(ranges.chunks(ranges.len() / count))
        .zip(sections.chunks(sections.len() / count));
    for ((params, ranges), sections) in networks {
        let mut network = Quantizer {
            params,
            ranges,
            slope,
            steps: vec![power(all.input_shift - Q16); spec.net_inputs(shape)],
            words: &mut all.words,
            rounded: &mut all.rounded,
            offsets: std::mem::take(&mut offsets),
            has_norms,
        };
        if let Conditioner::ResidualConvolution(_) = spec.conditioner {
            all.records = network.kept_records(spec, shape)?;
        }
        for section in sections {
            network.section::<W>(section)?;
        }
        all.steps.extend(network.steps);
    }
    Ok(all)
}

/// The shift that makes activations of 16 bits of values in Q16.
pub(super) fn input_shift(ranges: &[f32]) -> i32 {
    let widest = ranges.iter().fold(0.0_f32, |most, &r| most.max(r));
    shift_for(MARGIN * f64::from(widest))
}

/// The shift that makes activations of 16 bits of values in Q16 up to `most`.
pub(super) fn shift_for(most: f64) -> i32 {
    let span = most * power(Q16) / LARGEST_ACTIVATION;
    let (least, most) = INPUT_SHIFT;
    span.log2().ceil().clamp(f64::from(least), f64::from(most)) as i32
}

/// A network on its way to words.
pub(super) struct Quantizer<'n> {
    /// Parameters that are left.
    pub params: &'n [f32],
    /// The ranges of its stages.
    pub ranges: &'n [&'n [f32]],
    /// Of hidden layers' activations below zero, in Q15.
    pub slope: i32,
    /// What one step of each activation is worth, at last of each sum.
    pub steps: Vec<f64>,
    pub words: &'n mut Vec<i32>,
    pub rounded: &'n mut Vec<f32>,
    /// Added to the biases of the network's first outputs.
    pub offsets: Vec<f64>,
    /// Whether there are parameters of norms, or they leave values as they are.
    pub has_norms: bool,
}

/// Where an input is among the weights of a row.
fn weight_index(layer: LayerShape, tap: usize, channel: usize, channels: usize) -> usize {
    let half = channels / 2;
    let within = match channel.checked_sub(half) {
        _ if !layer.signs => channel,
        None => 2 * channel,
        Some(negative) => 2 * negative + 1,
    };
    tap * layer.stride + within
}

impl Quantizer<'_> {
    /// Writes the words of a section.
    ///
    /// # Errors
    /// A number beyond 32 bits.
    fn section<W: Weights>(&mut self, section: &Section) -> anyhow::Result<()> {
        match *section {
            Section::Network { hidden } => {
                let hidden = word(hidden);
                self.words.extend(NetworkHeader { hidden }.to_words());
            }
            Section::Blocks { blocks, width } => {
                let header = BlocksHeader {
                    blocks: word(blocks),
                    panels: word(width.div_ceil(PANEL)),
                };
                self.words.extend(header.to_words());
            }
            Section::Kernel(kernel) => {
                let header = KernelHeader {
                    height: word(kernel.height),
                    width: word(kernel.width),
                };
                self.words.extend(header.to_words());
            }
            Section::Layer(layer) => match layer.sums {
                Sums::Activations { stage } => self.hidden::<W>(layer, self.ranges[stage]),
                Sums::Added => self.linear::<W>(layer, &[]),
                Sums::Outputs => {
                    let offsets = std::mem::take(&mut self.offsets);
                    self.linear::<W>(layer, &offsets);
                }
            },
            Section::Scaling { outputs } => self.scaling(outputs)?,
            Section::Narrowing { stage } => self.narrowing(self.ranges[stage]),
            Section::Norms { channels, stage } => {
                let channels = channels.next_multiple_of(PANEL);
                let words = self.norms(channels, self.ranges[stage])?;
                self.words.extend(words);
            }
        }
        Ok(())
    }

    /// The next layer's rows: its weights times the steps of what they are for.
    fn rows(&mut self, layer: LayerShape) -> Vec<Row> {
        let inputs = layer.taps * self.steps.len();
        let (own, rest) = self
            .params
            .split_at(dense::param_len(inputs, layer.outputs));
        self.params = rest;
        let mut rows = vec![Row::zero(layer.inputs); layer.outputs];
        let mut values = own.iter().map(|&param| f64::from(param));
        self.each_param(layer, |output, place| {
            let value = values.next().unwrap_or_default();
            match place {
                Some((at, step)) => rows[output].weights[at] = value * step,
                None => rows[output].bias = value,
            }
        });
        rows
    }

    /// Keeps what integer rows stand for; `half`, and of the first rows the offsets, were added to their biases.
    fn keep(&mut self, rows: &[IntegerRow], half: i32, layer: LayerShape, offsets: &[f64]) {
        let mut rounded = Vec::new();
        self.each_param(layer, |output, place| {
            let row = &rows[output];
            let offset = offsets.get(output).copied().unwrap_or_default();
            let value = match place {
                Some((at, step)) => f64::from(row.weights[at]) * row.step / step,
                None => f64::from(row.bias.wrapping_sub(half)) * row.step - offset,
            };
            rounded.push(value as f32);
        });
        self.rounded.extend(rounded);
    }

    /// Every parameter of a layer in order: its output and, for a weight, its place in the row and the step of
    /// the activation that it is for.
    fn each_param(&self, layer: LayerShape, mut each: impl FnMut(usize, Option<(usize, f64)>)) {
        let mut first = 0;
        for width in dense::panels(layer.outputs) {
            let panel = first..first + width;
            panel.clone().for_each(|output| each(output, None));
            for tap in 0..layer.taps {
                for (channel, &step) in self.steps.iter().enumerate() {
                    let at = weight_index(layer, tap, channel, self.steps.len());
                    panel
                        .clone()
                        .for_each(|output| each(output, Some((at, step))));
                }
            }
            first += width;
        }
    }

    /// A hidden layer; the steps become those of its activations.
    fn hidden<W: Weights>(&mut self, layer: LayerShape, ranges: &[f32]) {
        let rows = self.rows(layer);
        let finest: Vec<f64> = rows.iter().map(Row::finest_step::<W>).collect();
        // By what the sums' steps must grow for activations to hold what was seen.
        let growth = |(step, range): (&f64, &f32)| {
            MARGIN * f64::from(*range) / (step * (LARGEST_ACTIVATION - 1.0))
        };
        let mut growths: Vec<f64> = finest.iter().zip(ranges).map(growth).collect();
        growths.sort_by(f64::total_cmp);
        let most = growths[growths.len() - 1].min(UNEVEN * growths[growths.len() / 2]);
        let shift = most
            .log2()
            .ceil()
            .clamp(f64::from(SUM_SHIFT.0), f64::from(SUM_SHIFT.1)) as i32;
        let half = (1_i32 << shift) >> 1;
        let rows: Vec<_> = rows
            .iter()
            .zip(&finest)
            .zip(ranges)
            .map(|((row, &finest), range)| {
                let step = finest * (growth((&finest, range)) / power(shift)).max(1.0);
                row.in_steps(step, half)
            })
            .collect();
        self.layer_words::<W>(&rows, shift, self.slope);
        self.keep(&rows, half, layer, &[]);
        self.steps = rows.iter().map(|row| row.step * power(shift)).collect();
    }

    /// A layer whose sums leave whole, with additions to the biases of its first outputs; the steps become those
    /// of its sums.
    fn linear<W: Weights>(&mut self, layer: LayerShape, offsets: &[f64]) {
        let mut rows = self.rows(layer);
        for (row, offset) in rows.iter_mut().zip(offsets) {
            row.bias += offset;
        }
        let step = |row: &Row| row.in_steps(row.finest_step::<W>(), 0);
        let rows: Vec<_> = rows.iter().map(step).collect();
        self.layer_words::<W>(&rows, 0, 0);
        self.keep(&rows, 0, layer, offsets);
        self.steps = rows.iter().map(|row| row.step).collect();
    }

    /// Header and panels of a layer.
    fn layer_words<W: Weights>(&mut self, rows: &[IntegerRow], shift: i32, slope: i32) {
        let header = LayerHeader {
            panels: word(rows.len().div_ceil(PANEL)),
            shift,
            slope,
        };
        self.words.extend(header.to_words());
        self.words.extend(panels::<W>(rows));
    }
}
