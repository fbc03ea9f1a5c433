//! The models that `nvpico measure` runs: shapes drawn from what people deploy on microcontrollers, parameters as trained
//! ones lie.

use nvpico::spec::{ConvolutionLayer, Kernel};
use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::kind::kind;
use crate::deploy::Deployed;
use crate::model::{
    ActivationName, ConditionerName, Layer, MaskName, MathName, Model, ModelSpec, NetsName,
    ScaleName, ShapeName, SqueezeName, TransformName,
};
use crate::precision::Precision;

/// Models of vectors.
const VECTORS: u64 = 44;
/// Models of feature maps.
const MAPS: u64 = 66;
/// Models of feature maps, built as those that are trained are.
const LARGE_MAPS: u64 = 20;
/// Values in all rows of a sample.
const VALUES: usize = 600;
/// Most multiply-accumulates of a score: emulating a core without an FPU is slow.
const MOST_WORK: usize = 60_000;
/// The same of large maps.
const MOST_WORK_LARGE: usize = 700_000;
/// Most parameters; the smallest board has room for few.
const MOST_PARAMETERS: usize = 30_000;
/// How far drawn parameters lie from those of an untrained model.
const SPREAD: f32 = 0.15;

/// A model with rows like those it was trained on.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Names the shape.
    pub name: String,
    /// The model.
    pub model: Model,
    /// Rows, one after the other.
    pub rows: Vec<f32>,
}

/// Models to fit by, vectors first.
#[must_use]
pub fn all() -> Vec<Sample> {
    let vectors = (0..VECTORS).map(|seed| (seed, Dice::new(seed).until(Dice::vector, MOST_WORK)));
    let maps = VECTORS + MAPS;
    let small = (VECTORS..maps).map(|seed| (seed, Dice::new(seed).until(Dice::map, MOST_WORK)));
    let large = (maps..maps + LARGE_MAPS).map(|seed| {
        (
            seed,
            Dice::new(seed).until(Dice::large_map, MOST_WORK_LARGE),
        )
    });
    vectors
        .chain(small)
        .chain(large)
        .map(|(seed, spec)| draw(&spec, seed))
        .collect()
}

/// Those to fit a precision by: integers have fewer parts, so a share of those that they can run will do.
pub fn of(samples: &[Sample], precision: Precision) -> impl Iterator<Item = &Sample> {
    let (every, integers) = match precision {
        Precision::F32 => (1, false),
        Precision::I16 | Precision::I8 => (3, true),
    };
    let runs = move |sample: &&Sample| {
        let model = &sample.model;
        !integers || (model.integer.is_some() && kind(&model.header.spec, precision).is_ok())
    };
    samples.iter().filter(runs).step_by(every)
}

/// Draws shapes.
struct Dice(Xoshiro256PlusPlus);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Within `from ..= to`.
    fn number(&mut self, from: usize, to: usize) -> usize {
        from + self.0.next_u32() as usize % (to - from + 1)
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.number(0, choices.len() - 1)].clone()
    }

    /// Small numbers more often than large ones.
    fn width(&mut self, most: usize) -> usize {
        let limit = self.number(3, most);
        // Widths are round as a rule.
        let unit = self.one_of(&[1, 4, 8]);
        (self.number(2, limit) / unit * unit).max(2)
    }

    fn until(&mut self, shape: fn(&mut Self) -> ModelSpec, most_work: usize) -> ModelSpec {
        loop {
            let spec = shape(self);
            let layers = spec.layers();
            let flow = spec.flow_spec(&layers);
            // A model without a coupling is no flow.
            let small = (1..=most_work).contains(&flow.multiply_accumulates())
                && flow.param_len() <= MOST_PARAMETERS
                && flow.validate().is_ok();
            if small {
                return spec;
            }
        }
    }

    fn transform(&mut self) -> TransformName {
        self.one_of(&[
            TransformName::Affine(ScaleName::ClampedTanh(1.9)),
            TransformName::Affine(ScaleName::RescaledTanh),
            TransformName::Affine(ScaleName::RescaledTanh),
            TransformName::Affine(ScaleName::Unbounded),
            TransformName::Additive,
        ])
    }

    fn activation(&mut self) -> ActivationName {
        self.one_of(&[
            ActivationName::Relu,
            ActivationName::Relu,
            ActivationName::LeakyRelu(0.1),
        ])
    }

    /// A model of vectors.
    fn vector(&mut self) -> ModelSpec {
        let dim = self.number(2, 12).max(self.number(2, 40) / 2);
        let masks = match self.number(0, 3) {
            0 => [MaskName::Even, MaskName::Odd],
            1 if dim > 3 => {
                let list = |step: usize| MaskName::Indices((0..dim).step_by(step).collect());
                [list(2), list(3)]
            }
            _ => [MaskName::FirstHalf, MaskName::SecondHalf],
        };
        let hidden: Vec<usize> = (0..self.one_of(&[0, 1, 1, 2, 2, 2, 3]))
            .map(|_| self.width(96))
            .collect();
        let between = self.one_of(&[
            None,
            Some(Layer::Affine),
            Some(Layer::Affine),
            Some(Layer::Permutation {
                order: (0..dim).rev().collect(),
            }),
        ]);
        let (transform, activation) = (self.transform(), self.activation());
        let nets = self.one_of(&[NetsName::One, NetsName::One, NetsName::Two]);
        let mut layers = vec![Layer::Standardize];
        for index in 0..self.number(1, 9) {
            if index > 0 {
                layers.extend(between.clone());
            }
            layers.push(Layer::Coupling {
                mask: masks[index % 2].clone(),
                transform,
                conditioner: ConditionerName::Dense {
                    hidden: hidden.clone(),
                    activation,
                    nets,
                },
            });
        }
        ModelSpec {
            shape: ShapeName::vector(dim),
            math: MathName::Libm,
            layers,
            base: crate::model::BaseName::Normal,
            kernels: None,
            given: 0,
        }
    }

    /// A model of feature maps: couplings, squeezes and the like in any order that fits.
    fn map(&mut self) -> ModelSpec {
        let series = self.number(0, 2) == 0;
        let channels = self.number(1, 3);
        let shape = if series {
            [channels, 1, 2 * self.number(4, 20)]
        } else {
            [channels, 2 * self.number(2, 5), 2 * self.number(2, 6)]
        };
        let mut layers = vec![self.one_of(&[
            Layer::Standardize,
            Layer::Standardize,
            Layer::Logit {
                alpha: 0.05,
                levels: 256.0,
            },
        ])];
        let transform = TransformName::Affine(ScaleName::RescaledTanh);
        let (mut squeezed, mut factored) = (false, false);
        for _ in 0..self.number(2, 6) {
            layers.push(match self.number(0, 6) {
                0 if !squeezed => {
                    squeezed = true;
                    Layer::Squeeze(if series {
                        SqueezeName::Pairs
                    } else {
                        SqueezeName::Cells
                    })
                }
                1 if squeezed && !factored => {
                    factored = true;
                    Layer::FactorOut
                }
                0 | 1 => Layer::Affine,
                _ => {
                    let by_channel = squeezed || channels > 1;
                    let mask = match self.number(0, 3) {
                        0 if by_channel => MaskName::FirstHalf,
                        1 if by_channel => MaskName::SecondHalf,
                        0 | 2 => MaskName::CheckerboardOdd,
                        _ => MaskName::CheckerboardEven,
                    };
                    let conditioner = self.convolutions(series);
                    Layer::Coupling {
                        mask,
                        transform,
                        conditioner,
                    }
                }
            });
        }
        ModelSpec {
            shape: ShapeName(shape),
            math: MathName::Libm,
            layers,
            base: crate::model::BaseName::Normal,
            kernels: None,
            given: 0,
        }
    }

    /// Checkerboards, a squeeze, channels, perhaps half of them factored out and checkerboards again.
    fn large_map(&mut self) -> ModelSpec {
        let channels = self.one_of(&[1, 1, 2, 3]);
        let size = self.one_of(&[6, 8, 8, 10, 12, 16]);
        let residual = self.number(0, 1) == 0;
        let filters = self.one_of(&[8, 8, 12, 16, 16, 24]);
        let blocks = self.number(1, 2);
        let coupling = |mask, filters| Layer::Coupling {
            mask,
            transform: TransformName::Affine(ScaleName::RescaledTanh),
            conditioner: if residual {
                ConditionerName::ResidualConvolution {
                    filters,
                    blocks,
                    kernel: [3, 3],
                    eps: Some(1e-5),
                }
            } else {
                let layer = |kernel| ConvolutionLayer::new(filters, kernel);
                ConditionerName::Convolution {
                    hidden: vec![layer(Kernel::SQUARE), layer(Kernel::POINT)],
                    last: [3, 3],
                    activation: ActivationName::Relu,
                }
            },
        };
        let mut layers = vec![
            Layer::Standardize,
            coupling(MaskName::CheckerboardOdd, filters),
            coupling(MaskName::CheckerboardEven, filters),
            Layer::Squeeze(SqueezeName::Cells),
            coupling(MaskName::FirstHalf, filters),
        ];
        if self.number(0, 1) == 0 {
            layers.push(Layer::Affine);
            layers.push(coupling(MaskName::SecondHalf, filters));
        }
        if self.number(0, 1) == 0 {
            layers.push(Layer::FactorOut);
            layers.push(coupling(MaskName::CheckerboardOdd, 2 * filters));
        } else {
            layers.push(Layer::Permutation {
                order: (0..4 * channels).rev().collect(),
            });
        }
        ModelSpec {
            shape: ShapeName([channels, size, size]),
            math: MathName::Libm,
            layers,
            base: crate::model::BaseName::Normal,
            kernels: None,
            given: 0,
        }
    }

    /// A stack of convolutions or, on images, the paper's network.
    fn convolutions(&mut self, series: bool) -> ConditionerName {
        if !series && self.number(0, 2) == 0 {
            return ConditionerName::ResidualConvolution {
                filters: self.width(16),
                blocks: self.number(0, 2),
                kernel: [3, 3],
                eps: Some(1e-5),
            };
        }
        let window = if series {
            self.one_of(&[[1, 3], [1, 3], [1, 5]])
        } else {
            [3, 3]
        };
        let [height, width] = window;
        let filters = self.width(32);
        let mut hidden = vec![ConvolutionLayer::new(filters, Kernel { height, width })];
        if self.number(0, 2) > 0 {
            hidden.push(ConvolutionLayer::new(filters, Kernel::POINT));
        }
        ConditionerName::Convolution {
            hidden,
            last: window,
            activation: ActivationName::Relu,
        }
    }
}

/// Draws parameters, and rows from the model.
#[must_use]
pub fn draw(spec: &ModelSpec, seed: u64) -> Sample {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut uniform = || (random.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0;
    let dim = spec.dim();
    let training: Vec<f32> = (0..64 * dim).map(|_| 2.0 * uniform()).collect();
    let layers = spec.layers();
    let flow = spec.flow_spec(&layers);
    let mut params = nvpico::train::init(&flow, &training, seed);
    for value in &mut params {
        *value += SPREAD * uniform();
    }
    let mut model = Model::new(spec.clone(), params);
    let rows = rows_of(&model.deploy(), seed);
    model.find_ranges(&rows);
    // Nobody trained it: values explode in some. What a score costs does not depend on their range.
    for range in model.integer.iter_mut().flat_map(|parts| &mut parts.ranges) {
        *range = range.min(100.0);
    }
    // Some explode beyond what integers hold.
    if model.ready(Some(Precision::I16)).is_err() {
        model.integer = None;
    }
    Sample {
        name: name(spec),
        model,
        rows,
    }
}

/// Rows drawn from a model, fewer where many overflow.
#[must_use]
pub fn rows_of(deployed: &Deployed, seed: u64) -> Vec<f32> {
    let dim = deployed.spec.dim();
    let count = (VALUES / dim).max(4);
    let mut rows = deployed.drawn(seed, 2 * count);
    rows.truncate(count * dim);
    rows
}

/// The shape in words: dimension and layers.
fn name(spec: &ModelSpec) -> String {
    format!("{}, {} layers", spec.shape, spec.layers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_for_integers_have_them() {
        let samples = all();
        for precision in [Precision::I16, Precision::I8] {
            assert!(of(&samples, precision).count() > 20);
            for sample in of(&samples, precision) {
                let ready = sample.model.ready(Some(precision));
                assert!(ready.is_ok(), "{}: {:?}", sample.name, ready.err());
            }
        }
    }
}
