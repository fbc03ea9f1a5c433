//! Models on maps.

use super::*;
use crate::spec::{ConvolutionLayer, ConvolutionSpec, Kernel, LogitSpec, Squeeze};
#[cfg(feature = "extra-layers")]
use crate::spec::{ResidualConvolutionSpec, ResidualForm};

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
        image.affine(2, 8).next_layer();
        #[cfg(feature = "extra-layers")]
        image.linear(2, 8);
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
        #[cfg(feature = "extra-layers")]
        LayerSpec::Linear,
    ];
    both("moves", MAP, &layers, [image(), image()]);
}

#[test]
fn stacks_of_convolutions() {
    fn image<W: Weights>() -> Image {
        let mut image = Image::default();
        // Channels: 3 kept in 2 words, 1 transformed; the last window has 2 words.
        let op = op::CONVOLUTION | op::AFFINE_COUPLING | op::TANH;
        image.stated(&[op, 2, 1, 2, 4, 2, 18, 2]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[2 << 16, 3 | (0xffff << 16)]);
        image.records(&[1], Some(5 << 23));
        image.stated(&[3, 3]).hidden::<W>(36, 3, 1 << 13);
        image.stated(&[1, 1]).last::<W>(4, 2).next_layer();
        // A checkerboard without a hidden layer: every channel is both kept and transformed.
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

#[cfg(feature = "extra-layers")]
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
        // Windows of 3 x 3 places: 2 words for each panel of the 5 filters, of which there are 2.
        image.stated(&[op, word(count), word(changed.len()), 2, 4, parity]);
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
