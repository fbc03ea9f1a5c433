//! A layer's parameters as words of the integer engine.

use anyhow::{Context as _, bail, ensure};
use nvpico::integer::fixed;
use nvpico::integer::layout::{
    activation_words, coupling_op, net_scratch, parity_word, place_words, residual_lengths,
    squeeze_kind, stack_lengths,
};
use nvpico::integer::stated::{Bound, SCALING_SHIFT};
use nvpico::integer::weights::PANEL;
use nvpico::integer::{Weights, op};
use nvpico::spec::{
    Conditioner, CouplingSpec, Kernel, LayerSpec, LogitSpec, ScaleMap, Shape, Squeeze,
};

use super::network;

/// Values may be so many times as large as any that was seen before they are cut. Less would be a finer step, but
/// rows that are anomalous by little would be cut already, and lose their order.
pub(super) const MARGIN: f64 = 8.0;
/// Multipliers have their highest bit here.
const MULTIPLIER_BITS: i32 = 30;

/// Fraction bits of values and shifts.
pub(super) const Q16: i32 = fixed::Q16.cast_signed();
/// Fraction bits of log-scales.
const Q24: i32 = fixed::Q24.cast_signed();
/// Fraction bits of what an arc tangent is of.
const Q20: i32 = fixed::Q20.cast_signed();

/// A count as a word: what the engine runs has far fewer of anything than a word holds.
pub(super) fn word(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// `2^exponent`.
pub(super) fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

/// A value as a whole number of `2^-bits`.
pub(super) fn whole(value: f64, bits: i32, what: &str) -> anyhow::Result<i32> {
    let steps = (value * power(bits)).round();
    ensure!(
        steps.abs() <= f64::from(i32::MAX),
        "{what} of {value:.4} leaves the 32 bits of the integer engine"
    );
    Ok(steps as i32)
}

/// The shift under which the largest of some factors fills a multiplier.
pub(super) fn common_shift(factors: impl Iterator<Item = f64>) -> i32 {
    let most = factors.fold(0.0_f64, |most, factor| most.max(factor.abs()));
    if most > 0.0 {
        // The largest becomes 2^29 to 2^30.
        (MULTIPLIER_BITS - 1 - most.log2().floor() as i32).clamp(SCALING_SHIFT.0, SCALING_SHIFT.1)
    } else {
        SCALING_SHIFT.0
    }
}

/// Standardisation of counts of `2^unit`, one unit a channel.
pub(super) fn standardize(shape: Shape, params: &[f32], units: &[i32]) -> anyhow::Result<Vec<i32>> {
    let (mean, rest) = params.split_at(shape.channels);
    let scale = &rest[..shape.channels];
    let mut words = affine_header(op::STANDARDIZE, shape, scale)?;
    for ((&mean, &scale), &unit) in mean.iter().zip(scale).zip(units) {
        let (mean, scale) = (f64::from(mean), f64::from(scale));
        let count = whole(mean, -unit, "a mean")?;
        let factor = scale * power(unit + Q16);
        let shift = common_shift(std::iter::once(factor));
        let rest = (f64::from(count) * power(unit) - mean) * scale;
        words.push(count);
        words.push(whole(factor, shift, "a scale")?);
        words.push(shift);
        words.push(whole(rest, Q16, "a mean's fraction")?);
    }
    Ok(words)
}

/// A folded norm.
pub(super) fn affine(shape: Shape, params: &[f32]) -> anyhow::Result<Vec<i32>> {
    let (scale, rest) = params.split_at(shape.channels);
    let mut words = affine_header(op::AFFINE, shape, scale)?;
    for (&scale, &offset) in scale.iter().zip(rest) {
        let shift = common_shift(std::iter::once(f64::from(scale)));
        words.push(whole(f64::from(scale), shift, "a norm's scale")?);
        words.push(shift);
        words.push(whole(f64::from(offset), Q16, "a norm's shift")?);
    }
    Ok(words)
}

/// Op, channels, places, and the sum of the logarithms of every channel's scale over its places in Q16.
fn affine_header(op: i32, shape: Shape, scale: &[f32]) -> anyhow::Result<Vec<i32>> {
    let places = shape.height * shape.width;
    let sum: f64 = scale.iter().map(|&s| f64::from(s).abs().ln()).sum();
    let log_det = whole(sum * places as f64, Q16, "a log-determinant")?;
    Ok(vec![op, word(shape.channels), word(places), log_det])
}

/// A coupling; `ranges` are those of its stages.
pub(super) fn coupling<W: Weights>(
    spec: &CouplingSpec<'_>,
    shape: Shape,
    params: &[f32],
    ranges: &[&[f32]],
) -> anyhow::Result<Vec<i32>> {
    let transformed = spec.mask.transformed(shape.channels);
    let (rescale, nets) = params.split_at(spec.rescale_len(shape));
    // Fraction bits of raw log-scales, and what these are divided by.
    let (raw_bits, clamp) = match spec.transform.scale_map() {
        Some(ScaleMap::ClampedTanh { clamp }) => (Q24, f64::from(clamp)),
        Some(ScaleMap::Atan { .. }) => (Q20, 1.0),
        Some(ScaleMap::RescaledTanh | ScaleMap::Sigmoid { .. } | ScaleMap::Unbounded) | None => {
            (Q24, 1.0)
        }
    };
    let inputs = spec.net_inputs(shape);
    let networks = network::all::<W>(spec, shape, nets, ranges)?;
    let last = networks.steps;
    // What one step of each sum is worth, of raw log-scales over the clamp.
    let (raw, shifts) = last.split_at(last.len() - transformed);
    let raw: Vec<f64> = raw
        .iter()
        .map(|step| step / clamp * power(raw_bits))
        .collect();
    let shifts: Vec<f64> = shifts.iter().map(|step| step * power(Q16)).collect();
    let raw_shift = common_shift(raw.iter().copied());
    let shift_shift = common_shift(shifts.iter().copied());
    let mut multipliers = Vec::new();
    for factor in raw {
        multipliers.push(whole(factor, raw_shift, "a multiplier")?);
    }
    for factor in shifts {
        multipliers.push(whole(factor, shift_shift, "a multiplier")?);
    }
    let mut words = vec![coupling_op(spec)];
    let kept_words = match &spec.conditioner {
        Conditioner::Dense(net) => {
            let kept = activation_words(inputs);
            let [front, _] = net_scratch(net, inputs);
            words.extend([kept, transformed, front].map(word));
            words.push(networks.input_shift);
            kept
        }
        Conditioner::Convolution(net) => {
            let kept = place_words(inputs, true);
            let window = stack_lengths::<W>(spec, net, shape).window;
            let layers = net.hidden.len() + 1;
            words.extend([kept, transformed, shape.height, shape.width].map(word));
            words.extend([parity_word(spec.mask), word(window), word(layers)]);
            words.push(networks.input_shift);
            kept
        }
        Conditioner::ResidualConvolution(net) => {
            let lengths = residual_lengths::<W>(spec, net, shape);
            words.extend([inputs, transformed, shape.height, shape.width].map(word));
            words.extend([parity_word(spec.mask), word(lengths.channels / PANEL)]);
            let Kernel { height, width } = net.kernel;
            words.extend([net.blocks, height, width, lengths.window].map(word));
            // Its kept channels have records, and norms instead of a shift.
            0
        }
    };
    words.extend([raw_shift, shift_shift]);
    words.extend(&networks.records);
    let mut kept = spec.mask.kept_features(shape.channels);
    let mut index = || kept.next().map_or(op::NO_INDEX, word);
    words.extend((0..kept_words).map(|_| index() | (index() << 16)));
    let (raw, shifts) = multipliers.split_at(multipliers.len() - transformed);
    for (at, index) in spec.mask.transformed_features(shape.channels).enumerate() {
        words.push(word(index));
        words.push(match spec.stated_bound() {
            Bound::Stated(bound) => bound,
            Bound::Number => whole(f64::from(rescale[at]), Q24, "a log-scale's bound")?,
            Bound::Beyond => {
                bail!("a log-scale's bound leaves the 32 bits of the integer engine")
            }
        });
        words.push(raw.get(at).copied().unwrap_or_default());
        words.push(shifts[at]);
    }
    words.extend(networks.words);
    Ok(words)
}

/// The words of a layer.
///
/// # Errors
/// A sentence about a number that leaves the integers.
pub(super) fn words<W: Weights>(
    layer: &LayerSpec<'_>,
    shape: Shape,
    params: &[f32],
    units: &[i32],
    ranges: &[&[f32]],
) -> anyhow::Result<Vec<i32>> {
    match layer {
        LayerSpec::Standardize => standardize(shape, params, units),
        LayerSpec::Affine => affine(shape, params),
        LayerSpec::Coupling(spec) => coupling::<W>(spec, shape, params, ranges),
        LayerSpec::Squeeze(kind) => Ok(squeeze(op::SQUEEZE, *kind, shape)),
        LayerSpec::Unsqueeze(kind) => {
            let after = layer.output_shape(shape).unwrap_or(shape);
            Ok(squeeze(op::UNSQUEEZE, *kind, after))
        }
        LayerSpec::FactorOut => {
            let goes_on = word(shape.len() / 2);
            Ok(vec![op::FACTOR_OUT, goes_on, goes_on])
        }
        LayerSpec::Logit(spec) => logit(*spec, shape),
        LayerSpec::Permutation(order) => {
            let places = shape.height * shape.width;
            let header = [op::PERMUTATION, word(shape.channels), word(places)];
            Ok([
                &header[..],
                &order.iter().map(|&at| word(at)).collect::<Vec<_>>(),
            ]
            .concat())
        }
        LayerSpec::BatchNorm(_) => bail!("the integer engine has no such layer"),
    }
    .context("the model cannot be made of integers")
}

fn squeeze(op: i32, kind: Squeeze, shape: Shape) -> Vec<i32> {
    let shape = [shape.channels, shape.height, shape.width].map(word);
    [&[op, squeeze_kind(kind)][..], &shape].concat()
}

/// The logit of counts.
fn logit(spec: LogitSpec, shape: Shape) -> anyhow::Result<Vec<i32>> {
    let stated = spec
        .stated_words()
        .context("the levels of the counts leave the 32 bits of the integer engine")?;
    Ok([&[op::LOGIT, word(shape.len())][..], &stated].concat())
}
