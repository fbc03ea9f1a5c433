//! The density of z as words of the integer engine.

use anyhow::{Context as _, ensure};
use nvpico::image::{
    ComponentHeader, KernelsHeader, LayerHeader, PANEL, SharedHeader, TriangleRow, op, word,
};
use nvpico::integer::Weights;
use nvpico::kernel::dense;
use nvpico::spec::{BaseSpec, KernelsSpec, MixtureSpec, Spread};

use super::network::shift_for;
use super::number::{Q16, Q24, common_shift, power, whole};
use super::row::{IntegerRow, Row, panels};

/// Activations reach so many deviations beyond all centres: at the edge every component is `exp(-32)` of its peak, and
/// outside the density falls on.
const REACH: f64 = 8.0;
/// The steps of sums differ by this factor at most, so that their multipliers keep enough bits.
const UNEVEN: f64 = 256.0;

/// Words of a base, and the parameters that they stand for.
#[derive(Default)]
pub(super) struct Base {
    /// With the op; none of a standard normal density.
    pub words: Vec<i32>,
    /// In the order of the parameters.
    pub rounded: Vec<f32>,
}

/// The base of a flow on `dim` values of z.
///
/// # Errors
/// A sentence about a number that leaves the integers.
pub(super) fn base<W: Weights>(spec: BaseSpec, dim: usize, params: &[f32]) -> anyhow::Result<Base> {
    let (BaseSpec::Mixture(mixture), Some(op)) = (spec, spec.op()) else {
        return Ok(Base::default());
    };
    let mut own = match mixture.spread {
        Spread::Shared => shared::<W>(mixture, dim, params),
        Spread::Full => full(mixture, dim, params),
    }
    .context("the base density cannot be made of integers")?;
    let head = [&[op][..], &mixture.header().to_words()].concat();
    own.words.splice(0..0, head);
    Ok(own)
}

/// The kernels beside a flow on `dim` values behind its first layer; no words without kernels.
///
/// # Errors
/// A sentence about a number that leaves the integers.
pub(super) fn kernels<W: Weights>(
    spec: Option<KernelsSpec>,
    dim: usize,
    params: &[f32],
) -> anyhow::Result<Base> {
    let (Some(spec), Some((&[slope, offset], own))) = (spec, params.split_first_chunk()) else {
        return Ok(Base::default());
    };
    let context = "the kernels cannot be made of integers";
    ensure!(
        slope > 0.0,
        "kernels on a scale of {slope} times the flow's: train the model again"
    );
    let shift = common_shift(std::iter::once(f64::from(slope)));
    let multiplier = whole(f64::from(slope), shift, "their scale").context(context)?;
    let offset = whole(f64::from(offset), Q16, "their offset").context(context)?;
    let header = KernelsHeader {
        multiplier,
        shift,
        offset,
    };
    let mixture = base::<W>(BaseSpec::Mixture(spec.mixture()), dim, own)?;
    let mut all = Base {
        words: [&[op::KERNELS][..], &header.to_words()].concat(),
        rounded: vec![
            (f64::from(multiplier) * power(-shift)) as f32,
            (f64::from(offset) * power(-Q16)) as f32,
        ],
    };
    all.words.extend(mixture.words);
    all.rounded.extend(mixture.rounded);
    Ok(all)
}

/// Bias and weights of a component.
struct Unit {
    bias: f64,
    weights: Vec<f64>,
}

/// The outputs of a dense layer, out of their panels.
fn units(outputs: usize, inputs: usize, params: &[f32]) -> Vec<Unit> {
    let mut rest = params;
    let mut all = Vec::new();
    for width in dense::panels(outputs) {
        let (panel, others) = rest.split_at(dense::param_len(inputs, width));
        rest = others;
        for at in 0..width {
            let mut values = panel[at..].iter().step_by(width).map(|&v| f64::from(v));
            all.push(Unit {
                bias: values.next().unwrap_or_default(),
                weights: values.collect(),
            });
        }
    }
    all
}

/// Centres are rounded first; each bias is that of its component at the rounded centre.
fn shared<W: Weights>(spec: MixtureSpec, dim: usize, params: &[f32]) -> anyhow::Result<Base> {
    let (&g, params) = params.split_first().context("a mixture has a bandwidth")?;
    ensure!(
        g > 0.0 && g.is_finite(),
        "a mixture of bandwidth 1 / sqrt(2 g) with g = {g}: fit it again"
    );
    let units = units(spec.components, dim, params);
    let shift = common_shift(std::iter::once(f64::from(g)));
    let multiplier = whole(f64::from(g), shift, "the bandwidth's factor")?;
    let exact = 0.5 / f64::from(g);
    // Of the factor in whole steps.
    let g = f64::from(multiplier) * power(-shift);
    let variance = 0.5 / g;
    let weights = units.iter().flat_map(|unit| &unit.weights);
    let farthest = weights.fold(0.0_f64, |most, w| most.max(w.abs())) * exact;
    let input_shift = shift_for(farthest + REACH * variance.sqrt());
    let input_step = power(input_shift - Q16);

    let rows: Vec<Row> = units
        .iter()
        .map(|unit| row(unit, exact / variance * input_step))
        .collect();
    let finest: Vec<f64> = rows.iter().map(Row::finest_step::<W>).collect();
    let most = finest.iter().copied().fold(0.0, f64::max);
    // Above all steps, so that rounding a step up never needs another bit.
    let sum_shift = common_shift(std::iter::once(1.1 * most * power(Q24)));
    let mut integers = Vec::new();
    let mut multipliers = Vec::new();
    let mut all = Base::default();
    for ((unit, row), &finest) in units.iter().zip(rows).zip(&finest) {
        let mut step = finest.max(most / UNEVEN);
        loop {
            let multiplier = (step * power(Q24 + sum_shift)).ceil();
            ensure!(
                multiplier <= f64::from(i32::MAX),
                "the terms of a mixture leave the 32 bits of the integer engine: give it a larger bandwidth"
            );
            step = multiplier * power(-Q24 - sum_shift);
            let integer = moved(unit, &row, step, [exact, variance], input_step);
            if integer.worst_sum() <= i64::from(i32::MAX) {
                multipliers.push(multiplier as i32);
                integers.push(integer);
                break;
            }
            step *= 1.001;
        }
    }
    let header = SharedHeader {
        multiplier,
        shift,
        input_shift,
        sum_shift,
    };
    let layer = LayerHeader {
        panels: word(spec.components.div_ceil(PANEL)),
        shift: 0,
        slope: 0,
    };
    all.words.extend(header.to_words());
    all.words.extend(layer.to_words());
    all.words.extend(panels::<W>(&integers));
    all.words.extend(multipliers);
    all.rounded = rounded(g, &integers, input_step);
    Ok(all)
}

/// The row of a component whose weights are times `factor`.
fn row(unit: &Unit, factor: f64) -> Row {
    Row {
        weights: unit.weights.iter().map(|w| w * factor).collect(),
        bias: unit.bias,
    }
}

/// A row in whole steps, with the bias of the centre that its weights then stand for. The variance is `exact`, in whole
/// steps `variance`.
fn moved(
    unit: &Unit,
    row: &Row,
    step: f64,
    [exact, variance]: [f64; 2],
    input_step: f64,
) -> IntegerRow {
    let weights: Vec<i32> = row
        .weights
        .iter()
        .map(|w| (w / step).round() as i32)
        .collect();
    let square = |w: f64| w * w;
    // |m|^2 / (2 h^2), of m = w h^2.
    let before: f64 = unit.weights.iter().map(|&w| square(w)).sum::<f64>() * exact / 2.0;
    let after = weights
        .iter()
        .map(|&w| square(f64::from(w) * step / input_step));
    let after = after.sum::<f64>() * variance / 2.0;
    let volume = unit.weights.len() as f64 / 2.0 * (variance / exact).ln();
    let bias = unit.bias + before - after - volume;
    IntegerRow {
        weights,
        bias: (bias / step).round() as i32,
        step,
    }
}

/// What the integers stand for, in the order of the parameters.
fn rounded(g: f64, rows: &[IntegerRow], input_step: f64) -> Vec<f32> {
    let mut all = vec![g as f32];
    let mut rest = rows;
    for width in dense::panels(rows.len()) {
        let (panel, others) = rest.split_at(width);
        rest = others;
        all.extend(
            panel
                .iter()
                .map(|row| (f64::from(row.bias) * row.step) as f32),
        );
        let inputs = panel.first().map_or(0, |row| row.weights.len());
        for input in 0..inputs {
            let weight = |row: &IntegerRow| f64::from(row.weights[input]) * row.step / input_step;
            all.extend(panel.iter().map(|row| weight(row) as f32));
        }
    }
    all
}

/// The multipliers of a row are 2^30 at most together, so a sum is exact in 64 bits. The constant is that of the
/// diagonals in whole steps.
fn full(spec: MixtureSpec, dim: usize, params: &[f32]) -> anyhow::Result<Base> {
    let mut all = Base::default();
    let len = params.len() / spec.components;
    for own in params.chunks_exact(len) {
        let (centre, mut triangle) = own[1..].split_at(dim);
        let mut constant = f64::from(own[0]);
        let (mut words, mut entries) = (Vec::new(), Vec::new());
        for size in 1..=dim {
            let (row, rest) = triangle.split_at(size);
            triangle = rest;
            let sum: f64 = row.iter().map(|&w| f64::from(w).abs()).sum();
            let shift = common_shift(std::iter::once(sum));
            words.extend(TriangleRow { shift }.to_words());
            let mut last = 0;
            for &entry in row {
                last = whole(f64::from(entry), shift, "an entry of a triangle")?;
                words.push(last);
                entries.push((f64::from(last) * power(-shift)) as f32);
            }
            ensure!(
                last != 0,
                "the diagonal of a triangle is too small beside the rest of its row"
            );
            let diagonal = f64::from(row[size - 1]).abs();
            constant += (f64::from(last.unsigned_abs()) * power(-shift) / diagonal).ln();
        }
        let header = ComponentHeader {
            constant: whole(constant, Q16, "the constant of a component")?,
        };
        all.words.extend(header.to_words());
        all.rounded.push(constant as f32);
        for &value in centre {
            let count = whole(f64::from(value), Q16, "a centre")?;
            all.words.push(count);
            all.rounded.push((f64::from(count) * power(-Q16)) as f32);
        }
        all.words.extend(words);
        all.rounded.extend(entries);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use nvpico::integer::{I8, I16, IntegerFlow, IntegerScore};
    use nvpico::spec::Shape;
    use nvpico::{Flow, FlowSpec};
    use nvpico_reference::{self as reference, wide};
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus as Random;

    use super::super::tests::uniform;
    use super::*;

    /// A mixture whose components lie within 3 of the centre, with deviations around `deviation`.
    fn params(spec: MixtureSpec, dim: usize, deviation: f64, random: &mut Random) -> Vec<f32> {
        let log_weight = -(spec.components as f64).ln();
        let volume = dim as f64 / 2.0 * (2.0 * std::f64::consts::PI).ln();
        let mut number = |most: f64| most * f64::from(uniform(random));
        let mut all = Vec::new();
        match spec.spread {
            Spread::Shared => {
                let g = 0.5 / (deviation * deviation);
                all.push(g as f32);
                for width in dense::panels(spec.components) {
                    let centres: Vec<Vec<f64>> = (0..width)
                        .map(|_| (0..dim).map(|_| number(3.0)).collect())
                        .collect();
                    all.extend(centres.iter().map(|centre| {
                        let norm_sq: f64 = centre.iter().map(|m| m * m).sum();
                        let volume = volume + dim as f64 * deviation.ln();
                        (log_weight - norm_sq * g - volume) as f32
                    }));
                    for input in 0..dim {
                        all.extend(centres.iter().map(|m| (m[input] * 2.0 * g) as f32));
                    }
                }
            }
            Spread::Full => {
                for _ in 0..spec.components {
                    let mut triangle = Vec::new();
                    let mut constant = log_weight - volume;
                    let centre: Vec<f32> = (0..dim).map(|_| number(3.0) as f32).collect();
                    for row in 0..dim {
                        triangle.extend((0..row).map(|_| (number(0.5) / deviation) as f32));
                        let diagonal = (1.0 + number(0.5)) / deviation;
                        constant += diagonal.ln();
                        triangle.push(diagonal as f32);
                    }
                    all.push(constant as f32);
                    all.extend(centre);
                    all.extend(triangle);
                }
            }
        }
        all
    }

    fn all() -> impl Iterator<Item = (MixtureSpec, usize, f64)> {
        let spreads = [Spread::Shared, Spread::Full];
        spreads.into_iter().flat_map(|spread| {
            [(1, 2), (3, 5), (7, 8), (21, 17)]
                .into_iter()
                .flat_map(move |(components, dim)| {
                    let spec = MixtureSpec::new(components, spread);
                    [0.1, 0.4, 1.0].map(|deviation| (spec, dim, deviation))
                })
        })
    }

    fn check<W: Weights>(allowed: f64) {
        let mut random = Random::seed_from_u64(7);
        let mut largest = [0.0_f64; 2];
        for (mixture, dim, deviation) in all() {
            let params = params(mixture, dim, deviation, &mut random);
            let base = BaseSpec::Mixture(mixture);
            // Without layers, counts are z in Q16.
            let spec = FlowSpec::new(Shape::vector(dim), &[]).with_base(base);
            let own = super::base::<W>(base, dim, &params).unwrap();
            assert_eq!(own.rounded.len(), params.len());
            let flow = IntegerFlow::<W>::new(spec, &own.words).unwrap();
            let mut workspace = vec![0; spec.integer_workspace_len()];
            let [exact, rounded] = [&params, &own.rounded].map(|params| wide(params));
            let components = reference::base::components(mixture, dim, 0, &exact);
            for component in &components {
                for spread in [0.0, 1.0, 3.0] {
                    let mut by = || spread * deviation * f64::from(uniform(&mut random));
                    let z: Vec<f64> = component.centre.iter().map(|m| m + by()).collect();
                    let counts: Vec<i32> =
                        z.iter().map(|z| (z * power(Q16)).round() as i32).collect();
                    let z: Vec<f64> = counts.iter().map(|&c| f64::from(c) / 65_536.0).collect();
                    let score = flow.score(&counts, &mut workspace).unwrap();
                    let found = f64::from(score.log_prob) / 65_536.0;
                    let log_prob = |params: &[f64]| reference::base::log_prob(&spec, params, &z);
                    // Of what the words stand for: rounding of z and of the sums alone.
                    let error = (found - log_prob(&rounded)).abs();
                    largest[0] = largest[0].max(error);
                    let error = (found - log_prob(&exact)).abs();
                    largest[1] = largest[1].max(error / (1.0 + log_prob(&exact).abs()));
                    let floats = Flow::new(spec, &own.rounded).unwrap();
                    let z: Vec<f32> = z.iter().map(|&z| z as f32).collect();
                    let mut scratch = vec![0.0; spec.workspace_len()];
                    let floats = floats.score(&z, &mut scratch).unwrap().log_prob;
                    assert!((f64::from(floats) - log_prob(&rounded)).abs() < 0.02);
                }
            }
        }
        println!("rounding {:e}, weights {:e}", largest[0], largest[1]);
        assert!(largest[0] < 0.02 && largest[1] < allowed, "{largest:?}");
    }

    #[test]
    fn integers_are_the_mixture_that_their_words_stand_for() {
        check::<I16>(0.01);
        check::<I8>(0.5);
    }

    #[test]
    fn rounding_twice_changes_nothing() {
        let mut random = Random::seed_from_u64(8);
        for (mixture, dim, deviation) in all() {
            let base = BaseSpec::Mixture(mixture);
            let params = params(mixture, dim, deviation, &mut random);
            let once = super::base::<I16>(base, dim, &params).unwrap();
            let twice = super::base::<I16>(base, dim, &once.rounded).unwrap();
            for (a, b) in once.rounded.iter().zip(&twice.rounded) {
                assert!((a - b).abs() <= 1e-3 * a.abs().max(0.1), "{a} {b}");
            }
        }
    }

    #[test]
    fn far_counts_are_impossible_or_less_likely() {
        let mut random = Random::seed_from_u64(9);
        for (mixture, dim, deviation) in all() {
            let params = params(mixture, dim, deviation, &mut random);
            let base = BaseSpec::Mixture(mixture);
            let spec = FlowSpec::new(Shape::vector(dim), &[]).with_base(base);
            let own = super::base::<I8>(base, dim, &params).unwrap();
            let flow = IntegerFlow::<I8>::new(spec, &own.words).unwrap();
            let mut workspace = vec![0; spec.integer_workspace_len()];
            for sign in [-1, 1] {
                for at in 0..dim {
                    let mut before = i32::MAX;
                    for power in 20..31 {
                        let mut counts = vec![0; dim];
                        counts[at] = sign * ((1 << power) - 1 + (1 << (power - 1)));
                        let score = flow.score(&counts, &mut workspace).unwrap();
                        assert!(score.log_prob <= before && score.log_prob < 0);
                        before = score.log_prob;
                    }
                    assert_eq!(before, IntegerScore::IMPOSSIBLE);
                }
            }
        }
    }
}
