//! The networks of a coupling as words of the integer engine, and as the floats that these words stand for.

use nvpico::integer::Weights;
use nvpico::integer::layout::{place_words, window_inputs};
use nvpico::integer::stated::{INPUT_SHIFT, SLOPE_BITS, SUM_SHIFT};
use nvpico::integer::weights::PANEL;
use nvpico::kernel::dense;
use nvpico::spec::{
    Activation, Conditioner, ConvolutionSpec, CouplingSpec, DenseSpec, Kernel, Nets, ScaleMap,
    Shape,
};

use super::layer::{MARGIN, Q16, power, word};
use super::row::{IntegerRow, LARGEST_ACTIVATION, Row, panels};

/// A unit may have so many times the share of its range in a sum's step of the middle one, before its
/// weights are made coarser for it: two bits of the activations of all others at the most.
const UNEVEN: f64 = 8.0;

/// All networks of a coupling.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
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
) -> anyhow::Result<Networks> {
    let mut all = Networks {
        input_shift: input_shift(ranges[0]),
        ..Networks::default()
    };
    let (outputs, count) = (spec.net_outputs(shape), spec.net_count());
    let ranges = ranges.chunks(ranges.len() / count);
    // A sigmoid's offset is part of the biases of the raw log-scales, which come first.
    let mut offsets = match spec.transform.scale_map() {
        Some(ScaleMap::Sigmoid { offset, .. }) => {
            vec![f64::from(offset); spec.mask.transformed(shape.channels)]
        }
        _ => Vec::new(),
    };
    for (params, ranges) in params.chunks(params.len() / count).zip(ranges) {
        let mut network = Network {
            params,
            steps: vec![power(all.input_shift - Q16); spec.net_inputs(shape)],
            words: &mut all.words,
            rounded: &mut all.rounded,
            offsets: std::mem::take(&mut offsets),
        };
        match &spec.conditioner {
            Conditioner::Dense(net) => match net.nets {
                Nets::Residual { norm } => network.blocks::<W>(net, norm, outputs, ranges)?,
                _ => network.dense::<W>(net, outputs, ranges),
            },
            Conditioner::Convolution(net) => network.stack::<W>(net, outputs, ranges),
            Conditioner::ResidualConvolution(net) => {
                all.records = network.residual::<W>(spec, net, shape, ranges)?;
            }
        }
        all.steps.extend(network.steps);
    }
    Ok(all)
}

/// The shift that makes activations of 16 bits of values in Q16.
pub(super) fn input_shift(ranges: &[f32]) -> i32 {
    let widest = ranges.iter().fold(0.0_f32, |most, &r| most.max(r));
    let span = MARGIN * f64::from(widest) * power(Q16) / LARGEST_ACTIVATION;
    let (least, most) = INPUT_SHIFT;
    span.log2().ceil().clamp(f64::from(least), f64::from(most)) as i32
}

/// A network on its way to words.
pub(super) struct Network<'n> {
    /// Parameters that are left.
    pub params: &'n [f32],
    /// What one step of each activation is worth, at last of each sum.
    pub steps: Vec<f64>,
    pub words: &'n mut Vec<i32>,
    pub rounded: &'n mut Vec<f32>,
    /// Added to the biases of the network's first outputs.
    pub offsets: Vec<f64>,
}

/// Where a layer's inputs are among the weights of a row: `taps` times the activations there are.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// Whether the second half of the channels are the negatives of the first, each beside its own.
    pub signs: bool,
    pub taps: usize,
    /// Weights of a tap, zeros included.
    pub stride: usize,
    /// Weights of a row, zeros included.
    pub inputs: usize,
}

impl Window {
    /// That of a kernel on places of so many words.
    pub(super) fn over(kernel: Kernel, place: usize) -> Self {
        Self {
            signs: false,
            taps: kernel.taps(),
            stride: 2 * place,
            inputs: window_inputs(kernel, place),
        }
    }

    /// Where a channel of a tap is.
    fn at(self, tap: usize, channel: usize, channels: usize) -> usize {
        let half = channels / 2;
        let within = match channel.checked_sub(half) {
            _ if !self.signs => channel,
            None => 2 * channel,
            Some(negative) => 2 * negative + 1,
        };
        tap * self.stride + within
    }
}

impl Network<'_> {
    fn dense<W: Weights>(&mut self, net: &DenseSpec<'_>, outputs: usize, ranges: &[&[f32]]) {
        self.words.push(word(net.hidden.len()));
        for (&width, &range) in net.hidden.iter().zip(&ranges[1..]) {
            self.hidden::<W>(self.all_inputs(), width, range, net.activation);
        }
        self.last::<W>(self.all_inputs(), outputs);
    }

    fn stack<W: Weights>(&mut self, net: &ConvolutionSpec<'_>, outputs: usize, ranges: &[&[f32]]) {
        let mut place = place_words(self.steps.len(), true);
        for (layer, &range) in net.hidden.iter().zip(&ranges[1..]) {
            let window = self.window(layer.kernel, place);
            self.hidden::<W>(window, layer.filters, range, net.activation);
            place = place_words(layer.filters, false);
        }
        let window = self.window(net.last, place);
        self.last::<W>(window, outputs);
    }

    pub(super) fn all_inputs(&self) -> Window {
        let inputs = self.steps.len();
        Window {
            signs: false,
            taps: 1,
            stride: inputs,
            inputs,
        }
    }

    /// The inputs of a convolution, zeros where a place has more activations than channels; says the
    /// kernel's height and width.
    fn window(&mut self, kernel: Kernel, place: usize) -> Window {
        self.words.extend([word(kernel.height), word(kernel.width)]);
        Window::over(kernel, place)
    }

    /// The next layer's rows: its weights times the steps of what they are for.
    fn rows(&mut self, window: Window, outputs: usize) -> Vec<Row> {
        let inputs = window.taps * self.steps.len();
        let (own, rest) = self.params.split_at(dense::param_len(inputs, outputs));
        self.params = rest;
        let mut rows = vec![Row::zero(window.inputs); outputs];
        let mut values = own.iter().map(|&param| f64::from(param));
        self.each_param(window, outputs, |output, place| {
            let value = values.next().unwrap_or_default();
            match place {
                Some((at, step)) => rows[output].weights[at] = value * step,
                None => rows[output].bias = value,
            }
        });
        rows
    }

    /// Keeps what integer rows stand for; `half`, and of the first rows the offsets, were added to their biases.
    fn keep(&mut self, rows: &[IntegerRow], half: i32, window: Window, offsets: &[f64]) {
        let mut rounded = Vec::new();
        self.each_param(window, rows.len(), |output, place| {
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
    fn each_param(
        &self,
        window: Window,
        outputs: usize,
        mut each: impl FnMut(usize, Option<(usize, f64)>),
    ) {
        let mut first = 0;
        for width in dense::panels(outputs) {
            let panel = first..first + width;
            panel.clone().for_each(|output| each(output, None));
            for tap in 0..window.taps {
                for (channel, &step) in self.steps.iter().enumerate() {
                    let at = window.at(tap, channel, self.steps.len());
                    panel
                        .clone()
                        .for_each(|output| each(output, Some((at, step))));
                }
            }
            first += width;
        }
    }

    /// A hidden layer; the steps become those of its activations.
    pub(super) fn hidden<W: Weights>(
        &mut self,
        window: Window,
        outputs: usize,
        ranges: &[f32],
        activation: Activation,
    ) {
        let rows = self.rows(window, outputs);
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
        let slope = match activation {
            Activation::Relu => 0.0,
            Activation::LeakyRelu { slope } => f64::from(slope),
        };
        let slope = (slope * power(SLOPE_BITS.cast_signed())).round() as i32;
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
        self.words
            .extend([word(rows.len().div_ceil(PANEL)), shift, slope]);
        self.words.extend(panels::<W>(&rows));
        self.keep(&rows, half, window, &[]);
        self.steps = rows.iter().map(|row| row.step * power(shift)).collect();
    }

    /// The last layer; the steps become those of its sums.
    pub(super) fn last<W: Weights>(&mut self, window: Window, outputs: usize) {
        let offsets = std::mem::take(&mut self.offsets);
        self.linear::<W>(window, outputs, &offsets);
    }

    /// A layer whose sums leave whole, with additions to the biases of its first outputs; the steps become those
    /// of its sums.
    pub(super) fn linear<W: Weights>(&mut self, window: Window, outputs: usize, offsets: &[f64]) {
        let mut rows = self.rows(window, outputs);
        for (row, offset) in rows.iter_mut().zip(offsets) {
            row.bias += offset;
        }
        let step = |row: &Row| row.in_steps(row.finest_step::<W>(), 0);
        let rows: Vec<_> = rows.iter().map(step).collect();
        self.words.extend([word(rows.len().div_ceil(PANEL)), 0, 0]);
        self.words.extend(panels::<W>(&rows));
        self.keep(&rows, 0, window, offsets);
        self.steps = rows.iter().map(|row| row.step).collect();
    }
}
