//! Models of every kind that the integer engine runs, against the floats that they were made of.

use nvpico::integer::{I8, I16, IntegerFlow};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus as Random;

use super::*;
use crate::deploy::Engine;
use crate::fit::architecture::{Networks, Parts, map, vector};
use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, MathName, Model, NetsName, ScaleName,
    ShapeName, TransformName,
};

/// Errors of log-densities in nats, with weights of 16 and of 8 bits; the largest measured are
/// 0.031 and 0.084, their means 0.0025 and 0.021.
const LARGEST: [f64; 2] = [0.06, 0.3];
const MEAN: [f64; 2] = [0.005, 0.05];

/// Within -1 to 1.
pub(super) fn uniform(random: &mut Random) -> f32 {
    (random.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Rows that are no Gaussian: each value depends on the one before it.
fn rows(dim: usize, count: usize, levels: Option<f32>, random: &mut Random) -> Vec<f32> {
    let mut rows = Vec::new();
    for _ in 0..count {
        let mut before = uniform(random);
        for at in 0..dim {
            before = 0.7 * before + 0.5 * uniform(random) + 0.3 * before * before;
            before = before.clamp(-1.0, 1.0);
            rows.push(match levels {
                Some(levels) => ((before + 1.5) / 3.5 * levels)
                    .clamp(0.0, levels - 1.0)
                    .floor(),
                None => before * 3.0 + at as f32,
            });
        }
    }
    rows
}

/// A model whose networks do something, though it is not trained.
pub(super) fn model(
    shape: ShapeName,
    layers: Vec<Layer>,
    rows: &[f32],
    random: &mut Random,
) -> Model {
    let spec = ModelSpec::onto_normal(shape, MathName::Libm, layers);
    let layers = spec.layers();
    let mut params = nvpico::train::init(&spec.flow_spec(&layers), rows, 3);
    // The last layers are all zero at first.
    let zeros: Vec<usize> = (0..params.len())
        .filter(|&at| params[at].abs() <= 0.0)
        .collect();
    for at in zeros {
        params[at] = 0.1 * uniform(random);
    }
    let mut model = Model::new(spec, params);
    model.find_ranges(rows);
    model
}

pub(super) fn parts(
    transform: TransformName,
    activation: ActivationName,
    levels: Option<f32>,
) -> Parts {
    Parts {
        input: match levels {
            None => Layer::Standardize,
            Some(levels) => Layer::Logit {
                alpha: 0.05,
                levels,
            },
        },
        transform,
        activation,
        norm: None,
        mix: false,
        whiten: false,
        couplings: 4,
    }
}

/// The largest and the mean error of log-densities, against double precision; those beyond 10 nats count
/// relatively.
pub(super) fn errors(model: &Model, precision: Precision, rows: &[f32]) -> [f64; 2] {
    let deployed = model.deploy();
    let layers = deployed.spec.layers();
    let spec = deployed.spec.flow_spec(&layers);
    let params = nvpico_reference::wide(&deployed.params);
    let ready = model.ready(Some(precision)).expect("it has integers");
    let (mut largest, mut sum, mut count) = (0.0_f64, 0.0, 0.0);
    for (row, found) in rows.chunks_exact(spec.dim()).zip(ready.log_probs(rows)) {
        let exact = nvpico_reference::forward(&spec, &params, &nvpico_reference::wide(row));
        // Far samples have large errors, and may have them.
        let error = (f64::from(found) - exact.log_prob).abs() / (1.0 + 0.1 * exact.log_prob.abs());
        largest = largest.max(error);
        sum += error;
        count += 1.0;
    }
    [largest, sum / count]
}

const RELU: ActivationName = ActivationName::Relu;
const LEAKY: ActivationName = ActivationName::LeakyRelu(0.1);
const CLAMPED: ScaleName = ScaleName::ClampedTanh(2.0);

/// A sigmoid as other libraries have it.
const fn sigmoid(floor: f32, inverse: bool) -> ScaleName {
    ScaleName::Sigmoid {
        offset: 2.0,
        floor,
        inverse,
    }
}

/// Features, transform, activation, networks and their hidden layers.
type VectorCase = (
    usize,
    TransformName,
    ActivationName,
    NetsName,
    &'static [usize],
);

const VECTORS: [VectorCase; 8] = [
    (
        8,
        TransformName::Affine(CLAMPED),
        RELU,
        NetsName::One,
        &[32, 32],
    ),
    (
        5,
        TransformName::Affine(ScaleName::RescaledTanh),
        RELU,
        NetsName::Two,
        &[13],
    ),
    (
        3,
        TransformName::ShiftFirst(CLAMPED),
        LEAKY,
        NetsName::One,
        &[9, 20, 6],
    ),
    (
        7,
        TransformName::Affine(ScaleName::Unbounded),
        RELU,
        NetsName::One,
        &[],
    ),
    (2, TransformName::Additive, RELU, NetsName::One, &[16, 16]),
    (
        5,
        TransformName::Affine(ScaleName::Atan(1.3)),
        RELU,
        NetsName::Two,
        &[12],
    ),
    (
        4,
        TransformName::ShiftFirst(sigmoid(1e-3, false)),
        RELU,
        NetsName::One,
        &[10, 10],
    ),
    (
        4,
        TransformName::Affine(sigmoid(0.0, true)),
        RELU,
        NetsName::Two,
        &[10, 10],
    ),
];

/// Standardisation, then couplings with the masks in turn, each with this network.
fn alike(masks: &[MaskName], transform: TransformName, network: &ConditionerName) -> Vec<Layer> {
    let mut layers = vec![Layer::Standardize];
    layers.extend(masks.iter().map(|mask| Layer::Coupling {
        mask: mask.clone(),
        transform,
        conditioner: network.clone(),
    }));
    layers
}

#[test]
fn vectors_keep_their_log_density() {
    let mut random = Random::seed_from_u64(1);
    let plain = VECTORS.map(|(dim, transform, activation, nets, hidden)| {
        let network = ConditionerName::Dense {
            hidden: hidden.to_vec(),
            activation,
            nets,
        };
        (dim, transform, network, 1.0)
    });
    // Blocks round more often.
    let residual = [(6, RELU, 13, 2, true), (3, LEAKY, 8, 1, false)].map(
        |(dim, activation, width, blocks, norm)| {
            let network = ConditionerName::ResidualDense {
                width,
                blocks,
                activation,
                norm,
            };
            (dim, TransformName::Affine(CLAMPED), network, 3.0)
        },
    );
    for (dim, transform, network, more) in plain.into_iter().chain(residual) {
        let rows = rows(dim, 400, None, &mut random);
        let masks = [
            MaskName::FirstHalf,
            MaskName::Odd,
            MaskName::SecondHalf,
            MaskName::Even,
        ];
        let mut layers = alike(&masks, transform, &network);
        layers.push(Layer::Permutation {
            order: (0..dim).rev().collect(),
        });
        let model = model(ShapeName::vector(dim), layers, &rows, &mut random);
        let [largest, mean] = errors(&model, Precision::I16, &rows);
        println!("{dim} features, i16: largest {largest:.2e}, mean {mean:.2e}");
        assert!(
            largest < more * LARGEST[0] && mean < more * MEAN[0],
            "{dim}, i16: {largest} {mean}"
        );
        let [largest, mean] = errors(&model, Precision::I8, &rows);
        println!("{dim} features, i8: largest {largest:.2e}, mean {mean:.2e}");
        assert!(
            largest < more * LARGEST[1] && mean < more * MEAN[1],
            "{dim}, i8: {largest} {mean}"
        );
    }
}

#[test]
fn maps_keep_their_log_density() {
    let mut random = Random::seed_from_u64(2);
    let transform = TransformName::Affine(ScaleName::ClampedTanh(2.0));
    let plain = Networks::Plain { filters: 6 };
    let residual = |filters, blocks| Networks::Residual { filters, blocks };
    for (shape, levels, networks) in [
        ([1, 8, 8], None, plain),
        ([3, 4, 6], None, plain),
        ([1, 6, 6], Some(256.0), plain),
        ([2, 1, 16], None, plain),
        ([1, 8, 8], Some(256.0), residual(8, 2)),
        ([3, 4, 6], None, residual(5, 1)),
        ([2, 2, 4], None, residual(3, 0)),
    ] {
        let [channels, height, width] = shape;
        let rows = rows(channels * height * width, 60, levels, &mut random);
        let parts = parts(transform, ActivationName::Relu, levels);
        let layers = map(&parts, networks, ShapeName(shape), 2).expect("it can be squeezed");
        let model = model(ShapeName(shape), layers, &rows, &mut random);
        let [largest, mean] = errors(&model, Precision::I16, &rows);
        println!("{shape:?}, i16: largest {largest:.2e}, mean {mean:.2e}");
        assert!(largest < LARGEST[0], "{shape:?}, i16: {largest}");
        let [largest, mean] = errors(&model, Precision::I8, &rows);
        println!("{shape:?}, i8: largest {largest:.2e}, mean {mean:.2e}");
        assert!(largest < LARGEST[1], "{shape:?}, i8: {largest}");
    }
}

/// The words of a model, and those of what they stand for, which are the same model.
#[test]
fn rounded_parameters_are_what_the_words_say() {
    let mut random = Random::seed_from_u64(3);
    let transform = TransformName::Affine(ScaleName::RescaledTanh);
    let leaky = ActivationName::LeakyRelu(0.1);
    let masks = [MaskName::FirstHalf, MaskName::Odd];
    let flat = vector(
        &parts(transform, leaky, None),
        &masks,
        &[19, 8],
        NetsName::Two,
    );
    let networks = Networks::Plain { filters: 6 };
    let relu = ActivationName::Relu;
    let maps = map(
        &parts(transform, relu, None),
        networks,
        ShapeName([3, 4, 6]),
        2,
    );
    for (shape, layers) in [
        ([7, 1, 1], flat),
        ([3, 4, 6], maps.expect("it can be squeezed")),
    ] {
        let rows = rows(shape.iter().product(), 80, None, &mut random);
        let mut model = model(ShapeName(shape), layers, &rows, &mut random);
        let kept = model.integer.clone().unwrap();
        for precision in [Precision::I8, Precision::I16] {
            let words = |model: &Model| match model.ready(Some(precision)).unwrap().engine {
                Engine::Integer(quantized) => quantized.words,
                Engine::Float(_) => Vec::new(),
            };
            let exact = words(&model);
            let layers = model.header.spec.layers();
            let spec = model.header.spec.flow_spec(&layers);
            let ranges = Ranges::from_values(&spec, kept.ranges.clone()).unwrap();
            let all = rounded(&spec, &model.params, precision, &ranges).unwrap();
            assert_ne!(all, model.params);
            model.params = all;
            let again = words(&model);
            // A multiplier may differ in its last bits: a step is a double, what it makes of a weight is none.
            let far =
                |(a, b): &(&i32, &i32)| (*a - *b).unsigned_abs() > 1 + a.unsigned_abs() / (1 << 22);
            let others = exact.iter().zip(&again).filter(far).count();
            // Steps of 16 bits follow from sums of weights, which rounding changes a little.
            assert!(
                precision == Precision::I16 || others == 0,
                "{shape:?}: {others}"
            );
            let [largest, _] = errors(&model, precision, &rows);
            println!("{shape:?}, {precision}: largest error {largest:.2e}");
            assert!(largest < LARGEST[0], "{shape:?}, {precision}: {largest}");
        }
    }
}

/// Weights as large as the bits allow, inputs as large as there are: no sum leaves its 32 bits, or the worst
/// sample would score like another one.
#[test]
fn the_worst_input_is_not_normal() {
    let mut random = Random::seed_from_u64(4);
    let rows = rows(6, 100, None, &mut random);
    let transform = TransformName::Affine(ScaleName::ClampedTanh(2.0));
    let layers = vector(
        &parts(transform, ActivationName::Relu, None),
        &[MaskName::FirstHalf, MaskName::SecondHalf],
        &[64, 64],
        NetsName::One,
    );
    let model = model(ShapeName::vector(6), layers, &rows, &mut random);
    for precision in [Precision::I8, Precision::I16] {
        let ready = model.ready(Some(precision)).unwrap();
        let lowest = ready
            .log_probs(&rows)
            .into_iter()
            .fold(f32::INFINITY, f32::min);
        for _ in 0..200 {
            let extreme = |bits: u32| match bits & 3 {
                0 => f32::MAX,
                1 => f32::MIN,
                2 => 1e6,
                _ => -1e6,
            };
            let row: Vec<f32> = (0..6).map(|_| extreme(random.next_u32() >> 8)).collect();
            let found = ready.log_probs(&row)[0];
            assert!(found < lowest, "{precision}: {row:?} scores {found}");
        }
    }
}

#[test]
fn words_of_another_structure_are_refused() {
    let mut random = Random::seed_from_u64(6);
    let rows = rows(4, 50, None, &mut random);
    let transform = TransformName::Affine(ScaleName::ClampedTanh(2.0));
    let layers = vector(
        &parts(transform, ActivationName::Relu, None),
        &[MaskName::FirstHalf],
        &[8],
        NetsName::One,
    );
    let model = model(ShapeName::vector(4), layers, &rows, &mut random);
    let parts = model.integer.clone().unwrap();
    let deployed = model.deploy();
    let layers = deployed.spec.layers();
    let spec = deployed.spec.flow_spec(&layers);
    let ranges = Ranges::from_values(&spec, parts.ranges).unwrap();
    let good = Quantized::new(&deployed, Precision::I8, &parts.units, &ranges).unwrap();
    assert!(IntegerFlow::<I8>::new(spec, &good.words).is_ok());
    assert!(IntegerFlow::<I16>::new(spec, &good.words).is_err());
}

#[test]
fn thresholds_on_the_chip_decide_as_on_the_desktop() {
    for nats_ in [-12.345_678_f32, 0.0, -1000.25, -31_999.998, f32::MIN, 3.5] {
        let least = threshold(nats_);
        assert!(nats(least) >= nats_);
        assert!(least == i32::MIN + 1 || nats(least - 1) < nats_, "{nats_}");
    }
}
