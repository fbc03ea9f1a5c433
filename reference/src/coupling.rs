//! The coupling and its fully connected networks.

use crate::maps::{self, Map};
use nvpico::spec::{
    Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Nets, ResidualDenseSpec, ScaleMap,
    Shape, Transform,
};

/// Whether a coupling keeps a value.
fn keeps(mask: Mask<'_>, shape: Shape, [channel, y, x]: [usize; 3]) -> bool {
    match mask {
        Mask::CheckerboardOdd => (y + x) % 2 == 1,
        Mask::CheckerboardEven => (y + x) % 2 == 0,
        _ => mask.keeps(channel, shape.channels),
    }
}

/// Channels in which something is kept, or something is transformed.
fn channels(mask: Mask<'_>, shape: Shape, kept: bool) -> Vec<usize> {
    let is_wanted = |channel: &usize| {
        let at = |place: usize| [*channel, place / shape.width, place % shape.width];
        (0..shape.height * shape.width).any(|place| keeps(mask, shape, at(place)) == kept)
    };
    (0..shape.channels).filter(is_wanted).collect()
}

/// What the networks read of a sample: the kept values, zero in place of the others.
fn input(mask: Mask<'_>, shape: Shape, x: &[f64]) -> Map {
    let pixels = shape.height * shape.width;
    let channels = channels(mask, shape, true);
    let value = |place: usize, channel: usize| {
        if keeps(
            mask,
            shape,
            [channel, place / shape.width, place % shape.width],
        ) {
            x[channel * pixels + place]
        } else {
            0.0
        }
    };
    (0..pixels)
        .map(|place| channels.iter().map(|&c| value(place, c)).collect())
        .collect()
}

/// `y = x + t`, `x * exp(s) + t` or `(x + t) * exp(s)` for the values that the mask does not keep.
pub fn couple(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    params: &[f64],
    rows: &mut [Vec<f64>],
    log_dets: &mut [f64],
    keep: f64,
    watch: &mut dyn FnMut(usize, &[f64]),
) {
    let changed = channels(spec.mask, shape, false);
    let count = changed.len();
    let map = match spec.transform {
        Transform::Additive => None,
        Transform::Affine(map) | Transform::ShiftFirst(map) => Some(map),
    };
    let (rescale, nets) = match map {
        Some(ScaleMap::RescaledTanh) => params.split_at(count),
        _ => (&[][..], params),
    };
    let outputs = if map.is_some() { 2 * count } else { count };
    let inputs = rows.iter().map(|x| input(spec.mask, shape, x)).collect();
    let outputs = run(
        spec,
        shape,
        nets,
        inputs,
        outputs,
        keep,
        &mut Vec::new(),
        watch,
    );
    for ((x, log_det), outputs) in rows.iter_mut().zip(log_dets).zip(outputs) {
        for (place, outputs) in outputs.iter().enumerate() {
            let (raws, shifts) = outputs.split_at(outputs.len() - count);
            for (at, &channel) in changed.iter().enumerate() {
                let (y, column) = (place / shape.width, place % shape.width);
                if keeps(spec.mask, shape, [channel, y, column]) {
                    continue;
                }
                let x = &mut x[(channel * shape.height + y) * shape.width + column];
                let Some(map) = map else {
                    *x += shifts[at];
                    continue;
                };
                let s = log_scale(map, raws[at], rescale.get(at));
                *x = if let Transform::ShiftFirst(_) = spec.transform {
                    (*x + shifts[at]) * s.exp()
                } else {
                    *x * s.exp() + shifts[at]
                };
                *log_det += s;
            }
        }
    }
}

/// Mean and variance that every norm inside a residual convolutional network sees, in the order of the
/// parameters: means then variances of a norm's channels, averaged over the groups of rows.
#[must_use]
pub fn inner_statistics(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    params: &[f64],
    rows: &[Vec<f64>],
    keep: f64,
) -> Vec<f64> {
    let count = channels(spec.mask, shape, false).len();
    let (rescale, outputs) = match spec.transform {
        Transform::Additive => (0, count),
        Transform::Affine(ScaleMap::RescaledTanh)
        | Transform::ShiftFirst(ScaleMap::RescaledTanh) => (count, 2 * count),
        _ => (0, 2 * count),
    };
    let inputs = rows.iter().map(|x| input(spec.mask, shape, x)).collect();
    let mut seen = Vec::new();
    let params = &params[rescale..];
    run(
        spec,
        shape,
        params,
        inputs,
        outputs,
        keep,
        &mut seen,
        &mut |_, _| {},
    );
    seen
}

/// The networks' outputs for every row, `[s..., t...]` at every place.
#[allow(
    clippy::too_many_arguments,
    reason = "what the pass takes, and what it shows on its way"
)]
fn run(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    params: &[f64],
    inputs: Vec<Map>,
    outputs: usize,
    keep: f64,
    seen: &mut Vec<f64>,
    watch: &mut dyn FnMut(usize, &[f64]),
) -> Vec<Map> {
    match &spec.conditioner {
        Conditioner::Dense(net) => {
            let is_two = net.nets == Nets::Two && spec.transform != Transform::Additive;
            let nets: Vec<&[f64]> = if is_two {
                params.chunks(params.len() / 2).collect()
            } else {
                vec![params]
            };
            let outputs = outputs / nets.len();
            let mut place = |input: &Vec<f64>| {
                let run = |(index, params): (usize, &&[f64])| {
                    let first = index * (net.hidden.len() + 2);
                    let mut own = |stage: usize, values: &[f64]| watch(first + stage, values);
                    network(net, params, input, outputs, &mut own)
                };
                nets.iter().enumerate().flat_map(run).collect()
            };
            let mut sample = |input: &Map| input.iter().map(&mut place).collect();
            inputs.iter().map(&mut sample).collect()
        }
        Conditioner::ResidualDense(net) => inputs
            .iter()
            .map(|input| {
                let mut place = |input: &Vec<f64>| residual(net, params, input, outputs, watch);
                input.iter().map(&mut place).collect()
            })
            .collect(),
        Conditioner::Convolution(net) => inputs
            .into_iter()
            .map(|input| maps::stack(net, shape, params, input, outputs, watch))
            .collect(),
        Conditioner::ResidualConvolution(net) => {
            maps::residual(net, shape, params, &inputs, outputs, keep, seen, watch)
        }
    }
}

/// `s` of a raw output.
fn log_scale(map: ScaleMap, raw: f64, rescale: Option<&f64>) -> f64 {
    match map {
        ScaleMap::RescaledTanh => rescale.copied().unwrap_or(f64::NAN) * raw.tanh(),
        ScaleMap::ClampedTanh { clamp } => f64::from(clamp) * (raw / f64::from(clamp)).tanh(),
        ScaleMap::Unbounded => raw,
        ScaleMap::Atan { scale } => f64::from(scale) * raw.atan(),
        ScaleMap::Sigmoid {
            offset,
            floor,
            inverse,
        } => {
            let sigmoid = 1.0 / (1.0 + (-raw - f64::from(offset)).exp());
            let s = (sigmoid + f64::from(floor)).ln();
            if inverse { -s } else { s }
        }
    }
}

/// A linear layer, blocks `h + W2 a(W1 a(h) + b1) + b2`, a linear layer. The stages that `watch` sees: the
/// input; `h`; of each block `a(h)`, what the first layer and its activation give, `h`; the outputs.
fn residual(
    spec: &ResidualDenseSpec,
    params: &[f64],
    input: &[f64],
    outputs: usize,
    watch: &mut dyn FnMut(usize, &[f64]),
) -> Vec<f64> {
    let mut stage = 0;
    let mut seen = |values: &[f64]| {
        watch(stage, values);
        stage += 1;
    };
    seen(input);
    let mut rest = params;
    let mut take = |count: usize| {
        let (own, after) = rest.split_at(count);
        rest = after;
        own
    };
    let width = spec.width;
    let mut hidden = dense(take((input.len() + 1) * width), input, width);
    seen(&hidden);
    for _ in 0..spec.blocks {
        let mut active = hidden.clone();
        if spec.norm {
            let (scale, shift) = (take(width), take(width));
            for (at, value) in active.iter_mut().enumerate() {
                *value = *value * scale[at] + shift[at];
            }
        }
        for value in &mut active {
            *value = activated(spec.activation, *value);
        }
        seen(&active);
        let mut inner = dense(take((width + 1) * width), &active, width);
        for value in &mut inner {
            *value = activated(spec.activation, *value);
        }
        seen(&inner);
        let result = dense(take((width + 1) * width), &inner, width);
        for (hidden, result) in hidden.iter_mut().zip(result) {
            *hidden += result;
        }
        seen(&hidden);
    }
    let outputs = dense(rest, &hidden, outputs);
    seen(&outputs);
    outputs
}

/// The activation of a hidden layer.
#[must_use]
pub fn activated(activation: Activation, value: f64) -> f64 {
    match activation {
        Activation::Relu => value.max(0.0),
        Activation::LeakyRelu { slope } if value < 0.0 => value * f64::from(slope),
        Activation::LeakyRelu { .. } => value,
    }
}

/// A multi-layer perceptron with a linear last layer.
fn network(
    spec: &DenseSpec<'_>,
    params: &[f64],
    input: &[f64],
    outputs: usize,
    watch: &mut dyn FnMut(usize, &[f64]),
) -> Vec<f64> {
    let mut params = params;
    let mut values = input.to_vec();
    watch(0, input);
    for (index, &width) in spec.hidden.iter().enumerate() {
        let (own, rest) = params.split_at((values.len() + 1) * width);
        params = rest;
        values = dense(own, &values, width);
        for value in &mut values {
            *value = activated(spec.activation, *value);
        }
        watch(index + 1, &values);
    }
    let values = dense(params, &values, outputs);
    watch(spec.hidden.len() + 1, &values);
    values
}

/// `W x + b`, by the documented order of the parameters: panels of 16 outputs, then 8, 4, 2, 1; in each
/// the biases, then a row of weights for every input.
///
/// # Panics
/// If `params` has another length than these take.
#[must_use]
pub fn dense(params: &[f64], input: &[f64], outputs: usize) -> Vec<f64> {
    assert_eq!(params.len(), (input.len() + 1) * outputs);
    let mut params = params;
    let mut all = Vec::new();
    while all.len() < outputs {
        let width = panel_width(outputs - all.len());
        let (panel, rest) = params.split_at((input.len() + 1) * width);
        params = rest;
        for output in 0..width {
            // Plain loops: tests are not optimised, and this is where the reference spends its time.
            let (mut sum, mut at) = (panel[output], output);
            for x in input {
                at += width;
                sum += panel[at] * x;
            }
            all.push(sum);
        }
    }
    all
}

/// Outputs of the next panel, of so many that are left.
#[must_use]
pub fn panel_width(left: usize) -> usize {
    let widths = [16, 8, 4, 2, 1].into_iter();
    widths.filter(|&width| width <= left).max().unwrap_or(1)
}
