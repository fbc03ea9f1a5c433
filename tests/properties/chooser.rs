//! Random structures of models, as data.

use nvpico::spec::{ConvolutionLayer, Kernel, Shape};
use nvpico_codegen::model::{
    ActivationName, BaseName, ConditionerName, Layer, MaskName, MathName, ModelSpec, NetsName,
    ScaleName, ShapeName, SpreadName, SqueezeName, TransformName,
};
use rand_core::Rng;

use crate::common::models::{NORMS, Random, maps};

/// Values of a sample, at most: a numerical Jacobian is tried on each.
const MOST_VALUES: usize = 24;

/// Choices from a seed.
pub struct Chooser(pub Random);

impl Chooser {
    fn below(&mut self, count: usize) -> usize {
        self.0.0.next_u32() as usize % count
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn shape(&mut self) -> Shape {
        loop {
            let shape = match self.below(3) {
                0 => Shape::vector(2 + self.below(9)),
                1 => Shape::series(1 + self.below(4), 1 + self.below(13)),
                _ => maps::shape(1 + self.below(6), 1 + self.below(6), 1 + self.below(6)),
            };
            if (2..=MOST_VALUES).contains(&shape.len()) {
                return shape;
            }
        }
    }

    fn mask(&mut self, shape: Shape) -> Option<MaskName> {
        let mut masks = Vec::new();
        if shape.pixels() > 1 {
            masks.extend([MaskName::CheckerboardOdd, MaskName::CheckerboardEven]);
        }
        if shape.channels > 1 {
            masks.extend([
                MaskName::FirstHalf,
                MaskName::SecondHalf,
                MaskName::Even,
                MaskName::Odd,
            ]);
            let mut listed: Vec<usize> =
                (0..shape.channels).filter(|_| self.below(2) == 0).collect();
            listed.truncate(shape.channels - 1);
            if !listed.is_empty() {
                masks.push(MaskName::Indices(listed));
            }
        }
        (!masks.is_empty()).then(|| self.one(&masks))
    }

    fn transform(&mut self) -> TransformName {
        let map = match self.below(5) {
            0 => ScaleName::RescaledTanh,
            1 => ScaleName::ClampedTanh(self.0.uniform(0.3, 2.5)),
            2 => ScaleName::Unbounded,
            3 => ScaleName::Atan(self.0.uniform(-1.0, 1.0)),
            _ => ScaleName::Sigmoid {
                offset: self.0.uniform(-1.0, 2.0),
                floor: self.one(&[0.0, 1e-3]),
                inverse: self.below(2) == 0,
            },
        };
        match self.below(4) {
            0 => TransformName::Additive,
            1 => TransformName::ShiftFirst(map),
            _ => TransformName::Affine(map),
        }
    }

    fn kernel(&mut self) -> [usize; 2] {
        [1 + 2 * self.below(3), 1 + 2 * self.below(3)]
    }

    fn conditioner(&mut self, shape: Shape) -> ConditionerName {
        let activation = match self.below(2) {
            0 => ActivationName::Relu,
            _ => ActivationName::LeakyRelu(self.0.uniform(0.0, 0.9)),
        };
        let choice = if shape.pixels() == 1 { 4 } else { 2 };
        match self.below(choice) {
            0 => ConditionerName::Convolution {
                hidden: (0..self.below(4))
                    .map(|_| {
                        let [height, width] = self.kernel();
                        ConvolutionLayer::new(1 + self.below(9), Kernel { height, width })
                    })
                    .collect(),
                last: self.kernel(),
                activation,
            },
            1 => ConditionerName::ResidualConvolution {
                filters: 1 + self.below(6),
                blocks: self.below(3),
                kernel: self.kernel(),
                eps: self.one(&[None, Some(1e-3)]),
            },
            2 => ConditionerName::Dense {
                hidden: (0..self.below(4)).map(|_| 1 + self.below(20)).collect(),
                activation,
                nets: self.one(&[NetsName::One, NetsName::Two]),
            },
            _ => ConditionerName::ResidualDense {
                width: 1 + self.below(18),
                blocks: self.below(3),
                activation,
                norm: self.below(2) == 0,
            },
        }
    }

    /// A layer that takes this shape; `None` where what was drawn does not.
    fn layer(&mut self, shape: Shape) -> Option<Layer> {
        let squeezes = [
            SqueezeName::Cells,
            SqueezeName::CellsAlternate,
            SqueezeName::Pairs,
        ];
        let layer = match self.below(12) {
            0 => Layer::Standardize,
            1 => Layer::Affine,
            2 => {
                let norm = self.one(&NORMS);
                Layer::BatchNorm {
                    eps: norm.eps,
                    affine: norm.affine,
                }
            }
            3 => Layer::Permutation {
                order: self.0.permutation(shape.channels).to_vec(),
            },
            4 | 5 => Layer::Squeeze(self.one(&squeezes)),
            6 => Layer::Unsqueeze(self.one(&squeezes)),
            7 => Layer::FactorOut,
            8 => Layer::Linear,
            _ => Layer::Coupling {
                mask: self.mask(shape)?,
                transform: self.transform(),
                conditioner: self.conditioner(shape),
            },
        };
        layer.spec().output_shape(shape)?;
        Some(layer)
    }

    /// Standard normal, or a mixture of few components.
    fn base(&mut self) -> BaseName {
        let components = 1 + self.below(6);
        match self.below(4) {
            0 | 1 => BaseName::Normal,
            2 => BaseName::Mixture {
                components,
                spread: SpreadName::Shared,
            },
            _ => BaseName::Mixture {
                components,
                spread: SpreadName::Full,
            },
        }
    }

    /// A valid structure with so many layers, or one more.
    pub fn spec(&mut self, layers: usize) -> ModelSpec {
        let start = self.shape();
        let (mut shape, mut all) = (start, Vec::new());
        if self.below(4) == 0 {
            all.push(Layer::Logit {
                alpha: self.0.uniform(0.01, 0.2),
                levels: self.one(&[4.0, 16.0, 256.0]),
            });
        }
        while all.len() < layers {
            if let Some(layer) = self.layer(shape)
                && let Some(after) = layer.spec().output_shape(shape)
            {
                all.push(layer);
                shape = after;
            }
        }
        ModelSpec {
            shape: ShapeName([start.channels, start.height, start.width]),
            math: MathName::Libm,
            layers: all,
            base: self.base(),
            kernels: None,
            given: 0,
        }
    }
}
