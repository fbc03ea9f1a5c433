//! Lengths of unvalidated specs.

use super::*;

#[test]
fn lengths_of_what_was_not_validated_do_not_overflow() {
    let huge = [usize::MAX, usize::MAX - 2, usize::MAX / 2];
    let masks = [Mask::FirstHalf, Mask::Even, Mask::CheckerboardOdd];
    for (width, mask) in huge.into_iter().zip(masks) {
        let hidden = [width, 3, width];
        for nets in [Nets::One, Nets::Two] {
            for features in [4, width] {
                let layers = [
                    LayerSpec::Standardize,
                    dense(mask, CLAMPED, &hidden, LEAKY, nets),
                    LayerSpec::Permutation(&[]),
                    LayerSpec::Affine,
                ];
                let spec = FlowSpec::new(Shape::vector(features), &layers);
                assert!(spec.word_len::<I8>() >= usize::MAX / 8);
                assert!(spec.word_len::<I16>() >= usize::MAX / 8);
                assert!(spec.integer_workspace_len() >= usize::MAX / 8);
                assert!(spec.validate_integer().is_err());
            }
        }
    }
    #[cfg(feature = "extra-layers")]
    for size in huge {
        use crate::spec::{BaseSpec, MixtureSpec, Spread};
        for spread in [Spread::Shared, Spread::Full] {
            for (features, components) in [(4, size), (size, 4), (size, size)] {
                let base = BaseSpec::Mixture(MixtureSpec::new(components, spread));
                let spec = FlowSpec::new(Shape::vector(features), &[]).with_base(base);
                assert!(spec.word_len::<I8>() >= usize::MAX / 8);
                assert!(spec.integer_workspace_len() >= usize::MAX / 8);
                assert!(spec.validate_integer().is_err());
            }
        }
    }
    for size in huge {
        let net = ResidualDenseSpec::new(size, size, LEAKY).with_norm(true);
        let layers = [LayerSpec::Coupling(CouplingSpec::new(
            Mask::Even,
            CLAMPED,
            Conditioner::ResidualDense(net),
        ))];
        let spec = FlowSpec::new(Shape::vector(4), &layers);
        assert!(spec.word_len::<I8>() >= usize::MAX / 8);
        assert!(spec.validate_integer().is_err());
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
            let spec = FlowSpec::new(
                Shape {
                    channels: size,
                    height: size,
                    width: size,
                },
                &layers,
            );
            assert!(spec.word_len::<I8>() >= usize::MAX / 8);
            assert!(spec.integer_workspace_len() >= usize::MAX / 8);
        }
    }
}
