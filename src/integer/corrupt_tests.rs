//! Models of every kind of layer with every word corrupted: what the spec states is refused, shifts beyond their
//! range are, and nothing else.
//!
//! The words are laid out here by hand, from the documents of the layers.

use std::vec;
use std::vec::Vec;

use super::program::op;
use super::{I8, I16, IntegerFlow, IntegerScore, Weights};
use crate::math::Math;
use crate::spec::{
    Activation, Conditioner, CouplingSpec, DenseSpec, FlowSpec, LayerSpec, Mask, Nets, ScaleMap,
    Shape, SpecError, Transform,
};

/// What a word is.
#[derive(Clone, Copy)]
enum Kind {
    /// Stated by the spec.
    Stated,
    /// A shift within a range.
    Shift(i32, i32),
    /// Free.
    Number,
}
use Kind::{Number, Shift, Stated};

const SCALING: Kind = Shift(1, 62);
const INPUT: Kind = Shift(2, 17);
const SUM: Kind = Shift(0, 24);

/// Words with what they are, and the layer that each is part of.
#[derive(Default)]
struct Image {
    words: Vec<(i32, Kind, usize)>,
    layer: usize,
}

impl Image {
    fn put(&mut self, kind: Kind, words: &[i32]) -> &mut Self {
        let layer = self.layer;
        self.words
            .extend(words.iter().map(|&word| (word, kind, layer)));
        self
    }

    fn stated(&mut self, words: &[i32]) -> &mut Self {
        self.put(Stated, words)
    }

    fn numbers(&mut self, count: usize) -> &mut Self {
        self.put(Number, &vec![0x0102_0304; count])
    }

    fn shift(&mut self, kind: Kind) -> &mut Self {
        let Shift(least, most) = kind else {
            unreachable!("a shift has a range");
        };
        self.put(kind, &[i32::midpoint(least, most)])
    }

    fn next_layer(&mut self) {
        self.layer += 1;
    }

    fn standardize(&mut self, channels: usize, places: i32) -> &mut Self {
        self.stated(&[op::STANDARDIZE, channels as i32, places])
            .numbers(1);
        for _ in 0..channels {
            self.numbers(2).shift(SCALING).numbers(1);
        }
        self
    }

    fn affine(&mut self, channels: usize, places: i32) -> &mut Self {
        self.stated(&[op::AFFINE, channels as i32, places])
            .numbers(1);
        for _ in 0..channels {
            self.numbers(1).shift(SCALING).numbers(1);
        }
        self
    }

    fn panels<W: Weights>(&mut self, activations: usize, outputs: usize) -> &mut Self {
        let panel = 4 + activations.div_ceil(4) * W::QUAD_WORDS;
        self.numbers(outputs.div_ceil(4) * panel)
    }

    fn hidden<W: Weights>(&mut self, activations: usize, outputs: usize, slope: i32) -> &mut Self {
        self.stated(&[outputs.div_ceil(4) as i32]);
        self.shift(SUM).stated(&[slope]);
        self.panels::<W>(activations, outputs)
    }

    fn last<W: Weights>(&mut self, activations: usize, outputs: usize) -> &mut Self {
        self.stated(&[outputs.div_ceil(4) as i32, 0, 0]);
        self.panels::<W>(activations, outputs)
    }

    fn adder<W: Weights>(&mut self, activations: usize, outputs: usize) -> &mut Self {
        self.last::<W>(activations, outputs)
            .shift(SCALING)
            .numbers(outputs.next_multiple_of(4))
    }

    fn norms(&mut self, channels: usize) -> &mut Self {
        for _ in 0..channels.next_multiple_of(4) {
            self.numbers(1).shift(SCALING).numbers(1);
        }
        self
    }

    /// Records of transformed channels with a bound that the spec states, or with one of their own.
    fn records(&mut self, channels: &[i32], bound: Option<i32>) -> &mut Self {
        for &channel in channels {
            self.stated(&[channel]);
            match bound {
                Some(bound) => self.stated(&[bound]),
                None => self.numbers(1),
            };
            self.numbers(2);
        }
        self
    }

    fn plain(&self) -> Vec<i32> {
        self.words.iter().map(|&(word, ..)| word).collect()
    }
}

/// Corrupts every word of a model, which is good as it is.
fn corrupt<W: Weights>(name: &str, spec: FlowSpec<'_>, image: &Image) {
    let good = image.plain();
    let mut workspace = vec![0; spec.integer_workspace_len()];
    let x: Vec<i32> = (0..spec.dim()).map(|at| at as i32 % 3).collect();
    let new = |words: &[i32]| IntegerFlow::<W>::new(spec, words).map(|_| ());
    assert_eq!(spec.word_len::<W>(), good.len(), "{name}");
    assert_eq!(new(&good), Ok(()), "{name}");
    for (at, &(word, kind, layer)) in image.words.iter().enumerate() {
        let near = [-1, 1, 2, -word, i32::MIN].map(|by| word.wrapping_add(by));
        let bits = [0, 1, 4, 8, 16, 31].map(|bit| word ^ (1 << bit));
        let others = [0, 1, 2, 7, 17, 18, 24, 25, 62, 63, -1, 0xffff];
        let limits = [i32::MIN, i32::MAX];
        let all = limits.into_iter().chain(near).chain(bits).chain(others);
        // There are many numbers, and nothing to find out about them.
        let few = if let Number = kind { 2 } else { usize::MAX };
        for other in all.take(few) {
            if other == word {
                continue;
            }
            let accepted = match kind {
                Stated => false,
                Shift(least, most) => (least..=most).contains(&other),
                Number => true,
            };
            let words = good_with(&good, at, other);
            let found = new(&words);
            let expected = if accepted {
                Ok(())
            } else {
                Err(SpecError::Words { layer })
            };
            assert_eq!(found, expected, "{name}: word {at} is {other}, not {word}");
            if let Ok(flow) = IntegerFlow::<W>::new(spec, &words) {
                // Whatever the numbers are, there is a score.
                assert!(flow.score(&x, &mut workspace).is_ok());
            }
        }
    }
    let trailing = [&good[..], &[0]].concat();
    assert!(new(&trailing).is_err(), "{name}: a trailing word");
    for len in 0..good.len() {
        assert!(new(&good[..len]).is_err(), "{name}: ends at {len}");
    }
}

fn good_with(words: &[i32], at: usize, other: i32) -> Vec<i32> {
    let mut words = words.to_vec();
    words[at] = other;
    words
}

fn both(name: &str, shape: Shape, layers: &[LayerSpec<'_>], images: [Image; 2]) {
    let spec = FlowSpec {
        shape,
        math: Math::Libm,
        layers,
    };
    let [bytes, halves] = images;
    corrupt::<I8>(name, spec, &bytes);
    corrupt::<I16>(name, spec, &halves);
}

fn dense<'a>(
    mask: Mask<'a>,
    transform: Transform,
    hidden: &'a [usize],
    activation: Activation,
    nets: Nets,
) -> LayerSpec<'a> {
    LayerSpec::Coupling(CouplingSpec {
        mask,
        transform,
        conditioner: Conditioner::Dense(DenseSpec {
            hidden,
            activation,
            nets,
        }),
    })
}

const CLAMPED: Transform = Transform::Affine(ScaleMap::ClampedTanh { clamp: 2.5 });
const LEAKY: Activation = Activation::LeakyRelu { slope: 0.25 };

#[test]
fn layers_without_networks() {
    let layers = [
        LayerSpec::Standardize,
        LayerSpec::Permutation(&[2, 0, 1]),
        LayerSpec::Affine,
    ];
    let image = || {
        let mut image = Image::default();
        image.standardize(3, 1).next_layer();
        image.stated(&[op::PERMUTATION, 3, 1, 2, 0, 1]).next_layer();
        image.affine(3, 1);
        image
    };
    both("vector", Shape::vector(3), &layers, [image(), image()]);
}

#[test]
fn the_permutations_that_were_accepted() {
    let layers = [LayerSpec::Permutation(&[1, 0]), LayerSpec::Affine];
    let spec = FlowSpec {
        shape: Shape::vector(2),
        math: Math::Libm,
        layers: &layers,
    };
    let words = |first, second| {
        let one = [1 << 29, 29, 0];
        let affine = [&[op::AFFINE, 2, 1, 0][..], &one, &one].concat();
        [&[op::PERMUTATION, 2, 1, first, second][..], &affine].concat()
    };
    assert!(IntegerFlow::<I8>::new(spec, &words(1, 0)).is_ok());
    for (first, second) in [(7, 0), (-1, 0), (0, 0), (1, 1), (0, 1)] {
        let words = words(first, second);
        let error = IntegerFlow::<I8>::new(spec, &words).map(|_| ());
        assert_eq!(
            error,
            Err(SpecError::Words { layer: 0 }),
            "{first} {second}"
        );
    }
}

#[test]
fn fully_connected_networks() {
    fn image<W: Weights>() -> Image {
        let mut image = Image::default();
        // One network of 2 kept values, 5 hidden units and 6 outputs.
        image.stated(&[op::COUPLING | op::AFFINE_COUPLING | op::TANH, 2, 3, 2]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[1 << 16, -1]);
        image.records(&[2, 3, 4], Some(5 << 23));
        image.stated(&[1]).hidden::<W>(2, 5, 1 << 13);
        image.last::<W>(5, 6).next_layer();
        // A network each for log-scales and shifts, 3 kept values to 2.
        image.stated(&[
            op::COUPLING | op::SHIFT_FIRST | op::TANH | op::TWO_NETS,
            2,
            2,
            4,
        ]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[2 << 16, 4 | (0xffff << 16)]);
        image.records(&[1, 3], None);
        for _ in 0..2 {
            image.stated(&[2]).hidden::<W>(3, 3, 0).hidden::<W>(3, 7, 0);
            image.last::<W>(7, 2);
        }
        image.next_layer();
        // Neither log-scales nor hidden layers.
        image.stated(&[op::COUPLING, 2, 1, 2]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[1 << 16, 2 | (4 << 16)]);
        image.records(&[3], Some(0));
        image.stated(&[0]).last::<W>(4, 1);
        image
    }
    let layers = [
        dense(Mask::FirstHalf, CLAMPED, &[5], LEAKY, Nets::One),
        dense(
            Mask::Even,
            Transform::ShiftFirst(ScaleMap::RescaledTanh),
            &[3, 7],
            Activation::Relu,
            Nets::Two,
        ),
        dense(
            Mask::Indices(&[0, 1, 2, 4]),
            Transform::Additive,
            &[],
            Activation::Relu,
            Nets::One,
        ),
    ];
    let images = [image::<I8>(), image::<I16>()];
    both("dense", Shape::vector(5), &layers, images);
}

#[cfg(feature = "extra-scales")]
#[test]
fn other_maps_of_log_scales() {
    fn image<W: Weights>(flags: i32, bound: i32) -> Image {
        let mut image = Image::default();
        image.stated(&[op::COUPLING | op::AFFINE_COUPLING | flags, 2, 1, 2]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[0xffff << 16, -1]);
        image.records(&[1], Some(bound));
        image.stated(&[0]).last::<W>(1, 2);
        image
    }
    let sigmoid = |inverse| ScaleMap::Sigmoid {
        offset: 2.0,
        floor: 0.125,
        inverse,
    };
    for (map, flags, bound) in [
        (ScaleMap::Atan { scale: -1.5 }, op::ATAN, -3 << 23),
        (sigmoid(false), op::SIGMOID, 1 << 27),
        (sigmoid(true), op::SIGMOID | op::INVERSE, 1 << 27),
        (ScaleMap::Unbounded, 0, 0),
    ] {
        let transform = Transform::Affine(map);
        let layers = [dense(Mask::Even, transform, &[], LEAKY, Nets::One)];
        let images = [image::<I8>(flags, bound), image::<I16>(flags, bound)];
        both("maps of log-scales", Shape::vector(2), &layers, images);
    }
}

#[cfg(feature = "residual")]
#[test]
fn networks_of_residual_blocks() {
    fn image<W: Weights>() -> Image {
        let mut image = Image::default();
        image.stated(&[
            op::COUPLING | op::AFFINE_COUPLING | op::TANH | op::BLOCKS,
            2,
            2,
            2,
        ]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[1 << 16, -1]);
        image.records(&[2, 3], Some(5 << 23));
        image.stated(&[2, 2]).adder::<W>(2, 6);
        for _ in 0..2 {
            image.norms(6).hidden::<W>(6, 6, 1 << 13).adder::<W>(6, 6);
        }
        image.shift(INPUT).last::<W>(6, 4);
        image
    }
    for norm in [false, true] {
        let nets = Nets::Residual { norm };
        let layers = [dense(Mask::FirstHalf, CLAMPED, &[6; 5], LEAKY, nets)];
        let images = [image::<I8>(), image::<I16>()];
        both("blocks", Shape::vector(4), &layers, images);
    }
}

#[cfg(feature = "feature-maps")]
mod maps {
    use super::*;
    use crate::spec::{
        ConvolutionLayer, ConvolutionSpec, Kernel, LogitSpec, ResidualConvolutionSpec,
        ResidualForm, Squeeze,
    };

    const MAP: Shape = Shape {
        channels: 4,
        height: 2,
        width: 4,
    };

    #[test]
    fn layers_that_move_values() {
        let spec = LogitSpec {
            alpha: 0.0625,
            levels: 256.0,
        };
        let slope = 0.9375_f64 / 256.0;
        let image = || {
            let mut image = Image::default();
            image.stated(&[op::LOGIT, 32, 255]);
            // 2^22 by 0.9375 in its highest bits.
            image.stated(&[15 << 26, 8]);
            let share = |value: f64| (value * f64::from(1 << 30)).round() as i32;
            image.stated(&[share(0.0625 + slope / 2.0), share(slope / 2.0)]);
            image.stated(&[(slope.ln() * f64::from(1 << 24)).round() as i32]);
            image.next_layer();
            for (squeeze, shape) in [
                (op::CELLS, [4, 2, 4]),
                (op::CELLS_ALTERNATE, [4, 2, 4]),
                (op::PAIRS, [4, 2, 4]),
            ] {
                image.stated(&[op::SQUEEZE, squeeze]).stated(&shape);
                image.next_layer();
                image.stated(&[op::UNSQUEEZE, squeeze]).stated(&shape);
                image.next_layer();
            }
            image.stated(&[op::FACTOR_OUT, 16, 16]).next_layer();
            image.stated(&[op::PERMUTATION, 2, 8, 1, 0]).next_layer();
            image.affine(2, 8);
            image
        };
        let layers = [
            LayerSpec::Logit(spec),
            LayerSpec::Squeeze(Squeeze::Cells),
            LayerSpec::Unsqueeze(Squeeze::Cells),
            LayerSpec::Squeeze(Squeeze::CellsAlternate),
            LayerSpec::Unsqueeze(Squeeze::CellsAlternate),
            LayerSpec::Squeeze(Squeeze::Pairs),
            LayerSpec::Unsqueeze(Squeeze::Pairs),
            LayerSpec::FactorOut,
            LayerSpec::Permutation(&[1, 0]),
            LayerSpec::Affine,
        ];
        both("moves", MAP, &layers, [image(), image()]);
    }

    #[test]
    fn stacks_of_convolutions() {
        fn image<W: Weights>() -> Image {
            let mut image = Image::default();
            // Channels: 3 kept ones in 2 words, 1 transformed; the last window has 2 words.
            let op = op::CONVOLUTION | op::AFFINE_COUPLING | op::TANH;
            image.stated(&[op, 2, 1, 2, 4, 2, 18, 2]);
            image.shift(INPUT).shift(SCALING).shift(SCALING);
            image.stated(&[2 << 16, 3 | (0xffff << 16)]);
            image.records(&[1], Some(5 << 23));
            image.stated(&[3, 3]).hidden::<W>(36, 3, 1 << 13);
            image.stated(&[1, 1]).last::<W>(4, 2).next_layer();
            // A checkerboard without a hidden layer: every channel on both sides.
            image.stated(&[op::CONVOLUTION, 2, 4, 2, 4, 1, 6, 1]);
            image.shift(INPUT).shift(SCALING).shift(SCALING);
            image.stated(&[1 << 16, 2 | (3 << 16)]);
            image.records(&[0, 1, 2, 3], Some(0));
            image.stated(&[1, 3]).last::<W>(12, 4);
            image
        }
        let hidden = [ConvolutionLayer {
            kernel: Kernel {
                height: 3,
                width: 3,
            },
            filters: 3,
        }];
        let layers = [
            LayerSpec::Coupling(CouplingSpec {
                mask: Mask::Indices(&[0, 2, 3]),
                transform: CLAMPED,
                conditioner: Conditioner::Convolution(ConvolutionSpec {
                    hidden: &hidden,
                    last: Kernel::POINT,
                    activation: LEAKY,
                }),
            }),
            LayerSpec::Coupling(CouplingSpec {
                mask: Mask::CheckerboardOdd,
                transform: Transform::Additive,
                conditioner: Conditioner::Convolution(ConvolutionSpec {
                    hidden: &[],
                    last: Kernel {
                        height: 1,
                        width: 3,
                    },
                    activation: Activation::Relu,
                }),
            }),
        ];
        both("stacks", MAP, &layers, [image::<I8>(), image::<I16>()]);
    }

    #[cfg(feature = "residual")]
    #[test]
    fn residual_networks() {
        fn image<W: Weights>(checkerboard: bool) -> Image {
            let mut image = Image::default();
            let op = op::RESIDUAL | op::AFFINE_COUPLING | op::TANH;
            let (kept, changed): (&[i32], &[i32]) = if checkerboard {
                (&[0, 1, 2, 3], &[0, 1, 2, 3])
            } else {
                (&[0, 1], &[2, 3])
            };
            let parity = if checkerboard { 0 } else { 2 };
            let count = kept.len();
            // Windows of 3 x 3 places: of 2 words for each panel of 5 filters' 2.
            image.stated(&[op, count as i32, changed.len() as i32, 2, 4, parity]);
            image.stated(&[2, 1, 3, 3, 36]);
            image.shift(SCALING).shift(SCALING);
            for &channel in kept {
                image.stated(&[channel]).numbers(1).shift(SCALING);
                image.numbers(1);
            }
            image.records(changed, Some(5 << 23));
            image.adder::<W>((9 * 2 * count).next_multiple_of(4), 5);
            image.shift(INPUT).adder::<W>(8, 5);
            image.norms(5).hidden::<W>(72, 5, 0).adder::<W>(72, 5);
            image.shift(INPUT).adder::<W>(8, 5);
            image.norms(5).last::<W>(8, 2 * changed.len());
            image
        }
        for (mask, checkerboard) in [(Mask::FirstHalf, false), (Mask::CheckerboardEven, true)] {
            let layers = [LayerSpec::Coupling(CouplingSpec {
                mask,
                transform: CLAMPED,
                conditioner: Conditioner::ResidualConvolution(ResidualConvolutionSpec {
                    filters: 5,
                    blocks: 1,
                    kernel: Kernel {
                        height: 3,
                        width: 3,
                    },
                    form: ResidualForm::Deployed,
                }),
            })];
            let images = [image::<I8>(checkerboard), image::<I16>(checkerboard)];
            both("residual", MAP, &layers, images);
        }
    }
}

#[test]
fn lengths_of_what_was_not_validated_do_not_overflow() {
    let huge = [usize::MAX, usize::MAX - 2, usize::MAX / 2];
    let masks = [Mask::FirstHalf, Mask::Even, Mask::CheckerboardOdd];
    for (width, mask) in huge.into_iter().zip(masks) {
        let hidden = [width, 3, width];
        for nets in [Nets::One, Nets::Two, Nets::Residual { norm: true }] {
            for features in [4, width] {
                let layers = [
                    LayerSpec::Standardize,
                    dense(mask, CLAMPED, &hidden, LEAKY, nets),
                    LayerSpec::Permutation(&[]),
                    LayerSpec::Affine,
                ];
                let spec = FlowSpec {
                    shape: Shape::vector(features),
                    math: Math::Libm,
                    layers: &layers,
                };
                assert!(spec.word_len::<I8>() >= usize::MAX / 8);
                assert!(spec.word_len::<I16>() >= usize::MAX / 8);
                assert!(spec.integer_workspace_len() >= usize::MAX / 8);
                assert!(spec.validate_integer().is_err());
            }
        }
    }
    #[cfg(feature = "feature-maps")]
    for size in huge {
        use crate::spec::{ConvolutionLayer, ConvolutionSpec, Kernel, ResidualConvolutionSpec};
        let kernel = Kernel {
            height: size,
            width: size,
        };
        let hidden = [ConvolutionLayer {
            kernel,
            filters: size,
        }];
        for conditioner in [
            Conditioner::Convolution(ConvolutionSpec {
                hidden: &hidden,
                last: kernel,
                activation: LEAKY,
            }),
            Conditioner::ResidualConvolution(ResidualConvolutionSpec {
                filters: size,
                blocks: size,
                kernel,
                form: crate::spec::ResidualForm::Deployed,
            }),
        ] {
            let layers = [LayerSpec::Coupling(CouplingSpec {
                mask: Mask::CheckerboardOdd,
                transform: CLAMPED,
                conditioner,
            })];
            let spec = FlowSpec {
                shape: Shape {
                    channels: size,
                    height: size,
                    width: size,
                },
                math: Math::Libm,
                layers: &layers,
            };
            assert!(spec.word_len::<I8>() >= usize::MAX / 8);
            assert!(spec.integer_workspace_len() >= usize::MAX / 8);
        }
    }
}

/// Memory that changed behind the check: no pass ends early.
#[test]
fn a_fault_inside_scores_as_impossible() {
    let layers = [
        LayerSpec::Standardize,
        LayerSpec::Permutation(&[1, 0]),
        LayerSpec::Affine,
        dense(Mask::Even, CLAMPED, &[3], LEAKY, Nets::Two),
    ];
    let spec = FlowSpec {
        shape: Shape::vector(2),
        math: Math::Libm,
        layers: &layers,
    };
    let mut image = Image::default();
    image.standardize(2, 1).next_layer();
    image.stated(&[op::PERMUTATION, 2, 1, 1, 0]).next_layer();
    image.affine(2, 1).next_layer();
    let ends = [12, 17, 27];
    image.stated(&[
        op::COUPLING | op::AFFINE_COUPLING | op::TANH | op::TWO_NETS,
        2,
        1,
        2,
    ]);
    image.shift(INPUT).shift(SCALING).shift(SCALING);
    image.stated(&[0xffff << 16, -1]);
    image.records(&[1], Some(5 << 23));
    for _ in 0..2 {
        image.stated(&[1]).hidden::<I8>(1, 3, 1 << 13);
        image.last::<I8>(3, 1);
    }
    let mut words = image.plain();
    for (word, &(_, kind, _)) in words.iter_mut().zip(&image.words) {
        if let Number = kind {
            *word = 0;
        }
    }
    let good = IntegerFlow::<I8>::new(spec, &words).unwrap();
    let mut workspace = vec![0; spec.integer_workspace_len()];
    let log_prob = |flow: &IntegerFlow<'_, I8>, x: [i32; 2], workspace: &mut [i32]| {
        let whole = flow.score(&x, workspace).unwrap();
        let mut stepper = flow.stepper(&x, workspace).unwrap();
        let stepped = core::iter::from_fn(|| Some(stepper.step()))
            .flatten()
            .next();
        assert_eq!(Some(whole), stepped);
        whole.log_prob
    };
    let normal = log_prob(&good, [3, -4], &mut workspace);
    assert_ne!(normal, IntegerScore::IMPOSSIBLE);
    // Ends inside a layer.
    for len in 1..words.len() {
        if ends.contains(&len) {
            continue;
        }
        let flow = good.with_words(&words[..len]);
        let found = log_prob(&flow, [3, -4], &mut workspace);
        assert_eq!(found, IntegerScore::IMPOSSIBLE, "ends at {len}");
    }
    // Indices that are none, layers that are none.
    for (at, word) in [
        (15, 7),
        (15, -1),
        (0, 77),
        (12, -1),
        (17, 200),
        (27, op::BLOCKS),
    ] {
        let words = good_with(&words, at, word);
        let found = log_prob(&good.with_words(&words), [3, -4], &mut workspace);
        assert_eq!(found, IntegerScore::IMPOSSIBLE, "word {at} is {word}");
    }
    // Counts at their limits.
    for limit in [i32::MIN, i32::MAX] {
        for x in [[limit, 0], [0, limit]] {
            let found = log_prob(&good, x, &mut workspace);
            assert_eq!(found, IntegerScore::IMPOSSIBLE, "{x:?}");
        }
        let next = limit.saturating_add(1).min(i32::MAX - 1);
        assert_eq!(log_prob(&good, [next, 0], &mut workspace), normal);
    }
}
