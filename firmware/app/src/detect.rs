//! Scores readings and keeps the alarm, with a model in floats or in integers.

use nvpico::Density;
use nvpico::detector::{AlarmEvent, BlameSpec, Monitor, Number, Recorder, Report};
use nvpico::integer;

use crate::acquire::{Acquire, Clock, Event, Log, Source};
use crate::blame::{InUnit, tell_blamed};

/// A model, what it blames by, and memory to score in: as many values as a score takes, and for blame a reading more.
pub struct Model<'a, D: Density> {
    /// The generated module's `FLOW`.
    pub density: &'a D,
    /// Its `BLAME`; without ranges nothing is blamed.
    pub blame: &'a BlameSpec<'a, D::Value>,
    /// Memory.
    pub workspace: &'a mut [D::Value],
}

/// Readings of an alarm's record: seven before it, its own, and eight after.
pub const RECORDED: usize = 16;

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

/// Reads, scores, gathers evidence and logs until the source ends; live sensors never do. A sensor's fault is a
/// reading that is not normal. `units` are those of a model in integers, by value; floats ignore them.
pub fn detect<S, C, L, D, const N: usize, const GUARDS: usize>(
    acquire: &mut Acquire<S, C, L, N>,
    model: &mut Model<'_, D>,
    monitor: &mut Monitor<D::Value, N, GUARDS>,
    recorder: &mut Recorder<D::Value, N, RECORDED>,
    units: &[i32; N],
) where
    S: Source<N>,
    C: Clock,
    L: Log<S::Value, S::Fault, N>,
    D: Density<Value: Input<S::Value> + Nats + Number + Default + InUnit>,
{
    let mut told = Told::default();
    while let Some(reading) = acquire.next() {
        let values = (reading.as_ref().ok()).and_then(|reading| input(reading, units));
        let report = match &values {
            Some(values) => monitor.observe(model.density, values, model.workspace),
            None => monitor.observe_invalid::<D>(),
        };
        recorder.note::<D>(values.as_ref(), &report, monitor.alarm().memory());
        told.report::<D, _, _, N>(&mut acquire.log, &report, reading.as_ref().ok());
        if let (Some(AlarmEvent::Raised(..)), Some(values)) = (report.event, &values) {
            let by = (model.density, model.blame);
            let what = (told.number, values);
            tell_blamed(&mut acquire.log, by, what, units, model.workspace);
        }
        tell_record(&mut acquire.log, recorder);
        told.number = told.number.wrapping_add(1);
    }
}

/// Gives a complete record to the log.
pub(crate) fn tell_record<V: nvpico::detector::Value, R, F, const DIM: usize, const N: usize>(
    log: &mut impl Log<R, F, N>,
    recorder: &mut Recorder<V, DIM, RECORDED>,
) {
    if recorder.is_complete() {
        log.record(&mut recorder.words());
        recorder.go_on();
    }
}

/// What the log was told.
#[derive(Default)]
pub(crate) struct Told {
    /// Number of the reading, wrapping.
    pub(crate) number: u32,
}

impl Told {
    /// Tells the log of a reading and of the alarm; `reading` is the newest one, unless a sensor gave none.
    pub(crate) fn report<D: Density<Value: Nats>, V, F, const N: usize>(
        &self,
        log: &mut impl Log<V, F, N>,
        report: &Report<D::Score>,
        reading: Option<&[V; N]>,
    ) {
        let number = self.number;
        if let Some(reading) = reading {
            let log_prob = match &report.score {
                Some(Ok(score)) => D::log_prob(score).nats(),
                _ => f32::NEG_INFINITY,
            };
            log.log(Event::Scored {
                number,
                reading,
                log_prob,
                decision: report.decision,
            });
        }
        if let Some(event) = report.event {
            log.log(Event::Alarm { number, event });
        }
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
    use crate::test_parts::{ALARM, Kept, NO_BLAME, Script, Told, acquire};
    use nvpico::detector::Decision::{Anomalous, Invalid, Normal};
    use nvpico::spec::Shape;
    use nvpico::{Flow, FlowSpec, LayerSpec};
    use std::vec::Vec;

    const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);

    /// The log of these readings, with a standard normal distribution about (20, 0) and the threshold -4 nats.
    fn log(script: &Script) -> Kept {
        static PARAMS: [f32; SPEC.param_len()] = [20.0, 0.0, 1.0, 1.0, 0.0];
        let flow = Flow::new(SPEC, &PARAMS).expect("a standardisation alone");
        let criterion = flow.anomalous_below(-4.0);
        let mut monitor = Monitor::<f32, 2, 0>::new(criterion, ALARM, &[]).expect("it fits");
        let mut acquire = acquire(script);
        let mut model = Model {
            density: &flow,
            blame: &NO_BLAME,
            workspace: &mut [0.0; SPEC.workspace_len()],
        };
        detect(
            &mut acquire,
            &mut model,
            &mut monitor,
            &mut Recorder::new(9),
            &[0, 0],
        );
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
            Told::Scored(number, log_prob, decision) => Some((number, log_prob, decision)),
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
        assert_eq!(told, [Told::Scored(0, f32::NEG_INFINITY, Invalid)]);
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
