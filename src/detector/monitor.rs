//! Decision, guards and alarm: all that a program on a chip needs beside its model.

use super::alarm::{Alarm, AlarmEvent, AlarmSpec};
use super::dwell::Dwell;
use super::guard::{Guard, GuardSpec, GuardState, Guards};
use super::judge::Judge;
use super::{Criterion, Decision, DetectorError};
use crate::flow::{Density, Score, ScoreError, Value};

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

/// Judges readings of `DIM` values, gathers evidence, and raises an alarm that keeps its promise. `GUARDS` is `DIM`, or 0 for a model
/// without guards; `COMPONENTS` is how many components of its mixture have a limit. It does not hold the model: where that is a constant of the program, the compiler leaves out what it does not need.
///
/// A module that `nvpico export` wrote has all that it takes:
///
/// ```
/// # mod model {
/// #     use nvpico::detector::{AlarmSpec, Chart, GuardSpec, Quantile, QuantileTable};
/// #     use nvpico::{Flow, FlowSpec, LayerSpec, spec::Shape};
/// #     pub const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
/// #     pub static FLOW: Flow<'static> = match Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0]) {
/// #         Ok(flow) => flow,
/// #         Err(error) => panic!("{}", error.message()),
/// #     };
/// #     const TABLE: QuantileTable<'static> = QuantileTable::new(&[Quantile::new(-4 << 16, 0)], 1, 1 << 20);
/// #     const ALARM: AlarmSpec<'static> = AlarmSpec::new(TABLE, &[Chart::new(0, 60 << 8, 5 << 16)], 600);
/// #     static GUARDS: [GuardSpec<f32>; 2] = [GuardSpec::none(); 2];
/// #     pub const WORKSPACE: usize = SPEC.workspace_len();
/// #     pub const MODEL: u32 = 0;
/// #     pub const DIM: usize = 2;
/// #     pub const fn monitor() -> nvpico::detector::Monitor<f32, 2, 2> {
/// #         match nvpico::detector::Monitor::new(FLOW.anomalous_below(-6.0), ALARM, &GUARDS, &[]) {
/// #             Ok(monitor) => monitor,
/// #             Err(error) => panic!("{}", error.message()),
/// #         }
/// #     }
/// # }
/// use nvpico::detector::{AlarmEvent, Cause, Severity};
///
/// let mut monitor = const { model::monitor() };
/// let mut workspace = [0.0; model::WORKSPACE];
/// let report = monitor.observe(&model::FLOW, &[20.5, 1.1], &mut workspace);
/// assert_eq!((report.alarm, report.event), (false, None));
/// let report = monitor.observe(&model::FLOW, &[80.0, 1.1], &mut workspace);
/// assert_eq!(report.event, Some(AlarmEvent::Raised(Cause::Unlikely(0), Severity::High)));
/// ```
#[derive(Debug)]
pub struct Monitor<V: Value, const DIM: usize, const GUARDS: usize, const COMPONENTS: usize = 0> {
    judge: Judge<V>,
    alarm: Alarm<'static>,
    guards: Guards,
    specs: &'static [GuardSpec<V>; GUARDS],
    states: [GuardState<V>; GUARDS],
    limits: &'static [u16; COMPONENTS],
    dwell: Dwell<COMPONENTS>,
}

impl<V: Value, const DIM: usize, const GUARDS: usize, const COMPONENTS: usize>
    Monitor<V, DIM, GUARDS, COMPONENTS>
{
    /// With no evidence yet; `dwell` has the limits that [`Dwell`] takes. Usable in a `const` context.
    ///
    /// # Errors
    /// [`DetectorError`] where the model does not take `DIM` values, the threshold is NaN, the number of ranges does not match, or the alarm
    /// cannot work.
    pub const fn new<D: Density<Value = V>>(
        criterion: Criterion<D>,
        alarm: AlarmSpec<'static>,
        guards: &'static [GuardSpec<V>; GUARDS],
        dwell: &'static [u16; COMPONENTS],
    ) -> Result<Self, DetectorError> {
        let (dim, workspace) = criterion.sizes;
        if dim != DIM {
            return Err(DetectorError::Size {
                expected: (dim, workspace),
                found: (DIM, workspace),
            });
        }
        let judge = match Judge::new(&criterion, DIM) {
            Ok(judge) => judge,
            Err(error) => return Err(error),
        };
        let alarm = match Alarm::new(alarm) {
            Ok(alarm) => alarm,
            Err(error) => return Err(error),
        };
        Ok(Self {
            judge,
            alarm,
            guards: Guards::new(),
            specs: guards,
            states: [const { GuardState::new() }; GUARDS],
            limits: dwell,
            dwell: Dwell::new(),
        })
    }

    /// Scores a reading and takes it into the evidence. A workspace that is too short is an invalid reading.
    #[inline(always)]
    pub fn observe<D: Density<Value = V>>(
        &mut self,
        density: &D,
        x: &[V; DIM],
        workspace: &mut [V],
    ) -> Report<D::Score> {
        let result = density.score(x, workspace);
        self.judge::<D>(x, result)
    }

    /// Takes a reading into the evidence that was scored elsewhere, as in steps.
    pub fn judge<D: Density<Value = V>>(
        &mut self,
        x: &[V; DIM],
        result: Result<D::Score, ScoreError>,
    ) -> Report<D::Score> {
        self.judge_moved::<D>(x, x, result)
    }

    /// The same of a reading that was moved to where the model expects it, as [recalibration](super::adapt) does: ranges are asked
    /// about `moved`, which was scored; guards watch the sensor itself, and see `x`.
    pub fn judge_moved<D: Density<Value = V>>(
        &mut self,
        x: &[V; DIM],
        moved: &[V; DIM],
        result: Result<D::Score, ScoreError>,
    ) -> Report<D::Score> {
        let outside = self.judge.out_of_range(moved);
        let (log_prob, decision) = self.judge.decide::<D>(&result, outside);
        let guard = if decision == Decision::Invalid {
            self.guards.gap();
            None
        } else {
            let component = result.as_ref().ok().and_then(D::component);
            let dwell = self.dwell.note(self.limits, component);
            let guard = self.guards.note(self.specs, &mut self.states, x);
            guard.or(dwell)
        };
        self.report::<D>(Some(result), log_prob, decision, guard)
    }

    /// The decision on a reading that was scored, by itself: nothing is taken into the evidence.
    pub fn decide<D: Density<Value = V>>(
        &self,
        x: &[V; DIM],
        result: &Result<D::Score, ScoreError>,
    ) -> Decision {
        let outside = self.judge.out_of_range(x);
        self.judge.decide::<D>(result, outside).1
    }

    /// Records a reading that the sensor failed to deliver.
    pub fn observe_invalid<D: Density<Value = V>>(&mut self) -> Report<D::Score> {
        self.guards.gap();
        self.report::<D>(None, D::IMPOSSIBLE, Decision::Invalid, None)
    }

    /// The next reading does not follow the last one: guards begin anew, evidence stays.
    pub fn gap(&mut self) {
        self.guards.gap();
        self.dwell.gap();
    }

    /// Forgets the evidence and turns the alarm off, as after a repair.
    pub fn reset(&mut self) {
        self.alarm.reset();
        self.gap();
    }

    /// The evidence.
    #[must_use]
    pub const fn alarm(&self) -> &Alarm<'static> {
        &self.alarm
    }

    fn report<D: Density<Value = V>>(
        &mut self,
        score: Option<Result<D::Score, ScoreError>>,
        log_prob: V,
        decision: Decision,
        guard: Option<Guard>,
    ) -> Report<D::Score> {
        let state = self.alarm.note(log_prob.steps(), decision, guard);
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
    use crate::detector::{Cause, Chart, Quantile, QuantileTable, Severity};
    use crate::spec::Shape;
    use crate::{Flow, FlowSpec, LayerSpec};

    const WORKSPACE: usize = SPEC.workspace_len();

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
        QuantileTable::new(&QUANTILES, 1, 1 << 22),
        &[Chart::new(0, 30 << 8, 10 << 16)],
        50,
    );
    static GUARDS: [GuardSpec<f32>; 2] = [GuardSpec::none().with_repeats(4), GuardSpec::none()];
    const MONITOR: Monitor<f32, 2, 2> =
        match Monitor::new(FLOW.anomalous_below(-6.0), ALARM, &GUARDS, &[]) {
            Ok(monitor) => monitor,
            Err(error) => panic!("{}", error.message()),
        };

    #[test]
    fn readings_are_judged_at_once_and_in_steps_alike() {
        let (mut whole, mut stepped) = (MONITOR, MONITOR);
        let mut workspace = [0.0; WORKSPACE];
        for (x, at) in [0.5, 0.6, 9.0, 0.2, f32::NAN, 0.1].into_iter().zip(0..) {
            let reading = [x, 0.1];
            let report = whole.observe(&FLOW, &reading, &mut workspace);
            let result = FLOW.stepper(&reading, &mut workspace).map(|mut stepper| {
                loop {
                    if let Some(score) = stepper.step() {
                        break score;
                    }
                }
            });
            let other = stepped.judge::<Flow<'_>>(&reading, result);
            assert_eq!(
                (report.decision, report.event),
                (other.decision, other.event)
            );
            assert_eq!(whole.alarm(), stepped.alarm());
            assert_eq!(report.alarm, at == 2, "{at}");
        }
        let short = whole.observe(&FLOW, &[0.0, 0.0], &mut workspace[..1]);
        assert_eq!(short.decision, Decision::Invalid);
    }

    #[test]
    fn a_stuck_value_raises_the_alarm_and_an_invalid_reading_ends_the_run() {
        let mut monitor = MONITOR;
        let mut workspace = [0.0; WORKSPACE];
        let raised = AlarmEvent::Raised(Cause::Guard(Guard::Stuck(0)), Severity::High);
        let mut stuck = |monitor: &mut Monitor<f32, 2, 2>, y| {
            let report = monitor.observe(&FLOW, &[0.5, y], &mut workspace);
            report.event == Some(raised)
        };
        for at in 0..9_u8 {
            let found = stuck(&mut monitor, f32::from(at) / 9.0);
            assert!(!found || at == 5);
            assert_eq!(monitor.alarm().is_on(), at >= 5);
        }
        monitor.reset();
        for _ in 0..5 {
            assert!(!stuck(&mut monitor, 0.0));
        }
        monitor.observe_invalid::<Flow<'_>>();
        assert!(!stuck(&mut monitor, 0.0));
    }

    #[test]
    fn guards_see_the_sensor_and_not_where_it_was_moved_to() {
        let mut monitor = MONITOR;
        let mut workspace = [0.0; WORKSPACE];
        let raised = AlarmEvent::Raised(Cause::Guard(Guard::Stuck(0)), Severity::High);
        let mut found = false;
        for at in 0..9_u8 {
            // The sensor holds still, and is moved a little each time.
            let moved = [0.1 * f32::from(at), 0.0];
            let result = FLOW.score(&moved, &mut workspace);
            assert_eq!(
                monitor.decide::<Flow<'_>>(&moved, &result),
                Decision::Normal
            );
            let report = monitor.judge_moved::<Flow<'_>>(&[0.5, 0.0], &moved, result);
            assert_eq!(report.decision, Decision::Normal);
            found |= report.event == Some(raised);
        }
        assert!(found);
    }

    #[test]
    fn a_model_of_other_readings_is_refused() {
        let criterion = FLOW.anomalous_below(-6.0);
        let refused = Monitor::<f32, 3, 2>::new(criterion, ALARM, &GUARDS, &[]);
        assert!(matches!(refused, Err(DetectorError::Size { .. })));
    }
}
