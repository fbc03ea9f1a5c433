//! Wrong words that passed the check (memory faults), and counts at their limits.

use super::*;
use crate::integer::IntegerScore;

/// Memory corrupted after the check: no pass ends early.
#[test]
fn a_fault_inside_scores_as_impossible() {
    let layers = [
        LayerSpec::Standardize,
        LayerSpec::Permutation(&[1, 0]),
        LayerSpec::Affine,
        dense(Mask::Even, CLAMPED, &[3], LEAKY, Nets::Two),
    ];
    let spec = FlowSpec::new(Shape::vector(2), &layers);
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
    // Invalid indices and layer kinds.
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

/// Memory of a mixture corrupted after the check.
#[cfg(feature = "extra-layers")]
#[test]
fn a_fault_inside_a_mixture_scores_as_impossible() {
    use crate::spec::{BaseSpec, MixtureSpec, Spread};

    for spread in [Spread::Shared, Spread::Full] {
        let base = BaseSpec::Mixture(MixtureSpec::new(3, spread));
        let spec = FlowSpec::new(Shape::vector(2), &[LayerSpec::Affine]).with_base(base);
        let mut image = Image::default();
        image.affine(2, 1).next_layer();
        let start = image.words.len();
        match spread {
            Spread::Shared => image.shared::<I8>(3, 2),
            Spread::Full => image.full(3, 2),
        };
        let words = image.plain();
        let flow = IntegerFlow::<I8>::new(spec, &words).unwrap();
        let mut workspace = vec![0; spec.integer_workspace_len()];
        let mut log_prob = |words: &[i32]| {
            let flow = flow.with_words(words);
            let whole = flow.score(&[3, -4], &mut workspace).unwrap();
            let mut stepper = flow.stepper(&[3, -4], &mut workspace).unwrap();
            let stepped = core::iter::from_fn(|| Some(stepper.step()))
                .flatten()
                .next();
            assert_eq!(Some(whole), stepped);
            whole.log_prob
        };
        for len in start + 1..words.len() {
            let found = log_prob(&words[..len]);
            assert_eq!(found, IntegerScore::IMPOSSIBLE, "ends at {len}");
        }
        for components in [-1, i32::MIN, i32::MAX, 1000] {
            let found = log_prob(&good_with(&words, start + 1, components));
            assert_eq!(found, IntegerScore::IMPOSSIBLE, "{components} components");
        }
        let found = log_prob(&good_with(&words, start, 13));
        assert_eq!(found, IntegerScore::IMPOSSIBLE);
    }
}
