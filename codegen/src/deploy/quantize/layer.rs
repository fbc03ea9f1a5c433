//! A layer's parameters as words of the integer engine.

use anyhow::{Context as _, bail, ensure};
use nvpico::image::{
    AffineChannel, AffineHeader, Bound, ConvolutionHeader, DenseHeader, Record, ResidualHeader,
    StandardizeChannel, value_words, word,
};
use nvpico::integer::Weights;
use nvpico::spec::{Conditioner, CouplingSpec, LayerSpec, ScaleMap, Shape};

use super::network;
use super::number::{Q16, Q20, Q24, common_shift, power, whole};

/// Standardisation of counts of `2^unit`, one unit a channel; behind the op.
fn standardize(shape: Shape, params: &[f32], units: &[i32]) -> anyhow::Result<Vec<i32>> {
    let (mean, rest) = params.split_at(shape.channels);
    let scale = &rest[..shape.channels];
    let mut words = affine_header(shape, scale)?.to_words().to_vec();
    for ((&mean, &scale), &unit) in mean.iter().zip(scale).zip(units) {
        let (mean, scale) = (f64::from(mean), f64::from(scale));
        let count = whole(mean / power(unit), 0, "a mean")?;
        let factor = scale * power(unit) * power(Q16);
        let shift = common_shift(std::iter::once(factor));
        let rest = (f64::from(count) * power(unit) - mean) * scale;
        let channel = StandardizeChannel {
            mean: count,
            multiplier: whole(factor, shift, "a scale")?,
            shift,
            offset: whole(rest, Q16, "a mean's fraction")?,
        };
        words.extend(channel.to_words());
    }
    Ok(words)
}

/// A folded norm, behind the op.
fn affine(shape: Shape, params: &[f32]) -> anyhow::Result<Vec<i32>> {
    let (scale, rest) = params.split_at(shape.channels);
    let mut words = affine_header(shape, scale)?.to_words().to_vec();
    for (&scale, &offset) in scale.iter().zip(rest) {
        let shift = common_shift(std::iter::once(f64::from(scale)));
        let channel = AffineChannel {
            multiplier: whole(f64::from(scale), shift, "a norm's scale")?,
            shift,
            offset: whole(f64::from(offset), Q16, "a norm's shift")?,
        };
        words.extend(channel.to_words());
    }
    Ok(words)
}

/// A matrix, behind the op. The multipliers of a sum are 2^30 at most together, so a sum is exact in 64 bits.
fn linear(shape: Shape, params: &[f32]) -> anyhow::Result<Vec<i32>> {
    let channels = shape.channels;
    let (factors, bias) = params.split_at(channels * channels);
    let diagonal: Vec<f32> = factors.iter().step_by(channels + 1).copied().collect();
    let mut words = affine_header(shape, &diagonal)?.to_words().to_vec();
    for (row, (factors, &bias)) in factors.chunks_exact(channels).zip(bias).enumerate() {
        let (lower, upper) = factors.split_at(row);
        let sum = |weights: &[f32]| weights.iter().map(|&w| f64::from(w).abs()).sum::<f64>();
        let shift = common_shift([sum(lower), sum(upper)].into_iter());
        let multiplier = |weight: f32| whole(f64::from(weight), shift, "an entry of a matrix");
        let channel = AffineChannel {
            multiplier: multiplier(factors[row])?,
            shift,
            offset: whole(f64::from(bias), Q16, "a bias of a matrix")?,
        };
        ensure!(
            channel.multiplier != 0,
            "the diagonal of a matrix is too small beside the rest of its row"
        );
        words.extend(channel.to_words());
        for &weight in lower.iter().chain(&upper[1..]) {
            words.push(multiplier(weight)?);
        }
    }
    Ok(words)
}

/// With the sum of the logarithms of every channel's scale over its places in Q16.
fn affine_header(shape: Shape, scale: &[f32]) -> anyhow::Result<AffineHeader> {
    let places = shape.height * shape.width;
    let sum: f64 = scale.iter().map(|&s| f64::from(s).abs().ln()).sum();
    Ok(AffineHeader {
        log_det: whole(sum * places as f64, Q16, "a log-determinant")?,
        ..LayerSpec::affine_header(shape)
    })
}

/// A coupling, behind its op; `ranges` are those of its stages.
fn coupling<W: Weights>(
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
    let input_shift = networks.input_shift;
    let values = |kept: i32| value_words(spec.mask, shape.channels, kept as usize);
    let mut words = match &spec.conditioner {
        Conditioner::Dense(_) | Conditioner::ResidualDense(_) => {
            let header = DenseHeader {
                input_shift,
                raw_shift,
                shift_shift,
                ..spec.dense_header(shape)
            };
            [&header.to_words()[..], &values(header.kept)].concat()
        }
        Conditioner::Convolution(net) => {
            let header = ConvolutionHeader {
                input_shift,
                raw_shift,
                shift_shift,
                ..spec.convolution_header(net, shape)
            };
            [&header.to_words()[..], &values(header.kept)].concat()
        }
        Conditioner::ResidualConvolution(net) => {
            let header = ResidualHeader {
                raw_shift,
                shift_shift,
                ..spec.residual_header(net, shape)
            };
            [&header.to_words()[..], &networks.records].concat()
        }
    };
    let (raw, shifts) = multipliers.split_at(multipliers.len() - transformed);
    for (at, index) in spec.mask.transformed_features(shape.channels).enumerate() {
        let bound = match spec.stated_bound() {
            Bound::Stated(bound) => bound,
            Bound::Number => whole(f64::from(rescale[at]), Q24, "a log-scale's bound")?,
            Bound::Beyond => {
                bail!("a log-scale's bound leaves the 32 bits of the integer engine")
            }
        };
        let record = Record {
            channel: word(index),
            bound,
            raw_multiplier: raw.get(at).copied().unwrap_or_default(),
            shift_multiplier: shifts[at],
        };
        words.extend(record.to_words());
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
    let op = layer.op().context("the integer engine has no such layer")?;
    let words = match layer {
        LayerSpec::Standardize => standardize(shape, params, units),
        LayerSpec::Affine => affine(shape, params),
        LayerSpec::Linear => linear(shape, params),
        LayerSpec::Coupling(spec) => coupling::<W>(spec, shape, params, ranges),
        LayerSpec::Squeeze(_)
        | LayerSpec::Unsqueeze(_)
        | LayerSpec::FactorOut
        | LayerSpec::Logit(_)
        | LayerSpec::Permutation(_)
        | LayerSpec::BatchNorm(_) => layer
            .stated_words(shape)
            .context("a constant of the layer leaves the 32 bits of the integer engine"),
    };
    let words = words.context("the model cannot be made of integers")?;
    Ok([&[op][..], &words].concat())
}
