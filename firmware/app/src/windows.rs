//! Takes readings as samples, scores the features of each window of them, and keeps the alarm.

use nvpico::Density;
use nvpico::detector::Number;
use nvpico::features::{Extractor, IntegerExtractor, Pushed};
use nvpico::integer;

use crate::acquire::{Acquire, Clock, Log, PERIOD_MS, Source};
use crate::adapt::Adapt;
use crate::blame::InUnit;
use crate::detect::Nats;
use crate::watch::Watch;

/// Whether samples of this rate, a second, come as often as readings are acquired.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a small number")]
pub const fn has_rate(rate: f32) -> bool {
    let expected = 1000.0 / PERIOD_MS as f32;
    rate > 0.95 * expected && rate < 1.05 * expected
}

/// What makes the model's values, `DIM` of them, of windows of readings of `N` values.
pub trait Windows<V, const N: usize, const DIM: usize> {
    /// Readings from window to window.
    fn hop(&self) -> usize;
    /// Takes a reading.
    fn push(&mut self, reading: &[f32; N]) -> Pushed;
    /// The next reading does not follow the last one.
    fn gap(&mut self);
    /// The values of the window that is due; `None` where the model has none for them.
    fn row(&mut self) -> Option<[V; DIM]>;
}

/// Features in floats; `row` makes the model's values of them.
#[derive(Debug)]
pub struct FloatWindows<'a, 'w, V, const DIM: usize> {
    /// The extractor.
    pub extractor: Extractor<'a, 'w>,
    /// From one window to the next.
    pub hop: usize,
    /// From features to values.
    pub row: fn(&[f32]) -> Option<[V; DIM]>,
}

impl<V, const N: usize, const DIM: usize> Windows<V, N, DIM> for FloatWindows<'_, '_, V, DIM> {
    fn hop(&self) -> usize {
        self.hop
    }

    fn push(&mut self, reading: &[f32; N]) -> Pushed {
        self.extractor.push(reading)
    }

    fn gap(&mut self) {
        self.extractor.gap();
    }

    fn row(&mut self) -> Option<[V; DIM]> {
        (self.row)(self.extractor.finish()?)
    }
}

/// Features in integers, of readings that are counted in steps of `2^units[i]` and clipped at 16 bits.
#[derive(Debug)]
pub struct CountWindows<'a, 'w, const N: usize> {
    /// The extractor.
    pub extractor: IntegerExtractor<'a, 'w>,
    /// From one window to the next.
    pub hop: usize,
    /// Of the readings.
    pub units: [i32; N],
}

impl<const N: usize, const DIM: usize> Windows<i32, N, DIM> for CountWindows<'_, '_, N> {
    fn hop(&self) -> usize {
        self.hop
    }

    fn push(&mut self, reading: &[f32; N]) -> Pushed {
        let mut counts = [0; N];
        for ((count, value), unit) in counts.iter_mut().zip(reading).zip(self.units) {
            let Some(own) = integer::count(*value, unit) else {
                self.extractor.gap();
                return Pushed::Invalid;
            };
            let clipped = own.clamp(i16::MIN.into(), i16::MAX.into());
            *count = i16::try_from(clipped).unwrap_or_default();
        }
        self.extractor.push(&counts)
    }

    fn gap(&mut self) {
        self.extractor.gap();
    }

    fn row(&mut self) -> Option<[i32; DIM]> {
        self.extractor.finish()?.try_into().ok()
    }
}

/// Reads, extracts features, moves, scores, decides and logs until the source ends; live sensors never do.
///
/// Every `hop` readings there is one observation: that of the window that ends there or, where sensors failed or gave no number
/// since the last one, one that is not normal. After the start there is none until the first window is complete.
pub fn detect_windows<
    S,
    C,
    L,
    D,
    A,
    const N: usize,
    const DIM: usize,
    const GUARDS: usize,
    const COMPONENTS: usize,
>(
    acquire: &mut Acquire<S, C, L, N>,
    windows: &mut impl Windows<D::Value, N, DIM>,
    watch: &mut Watch<'_, D, A, DIM, GUARDS, COMPONENTS>,
) where
    S: Source<N, Value = f32>,
    C: Clock,
    L: Log<f32, S::Fault, N>,
    D: Density<Value: Nats + Number + Default + InUnit>,
    A: Adapt<D::Value, DIM>,
{
    watch.start(&mut acquire.log);
    let mut number = 0_u32;
    let (mut since, mut failed) = (0usize, false);
    while let Some(reading) = acquire.next() {
        if acquire.is_mounted_anew() {
            watch.adapt.commission();
        }
        since = since.saturating_add(1);
        let pushed = if let Ok(reading) = &reading {
            windows.push(reading)
        } else {
            windows.gap();
            Pushed::Invalid
        };
        failed |= pushed == Pushed::Invalid;
        let values = (pushed == Pushed::Due).then(|| windows.row());
        let values = match values {
            None if failed && since >= windows.hop() => Some(None),
            other => other,
        };
        if let Some(values) = values {
            (since, failed) = (0, false);
            let reading = (number, reading.as_ref().ok());
            watch.observe(&mut acquire.log, reading, values.as_ref());
        }
        number = number.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::AsTrained;
    use crate::test_parts::{self, ALARM, NO_BLAME, acquire};
    use crate::watch::Model;
    use nvpico::detector::Decision::{self, Anomalous, Invalid, Normal};
    use nvpico::detector::{Monitor, Recorder};
    use nvpico::features::{Features, IntegerFeatures};
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
        let mut monitor = Monitor::<f32, 4, 0>::new(criterion, ALARM, &[], &[]).expect("it fits");
        let features = Features::new(SAMPLES, &[]).expect("no spectrum");
        let mut state = [0.0; SAMPLES.state_len()];
        let mut acquire = acquire(script);
        let mut windows = FloatWindows {
            extractor: features.extractor(&mut state).expect("its length"),
            hop: SAMPLES.hop,
            row: |features| features.try_into().ok(),
        };
        let mut workspace = [0.0; SPEC.workspace_len()];
        let mut watch = Watch {
            model: Model {
                density: &flow,
                blame: &NO_BLAME,
                workspace: &mut workspace,
            },
            adapt: AsTrained,
            monitor: &mut monitor,
            recorder: &mut Recorder::new(0),
            units: &[0; 4],
        };
        detect_windows(&mut acquire, &mut windows, &mut watch);
        let scored = acquire.log.told.into_iter();
        scored
            .filter_map(|event| match event {
                test_parts::Told::Scored(number, _, decision) => Some((number, decision?)),
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
    fn readings_become_counts_and_far_ones_are_clipped() {
        let units = [-8, 0, -10, -10];
        let features = IntegerFeatures::new(SAMPLES, &[1.0 / 256.0, 1.0], &units, &[]);
        let features = features.expect("no spectrum");
        let mut ring = [0; SAMPLES.integer_ring_len()];
        let mut state = [0; SAMPLES.integer_state_len()];
        let mut windows = CountWindows {
            extractor: features
                .extractor(&mut ring, &mut state)
                .expect("its length"),
            hop: SAMPLES.hop,
            units: [-8, 0],
        };
        let push =
            |windows: &mut CountWindows<2>, reading| Windows::<i32, 2, 4>::push(windows, &reading);
        for _ in 0..3 {
            assert_eq!(push(&mut windows, [0.5, 7.0]), Pushed::Stored);
        }
        assert_eq!(push(&mut windows, [1e9, 7.0]), Pushed::Due);
        let row: Option<[i32; 4]> = windows.row();
        // In channel order: the rounded mean of three values of 128 counts and one at the limit.
        let mean = (3 * 128 + 32_767 + 2) / 4;
        assert_eq!(row.map(|row| row[0]), Some(mean));
        assert_eq!(push(&mut windows, [f32::NAN, 7.0]), Pushed::Invalid);
    }

    #[test]
    fn the_rate_of_the_samples_is_that_of_the_readings() {
        assert!(has_rate(10.0) && !has_rate(200.0) && !has_rate(9.0));
    }
}
