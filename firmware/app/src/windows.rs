//! Takes readings as samples, scores the features of each window of them, and keeps the alarm.

use nvpico::Density;
use nvpico::detector::Detector;
use nvpico::features::{Features, Pushed};
use nvpico::spec::features::FeatureError;

use crate::acquire::{Acquire, Clock, Log, PERIOD_MS, Source};
use crate::detect::{Nats, Told};

/// Whether samples of this rate, a second, come as often as readings are acquired.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a small number")]
pub const fn has_rate(rate: f32) -> bool {
    let expected = 1000.0 / PERIOD_MS as f32;
    rate > 0.95 * expected && rate < 1.05 * expected
}

/// Reads, extracts features, scores, decides and logs until the source ends; live sensors never do.
///
/// Every `hop` readings there is one observation: that of the window that ends there or, where sensors failed or gave no number
/// since the last one, one that is not normal. After the start there is none until the first window is complete. `row` makes the
/// model's values of features.
///
/// # Errors
/// [`FeatureError::Length`] if `state` is shorter than the features need.
pub fn detect_windows<
    S,
    C,
    L,
    D,
    const N: usize,
    const DIM: usize,
    const WORKSPACE: usize,
    const HISTORY: usize,
>(
    acquire: &mut Acquire<S, C, L, N>,
    (features, state): (&Features<'_>, &mut [f32]),
    row: impl Fn(&[f32]) -> Option<[D::Value; DIM]>,
    detector: &mut Detector<DIM, WORKSPACE, HISTORY, D>,
) -> Result<(), FeatureError>
where
    S: Source<N, Value = f32>,
    C: Clock,
    L: Log<f32, S::Fault, N>,
    D: Density<Value: Nats>,
{
    let mut extractor = features.extractor(state)?;
    let hop = features.spec().hop;
    let mut told = Told::default();
    let (mut since, mut failed) = (0usize, false);
    while let Some(reading) = acquire.next() {
        since = since.saturating_add(1);
        let pushed = if let Ok(reading) = &reading {
            extractor.push(reading)
        } else {
            extractor.gap();
            Pushed::Invalid
        };
        failed |= pushed == Pushed::Invalid;
        let observation = if pushed == Pushed::Due {
            Some(match extractor.finish().and_then(&row) {
                Some(values) => detector.observe(&values),
                None => detector.observe_invalid(),
            })
        } else if failed && since >= hop {
            Some(detector.observe_invalid())
        } else {
            None
        };
        if let Some(observation) = observation {
            (since, failed) = (0, false);
            told.observation::<D, _, _, N>(&mut acquire.log, &observation, reading.as_ref().ok());
        }
        told.number = told.number.wrapping_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{HISTORY, RULE};
    use crate::test_parts::{self, acquire};
    use nvpico::detector::Decision::{self, Anomalous, Invalid, Normal};
    use nvpico::spec::Shape;
    use nvpico::spec::features::{Feature, FeatureSpec};
    use nvpico::{Flow, FlowSpec, LayerSpec};
    use std::vec::Vec;

    const SAMPLES: FeatureSpec<'static> =
        FeatureSpec::new(2, 4, 2, 10.0, &[Feature::Mean, Feature::PeakToPeak]);
    const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(4), &[LayerSpec::Standardize]);

    /// Numbers and decisions of the observations: the mean of the first channel should be near 20.
    fn told(script: &test_parts::Script) -> Vec<(u32, Decision)> {
        static PARAMS: [f32; SPEC.param_len()] = [20.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let flow = Flow::new(SPEC, &PARAMS).expect("a standardisation alone");
        let criterion = flow.anomalous_below(-10.0);
        let mut detector = Detector::<4, { SPEC.workspace_len() }, HISTORY>::new(criterion, RULE)
            .expect("it fits");
        let features = Features::new(SAMPLES, &[]).expect("no spectrum");
        let mut state = [0.0; SAMPLES.state_len()];
        let mut acquire = acquire(script);
        let row = |features: &[f32]| features.try_into().ok();
        detect_windows(&mut acquire, (&features, &mut state), row, &mut detector)
            .expect("its length");
        let scored = acquire.log.told.into_iter();
        scored
            .filter_map(|event| match event {
                test_parts::Told::Scored(number, _, decision) => Some((number, decision)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_hop_has_an_observation_once_there_is_a_window() {
        let mut script = [Ok(20.0); 10];
        assert_eq!(told(&script[..3]), []);
        script[6..8].fill(Ok(30.0));
        assert_eq!(
            told(&script),
            [(3, Normal), (5, Normal), (7, Anomalous), (9, Anomalous)]
        );
    }

    #[test]
    fn a_sample_without_a_number_breaks_the_windows_and_is_not_normal() {
        let mut script = [Ok(20.0); 12];
        script[4] = Ok(f32::NAN);
        // A window ends 4 readings behind it; 2 readings after the last observation one that is not normal is due.
        assert_eq!(
            told(&script),
            [(3, Normal), (5, Invalid), (8, Normal), (10, Normal)]
        );
    }

    #[test]
    fn the_rate_of_the_samples_is_that_of_the_readings() {
        assert!(has_rate(10.0) && !has_rate(200.0) && !has_rate(9.0));
    }
}
