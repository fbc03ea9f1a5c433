//! In a stream of 16-bit samples: overlap, gaps, steps, as with floats.

use nvpico::features::{Pushed, Work};
use nvpico::spec::features::{FeatureSpec, SpectrumSpec, Taper};
use proptest::prelude::*;

use super::integers::{Row, of_window, with_extractor};
use super::spec;
use crate::common::models::Random;

/// Units that are far from the end for samples of any size.
const UNIT: i32 = -10;

fn units(spec: &FeatureSpec<'_>) -> Vec<i32> {
    vec![UNIT; spec.output_len()]
}

fn rows(count: usize, seed: u64) -> Vec<Row> {
    let values = Random::new(seed).normals(2 * count);
    let count = |value: f32| (8000.0 * value) as i16;
    (values.chunks(2))
        .map(|pair| [count(pair[0]), count(pair[1])])
        .collect()
}

/// The features of all windows of a stream, with lost samples before some.
fn stream(spec: FeatureSpec<'_>, rows: &[Row], lost: &[usize]) -> Vec<(usize, Vec<i32>)> {
    with_extractor(spec, &units(&spec), |mut extractor| {
        let mut found = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            extractor.lost(lost.iter().filter(|&&lost| lost == at).count());
            if extractor.push(row) == Pushed::Due {
                found.push((at, extractor.finish().expect("due").to_vec()));
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
    fn a_stream_has_the_windows_between_gaps(
        window in 16_usize..90,
        hop in 1_usize..120,
        margin in 0_usize..5,
        mut lost in proptest::collection::vec(0_usize..300, 0..4),
        seed in any::<u64>(),
    ) {
        let rows = rows(300, seed);
        let spectrum = SpectrumSpec::mean(16, 8, Taper::Hann);
        let spec = spec(window, hop, spectrum).with_margin(margin);
        let found = stream(spec, &rows, &lost);
        lost.extend([0, rows.len()]);
        lost.sort_unstable();
        let mut expected = Vec::new();
        for side in lost.windows(2) {
            for end in (side[0] + window..=side[1]).step_by(hop) {
                let own = of_window(spec, &units(&spec), &rows[end - window..end]);
                expected.push((end - 1, own));
            }
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
        let spectrum = SpectrumSpec::maximum(16, 8, Taper::Hann);
        let spec = spec(32, hop, spectrum).with_margin(margin);
        let at_once = stream(spec, &rows, &[]);
        let (in_steps, missed) = with_extractor(spec, &units(&spec), |mut extractor| {
            let mut random = Random::new(seed);
            let (mut found, mut due) = (Vec::new(), 0);
            for (at, row) in rows.iter().enumerate() {
                if extractor.push(row) == Pushed::Due {
                    due = at;
                }
                for _ in 0..random.uniform(0.0, 5.0) as usize {
                    if extractor.step() == Work::Done {
                        let features = extractor.features().expect("done");
                        found.push((due, features.to_vec()));
                    }
                }
            }
            (found, extractor.missed())
        });
        prop_assert!(in_steps.iter().all(|found| at_once.contains(found)));
        let left = at_once.len() - in_steps.len();
        prop_assert!(left == missed as usize || left == missed as usize + 1);
    }
}
