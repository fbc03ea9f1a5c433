//! Models with every kind of layer, with each word corrupted in turn: changes to words that the spec determines
//! and shifts out of range are rejected, everything else is accepted.
//!
//! The words are written out by hand from the documentation of the layers.

mod faults;
mod lengths;
#[cfg(feature = "feature-maps")]
mod maps;
mod vectors;

use std::vec;
use std::vec::Vec;

use super::{I8, I16, op, word};
use crate::integer::{IntegerFlow, Weights};
use crate::spec::{
    Activation, Conditioner, CouplingSpec, DenseSpec, FlowSpec, LayerSpec, Mask, Nets,
    ResidualDenseSpec, ScaleMap, Shape, SpecError, Transform,
};

/// Kind of a word.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(feature = "extra-layers"),
    allow(dead_code, reason = "words of layers that are not compiled in")
)]
enum Kind {
    /// Determined by the spec.
    Stated,
    /// A shift within a range.
    Shift(i32, i32),
    /// Any value.
    Number,
    /// A multiplier of a matrix, beside others of such a sum.
    Entry(u32),
    /// The same on the diagonal, which must not be zero.
    Diagonal(u32),
    /// A factor above zero.
    Positive,
}
use Kind::{Diagonal, Entry, Number, Positive, Shift, Stated};

const SCALING: Kind = Shift(1, 62);
const INPUT: Kind = Shift(2, 17);
const SUM: Kind = Shift(0, 24);

/// Words with their kinds and the layer that each belongs to.
#[derive(Default)]
struct Image {
    words: Vec<(i32, Kind, usize)>,
    layer: usize,
}

#[cfg_attr(
    not(feature = "extra-layers"),
    allow(dead_code, reason = "words of layers that are not compiled in")
)]
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
        self.stated(&[op::STANDARDIZE, word(channels), places])
            .numbers(1);
        for _ in 0..channels {
            self.numbers(2).shift(SCALING).numbers(1);
        }
        self
    }

    fn affine(&mut self, channels: usize, places: i32) -> &mut Self {
        self.stated(&[op::AFFINE, word(channels), places])
            .numbers(1);
        for _ in 0..channels {
            self.numbers(1).shift(SCALING).numbers(1);
        }
        self
    }

    fn linear(&mut self, channels: usize, places: i32) -> &mut Self {
        self.stated(&[op::LINEAR, word(channels), places])
            .numbers(1);
        let entry = 0x0102_0304;
        for row in 0..channels {
            let sum = |entries: usize| entry as u32 * entries as u32;
            self.put(Diagonal(sum(channels - row - 1)), &[entry])
                .shift(SCALING)
                .numbers(1);
            for at in 0..channels - 1 {
                let others = if at < row { row } else { channels - row };
                self.put(Entry(sum(others - 1)), &[entry]);
            }
        }
        self
    }

    /// A mixture with one bandwidth.
    fn shared<W: Weights>(&mut self, components: usize, dim: usize) -> &mut Self {
        self.stated(&[op::SHARED_MIXTURE, word(components)]);
        self.put(Positive, &[0x0102_0304]).shift(SCALING);
        self.shift(INPUT).shift(SCALING);
        self.last::<W>(dim, components).numbers(components)
    }

    /// A mixture with a triangle a component.
    fn full(&mut self, components: usize, dim: usize) -> &mut Self {
        self.stated(&[op::FULL_MIXTURE, word(components)]);
        let entry = 0x0102_0304;
        for _ in 0..components {
            self.numbers(1 + dim);
            for row in 0..dim {
                let others = entry as u32 * row as u32;
                self.shift(SCALING);
                for _ in 0..row {
                    self.put(Entry(others), &[entry]);
                }
                self.put(Diagonal(others), &[entry]);
            }
        }
        self
    }

    fn panels<W: Weights>(&mut self, activations: usize, outputs: usize) -> &mut Self {
        let panel = 4 + activations.div_ceil(4) * W::QUAD_WORDS;
        self.numbers(outputs.div_ceil(4) * panel)
    }

    fn hidden<W: Weights>(&mut self, activations: usize, outputs: usize, slope: i32) -> &mut Self {
        self.stated(&[word(outputs.div_ceil(4))]);
        self.shift(SUM).stated(&[slope]);
        self.panels::<W>(activations, outputs)
    }

    fn last<W: Weights>(&mut self, activations: usize, outputs: usize) -> &mut Self {
        self.stated(&[word(outputs.div_ceil(4)), 0, 0]);
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

    /// Records of transformed channels, with a bound from the spec or one each.
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

/// Corrupts every word of a valid model in turn.
fn corrupt<W: Weights>(name: &str, spec: FlowSpec<'_>, image: &Image) {
    let good = image.plain();
    let mut workspace = vec![0; spec.integer_workspace_len()];
    let x: Vec<i32> = (0..spec.dim()).map(|at| word(at) % 3).collect();
    let new = |words: &[i32]| IntegerFlow::<W>::new(spec, words).map(|_| ());
    assert_eq!(spec.word_len::<W>(), good.len(), "{name}");
    assert_eq!(new(&good), Ok(()), "{name}");
    for (at, &(word, kind, layer)) in image.words.iter().enumerate() {
        let near = [-1, 1, 2, -word, i32::MIN].map(|by| word.wrapping_add(by));
        let bits = [0, 1, 4, 8, 16, 31].map(|bit| word ^ (1 << bit));
        let others = [0, 1, 2, 7, 17, 18, 24, 25, 62, 63, -1, 0xffff];
        let limits = [i32::MIN, i32::MAX];
        let all = limits.into_iter().chain(near).chain(bits).chain(others);
        // There are many parameters, all treated alike; sample a few.
        let few = if let Number = kind { 2 } else { usize::MAX };
        for other in all.take(few) {
            if other == word {
                continue;
            }
            let accepted = match kind {
                Stated => false,
                Shift(least, most) => (least..=most).contains(&other),
                Number => true,
                Entry(others) => other.unsigned_abs() <= (1 << 31) - others,
                Positive => other > 0,
                Diagonal(others) => other != 0 && other.unsigned_abs() <= (1 << 31) - others,
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
                // Any parameter values give a score.
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
    both_of(name, FlowSpec::new(shape, layers), images);
}

fn both_of(name: &str, spec: FlowSpec<'_>, images: [Image; 2]) {
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
