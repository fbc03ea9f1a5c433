//! All that is made of a reading, in order: recalibration, score, decision, alarm, record, blame.

use nvpico::Density;
use nvpico::detector::{AlarmEvent, BlameSpec, Decision, Monitor, Number, Recorder};

use crate::acquire::{Event, Log};
use crate::adapt::{Adapt, AdaptEvent};
use crate::blame::{InUnit, tell_blamed};
use crate::detect::Nats;

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

/// All that decides on readings of `DIM` values. The numbers of a record are those of the readings as they were scored, after
/// recalibration.
pub struct Watch<'a, D: Density, A, const DIM: usize, const GUARDS: usize, const COMPONENTS: usize>
{
    /// The model.
    pub model: Model<'a, D>,
    /// What stands between readings and model.
    pub adapt: A,
    /// Decision, guards and alarm: the generated module's `monitor()`.
    pub monitor: &'a mut Monitor<D::Value, DIM, GUARDS, COMPONENTS>,
    /// The readings around an alarm.
    pub recorder: &'a mut Recorder<D::Value, DIM, RECORDED>,
    /// The units of a model in integers, by value; floats ignore them.
    pub units: &'a [i32; DIM],
}

impl<D, A, const DIM: usize, const GUARDS: usize, const COMPONENTS: usize>
    Watch<'_, D, A, DIM, GUARDS, COMPONENTS>
where
    D: Density<Value: Nats + Number + Default + InUnit>,
    A: Adapt<D::Value, DIM>,
{
    /// Takes up what recalibration kept.
    pub(crate) fn start<R, F, const N: usize>(&mut self, log: &mut impl Log<R, F, N>) {
        tell(log, 0, self.adapt.restore());
    }

    /// Takes a reading's values, or `None` where there are none, and tells the log; `reading` has a number, and is what the sensors gave,
    /// if they did.
    pub(crate) fn observe<R, F, const N: usize>(
        &mut self,
        log: &mut impl Log<R, F, N>,
        (number, reading): (u32, Option<&[R; N]>),
        values: Option<&[D::Value; DIM]>,
    ) {
        let Some(values) = values else {
            let (_, event) = self.adapt.learn(None, false);
            tell(log, number, event);
            let report = self.monitor.observe_invalid::<D>();
            let memory = self.monitor.alarm().memory();
            self.recorder.note::<D>(None, &report, memory);
            let decided = (f32::NEG_INFINITY, Some(report.decision));
            self.say(log, (number, reading), decided, report.event);
            return;
        };
        let moved = self.adapt.apply(values);
        let result = self.model.density.score(&moved, self.model.workspace);
        let log_prob = result
            .as_ref()
            .map_or(f32::NEG_INFINITY, |score| D::log_prob(score).nats());
        if A::MOVES {
            let is_normal = self.monitor.decide::<D>(&moved, &result) == Decision::Normal;
            let (learned, event) = self.adapt.learn(Some(values), is_normal);
            tell(log, number, event);
            if learned.is_commissioning() {
                // What is normal is not known: no evidence, and guards begin anew.
                self.monitor.gap();
                self.recorder.skip();
                self.say(log, (number, reading), (log_prob, None), None);
                return;
            }
        }
        let report = self.monitor.judge_moved::<D>(values, &moved, result);
        let memory = self.monitor.alarm().memory();
        self.recorder.note::<D>(Some(&moved), &report, memory);
        let decided = (log_prob, Some(report.decision));
        self.say(log, (number, reading), decided, report.event);
        if let Some(AlarmEvent::Raised(..)) = report.event {
            let what = (number, values, &moved);
            tell_blamed(log, &mut self.model, what, self.units, &self.adapt);
        }
    }

    /// Tells the log of a reading and of the alarm, and keeps what was learned.
    fn say<R, F, const N: usize>(
        &mut self,
        log: &mut impl Log<R, F, N>,
        (number, reading): (u32, Option<&[R; N]>),
        (log_prob, decision): (f32, Option<Decision>),
        event: Option<AlarmEvent>,
    ) {
        if let Some(reading) = reading {
            log.log(Event::Scored {
                number,
                reading,
                log_prob,
                decision,
            });
        }
        if let Some(event) = event {
            log.log(Event::Alarm { number, event });
        }
        tell(log, number, self.adapt.keep());
        self.tell_record(log);
    }

    /// Gives a complete record to the log.
    fn tell_record<R, F, const N: usize>(&mut self, log: &mut impl Log<R, F, N>) {
        if self.recorder.is_complete() {
            log.record(&mut self.recorder.words());
            self.recorder.go_on();
        }
    }
}

fn tell<R, F, const N: usize>(log: &mut impl Log<R, F, N>, number: u32, event: Option<AdaptEvent>) {
    if let Some(event) = event {
        log.log(Event::Adapted { number, event });
    }
}
