//! Scores readings and keeps the alarm, with a model in floats or in integers.

use nvpico::Density;
use nvpico::detector::Number;
use nvpico::integer;

use crate::acquire::{Acquire, Clock, Log, Source};
use crate::adapt::Adapt;
use crate::blame::InUnit;
use crate::watch::Watch;

/// Steps of an integer model's log-density in a nat.
const STEPS_PER_NAT: f32 = 65_536.0;

/// A value that a model takes, made of a value that a source gives.
pub trait Input<R>: Copy {
    /// The value. A model in integers counts in steps of `2^unit`; floats have no unit. `None` where there is no such
    /// count, as of a NaN.
    fn from_reading(reading: R, unit: i32) -> Option<Self>;
}

impl Input<f32> for f32 {
    fn from_reading(reading: f32, _unit: i32) -> Option<Self> {
        Some(reading)
    }
}

impl Input<f32> for i32 {
    fn from_reading(reading: f32, unit: i32) -> Option<Self> {
        integer::count(reading, unit)
    }
}

/// A sensor's raw counts, which a model that was trained on them takes as they are.
impl Input<i32> for i32 {
    fn from_reading(reading: i32, unit: i32) -> Option<Self> {
        (unit == 0).then_some(reading)
    }
}

/// A log-density, whatever it is counted in.
pub trait Nats: Copy {
    /// In nats, for people to read.
    fn nats(self) -> f32;
}

impl Nats for f32 {
    fn nats(self) -> f32 {
        self
    }
}

impl Nats for i32 {
    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    fn nats(self) -> f32 {
        self as f32 / STEPS_PER_NAT
    }
}

/// Reads, moves, scores, gathers evidence and logs until the source ends; live sensors never do. A sensor's fault is a
/// reading that is not normal.
pub fn detect<S, C, L, D, A, const N: usize, const GUARDS: usize, const COMPONENTS: usize>(
    acquire: &mut Acquire<S, C, L, N>,
    watch: &mut Watch<'_, D, A, N, GUARDS, COMPONENTS>,
) where
    S: Source<N>,
    C: Clock,
    L: Log<S::Value, S::Fault, N>,
    D: Density<Value: Input<S::Value> + Nats + Number + Default + InUnit>,
    A: Adapt<D::Value, N>,
{
    watch.start(&mut acquire.log);
    let mut number = 0_u32;
    while let Some(reading) = acquire.next() {
        if acquire.is_mounted_anew() {
            watch.adapt.commission();
        }
        let reading = reading.as_ref().ok();
        let values = reading.and_then(|reading| input(reading, watch.units));
        watch.observe(&mut acquire.log, (number, reading), values.as_ref());
        number = number.wrapping_add(1);
    }
}

/// What the model takes for a reading; `None` where one of its values has no count.
fn input<R: Copy, V: Input<R>, const N: usize>(
    reading: &[R; N],
    units: &[i32; N],
) -> Option<[V; N]> {
    let (&first, &unit) = reading.iter().zip(units).next()?;
    let mut values = [V::from_reading(first, unit)?; N];
    for ((value, &reading), &unit) in values.iter_mut().zip(reading).zip(units) {
        *value = V::from_reading(reading, unit)?;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::AsTrained;
    use crate::test_parts::{ALARM, Kept, NO_BLAME, Script, Told, acquire};
    use crate::watch::Model;
    use nvpico::detector::Decision::{Anomalous, Invalid, Normal};
    use nvpico::detector::{Monitor, Recorder};
    use nvpico::spec::Shape;
    use nvpico::{Flow, FlowSpec, LayerSpec};
    use std::vec::Vec;

    const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);

    /// The log of these readings, with a standard normal distribution about (20, 0) and the threshold -4 nats.
    fn log(script: &Script) -> Kept {
        static PARAMS: [f32; SPEC.param_len()] = [20.0, 0.0, 1.0, 1.0, 0.0];
        let flow = Flow::new(SPEC, &PARAMS).expect("a standardisation alone");
        let criterion = flow.anomalous_below(-4.0);
        let mut monitor = Monitor::<f32, 2, 0>::new(criterion, ALARM, &[], &[]).expect("it fits");
        let mut acquire = acquire(script);
        let mut watch = Watch {
            model: Model {
                density: &flow,
                blame: &NO_BLAME,
                workspace: &mut [0.0; SPEC.workspace_len()],
            },
            adapt: AsTrained,
            monitor: &mut monitor,
            recorder: &mut Recorder::new(9),
            units: &[0, 0],
        };
        detect(&mut acquire, &mut watch);
        acquire.log
    }

    fn told(script: &Script) -> Vec<Told> {
        log(script).told
    }

    #[test]
    fn every_reading_is_scored_and_the_alarm_comes_and_goes() {
        let mut script = [Ok(20.0); 16];
        script[2..6].fill(Ok(30.0));
        let told = told(&script);
        let scored = told.iter().filter_map(|event| match *event {
            Told::Scored(number, log_prob, decision) => Some((number, log_prob, decision?)),
            _ => None,
        });
        for ((number, log_prob, decision), at) in scored.zip(0..) {
            assert_eq!(number, at);
            let expected = if (2..6).contains(&at) {
                assert!((log_prob + 51.838).abs() < 1e-3);
                Anomalous
            } else {
                assert!((log_prob + 1.838).abs() < 1e-3);
                Normal
            };
            assert_eq!(decision, expected);
        }
        // The first raises it; the averages clear it.
        let alarms: Vec<_> = (told.into_iter())
            .filter(|event| matches!(event, Told::Raised(_) | Told::Cleared(_)))
            .collect();
        assert_eq!(alarms, [Told::Raised(2), Told::Cleared(9)]);
    }

    #[test]
    fn the_record_of_an_alarm_goes_to_the_log() {
        let mut script = [Ok(20.0); 40];
        script[20] = Ok(40.0);
        let words = log(&script).words;
        assert_eq!(words[1..4], [9, 2, 16]);
        let first: Vec<f32> = (words[4..].chunks(2 + nvpico::detector::RECORD_WORDS))
            .map(|entry| f32::from_bits(entry[0]))
            .collect();
        // Seven before the alarm, eight after it.
        assert_eq!(first.iter().position(|x| *x > 30.0), Some(7));
    }

    #[test]
    fn faults_count_as_not_normal_and_are_not_scored() {
        let told = told(&[Err('a'); 5]);
        // 8 bits each, of which the average passes 4 with the third.
        assert_eq!(told, [Told::Fault('a'), Told::Raised(2)]);
    }

    #[test]
    fn a_reading_without_a_number_is_invalid() {
        let told = told(&[Ok(f32::NAN)]);
        assert_eq!(told, [Told::Scored(0, f32::NEG_INFINITY, Some(Invalid))]);
    }

    #[test]
    fn readings_become_counts() {
        assert_eq!(
            input::<f32, f32, 2>(&[1.5, -2.0], &[-8, 3]),
            Some([1.5, -2.0])
        );
        assert_eq!(
            input::<f32, i32, 2>(&[1.5, -20.0], &[-8, 2]),
            Some([384, -5])
        );
        assert_eq!(input::<f32, i32, 2>(&[1.5, f32::NAN], &[-8, 2]), None);
        // Raw counts have the unit 1 and no other.
        assert_eq!(input::<i32, i32, 2>(&[275, -3], &[0, 0]), Some([275, -3]));
        assert_eq!(input::<i32, i32, 2>(&[275, -3], &[0, 1]), None);
    }
}
