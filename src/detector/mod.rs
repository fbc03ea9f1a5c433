//! From log-densities to a reliable alarm.
//!
//! A [`Monitor`] is what a program needs: decision, guards of single values and of states, evidence over many readings, and an alarm with a promise, all
//! of which a generated module brings along. [`blame()`] says what is to blame for an alarm, a [`Recorder`] keeps the readings around it, a
//! [`Health`] counts, and [`adapt`] lets a model follow its machine. [`Alarm`] and [`Guards`] are parts of a monitor.
//!
//! A [`Detector`] is for a model without such an alarm. It owns the workspace, scores each reading, compares it with the threshold, and raises its alarm
//! when enough of the last `HISTORY` readings were not normal. A reading that cannot be scored (a failed
//! sensor, a NaN) counts as not normal, and so does one with a value outside the range of the training rows, where the
//! criterion has ranges ([`Criterion::or_outside`]). A reading with a given value outside what was seen is not judged, and leaves
//! the alarm as it is.
//!
//! ```
//! # use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};
//! # use nvpico::{Flow, FlowSpec, LayerSpec};
//! # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Coupling(CouplingSpec::new(
//! #     Mask::Even, Transform::Additive, Conditioner::Dense(DenseSpec::new(&[], Activation::Relu))))]);
//! # static FLOW: Flow<'static> = match Flow::new(SPEC, &[0.0, 0.0]) { Ok(f) => f, Err(_) => panic!() };
//! use nvpico::detector::{AlarmRule, Decision, Detector};
//!
//! const WORKSPACE: usize = SPEC.workspace_len();
//! // Alarm when 2 of the last 4 readings are not normal, until none of the last 4 is.
//! const RULE: AlarmRule = AlarmRule::new(2, 0);
//! let mut detector = Detector::<2, WORKSPACE, 4>::new(FLOW.anomalous_below(-10.0), RULE)?;
//!
//! assert_eq!(detector.observe(&[0.1, 0.2]).decision, Decision::Normal);
//! assert_eq!(detector.observe(&[9.0, 0.2]).decision, Decision::Anomalous);
//! assert!(!detector.alarm());
//! assert!(detector.observe(&[f32::NAN, 0.2]).alarm);
//! # Ok::<(), nvpico::detector::DetectorError>(())
//! ```
//!
//! An integer model works the same way, with readings in counts, and log-densities and threshold in units of
//! 2^-16 nat.
//!
//! # In a `static`
//!
//! [`Detector::new`] is a `const fn`, so a detector and its workspace can be built in place, without a copy on
//! the stack:
//!
//! ```
//! # use nvpico::spec::{Activation, Conditioner, CouplingSpec, DenseSpec, Mask, Shape, Transform};
//! # use nvpico::{Flow, FlowSpec, LayerSpec};
//! # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Coupling(CouplingSpec::new(
//! #     Mask::Even, Transform::Additive, Conditioner::Dense(DenseSpec::new(&[], Activation::Relu))))]);
//! # const WORKSPACE: usize = SPEC.workspace_len();
//! # static FLOW: Flow<'static> = match Flow::new(SPEC, &[0.0, 0.0]) { Ok(f) => f, Err(_) => panic!() };
//! use std::sync::Mutex;
//! use nvpico::detector::{AlarmRule, Detector};
//!
//! static DETECTOR: Mutex<Detector<2, WORKSPACE, 4>> =
//!     Mutex::new(match Detector::new(FLOW.anomalous_below(-10.0), AlarmRule::new(2, 0)) {
//!         Ok(detector) => detector,
//!         Err(error) => panic!("{}", error.message()),
//!     });
//! # assert!(!DETECTOR.lock().unwrap().alarm());
//! ```

pub mod adapt;
mod alarm;
mod blame;
mod criterion;
mod decision;
mod dwell;
mod error;
mod guard;
mod health;
mod history;
mod judge;
mod monitor;
mod record;
mod rule;

pub use alarm::{
    Alarm, AlarmEvent, AlarmMemory, AlarmSpec, AlarmState, Cause, Chart, MOST_CHARTS, Quantile,
    QuantileTable, Severity,
};
#[doc(hidden)]
pub use blame::Number;
pub use blame::{BlameError, BlameSpec, Blamed, blame};
pub use criterion::Criterion;
pub use decision::Decision;
pub use dwell::Dwell;
pub use error::DetectorError;
pub use guard::{Guard, GuardSpec, GuardState, Guards, QUIET_WINDOW};
pub use health::{HEALTH_BINS, Health};
pub use history::PastReading;
pub use monitor::{Monitor, Report};
pub use record::{Entry, RECORD_FORMAT, RECORD_HEAD, RECORD_WORDS, Recorder, flags};
pub use rule::AlarmRule;

pub use crate::flow::Value;
use crate::flow::{Density, Flow, Score, ScoreError};
use judge::Judge;
use rule::RuleState;

/// Result of one reading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Observation<S = Score> {
    /// The score; `None` if there was no reading to score.
    pub score: Option<Result<S, ScoreError>>,
    /// Classification of the reading.
    pub decision: Decision,
    /// Whether the alarm is on after this reading.
    pub alarm: bool,
}

/// Result of [`Detector::step`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub enum Step<S = Score> {
    /// No reading is in progress; call [`Detector::begin`].
    Idle,
    /// A layer was run; more remain.
    Running,
    /// The reading is finished.
    Done(Observation<S>),
}

/// Scores readings of `DIM` values and maintains an alarm over the last `HISTORY` of them. `WORKSPACE` is at
/// least the workspace length of the model: `SPEC.workspace_len()`, or `SPEC.integer_workspace_len()` for an
/// integer model.
#[derive(Debug)]
pub struct Detector<
    const DIM: usize,
    const WORKSPACE: usize,
    const HISTORY: usize,
    D: Density = Flow<'static>,
> {
    density: D,
    judge: Judge<D::Value>,
    workspace: [D::Value; WORKSPACE],
    alarm: RuleState<D::Value, HISTORY>,
    /// The reading in progress, or why it cannot be scored.
    in_progress: Option<Result<D::Cursor, ScoreError>>,
    /// The value of that reading that lies outside its range.
    out_of_range: Option<u16>,
}

impl<const DIM: usize, const WORKSPACE: usize, const HISTORY: usize, D: Density>
    Detector<DIM, WORKSPACE, HISTORY, D>
{
    /// A detector with an empty history. `criterion` is the result of [`Flow::anomalous_below`] or
    /// [`IntegerFlow::anomalous_below`](crate::integer::IntegerFlow::anomalous_below). Usable in a `const`
    /// context.
    ///
    /// # Errors
    /// [`DetectorError`] if the sizes or the number of ranges do not match the model, the threshold is NaN, or the
    /// rule can never raise or never clear the alarm.
    pub const fn new(criterion: Criterion<D>, rule: AlarmRule) -> Result<Self, DetectorError> {
        let (dim, workspace) = criterion.sizes;
        if DIM != dim || WORKSPACE < workspace {
            return Err(DetectorError::Size {
                expected: (dim, workspace),
                found: (DIM, WORKSPACE),
            });
        }
        let judge = match Judge::new(&criterion, DIM) {
            Ok(judge) => judge,
            Err(error) => return Err(error),
        };
        if !rule.fits(HISTORY) {
            return Err(DetectorError::Rule);
        }
        Ok(Self {
            density: criterion.density,
            judge,
            workspace: [D::ZERO; WORKSPACE],
            alarm: RuleState::new(rule, D::IMPOSSIBLE),
            in_progress: None,
            out_of_range: None,
        })
    }

    /// Scores a reading, classifies it, and updates the alarm. Discards a reading that [`begin`](Self::begin)
    /// started.
    ///
    /// ```
    /// # use nvpico::spec::Shape;
    /// # use nvpico::{Flow, FlowSpec, LayerSpec};
    /// use nvpico::detector::{AlarmRule, Decision, Detector};
    ///
    /// const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// // Means, reciprocals of the standard deviations, and the sum of their logarithms.
    /// static FLOW: Flow<'static> = match Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0]) {
    ///     Ok(flow) => flow,
    ///     Err(error) => panic!("{}", error.message()),
    /// };
    ///
    /// let rule = AlarmRule::new(2, 0);
    /// let criterion = FLOW.anomalous_below(-6.0);
    /// let mut detector = Detector::<2, { SPEC.workspace_len() }, 8>::new(criterion, rule)?;
    /// assert_eq!(detector.observe(&[21.0, 1.1]).decision, Decision::Normal);
    /// assert_eq!(detector.observe(&[35.0, 1.1]).decision, Decision::Anomalous);
    /// // The second of the last eight that is not normal.
    /// assert!(detector.observe(&[34.0, 1.2]).alarm);
    /// # Ok::<(), nvpico::detector::DetectorError>(())
    /// ```
    pub fn observe(&mut self, x: &[D::Value; DIM]) -> Observation<D::Score> {
        self.in_progress = None;
        let result = self.density.score(x, &mut self.workspace);
        self.conclude(result, self.judge.out_of_range(x))
    }

    /// Records a reading that the sensor failed to deliver. Discards a reading that [`begin`](Self::begin)
    /// started.
    pub fn observe_invalid(&mut self) -> Observation<D::Score> {
        self.in_progress = None;
        self.note(None, D::IMPOSSIBLE, Decision::Invalid)
    }

    /// Starts a reading whose layers [`step`](Self::step) runs one by one, for cooperative schedulers. The
    /// result is identical to that of [`observe`](Self::observe).
    ///
    /// Discards a reading in progress, without a trace in history or alarm.
    ///
    /// ```
    /// # use nvpico::spec::Shape;
    /// # use nvpico::{Flow, FlowSpec, LayerSpec};
    /// # use nvpico::detector::{AlarmRule, Decision, Detector};
    /// # const SPEC: FlowSpec<'static> = FlowSpec::new(Shape::vector(2), &[LayerSpec::Standardize]);
    /// # static FLOW: Flow<'static> = match Flow::new(SPEC, &[20.0, 1.0, 0.5, 2.0, 0.0]) { Ok(f) => f, Err(_) => panic!() };
    /// # let criterion = FLOW.anomalous_below(-6.0);
    /// # let mut detector = Detector::<2, { SPEC.workspace_len() }, 8>::new(criterion, AlarmRule::new(2, 0))?;
    /// # fn do_what_is_due() {}
    /// use nvpico::detector::Step;
    ///
    /// detector.begin(&[21.0, 1.1]);
    /// let observation = loop {
    ///     match detector.step() {
    ///         Step::Done(observation) => break observation,
    ///         Step::Running | Step::Idle => do_what_is_due(),
    ///     }
    /// };
    /// assert_eq!(observation.decision, Decision::Normal);
    /// # Ok::<(), nvpico::detector::DetectorError>(())
    /// ```
    pub fn begin(&mut self, x: &[D::Value; DIM]) {
        self.out_of_range = self.judge.out_of_range(x);
        self.in_progress = Some(self.density.begin(x, &mut self.workspace));
    }

    /// Runs the next layer of the reading that [`begin`](Self::begin) started. After the last layer it
    /// classifies the reading and updates the alarm. A reading that cannot be scored finishes with the first
    /// step.
    pub fn step(&mut self) -> Step<D::Score> {
        let result = match &mut self.in_progress {
            None => return Step::Idle,
            Some(Ok(cursor)) => match self.density.step(cursor, &mut self.workspace) {
                None => return Step::Running,
                Some(score) => Ok(score),
            },
            Some(Err(error)) => Err(*error),
        };
        self.in_progress = None;
        Step::Done(self.conclude(result, self.out_of_range))
    }

    /// Whether the alarm is on.
    #[must_use]
    pub const fn alarm(&self) -> bool {
        self.alarm.is_on
    }

    /// The most recent readings, oldest first.
    pub fn history(&self) -> impl Iterator<Item = &PastReading<D::Value>> {
        self.alarm.past.iter()
    }

    /// Classifies a scored reading.
    fn conclude(
        &mut self,
        result: Result<D::Score, ScoreError>,
        out_of_range: Option<u16>,
    ) -> Observation<D::Score> {
        let (log_prob, decision) = self.judge.decide::<D>(&result, out_of_range);
        self.note(Some(result), log_prob, decision)
    }

    fn note(
        &mut self,
        score: Option<Result<D::Score, ScoreError>>,
        log_prob: D::Value,
        decision: Decision,
    ) -> Observation<D::Score> {
        Observation {
            score,
            decision,
            alarm: self.alarm.note(log_prob, decision),
        }
    }
}

#[cfg(test)]
mod tests;
