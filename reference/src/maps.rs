//! Feature maps: squeezing, convolutions, and the paper's residual network.
//!
//! A map is a list of places, row after row, with all channels of a place.

use crate::coupling::{activated, dense, panel_width};
use nvpico::spec::{
    ConvolutionSpec, Kernel, ResidualConvolutionSpec, ResidualForm, Shape, Squeeze,
};
use nvpico::{FlowSpec, LayerSpec};

/// `[place][channel]`
pub type Map = Vec<Vec<f64>>;

/// Height and width of a squeeze's cell.
pub fn cell(kind: Squeeze) -> [usize; 2] {
    match kind {
        Squeeze::Cells | Squeeze::CellsAlternate => [2, 2],
        Squeeze::Pairs => [1, 2],
    }
}

/// For each position of the squeezed map, the position before, in a map of shape `input`.
pub fn squeeze(kind: Squeeze, input: Shape) -> Vec<usize> {
    let [cell_height, cell_width] = cell(kind);
    let within: &[[usize; 2]] = match kind {
        Squeeze::Cells => &[[0, 0], [0, 1], [1, 0], [1, 1]],
        Squeeze::CellsAlternate => &[[0, 0], [1, 1], [0, 1], [1, 0]],
        Squeeze::Pairs => &[[0, 0], [0, 1]],
    };
    // A channel's places side by side, or a place's channels.
    let channels: Vec<(usize, [usize; 2])> = if kind == Squeeze::CellsAlternate {
        let all = within.iter();
        all.flat_map(|&at| (0..input.channels).map(move |channel| (channel, at)))
            .collect()
    } else {
        let all = 0..input.channels;
        all.flat_map(|channel| within.iter().map(move |&at| (channel, at)))
            .collect()
    };
    let mut sources = Vec::new();
    for (channel, [dy, dx]) in channels {
        for y in 0..input.height / cell_height {
            for x in 0..input.width / cell_width {
                let (y, x) = (cell_height * y + dy, cell_width * x + dx);
                sources.push((channel * input.height + y) * input.width + x);
            }
        }
    }
    sources
}

/// A convolution: around every place all that its window covers, row after row, zero beyond the edges,
/// through one and the same linear layer.
fn convolution(params: &[f64], shape: Shape, kernel: Kernel, input: &Map, outputs: usize) -> Map {
    let zeros = vec![0.0; input[0].len()];
    let covered = |[y, x]: [usize; 2], [dy, dx]: [usize; 2]| {
        let y = (y + dy).checked_sub(kernel.height / 2)?;
        let x = (x + dx).checked_sub(kernel.width / 2)?;
        (y < shape.height && x < shape.width).then(|| &input[y * shape.width + x])
    };
    let mut output = Vec::new();
    for y in 0..shape.height {
        for x in 0..shape.width {
            let mut window = Vec::new();
            for dy in 0..kernel.height {
                for dx in 0..kernel.width {
                    window.extend(covered([y, x], [dy, dx]).unwrap_or(&zeros));
                }
            }
            output.push(dense(params, &window, outputs));
        }
    }
    output
}

/// Parameters off the front.
fn take<'p>(params: &mut &'p [f64], count: usize) -> &'p [f64] {
    let (own, rest) = params.split_at(count);
    *params = rest;
    own
}

/// Convolutions one after the other, an activation between.
pub fn stack(
    spec: &ConvolutionSpec<'_>,
    shape: Shape,
    params: &[f64],
    input: Map,
    outputs: usize,
    watch: &mut dyn FnMut(usize, &[f64]),
) -> Map {
    let (mut params, mut map) = (params, input);
    show(0, &map, watch);
    for (index, layer) in spec.hidden.iter().enumerate() {
        let len = (layer.kernel.taps() * map[0].len() + 1) * layer.filters;
        let own = take(&mut params, len);
        map = convolution(own, shape, layer.kernel, &map, layer.filters);
        for value in map.iter_mut().flatten() {
            *value = activated(spec.activation, *value);
        }
        show(index + 1, &map, watch);
    }
    let map = convolution(params, shape, spec.last, &map, outputs);
    show(spec.hidden.len() + 1, &map, watch);
    map
}

/// Every place of a stage.
fn show(stage: usize, map: &Map, watch: &mut dyn FnMut(usize, &[f64])) {
    for place in map {
        watch(stage, place);
    }
}

/// Rows that share the statistics of the norms inside.
const GROUP: usize = 16;

/// The residual network on all rows. In the trained form norms take `keep` times their running
/// statistics and the rest from the group of rows. `seen` gets the groups' own statistics, averaged
/// over the rows. The stages that `watch` sees: what the first norm gives; `h`; of each block what its norm
/// and activation give, what its first convolution and activation do, `h`; what the last norm and activation
/// give; the outputs.
#[allow(clippy::too_many_arguments, reason = "what a reference is made of")]
pub fn residual(
    spec: &ResidualConvolutionSpec,
    shape: Shape,
    params: &[f64],
    inputs: &[Map],
    outputs: usize,
    keep: f64,
    seen: &mut Vec<f64>,
    watch: &mut dyn FnMut(usize, &[f64]),
) -> Vec<Map> {
    let mut all = Vec::new();
    for group in inputs.chunks(GROUP) {
        let mut network = Residual {
            spec,
            shape,
            params,
            keep,
            statistics: Vec::new(),
        };
        all.extend(network.run(group, outputs, watch));
        assert!(network.params.is_empty(), "every parameter has a part");
        seen.resize(network.statistics.len(), 0.0);
        let weight = group.len() as f64 / inputs.len() as f64;
        for (seen, own) in seen.iter_mut().zip(network.statistics) {
            *seen += weight * own;
        }
    }
    all
}

/// A walk through the network, the parameters that are left of it.
struct Residual<'s> {
    spec: &'s ResidualConvolutionSpec,
    shape: Shape,
    params: &'s [f64],
    keep: f64,
    statistics: Vec<f64>,
}

impl Residual<'_> {
    fn run(
        &mut self,
        input: &[Map],
        outputs: usize,
        watch: &mut dyn FnMut(usize, &[f64]),
    ) -> Vec<Map> {
        let (kernel, width) = (self.spec.kernel, self.spec.filters);
        let mut stage = 0;
        let mut seen = |maps: &[Map]| {
            for map in maps {
                show(stage, map, watch);
            }
            stage += 1;
        };
        let normed = self.norm(input);
        seen(&normed);
        let both = |map: &Map| -> Map {
            let negated = |place: &Vec<f64>| place.iter().map(|n| -n).collect();
            let place = |place: &Vec<f64>| [place.clone(), negated(place)].concat();
            map.iter().map(place).collect()
        };
        let active = relu(normed.iter().map(both).collect());
        let mut hidden = self.convolution(kernel, &active, width);
        seen(&hidden);
        let mut skip = self.convolution(Kernel::POINT, &hidden, width);
        for _ in 0..self.spec.blocks {
            let active = relu(self.norm(&hidden));
            seen(&active);
            let mut inner = self.convolution(kernel, &active, width);
            if self.spec.form != ResidualForm::Deployed {
                inner = self.norm(&inner);
            }
            let inner = relu(inner);
            seen(&inner);
            let change = self.convolution(kernel, &inner, width);
            hidden = sum(&hidden, &change);
            seen(&hidden);
            let more = self.convolution(Kernel::POINT, &hidden, width);
            skip = sum(&skip, &more);
        }
        let active = relu(self.norm(&skip));
        seen(&active);
        let outputs = self.convolution(Kernel::POINT, &active, outputs);
        seen(&outputs);
        outputs
    }

    /// The next norm.
    fn norm(&mut self, maps: &[Map]) -> Vec<Map> {
        let channels = maps[0][0].len();
        let mut maps = maps.to_vec();
        let ResidualForm::Trained { eps } = self.spec.form else {
            let scale = take(&mut self.params, channels);
            let shift = take(&mut self.params, channels);
            for place in maps.iter_mut().flatten() {
                for (channel, x) in place.iter_mut().enumerate() {
                    *x = *x * scale[channel] + shift[channel];
                }
            }
            return maps;
        };
        let mut part = || take(&mut self.params, channels);
        let (running_mean, running_var, scale, shift) = (part(), part(), part(), part());
        let places: Vec<&Vec<f64>> = maps.iter().flatten().collect();
        let mean_of = |value: &dyn Fn(&[f64]) -> f64| {
            places.iter().map(|place| value(place)).sum::<f64>() / places.len() as f64
        };
        let means: Vec<f64> = (0..channels).map(|c| mean_of(&|place| place[c])).collect();
        let vars: Vec<f64> = (0..channels)
            .map(|c| mean_of(&|place| (place[c] - means[c]).powi(2)))
            .collect();
        for place in maps.iter_mut().flatten() {
            for (c, x) in place.iter_mut().enumerate() {
                let mean = self.keep * running_mean[c] + (1.0 - self.keep) * means[c];
                let var = self.keep * running_var[c] + (1.0 - self.keep) * vars[c];
                *x = (*x - mean) / (var + f64::from(eps)).sqrt() * scale[c] + shift[c];
            }
        }
        self.statistics.extend(means);
        self.statistics.extend(vars);
        maps
    }

    /// The next convolution; in the trained form its weights are `g v / |v|`.
    fn convolution(&mut self, kernel: Kernel, maps: &[Map], outputs: usize) -> Vec<Map> {
        let rows = kernel.taps() * maps[0][0].len();
        let gains = match self.spec.form {
            ResidualForm::Deployed => None,
            ResidualForm::Trained { .. } => Some(take(&mut self.params, outputs)),
        };
        let mut params = take(&mut self.params, (rows + 1) * outputs).to_vec();
        if let Some(gains) = gains {
            normalise(&mut params, rows, gains);
        }
        maps.iter()
            .map(|map| convolution(&params, self.shape, kernel, map, outputs))
            .collect()
    }
}

/// `g v / |v|` for each output of a layer, in place of its `v`.
fn normalise(params: &mut [f64], rows: usize, gains: &[f64]) {
    let (mut rest, mut gains) = (params, gains);
    while !gains.is_empty() {
        let width = panel_width(gains.len());
        let (panel, others) = rest.split_at_mut((rows + 1) * width);
        for (output, gain) in gains[..width].iter().enumerate() {
            let places = || (width + output..(rows + 1) * width).step_by(width);
            let squares = places().map(|at| panel[at] * panel[at]);
            let factor = gain / squares.sum::<f64>().sqrt();
            for at in places() {
                panel[at] *= factor;
            }
        }
        (rest, gains) = (others, &gains[width..]);
    }
}

fn relu(mut maps: Vec<Map>) -> Vec<Map> {
    for value in maps.iter_mut().flatten().flatten() {
        *value = value.max(0.0);
    }
    maps
}

fn sum(a: &[Map], b: &[Map]) -> Vec<Map> {
    let mut sums = a.to_vec();
    for (sum, b) in sums
        .iter_mut()
        .flatten()
        .flatten()
        .zip(b.iter().flatten().flatten())
    {
        *sum += b;
    }
    sums
}

/// For each value of z in the order that the layers leave them, its place in the sample.
#[must_use]
pub fn order(spec: &FlowSpec<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spec.dim()).collect();
    for (index, layer) in spec.layers.iter().enumerate() {
        let (shape, after) = (spec.shape_at(index), spec.shape_at(index + 1));
        let own = shape.channels * shape.height * shape.width;
        let before = order[..own].to_vec();
        match layer {
            LayerSpec::Squeeze(kind) => {
                for (slot, from) in order.iter_mut().zip(squeeze(*kind, shape)) {
                    *slot = before[from];
                }
            }
            LayerSpec::Unsqueeze(kind) => {
                for (from, target) in squeeze(*kind, after).into_iter().enumerate() {
                    order[target] = before[from];
                }
            }
            _ => {}
        }
    }
    order
}
