//! Models on vectors.

use super::*;

#[test]
fn layers_without_networks() {
    let layers = [
        LayerSpec::Standardize,
        LayerSpec::Permutation(&[2, 0, 1]),
        LayerSpec::Affine,
        #[cfg(feature = "extra-layers")]
        LayerSpec::Linear,
    ];
    let image = || {
        let mut image = Image::default();
        image.standardize(3, 1).next_layer();
        image.stated(&[op::PERMUTATION, 3, 1, 2, 0, 1]).next_layer();
        image.affine(3, 1).next_layer();
        #[cfg(feature = "extra-layers")]
        image.linear(3, 1);
        image
    };
    both("vector", Shape::vector(3), &layers, [image(), image()]);
}

#[test]
fn the_permutations_that_were_accepted() {
    let layers = [LayerSpec::Permutation(&[1, 0]), LayerSpec::Affine];
    let spec = FlowSpec::new(Shape::vector(2), &layers);
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
        // One network with 2 kept values, 5 hidden units and 6 outputs.
        image.stated(&[op::COUPLING | op::AFFINE_COUPLING | op::TANH, 2, 3, 2]);
        image.shift(INPUT).shift(SCALING).shift(SCALING);
        image.stated(&[1 << 16, -1]);
        image.records(&[2, 3, 4], Some(5 << 23));
        image.stated(&[1]).hidden::<W>(2, 5, 1 << 13);
        image.last::<W>(5, 6).next_layer();
        // Separate networks for log-scales and shifts, 3 kept values, 2 transformed.
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

#[cfg(feature = "extra-layers")]
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

#[cfg(feature = "extra-layers")]
#[test]
fn mixtures_behind_the_last_layer() {
    use crate::spec::{BaseSpec, MixtureSpec, Spread};

    fn image<W: Weights>(layers: bool, spread: Spread) -> Image {
        let mut image = Image::default();
        if layers {
            image.affine(5, 1).next_layer();
        }
        match spread {
            Spread::Shared => image.shared::<W>(6, 5),
            Spread::Full => image.full(3, 5),
        };
        image
    }
    for spread in [Spread::Shared, Spread::Full] {
        let components = if spread == Spread::Shared { 6 } else { 3 };
        let base = BaseSpec::Mixture(MixtureSpec::new(components, spread));
        for layers in [&[][..], &[LayerSpec::Affine]] {
            let spec = FlowSpec::new(Shape::vector(5), layers).with_base(base);
            let some = !layers.is_empty();
            let images = [image::<I8>(some, spread), image::<I16>(some, spread)];
            both_of("mixture", spec, images);
        }
    }
}

#[cfg(feature = "extra-layers")]
#[test]
fn kernels_behind_the_first_layer() {
    use crate::spec::{BaseSpec, KernelsSpec, MixtureSpec, Spread};

    fn image<W: Weights>(with_base: bool) -> Image {
        let mut image = Image::default();
        image.affine(5, 1).stated(&[op::KERNELS]);
        image.put(Positive, &[1 << 20]).shift(SCALING).numbers(1);
        image.shared::<W>(6, 5).next_layer();
        image.affine(5, 1).next_layer();
        if with_base {
            image.full(2, 5);
        }
        image
    }
    let layers = [LayerSpec::Affine, LayerSpec::Affine];
    let spec = FlowSpec::new(Shape::vector(5), &layers).with_kernels(KernelsSpec::new(6));
    both_of("kernels", spec, [image::<I8>(false), image::<I16>(false)]);
    let base = BaseSpec::Mixture(MixtureSpec::new(2, Spread::Full));
    let images = [image::<I8>(true), image::<I16>(true)];
    both_of("kernels and a mixture", spec.with_base(base), images);
}

#[cfg(feature = "extra-layers")]
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
        let net = ResidualDenseSpec::new(6, 2, LEAKY).with_norm(norm);
        let layers = [LayerSpec::Coupling(CouplingSpec::new(
            Mask::FirstHalf,
            CLAMPED,
            Conditioner::ResidualDense(net),
        ))];
        let images = [image::<I8>(), image::<I16>()];
        both("blocks", Shape::vector(4), &layers, images);
    }
}
