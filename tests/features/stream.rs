//! In a stream: overlap, gaps, steps, and the bits.

use nvpico::features::{Pushed, Work};
use nvpico::spec::features::{Feature, FeatureError, FeatureSpec, SpectrumSpec, Taper};
use nvpico_codegen::samples::FilterName;
use proptest::prelude::*;

use super::{of_window, spec, spectra, with_extractor};
use crate::common::bits;
use crate::common::models::Random;

fn rows(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let values = Random::new(seed).normals(2 * count);
    values.chunks(2).map(<[f32]>::to_vec).collect()
}

/// The features of all windows of a stream, each as soon as it is due.
fn stream(spec: FeatureSpec<'_>, rows: &[Vec<f32>]) -> Vec<(usize, Vec<f32>)> {
    with_extractor(spec, |mut extractor| {
        let mut found = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if extractor.push(row) == Pushed::Due {
                let features = extractor.finish().expect("due");
                found.push((at, features.to_vec()));
            }
        }
        assert_eq!(extractor.missed(), 0);
        found
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_has_the_windows_of_a_table(
        window in 16_usize..90,
        hop in 1_usize..120,
        margin in 0_usize..5,
        seed in any::<u64>(),
    ) {
        let rows = rows(400, seed);
        let spec = spec(window, hop, SpectrumSpec::mean(16, 8, Taper::Hann)).with_margin(margin);
        let found = stream(spec, &rows);
        let ends: Vec<usize> = (window - 1..400).step_by(hop).collect();
        prop_assert_eq!(found.len(), ends.len());
        for ((at, features), end) in found.iter().zip(ends) {
            prop_assert_eq!(*at, end);
            let alone = of_window(spec, &rows[end + 1 - window..=end]);
            prop_assert_eq!(bits(features), bits(&alone));
        }
    }

    #[test]
    fn no_window_has_both_sides_of_a_gap(
        window in 16_usize..40,
        hop in 1_usize..60,
        gaps in proptest::collection::vec(0_usize..300, 0..6),
        seed in any::<u64>(),
    ) {
        let mut rows = rows(300, seed);
        for (number, &gap) in gaps.iter().enumerate() {
            rows[gap][number % 2] = [f32::NAN, f32::INFINITY, -1.3e30][number % 3];
        }
        let spec = spec(window, hop, SpectrumSpec::of_window(window, Taper::None));
        let found = stream(spec, &rows);
        let mut expected = Vec::new();
        let is_invalid = |row: &Vec<f32>| row.iter().any(|value| value.is_nan() || value.abs() > 1.2e30);
        let mut from = 0;
        for side in rows.split(is_invalid) {
            for end in (window..=side.len()).step_by(hop) {
                expected.push((from + end - 1, of_window(spec, &side[end - window..end])));
            }
            from += side.len() + 1;
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn in_steps_with_samples_in_between_it_is_the_same(
        hop in 8_usize..60,
        margin in 1_usize..20,
        seed in any::<u64>(),
    ) {
        let rows = rows(200, seed);
        let spec = spec(32, hop, SpectrumSpec::maximum(16, 8, Taper::Hann)).with_margin(margin);
        let at_once = stream(spec, &rows);
        let (in_steps, missed) = with_extractor(spec, |mut extractor| {
            let mut random = Random::new(seed);
            let mut found = Vec::new();
            let mut due = 0;
            for (at, row) in rows.iter().enumerate() {
                if extractor.push(row) == Pushed::Due {
                    due = at;
                }
                // Up to four steps behind a sample.
                let steps = random.uniform(0.0, 5.0) as usize;
                for _ in 0..steps {
                    if extractor.step() == Work::Done {
                        let features = extractor.features().expect("done");
                        found.push((due, features.to_vec()));
                    }
                }
            }
            (found, extractor.missed())
        });
        // What was not missed is the same; nothing else comes out.
        let is_known = |found| at_once.contains(found);
        prop_assert!(in_steps.iter().all(is_known));
        let left = at_once.len() - in_steps.len();
        prop_assert!(left == missed as usize || left == missed as usize + 1);
    }
}

#[test]
fn samples_that_come_too_fast_are_told() {
    let spec = spec(16, 16, SpectrumSpec::of_window(16, Taper::None)).with_margin(2);
    with_extractor(spec, |mut extractor| {
        for row in rows(16, 1) {
            let _ = extractor.push(&row);
        }
        assert_eq!(extractor.step(), Work::More);
        for row in rows(2, 2) {
            assert_eq!(extractor.push(&row), Pushed::Stored);
        }
        assert_eq!(extractor.step(), Work::More);
        assert_eq!((extractor.missed(), extractor.features()), (0, None));
        assert_eq!(extractor.push(&[0.0; 2]), Pushed::Stored);
        assert_eq!((extractor.missed(), extractor.step()), (1, Work::Idle));
        assert_eq!(extractor.finish(), None);
    });
}

#[test]
fn a_window_that_is_complete_survives_a_gap_behind_it() {
    let spec = spec(16, 4, SpectrumSpec::of_window(16, Taper::None));
    let rows = rows(16, 3);
    with_extractor(spec, |mut extractor| {
        for row in &rows {
            let _ = extractor.push(row);
        }
        assert_eq!(extractor.push(&[f32::NAN; 2]), Pushed::Invalid);
        let found = extractor.finish().expect("complete").to_vec();
        assert_eq!(bits(&found), bits(&of_window(spec, &rows)));
        extractor.lost(0);
        for (at, row) in rows.iter().enumerate() {
            let expected = if at < 15 { Pushed::Stored } else { Pushed::Due };
            assert_eq!(extractor.push(row), expected);
        }
        extractor.lost(3);
        assert_eq!(
            extractor.push(&[0.0]),
            Pushed::Invalid,
            "one channel of two"
        );
    });
}

#[test]
fn what_cannot_be_is_refused() {
    let good = FeatureSpec::new(1, 16, 4, 10.0, &[Feature::Mean]);
    assert_eq!(good.validate(), Ok(()));
    let mut spec = good;
    spec.window = 1;
    assert_eq!(spec.validate(), Err(FeatureError::Window { window: 1 }));
    spec = good;
    spec.hop = 0;
    assert_eq!(spec.validate(), Err(FeatureError::Hop));
    for rate in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        spec = good;
        spec.rate = rate;
        assert_eq!(spec.validate(), Err(FeatureError::Rate));
    }
    spec = good.with_floor(0.0);
    assert_eq!(spec.validate(), Err(FeatureError::Floor));
    spec = good.with_each(&[]);
    let lists = FeatureError::Lists {
        channels: 1,
        lists: 0,
    };
    assert_eq!(spec.validate(), Err(lists));
    spec = good.with_each(&[&[]]);
    assert_eq!(spec.validate(), Err(FeatureError::Nothing));
    spec = good.with_each(&[&[Feature::Autocorrelation { lag: 16 }]]);
    assert_eq!(spec.validate(), Err(FeatureError::Lag { lag: 16 }));
    spec = good.with_each(&[&[Feature::Centroid]]);
    assert_eq!(spec.validate(), Err(FeatureError::Spectrum));
    for spectrum in [
        SpectrumSpec::one(8, Taper::None),
        SpectrumSpec::one(24, Taper::None),
        SpectrumSpec::mean(32, 16, Taper::None),
        SpectrumSpec::maximum(4, 2, Taper::None),
        SpectrumSpec::of_window(usize::MAX, Taper::None),
    ] {
        let found = good.with_spectrum(spectrum).validate();
        assert!(
            matches!(found, Err(FeatureError::Frame { .. })),
            "{found:?}"
        );
    }
    let spectrum = SpectrumSpec::mean(8, 9, Taper::None);
    let found = good.with_spectrum(spectrum).validate();
    assert_eq!(found, Err(FeatureError::Step { step: 9 }));
    spec = good.with_margin(usize::MAX);
    assert_eq!(spec.validate(), Err(FeatureError::Overflow));
}

/// A change here is a change of format: models in the field would see other features than those that they were trained with.
#[test]
fn features_keep_the_bits_that_they_have_always_had() {
    // Multiples of 1/64, exact in floats.
    let rows: Vec<Vec<f32>> = (0..200_usize)
        .map(|at| {
            let value = |by: usize| ((at * at * by + at * 37) % 201) as f32 / 64.0 - 1.5;
            vec![value(5), value(11)]
        })
        .collect();
    let found: Vec<u64> = spectra(200)
        .into_iter()
        .map(|spectrum| hash(&of_window(spec(200, 200, spectrum), &rows)))
        .collect();
    let expected = [
        0x7413_73f5_8c16_ac0d,
        0x9b24_b406_0a82_b825,
        0x3f67_8fb6_4fcc_1729,
        0x5876_b773_6f4d_2706,
        0x3900_48c8_f58f_9633,
        0x4ab4_924d_b330_3ccd,
        0xc79c_d2c2_cd21_acfe,
        0x7ec4_a63d_c337_8ef2,
        0x0f3c_17a7_09bd_256b,
        0xca3a_fdde_9f4f_f72b,
        0xcd23_1b59_f7ee_10d3,
        0x2ef9_466d_30cf_12b6,
        0xa11f_fe5c_e3a0_7a46,
        0x58da_f40e_d19f_e4b0,
        0x1d41_ebc8_3abf_ff23,
        0x7402_ad8e_b6e3_9dc7,
    ];
    assert_eq!(found, expected, "{found:#018x?}");
}

/// FNV-1a of the bits.
fn hash(values: &[f32]) -> u64 {
    let bytes = values
        .iter()
        .flat_map(|value| value.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn a_filter_starts_afresh_with_every_window() {
    let name: FilterName = "high:5:4".parse().expect("a filter");
    let sections = name.sections(100.0);
    let spec = spec(32, 8, SpectrumSpec::maximum(16, 8, Taper::Hann)).with_filter(&sections);
    let rows = rows(128, 3);
    let mut count = 0;
    with_extractor(spec, |mut extractor| {
        for (at, row) in rows.iter().enumerate() {
            if extractor.push(row) == Pushed::Due {
                let alone = of_window(spec, &rows[at + 1 - 32..=at]);
                let found = extractor.finish().expect("a window is due");
                assert_eq!(bits(found), bits(&alone), "{at}");
                count += 1;
            }
        }
    });
    assert_eq!(count, 13);
}
