//! A detector with its guards and its alarm: all that a program on a chip needs.

use super::alarm::{Alarm, AlarmEvent, AlarmSpec};
use super::guard::{GuardSpec, GuardState, Guards};
use super::{AlarmRule, Criterion, Decision, Detector, DetectorError, Observation, Step};
use crate::flow::{Density, Flow, Score, ScoreError, Value as _};

/// Result of one reading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Report<S = Score> {
    /// The score; `None` if there was no reading to score.
    pub score: Option<Result<S, ScoreError>>,
    /// Classification of the reading by itself.
    pub decision: Decision,
    /// Rarity of the reading in steps of 2^-8 bit, see [`AlarmState`](super::AlarmState); `None` where it is not judged.
    pub rarity: Option<i32>,
    /// Whether the alarm is on after this reading.
    pub alarm: bool,
    /// What changed.
    pub event: Option<AlarmEvent>,
}

/// Scores readings of `DIM` values, gathers evidence, and raises an alarm that keeps its promise. `WORKSPACE` is at least the workspace
/// length of the model; `GUARDS` is `DIM`, or 0 for a model without guards.
///
/// A module that `nvpico export` wrote has all that it takes:
///
/// ```ignore
/// let criterion = model::FLOW.anomalous_below(THRESHOLD).or_outside(model::RANGES);
/// let mut monitor = Monitor::<{ model::DIM }, { model::WORKSPACE }, { model::GUARDS.len() }, _>::new(
///     criterion,
///     model::ALARM,
///     &model::GUARDS,
/// )?;
/// let report = monitor.observe(&reading);
/// if let Some(AlarmEvent::Raised(cause, severity)) = report.event { /* tell somebody */ }
/// ```
#[derive(Debug)]
pub struct Monitor<
    const DIM: usize,
    const WORKSPACE: usize,
    const GUARDS: usize,
    D: Density = Flow<'static>,
> {
    detector: Detector<DIM, WORKSPACE, 1, D>,
    alarm: Alarm<'static>,
    guards: Guards,
    specs: &'static [GuardSpec<D::Value>; GUARDS],
    states: [GuardState<D::Value>; GUARDS],
    /// What the guards say of the reading in progress.
    guard: Option<super::Guard>,
}

impl<const DIM: usize, const WORKSPACE: usize, const GUARDS: usize, D: Density>
    Monitor<DIM, WORKSPACE, GUARDS, D>
{
    /// With no evidence yet. Usable in a `const` context.
    ///
    /// # Errors
    /// Those of [`Detector::new`], and [`DetectorError::Alarm`].
    pub const fn new(
        criterion: Criterion<D>,
        alarm: AlarmSpec<'static>,
        guards: &'static [GuardSpec<D::Value>; GUARDS],
    ) -> Result<Self, DetectorError> {
        // Single readings raise no alarm by themselves.
        let detector = match Detector::new(criterion, AlarmRule::new(1, 0)) {
            Ok(detector) => detector,
            Err(error) => return Err(error),
        };
        let alarm = match Alarm::new(alarm) {
            Ok(alarm) => alarm,
            Err(error) => return Err(error),
        };
        Ok(Self {
            detector,
            alarm,
            guards: Guards::new(),
            specs: guards,
            states: [const { GuardState::new() }; GUARDS],
            guard: None,
        })
    }

    /// Scores a reading and takes it into the evidence. Discards a reading that [`begin`](Self::begin) started.
    pub fn observe(&mut self, x: &[D::Value; DIM]) -> Report<D::Score> {
        let observation = self.detector.observe(x);
        self.guard = self.guards.note(self.specs, &mut self.states, x);
        self.report(observation)
    }

    /// Records a reading that the sensor failed to deliver. Discards a reading that [`begin`](Self::begin) started.
    pub fn observe_invalid(&mut self) -> Report<D::Score> {
        let observation = self.detector.observe_invalid();
        self.guards.gap();
        self.guard = None;
        self.report(observation)
    }

    /// Starts a reading whose layers [`step`](Self::step) runs one by one. Discards a reading in progress.
    pub fn begin(&mut self, x: &[D::Value; DIM]) {
        self.detector.begin(x);
        self.guard = self.guards.note(self.specs, &mut self.states, x);
    }

    /// Runs the next layer of the reading that [`begin`](Self::begin) started; `None` while there are more.
    pub fn step(&mut self) -> Option<Report<D::Score>> {
        match self.detector.step() {
            Step::Done(observation) => Some(self.report(observation)),
            Step::Running | Step::Idle => None,
        }
    }

    /// The next reading does not follow the last one: guards begin anew, evidence stays.
    pub fn gap(&mut self) {
        self.guards.gap();
    }

    /// Forgets the evidence and turns the alarm off, as after a repair.
    pub fn reset(&mut self) {
        self.alarm.reset();
        self.guards.gap();
    }

    /// The evidence.
    #[must_use]
    pub const fn alarm(&self) -> &Alarm<'static> {
        &self.alarm
    }

    fn report(&mut self, observation: Observation<D::Score>) -> Report<D::Score> {
        let Observation {
            score, decision, ..
        } = observation;
        let log_prob = match &score {
            Some(Ok(score)) => D::log_prob(score),
            _ => D::IMPOSSIBLE,
        };
        if decision == Decision::Invalid {
            self.guards.gap();
        }
        let state = self.alarm.note(log_prob.steps(), decision, self.guard);
        Report {
            score,
            decision,
            rarity: state.rarity,
            alarm: state.is_on,
            event: state.event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::{Cause, Chart, Guard, Quantile, QuantileTable, Severity};
    use crate::spec::Shape;
    use crate::{FlowSpec, LayerSpec};

    const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    static FLOW: Flow<'static> = match Flow::new(SPEC, &[0.0, 0.0, 1.0, 1.0, 0.0]) {
        Ok(flow) => flow,
        Err(error) => panic!("{}", error.message()),
    };
    // Of a standard normal distribution of two values: -1.84 - |x|^2 / 2.
    const QUANTILES: [Quantile; 2] = [
        Quantile::new(-212_000, 1 << 16),
        Quantile::new(-166_000, 1 << 16),
    ];
    const ALARM: AlarmSpec<'static> = AlarmSpec::new(
        QuantileTable::new(&QUANTILES, 1, 1 << 16),
        &[Chart::new(0, 30 << 8, 10 << 16)],
        50,
    );
    static GUARDS: [GuardSpec<f32>; 2] = [GuardSpec::none().with_repeats(4), GuardSpec::none()];
    const MONITOR: Monitor<2, { SPEC.workspace_len() }, 2> =
        match Monitor::new(FLOW.anomalous_below(-6.0), ALARM, &GUARDS) {
            Ok(monitor) => monitor,
            Err(error) => panic!("{}", error.message()),
        };

    #[test]
    fn readings_are_judged_at_once_and_in_steps_alike() {
        let (mut whole, mut stepped) = (MONITOR, MONITOR);
        for (x, at) in [0.5, 0.6, 9.0, 0.2, f32::NAN, 0.1].into_iter().zip(0..) {
            let report = whole.observe(&[x, 0.1]);
            stepped.begin(&[x, 0.1]);
            let other = loop {
                if let Some(report) = stepped.step() {
                    break report;
                }
            };
            assert_eq!(
                (report.decision, report.event),
                (other.decision, other.event)
            );
            assert_eq!(whole.alarm(), stepped.alarm());
            assert_eq!(report.alarm, at == 2, "{at}");
        }
    }

    #[test]
    fn a_stuck_value_raises_the_alarm_and_an_invalid_reading_ends_the_run() {
        let mut monitor = MONITOR;
        let stuck = |report: Report| {
            let raised = AlarmEvent::Raised(Cause::Guard(Guard::Stuck(0)), Severity::High);
            report.event == Some(raised)
        };
        for at in 0..9 {
            assert!(!stuck(monitor.observe(&[0.5, at as f32 / 9.0])) || at == 5);
            assert_eq!(monitor.alarm().is_on(), at >= 5);
        }
        monitor.reset();
        for _ in 0..5 {
            assert!(!stuck(monitor.observe(&[0.5, 0.0])));
        }
        monitor.observe_invalid();
        assert!(!stuck(monitor.observe(&[0.5, 0.0])));
    }
}
